//! The stage as a whole: what it says with a network, without one, in silence, after jumps.

use proptest::prelude::*;

use super::*;
use crate::analysis::anticipator::Anticipator;
use crate::analysis::model_file::samples::anticipator_weights;
use crate::analysis::structure_features::pool::N_AUDIO;
use crate::units::{FrameIdx, StreamSec};

const LOCKED: TrackerView = TrackerView { is_locked: true, spb: 0.5, conf: 0.9 };

fn network() -> AnticipatorModel {
    AnticipatorModel::of(Anticipator::new("tiny", &anticipator_weights(6, 7, 5, 2, 0.7)))
}

fn pooled(k: u64, value: f32, rms: f32) -> PooledStep {
    let audio = std::array::from_fn(|i| value * ((i as u64 * 7 + k * 3) % 11) as f32);
    PooledStep { frame: FrameIdx(4 * k + 3), time: StreamSec(0.08 * k as f64), audio, rms, has_sound: true }
}

fn beat(k: u64) -> BeatEvent {
    BeatEvent { t_sec: 0.5 * k as f64, beat_count: k, beat_in_bar: (k % 4) as u8 + 1, beats_per_bar: 4, ..BeatEvent::default() }
}

/// States of a run of `n_steps` steps at 120 BPM.
fn run(stage: &mut StructureStage, n_steps: u64, rms: impl Fn(u64) -> f32) -> Vec<StructureState> {
    let step = |k: u64| {
        if k.is_multiple_of(6) {
            stage.take(StructureInput::Announce(beat(k / 6)));
        }
        stage.take(StructureInput::Step(&pooled(k, 0.1, rms(k)), LOCKED));
        *stage.state()
    };
    (0..n_steps).map(step).collect()
}

fn is_usable(state: &StructureState) -> bool {
    let sum: f32 = state.section_probs.iter().sum();
    let is_prob = |prob: &f32| (0.0..=1.0).contains(prob);
    (sum == 0.0 || (sum - 1.0).abs() < 1e-5)
        && state.section_probs.iter().chain(&state.hazard_probs).all(is_prob)
        && state.hazard_probs.is_sorted()
        && state.t_sec.is_finite()
}

#[test]
fn without_a_network_the_table_speaks_and_no_section_is_named() {
    let mut stage = StructureStage::new(AnticipatorModel::none());
    let states = run(&mut stage, 100, |_| 0.1);
    assert!(states.iter().all(|state| is_usable(state) && state.section_probs == [0.0; N_LABELS] && state.hazard_probs[4] > 0.1));
    assert!(states.windows(2).any(|pair| pair[0].hazard_probs != pair[1].hazard_probs), "it knows the bar");
    assert_eq!((stage.outlook().section, stage.anticipation()), (0, None));
    assert_eq!(stage.outlook().hazard_prob, states[99].hazard_probs[3]);
}

#[test]
fn with_a_network_sections_are_named_and_the_first_is_an_event() {
    let mut stage = StructureStage::new(network());
    stage.take(StructureInput::Step(&pooled(0, 0.1, 0.1), LOCKED));
    let event = stage.take_event();
    assert!(matches!(event, Some(StructureEvent::Section { before: None, .. })), "{event:?}");
    assert_eq!(stage.take_event(), None, "said once");
    assert!(is_usable(stage.state()) && stage.outlook().section > 0 && stage.anticipation().is_some());
}

#[test]
fn silence_is_told_by_the_level() {
    let mut stage = StructureStage::new(network());
    let states = run(&mut stage, 60, |k| if k < 20 { 0.1 } else { 0.0 });
    assert!(states[..30].iter().all(|state| state.section_probs[0] < 1.0), "a second has to pass");
    assert!(states[33..].iter().all(|state| state.section_probs == SILENCE && is_usable(state)));
}

#[test]
fn behind_another_front_end_the_table_speaks() {
    let mut stage = StructureStage::new(network());
    stage.take(StructureInput::Step(&PooledStep { has_sound: false, audio: [0.0; N_AUDIO], ..pooled(0, 0.0, 0.1) }, LOCKED));
    assert_eq!((stage.state().section_probs, stage.anticipation()), ([0.0; N_LABELS], None));
}

#[test]
fn reset_and_a_jump_are_fresh_starts() {
    let mut stage = StructureStage::new(network());
    let first = run(&mut stage, 80, |_| 0.1);
    stage.reset();
    assert_eq!(*stage.state(), StructureState::default());
    assert_eq!(stage.take_event(), None);
    assert_eq!(run(&mut stage, 80, |_| 0.1), first);
    stage.take(StructureInput::ForgetPiece);
    stage.take(StructureInput::Step(&pooled(80, 0.1, 0.1), LOCKED));
    let mut fresh = StructureStage::new(network());
    fresh.take(StructureInput::Announce(beat(13)));
    fresh.take(StructureInput::Step(&pooled(80, 0.1, 0.1), LOCKED));
    for (ours, theirs) in stage.state().hazard_probs.iter().zip(fresh.state().hazard_probs) {
        assert!((ours - theirs).abs() < 0.05, "but for the place in the beat");
    }
}

#[test]
fn what_was_recorded_says_the_same_again() {
    let recorded = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let keep = std::sync::Arc::clone(&recorded);
    let mut stage = StructureStage::new(network());
    stage.record(Box::new(move |input| {
        let owned = match input {
            StructureInput::Announce(event) => (Some(event), None),
            StructureInput::Step(pooled, view) => (None, Some((*pooled, view))),
            StructureInput::ForgetPiece => (None, None),
        };
        keep.lock().unwrap().push(owned);
    }));
    let first = run(&mut stage, 50, |_| 0.1);
    let mut again = StructureStage::new(network());
    let mut states = Vec::new();
    for input in recorded.lock().unwrap().iter() {
        match input {
            (Some(event), _) => again.take(StructureInput::Announce(*event)),
            (_, Some((pooled, view))) => {
                again.take(StructureInput::Step(pooled, *view));
                states.push(*again.state());
            }
            _ => again.take(StructureInput::ForgetPiece),
        }
    }
    assert_eq!(states, first);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn every_state_is_usable(values in prop::collection::vec(prop::num::f32::NORMAL | prop::num::f32::ZERO, 30), is_locked: bool) {
        let mut stage = StructureStage::new(network());
        for (k, &value) in values.iter().enumerate() {
            stage.take(StructureInput::Announce(beat(k as u64)));
            let step = pooled(k as u64, value.clamp(-1e30, 1e30), value.abs());
            stage.take(StructureInput::Step(&step, TrackerView { is_locked, ..LOCKED }));
            prop_assert!(is_usable(stage.state()), "{:?}", stage.state());
        }
    }
}
