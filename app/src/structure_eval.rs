//! `anacrusis eval --structure`: our engine is what is scored, beside the table alone and the engine with other sound. Main thread;
//! one worker a piece.
//!
//! Every piece is tracked once. What then went to the structure stage is recorded and played to it again: with the anticipator,
//! without one, and with the sound of another piece in place of its own, at the same beats.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use runtime_core::analysis::anticipator_model::AnticipatorModel;
use runtime_core::analysis::engine::Engine;
use runtime_core::analysis::structure::{FOLLOWS, StructureInput, StructureStage};
use runtime_core::analysis::structure_features::beat_line::TrackerView;
use runtime_core::analysis::structure_features::pool::PooledStep;
use runtime_core::state::{BeatEvent, StructureState};

use crate::anticipator::network_name;
use crate::decode::{AudioReader, SPAN_SEC};
use crate::eval::corpus::{Corpus, Piece};
use crate::eval::structure::truth::{BeatTruth, Sections};
use crate::eval::structure::{Predictor, Said, ScoredPiece, StructureReport};
use crate::eval_command::EvalArgs;
use crate::eval_output;
use crate::exit::{Exit, say};
use crate::model::network_names;
use crate::parallel::in_parallel;

/// What went to the structure stage while a piece played.
#[derive(Default)]
struct Recording {
    inputs: Vec<Input>,
    /// The steps among them.
    steps: Vec<PooledStep>,
}

/// One [`StructureInput`]; a step by its place among the steps.
enum Input {
    Announce(BeatEvent),
    Step(usize, TrackerView),
    ForgetPiece,
}

/// Runs the command.
pub fn run(args: &EvalArgs) -> Exit {
    eval_output::finish(args, evaluate(args), StructureReport::table, |report| report.failed.len())
}

fn evaluate(args: &EvalArgs) -> Result<StructureReport, String> {
    args.engine.config(48_000).validate().map_err(|e| e.to_string())?;
    let anticipator = args.engine.anticipator.load().map_err(|e| e.to_string())?;
    let beat_model = args.engine.model.load().map_err(|e| e.to_string())?;
    let mut corpus = Corpus::read(&args.corpus, args.only.as_deref()).map_err(|e| e.to_string())?;
    corpus.pieces.retain(|piece| piece.sections.is_some());
    if corpus.pieces.is_empty() {
        return Err(format!("{}: no piece has sections: expected a STEM.sections beside its beats", args.corpus.display()));
    }
    let truths = corpus.pieces.iter().map(truth_of).collect::<Result<Vec<_>, _>>()?;
    let recordings = in_parallel(&corpus.pieces, args.jobs, |piece| record(&piece.audio, args));
    let pieces: Vec<(&Piece, Vec<BeatTruth>, Result<Recording, String>)> =
        corpus.pieces.iter().zip(truths).zip(recordings).map(|((piece, truth), recording)| (piece, truth, recording)).collect();
    let good: Vec<(&Piece, &Vec<BeatTruth>, &Recording)> =
        pieces.iter().filter_map(|(piece, truth, recording)| Some((*piece, truth, recording.as_ref().ok()?))).collect();
    let places: Vec<usize> = (0..good.len()).collect();
    let scored = in_parallel(&places, args.jobs, |&idx| {
        let (piece, truth, recording) = good[idx];
        // Of the next piece, so that every sound is used once; of a single piece there is no other.
        let other = (good.len() > 1).then(|| good[(idx + 1) % good.len()].2);
        score(piece, truth, recording, other, &anticipator)
    });
    let networks = network_names(&beat_model.origin);
    let configuration = BTreeMap::from([
        ("version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        ("anticipator".to_owned(), network_name(&anticipator.origin).unwrap_or("none").to_owned()),
        ("activation".to_owned(), if networks.is_empty() { "flux".to_owned() } else { networks.join("+") }),
    ]);
    let path = std::path::absolute(&args.corpus).unwrap_or_else(|_| args.corpus.clone());
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut report = StructureReport::of(name, configuration, scored, &FOLLOWS);
    for (piece, _, recording) in &pieces {
        if let Err(reason) = recording {
            say(format_args!("{}: {reason}", piece.id));
            report.failed.insert(piece.id.clone(), reason.clone());
        }
    }
    Ok(report)
}

fn truth_of(piece: &Piece) -> Result<Vec<BeatTruth>, String> {
    let Some(path) = &piece.sections else { return Ok(Vec::new()) };
    let sections = Sections::read(path).map_err(|e| e.to_string())?;
    Ok(sections.at_beats(piece.reference.times_sec(), piece.reference.downbeats_sec()))
}

/// Plays a piece through the whole engine and keeps what goes to the structure stage.
fn record(path: &Path, args: &EvalArgs) -> Result<Recording, String> {
    let mut reader = AudioReader::open(path).map_err(|e| e.to_string())?;
    let model = args.engine.model.load().map_err(|e| e.to_string())?;
    let mut engine = Engine::new(&args.engine.config(reader.info().sample_rate_hz), model).map_err(|e| e.to_string())?;
    engine.set_anticipator(AnticipatorModel::none());
    let recording = Arc::new(Mutex::new(Recording::default()));
    let keep = Arc::clone(&recording);
    engine.record_structure(Box::new(move |input| {
        let mut kept = keep.lock().unwrap_or_else(PoisonError::into_inner);
        let input = match input {
            StructureInput::Announce(event) => Input::Announce(event),
            StructureInput::Step(step, view) => {
                kept.steps.push(*step);
                Input::Step(kept.steps.len() - 1, view)
            }
            StructureInput::ForgetPiece => Input::ForgetPiece,
        };
        kept.inputs.push(input);
    }));
    let mut mono = Vec::new();
    while reader.next_span(&mut mono, SPAN_SEC).map_err(|e| e.to_string())?.is_some() {
        engine.process(&mono, |_| {});
    }
    engine.finish(|_| {});
    let recording = std::mem::take(&mut *recording.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(recording)
}

impl Recording {
    /// What is said at every step, with this model; with the sound of `other` at the times of this piece, where there is one.
    fn play(&self, model: AnticipatorModel, other: Option<&Self>) -> Vec<StructureState> {
        let mut stage = StructureStage::new(model);
        let mut states = Vec::with_capacity(self.steps.len());
        for input in &self.inputs {
            match *input {
                Input::Announce(event) => stage.take(StructureInput::Announce(event)),
                Input::ForgetPiece => stage.take(StructureInput::ForgetPiece),
                Input::Step(idx, view) => {
                    let ours = &self.steps[idx];
                    let heard = match other.map(|other| &other.steps).filter(|steps| !steps.is_empty()) {
                        Some(steps) => PooledStep { frame: ours.frame, time: ours.time, ..steps[idx % steps.len()] },
                        None => *ours,
                    };
                    stage.take(StructureInput::Step(&heard, view));
                    states.push(*stage.state());
                }
            }
        }
        states
    }
}

fn score(piece: &Piece, truth: &[BeatTruth], recording: &Recording, other: Option<&Recording>, model: &AnticipatorModel) -> ScoredPiece {
    let ours = recording.play(model.clone(), None);
    let mut said = BTreeMap::from([
        (Predictor::Anticipator, at_beats(truth, &ours)),
        (Predictor::Floor, at_beats(truth, &recording.play(AnticipatorModel::none(), None))),
    ]);
    if let (Some(other), Some(_)) = (other, &model.net) {
        said.insert(Predictor::OtherSound, at_beats(truth, &recording.play(model.clone(), Some(other))));
    }
    let (from_sec, to_sec) = (truth.first().map_or(0.0, |first| first.t_sec), truth.last().map_or(0.0, |last| last.t_sec));
    let steps = ours.iter().filter(|state| (from_sec..=to_sec).contains(&state.t_sec)).map(|state| said_of(state).section_probs).collect();
    ScoredPiece { id: piece.id.clone(), kind: piece.kind.clone(), truth: truth.to_vec(), said, steps, span_sec: to_sec - from_sec }
}

/// What is said at the first step at or after each beat: a step before it would count the beat itself as one to come.
fn at_beats(truth: &[BeatTruth], states: &[StructureState]) -> Vec<Said> {
    let at = |truth: &BeatTruth| {
        let first = states.partition_point(|state| state.t_sec < truth.t_sec);
        states.get(first).or(states.last()).map_or_else(Said::default, said_of)
    };
    truth.iter().map(at).collect()
}

fn said_of(state: &StructureState) -> Said {
    Said { section_probs: state.section_probs.map(f64::from), hazard_probs: state.hazard_probs.map(f64::from) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beat_is_judged_by_the_first_step_that_knows_it() {
        let truth = |t_sec: f64| BeatTruth { t_sec, label: None, to_boundary: 1.0, since_boundary: 0.0, bar_beats: 4.0, section: 0 };
        let state = |t_sec: f64, prob: f32| StructureState { t_sec, hazard_probs: [prob; 5], ..StructureState::default() };
        let states = [state(0.0, 0.1), state(0.08, 0.2), state(0.16, 0.3)];
        let said = at_beats(&[truth(0.0), truth(0.01), truth(0.1), truth(5.0)], &states);
        let probs: Vec<f64> = said.iter().map(|said| said.hazard_probs[0]).collect();
        for (got, expected) in probs.iter().zip([0.1, 0.2, 0.3, 0.3]) {
            assert!((got - expected).abs() < 1e-6, "{probs:?}");
        }
        assert_eq!(at_beats(&[truth(0.0)], &[]), [Said::default()]);
    }
}
