//! Our scores against those of mir_eval, stored by `tests/golden/metrics/generate.py`.

use std::path::PathBuf;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::*;

/// Largest absolute difference from mir_eval's score, the same number as in the manifest: both sum the same terms in
/// double precision, in another order.
const TOLERANCE: f64 = 1e-6;

#[derive(Deserialize)]
struct Case {
    name: String,
    reference_sec: Vec<f64>,
    estimated_sec: Vec<f64>,
    scores: Stored,
}

#[derive(Deserialize)]
struct Stored {
    f70: f64,
    f25: f64,
    cmlc: f64,
    cmlt: f64,
    amlc: f64,
    amlt: f64,
    cemgil: f64,
    cemgil_best: f64,
    information_gain: Option<f64>,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/metrics")
}

fn manifest() -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(folder().join("MANIFEST.json")).unwrap()).unwrap()
}

#[test]
fn every_score_agrees_with_mir_eval() {
    let cases: Vec<Case> = serde_json::from_slice(&std::fs::read(folder().join("cases.json")).unwrap()).unwrap();
    assert!(cases.len() >= 40);
    for case in &cases {
        let (reference, estimated) = (&case.reference_sec[..], &case.estimated_sec[..]);
        let (levels, gauss, stored) = (continuity(reference, estimated), cemgil(reference, estimated), &case.scores);
        for (metric, ours, theirs) in [
            ("f70", f_measure(reference, estimated, WINDOW_SEC), stored.f70),
            ("f25", f_measure(reference, estimated, NARROW_WINDOW_SEC), stored.f25),
            ("cmlc", levels.cmlc, stored.cmlc),
            ("cmlt", levels.cmlt, stored.cmlt),
            ("amlc", levels.amlc, stored.amlc),
            ("amlt", levels.amlt, stored.amlt),
            ("cemgil", gauss.score, stored.cemgil),
            ("cemgil_best", gauss.best, stored.cemgil_best),
        ] {
            assert!((ours - theirs).abs() <= TOLERANCE, "{} {metric}: ours {ours}, mir_eval {theirs}", case.name);
        }
        let ours = information_gain(reference, estimated);
        let agrees = match (ours, stored.information_gain) {
            (Some(ours), Some(theirs)) => (ours - theirs).abs() <= TOLERANCE,
            (None, None) => true,
            _ => false,
        };
        assert!(agrees, "{} information gain: ours {ours:?}, mir_eval {:?}", case.name, stored.information_gain);
    }
}

#[test]
fn the_stored_results_are_the_generated_ones() {
    let bytes = std::fs::read(folder().join("cases.json")).unwrap();
    let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let manifest = manifest();
    assert_eq!(manifest["files"]["cases.json"]["sha256"], digest.as_str());
    assert_eq!(manifest["tolerance"].as_f64(), Some(TOLERANCE));
}
