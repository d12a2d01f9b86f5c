//! What the clock thread says of itself. Written by the MIDI PORT CLOCK THREAD, read by any.
//!
//! Independent scalars, each true for itself, in atomics: nothing here is a state of several fields that could tear.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed};

use crate::jitter::{JitterHistogram, JitterSummary};
use crate::sink::ErrorCode;

/// Where the port is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum PortState {
    /// Not tried yet.
    #[default]
    Opening = 0,
    /// Takes messages.
    Open = 1,
    /// Not there or lost; tried again every second.
    Retrying = 2,
    /// The thread has ended.
    Ended = 3,
}

/// Whether the thread runs with real-time priority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum Priority {
    /// Not asked for, or not yet.
    #[default]
    Normal = 0,
    /// Asked for and refused: ticks may be milliseconds late under load.
    Refused = 1,
    /// Real-time; the last 0.3 ms before each tick are waited busily.
    Granted = 2,
}

/// The scalars.
#[derive(Debug, Default)]
pub struct ClockStatus {
    port_state: AtomicU8,
    last_error: AtomicU8,
    priority: AtomicU8,
    running: AtomicBool,
    n_ticks_sent: AtomicU64,
    n_losses: AtomicU32,
    n_overruns: AtomicU32,
    n_refused_timelines: AtomicU32,
    /// Errors of tick intervals.
    pub jitter: JitterHistogram,
}

/// All scalars at about one moment.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct StatusSnapshot {
    /// Where the port is.
    pub port_state: PortState,
    /// The last error of the port, also after it came back.
    pub last_error: ErrorCode,
    /// The thread's priority.
    pub priority: Priority,
    /// Whether receivers are running: start or continue sent, and no stop since.
    pub is_running: bool,
    /// Ticks that the port took.
    pub n_ticks_sent: u64,
    /// How often an open port was lost.
    pub n_losses: u32,
    /// How often the thread woke so late that it stopped and continued in place of a burst.
    pub n_overruns: u32,
    /// Readings that no clock can follow: not finite, or no tempo.
    pub n_refused_timelines: u32,
    /// Errors of tick intervals.
    pub jitter: JitterSummary,
}

impl ClockStatus {
    /// All scalars, for display.
    pub fn snapshot(&self) -> StatusSnapshot {
        StatusSnapshot {
            port_state: match self.port_state.load(Relaxed) {
                0 => PortState::Opening,
                1 => PortState::Open,
                2 => PortState::Retrying,
                _ => PortState::Ended,
            },
            last_error: ErrorCode::from_u8(self.last_error.load(Relaxed)),
            priority: match self.priority.load(Relaxed) {
                0 => Priority::Normal,
                1 => Priority::Refused,
                _ => Priority::Granted,
            },
            is_running: self.running.load(Relaxed),
            n_ticks_sent: self.n_ticks_sent.load(Relaxed),
            n_losses: self.n_losses.load(Relaxed),
            n_overruns: self.n_overruns.load(Relaxed),
            n_refused_timelines: self.n_refused_timelines.load(Relaxed),
            jitter: self.jitter.summary(),
        }
    }

    pub(crate) fn set_port_state(&self, state: PortState) {
        self.port_state.store(state as u8, Relaxed);
    }

    pub(crate) fn set_last_error(&self, code: ErrorCode) {
        self.last_error.store(code as u8, Relaxed);
    }

    pub(crate) fn set_priority(&self, priority: Priority) {
        self.priority.store(priority as u8, Relaxed);
    }

    pub(crate) fn set_running(&self, is_running: bool) {
        self.running.store(is_running, Relaxed);
    }

    pub(crate) fn count_tick(&self) {
        self.n_ticks_sent.fetch_add(1, Relaxed);
    }

    pub(crate) fn count_loss(&self) {
        self.n_losses.fetch_add(1, Relaxed);
    }

    pub(crate) fn count_overrun(&self) {
        self.n_overruns.fetch_add(1, Relaxed);
    }

    pub(crate) fn count_refused_timeline(&self) {
        self.n_refused_timelines.fetch_add(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_survives_the_way_through_its_byte() {
        let status = ClockStatus::default();
        assert_eq!(status.snapshot(), StatusSnapshot::default());
        for state in [PortState::Opening, PortState::Open, PortState::Retrying, PortState::Ended] {
            status.set_port_state(state);
            assert_eq!(status.snapshot().port_state, state);
        }
        for priority in [Priority::Normal, Priority::Refused, Priority::Granted] {
            status.set_priority(priority);
            assert_eq!(status.snapshot().priority, priority);
        }
    }
}
