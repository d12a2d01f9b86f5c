//! Scores of one beat sequence against another: pure functions on sorted slices of seconds.
//!
//! Those that `mir_eval.beat` also has agree with it to 1e-6 (`golden.rs`, against stored results); the rest follow
//! the definitions that our peers were measured with: live share, latency, tempo, lock. Any thread.
//!
//! Every slice is in seconds, sorted, finite; [`is_valid_sequence`] says whether one is. Nobody drops the start of
//! a piece here: the caller cuts with [`from_sec`] first, as `mir_eval.beat.trim_beats` does.

pub mod cemgil;
pub mod continuity;
pub mod f_measure;
pub mod information_gain;
pub mod live;
pub mod lock;
pub mod matching;
pub mod tempo;
mod variations;

#[cfg(test)]
mod golden;
#[cfg(test)]
mod properties;

pub use cemgil::{Cemgil, cemgil};
pub use continuity::{Continuity, continuity};
pub use f_measure::{PrecisionRecall, f_measure, precision_recall};
pub use information_gain::information_gain;
pub use live::{Announcements, announcements};
pub use lock::{Lock, lock};
pub use tempo::{TempoAccuracy, tempo_accuracy};

/// The usual window of a correct beat, to either side, seconds (MIREX; `mir_eval.beat.f_measure`).
pub const WINDOW_SEC: f64 = 0.07;
/// The window that lights and MIDI clock need, to either side, seconds.
pub const NARROW_WINDOW_SEC: f64 = 0.025;
/// Latest beat that a sequence may hold, seconds (`mir_eval.beat.MAX_TIME`).
pub const MAX_TIME_SEC: f64 = 30_000.0;

/// Whether a sequence may be scored: finite, not decreasing, no later than [`MAX_TIME_SEC`].
///
/// As `mir_eval.util.validate_events`, which lets NaN pass.
pub fn is_valid_sequence(times_sec: &[f64]) -> bool {
    times_sec.iter().all(|time_sec| time_sec.is_finite() && *time_sec <= MAX_TIME_SEC) && times_sec.is_sorted()
}

/// The beats at or after `start_sec`, seconds (`mir_eval.beat.trim_beats`).
pub fn from_sec(times_sec: &[f64], start_sec: f64) -> &[f64] {
    &times_sec[times_sec.partition_point(|time_sec| *time_sec < start_sec)..]
}

/// Index of the time nearest to `time_sec`, the first of equals; `None` in an empty slice (`numpy.argmin`).
fn nearest(times_sec: &[f64], time_sec: f64) -> Option<usize> {
    let mut best: Option<(usize, f64)> = None;
    for (idx, candidate_sec) in times_sec.iter().enumerate() {
        let distance_sec = (time_sec - candidate_sec).abs();
        match best {
            Some((_, best_sec)) if distance_sec >= best_sec => {}
            _ => best = Some((idx, distance_sec)),
        }
    }
    best.map(|(idx, _)| idx)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cut_keeps_a_beat_that_falls_on_it() {
        assert_eq!(from_sec(&[4.9, 5.0, 5.1], 5.0), [5.0, 5.1]);
        assert_eq!(from_sec(&[], 5.0), [0.0; 0]);
        assert_eq!(from_sec(&[1.0], 5.0), [0.0; 0]);
    }

    #[test]
    fn the_first_of_equally_near_times_wins() {
        assert_eq!(nearest(&[1.0, 2.0], 1.5), Some(0));
        assert_eq!(nearest(&[1.0, 2.0, 2.0], 9.0), Some(1));
        assert_eq!(nearest(&[], 1.0), None);
    }

    #[test]
    fn unsorted_infinite_and_absurdly_late_times_are_not_valid() {
        assert!(is_valid_sequence(&[]) && is_valid_sequence(&[1.0, 1.0, 2.0]));
        for bad in [&[2.0, 1.0][..], &[f64::NAN], &[f64::INFINITY], &[30_000.1]] {
            assert!(!is_valid_sequence(bad), "{bad:?}");
        }
    }
}
