//! F-measure: how many beats are hit and how many are claimed in vain. Any thread.
//!
//! Source: `mir_eval.beat.f_measure`; Dixon, "Onset detection revisited", DAFx 2006; Davies, Degara and Plumbley,
//! "Evaluation methods for musical audio beat tracking algorithms", C4DM-TR-09-06, 2009, section 3.1.

use super::matching::match_events;

/// Both halves of the F-measure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PrecisionRecall {
    /// Share of the estimates that are matched, `[0, 1]`.
    pub precision: f64,
    /// Share of the references that are matched, `[0, 1]`.
    pub recall: f64,
}

impl PrecisionRecall {
    /// Their harmonic mean, `[0, 1]`.
    pub fn f_measure(self) -> f64 {
        let sum = self.precision + self.recall;
        if sum > 0.0 { 2.0 * self.precision * self.recall / sum } else { 0.0 }
    }
}

/// Precision and recall within `window_sec` seconds to either side; both 0 where either sequence is empty.
pub fn precision_recall(reference_sec: &[f64], estimated_sec: &[f64], window_sec: f64) -> PrecisionRecall {
    if reference_sec.is_empty() || estimated_sec.is_empty() {
        return PrecisionRecall { precision: 0.0, recall: 0.0 };
    }
    let n_pairs = match_events(reference_sec, estimated_sec, window_sec).len() as f64;
    PrecisionRecall { precision: n_pairs / estimated_sec.len() as f64, recall: n_pairs / reference_sec.len() as f64 }
}

/// F-measure within `window_sec` seconds to either side, `[0, 1]`; 0 where either sequence is empty.
pub fn f_measure(reference_sec: &[f64], estimated_sec: &[f64], window_sec: f64) -> f64 {
    precision_recall(reference_sec, estimated_sec, window_sec).f_measure()
}

#[cfg(test)]
mod tests {
    use super::super::{NARROW_WINDOW_SEC, WINDOW_SEC};
    use super::*;

    #[test]
    fn one_hit_one_miss_one_extra_is_one_half() {
        let scores = precision_recall(&[1.0, 2.0], &[1.01, 3.0], WINDOW_SEC);
        assert_eq!(scores, PrecisionRecall { precision: 0.5, recall: 0.5 });
        assert_eq!(scores.f_measure(), 0.5);
    }

    #[test]
    fn double_tempo_is_two_thirds() {
        let estimated = [1.0, 1.5, 2.0, 2.5];
        assert!((f_measure(&[1.0, 2.0], &estimated, WINDOW_SEC) - 2.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn the_narrow_window_refuses_what_the_wide_one_takes() {
        assert_eq!(f_measure(&[1.0], &[1.05], WINDOW_SEC), 1.0);
        assert_eq!(f_measure(&[1.0], &[1.05], NARROW_WINDOW_SEC), 0.0);
    }

    #[test]
    fn an_empty_sequence_scores_zero_even_against_another() {
        for (reference, estimated) in [(&[][..], &[1.0][..]), (&[1.0], &[]), (&[], &[])] {
            assert_eq!(f_measure(reference, estimated, WINDOW_SEC), 0.0);
        }
    }
}
