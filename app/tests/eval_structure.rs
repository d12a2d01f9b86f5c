//! `eval --structure`: what it scores, beside whom, and what it refuses; and `analyze` with an anticipator.

#![allow(clippy::unwrap_used, reason = "a test that fails panics")]

mod common;

use std::path::{Path, PathBuf};

use common::{anacrusis, folder_with, run};
use serde_json::Value;

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/anticipator")
}

/// Two click tracks of 12 s at 120 BPM with three sections each, and one without sections.
fn corpus() -> tempfile::TempDir {
    let folder = folder_with(&["a.wav", "b.wav", "plain.wav"]);
    let beats: String = (0..24).map(|k| format!("{}\t{}\n", 0.5 * f64::from(k), k % 4 + 1)).collect();
    for name in ["a", "b", "plain"] {
        std::fs::write(folder.path().join(format!("{name}.beats")), &beats).unwrap();
    }
    std::fs::write(folder.path().join("a.sections"), "0.0\tintro\n4.0\tverse\n8.0\tchorus\n11.5\tend\n").unwrap();
    std::fs::write(folder.path().join("b.sections"), "0.0\tverse\n6.0\tchorus\n").unwrap();
    folder
}

fn report(arguments: &[&str], corpus: &Path) -> Value {
    let ran = run(anacrusis().args(["eval", "--structure", "--json", "--corpus"]).arg(corpus).args(arguments));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    serde_json::from_str(&ran.stdout).unwrap()
}

fn names(report: &Value) -> Vec<&str> {
    report["predictors"].as_array().unwrap().iter().map(|predictor| predictor["name"].as_str().unwrap()).collect()
}

#[test]
fn an_anticipator_is_shown_beside_who_heard_nothing_and_who_was_told() {
    let corpus = corpus();
    let report = report(&["--anticipator", golden().to_str().unwrap()], corpus.path());
    assert_eq!((&report["pieces"], &report["n_beats"]), (&serde_json::json!(["a", "b"]), &46.into()));
    assert_eq!(report["configuration"]["anticipator"], "tiny");
    let names = names(&report);
    assert_eq!(names.len(), 5);
    for (name, part) in names.iter().zip(["anticipator", "floor", "sound of another", "every 8 bars", "bigram"]) {
        assert!(name.contains(part), "{names:?}");
    }
    let first = &report["predictors"][0];
    assert_eq!(first["horizons"].as_array().unwrap().len(), 4, "every beat of pieces so short has a boundary within 16");
    // Three boundaries of a and two of b, one beat before each.
    assert!((first["horizons"][0]["base_rate"].as_f64().unwrap() - 5.0 / 46.0).abs() < 1e-9);
    for horizon in first["horizons"].as_array().unwrap() {
        for figure in ["ap", "auc", "brier", "log_loss", "ece", "ap_over_floor"] {
            assert!(horizon[figure]["value"].is_number() && horizon[figure]["interval"].is_array(), "{figure}: {horizon}");
        }
    }
    assert!(first["labels"]["accuracy"]["value"].is_number() && report["over_time"]["flips_per_minute"].is_number());
}

#[test]
fn without_a_network_the_table_is_scored_and_labels_are_not() {
    let corpus = corpus();
    let report = report(&["--anticipator", "none"], corpus.path());
    assert_eq!(names(&report).len(), 4, "no network, no other sound");
    let (ours, floor) = (&report["predictors"][0], &report["predictors"][1]);
    assert!(ours["labels"].is_null() && report["over_time"].is_null());
    assert_eq!(ours["horizons"][2]["ap"], floor["horizons"][2]["ap"]);
}

#[test]
fn the_table_is_for_people_and_the_report_is_the_same_again() {
    let corpus = corpus();
    let file = corpus.path().join("report.json");
    let ran = run(anacrusis()
        .args(["eval", "--structure", "--anticipator"])
        .arg(golden())
        .arg("--corpus")
        .arg(corpus.path())
        .arg("--report")
        .arg(&file));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    for part in ["boundary within", "16 beats", "AP over floor", "section at a beat", "2 pieces (2 unknown), 46 beats", "anticipator tiny"]
    {
        assert!(ran.stdout.contains(part), "{part} in {}", ran.stdout);
    }
    let written: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(written, report(&["--anticipator", golden().to_str().unwrap()], corpus.path()));
}

#[test]
fn what_cannot_be_scored_is_named() {
    let corpus = corpus();
    let refused = |arguments: &[&str]| {
        let ran = run(anacrusis().args(["eval", "--structure", "--corpus"]).arg(corpus.path()).args(arguments));
        assert_eq!(ran.code, 2, "{arguments:?}: {}", ran.stdout);
        ran.stderr
    };
    assert!(refused(&["--only", "plain"]).contains("no piece has sections"));
    assert!(refused(&["--anticipator", "no/such/folder"]).contains("no/such/folder"));
    assert!(refused(&["--offline"]).contains("--offline"));
    std::fs::write(corpus.path().join("b.sections"), "0.0\tverse\nsix\tchorus\n").unwrap();
    let message = refused(&[]);
    assert!(message.contains("b.sections:2") && message.contains("`six`"), "{message}");
}

#[test]
fn analyze_tells_sections_and_boundaries() {
    let folder = folder_with(&["song.wav"]);
    let wav = folder.path().join("song.wav");
    let document = |anticipator: &str| -> Value {
        let ran = run(anacrusis().args(["analyze", "--stdout", "--format", "json", "--anticipator", anticipator]).arg(&wav));
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        serde_json::from_str(&ran.stdout).unwrap()
    };
    let told = document(golden().to_str().unwrap());
    assert_eq!(told["anticipator"], "tiny");
    assert!(told["sections"][0]["label"].is_string() && told["sections"][0]["prob"].as_f64().unwrap() > 0.1);
    let (hazards, beats) = (told["hazards"].as_array().unwrap(), told["beats"].as_array().unwrap());
    assert!(hazards.len() >= beats.len() && beats.len() > 15);
    assert!(hazards.iter().all(|at| at["within"].as_array().unwrap().len() == 5 && at["sections"].as_array().unwrap().len() == 8));
    let told = document("none");
    assert!(told["anticipator"].is_null() && told["sections"].as_array().unwrap().is_empty() && told["hazards"][0]["sections"].is_null());
}
