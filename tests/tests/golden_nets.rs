//! Native networks of every architecture against PyTorch: small random ones, as model files, over a run of features.
//!
//! Golden data: `tests/golden/nets`, made by `training/tools/make_net_golden.py` with networks of its own definition.

use anacrusis::bench::allocator::{CountingAllocator, allocations_of};
use integration_tests::golden::{Manifest, difference, files_in};
use integration_tests::golden_dir;
use integration_tests::npy::read_npy;
use runtime_core::analysis::activation::{Activation, StepModel};
use runtime_core::analysis::beat_model::BeatModel;
use runtime_core::analysis::model_file::ModelFile;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

const NAMES: [&str; 6] = ["tcn", "tcn_front", "crnn2", "crnn", "mixture", "mixture_int8"];
/// Largest difference of a probability from PyTorch's.
const TOLERANCE: f32 = 1e-5;

fn model_file(name: &str) -> ModelFile {
    let folder = golden_dir().join("nets");
    let manifest = std::fs::read_to_string(folder.join(format!("{name}.manifest.json"))).expect("a golden manifest");
    let weights = std::fs::read(folder.join(format!("{name}.safetensors"))).expect("golden weights");
    ModelFile::parse(&manifest, &weights).expect("a golden model loads")
}

fn features() -> Vec<Vec<f32>> {
    let array = read_npy(&golden_dir().join("nets/features.npy")).expect("golden features");
    array.f32_rows().map(<[f32]>::to_vec).collect()
}

fn activations(name: &str) -> Vec<Activation> {
    let array = read_npy(&golden_dir().join(format!("nets/{name}.activations.npy"))).expect("golden activations");
    array.f32_rows().map(|row| Activation { beat: row[0], downbeat: row[1], none: row[2] }).collect()
}

fn run(net: &mut dyn StepModel, frames: &[Vec<f32>]) -> Vec<Activation> {
    frames.iter().map(|frame| net.step(frame).expect("a frame of the right length")).collect()
}

/// Largest difference of any probability of a run.
fn worst(ours: &[Activation], golden: &[Activation]) -> f32 {
    assert_eq!(ours.len(), golden.len());
    ours.iter().zip(golden).map(|(&a, &b)| difference(a, b)).fold(0.0, f32::max)
}

#[test]
fn every_architecture_gives_pytorchs_activations() {
    let frames = features();
    for name in NAMES {
        let mut net = BeatModel::from_files(&[model_file(name)]).expect("one model").net;
        let worst = worst(&run(net.as_mut(), &frames), &activations(name));
        eprintln!("{name}: largest difference {worst:.1e}");
        assert!(worst <= TOLERANCE, "{name}: {worst}");
    }
}

#[test]
fn a_reset_and_another_instance_repeat_every_bit() {
    let frames = features();
    for name in NAMES {
        let file = model_file(name);
        let mut net = BeatModel::from_files(std::slice::from_ref(&file)).expect("one model").net;
        let first = run(net.as_mut(), &frames);
        net.reset();
        assert_eq!(run(net.as_mut(), &frames), first, "{name}");
        let mut other = BeatModel::from_files(&[file]).expect("one model").net;
        assert_eq!(run(other.as_mut(), &frames), first, "{name}");
    }
}

#[test]
fn a_step_and_a_reset_allocate_nothing() {
    let frames = features();
    for name in NAMES {
        let mut net = BeatModel::from_files(&[model_file(name)]).expect("one model").net;
        let ((), n_allocations) = allocations_of(|| {
            for frame in &frames {
                assert!(net.step(frame).is_ok());
            }
            net.reset();
        });
        assert_eq!(n_allocations, 0, "{name}");
    }
}

#[test]
fn a_model_says_how_late_it_is_and_a_mean_of_differently_late_ones_is_refused() {
    let net = BeatModel::from_files(&[model_file("mixture")]).expect("one model").net;
    assert_eq!((net.delay_frames(), net.n_features()), (2, 88));
    let refused = BeatModel::from_files(&[model_file("mixture"), model_file("tcn")]).err().expect("different delays");
    assert!(refused.to_string().contains("expected a delay of 2 frames as of mixture, got 0"), "{refused}");
}

#[test]
fn the_stored_files_are_the_ones_listed() {
    let folder = golden_dir().join("nets");
    let text = std::fs::read_to_string(folder.join("MANIFEST.json")).expect("a golden manifest");
    let manifest: Manifest = serde_json::from_str(&text).expect("a manifest of our format");
    assert_eq!(manifest.files, files_in(&folder));
    assert_eq!(manifest.tolerance["every probability"] as f32, TOLERANCE);
}
