//! Model files that load, and every way in which one does not.

mod int8;

use std::collections::BTreeMap;

use super::*;
use model_contracts::canonical_json;
use serde_json::json;

/// Shape and values of a tensor.
type Tensors = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

const N_LAYERS: usize = 3;
const N_HIDDEN: usize = 5;

/// A network of other sizes than BeatNet's, on the standard front end.
fn tiny() -> Tensors {
    let (channels, taps, n_features) = (3, 7, FrontEnd::default().len);
    let pooled = (n_features - taps).div_ceil(2);
    let mut shapes = vec![
        ("conv.weight".to_owned(), vec![channels, 1, taps]),
        ("conv.bias".to_owned(), vec![channels]),
        ("input.weight".to_owned(), vec![N_HIDDEN, channels * pooled]),
        ("input.bias".to_owned(), vec![N_HIDDEN]),
        ("output.weight".to_owned(), vec![3, N_HIDDEN]),
        ("output.bias".to_owned(), vec![3]),
    ];
    for layer in 0..N_LAYERS {
        shapes.push((format!("lstm.{layer}.weight_ih"), vec![4 * N_HIDDEN, N_HIDDEN]));
        shapes.push((format!("lstm.{layer}.weight_hh"), vec![4 * N_HIDDEN, N_HIDDEN]));
        shapes.push((format!("lstm.{layer}.bias_ih"), vec![4 * N_HIDDEN]));
        shapes.push((format!("lstm.{layer}.bias_hh"), vec![4 * N_HIDDEN]));
    }
    shapes
        .into_iter()
        .map(|(name, shape)| {
            let n: usize = shape.iter().product();
            (name, (shape, (0..n).map(|i| ((i * 37 % 101) as f32 - 50.0) / 200.0).collect()))
        })
        .collect()
}

fn front_end() -> Value {
    serde_json::to_value(FrontEnd::default()).unwrap()
}

fn file_of(tensors: &Tensors, dtype: &str, front_end: &Value) -> Vec<u8> {
    file_with(tensors, dtype, front_end, "crnn", &json!({}))
}

fn metadata_of(front_end: &Value, architecture: &str, shaping: &Value) -> Value {
    let hash = Contract::current().scope_hash(ModelKind::BeatModel).unwrap();
    let mut metadata = json!({"name": "tiny", "architecture": architecture, "contract_hash": hash});
    metadata["front_end"] = canonical_json(front_end).into();
    metadata["network"] = canonical_json(shaping).into();
    metadata
}

fn file_with(tensors: &Tensors, dtype: &str, front_end: &Value, architecture: &str, shaping: &Value) -> Vec<u8> {
    let metadata = metadata_of(front_end, architecture, shaping);
    let stored = tensors.iter().map(|(name, (shape, values))| {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        (name.as_str(), dtype, &shape[..], bytes)
    });
    file_of_stored(&metadata, stored)
}

/// A file of these tensors: name, type, shape and bytes of each.
fn file_of_stored<'a>(metadata: &Value, tensors: impl Iterator<Item = (&'a str, &'a str, &'a [usize], Vec<u8>)>) -> Vec<u8> {
    let mut header = json!({ "__metadata__": metadata });
    let mut data = Vec::new();
    for (name, dtype, shape, bytes) in tensors {
        let start = data.len();
        data.extend(bytes);
        header[name] = json!({"dtype": dtype, "shape": shape, "data_offsets": [start, data.len()]});
    }
    let header = header.to_string();
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &data].concat()
}

fn manifest_of(safetensors: &[u8], front_end: &Value) -> Value {
    let contract = Contract::current();
    let sha256: String = Sha256::digest(safetensors).iter().map(|b| format!("{b:02x}")).collect();
    json!({
        "format": 1, "name": "tiny", "kind": "beat_model", "architecture": "crnn", "front_end": front_end,
        "files": {"model.safetensors": {"sha256": sha256, "bytes": safetensors.len()}},
        "contract": {
            "version": contract.contract_version,
            "hash": contract.scope_hash(ModelKind::BeatModel).unwrap(),
            "scope": contract.scope(ModelKind::BeatModel).unwrap(),
        },
        "licence": "CC0-1.0", "attribution": "made by a test",
    })
}

/// Manifest and weights of a tiny network that loads.
fn tiny_model() -> (String, Vec<u8>) {
    let file = file_of(&tiny(), "F32", &front_end());
    (manifest_of(&file, &front_end()).to_string(), file)
}

fn with_tensors(alter: impl FnOnce(&mut Tensors)) -> String {
    let mut tensors = tiny();
    alter(&mut tensors);
    let file = file_of(&tensors, "F32", &front_end());
    ModelFile::parse(&manifest_of(&file, &front_end()).to_string(), &file).unwrap_err().to_string()
}

fn with_manifest(pointer: &str, value: Value) -> ModelFileError {
    let file = file_of(&tiny(), "F32", &front_end());
    let mut manifest = manifest_of(&file, &front_end());
    *manifest.pointer_mut(pointer).unwrap() = value;
    ModelFile::parse(&manifest.to_string(), &file).unwrap_err()
}

#[test]
fn a_net_of_any_depth_and_width_loads() {
    let (manifest, file) = tiny_model();
    let model = ModelFile::parse(&manifest, &file).unwrap();
    let NetworkWeights::Crnn(weights) = &model.members[0].network else { panic!("it is BeatNet's kind") };
    assert_eq!((model.members.len(), model.members[0].weight, model.calibration, model.delay_frames), (1, 1.0, None, 0));
    assert_eq!((weights.n_channels, weights.kernel, weights.n_hidden, weights.lstm.len()), (3, 7, N_HIDDEN, N_LAYERS));
    assert_eq!(weights.lstm[2].bias_hh, tiny()["lstm.2.bias_hh"].1);
    assert_eq!((model.name.as_str(), &model.front_end), ("tiny", &FrontEnd::default()));
    assert_eq!(model.attribution, "made by a test (CC0-1.0)");
}

#[test]
fn a_truncated_altered_or_empty_file_is_refused() {
    let (manifest, file) = tiny_model();
    for length in [0, 7, file.len() / 2, file.len() - 1] {
        let error = ModelFile::parse(&manifest, &file[..length]).unwrap_err();
        assert!(matches!(error, ModelFileError::Length { got, .. } if got == length as u64), "{error}");
    }
    for at in [0, 20, file.len() - 1] {
        let mut altered = file.clone();
        altered[at] ^= 1;
        let error = ModelFile::parse(&manifest, &altered).unwrap_err();
        assert!(matches!(error, ModelFileError::Hash { .. }), "{error}");
    }
}

#[test]
fn a_file_that_is_no_safetensors_is_refused_even_with_the_right_hash() {
    for bytes in [&b""[..], b"12345678", &u64::MAX.to_le_bytes(), b"\x02\0\0\0\0\0\0\0{}"] {
        let error = ModelFile::parse(&manifest_of(bytes, &front_end()).to_string(), bytes).unwrap_err();
        assert!(matches!(error, ModelFileError::Safetensors { .. } | ModelFileError::Metadata { .. }), "{error}");
    }
}

#[test]
fn a_manifest_that_is_no_json_is_refused() {
    let (_, file) = tiny_model();
    for text in ["", "{", "[]", "null", "{\"format\": 1}"] {
        assert!(matches!(ModelFile::parse(text, &file), Err(ModelFileError::Manifest(_))), "{text}");
    }
}

#[test]
fn unknown_kinds_are_named() {
    for (pointer, value) in [("/format", json!(2)), ("/kind", json!("anticipator")), ("/architecture", json!("transformer"))] {
        let error = with_manifest(pointer, value.clone());
        let got = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        assert!(matches!(&error, ModelFileError::Field { got: g, .. } if *g == got), "{error}");
    }
    assert!(with_manifest("/files", json!({})).to_string().contains("model.safetensors"));
}

#[test]
fn another_contract_is_refused_with_the_first_differing_field() {
    let error = with_manifest("/contract/scope/~1beat_model/class_order/0", json!("downbeat")).to_string();
    assert!(error.contains("/beat_model/class_order/0: expected \"beat\", got \"downbeat\""), "{error}");
    assert!(with_manifest("/contract/version", json!("2.0.0")).to_string().contains("2.0.0"));
    assert!(with_manifest("/contract/hash", json!("sha256:00")).to_string().contains("sha256:00"));
}

#[test]
fn a_front_end_that_cannot_be_computed_is_refused() {
    for (pointer, value) in [
        ("window_samples", json!(0)),
        ("window_samples", json!(440)),
        ("fft_samples", json!(1000)),
        ("fft_bins", json!(100_000)),
        ("bin_hz_divisor_samples", json!(0)),
        ("bands_per_octave", json!(0)),
        ("bands_per_octave", json!(4_000_000)),
        ("fmin_hz", json!(0)),
        ("fmax_hz", json!(20)),
        ("fref_hz", json!(-440)),
        ("bands", json!(137)),
        ("len", json!(271)),
        ("len", json!("272")),
    ] {
        let error = with_manifest(&format!("/front_end/{pointer}"), value.clone());
        assert!(matches!(error, ModelFileError::Field { .. }), "{pointer} {value}: {error}");
    }
}

#[test]
fn an_edited_manifest_is_noticed() {
    let error = with_manifest("/front_end/fmax_hz", json!(17001)).to_string();
    assert!(error.contains("front_end/fmax_hz of model.safetensors: expected 17001, got 17000"), "{error}");
    assert!(with_manifest("/name", json!("other")).to_string().contains("metadata name"));
}

#[test]
fn wrong_tensors_are_named_with_both_shapes() {
    let shape = |name: &'static str, shape: &[usize]| {
        let shape = shape.to_vec();
        with_tensors(move |t| {
            t.insert(name.to_owned(), (shape.clone(), vec![0.0; shape.iter().product()]));
        })
    };
    assert!(shape("input.bias", &[6]).contains("tensor input.bias: expected shape [5], got [6]"));
    assert!(shape("conv.weight", &[3, 7]).contains("expected shape [channels, 1, taps], got [3, 7]"));
    assert!(shape("conv.weight", &[3, 1, 300]).contains("expected fewer taps than 272 features, got 300"));
    assert!(shape("lstm.0.weight_hh", &[4]).contains("lstm.0.weight_hh"));
    assert!(shape("lstm.1.weight_ih", &[20, 4]).contains("lstm.1.weight_ih: expected shape [20, 5], got [20, 4]"));
    assert!(shape("output.bias", &[4]).contains("output.bias"));
    assert!(shape("output.bias", &[0]).contains("no empty dimension"));
    assert!(shape("lstm.0.weight_hh", &[0, 1 << 40]).contains("no empty dimension"));
    assert!(shape("extra", &[1]).contains("tensor extra"));
    assert!(shape("lstm.4.bias_ih", &[1]).contains("tensor lstm.4.bias_ih"));
    assert!(shape("lstm.0.bias_zz", &[1]).contains("a tensor more"));
}

#[test]
fn a_missing_tensor_is_named() {
    for name in tiny().keys() {
        let message = with_tensors(|t| drop(t.remove(name)));
        // Without its recurrent matrix the last layer counts as absent, and its other tensors as too many.
        let layer = name.rsplit_once('.').unwrap().0;
        assert!(message.contains(layer), "{name}: {message}");
    }
}

#[test]
fn weights_that_are_not_finite_are_refused_with_their_index() {
    for value in [f32::NAN, f32::INFINITY] {
        let message = with_tensors(|t| t.get_mut("input.bias").unwrap().1[3] = value);
        assert!(message.contains("tensor input.bias: expected finite values") && message.contains("at index 3"), "{message}");
    }
}

#[test]
fn another_element_type_is_refused() {
    let file = file_of(&tiny(), "I32", &front_end());
    let error = ModelFile::parse(&manifest_of(&file, &front_end()).to_string(), &file).unwrap_err().to_string();
    assert!(error.contains("expected type F32 or I8, got I32"), "{error}");
}

/// Found by the `contract` fuzz target: serde_json rounds long numbers otherwise unless `float_roundtrip` is on.
#[test]
fn the_hashed_text_of_a_long_number_is_stable() {
    let text = |json: &str| canonical_json(&serde_json::from_str(json).unwrap());
    for json in ["1111111111111111111111", "0.12345678901234567", "8.3e-322"] {
        assert_eq!(text(&text(json)), text(json));
    }
}

#[test]
fn a_missing_folder_names_the_file() {
    let error = ModelFile::read_dir(Path::new("no-such-model")).unwrap_err().to_string();
    assert!(error.contains("manifest.json"), "{error}");
}

/// A temporal convolution network of five channels, two blocks and one convolution in front.
fn tiny_tcn() -> (Value, Tensors) {
    let shapes = [
        ("norm.mean", vec![272]),
        ("norm.scale", vec![272]),
        ("front.0.weight", vec![4, 2, 7]),
        ("front.0.bias", vec![4]),
        ("input.weight", vec![5, 4 * 43]),
        ("input.bias", vec![5]),
        ("block.0.conv.weight", vec![5, 10]),
        ("block.0.conv.bias", vec![5]),
        ("block.0.out.weight", vec![5, 5]),
        ("block.0.out.bias", vec![5]),
        ("block.1.conv.weight", vec![5, 10]),
        ("block.1.conv.bias", vec![5]),
        ("block.1.out.weight", vec![5, 5]),
        ("block.1.out.bias", vec![5]),
        ("output.weight", vec![3, 5]),
        ("output.bias", vec![3]),
    ];
    let filled = |shape: Vec<usize>| (0..shape.iter().product()).map(|i: usize| (i % 7) as f32 / 10.0 - 0.3).collect();
    let tensors = shapes.into_iter().map(|(name, shape)| (name.to_owned(), (shape.clone(), filled(shape)))).collect();
    (json!({"architecture": "tcn", "network": {"dilations": [1, 8], "taps": 2, "pool": [3]}}), tensors)
}

/// Reads a model whose manifest has these fields besides the usual ones, its metadata in agreement.
fn parse_with(fields: &Value, tensors: &Tensors) -> Result<ModelFile, ModelFileError> {
    let mut shaping = fields.clone();
    let architecture = shaping.as_object_mut().unwrap().remove("architecture").unwrap();
    let file = file_with(tensors, "F32", &front_end(), architecture.as_str().unwrap(), &shaping);
    let mut manifest = manifest_of(&file, &front_end());
    manifest.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    ModelFile::parse(&manifest.to_string(), &file)
}

#[test]
fn a_temporal_convolution_network_loads() {
    let (fields, tensors) = tiny_tcn();
    let model = parse_with(&fields, &tensors).unwrap();
    let NetworkWeights::Tcn(weights) = &model.members[0].network else { panic!("{model:?}") };
    assert_eq!((weights.n_channels, weights.n_taps, weights.front.n_outputs), (5, 2, 4 * 43));
    assert_eq!(weights.blocks.iter().map(|block| block.dilation_frames).collect::<Vec<_>>(), [1, 8]);
    assert_eq!(weights.front.layers[0].shape, [4, 2, 7]);
}

#[test]
fn sizes_in_the_manifest_are_checked_before_the_tensors() {
    let (fields, tensors) = tiny_tcn();
    let with = |pointer: &str, value: Value| {
        let mut fields = fields.clone();
        *fields.pointer_mut(pointer).unwrap() = value;
        parse_with(&fields, &tensors).unwrap_err().to_string()
    };
    assert!(with("/network/taps", json!(0)).contains("network.taps: expected 1 to 4096, got 0"));
    assert!(with("/network/dilations", json!([])).contains("network.dilations: expected some"));
    assert!(with("/network/dilations", json!([1, 0])).contains("got [1, 0]"));
    assert!(with("/network/dilations", json!([1, usize::MAX])).contains("at most 4096 frames"));
    assert!(with("/network/dilations", json!([1])).contains("tensor block.1.conv.bias: expected only the tensors"));
    assert!(with("/network/dilations", json!([1, 2, 3])).contains("tensor block.2.conv.weight: expected a tensor, got nothing"));
    assert!(with("/network/taps", json!(3)).contains("block.0.conv.weight: expected shape [5, 15], got [5, 10]"));
    assert!(with("/network/pool", json!([0])).contains("front.0.weight: expected taps and a pooling by 0"));
    assert!(with("/network/pool", json!([131])).contains("leave some of 136 bands, got 7 taps"));
    assert!(with("/network/pool", json!([2])).contains("input.weight: expected shape [5, 260], got [5, 172]"));
    assert!(with("/network/pool", json!("3")).contains("network: expected dilations, taps and pool"));
    assert!(with("/network", json!({"dilations": [1], "taps": 2, "tapes": 3})).contains("unknown field `tapes`"));
    assert!(with("/architecture", json!("crnn")).contains("expected nothing beside the architecture crnn"));
    let mut without = tensors.clone();
    without.remove("norm.scale");
    assert!(parse_with(&fields, &without).unwrap_err().to_string().contains("tensor norm.scale: expected a tensor, got nothing"));
    let alone = json!({"architecture": "tcn"});
    assert!(parse_with(&alone, &tensors).unwrap_err().to_string().contains("network: expected dilations, taps and pool, got nothing"));
}

#[test]
fn members_of_a_mixture_have_weights_that_sum_to_one() {
    let (tcn, tensors) = tiny_tcn();
    let member = |weight: f64| {
        let mut member = tcn.clone();
        member["weight"] = json!(weight);
        member
    };
    let both: Tensors =
        (0..2).flat_map(|i| tensors.iter().map(move |(name, tensor)| (format!("member.{i}.{name}"), tensor.clone()))).collect();
    let fields = |members: Value| json!({"architecture": "mixture", "members": members});
    let model = parse_with(&fields(json!([member(0.25), member(0.75)])), &both).unwrap();
    assert_eq!(model.members.iter().map(|member| member.weight).collect::<Vec<_>>(), [0.25, 0.75]);
    let refused = |members: Value| parse_with(&fields(members), &both).unwrap_err().to_string();
    for weights in [[0.5, 0.6], [1.0, 0.0], [1.5, -0.5]] {
        let message = refused(json!(weights.map(member)));
        assert!(
            message.contains("members: expected weights above 0 that sum to 1") && message.contains(&format!("{weights:?}")),
            "{message}"
        );
    }
    assert!(refused(json!([])).contains("sum to 1, got []"));
    assert!(refused(json!([member(1.0)])).contains("tensor member.1.block.0.conv.bias: expected only"));
    let mut inner = member(0.5);
    inner["architecture"] = json!("mixture");
    assert!(refused(json!([member(0.5), inner])).contains("members.1.architecture: expected crnn, tcn, crnn2"));
    assert!(refused(json!([{"architecture": "tcn", "weight": 1.0}])).contains("members.0.network: expected dilations"));
    let message = parse_with(&json!({"architecture": "tcn", "members": []}), &both).unwrap_err().to_string();
    assert!(message.contains("members: expected nothing beside the architecture tcn"), "{message}");
}

#[test]
fn calibration_and_delay_are_read_and_bounded() {
    let (mut fields, tensors) = tiny_tcn();
    fields["calibration"] = json!({"beat_scale": 0.12, "downbeat_scale": 0.25, "floor": 0.01});
    fields["delay_frames"] = json!(2);
    let model = parse_with(&fields, &tensors).unwrap();
    assert_eq!(model.calibration, Some(Calibration { beat_scale: 0.12, downbeat_scale: 0.25, floor: 0.01 }));
    assert_eq!(model.delay_frames, 2);
    let with = |pointer: &str, value: Value| {
        let mut fields = fields.clone();
        *fields.pointer_mut(pointer).unwrap() = value;
        parse_with(&fields, &tensors).unwrap_err().to_string()
    };
    assert!(with("/calibration/floor", json!(1)).contains("calibration.floor: expected a number from 0 to below 1, got 1"));
    assert!(with("/calibration/beat_scale", json!(0)).contains("calibration.beat_scale"));
    assert!(with("/calibration", json!({"beat_scale": 1})).contains("missing field `downbeat_scale`"));
    for delay in [json!(26), json!(-1), json!("2"), json!(0.5)] {
        assert!(with("/delay_frames", delay.clone()).contains(&format!("delay_frames: expected 0 to 25, got {delay}")));
    }
}

#[test]
fn an_edited_network_calibration_or_delay_is_noticed() {
    let (fields, tensors) = tiny_tcn();
    let shaping = json!({"network": fields["network"]});
    let file = file_with(&tensors, "F32", &front_end(), "tcn", &shaping);
    let edited = |field: &str, value: Value| {
        let mut manifest = manifest_of(&file, &front_end());
        manifest.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        manifest[field] = value;
        ModelFile::parse(&manifest.to_string(), &file).unwrap_err().to_string()
    };
    let message = edited("network", json!({"dilations": [1, 9], "taps": 2, "pool": [3]}));
    assert!(message.contains("metadata network/network/dilations/1 of model.safetensors: expected 9, got 8"), "{message}");
    assert!(edited("delay_frames", json!(1)).contains("metadata network/delay_frames of model.safetensors: expected 1, got nothing"));
    assert!(edited("calibration", json!({"beat_scale": 1, "downbeat_scale": 1, "floor": 0})).contains("network/calibration"));
}
