//! Networks against BeatNet's own activations, and the two backends against each other.
//!
//! Golden data: `tests/golden/features` and `tests/golden/activations`, made with the original network. The models come
//! from `cargo xtask models`, the library of the `ort` feature from `cargo xtask ort-runtime`; without them the tests
//! that need them say so and pass.

use std::path::PathBuf;

use integration_tests::npy::read_npy;
use integration_tests::{golden_dir, say};
use model_contracts::Contract;
use runtime_core::analysis::activation::{Activation, StepModel};
use runtime_core::analysis::model_file::{ModelFile, NetworkWeights};
use runtime_core::analysis::network::Network;
use xtask::models::crnn::Crnn;
use xtask::models::manifest::Manifest;
use xtask::models::pins::WEIGHT_FILES;
use xtask::models::torch_file::Tensor;
use xtask::models::{ConvertedModel, package};

/// Largest difference of a probability from the golden one, from the same features; torch and ONNX Runtime differ by 1.1e-5.
const GOLDEN_TOLERANCE: f32 = 5e-5;

/// Folder of a converted weight set, or `None`, said aloud.
fn model_dir(name: &str) -> Option<PathBuf> {
    let dir = xtask::workspace_root().join("models").join(name);
    if dir.join("manifest.json").exists() {
        return Some(dir);
    }
    say(format_args!("SKIPPED: models/{name} is missing; run `cargo xtask models`"));
    None
}

/// Every clip with stored features: name and features.
fn golden_features() -> Vec<(String, Vec<Vec<f32>>)> {
    let suffix = ".features.npy";
    let entries = std::fs::read_dir(golden_dir().join("features")).expect("golden features are in the repository");
    let names = entries.filter_map(|entry| Some(entry.expect("a readable folder").file_name().to_str()?.strip_suffix(suffix)?.to_owned()));
    let read = |name: String| {
        let features = read_npy(&golden_dir().join(format!("features/{name}{suffix}"))).expect("a golden array");
        let rows = features.f32_rows().map(<[f32]>::to_vec).collect();
        (name, rows)
    };
    let clips: Vec<_> = names.map(read).collect();
    assert!(clips.len() >= 4, "golden features are missing");
    clips
}

fn difference(a: Activation, b: Activation) -> f32 {
    (a.beat - b.beat).abs().max((a.downbeat - b.downbeat).abs()).max((a.none - b.none).abs())
}

/// Largest difference of `net` from the golden activations of weight set `index` (1 to 3) over all clips.
fn golden_error(net: &mut dyn StepModel, index: usize) -> f32 {
    let mut worst = 0.0_f32;
    for (clip, frames) in golden_features() {
        let golden = read_npy(&golden_dir().join(format!("activations/{clip}.activations_m{index}.npy"))).expect("a golden array");
        net.reset();
        for (frame, expected) in frames.iter().zip(golden.f32_rows()) {
            let expected = Activation { beat: expected[0], downbeat: expected[1], none: expected[2] };
            worst = worst.max(difference(net.step(frame).expect("a frame of the right length"), expected));
        }
    }
    worst
}

/// A network of another depth and width than BeatNet's, packed as `cargo xtask models` packs.
fn other_network(n_layers: usize, n_hidden: usize) -> ConvertedModel {
    let contract = Contract::current();
    let (channels, taps) = (3, 8);
    let n_pooled = (contract.logfb.len + 1 - taps) / 2;
    let mut shapes = vec![
        ("conv1.weight".to_owned(), vec![channels, 1, taps]),
        ("conv1.bias".to_owned(), vec![channels]),
        ("linear0.weight".to_owned(), vec![n_hidden, channels * n_pooled]),
        ("linear0.bias".to_owned(), vec![n_hidden]),
        ("linear.weight".to_owned(), vec![3, n_hidden]),
        ("linear.bias".to_owned(), vec![3]),
    ];
    for layer in 0..n_layers {
        shapes.push((format!("lstm.weight_ih_l{layer}"), vec![4 * n_hidden, n_hidden]));
        shapes.push((format!("lstm.weight_hh_l{layer}"), vec![4 * n_hidden, n_hidden]));
        shapes.push((format!("lstm.bias_ih_l{layer}"), vec![4 * n_hidden]));
        shapes.push((format!("lstm.bias_hh_l{layer}"), vec![4 * n_hidden]));
    }
    let mut seed = 1_u32;
    let mut weight = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 8) as f32 / (1 << 24) as f32 - 0.5
    };
    let mut tensor = |(name, shape): (String, Vec<usize>)| {
        let values = (0..shape.iter().product()).map(|_| weight()).collect();
        Tensor { name, shape, values }
    };
    let tensors = shapes.into_iter().map(&mut tensor).collect();
    let net = Crnn::from_state_dict("other.pt", tensors, contract.logfb.len).expect("a consistent network");
    package(&contract, Manifest::new(&contract, &WEIGHT_FILES[0]).expect("a valid contract"), &net)
}

fn file<'a>(model: &'a ConvertedModel, name: &str) -> &'a [u8] {
    &model.files.iter().find(|(file, _)| *file == name).expect("a packed file").1
}

fn parse(model: &ConvertedModel) -> ModelFile {
    ModelFile::parse(std::str::from_utf8(file(model, "manifest.json")).expect("JSON is text"), file(model, "model.safetensors"))
        .expect("what was packed is read")
}

#[test]
fn the_native_network_gives_beatnets_activations() {
    for index in 1..=3 {
        let Some(dir) = model_dir(&format!("beatnet-{index}")) else { continue };
        let model = ModelFile::read_dir(&dir).unwrap();
        let error = golden_error(&mut Network::new(&model), index);
        eprintln!("native, weight set {index}: largest difference {error:.1e}");
        assert!(error <= GOLDEN_TOLERANCE, "weight set {index}: {error}");
    }
}

#[test]
fn a_deeper_or_wider_net_is_written_and_read_the_same() {
    for (n_layers, n_hidden) in [(1, 7), (4, 33)] {
        let model = parse(&other_network(n_layers, n_hidden));
        let NetworkWeights::Crnn(weights) = &model.members[0].network else { panic!("BeatNet's kind of network") };
        assert_eq!((weights.lstm.len(), weights.n_hidden, weights.n_channels), (n_layers, n_hidden, 3));
        let mut net = Network::new(&model);
        let (_, frames) = golden_features().remove(0);
        let activation = net.step(&frames[0]).unwrap();
        assert!((activation.beat + activation.downbeat + activation.none - 1.0).abs() < 1e-6);
    }
}

#[cfg(feature = "ort")]
mod ort {
    use super::*;
    use integration_tests::runs::ort_library as library;
    use runtime_core::analysis::front_end::FrontEnd;
    use runtime_core::analysis::ort_model::{OrtModel, OrtModelError};

    /// Largest difference between the two backends on random weights of three and more layers.
    const BACKEND_TOLERANCE: f32 = 1e-5;

    #[test]
    fn onnx_runtime_gives_beatnets_activations() {
        let Some(library) = library() else { return };
        for index in 1..=3 {
            let Some(dir) = model_dir(&format!("beatnet-{index}")) else { continue };
            let mut net = OrtModel::load_file(&dir.join("model.onnx"), &library).unwrap();
            assert_eq!((net.name(), net.front_end()), (format!("beatnet-{index}").as_str(), &FrontEnd::default()));
            let error = golden_error(&mut net, index);
            eprintln!("ONNX Runtime, weight set {index}: largest difference {error:.1e}");
            assert!(error <= GOLDEN_TOLERANCE, "weight set {index}: {error}");
        }
    }

    #[test]
    fn both_backends_agree_on_a_net_of_any_depth() {
        let Some(library) = library() else { return };
        for (n_layers, n_hidden) in [(1, 7), (4, 33)] {
            let packed = other_network(n_layers, n_hidden);
            let mut onnx = OrtModel::load(file(&packed, "model.onnx"), &library).unwrap();
            let model = parse(&packed);
            let mut native = Network::new(&model);
            let mut worst = 0.0_f32;
            for frame in &golden_features().remove(0).1 {
                worst = worst.max(difference(native.step(frame).unwrap(), onnx.step(frame).unwrap()));
            }
            eprintln!("native against ONNX Runtime, {n_layers} layers of {n_hidden}: largest difference {worst:.1e}");
            assert!(worst <= BACKEND_TOLERANCE, "{worst}");
        }
    }

    /// The running mean of features, in states of the model's own choosing; made by `training/tools/make_net_golden.py`.
    #[test]
    fn a_model_may_have_states_of_its_own() {
        let Some(library) = library() else { return };
        let folder = golden_dir().join("nets");
        let mut net = OrtModel::load_file(&folder.join("running_mean.onnx"), &library).unwrap();
        assert_eq!((net.name(), net.n_features(), net.delay_frames()), ("running_mean", 88, 3));
        let features = read_npy(&folder.join("features.npy")).expect("golden features");
        let golden = read_npy(&folder.join("running_mean.activations.npy")).expect("golden activations");
        for _ in 0..2 {
            for (frame, expected) in features.f32_rows().zip(golden.f32_rows()) {
                let expected = Activation { beat: expected[0], downbeat: expected[1], none: expected[2] };
                let worst = difference(net.step(frame).unwrap(), expected);
                assert!(worst <= BACKEND_TOLERANCE, "{worst}");
            }
            net.reset();
        }
    }

    #[test]
    fn reset_returns_to_the_exact_first_state() {
        let Some(library) = library() else { return };
        let mut net = OrtModel::load(file(&other_network(2, 5), "model.onnx"), &library).unwrap();
        let frames = golden_features().remove(0).1;
        let run = |net: &mut OrtModel| frames[..21].iter().map(|frame| net.step(frame).unwrap()).collect::<Vec<_>>();
        let first = run(&mut net);
        net.reset();
        assert_eq!(first, run(&mut net));
    }

    #[test]
    fn a_model_moves_to_another_thread() {
        let Some(library) = library() else { return };
        let packed = other_network(1, 5);
        let mut net = OrtModel::load(file(&packed, "model.onnx"), &library).unwrap();
        let frame = golden_features().remove(0).1.remove(0);
        let here = net.step(&frame).unwrap();
        net.reset();
        let there = std::thread::spawn(move || net.step(&frame).unwrap()).join().unwrap();
        assert_eq!(here, there);
    }

    #[test]
    fn bad_models_are_refused_by_name() {
        let Some(library) = library() else { return };
        let packed = other_network(1, 5);
        let onnx = file(&packed, "model.onnx");
        let load = |bytes: &[u8]| OrtModel::load(bytes, &library).err().expect("must be refused");
        assert!(matches!(load(b""), OrtModelError::Session(_)));
        assert!(matches!(load(&onnx[..onnx.len() / 2]), OrtModelError::Session(_)));

        let contract = Contract::current();
        let manifest = Manifest::new(&contract, &WEIGHT_FILES[0]).unwrap();
        let net = network_for(24);
        let opset = contract.beat_model.opset;
        let bare = xtask::models::onnx::write(&net, &Default::default(), opset);
        assert!(matches!(load(&bare), OrtModelError::NoMetadata { key: "name" }));
        let narrow = xtask::models::onnx::write(&net, &manifest.metadata(), opset);
        assert!(load(&narrow).to_string().contains("tensor features: expected features 272, got 24"), "{}", load(&narrow));

        let mut metadata = manifest.metadata();
        let scope = metadata["contract_scope"].replace("\"softmax\"", "\"sigmoid\"");
        metadata.insert("contract_scope".to_owned(), scope);
        let other = load(&xtask::models::onnx::write(&net, &metadata, opset)).to_string();
        assert!(other.contains("/beat_model/activation: expected \"softmax\", got \"sigmoid\""), "{other}");

        let elsewhere = std::env::temp_dir().join("another-onnx-runtime.so");
        assert!(matches!(OrtModel::load(onnx, &elsewhere), Err(OrtModelError::OtherLibrary { .. })));
    }

    #[test]
    fn a_frame_of_another_length_is_refused() {
        let Some(library) = library() else { return };
        let mut net = OrtModel::load(file(&other_network(1, 5), "model.onnx"), &library).unwrap();
        assert!(net.step(&[0.0; 271]).unwrap_err().to_string().contains("272 features, got 271"));
    }

    fn network_for(n_features: usize) -> Crnn {
        let shapes = [
            ("conv1.weight", vec![1, 1, 2]),
            ("conv1.bias", vec![1]),
            ("linear0.weight", vec![2, (n_features - 1) / 2]),
            ("linear0.bias", vec![2]),
            ("linear.weight", vec![3, 2]),
            ("linear.bias", vec![3]),
            ("lstm.weight_ih_l0", vec![8, 2]),
            ("lstm.weight_hh_l0", vec![8, 2]),
            ("lstm.bias_ih_l0", vec![8]),
            ("lstm.bias_hh_l0", vec![8]),
        ];
        let tensor = |(name, shape): (&str, Vec<usize>)| {
            let values = vec![0.5; shape.iter().product()];
            Tensor { name: name.to_owned(), shape, values }
        };
        Crnn::from_state_dict("narrow.pt", shapes.map(tensor).into(), n_features).expect("a consistent network")
    }
}
