//! How good probabilities of a yes or no are: ranking, squared and logarithmic error, calibration. Any thread.
//!
//! Every case has a weight, so that a bootstrap over pieces counts the pieces it drew and sorts nothing again.

use serde::Serialize;

/// Bins of the calibration error (Guo et al., "On calibration of modern neural networks", ICML 2017, section 2).
pub const N_CALIBRATION_BINS: usize = 15;
/// Probabilities are taken for no surer than this in the logarithmic error: one wrong certainty would be infinite.
const LEAST_PROB: f64 = 1e-6;

/// One prediction of a yes or no.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Case {
    /// Probability of a yes, `[0, 1]`.
    pub prob: f64,
    /// What came.
    pub is_true: bool,
    /// The piece that it is of.
    pub piece: usize,
}

/// What a set of predictions is worth.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Quality {
    /// Average precision: area under precision over recall, by steps.
    pub ap: f64,
    /// Probability that a yes has a higher probability than a no; ties count half.
    pub auc: f64,
    /// Mean squared error.
    pub brier: f64,
    /// Mean negative logarithm of the probability of what came, nats.
    pub log_loss: f64,
    /// Expected calibration error: mean distance of probability and share of yeses over [`N_CALIBRATION_BINS`] equal bins.
    pub ece: f64,
}

/// Predictions in order of their probability, highest first.
#[derive(Debug, Clone, Default)]
pub struct Ranked(Vec<Case>);

impl Ranked {
    /// Sorts predictions.
    pub fn new(mut cases: Vec<Case>) -> Self {
        cases.sort_by(|a, b| b.prob.total_cmp(&a.prob));
        Self(cases)
    }

    /// Share of yeses, pieces weighted alike.
    pub fn base_rate(&self) -> f64 {
        self.0.iter().filter(|case| case.is_true).count() as f64 / self.0.len().max(1) as f64
    }

    /// What they are worth, each piece counted as often as `weights` says; `None` without a yes or without a no.
    pub fn quality(&self, weights: &[f64]) -> Option<Quality> {
        let weight = |case: &Case| weights.get(case.piece).copied().unwrap_or(0.0);
        let (mut n_yes, mut n_no) = (0.0, 0.0);
        self.0.iter().for_each(|case| *(if case.is_true { &mut n_yes } else { &mut n_no }) += weight(case));
        if n_yes <= 0.0 || n_no <= 0.0 {
            return None;
        }
        let (mut yes, mut no, mut ap, mut auc) = (0.0, 0.0, 0.0, 0.0);
        for tied in self.0.chunk_by(|a, b| a.prob == b.prob) {
            let (yes_before, no_before) = (yes, no);
            tied.iter().for_each(|case| *(if case.is_true { &mut yes } else { &mut no }) += weight(case));
            if yes + no > 0.0 {
                ap += (yes - yes_before) / n_yes * (yes / (yes + no));
            }
            auc += (no - no_before) * (yes_before + 0.5 * (yes - yes_before));
        }
        let total = n_yes + n_no;
        let mean = |error: &dyn Fn(&Case) -> f64| self.0.iter().map(|case| weight(case) * error(case)).sum::<f64>() / total;
        let outcome = |case: &Case| f64::from(u8::from(case.is_true));
        let brier = mean(&|case| (case.prob - outcome(case)).powi(2));
        let log_loss = mean(&|case| -(if case.is_true { case.prob } else { 1.0 - case.prob }).clamp(LEAST_PROB, 1.0).ln());
        let mut bins = [(0.0, 0.0); N_CALIBRATION_BINS];
        for case in &self.0 {
            let bin = &mut bins[((case.prob * N_CALIBRATION_BINS as f64) as usize).min(N_CALIBRATION_BINS - 1)];
            bin.0 += weight(case) * case.prob;
            bin.1 += weight(case) * outcome(case);
        }
        let ece = bins.iter().map(|(said, came)| (said - came).abs()).sum::<f64>() / total;
        Some(Quality { ap, auc: auc / (n_yes * n_no), brier, log_loss, ece })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranked(cases: &[(f64, bool)]) -> Ranked {
        Ranked::new(cases.iter().map(|&(prob, is_true)| Case { prob, is_true, piece: 0 }).collect())
    }

    fn near(got: f64, expected: f64) {
        assert!((got - expected).abs() < 1e-12, "{got} {expected}");
    }

    #[test]
    fn every_figure_is_as_computed_by_hand() {
        let quality = ranked(&[(0.9, true), (0.7, false), (0.6, true), (0.2, false)]).quality(&[1.0]).unwrap();
        // Precision 1 at the first yes, 2/3 at the second.
        near(quality.ap, 0.5 * (1.0 + 2.0 / 3.0));
        near(quality.auc, 0.75);
        near(quality.brier, (0.01 + 0.49 + 0.16 + 0.04) / 4.0);
        near(quality.log_loss, -(0.9f64.ln() + 0.3f64.ln() + 0.6f64.ln() + 0.8f64.ln()) / 4.0);
        // Each in a bin of its own: .1, .7, .4, .2.
        near(quality.ece, 1.4 / 4.0);
    }

    #[test]
    fn one_probability_for_all_is_worth_the_base_rate() {
        let quality = ranked(&[(0.25, true), (0.25, false), (0.25, false), (0.25, false)]).quality(&[1.0]).unwrap();
        near(quality.ap, 0.25);
        near(quality.auc, 0.5);
        near(quality.ece, 0.0);
    }

    #[test]
    fn the_order_of_equal_probabilities_does_not_matter() {
        let figures = |cases| ranked(cases).quality(&[1.0]).map(|quality| (quality.ap, quality.auc));
        let one = figures(&[(0.5, true), (0.5, false), (0.1, true), (0.1, false)]);
        assert_eq!(one, figures(&[(0.5, false), (0.5, true), (0.1, false), (0.1, true)]));
    }

    #[test]
    fn a_piece_that_counts_twice_is_a_piece_that_is_there_twice() {
        let cases = [(0.9, true, 0), (0.4, false, 0), (0.6, false, 1), (0.3, true, 1)];
        let of =
            |cases: &[(f64, bool, usize)]| Ranked::new(cases.iter().map(|&(prob, is_true, piece)| Case { prob, is_true, piece }).collect());
        let weighted = of(&cases).quality(&[2.0, 1.0]).unwrap();
        let repeated = of(&[&cases[..], &cases[..2]].concat()).quality(&[1.0, 1.0]).unwrap();
        for (a, b) in [
            (weighted.ap, repeated.ap),
            (weighted.auc, repeated.auc),
            (weighted.brier, repeated.brier),
            (weighted.log_loss, repeated.log_loss),
            (weighted.ece, repeated.ece),
        ] {
            near(a, b);
        }
        near(of(&cases).quality(&[1.0, 0.0]).unwrap().ap, 1.0);
    }

    #[test]
    fn without_both_answers_there_is_no_figure() {
        assert_eq!(ranked(&[]).quality(&[1.0]), None);
        assert_eq!(ranked(&[(0.5, true)]).quality(&[1.0]), None);
        assert_eq!(ranked(&[(0.5, false)]).quality(&[1.0]), None);
    }

    #[test]
    fn wrong_certainty_is_bad_and_finite() {
        let quality = ranked(&[(1.0, false), (0.0, true)]).quality(&[1.0]).unwrap();
        assert!(quality.log_loss > 10.0 && quality.log_loss.is_finite());
        near(quality.auc, 0.0);
        near(quality.brier, 1.0);
    }
}
