//! The one trait of everything that leaves the program, and how an output is tuned.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::event::{Event, EventKind, Moment};
use crate::view::View;

/// Largest offset of an output to either side, ms.
pub const MAX_OFFSET_MS: f64 = 500.0;

/// One way out: a socket, a port, a file. It lives on a thread of its own, which calls it in turn; it may block for as long as
/// [`Output::patience`] says, and nobody else waits for it.
pub trait Output: Send {
    /// What people call it, with where it goes: `osc 127.0.0.1:7000`.
    fn name(&self) -> String;

    /// Connects, binds or opens. Called first, and again after an error, with growing pauses.
    ///
    /// # Errors
    /// It cannot be opened now.
    fn open(&mut self) -> Result<(), OutputError>;

    /// How long before its moment an event is handed over. Zero: at its moment, for receivers that act at once. More: for
    /// receivers that are told the moment and wait for it themselves.
    fn lead(&self) -> Duration {
        Duration::ZERO
    }

    /// Time between frames; `None` = this output has no frames.
    fn frame_interval(&self) -> Option<Duration> {
        None
    }

    /// Says an event. Beats come in order, each once, [`lead`](Self::lead) before `event.at()` or as soon as they are known.
    ///
    /// # Errors
    /// The receiver cannot be reached any more: the output is opened again, and the event is lost.
    fn event(&mut self, event: &Event, now: Moment) -> Result<(), OutputError>;

    /// Draws a frame.
    ///
    /// # Errors
    /// As [`event`](Self::event).
    fn frame(&mut self, view: &View) -> Result<(), OutputError> {
        let _ = view;
        Ok(())
    }

    /// Called between events and frames, at least every 20 ms: reads what the receiver sends. Must not wait.
    ///
    /// # Errors
    /// As [`event`](Self::event).
    fn poll(&mut self, now: Moment) -> Result<(), OutputError> {
        let _ = now;
        Ok(())
    }

    /// Another offset holds from now on, ms. For those who keep time themselves: events and frames have it already.
    fn set_offset_ms(&mut self, offset_ms: f64) {
        let _ = offset_ms;
    }

    /// Says goodbye: lights out, notes off. Called once before the end, where it is open.
    fn close(&mut self) {}

    /// The longest that one call may block, for whoever ends the program. Sockets have time-outs of at most this.
    fn patience(&self) -> Duration {
        Duration::from_millis(500)
    }

    /// What people should know beside errors: peers, frames sent. One short line, or empty.
    fn detail(&self) -> String {
        String::new()
    }
}

/// How every output is tuned, beside what is its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tuning {
    /// Everything this much later, ms; negative: earlier, which works because beats are known before they fall.
    pub offset_ms: f64,
    /// Kinds of events that are said; empty = all.
    pub only: Vec<EventKind>,
    /// Only each so manieth beat is said, counted from downbeats where they are known; 1 = each.
    pub every_beats: u32,
    /// Also say on which downbeats begins every so manieth bar: 4, 8, 16.
    pub every_bars: Vec<u16>,
    /// Bars of a phrase.
    pub phrase_bars: u16,
    /// At most this many events of other kinds than beats a second; 0 = no limit.
    pub max_per_sec: u32,
}

impl Default for Tuning {
    fn default() -> Self {
        Self { offset_ms: 0.0, only: Vec::new(), every_beats: 1, every_bars: vec![4, 8, 16], phrase_bars: 8, max_per_sec: 0 }
    }
}

impl Tuning {
    /// Checks the values.
    ///
    /// # Errors
    /// The first value that cannot be used, by name.
    pub fn validate(&self) -> Result<(), TuningError> {
        let bad = |name, value: String, expected| Err(TuningError { name, value, expected });
        if !self.offset_ms.is_finite() || self.offset_ms.abs() > MAX_OFFSET_MS {
            return bad("offset_ms", self.offset_ms.to_string(), "-500 to 500");
        }
        if self.every_beats == 0 {
            return bad("every_beats", "0".to_owned(), "1 or more");
        }
        if self.phrase_bars == 0 {
            return bad("phrase_bars", "0".to_owned(), "1 or more");
        }
        if self.every_bars.contains(&0) {
            return bad("every_bars", "0".to_owned(), "1 or more");
        }
        Ok(())
    }
}

/// A value of [`Tuning`] that cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{name}: expected {expected}, got {value}")]
pub struct TuningError {
    /// The field.
    pub name: &'static str,
    /// What was given.
    pub value: String,
    /// What can be.
    pub expected: &'static str,
}

/// Why an output does not work now.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// The system refused; tried again later.
    #[error("cannot {what}: {source}")]
    Io {
        /// What was tried, with the address or path.
        what: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The receiver answered something that it should not; tried again later.
    #[error("{0}")]
    Protocol(String),
    /// It can never work as it is set up; not tried again.
    #[error("{0}")]
    Unusable(String),
}

impl OutputError {
    /// For `map_err`: the system refused to do `what`.
    pub fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    /// Whether it makes sense to try again.
    pub fn may_pass(&self) -> bool {
        !matches!(self, Self::Unusable(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_cannot_be_is_named() {
        assert_eq!(Tuning::default().validate(), Ok(()));
        let error = Tuning { offset_ms: 600.0, ..Tuning::default() }.validate().unwrap_err();
        assert_eq!(error.to_string(), "offset_ms: expected -500 to 500, got 600");
        assert!(Tuning { offset_ms: f64::NAN, ..Tuning::default() }.validate().is_err());
        assert!(Tuning { every_beats: 0, ..Tuning::default() }.validate().is_err());
        assert!(Tuning { every_bars: vec![4, 0], ..Tuning::default() }.validate().is_err());
    }

    #[test]
    fn only_what_can_never_work_is_given_up() {
        let io = OutputError::io("connect to 127.0.0.1:1")(std::io::ErrorKind::ConnectionRefused.into());
        assert!(io.may_pass() && io.to_string().starts_with("cannot connect to 127.0.0.1:1: "));
        assert!(!OutputError::Unusable("no such port name".into()).may_pass());
    }
}
