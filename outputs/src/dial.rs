//! What of an output can be turned while it runs: its offset. Set by any thread, read by the output's.

use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use crate::output::{MAX_OFFSET_MS, TuningError};
use crate::status::{OutputStatus, StatusCell};

/// An offset that holds from its output's next step on.
#[derive(Debug, Default)]
pub struct OffsetDial {
    offset_us: AtomicI64,
}

impl OffsetDial {
    /// At an offset, ms; what is out of range counts as the nearest that is in it.
    pub fn new(offset_ms: f64) -> Self {
        let dial = Self::default();
        let clamped_ms = if offset_ms.is_finite() { offset_ms.clamp(-MAX_OFFSET_MS, MAX_OFFSET_MS) } else { 0.0 };
        dial.offset_us.store((clamped_ms * 1e3).round() as i64, Relaxed);
        dial
    }

    /// Turns it, ms; kept to the microsecond.
    ///
    /// # Errors
    /// No number from -500 to 500; it stays where it was.
    pub fn set_ms(&self, offset_ms: f64) -> Result<(), TuningError> {
        if !offset_ms.is_finite() || offset_ms.abs() > MAX_OFFSET_MS {
            return Err(TuningError { name: "offset_ms", value: offset_ms.to_string(), expected: "-500 to 500" });
        }
        self.offset_us.store((offset_ms * 1e3).round() as i64, Relaxed);
        Ok(())
    }

    /// Where it stands, ms.
    pub fn ms(&self) -> f64 {
        self.offset_us.load(Relaxed) as f64 / 1e3
    }
}

/// One output as others see it: how it fares, and its dial.
#[derive(Debug, Clone)]
pub struct Handle {
    /// How it fares.
    pub status: Arc<StatusCell>,
    /// Its offset.
    pub offset: Arc<OffsetDial>,
}

/// The outputs that run now, for whoever is asked about them.
#[derive(Debug, Default)]
pub struct Roster {
    handles: Mutex<Vec<Handle>>,
}

impl Roster {
    /// One more.
    pub fn add(&self, handle: Handle) {
        self.handles().push(handle);
    }

    /// One less.
    pub fn remove(&self, id: &str) {
        self.handles().retain(|handle| handle.status.read().id != id);
    }

    /// How each fares, in the order in which they were added.
    pub fn statuses(&self) -> Vec<OutputStatus> {
        self.handles().iter().map(|handle| handle.status.read()).collect()
    }

    /// Turns the offset of an output, ms; how it fares then. `None`: there is no such output.
    ///
    /// # Errors
    /// As [`OffsetDial::set_ms`].
    pub fn set_offset_ms(&self, id: &str, offset_ms: f64) -> Result<Option<OutputStatus>, TuningError> {
        let handles = self.handles();
        let Some(handle) = handles.iter().find(|handle| handle.status.read().id == id) else { return Ok(None) };
        handle.offset.set_ms(offset_ms)?;
        // Said at once: its thread may sleep for a while.
        handle.status.update(|status| status.offset_ms = handle.offset.ms());
        Ok(Some(handle.status.read()))
    }

    fn handles(&self) -> std::sync::MutexGuard<'_, Vec<Handle>> {
        self.handles.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roster() -> Roster {
        let roster = Roster::default();
        for id in ["osc", "web"] {
            let status = Arc::new(StatusCell::default());
            status.update(|status| status.id = id.to_owned());
            roster.add(Handle { status, offset: Arc::default() });
        }
        roster
    }

    #[test]
    fn an_offset_is_turned_and_told_at_once() {
        let roster = roster();
        let turned = roster.set_offset_ms("web", -20.0004).unwrap().unwrap();
        assert_eq!((turned.id.as_str(), turned.offset_ms), ("web", -20.0));
        assert_eq!(roster.statuses().iter().map(|status| status.offset_ms).collect::<Vec<_>>(), [0.0, -20.0]);
        assert_eq!(roster.set_offset_ms("lights", 1.0).unwrap(), None);
        roster.remove("osc");
        assert_eq!(roster.statuses().len(), 1);
    }

    #[test]
    fn what_is_no_offset_changes_nothing() {
        let roster = roster();
        for offset_ms in [500.1, -501.0, f64::NAN, f64::INFINITY] {
            let refused = roster.set_offset_ms("osc", offset_ms).unwrap_err().to_string();
            assert_eq!(refused, format!("offset_ms: expected -500 to 500, got {offset_ms}"));
        }
        assert_eq!((roster.statuses()[0].offset_ms, OffsetDial::new(f64::NAN).ms(), OffsetDial::new(900.0).ms()), (0.0, 0.0, 500.0));
    }
}
