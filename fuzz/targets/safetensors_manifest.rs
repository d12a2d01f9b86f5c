//! Any bytes as a model: two bytes with the length of the manifest, the manifest, the weights.
//!
//! No mutation would ever hit the right hash, so the manifest is also tried with the hash and length of the weights put
//! in, and the weights are also read on their own.
#![no_main]

use libfuzzer_sys::fuzz_target;
use runtime_core::analysis::model_file::{CrnnWeights, ModelFile, SAFETENSORS_FILE};
use serde_json::{Value, json};
use xtask::models::wheel::sha256_hex;

fuzz_target!(|data: &[u8]| {
    let Some((length, rest)) = data.split_first_chunk::<2>() else { return };
    let (manifest, weights) = rest.split_at(usize::from(u16::from_le_bytes(*length)).min(rest.len()));
    let manifest = String::from_utf8_lossy(manifest);
    let _ = ModelFile::parse(&manifest, weights);
    if let Ok(mut manifest @ Value::Object(_)) = serde_json::from_str::<Value>(&manifest) {
        manifest["files"] = json!({SAFETENSORS_FILE: {"sha256": sha256_hex(weights), "bytes": weights.len()}});
        if let Ok(model) = ModelFile::parse(&manifest.to_string(), weights) {
            check(&model.weights);
        }
    }
    if let Ok(weights) = CrnnWeights::read("fuzz", weights, 272) {
        check(&weights);
    }
});

/// What the network's constructor relies on.
fn check(weights: &CrnnWeights) {
    let CrnnWeights { n_features, n_channels, kernel, n_hidden, ref lstm, .. } = *weights;
    assert_eq!(weights.conv_weight.len(), n_channels * kernel);
    assert_eq!(weights.input_weight.len(), n_hidden * n_channels * ((n_features + 1 - kernel) / 2));
    assert!(!lstm.is_empty());
    assert!(lstm.iter().all(|layer| layer.weight_ih.len() == 4 * n_hidden * n_hidden && layer.bias_hh.len() == 4 * n_hidden));
    assert_eq!(weights.output_weight.len(), 3 * n_hidden);
}
