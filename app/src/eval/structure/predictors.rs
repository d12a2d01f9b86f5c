//! What anybody can say who was told the true boundaries so far: the predictors that a model is always shown beside. Any thread.

use model_contracts::v1;

use super::labels::{LabelProbs, N_LABELS};
use super::truth::BeatTruth;

/// Horizons of the contract.
pub const N_HORIZONS: usize = v1::HORIZONS_BEATS.len();
/// Bars after which the trivial predictor expects a boundary.
const USUAL_BARS: f64 = 8.0;
/// The label that songs begin with.
const FIRST_LABEL: usize = 1;

/// What was said at a beat: probability of a boundary within each horizon.
pub type HazardProbs = [f64; N_HORIZONS];

/// Whether a boundary comes within each horizon.
pub fn outcomes(truth: &BeatTruth) -> [bool; N_HORIZONS] {
    v1::HORIZONS_BEATS.map(|horizon| truth.to_boundary <= f64::from(horizon))
}

/// "Every eight bars since the last boundary", for each piece: a yes where the next eight-bar line lies within the horizon. Both
/// answers have the probability with which they come true in the other pieces.
pub fn every_eight_bars(pieces: &[Vec<BeatTruth>]) -> Vec<Vec<HazardProbs>> {
    // By piece, horizon and answer: beats, and those with a boundary.
    let mut counts = vec![[[(0.0, 0.0); 2]; N_HORIZONS]; pieces.len()];
    for (truth, counts) in pieces.iter().zip(&mut counts) {
        for beat in truth {
            for ((answer, outcome), counts) in expects(beat).into_iter().zip(outcomes(beat)).zip(counts.iter_mut()) {
                counts[usize::from(answer)].0 += 1.0;
                counts[usize::from(answer)].1 += f64::from(u8::from(outcome));
            }
        }
    }
    let share = |piece: usize, horizon: usize, answer: bool| {
        // One of each answer that nobody gave keeps it from certainty.
        let (mut n, mut n_yes) = (2.0, 1.0);
        for (_, others) in counts.iter().enumerate().filter(|(other, _)| *other != piece) {
            n += others[horizon][usize::from(answer)].0;
            n_yes += others[horizon][usize::from(answer)].1;
        }
        n_yes / n
    };
    let said = |(piece, truth): (usize, &Vec<BeatTruth>)| {
        let shares: [[f64; 2]; N_HORIZONS] = std::array::from_fn(|horizon| [false, true].map(|answer| share(piece, horizon, answer)));
        truth.iter().map(|beat| std::array::from_fn(|horizon| shares[horizon][usize::from(expects(beat)[horizon])])).collect()
    };
    pieces.iter().enumerate().map(said).collect()
}

fn expects(beat: &BeatTruth) -> [bool; N_HORIZONS] {
    let cycle = USUAL_BARS * beat.bar_beats.max(1.0);
    let to_line = cycle - beat.since_boundary.rem_euclid(cycle);
    v1::HORIZONS_BEATS.map(|horizon| to_line <= f64::from(horizon))
}

/// "What usually follows": the label of each section by the true label of the one before it. `follows` has a row a label.
pub fn label_bigram(truth: &[BeatTruth], follows: &[[f32; N_LABELS]; N_LABELS]) -> Vec<LabelProbs> {
    let mut said = Vec::with_capacity(truth.len());
    let mut before: Option<Option<u8>> = None;
    for section in truth.chunk_by(|a, b| a.section == b.section) {
        let row: LabelProbs = match before {
            None => std::array::from_fn(|label| f64::from(u8::from(label == FIRST_LABEL))),
            Some(None) => [1.0 / N_LABELS as f64; N_LABELS],
            Some(Some(label)) => {
                let row = &follows[usize::from(label)];
                let sum: f32 = row.iter().sum();
                row.map(|share| if sum > 0.0 { f64::from(share / sum) } else { 1.0 / N_LABELS as f64 })
            }
        };
        said.extend(section.iter().map(|_| row));
        before = Some(section[0].label);
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sections of these lengths and labels in beats of bars of four.
    fn piece(sections: &[(usize, u8)]) -> Vec<BeatTruth> {
        let beats = |(section, &(n, label)): (usize, &(usize, u8))| {
            (0..n).map(move |k| BeatTruth {
                t_sec: 0.0,
                label: Some(label),
                to_boundary: (n - k) as f64,
                since_boundary: k as f64,
                bar_beats: 4.0,
                section,
            })
        };
        sections.iter().enumerate().flat_map(beats).collect()
    }

    #[test]
    fn a_boundary_is_within_a_horizon_up_to_its_last_beat() {
        let piece = piece(&[(5, 1)]);
        assert_eq!(outcomes(&piece[4]), [true; 5]);
        assert_eq!(outcomes(&piece[1]), [false, false, true, true, true]);
        assert_eq!(outcomes(&piece[0]), [false, false, false, true, true]);
    }

    #[test]
    fn eight_bars_are_right_where_sections_have_eight_bars() {
        let pieces = [piece(&[(32, 1), (32, 2)]), piece(&[(32, 4), (64, 2)]), piece(&[(20, 1)])];
        let said = every_eight_bars(&pieces);
        // Judged by the second and third piece: of their 3 beats that are one before a line, 2 have a boundary.
        let yes = (1.0 + 2.0) / (2.0 + 3.0);
        assert!((said[0][31][0] - yes).abs() < 1e-12, "{}", said[0][31][0]);
        let no = (1.0 + 1.0) / (2.0 + 113.0);
        assert!((said[0][0][0] - no).abs() < 1e-12, "{}: the last beat of the third piece was not expected", said[0][0][0]);
        assert!(said.iter().flatten().all(|probs| probs.iter().all(|prob| (0.0..=1.0).contains(prob))));
        assert!(every_eight_bars(&[]).is_empty());
    }

    #[test]
    fn labels_follow_labels() {
        let mut follows = [[0.0; N_LABELS]; N_LABELS];
        follows[2][4] = 0.6;
        follows[2][3] = 0.2;
        let said = label_bigram(&piece(&[(2, 2), (3, 4), (1, 2)]), &follows);
        assert_eq!((said[0][1], said[1][1]), (1.0, 1.0), "songs begin with an intro");
        assert!((said[2][4] - 0.75).abs() < 1e-6 && (said[4][3] - 0.25).abs() < 1e-6);
        assert!((said[5][0] - 0.125).abs() < 1e-12, "a row that knows nothing");
    }
}
