//! The native anticipator against PyTorch: a small random one, as a model's folder, over a run of rows; what it allocates; and the
//! engine with it: the same whatever the blocks, alive on silence and noise.
//!
//! Golden data: `tests/golden/anticipator`, made by `training/tools/make_anticipator_golden.py` with a network of its own
//! definition.

use anacrusis::bench::allocator::{CountingAllocator, allocations_of};
use anacrusis::bench::band::Band;
use integration_tests::golden::{Manifest, files_in};
use integration_tests::golden_dir;
use integration_tests::npy::read_npy;
use integration_tests::signals::{Colour, noise};
use runtime_core::analysis::anticipator::Anticipator;
use runtime_core::analysis::anticipator_model::{AnticipatorModel, AnticipatorOrigin};
use runtime_core::analysis::beat_model::BeatModel;
use runtime_core::analysis::config::EngineConfig;
use runtime_core::analysis::engine::Engine;
use runtime_core::analysis::model_file::AnticipatorFile;
use runtime_core::analysis::structure_features::N_STEP;
use runtime_core::state::{StructureEvent, StructureState};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// Largest difference of any number from PyTorch's.
const TOLERANCE: f32 = 1e-5;
const RATE_HZ: f64 = 44_100.0;

fn network() -> Anticipator {
    let file = AnticipatorFile::read_dir(&golden_dir().join("anticipator")).expect("a golden model loads");
    Anticipator::new(&file.name, &file.weights)
}

fn golden(name: &str) -> Vec<Vec<f32>> {
    let array = read_npy(&golden_dir().join(format!("anticipator/{name}.npy"))).expect("golden data");
    array.f32_rows().map(<[f32]>::to_vec).collect()
}

fn rows() -> Vec<[f32; N_STEP]> {
    golden("rows").iter().map(|row| row[..].try_into().expect("335 numbers")).collect()
}

#[test]
fn every_number_is_pytorchs() {
    let (mut network, sections, hazards, embeddings) = (network(), golden("section_probs"), golden("hazard_probs"), golden("macro"));
    let mut worst = 0.0f32;
    for (k, row) in rows().iter().enumerate() {
        let said = network.step(row).expect("finite weights");
        let ours = said.section_probs.iter().chain(&said.hazard_probs).chain(&said.embedding);
        let theirs = sections[k].iter().chain(&hazards[k]).chain(&embeddings[k]);
        assert_eq!(theirs.clone().count(), 29);
        worst = ours.zip(theirs).map(|(a, b)| (a - b).abs()).fold(worst, f32::max);
    }
    eprintln!("largest difference {worst:.1e}");
    assert!(worst <= TOLERANCE, "{worst}");
}

#[test]
fn a_step_and_a_reset_allocate_nothing() {
    let (mut network, rows) = (network(), rows());
    let ((), n_allocations) = allocations_of(|| {
        rows.iter().for_each(|row| assert!(network.step(row).is_some()));
        network.reset();
    });
    assert_eq!(n_allocations, 0);
}

#[test]
fn the_stored_files_are_the_ones_listed() {
    let folder = golden_dir().join("anticipator");
    let text = std::fs::read_to_string(folder.join("MANIFEST.json")).expect("a golden manifest");
    let manifest: Manifest = serde_json::from_str(&text).expect("a manifest of our format");
    assert_eq!(manifest.files, files_in(&folder));
    assert_eq!(manifest.tolerance["every number"] as f32, TOLERANCE);
}

fn engine() -> Engine {
    let mut engine = Engine::new(&EngineConfig::new(RATE_HZ), BeatModel::flux(None)).expect("a valid configuration");
    engine.set_anticipator(AnticipatorModel::of(network()));
    engine
}

/// The states and events of a run, in blocks of this length.
fn run(engine: &mut Engine, samples: &[f32], block_samples: usize) -> (Vec<StructureState>, Vec<StructureEvent>) {
    let (mut states, mut events) = (Vec::new(), Vec::new());
    for block in samples.chunks(block_samples) {
        engine.process(block, |report| {
            states.push(report.state.structure);
            events.extend(report.structure_event);
        });
    }
    (states, events)
}

fn is_usable(state: &StructureState) -> bool {
    let sum: f32 = state.section_probs.iter().sum();
    let is_prob = |prob: &f32| (0.0..=1.0).contains(prob);
    (sum == 0.0 || (sum - 1.0).abs() < 1e-5)
        && state.section_probs.iter().chain(&state.hazard_probs).all(is_prob)
        && state.hazard_probs.is_sorted()
}

#[test]
fn the_engine_says_the_same_however_the_stream_is_cut() {
    let samples = Band::default().render(RATE_HZ, 20.0);
    let whole = run(&mut engine(), &samples, samples.len());
    assert!(whole.0.iter().all(is_usable));
    assert!(matches!(whole.1[0], StructureEvent::Section { before: None, .. }), "{:?}", whole.1);
    // A new state every fourth frame, 12.5 a second.
    let n_new = whole.0.windows(2).filter(|pair| pair[0].t_sec != pair[1].t_sec).count();
    assert!((240..=250).contains(&n_new), "{n_new}");
    for block_samples in [1, 64, 1000, 4096] {
        assert_eq!(run(&mut engine(), &samples, block_samples), whole, "{block_samples}");
    }
}

#[test]
fn a_reset_repeats_every_state() {
    let samples = Band::default().render(RATE_HZ, 8.0);
    let mut engine = engine();
    let first = run(&mut engine, &samples, 882);
    engine.reset();
    assert_eq!(run(&mut engine, &samples, 882), first);
}

#[test]
fn silence_noise_and_bad_samples_give_usable_states_and_allocate_nothing() {
    let mut bad = noise(Colour::Pink, 0.1, 220_500, 1);
    bad.iter_mut().step_by(97).for_each(|v| *v = f32::NAN);
    let square: Vec<f32> = (0..220_500).map(|n| if n / 50 % 2 == 0 { 1.0 } else { -1.0 }).collect();
    for samples in [vec![0.0; 220_500], vec![1.0; 220_500], noise(Colour::White, 1.0, 220_500, 2), square, bad] {
        let mut engine = engine();
        let mut n_states = 0;
        engine.process(&samples[..44_100], |_| {});
        let ((), n_allocations) = allocations_of(|| {
            engine.process(&samples[44_100..], |report| {
                assert!(is_usable(&report.state.structure), "{:?}", report.state.structure);
                n_states += 1;
            });
        });
        assert_eq!(n_allocations, 0);
        assert!(n_states > 150);
    }
}

#[test]
fn silence_is_the_label_of_silence() {
    let (states, _) = run(&mut engine(), &vec![0.0; 132_300], 882);
    let last = states.last().expect("some frames");
    assert_eq!((last.section_probs[0], last.section_probs.iter().sum::<f32>()), (1.0, 1.0));
}

#[test]
fn without_an_anticipator_the_table_speaks() {
    let mut engine = engine();
    engine.set_anticipator(AnticipatorModel::none());
    assert_eq!(engine.structure().origin(), &AnticipatorOrigin::Prior { reason: None });
    let (states, events) = run(&mut engine, &Band::default().render(RATE_HZ, 10.0), 882);
    let last = states.last().expect("some frames");
    assert!(is_usable(last) && last.section_probs == [0.0; 8] && last.hazard_probs[4] > 0.2, "{last:?}");
    assert!(!events.iter().any(|event| matches!(event, StructureEvent::Section { .. })));
}
