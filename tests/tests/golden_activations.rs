//! The embedded networks against BeatNet's own activations: from stored features, and from the audio files.

use integration_tests::golden::{
    AUDIO_CLIPS, WEIGHT_SETS, clip_activations, clip_features, clip_mean_activations, clip_samples, difference,
};
use integration_tests::runs::{Recorder, chosen, config, feed, recorded};
use integration_tests::say;
use runtime_core::analysis::activation::{Activation, StepModel as _};
use runtime_core::analysis::beat_model::BeatModel;
use runtime_core::analysis::config::DecoderKind;
use runtime_core::analysis::embedded::EMBEDDED;
use runtime_core::analysis::engine::Engine;
use runtime_core::analysis::model_file::ModelFile;
use runtime_core::analysis::network::Network;
use runtime_core::bus::marks::ModelChoice;

/// Largest difference from the same features; torch and ONNX Runtime differ by 1.1e-5.
const FROM_FEATURES_TOLERANCE: f32 = 5e-5;
/// Largest difference from the audio files, our features included.
const END_TO_END_TOLERANCE: f32 = 1e-4;

/// The embedded BeatNet weight set `index`, or `None`, said aloud.
fn weight_set(index: usize) -> Option<ModelFile> {
    let name = format!("beatnet-{index}");
    let Some(model) = EMBEDDED.iter().find(|model| model.name == name) else {
        say(format_args!("SKIPPED: {name} is not embedded; run `cargo xtask models`"));
        return None;
    };
    Some(ModelFile::parse(model.manifest, model.safetensors).expect("an embedded model loads"))
}

/// Activations of a whole clip through the engine's front end.
fn end_to_end(clip: &str, model: BeatModel) -> Vec<Activation> {
    let (model, activations) = Recorder::around(model);
    let mut engine = Engine::new(&config(22_050.0, DecoderKind::Exact), model).expect("a valid configuration");
    feed(&mut engine, &clip_samples(clip), 1000);
    engine.finish(|_| {});
    recorded(&activations)
}

fn worst(ours: &[Activation], golden: &[Activation]) -> f32 {
    assert!(ours.len() >= golden.len(), "{} of {} frames", ours.len(), golden.len());
    ours.iter().zip(golden).map(|(&ours, &golden)| difference(ours, golden)).fold(0.0, f32::max)
}

#[test]
fn activations_from_stored_features_are_beatnets() {
    for index in WEIGHT_SETS {
        let Some(file) = weight_set(index) else { continue };
        let mut net = Network::new(&file);
        for clip in AUDIO_CLIPS {
            net.reset();
            let features = clip_features(clip);
            let ours: Vec<Activation> = features.f32_rows().map(|frame| net.step(frame).expect("272 features")).collect();
            let worst = worst(&ours, &clip_activations(clip, index));
            assert!(worst <= FROM_FEATURES_TOLERANCE, "{clip}, weight set {index}: {worst}");
        }
    }
}

#[test]
fn activations_from_audio_files_are_beatnets() {
    for index in WEIGHT_SETS {
        let Some(file) = weight_set(index) else { continue };
        for clip in AUDIO_CLIPS {
            let model = BeatModel::from_files(std::slice::from_ref(&file)).expect("one model");
            let worst = worst(&end_to_end(clip, model), &clip_activations(clip, index));
            eprintln!("{clip}, weight set {index}: {worst:.1e}");
            assert!(worst <= END_TO_END_TOLERANCE, "{clip}, weight set {index}: {worst}");
        }
    }
}

#[test]
fn beatnet_is_the_mean_of_all_three() {
    for clip in AUDIO_CLIPS {
        let Some(model) = chosen(ModelChoice::BeatNet) else { return };
        let worst = worst(&end_to_end(clip, model), &clip_mean_activations(clip));
        assert!(worst <= END_TO_END_TOLERANCE, "{clip}: {worst}");
    }
}
