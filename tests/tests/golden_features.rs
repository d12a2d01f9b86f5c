//! Window, filterbank and features against madmom's, as BeatNet computes them; from the audio files through our decoder.

use integration_tests::golden::{AUDIO_CLIPS, Manifest, clip_features, clip_samples, files_in};
use integration_tests::golden_dir;
use integration_tests::npy::read_npy;
use runtime_core::analysis::features::{FeatureExtractor, hann_symmetric};
use runtime_core::analysis::filterbank::Filterbank;
use runtime_core::analysis::front_end::FrontEnd;
use runtime_core::units::HOP_SAMPLES;

/// Largest difference of a feature: the transform runs in f32, the reference's in f64.
const FEATURE_TOLERANCE: f32 = 1e-5;
/// Largest difference of a filterbank weight.
const WEIGHT_TOLERANCE: f32 = 1e-7;
/// Largest difference of a window value: rounding of f64 to f32.
const WINDOW_TOLERANCE: f64 = 1e-7;

#[test]
fn features_are_beatnets_on_every_clip() {
    for clip in AUDIO_CLIPS {
        let samples = clip_samples(clip);
        let golden = clip_features(clip);
        let n_frames = samples.len().div_ceil(HOP_SAMPLES);
        assert_eq!(golden.shape, [n_frames, FrontEnd::default().len], "{clip}");
        let mut extractor = FeatureExtractor::new(&FrontEnd::default());
        let mut frames: Vec<Vec<f32>> = Vec::new();
        let silence = vec![0.0; extractor.look_ahead_samples() + HOP_SAMPLES];
        for part in [&samples, &silence] {
            extractor.process(part, |frame| frames.push(frame.features.to_vec()));
        }
        assert!(frames.len() >= n_frames, "{clip}: {} of {n_frames} frames", frames.len());
        let differences =
            frames.iter().zip(golden.f32_rows()).flat_map(|(ours, golden)| ours.iter().zip(golden).map(|(a, b)| (a - b).abs()));
        let worst = differences.fold(0.0f32, f32::max);
        eprintln!("{clip}: {worst:.1e}");
        assert!(worst <= FEATURE_TOLERANCE, "{clip}: {worst}");
    }
}

#[test]
fn the_filterbank_is_madmoms() {
    let golden = read_npy(&golden_dir().join("constants/filterbank_705x136.npy")).expect("the golden filterbank");
    let bank = Filterbank::new(&FrontEnd::default());
    assert_eq!(golden.shape, [705, bank.n_bands()]);
    for (bin, (ours, golden)) in bank.to_dense(705).iter().zip(golden.f32_rows()).enumerate() {
        for (band, (ours, golden)) in ours.iter().zip(golden).enumerate() {
            assert!((ours - golden).abs() <= WEIGHT_TOLERANCE, "bin {bin}, band {band}: {ours}, expected {golden}");
        }
    }
}

#[test]
fn the_window_is_a_symmetric_hann() {
    let golden = read_npy(&golden_dir().join("constants/hann_1411.npy")).expect("the golden window");
    let ours = hann_symmetric(FrontEnd::default().window_samples);
    assert_eq!(golden.shape, [ours.len()]);
    assert!(ours.iter().zip(golden.f64()).all(|(&ours, golden)| (f64::from(ours) - golden).abs() <= WINDOW_TOLERANCE));
}

#[test]
fn golden_files_are_as_they_were_written() {
    for folder in ["activations", "clips", "constants", "exact", "features", "particles"] {
        let folder = golden_dir().join(folder);
        let text = std::fs::read_to_string(folder.join("MANIFEST.json")).expect("a manifest in every golden folder");
        let manifest: Manifest = serde_json::from_str(&text).expect("a manifest");
        let mut listed = manifest.files;
        listed.sort_by(|a, b| a.path.cmp(&b.path));
        assert_eq!(files_in(&folder), listed, "{}", folder.display());
    }
}
