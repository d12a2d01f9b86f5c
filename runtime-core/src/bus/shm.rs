//! The state for other processes: one small file a writer, mapped into memory, read without asking the writer anything.
//!
//! Where: at the end of the pipe. The inference thread holds the [`FeedWriter`]; visualizers, `anacrusis doctor` and
//! scripts hold [`FeedReader`]s or the clients under `clients/`. Publishing is a few dozen atomic stores; making and
//! removing the file is the only time the system is asked. The same words as in [`state_cell`](super::state_cell), each
//! section under its own [`seqlock`](super::seqlock). `docs/shm.md` describes the file for readers in any language.
//!
//! Lifetime: the file appears whole under its name, and goes when the writer is dropped. A killed writer leaves it: readers
//! see the heartbeat stop within a second, and the next [`sweep`] deletes it.

pub mod layout;

mod directory;
mod error;
mod file;
mod header;
mod heartbeat;
mod map;
mod os;
mod reader;
mod sweep;
mod writer;

pub use directory::{feed_directory, prepare_directory};
pub use error::{FeedError, HeaderError};
pub use header::FeedHeader;
pub use os::FeedClock;
pub use reader::{Feed, FeedReader, NumberedEvent, Spectrum};
pub use sweep::sweep;
pub use writer::{FeedInfo, FeedWriter};

#[cfg(test)]
mod layout_tests;
