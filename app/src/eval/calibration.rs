//! Is a confidence a probability? Reliability diagram and expected calibration error. Any thread.
//!
//! Beats are sorted by confidence and cut into ten bins of equally many. In each, the mean confidence is compared with the share
//! of beats that are right: within 70 ms of a true beat, whoever else claims that one too. ECE is the mean absolute difference
//! over the bins, weighed by beats (Naeini, Cooper & Hauskrecht, AAAI 2015; equal mass after Nguyen & O'Connor, EMNLP 2015).

use serde::{Deserialize, Serialize};

use super::metrics::WINDOW_SEC;

/// Bins of the diagram.
const N_BINS: usize = 10;

/// A beat's confidence, and whether it was right.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judged {
    /// Confidence as announced, `[0, 1]`.
    pub conf: f64,
    /// A true beat lies within 70 ms.
    pub is_right: bool,
}

/// One bin of the reliability diagram.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// Mean confidence of its beats.
    pub mean_conf: f64,
    /// Share of its beats that are right.
    pub share_right: f64,
    /// Beats in it.
    pub n_beats: usize,
}

/// Reliability diagram of some beats.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Expected calibration error, `[0, 1]`; 0 = confidence is a probability.
    pub ece: f64,
    /// By rising confidence.
    pub bins: Vec<Bin>,
}

/// Judges beats of these times and confidences against true beats; both in order of time, seconds.
pub fn judge(truth_sec: &[f64], said: impl IntoIterator<Item = (f64, f64)>) -> Vec<Judged> {
    let judged = said.into_iter().map(|(time_sec, conf)| {
        let next = truth_sec.partition_point(|&true_sec| true_sec < time_sec - WINDOW_SEC);
        Judged { conf, is_right: truth_sec.get(next).is_some_and(|&true_sec| true_sec <= time_sec + WINDOW_SEC) }
    });
    judged.collect()
}

impl Calibration {
    /// The diagram; `None` with fewer beats than bins, or where the tracker gives every beat the same confidence.
    pub fn of(judged: &[Judged]) -> Option<Self> {
        let mut sorted = judged.to_vec();
        sorted.sort_by(|a, b| a.conf.total_cmp(&b.conf));
        let (first, last) = (sorted.first()?, sorted.last()?);
        if sorted.len() < N_BINS || first.conf == last.conf {
            return None;
        }
        let bins: Vec<Bin> = (0..N_BINS)
            .map(|k| {
                let beats = &sorted[k * sorted.len() / N_BINS..(k + 1) * sorted.len() / N_BINS];
                let n = beats.len() as f64;
                let mean_conf = beats.iter().map(|beat| beat.conf).sum::<f64>() / n;
                let share_right = beats.iter().filter(|beat| beat.is_right).count() as f64 / n;
                Bin { mean_conf, share_right, n_beats: beats.len() }
            })
            .collect();
        let errors = bins.iter().map(|bin| bin.n_beats as f64 * (bin.mean_conf - bin.share_right).abs());
        Some(Self { ece: errors.sum::<f64>() / sorted.len() as f64, bins })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `n` beats of a confidence, of which the first `n_right` are right.
    fn beats(conf: f64, n: usize, n_right: usize) -> impl Iterator<Item = Judged> {
        (0..n).map(move |k| Judged { conf, is_right: k < n_right })
    }

    #[test]
    fn a_true_probability_has_no_error_and_one_sided_doubt_is_the_error() {
        let honest: Vec<Judged> = beats(0.25, 100, 25).chain(beats(0.75, 100, 75)).collect();
        // Equal confidences are cut as they come; within a bin all are right or all wrong.
        let shuffled: Vec<Judged> = (0..100).flat_map(|k| [honest[k * 37 % 100], honest[100 + k * 37 % 100]]).collect();
        let calibration = Calibration::of(&shuffled).unwrap();
        assert!(calibration.ece < 0.1, "{calibration:?}");
        assert_eq!(calibration.bins.iter().map(|bin| bin.n_beats).collect::<Vec<_>>(), [20; 10]);
        let timid: Vec<Judged> = beats(0.5, 50, 50).chain(beats(0.7, 50, 50)).collect();
        assert!((Calibration::of(&timid).unwrap().ece - 0.4).abs() < 1e-12);
    }

    #[test]
    fn few_beats_and_a_constant_say_nothing() {
        assert_eq!(Calibration::of(&[]), None);
        assert_eq!(Calibration::of(&beats(0.5, 9, 3).collect::<Vec<_>>()), None);
        assert_eq!(Calibration::of(&beats(0.0, 100, 70).collect::<Vec<_>>()), None);
    }

    #[test]
    fn a_beat_is_right_within_the_window_of_any_true_beat() {
        let right = |time_sec: f64| judge(&[1.0, 2.0], [(time_sec, 0.5)])[0].is_right;
        assert_eq!([0.9, 0.94, 1.06, 1.08, 1.94, 2.06, 3.0].map(right), [false, true, true, false, true, true, false]);
        assert!(!judge(&[], [(1.0, 0.5)])[0].is_right);
    }
}
