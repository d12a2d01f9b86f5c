//! What an announced beat is worth: known in time or too late, early or late against the truth. Any thread.
//!
//! Own metrics, after the streaming use: a light or a MIDI clock can only act on a beat that was announced before it
//! falls. Published trackers state the latency of a frame or a hop instead, which leaves out how much later than the beat
//! its announcement comes.

use super::WINDOW_SEC;
use super::matching::match_nearest;

/// Grace for "no later than the beat", seconds: rounding of printed times, not perception.
pub const ROUNDING_GRACE_SEC: f64 = 0.001;
/// Grace of `live50`, seconds: 50 ms and the rounding.
pub const LATE_GRACE_SEC: f64 = 0.051;

/// How the matched beats of a piece were announced.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Announcements {
    /// F-measure at 70 ms that counts only beats announced at or before the true beat, `[0, 1]`.
    pub live0: f64,
    /// The same with 50 ms of grace, `[0, 1]`.
    pub live50: f64,
    /// Announcement minus true beat of each matched beat, seconds; negative = ahead.
    pub latencies_sec: Vec<f64>,
    /// Claimed minus true beat of each matched beat, seconds.
    pub errors_sec: Vec<f64>,
}

/// Scores beats at `estimated_sec` that were announced at `announced_sec`, one for one.
///
/// Pairs by [`match_nearest`] within 70 ms, so that latency and error belong to the beat that was meant.
///
/// # Panics
/// If the two estimated slices differ in length.
pub fn announcements(reference_sec: &[f64], estimated_sec: &[f64], announced_sec: &[f64]) -> Announcements {
    assert_eq!(estimated_sec.len(), announced_sec.len(), "one announcement for each beat");
    let pairs = match_nearest(reference_sec, estimated_sec, WINDOW_SEC);
    let latencies_sec: Vec<f64> = pairs.iter().map(|pair| announced_sec[pair.estimated_idx] - reference_sec[pair.reference_idx]).collect();
    let errors_sec = pairs.iter().map(|pair| estimated_sec[pair.estimated_idx] - reference_sec[pair.reference_idx]).collect();
    let n_both = (reference_sec.len() + estimated_sec.len()) as f64;
    let share_within = |grace_sec: f64| {
        let n_in_time = latencies_sec.iter().filter(|latency_sec| **latency_sec <= grace_sec).count() as f64;
        if n_both > 0.0 { 2.0 * n_in_time / n_both } else { 0.0 }
    };
    let (live0, live50) = (share_within(ROUNDING_GRACE_SEC), share_within(LATE_GRACE_SEC));
    Announcements { live0, live50, latencies_sec, errors_sec }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beat_announced_late_is_right_but_not_live() {
        let scores = announcements(&[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0], &[0.5, 2.03, 3.2]);
        assert!((scores.live0 - 1.0 / 3.0).abs() < 1e-12 && (scores.live50 - 2.0 / 3.0).abs() < 1e-12);
        assert_eq!(scores.errors_sec, [0.0; 3]);
        assert!((scores.latencies_sec[2] - 0.2).abs() < 1e-12);
    }

    #[test]
    fn latency_counts_from_the_true_beat() {
        let scores = announcements(&[1.0], &[1.05], &[1.02]);
        assert_eq!(scores.live0, 0.0);
        assert!((scores.latencies_sec[0] - 0.02).abs() < 1e-12 && (scores.errors_sec[0] - 0.05).abs() < 1e-12);
    }

    #[test]
    fn nothing_announced_is_nothing_live() {
        assert_eq!(announcements(&[1.0], &[], &[]), Announcements::default());
        assert_eq!(announcements(&[], &[], &[]), Announcements::default());
    }
}
