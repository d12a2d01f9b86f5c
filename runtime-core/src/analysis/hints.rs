//! What a user's word about the tempo means: half, double, tap and a tempo range, as a tempo and a beat. INFERENCE THREAD.
//!
//! Nudge, "this is 1" and hold change how the tracker speaks, not what is believed; they are in `tracker.rs`.

use super::config::TempoRange;
use super::tracker::Tracker;
use crate::units::StreamSec;

/// A hinted tempo holds within this ratio: a player's drift, but no other metrical level and no 4 against 3.
const HOLD_RATIO: f64 = 1.12;
/// Taps further apart than this begin anew, seconds: slower than the slowest tempo.
const TAP_TIMEOUT_SEC: f64 = 2.0;
/// Taps that give a tempo: three intervals.
const MIN_TAPS: usize = 4;
/// Taps that are remembered.
const MAX_TAPS: usize = 8;

/// A tempo and a moment at which a beat falls.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pulse {
    /// Seconds per beat.
    pub spb: f64,
    /// A beat, seconds of stream, after the last one that was announced.
    pub beat_sec: f64,
}

impl Pulse {
    /// The tempi that a decoder may believe from now on, or `None` where this tempo is outside `allowed`.
    pub fn tempo_range(&self, allowed: TempoRange) -> Option<TempoRange> {
        let bpm = 60.0 / self.spb;
        if !(allowed.min_bpm..=allowed.max_bpm).contains(&bpm) {
            return None;
        }
        let (min_bpm, max_bpm) = ((bpm / HOLD_RATIO).max(allowed.min_bpm), (bpm * HOLD_RATIO).min(allowed.max_bpm));
        // At the edge of the allowed range what is left must still hold some tempi.
        let is_wide = max_bpm / min_bpm >= TempoRange::MIN_RATIO;
        Some(if is_wide {
            TempoRange { min_bpm, max_bpm }
        } else if min_bpm > allowed.min_bpm {
            TempoRange { min_bpm: max_bpm / TempoRange::MIN_RATIO, max_bpm }
        } else {
            TempoRange { min_bpm, max_bpm: min_bpm * TempoRange::MIN_RATIO }
        })
    }
}

/// The present pulse, or that of every other beat, or of twice as many: the first that `allowed` holds.
pub fn present(tracker: &Tracker, now: StreamSec, allowed: TempoRange) -> Option<Pulse> {
    let as_it_is = Pulse { spb: tracker.timeline().spb, beat_sec: tracker.next_beat(now).t_sec };
    let levels = [as_it_is, half(tracker, now), double(tracker, now)];
    levels.into_iter().find(|pulse| (allowed.min_bpm..=allowed.max_bpm).contains(&(60.0 / pulse.spb)))
}

/// Every other beat, those on odd positions of the bar where the bar is known.
pub fn half(tracker: &Tracker, now: StreamSec) -> Pulse {
    let spb = tracker.timeline().spb;
    let next = tracker.next_beat(now);
    let is_kept = next.in_bar == 0 || next.in_bar % 2 == 1;
    let beat_sec = if is_kept { next.t_sec } else { next.t_sec + spb };
    Pulse { spb: 2.0 * spb, beat_sec }
}

/// A beat between each two.
pub fn double(tracker: &Tracker, now: StreamSec) -> Pulse {
    let spb = 0.5 * tracker.timeline().spb;
    let next_sec = tracker.next_beat(now).t_sec;
    // The new beat before the next old one, where there is still time to say it.
    let beat_sec = if next_sec - spb > now.0 { next_sec - spb } else { next_sec };
    Pulse { spb, beat_sec }
}

/// One beat after a tap.
pub fn tapped(spb: f64, now: StreamSec) -> Pulse {
    Pulse { spb, beat_sec: now.0 + spb }
}

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

    #[test]
    fn a_hinted_tempo_leaves_a_narrow_range_inside_the_allowed_one() {
        let allowed = TempoRange { min_bpm: 60.0, max_bpm: 200.0 };
        let range = |bpm: f64| Pulse { spb: 60.0 / bpm, beat_sec: 0.0 }.tempo_range(allowed);
        let middle = range(120.0).unwrap();
        assert!((middle.min_bpm - 120.0 / HOLD_RATIO).abs() < 1e-9 && (middle.max_bpm - 120.0 * HOLD_RATIO).abs() < 1e-9);
        assert_eq!((range(59.0), range(201.0)), (None, None));
        for bpm in [60.5, 199.5] {
            let edge = range(bpm).unwrap();
            assert!(edge.min_bpm >= 60.0 && edge.max_bpm <= 200.0 && edge.max_bpm / edge.min_bpm > TempoRange::MIN_RATIO - 1e-9);
            assert!((edge.min_bpm..=edge.max_bpm).contains(&bpm));
        }
    }
}
