//! Figures of every predictor over a corpus, with bootstrap intervals over pieces. Any thread.

use std::collections::BTreeMap;

use model_contracts::v1;
use serde::Serialize;

use super::super::bootstrap::{COVERAGE_PERCENT, SEED, SplitMix64};
use super::super::stats::{median, percentile_of_sorted};
use super::labels::{LabelCounts, LabelProbs, LabelQuality, N_LABELS, declaration_delays, n_flips};
use super::measure::{Case, Quality, Ranked};
use super::predictors::{HazardProbs, N_HORIZONS, every_eight_bars, label_bigram, outcomes};
use super::truth::BeatTruth;

/// Resamples of the pieces: pooled figures cost a pass over all beats each.
const N_RESAMPLES: usize = 1_000;

/// What was said at one beat.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Said {
    /// Probability of each label; all 0 = nothing is said of labels.
    pub section_probs: LabelProbs,
    /// Probability of a boundary within each horizon.
    pub hazard_probs: HazardProbs,
}

/// Who said it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Predictor {
    /// What is scored.
    Anticipator,
    /// The table of what is usual at this bar: no sound at all.
    Floor,
    /// The anticipator with the beats of this piece and the sound of another.
    OtherSound,
    /// Told every boundary so far: the next comes after eight bars, or sixteen, and so on.
    EightBars,
    /// Told every boundary and label so far: what usually follows.
    Bigram,
}

impl Predictor {
    /// For people and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Anticipator => "anticipator",
            Self::Floor => "floor (bar count alone)",
            Self::OtherSound => "sound of another piece",
            Self::EightBars => "every 8 bars (told boundaries)",
            Self::Bigram => "label bigram (told labels)",
        }
    }
}

/// One piece with everything that was said of it.
#[derive(Debug, Clone, Default)]
pub struct ScoredPiece {
    /// Name.
    pub id: String,
    /// Its kind, for the note below the table.
    pub kind: String,
    /// What is true at each beat.
    pub truth: Vec<BeatTruth>,
    /// What was said there: as long as the truth, by predictor.
    pub said: BTreeMap<Predictor, Vec<Said>>,
    /// Labels said at every step between the first and the last of those beats.
    pub steps: Vec<LabelProbs>,
    /// Length of that stretch, seconds.
    pub span_sec: f64,
}

/// A figure with the ends of its 95 % interval; none of a single piece.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// Of all pieces.
    pub value: f64,
    /// Over resampled pieces.
    pub interval: Option<[f64; 2]>,
}

/// One horizon of one predictor.
#[derive(Debug, Clone, Serialize)]
pub struct HorizonFigures {
    /// Horizon, beats.
    pub horizon_beats: u32,
    /// Share of beats with a boundary within it.
    pub base_rate: f64,
    /// Average precision.
    pub ap: Interval,
    /// Area under the ROC curve.
    pub auc: Interval,
    /// Squared error.
    pub brier: Interval,
    /// Logarithmic error, nats.
    pub log_loss: Interval,
    /// Expected calibration error.
    pub ece: Interval,
    /// Average precision less the floor's, where this is not the floor.
    pub ap_over_floor: Option<Interval>,
}

/// Labels of one predictor.
#[derive(Debug, Clone, Serialize)]
pub struct LabelFigures {
    /// Share of beats with the right label.
    pub accuracy: Interval,
    /// Mean F-measure over the labels that are there.
    pub macro_f1: Interval,
    /// Logarithmic error, nats.
    pub log_loss: Interval,
}

/// Everything of one predictor.
#[derive(Debug, Clone, Serialize)]
pub struct PredictorFigures {
    /// Who.
    pub name: &'static str,
    /// By horizon; none where it says nothing of boundaries.
    pub horizons: Vec<HorizonFigures>,
    /// None where it says nothing of labels.
    pub labels: Option<LabelFigures>,
}

/// How labels come and go.
#[derive(Debug, Clone, Serialize)]
pub struct TimeFigures {
    /// Boundaries between different labels.
    pub n_changes: usize,
    /// Share of them after which the new label was said at all.
    pub declared: f64,
    /// Beats until then, median; `None` where none was.
    pub delay_median_beats: Option<f64>,
    /// Changes of the most probable label a minute.
    pub flips_per_minute: f64,
}

/// The whole report.
#[derive(Debug, Clone, Serialize)]
pub struct StructureReport {
    /// Name of the corpus.
    pub corpus: String,
    /// What was run.
    pub configuration: BTreeMap<String, String>,
    /// Pieces that were scored.
    pub pieces: Vec<String>,
    /// Pieces by kind: what sort of sound these figures are of.
    pub kinds: BTreeMap<String, usize>,
    /// Pieces that failed, with the reason.
    pub failed: BTreeMap<String, String>,
    /// Beats of all pieces.
    pub n_beats: usize,
    /// Share of the beats that each label has, in the contract's order.
    pub label_shares: [f64; N_LABELS],
    /// Every predictor.
    pub predictors: Vec<PredictorFigures>,
    /// How the anticipator's labels come and go; `None` where it has none.
    pub over_time: Option<TimeFigures>,
}

impl StructureReport {
    /// Scores pieces, each with what the anticipator, the floor and the anticipator with other sound said.
    pub fn of(
        corpus: String,
        configuration: BTreeMap<String, String>,
        mut pieces: Vec<ScoredPiece>,
        follows: &[[f32; N_LABELS]; N_LABELS],
    ) -> Self {
        pieces.retain(|piece| !piece.truth.is_empty());
        add_told(&mut pieces, follows);
        let floor = rankings(&pieces, Predictor::Floor);
        let draws = draws(pieces.len());
        let order = [Predictor::Anticipator, Predictor::Floor, Predictor::OtherSound, Predictor::EightBars, Predictor::Bigram];
        let predictors = order.into_iter().filter_map(|predictor| {
            let horizons = rankings(&pieces, predictor).map_or_else(Vec::new, |ranked| {
                let floor = floor.as_ref().filter(|_| predictor != Predictor::Floor);
                horizon_figures(&ranked, floor, &draws)
            });
            let labels = label_figures(&pieces, predictor, &draws);
            (!horizons.is_empty() || labels.is_some()).then(|| PredictorFigures { name: predictor.name(), horizons, labels })
        });
        let predictors: Vec<PredictorFigures> = predictors.collect();
        let n_beats = pieces.iter().map(|piece| piece.truth.len()).sum();
        let mut label_shares = [0.0; N_LABELS];
        let labelled: Vec<u8> = pieces.iter().flat_map(|piece| &piece.truth).filter_map(|truth| truth.label).collect();
        labelled.iter().for_each(|&label| label_shares[usize::from(label)] += 1.0 / labelled.len() as f64);
        let mut kinds = BTreeMap::new();
        pieces.iter().for_each(|piece| *kinds.entry(piece.kind.clone()).or_default() += 1);
        let over_time = time_figures(&pieces);
        let pieces = pieces.into_iter().map(|piece| piece.id).collect();
        Self { corpus, configuration, pieces, kinds, failed: BTreeMap::new(), n_beats, label_shares, predictors, over_time }
    }
}

/// Adds what those say who are told the past.
fn add_told(pieces: &mut [ScoredPiece], follows: &[[f32; N_LABELS]; N_LABELS]) {
    let truths: Vec<Vec<BeatTruth>> = pieces.iter().map(|piece| piece.truth.clone()).collect();
    for (piece, hazards) in pieces.iter_mut().zip(every_eight_bars(&truths)) {
        let eight = hazards.into_iter().map(|hazard_probs| Said { hazard_probs, ..Said::default() }).collect();
        let bigram = label_bigram(&piece.truth, follows).into_iter();
        let bigram = bigram.map(|section_probs| Said { section_probs, ..Said::default() }).collect();
        piece.said.extend([(Predictor::EightBars, eight), (Predictor::Bigram, bigram)]);
    }
}

/// What a predictor said of each horizon, ranked; `None` where it says nothing of boundaries.
fn rankings(pieces: &[ScoredPiece], predictor: Predictor) -> Option<[Ranked; N_HORIZONS]> {
    let mut cases: [Vec<Case>; N_HORIZONS] = Default::default();
    for (idx, piece) in pieces.iter().enumerate() {
        let said = piece.said.get(&predictor)?;
        for (truth, said) in piece.truth.iter().zip(said) {
            for ((cases, is_true), prob) in cases.iter_mut().zip(outcomes(truth)).zip(said.hazard_probs) {
                cases.push(Case { prob, is_true, piece: idx });
            }
        }
    }
    cases.iter().flatten().any(|case| case.prob > 0.0).then(|| cases.map(Ranked::new))
}

/// How often each piece was drawn, for every resample.
fn draws(n_pieces: usize) -> Vec<Vec<f64>> {
    if n_pieces < 2 {
        return Vec::new();
    }
    let mut rng = SplitMix64::new(SEED);
    let draw = |_| {
        let mut weights = vec![0.0; n_pieces];
        (0..n_pieces).for_each(|_| weights[(rng.next_u64() % n_pieces as u64) as usize] += 1.0);
        weights
    };
    (0..N_RESAMPLES).map(draw).collect()
}

fn interval(value: f64, mut resampled: Vec<f64>) -> Interval {
    resampled.sort_by(f64::total_cmp);
    let tail_percent = (100.0 - COVERAGE_PERCENT) / 2.0;
    let ends = [tail_percent, 100.0 - tail_percent].map(|percent| percentile_of_sorted(&resampled, percent));
    let interval = if let [Some(low), Some(high)] = ends { Some([low, high]) } else { None };
    Interval { value, interval }
}

fn horizon_figures(ranked: &[Ranked; N_HORIZONS], floor: Option<&[Ranked; N_HORIZONS]>, draws: &[Vec<f64>]) -> Vec<HorizonFigures> {
    let all = vec![1.0; draws.first().map_or(1, Vec::len)];
    let figures = |(horizon, ranked): (usize, &Ranked)| {
        let whole = ranked.quality(&all)?;
        let resampled: Vec<Option<Quality>> = draws.iter().map(|weights| ranked.quality(weights)).collect();
        let of = |figure: fn(&Quality) -> f64| interval(figure(&whole), resampled.iter().flatten().map(figure).collect());
        let ap_over_floor = floor.and_then(|floor| {
            let floor = &floor[horizon];
            let ours = resampled.iter().zip(draws).filter_map(|(ours, weights)| Some(ours.as_ref()?.ap - floor.quality(weights)?.ap));
            Some(interval(whole.ap - floor.quality(&all)?.ap, ours.collect()))
        });
        Some(HorizonFigures {
            horizon_beats: v1::HORIZONS_BEATS[horizon],
            base_rate: ranked.base_rate(),
            ap: of(|quality| quality.ap),
            auc: of(|quality| quality.auc),
            brier: of(|quality| quality.brier),
            log_loss: of(|quality| quality.log_loss),
            ece: of(|quality| quality.ece),
            ap_over_floor,
        })
    };
    ranked.iter().enumerate().filter_map(figures).collect()
}

fn label_figures(pieces: &[ScoredPiece], predictor: Predictor, draws: &[Vec<f64>]) -> Option<LabelFigures> {
    let counts = |piece: &ScoredPiece| {
        let said: Vec<LabelProbs> = piece.said.get(&predictor)?.iter().map(|said| said.section_probs).collect();
        LabelCounts::of(&piece.truth, &said)
    };
    let counts: Vec<LabelCounts> = pieces.iter().map(counts).collect::<Option<_>>()?;
    let whole = LabelCounts::quality(counts.iter().map(|counts| (counts, 1.0)))?;
    let resampled: Vec<LabelQuality> =
        draws.iter().filter_map(|weights| LabelCounts::quality(counts.iter().zip(weights.iter().copied()))).collect();
    let of = |figure: fn(&LabelQuality) -> f64| interval(figure(&whole), resampled.iter().map(figure).collect());
    Some(LabelFigures {
        accuracy: of(|quality| quality.accuracy),
        macro_f1: of(|quality| quality.macro_f1),
        log_loss: of(|quality| quality.log_loss),
    })
}

fn time_figures(pieces: &[ScoredPiece]) -> Option<TimeFigures> {
    if !pieces.iter().flat_map(|piece| &piece.steps).flatten().any(|&prob| prob > 0.0) {
        return None;
    }
    let delays = |piece: &ScoredPiece| {
        let said =
            piece.said.get(&Predictor::Anticipator).map_or_else(Vec::new, |said| said.iter().map(|said| said.section_probs).collect());
        declaration_delays(&piece.truth, &said)
    };
    let delays: Vec<Option<f64>> = pieces.iter().flat_map(delays).collect();
    let declared: Vec<f64> = delays.iter().copied().flatten().collect();
    let minutes: f64 = pieces.iter().map(|piece| piece.span_sec).sum::<f64>() / 60.0;
    let n_flips: usize = pieces.iter().map(|piece| n_flips(&piece.steps)).sum();
    Some(TimeFigures {
        n_changes: delays.len(),
        declared: if delays.is_empty() { 0.0 } else { declared.len() as f64 / delays.len() as f64 },
        delay_median_beats: median(&declared),
        flips_per_minute: if minutes > 0.0 { n_flips as f64 / minutes } else { 0.0 },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two sections of these lengths; whoever knows says the truth, with `sure` probability.
    pub(super) fn piece(id: &str, lengths: [usize; 2], sure: f64) -> ScoredPiece {
        let truth: Vec<BeatTruth> = lengths
            .into_iter()
            .enumerate()
            .flat_map(|(section, n)| {
                (0..n).map(move |k| BeatTruth {
                    t_sec: k as f64,
                    label: Some(if section == 0 { 1 } else { 4 }),
                    to_boundary: (n - k) as f64,
                    since_boundary: k as f64,
                    bar_beats: 4.0,
                    section,
                })
            })
            .collect();
        let knows = |truth: &BeatTruth| {
            let mut said = Said::default();
            said.section_probs[usize::from(truth.label.unwrap_or(0))] = 1.0;
            said.hazard_probs = outcomes(truth).map(|outcome| if outcome { sure } else { 1.0 - sure });
            said
        };
        let guesses = |_: &BeatTruth| Said { hazard_probs: [0.1, 0.2, 0.3, 0.4, 0.5], ..Said::default() };
        let said = BTreeMap::from([
            (Predictor::Anticipator, truth.iter().map(knows).collect::<Vec<Said>>()),
            (Predictor::Floor, truth.iter().map(guesses).collect()),
        ]);
        let steps = said[&Predictor::Anticipator].iter().map(|said| said.section_probs).collect();
        ScoredPiece { id: id.to_owned(), kind: "made up".to_owned(), truth, said, steps, span_sec: 30.0 }
    }

    const FOLLOWS: [[f32; N_LABELS]; N_LABELS] = {
        let mut follows = [[0.0; N_LABELS]; N_LABELS];
        follows[1][4] = 0.5;
        follows[1][2] = 0.5;
        follows
    };

    fn report(pieces: Vec<ScoredPiece>) -> StructureReport {
        StructureReport::of("corpus".to_owned(), BTreeMap::new(), pieces, &FOLLOWS)
    }

    #[test]
    fn who_knows_has_full_marks_and_is_above_the_floor() {
        let report = report(vec![piece("a", [32, 20], 0.9), piece("b", [17, 40], 0.9), piece("c", [24, 24], 0.9)]);
        assert_eq!((report.n_beats, report.pieces.len(), report.kinds["made up"]), (157, 3, 3));
        let names: Vec<&str> = report.predictors.iter().map(|predictor| predictor.name).collect();
        assert_eq!(names, [Predictor::Anticipator, Predictor::Floor, Predictor::EightBars, Predictor::Bigram].map(Predictor::name));
        let [anticipator, floor, eight, bigram] = &report.predictors[..] else { panic!("four") };
        for horizon in &anticipator.horizons {
            assert_eq!((horizon.ap.value, horizon.auc.value), (1.0, 1.0));
            assert!((horizon.brier.value - 0.01).abs() < 1e-12 && (horizon.ece.value - 0.1).abs() < 1e-12);
            let over = horizon.ap_over_floor.unwrap();
            assert!((over.value - (1.0 - horizon.base_rate)).abs() < 1e-12 && over.interval.unwrap()[0] > 0.0);
        }
        // Two boundaries a piece, one beat before each.
        assert!((anticipator.horizons[0].base_rate - 6.0 / 157.0).abs() < 1e-12);
        assert!((floor.horizons[2].ap.value - floor.horizons[2].base_rate).abs() < 1e-12 && floor.labels.is_none());
        assert!(floor.horizons[0].ap_over_floor.is_none());
        assert_eq!(eight.horizons.len(), 5);
        let labels = anticipator.labels.as_ref().unwrap();
        assert_eq!((labels.accuracy.value, labels.accuracy.interval, labels.macro_f1.value), (1.0, Some([1.0, 1.0]), 1.0));
        // Of equals the first is said: a verse, which it never is.
        let labels = bigram.labels.as_ref().unwrap();
        assert!((labels.accuracy.value - 73.0 / 157.0).abs() < 1e-12 && bigram.horizons.is_empty());
        let over_time = report.over_time.unwrap();
        assert_eq!((over_time.n_changes, over_time.declared, over_time.delay_median_beats), (3, 1.0, Some(0.0)));
        assert!((over_time.flips_per_minute - 3.0 / 1.5).abs() < 1e-12);
    }

    #[test]
    fn one_piece_has_no_intervals_and_none_no_figures() {
        let one = report(vec![piece("a", [32, 20], 0.9)]);
        assert!(one.predictors[0].horizons[0].ap.interval.is_none());
        let none = report(vec![ScoredPiece::default()]);
        assert!(none.pieces.is_empty() && none.predictors.is_empty() && none.over_time.is_none());
    }

    #[test]
    fn the_same_pieces_give_the_same_report() {
        let text = || serde_json::to_string(&report(vec![piece("a", [32, 20], 0.8), piece("b", [17, 40], 0.6)])).unwrap();
        assert_eq!(text(), text());
    }
}
