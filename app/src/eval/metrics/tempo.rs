//! Global tempo accuracy. Any thread.
//!
//! Source: Gouyon et al., "An experimental comparison of audio tempo induction algorithms", IEEE TASLP 14(5), 2006
//! (accuracies 1 and 2, 4 %), on the median inter-beat interval of each sequence.

use crate::eval::stats::median;

/// Largest error of the tempo, as a share.
pub const TOLERANCE: f64 = 0.04;
/// Ratios of estimated to true tempo that accuracy 2 also takes.
pub const OCTAVES: [f64; 5] = [1.0, 2.0, 3.0, 0.5, 1.0 / 3.0];
/// Fewest beats that have a tempo.
pub const MIN_BEATS: usize = 3;

/// Whether the tempo of a piece is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TempoAccuracy {
    /// Within 4 % of the reference.
    pub acc1: bool,
    /// Within 4 % of it, or of 2, 3, 1/2 or 1/3 of it.
    pub acc2: bool,
}

/// Tempo accuracies; both false where either sequence has fewer than [`MIN_BEATS`] beats.
pub fn tempo_accuracy(reference_sec: &[f64], estimated_sec: &[f64]) -> TempoAccuracy {
    if reference_sec.len() < MIN_BEATS || estimated_sec.len() < MIN_BEATS {
        return TempoAccuracy::default();
    }
    let (Some(reference_interval), Some(estimated_interval)) = (median_interval(reference_sec), median_interval(estimated_sec)) else {
        return TempoAccuracy::default();
    };
    let ratio = reference_interval / estimated_interval;
    let agrees = |factor: f64| (ratio / factor - 1.0).abs() <= TOLERANCE;
    TempoAccuracy { acc1: agrees(1.0), acc2: OCTAVES.into_iter().any(agrees) }
}

/// Median distance between neighbouring beats, seconds per beat.
fn median_interval(times_sec: &[f64]) -> Option<f64> {
    median(&times_sec.windows(2).map(|pair| pair[1] - pair[0]).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(spb: f64) -> Vec<f64> {
        (0..9).map(|idx| f64::from(idx) * spb).collect()
    }

    #[test]
    fn three_percent_is_right_and_five_is_not() {
        assert_eq!(tempo_accuracy(&grid(0.5), &grid(0.485)), TempoAccuracy { acc1: true, acc2: true });
        assert_eq!(tempo_accuracy(&grid(0.5), &grid(0.525)), TempoAccuracy::default());
    }

    #[test]
    fn octaves_and_thirds_count_for_accuracy_two_only() {
        for spb in [0.25, 1.0, 1.5, 0.5 / 3.0] {
            assert_eq!(tempo_accuracy(&grid(0.5), &grid(spb)), TempoAccuracy { acc1: false, acc2: true }, "{spb}");
        }
    }

    #[test]
    fn two_beats_have_no_tempo_and_repeated_ones_no_ratio() {
        assert_eq!(tempo_accuracy(&grid(0.5), &[1.0, 1.5]), TempoAccuracy::default());
        assert_eq!(tempo_accuracy(&grid(0.5), &[1.0; 5]), TempoAccuracy::default());
    }
}
