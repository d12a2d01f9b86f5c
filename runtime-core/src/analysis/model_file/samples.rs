//! Small anticipators for tests: weights that follow from a formula, and model files of them.

use std::collections::BTreeMap;

use model_contracts::{Contract, ModelKind};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::anticipator::{AnticipatorWeights, DenseWeights, GruWeights};
use crate::analysis::structure_features::pool::N_AUDIO;

/// Shape and values of a tensor.
pub(crate) type Tensors = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

/// Values in `[-scale, scale]`, without a pattern that a layer could see.
fn values(seed: usize, n: usize, scale: f32) -> Vec<f32> {
    (0..n).map(|i| (((i * 37 + seed * 61) % 101) as f32 - 50.0) / 50.0 * scale).collect()
}

/// The tensors of an anticipator of these sizes.
pub(crate) fn anticipator_tensors(n_audio: usize, n_mix: usize, n_hidden: usize, n_layers: usize, scale: f32) -> Tensors {
    let mut shapes = vec![
        ("audio_in.weight".to_owned(), vec![n_audio, N_AUDIO]),
        ("audio_in.bias".to_owned(), vec![n_audio]),
        ("mix.weight".to_owned(), vec![n_mix, n_audio + 45]),
        ("mix.bias".to_owned(), vec![n_mix]),
    ];
    for (name, n_outputs) in [("label", 8), ("hazard", 6), ("macro", 16)] {
        shapes.push((format!("{name}.weight"), vec![n_outputs, n_hidden]));
        shapes.push((format!("{name}.bias"), vec![n_outputs]));
    }
    for layer in 0..n_layers {
        let n_inputs = if layer == 0 { n_mix } else { n_hidden };
        shapes.push((format!("gru.{layer}.weight_ih"), vec![3 * n_hidden, n_inputs]));
        shapes.push((format!("gru.{layer}.weight_hh"), vec![3 * n_hidden, n_hidden]));
        shapes.push((format!("gru.{layer}.bias_ih"), vec![3 * n_hidden]));
        shapes.push((format!("gru.{layer}.bias_hh"), vec![3 * n_hidden]));
    }
    let tensor = |(seed, (name, shape)): (usize, (String, Vec<usize>))| {
        let n = shape.iter().product();
        (name, (shape, values(seed, n, scale)))
    };
    let mut tensors: Tensors = shapes.into_iter().enumerate().map(tensor).collect();
    tensors.insert("audio_mean".to_owned(), (vec![N_AUDIO], values(77, N_AUDIO, 0.5)));
    tensors.insert("audio_inv_std".to_owned(), (vec![N_AUDIO], values(78, N_AUDIO, 0.5).iter().map(|v| v + 1.0).collect()));
    tensors
}

/// The weights of [`anticipator_tensors`].
pub(crate) fn anticipator_weights(n_audio: usize, n_mix: usize, n_hidden: usize, n_layers: usize, scale: f32) -> AnticipatorWeights {
    let tensors = anticipator_tensors(n_audio, n_mix, n_hidden, n_layers, scale);
    let get = |name: &str| tensors[name].1.clone();
    let dense = |name: &str| DenseWeights { weight: get(&format!("{name}.weight")).into(), bias: get(&format!("{name}.bias")) };
    let gru = |layer: usize| GruWeights {
        weight_ih: get(&format!("gru.{layer}.weight_ih")).into(),
        weight_hh: get(&format!("gru.{layer}.weight_hh")).into(),
        bias_ih: get(&format!("gru.{layer}.bias_ih")),
        bias_hh: get(&format!("gru.{layer}.bias_hh")),
    };
    AnticipatorWeights {
        audio_mean: get("audio_mean"),
        audio_inv_std: get("audio_inv_std"),
        audio_in: dense("audio_in"),
        mix: dense("mix"),
        gru: (0..n_layers).map(gru).collect(),
        n_hidden,
        label: dense("label"),
        hazard: dense("hazard"),
        embedding: dense("macro"),
    }
}

/// Manifest and weights' file of tensors, for the contract of this build.
pub(crate) fn anticipator_files(tensors: &Tensors) -> (Value, Vec<u8>) {
    let contract = Contract::current();
    let hash = contract.scope_hash(ModelKind::Anticipator).unwrap();
    let mut header = json!({"__metadata__": {"name": "tiny", "architecture": "gru", "contract_hash": hash}});
    let mut data = Vec::new();
    for (name, (shape, values)) in tensors {
        let start = data.len();
        data.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        header[name] = json!({"dtype": "F32", "shape": shape, "data_offsets": [start, data.len()]});
    }
    let header = header.to_string();
    let file = [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &data].concat();
    let sha256: String = Sha256::digest(&file).iter().map(|byte| format!("{byte:02x}")).collect();
    let manifest = json!({
        "format": 1, "name": "tiny", "kind": "anticipator", "architecture": "gru",
        "files": {"model.safetensors": {"sha256": sha256, "bytes": file.len()}},
        "contract": {
            "version": contract.contract_version, "hash": hash, "scope": contract.scope(ModelKind::Anticipator).unwrap(),
        },
        "licence": "CC0-1.0", "attribution": "made by a test",
    });
    (manifest, file)
}
