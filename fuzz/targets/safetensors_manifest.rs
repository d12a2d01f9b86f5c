//! Any bytes as a model: two bytes with the length of the manifest, the manifest, the weights.
//!
//! No mutation would ever hit the right hash, so the manifest is also tried with the hash and length of the weights put
//! in. What is accepted must run.
#![no_main]

use libfuzzer_sys::fuzz_target;
use runtime_core::analysis::activation::StepModel as _;
use runtime_core::analysis::anticipator::Anticipator;
use runtime_core::analysis::model_file::{AnticipatorFile, ModelFile, SAFETENSORS_FILE};
use runtime_core::analysis::network::Network;
use runtime_core::analysis::structure_features::N_STEP;
use serde_json::{Value, json};
use xtask::models::wheel::sha256_hex;

fuzz_target!(|data: &[u8]| {
    let Some((length, rest)) = data.split_first_chunk::<2>() else { return };
    let (manifest, weights) = rest.split_at(usize::from(u16::from_le_bytes(*length)).min(rest.len()));
    let manifest = String::from_utf8_lossy(manifest);
    let _ = ModelFile::parse(&manifest, weights);
    let _ = AnticipatorFile::parse(&manifest, weights);
    if let Ok(mut manifest @ Value::Object(_)) = serde_json::from_str::<Value>(&manifest) {
        manifest["files"] = json!({SAFETENSORS_FILE: {"sha256": sha256_hex(weights), "bytes": weights.len()}});
        if let Ok(model) = ModelFile::parse(&manifest.to_string(), weights) {
            run(&model);
        }
        if let Ok(model) = AnticipatorFile::parse(&manifest.to_string(), weights) {
            let mut net = Anticipator::new(&model.name, &model.weights);
            for _ in 0..2 {
                let _ = net.step(&[0.5; N_STEP]);
            }
        }
    }
});

/// Two frames through the network: its kernels rely on what the reader has checked.
fn run(model: &ModelFile) {
    let mut net = Network::new(model);
    assert_eq!(net.n_features(), model.front_end.len);
    let frame = vec![0.5; model.front_end.len];
    for _ in 0..2 {
        // Weights of any size may overflow; that is an error, not a fault.
        let _ = net.step(&frame);
    }
    net.reset();
}
