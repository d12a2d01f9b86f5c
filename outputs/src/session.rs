//! Recorded sessions: every look with its time, as lines of JSON, to be played again as they were.
//!
//! The first line says what the file is. Each further one holds the fields of a look that differ from the line before, so an
//! hour takes some 110 megabytes. What was recorded is what the source said, not what outputs made of it: a session can be
//! played into other outputs, with other offsets.

mod player;
mod reader;
mod recorder;

pub use player::Player;
pub use reader::{Session, SessionError};
pub use recorder::{Recorder, SessionWriter};

/// Version of the file.
pub const VERSION: u32 = 1;
/// The key of the first line that holds it.
const MAGIC_KEY: &str = "anacrusis_session";

#[cfg(test)]
mod tests;
