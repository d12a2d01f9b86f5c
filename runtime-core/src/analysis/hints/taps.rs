//! Taps: when four of them are there, they are a tempo. INFERENCE THREAD.

use crate::units::StreamSec;

/// Taps further apart than this begin anew, seconds: slower than the slowest tempo.
const TAP_TIMEOUT_SEC: f64 = 2.0;
/// Taps that give a tempo: three intervals.
const MIN_TAPS: usize = 4;
/// Taps that are remembered.
const MAX_TAPS: usize = 8;

/// The taps of late.
#[derive(Debug, Clone, Copy, Default)]
pub struct Taps {
    times_sec: [f64; MAX_TAPS],
    n_taps: usize,
}

impl Taps {
    /// Adds a tap; returns seconds per beat, the median interval, once there are enough.
    pub fn push(&mut self, now: StreamSec) -> Option<f64> {
        if self.n_taps > 0 && now.0 - self.times_sec[self.n_taps - 1] > TAP_TIMEOUT_SEC {
            self.n_taps = 0;
        }
        if self.n_taps == MAX_TAPS {
            self.times_sec.copy_within(1.., 0);
            self.n_taps -= 1;
        }
        self.times_sec[self.n_taps] = now.0;
        self.n_taps += 1;
        if self.n_taps < MIN_TAPS {
            return None;
        }
        let mut intervals = [f64::INFINITY; MAX_TAPS];
        for (interval, pair) in intervals.iter_mut().zip(self.times_sec[..self.n_taps].windows(2)) {
            *interval = pair[1] - pair[0];
        }
        let n_intervals = self.n_taps - 1;
        intervals[..n_intervals].sort_unstable_by(f64::total_cmp);
        Some(0.5 * (intervals[(n_intervals - 1) / 2] + intervals[n_intervals / 2]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_taps_give_a_tempo_and_a_pause_begins_anew() {
        let mut taps = Taps::default();
        let tap = |taps: &mut Taps, t| taps.push(StreamSec(t));
        assert_eq!([tap(&mut taps, 1.0), tap(&mut taps, 1.5), tap(&mut taps, 2.0)], [None; 3]);
        assert_eq!(tap(&mut taps, 2.5), Some(0.5));
        assert_eq!(tap(&mut taps, 3.1), Some(0.5), "the median does not follow one late tap");
        assert_eq!(tap(&mut taps, 9.0), None);
        for k in 1..40 {
            tap(&mut taps, 9.0 + 0.6 * f64::from(k));
        }
        assert!((tap(&mut taps, 9.0 + 0.6 * 40.0).unwrap() - 0.6).abs() < 1e-9);
    }
}
