//! Cemgil's score: a Gaussian on the error of each reference beat. Any thread.
//!
//! Source: `mir_eval.beat.cemgil`; Cemgil, Kappen, Desain and Honing, "On tempo tracking: tempogram representation
//! and Kalman filtering", Journal of New Music Research 28(4), 2001; C4DM-TR-09-06 section 3.2.

use super::nearest;
use super::variations::variations;

/// Width of the Gaussian, seconds (mir_eval's default).
pub const SIGMA_SEC: f64 = 0.04;

/// Cemgil's score at the level of the reference and at the best allowed level.
///
/// Near `[0, 1]`, but several references may count the same estimate, so crowded ones score above 1.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Cemgil {
    /// Against the reference itself.
    pub score: f64,
    /// Against the best of the allowed metrical levels.
    pub best: f64,
}

/// Cemgil's score; 0 where either sequence is empty.
pub fn cemgil(reference_sec: &[f64], estimated_sec: &[f64]) -> Cemgil {
    if reference_sec.is_empty() || estimated_sec.is_empty() {
        return Cemgil::default();
    }
    let levels = variations(reference_sec).map(|level_sec| level_score(&level_sec, estimated_sec));
    Cemgil { score: levels[0], best: levels.iter().copied().fold(0.0, f64::max) }
}

/// Sum of the Gaussians over the mean length of both sequences.
fn level_score(reference_sec: &[f64], estimated_sec: &[f64]) -> f64 {
    let sum: f64 = reference_sec
        .iter()
        .filter_map(|time_sec| nearest(estimated_sec, *time_sec).map(|idx| time_sec - estimated_sec[idx]))
        .map(|error_sec| (-(error_sec * error_sec) / (2.0 * SIGMA_SEC * SIGMA_SEC)).exp())
        .sum();
    sum / (0.5 * (reference_sec.len() + estimated_sec.len()) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_one_sigma_is_exp_of_minus_one_half() {
        let scores = cemgil(&[1.0, 2.0], &[1.0 + SIGMA_SEC, 2.0 + SIGMA_SEC]);
        assert!((scores.score - (-0.5_f64).exp()).abs() < 1e-12);
        assert!((scores.best - scores.score).abs() < 1e-12);
    }

    #[test]
    fn half_tempo_is_full_at_its_own_level() {
        let scores = cemgil(&[1.0, 2.0, 3.0, 4.0], &[1.0, 3.0]);
        assert!(scores.score < 0.7 && (scores.best - 1.0).abs() < 1e-12, "{scores:?}");
    }

    #[test]
    fn an_empty_sequence_scores_zero() {
        assert_eq!(cemgil(&[], &[1.0]), Cemgil::default());
        assert_eq!(cemgil(&[1.0], &[]), Cemgil::default());
    }
}
