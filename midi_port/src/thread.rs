//! A MIDI clock on a thread of its own: started, asked, changed and ended from any other thread but the audio thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering::Relaxed};
use std::thread::JoinHandle;

use runtime_core::rt::follower::MAX_OFFSET_SEC;
use runtime_core::rt::midi_clock::{ClockPolicy, OnSilence, Relock};

use crate::deadline::SystemClock;
use crate::owner::PortClaim;
use crate::priority;
use crate::pump::Pump;
use crate::sink::OpenSink;
use crate::source::TimelineSource;
use crate::status::{ClockStatus, StatusSnapshot};

/// Offsets that a user may choose, milliseconds; positive = later. Those of the other outputs.
pub const OFFSET_MS: std::ops::RangeInclusive<f64> = -1e3 * MAX_OFFSET_SEC..=1e3 * MAX_OFFSET_SEC;

/// What a user chooses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClockConfig {
    /// Added to the time of each message, milliseconds, in [`OFFSET_MS`]. Negative = earlier, which works because beats are
    /// predicted.
    pub offset_ms: f64,
    /// What to do in silence and after a jump of the beat.
    pub policy: ClockPolicy,
    /// Whether to ask for real-time priority.
    pub ask_priority: bool,
}

impl Default for ClockConfig {
    fn default() -> Self {
        Self { offset_ms: 0.0, policy: ClockPolicy::default(), ask_priority: true }
    }
}

/// Why no clock was started or changed.
#[derive(Debug, thiserror::Error)]
pub enum ClockError {
    /// Another clock of this process drives the port.
    #[error("the MIDI port {name:?} is already driven by another instance in this program; switch that one off first")]
    PortTaken {
        /// The port.
        name: String,
    },
    /// Not a number from -500 to 500.
    #[error("expected an offset from -500 to 500 ms, got {offset_ms}")]
    Offset {
        /// What was asked for, milliseconds.
        offset_ms: f64,
    },
    /// The system gave no thread.
    #[error("cannot start the MIDI clock thread: {0}")]
    Spawn(#[from] std::io::Error),
}

/// Choices on their way to the thread: independent scalars.
#[derive(Debug, Default)]
pub(crate) struct Controls {
    shutdown: AtomicBool,
    offset_us: AtomicI32,
    stop_on_silence: AtomicBool,
    restart_on_relock: AtomicBool,
}

impl Controls {
    pub(crate) fn is_shutdown(&self) -> bool {
        self.shutdown.load(Relaxed)
    }

    pub(crate) fn offset_sec(&self) -> f64 {
        f64::from(self.offset_us.load(Relaxed)) * 1e-6
    }

    pub(crate) fn policy(&self) -> ClockPolicy {
        ClockPolicy {
            on_silence: if self.stop_on_silence.load(Relaxed) { OnSilence::Stop } else { OnSilence::Hold },
            relock: if self.restart_on_relock.load(Relaxed) { Relock::RestartOnDownbeat } else { Relock::Slew },
        }
    }

    pub(crate) fn set_policy(&self, policy: ClockPolicy) {
        self.stop_on_silence.store(policy.on_silence == OnSilence::Stop, Relaxed);
        self.restart_on_relock.store(policy.relock == Relock::RestartOnDownbeat, Relaxed);
    }

    pub(crate) fn set_offset_ms(&self, offset_ms: f64) -> Result<(), ClockError> {
        if !OFFSET_MS.contains(&offset_ms) {
            return Err(ClockError::Offset { offset_ms });
        }
        self.offset_us.store((offset_ms * 1e3).round() as i32, Relaxed);
        Ok(())
    }
}

/// A running clock. Dropping it sends a stop where receivers run and ends the thread, within about 10 ms (and the time
/// that a port in the middle of opening takes).
#[derive(Debug)]
pub struct ClockThread {
    thread: Option<JoinHandle<()>>,
    controls: Arc<Controls>,
    status: Arc<ClockStatus>,
    /// Given back after the thread has ended: fields drop after `Drop::drop`.
    claim: PortClaim,
}

impl ClockThread {
    /// Starts a clock for `port_name`, which `open` opens; see [`crate::PortTarget::opener`].
    ///
    /// A port that is not there is no error here: it is tried every second, and the status says so.
    ///
    /// # Errors
    /// The port has an owner in this process, the offset is out of range, or the system gives no thread.
    pub fn start(port_name: &str, open: OpenSink, source: Box<dyn TimelineSource>, config: ClockConfig) -> Result<Self, ClockError> {
        let controls = Arc::new(Controls::default());
        controls.set_offset_ms(config.offset_ms)?;
        controls.set_policy(config.policy);
        let claim = PortClaim::take(port_name).ok_or_else(|| ClockError::PortTaken { name: port_name.to_owned() })?;
        let status = Arc::new(ClockStatus::default());
        let (for_thread, status_of_thread, name) = (Arc::clone(&controls), Arc::clone(&status), port_name.to_owned());
        let thread = std::thread::Builder::new().name("midi-clock".to_owned()).spawn(move || {
            let priority = config.ask_priority.then(priority::ask_for_real_time).unwrap_or_default();
            status_of_thread.set_priority(priority);
            let mut pump = Pump::new(SystemClock, source, open, name, for_thread, status_of_thread);
            pump.spin = priority == crate::status::Priority::Granted;
            pump.run();
        })?;
        Ok(Self { thread: Some(thread), controls, status, claim })
    }

    /// What the thread says of itself.
    pub fn status(&self) -> StatusSnapshot {
        self.status.snapshot()
    }

    /// The name of the port.
    pub fn port_name(&self) -> &str {
        self.claim.name()
    }

    /// Changes the offset; ticks go there over one beat.
    ///
    /// # Errors
    /// The offset is out of range; it stays as it was.
    pub fn set_offset_ms(&self, offset_ms: f64) -> Result<(), ClockError> {
        self.controls.set_offset_ms(offset_ms)
    }

    /// Changes what to do in silence and after a jump.
    pub fn set_policy(&self, policy: ClockPolicy) {
        self.controls.set_policy(policy);
    }

    /// Ends the clock as dropping it does, and says what it had sent in all.
    pub fn end(mut self) -> StatusSnapshot {
        self.join();
        self.status()
    }

    fn join(&mut self) {
        self.controls.shutdown.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            // A source that panicked has ended the thread before; its message is out, and the port is closed.
            let _ = thread.join();
        }
    }
}

impl Drop for ClockThread {
    fn drop(&mut self) {
        self.join();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_beyond_half_a_second_are_refused_with_their_value() {
        let controls = Controls::default();
        controls.set_offset_ms(-500.0).unwrap();
        assert_eq!(controls.offset_sec(), -0.5);
        for offset_ms in [500.1, -501.0, f64::NAN, f64::INFINITY] {
            let refused = controls.set_offset_ms(offset_ms).unwrap_err().to_string();
            assert!(refused.ends_with(&format!("got {offset_ms}")), "{refused}");
        }
        assert_eq!(controls.offset_sec(), -0.5);
    }

    #[test]
    fn policies_survive_the_way_through_the_controls() {
        for on_silence in [OnSilence::Hold, OnSilence::Stop] {
            for relock in [Relock::Slew, Relock::RestartOnDownbeat] {
                let controls = Controls::default();
                controls.set_policy(ClockPolicy { on_silence, relock });
                assert_eq!(controls.policy(), ClockPolicy { on_silence, relock });
            }
        }
    }
}
