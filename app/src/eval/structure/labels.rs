//! How good the labels of sections are: at beats, after boundaries, and over time. Any thread.

use model_contracts::v1;

use super::truth::BeatTruth;

/// Labels of the contract.
pub const N_LABELS: usize = v1::LABELS.len();
/// Probabilities are taken for no surer than this in the logarithmic error.
const LEAST_PROB: f64 = 1e-6;

/// What was said at a beat; all 0 = nothing.
pub type LabelProbs = [f64; N_LABELS];

/// Counts of one piece.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LabelCounts {
    /// Beats by true label and label said.
    confusion: [[f64; N_LABELS]; N_LABELS],
    log_loss_sum: f64,
}

/// Figures of labels.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct LabelQuality {
    /// Share of beats whose most probable label is the true one.
    pub accuracy: f64,
    /// Mean F-measure of the labels that are there, each counted alike.
    pub macro_f1: f64,
    /// Mean negative logarithm of the probability of the true label, nats.
    pub log_loss: f64,
}

impl LabelCounts {
    /// Counts the beats whose label is known; `said` is as long as `truth`. `None` where nothing was said at all.
    pub fn of(truth: &[BeatTruth], said: &[LabelProbs]) -> Option<Self> {
        if !said.iter().flatten().any(|&prob| prob > 0.0) {
            return None;
        }
        let mut counts = Self::default();
        for (label, probs) in truth.iter().zip(said).filter_map(|(truth, said)| Some((usize::from(truth.label?), said))) {
            counts.confusion[label][most_probable(probs)] += 1.0;
            counts.log_loss_sum -= probs[label].clamp(LEAST_PROB, 1.0).ln();
        }
        Some(counts)
    }

    /// The figures of several pieces, each counted as often as its weight says; `None` of no beat.
    pub fn quality<'a>(pieces: impl Iterator<Item = (&'a Self, f64)>) -> Option<LabelQuality> {
        let (mut sum, mut log_loss) = ([[0.0; N_LABELS]; N_LABELS], 0.0);
        for (counts, weight) in pieces {
            sum.iter_mut().flatten().zip(counts.confusion.iter().flatten()).for_each(|(sum, n)| *sum += weight * n);
            log_loss += weight * counts.log_loss_sum;
        }
        let n_beats: f64 = sum.iter().flatten().sum();
        if n_beats <= 0.0 {
            return None;
        }
        let right: f64 = (0..N_LABELS).map(|label| sum[label][label]).sum();
        let f1 = |label: usize| {
            let is: f64 = sum[label].iter().sum();
            let said: f64 = sum.iter().map(|row| row[label]).sum();
            (is > 0.0).then(|| 2.0 * sum[label][label] / (is + said))
        };
        let f1: Vec<f64> = (0..N_LABELS).filter_map(f1).collect();
        let macro_f1 = f1.iter().sum::<f64>() / f1.len() as f64;
        Some(LabelQuality { accuracy: right / n_beats, macro_f1, log_loss: log_loss / n_beats })
    }
}

/// The most probable label; the first of equals.
pub fn most_probable(probs: &LabelProbs) -> usize {
    (0..N_LABELS).rev().max_by(|&a, &b| probs[a].total_cmp(&probs[b])).unwrap_or_default()
}

/// Beats from each boundary between different labels to the beat at which the new one is said first; `None` where it is not
/// said before the section ends.
pub fn declaration_delays(truth: &[BeatTruth], said: &[LabelProbs]) -> Vec<Option<f64>> {
    let mut delays = Vec::new();
    let mut before: Option<u8> = None;
    let at_beats: Vec<(&BeatTruth, usize)> = truth.iter().zip(said.iter().map(most_probable)).collect();
    for section in at_beats.chunk_by(|(a, _), (b, _)| a.section == b.section) {
        let label = section[0].0.label;
        if let (Some(label), Some(before)) = (label, before)
            && label != before
        {
            let first = section.iter().find(|(_, said)| *said == usize::from(label));
            delays.push(first.map(|(truth, _)| truth.since_boundary));
        }
        before = label;
    }
    delays
}

/// Changes of the most probable label.
pub fn n_flips(said: &[LabelProbs]) -> usize {
    let labels: Vec<usize> = said.iter().map(most_probable).collect();
    labels.windows(2).filter(|pair| pair[0] != pair[1]).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn truth(labels: &[(usize, Option<u8>)]) -> Vec<BeatTruth> {
        let mut since = 0.0;
        let mut last = usize::MAX;
        let beat = |&(section, label): &(usize, Option<u8>)| {
            since = if section == last { since + 1.0 } else { 0.0 };
            last = section;
            BeatTruth { t_sec: 0.0, label, to_boundary: 1.0, since_boundary: since, bar_beats: 4.0, section }
        };
        labels.iter().map(beat).collect()
    }

    fn said(label: usize, prob: f64) -> LabelProbs {
        let mut probs = [(1.0 - prob) / 7.0; N_LABELS];
        probs[label] = prob;
        probs
    }

    #[test]
    fn accuracy_and_f_measure_are_as_computed_by_hand() {
        let truth = truth(&[(0, Some(2)), (0, Some(2)), (0, Some(2)), (1, Some(4)), (1, None)]);
        let said = [said(2, 0.9), said(2, 0.8), said(4, 0.6), said(4, 0.7), said(1, 0.9)];
        let counts = LabelCounts::of(&truth, &said).unwrap();
        let quality = LabelCounts::quality([(&counts, 1.0)].into_iter()).unwrap();
        assert!((quality.accuracy - 0.75).abs() < 1e-12);
        // Verse: 2 x 2 / (3 + 2); chorus: 2 x 1 / (1 + 2).
        assert!((quality.macro_f1 - (0.8 + 2.0 / 3.0) / 2.0).abs() < 1e-12);
        let expected = -(0.9f64.ln() + 0.8f64.ln() + (0.4f64 / 7.0).ln() + 0.7f64.ln()) / 4.0;
        assert!((quality.log_loss - expected).abs() < 1e-12);
        assert_eq!(LabelCounts::quality([(&counts, 0.0)].into_iter()), None);
    }

    #[test]
    fn who_says_nothing_is_not_counted() {
        let truth = truth(&[(0, Some(2))]);
        assert_eq!(LabelCounts::of(&truth, &[[0.0; N_LABELS]]), None);
        assert_eq!(LabelCounts::of(&[], &[]), None);
    }

    #[test]
    fn delays_are_counted_from_boundaries_between_different_labels() {
        let truth = truth(&[
            (0, Some(1)),
            (0, Some(1)),
            (1, Some(2)),
            (1, Some(2)),
            (1, Some(2)),
            (2, Some(2)),
            (3, Some(4)),
            (3, Some(4)),
            (4, None),
            (5, Some(2)),
        ]);
        let said: Vec<LabelProbs> = [1, 1, 1, 1, 2, 1, 2, 2, 2, 2].map(|label| said(label, 0.9)).to_vec();
        assert_eq!(declaration_delays(&truth, &said), [Some(2.0), None], "into the verse, never into the chorus");
        assert_eq!(n_flips(&said), 3);
        assert_eq!((declaration_delays(&[], &[]), n_flips(&[])), (vec![], 0));
    }

    #[test]
    fn the_first_of_equals_is_said() {
        assert_eq!((most_probable(&[0.0; N_LABELS]), most_probable(&said(5, 0.5))), (0, 5));
    }
}
