//! Continuity: how much of a piece is tracked with the right period as well as the right phase. Any thread.
//!
//! Source: `mir_eval.beat.continuity`, edge behaviour included; Hainsworth, "Techniques for the automated analysis of
//! musical audio", PhD thesis, Cambridge 2004; Klapuri, Eronen and Astola, "Analysis of the meter of acoustic musical
//! signals", IEEE TASLP 14(1), 2006; C4DM-TR-09-06 section 3.4.

use super::nearest;
use super::variations::variations;

/// Largest error of phase and of period, as a share of the reference interval (mir_eval's defaults).
pub const THRESHOLD: f64 = 0.175;

/// The four continuity scores, each in `[0, 1]`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Continuity {
    /// Correct metrical level, longest unbroken stretch.
    pub cmlc: f64,
    /// Correct metrical level, all correct beats.
    pub cmlt: f64,
    /// Best allowed metrical level, longest unbroken stretch.
    pub amlc: f64,
    /// Best allowed metrical level, all correct beats.
    pub amlt: f64,
}

/// Continuity scores; all 0 where either sequence has fewer than two beats.
///
/// Allowed levels: the reference, its off-beats, double tempo, half tempo on odd or on even beats.
pub fn continuity(reference_sec: &[f64], estimated_sec: &[f64]) -> Continuity {
    if reference_sec.len() < 2 || estimated_sec.len() < 2 {
        return Continuity::default();
    }
    let levels = variations(reference_sec).map(|level_sec| level_scores(&level_sec, estimated_sec));
    let best = levels.iter().fold((0.0, 0.0), |best: (f64, f64), level| (best.0.max(level.0), best.1.max(level.1)));
    Continuity { cmlc: levels[0].0, cmlt: levels[0].1, amlc: best.0, amlt: best.1 }
}

/// Longest stretch and sum of correct beats, each as a share of the longer sequence.
fn level_scores(reference_sec: &[f64], estimated_sec: &[f64]) -> (f64, f64) {
    let mut used = vec![false; reference_sec.len()];
    let (mut n_correct, mut run, mut longest) = (0_usize, 0_usize, 0_usize);
    for estimated_idx in 0..estimated_sec.len() {
        let hit = nearest(reference_sec, estimated_sec[estimated_idx])
            .filter(|reference_idx| !used[*reference_idx])
            .filter(|reference_idx| is_correct(reference_sec, *reference_idx, estimated_sec, estimated_idx));
        match hit {
            Some(reference_idx) => {
                used[reference_idx] = true;
                n_correct += 1;
                run += 1;
                longest = longest.max(run);
            }
            None => run = 0,
        }
    }
    let n_longer = reference_sec.len().max(estimated_sec.len()) as f64;
    (longest as f64 / n_longer, n_correct as f64 / n_longer)
}

/// Whether an estimate is near enough to its nearest reference beat and follows at the right distance.
///
/// The first beat of either sequence is judged by the interval after it, all others by the one before.
fn is_correct(reference_sec: &[f64], reference_idx: usize, estimated_sec: &[f64], estimated_idx: usize) -> bool {
    let error_sec = (estimated_sec[estimated_idx] - reference_sec[reference_idx]).abs();
    let looks_ahead = estimated_idx == 0 || reference_idx == 0;
    let (reference_interval, estimated_interval) = if looks_ahead {
        (interval_ahead(reference_sec, reference_idx), interval_ahead(estimated_sec, estimated_idx))
    } else {
        (interval_behind(reference_sec, reference_idx), interval_behind(estimated_sec, estimated_idx))
    };
    // Repeated reference beats: a zero interval gives an infinite or undefined ratio, and neither passes. mir_eval
    // sets 1 or infinity here by hand, which fails just the same.
    let phase = error_sec / reference_interval;
    let period = (1.0 - estimated_interval / reference_interval).abs();
    phase < THRESHOLD && period < THRESHOLD
}

/// Distance to the next beat, or from the one before at the end; seconds.
fn interval_ahead(times_sec: &[f64], idx: usize) -> f64 {
    if idx + 1 < times_sec.len() { times_sec[idx + 1] - times_sec[idx] } else { interval_behind(times_sec, idx) }
}

/// Distance from the beat before; 0 for the only beat of a sequence; seconds.
fn interval_behind(times_sec: &[f64], idx: usize) -> f64 {
    times_sec[idx] - times_sec[idx.saturating_sub(1)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(spb: f64, n_beats: usize) -> Vec<f64> {
        (0..n_beats).map(|idx| 1.0 + idx as f64 * spb).collect()
    }

    #[test]
    fn off_beats_are_wrong_at_the_level_and_right_at_any() {
        let offbeat: Vec<f64> = grid(0.5, 9).iter().map(|time_sec| time_sec + 0.25).collect();
        let scores = continuity(&grid(0.5, 10), &offbeat);
        assert_eq!((scores.cmlc, scores.cmlt, scores.amlc, scores.amlt), (0.0, 0.0, 1.0, 1.0));
    }

    #[test]
    fn one_stray_beat_breaks_the_stretch_and_costs_its_neighbour() {
        let mut estimated = grid(0.5, 10);
        estimated[5] += 0.2;
        let scores = continuity(&grid(0.5, 10), &estimated);
        assert_eq!((scores.cmlc, scores.cmlt), (0.5, 0.8));
    }

    #[test]
    fn an_estimate_of_another_length_counts_against_the_longer() {
        let scores = continuity(&grid(0.5, 10), &grid(0.5, 5));
        assert_eq!((scores.cmlc, scores.cmlt), (0.5, 0.5));
    }

    #[test]
    fn fewer_than_two_beats_score_zero() {
        for (reference, estimated) in [(1, 9), (9, 1), (0, 0)] {
            assert_eq!(continuity(&grid(0.5, reference), &grid(0.5, estimated)), Continuity::default());
        }
    }

    #[test]
    fn repeated_beats_do_not_divide_by_zero() {
        let scores = continuity(&[1.0, 1.0, 1.0], &[1.0, 1.0, 1.0]);
        assert_eq!((scores.cmlt, scores.amlt), (0.0, 0.0));
    }
}
