//! Our own network as it is committed: its files, that it runs by default, and its activations of the demo's clip against
//! ONNX Runtime's.
//!
//! Golden data: `tests/golden/pulse`, made by `training/tools/make_pulse_golden.py`.

use std::path::PathBuf;

use anacrusis::decode::AudioReader;
use integration_tests::golden::{Manifest, difference, files_in};
use integration_tests::golden_dir;
use integration_tests::npy::read_npy;
use runtime_core::analysis::activation::{Activation, StepModel};
use runtime_core::analysis::beat_model::{BeatModel, ModelOrigin};
use runtime_core::analysis::embedded::{EmbeddedModel, Family};
use runtime_core::analysis::feature_pipe::FeaturePipe;
use runtime_core::bus::marks::ModelChoice;
use serde_json::Value;
use xtask::demo_clip::AUDIO_FILE;

/// Name and folder of the network that is committed.
const NAME: &str = "pulse_v1";
/// Largest difference of a probability from ONNX Runtime's, from the audio file on.
const TOLERANCE: f32 = 2e-5;

/// The embedded model. It is part of the repository, so there is no skipping.
fn embedded() -> EmbeddedModel {
    Family::Pulse.models().into_iter().next().expect("models/pulse_v1 is part of the repository")
}

fn folder() -> PathBuf {
    xtask::workspace_root().join("models").join(NAME)
}

/// What a network is given of the demo's clip, a row a frame.
fn features() -> Vec<Vec<f32>> {
    let mut reader = AudioReader::open(&golden_dir().join("demo").join(AUDIO_FILE)).expect("the clip is in the repository");
    let front_end = BeatModel::load(ModelChoice::Pulse).front_end;
    let mut pipe = FeaturePipe::new(f64::from(reader.info().sample_rate_hz), front_end);
    let (mut rows, mut block) = (Vec::new(), Vec::new());
    while reader.next_block(&mut block).expect("a whole file").is_some() {
        pipe.process(&block, |frame| rows.push(frame.features.to_vec()));
    }
    pipe.finish(|frame| rows.push(frame.features.to_vec()));
    rows
}

fn golden() -> Vec<Activation> {
    let array = read_npy(&golden_dir().join("pulse/band_112_4.activations.npy")).expect("golden activations");
    array.f32_rows().map(|row| Activation { beat: row[0], downbeat: row[1], none: row[2] }).collect()
}

fn manifest_text() -> String {
    std::fs::read_to_string(golden_dir().join("pulse/MANIFEST.json")).expect("a golden manifest")
}

/// Largest difference of any probability over the whole clip.
fn worst(net: &mut dyn StepModel) -> f32 {
    let (frames, golden) = (features(), golden());
    assert_eq!(frames.len(), golden.len());
    let step = |(frame, &golden): (&Vec<f32>, &Activation)| difference(net.step(frame).expect("a frame of the right length"), golden);
    frames.iter().zip(&golden).map(step).fold(0.0, f32::max)
}

#[test]
fn our_network_alone_runs_by_default() {
    assert_eq!(embedded().name, NAME);
    for model in [BeatModel::load_default(), BeatModel::load(ModelChoice::Pulse)] {
        assert_eq!(model.origin, ModelOrigin::Networks(vec![NAME.to_owned()]));
    }
}

#[test]
fn the_native_kernels_give_the_graphs_activations() {
    let mut model = BeatModel::load(ModelChoice::Pulse);
    let worst = worst(model.net.as_mut());
    eprintln!("native against the graph: largest difference {worst:.1e}");
    assert!(worst <= TOLERANCE, "{worst}");
}

#[cfg(feature = "ort")]
#[test]
fn onnx_runtime_gives_the_native_kernels_activations() {
    use runtime_core::analysis::ort_model::OrtModel;
    let Some(library) = integration_tests::runs::ort_library() else { return };
    let mut onnx = OrtModel::load_file(&folder().join("model.onnx"), &library).expect("our own graph");
    let mut native = BeatModel::load(ModelChoice::Pulse);
    assert_eq!((onnx.name(), onnx.front_end()), (NAME, &native.front_end));
    assert_eq!(onnx.delay_frames(), native.net.delay_frames());
    for frame in features() {
        let step = |net: &mut dyn StepModel| net.step(&frame).expect("a frame of the right length");
        let worst = difference(step(&mut onnx), step(native.net.as_mut()));
        assert!(worst <= TOLERANCE, "{worst}");
    }
}

#[test]
fn the_committed_files_are_the_ones_of_the_manifest() {
    let manifest: Value = serde_json::from_str(embedded().manifest).expect("the manifest is JSON");
    let mut listed: Vec<String> = manifest["files"].as_object().expect("a list of files").keys().cloned().collect();
    listed.push("manifest.json".to_owned());
    listed.sort();
    let present = files_in(&folder());
    assert_eq!(present.iter().map(|file| file.path.clone()).collect::<Vec<_>>(), listed);
    for file in present.iter().filter(|file| file.path != "manifest.json") {
        let entry = &manifest["files"][&file.path];
        assert_eq!((entry["sha256"].as_str(), entry["bytes"].as_u64()), (Some(&*file.sha256), Some(file.bytes)), "{}", file.path);
    }
}

#[test]
fn the_golden_activations_are_of_these_weights() {
    let manifest: Value = serde_json::from_str(embedded().manifest).expect("the manifest is JSON");
    let golden: Value = serde_json::from_str(&manifest_text()).expect("a golden manifest is JSON");
    let hash = &manifest["files"]["model.safetensors"]["sha256"];
    assert_eq!(&golden["weights_sha256"], hash, "the network has changed: run {}", golden["generator"]);
}

#[test]
fn the_stored_files_are_the_ones_listed() {
    let manifest: Manifest = serde_json::from_str(&manifest_text()).expect("a manifest of our format");
    assert_eq!(manifest.files, files_in(&golden_dir().join("pulse")));
    assert_eq!(manifest.tolerance["every probability"] as f32, TOLERANCE);
}
