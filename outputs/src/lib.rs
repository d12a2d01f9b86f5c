//! What leaves the program while it listens: beats, bars, phrases and sections as events ahead of time, and each protocol's bytes.
//!
//! ```text
//! Look (newest state, and where its time lies on this machine's clock)
//!    -> schedule: beats, bars, phrases, triggers, each once and ahead of time -> runner: a thread an output, retries, status
//!    -> Output: OSC, WLED, OS2L, Carabiner, DDP, NDJSON, session file
//! ```
//!
//! Nothing here knows the engine, a device or the command line. An output lives on a thread of its own, so that nothing it
//! waits for can hold up the analysis or another output.

pub mod carabiner;
pub mod clock;
pub mod datagram;
pub mod ddp;
pub mod dial;
pub mod drive;
pub mod effects;
pub mod event;
pub mod look;
pub mod ndjson;
pub mod os2l;
pub mod osc;
pub mod output;
pub mod place;
pub mod runner;
pub mod schedule;
pub mod session;
pub mod status;
pub mod tcp;
pub mod view;
pub mod wled;

#[cfg(test)]
mod test_outputs;
