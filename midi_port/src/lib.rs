//! MIDI clock through a port of the operating system, from its own thread with absolute deadlines.
//!
//! ```text
//! TimelineSource (SlowState + where stream time is on the monotonic clock)
//!    -> pump: runtime_core::rt::midi_clock (which message, when) -> wait for the deadline -> ClockSink (midir, fake)
//!    -> ClockStatus (atomics: port, last error, ticks, jitter, priority)
//! ```
//!
//! MIDI PORT CLOCK THREAD, one per port and process, made by [`ClockThread`]; everything else here runs where the caller is.
//! What is sent when, the policies and measured jitter: `docs/midi-clock.md`.

mod choice;
mod deadline;
pub mod fake;
mod jitter;
mod midir_sink;
pub mod notes;
mod owner;
mod priority;
mod pump;
mod sink;
mod source;
mod status;
mod thread;

pub use choice::{ChoiceError, PortChoice, settings_folder};
pub use deadline::{MonotonicClock, SystemClock};
pub use jitter::{JitterHistogram, JitterSummary};
pub use midir_sink::{CLIENT_NAME, DEFAULT_PORT_NAME, MidirSink, PortTarget, list_ports};
pub use priority::ask_for_real_time;
pub use sink::{ClockSink, ErrorCode, OpenSink, SinkError};
pub use source::{ClockInput, StreamMap, TimelineSource};
pub use status::{ClockStatus, PortState, Priority, StatusSnapshot};
pub use thread::{ClockConfig, ClockError, ClockThread, OFFSET_MS};
