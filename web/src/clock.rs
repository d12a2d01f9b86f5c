//! The run's clocks as the server knows them: learnt from the moments that the run hands over. Any thread.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use outputs::event::Moment;

/// Moments are weighed against others of this length of time.
const WINDOW: Duration = Duration::from_secs(1);

/// What time it is on the run's clocks.
///
/// The run passes its time in with every call, and which clock that is, is its business. A moment that is handed over is
/// older than it claims by the time that the call took, so of many the one that is furthest ahead is right.
#[derive(Debug, Clone)]
pub struct Clock {
    started: Instant,
    offsets: Arc<Mutex<Offsets>>,
}

/// Where the run's clocks stand against time since the start of the [`Clock`]. Nanoseconds.
#[derive(Debug, Default)]
struct Offsets {
    /// Monotonic clock less elapsed time; `None` before the first observation.
    mono_ns: Option<i128>,
    /// Unix time less monotonic clock, as observed last.
    unix_ns: i128,
    /// Largest offset of the present window, and when that began.
    window: Option<(i128, Duration)>,
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock {
    /// A clock that starts at 0 now and is the run's from the first [`Clock::observe`] on.
    pub fn new() -> Self {
        Self { started: Instant::now(), offsets: Arc::default() }
    }

    /// Takes in what time the run says it is now.
    pub fn observe(&self, now: Moment) {
        let elapsed = self.started.elapsed();
        self.offsets.lock().unwrap_or_else(PoisonError::into_inner).observe(elapsed, now);
    }

    /// What time it is.
    pub fn now(&self) -> Moment {
        let offsets = self.offsets.lock().unwrap_or_else(PoisonError::into_inner);
        // Taken with the lock held: a thread that waits for it must not stamp with the time before.
        let elapsed = self.started.elapsed();
        offsets.now(elapsed, SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
    }
}

impl Offsets {
    fn observe(&mut self, elapsed: Duration, now: Moment) {
        let offset_ns = i128::from(now.mono_ns) - elapsed.as_nanos() as i128;
        self.unix_ns = i128::from(now.unix_ns) - i128::from(now.mono_ns);
        let (largest_ns, began) = match self.window {
            Some((largest_ns, began)) => (largest_ns.max(offset_ns), began),
            None => (offset_ns, elapsed),
        };
        if elapsed.saturating_sub(began) >= WINDOW {
            // A whole window without the old offset: the run's clock went back.
            self.mono_ns = Some(largest_ns);
            self.window = Some((offset_ns, elapsed));
        } else {
            self.mono_ns = Some(self.mono_ns.map_or(offset_ns, |known_ns| known_ns.max(offset_ns)));
            self.window = Some((largest_ns, began));
        }
    }

    fn now(&self, elapsed: Duration, since_epoch: Duration) -> Moment {
        let (mono_ns, unix_ns) = match self.mono_ns {
            Some(offset_ns) => (offset_ns + elapsed.as_nanos() as i128, offset_ns + elapsed.as_nanos() as i128 + self.unix_ns),
            None => (elapsed.as_nanos() as i128, since_epoch.as_nanos() as i128),
        };
        let clamped = |ns: i128| u64::try_from(ns.max(0)).unwrap_or(u64::MAX);
        Moment { mono_ns: clamped(mono_ns), unix_ns: clamped(unix_ns) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(value: u64) -> Duration {
        Duration::from_millis(value)
    }

    fn moment(mono_ms: u64) -> Moment {
        Moment { mono_ns: mono_ms * 1_000_000, unix_ns: (mono_ms + 50_000) * 1_000_000 }
    }

    #[test]
    fn of_moments_that_were_held_up_the_least_late_counts() {
        let mut offsets = Offsets::default();
        offsets.observe(ms(10), moment(1_000));
        offsets.observe(ms(30), moment(1_025)); // 5 ms less held up
        offsets.observe(ms(130), moment(1_050)); // 75 ms late
        assert_eq!(offsets.now(ms(150), ms(0)), moment(1_145));
    }

    #[test]
    fn a_clock_that_went_back_is_followed_within_two_windows() {
        let mut offsets = Offsets::default();
        offsets.observe(ms(0), moment(90_000));
        for step in 1..=210 {
            offsets.observe(ms(step * 10), moment(step * 10));
        }
        assert_eq!(offsets.now(ms(2_100), ms(0)), moment(2_100));
    }

    #[test]
    fn without_a_run_the_system_is_asked() {
        let offsets = Offsets::default();
        assert_eq!(offsets.now(ms(3), ms(7)), Moment { mono_ns: 3_000_000, unix_ns: 7_000_000 });
    }

    #[test]
    fn clocks_of_one_family_agree() {
        let clock = Clock::new();
        clock.clone().observe(Moment { mono_ns: 5_000_000_000, unix_ns: 9_000_000_000 });
        let now = clock.now();
        assert!(now.mono_ns >= 5_000_000_000 && now.unix_ns - now.mono_ns == 4_000_000_000, "{now:?}");
    }
}
