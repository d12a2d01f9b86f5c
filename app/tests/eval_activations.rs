//! A run with recorded activations is the run with the network that they are of.

#![allow(clippy::unwrap_used, reason = "a test that fails panics")]

mod common;

use std::path::Path;

use anacrusis::bench::band::Band;
use anacrusis::npz::{self, Array, NpzReader, Values};
use common::{RATE_HZ, Ran, anacrusis, names_in, run, write_wav};
use serde_json::Value;

const N_SECONDS: f64 = 16.0;

/// Two pieces of the synthetic band: one whose last hop is full, and one whose last hop is not.
fn corpus() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (id, n_seconds) in [("a", N_SECONDS), ("b", N_SECONDS - 0.493)] {
        let band = Band::default();
        write_wav(&folder.path().join(format!("{id}.wav")), &band.render(f64::from(RATE_HZ), n_seconds), RATE_HZ);
        let beats = band.beats_sec(n_seconds).into_iter().enumerate();
        let rows: String = beats.map(|(n, time_sec)| format!("{time_sec}\t{}\n", n % 4 + 1)).collect();
        std::fs::write(folder.path().join(format!("{id}.beats")), rows).unwrap();
    }
    folder
}

fn eval(corpus: &Path, options: &[&str], folder_option: &str, folder: &Path) -> Ran {
    run(anacrusis().args(["eval", "--json", "--corpus"]).arg(corpus).args(options).arg(folder_option).arg(folder))
}

/// A report without what differs between two runs of one thing.
fn scores(ran: &Ran) -> Value {
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let mut report: Value = serde_json::from_str(&ran.stdout).unwrap();
    report["configuration"]["activation"] = Value::Null;
    report["cpu_per_audio"] = Value::Null;
    report["clips"].as_array_mut().unwrap().iter_mut().for_each(|clip| clip["cpu_sec"] = Value::Null);
    report
}

#[test]
fn activations_that_were_saved_give_the_same_scores() {
    let corpus = corpus();
    for options in [&["--causal"][..], &["--offline"], &["--decoder", "particle"]] {
        let out = tempfile::tempdir().unwrap();
        let folder = out.path().join("saved");
        let with_network = eval(corpus.path(), options, "--save-activations", &folder);
        assert_eq!(names_in(&folder), ["a.npz", "b.npz"]);
        let recorded = eval(corpus.path(), options, "--activations", &folder);
        assert_eq!(scores(&recorded), scores(&with_network), "{options:?}");
        let report: Value = serde_json::from_str(&recorded.stdout).unwrap();
        assert_eq!(report["configuration"]["activation"], "recorded: saved");
        assert!(report["clips"].as_array().unwrap().iter().all(|clip| clip["n_beats"].as_u64() > Some(5)), "{options:?}");
    }
}

/// Rows of no beat at all, as a network run over `features` would give.
fn write_silence(path: &Path, n_rows: usize) {
    let values = [0.0f32, 0.0, 1.0].repeat(n_rows);
    let array = Array { name: "activations", shape: &[n_rows, 3], values: Values::F32(&values) };
    std::fs::write(path, npz::to_bytes(&[array])).unwrap();
}

#[test]
fn a_row_for_each_frame_of_features_is_the_right_length() {
    let corpus = corpus();
    let folder = tempfile::tempdir().unwrap();
    run(anacrusis().args(["features", "--out"]).arg(folder.path()).arg(corpus.path()));
    let mut n_frames = 0;
    for id in ["a.npz", "b.npz"] {
        let path = folder.path().join(id);
        n_frames = NpzReader::open(&path).unwrap().rows::<272>("features").unwrap().len();
        write_silence(&path, n_frames);
    }
    for mode in ["--causal", "--offline"] {
        let ran = eval(corpus.path(), &[mode], "--activations", folder.path());
        assert!(scores(&ran)["clips"].as_array().unwrap().iter().all(|clip| clip["n_beats"] == 0), "{mode}");
    }
    for (n_rows, name) in [(n_frames - 3, "short"), (n_frames + 3, "long")] {
        write_silence(&folder.path().join("b.npz"), n_rows);
        let ran = eval(corpus.path(), &[], "--activations", folder.path());
        let report: Value = serde_json::from_str(&ran.stdout).unwrap();
        let error = report["clips"][1]["error"].as_str().unwrap();
        assert_eq!(ran.code, 1, "{name}");
        assert!(error.contains(&format!("b.npz has {n_rows} rows, but the audio has ")) && error.ends_with("frames"), "{error}");
        assert!(report["clips"][0]["error"].is_null());
    }
}

#[test]
fn what_cannot_be_used_is_named() {
    let corpus = corpus();
    let folder = tempfile::tempdir().unwrap();
    let ran = eval(corpus.path(), &[], "--activations", folder.path());
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("no activations for ") && ran.stderr.contains("a.npz is missing"), "{}", ran.stderr);

    write_silence(&folder.path().join("a.npz"), 10_000);
    std::fs::write(folder.path().join("b.npz"), b"no zip").unwrap();
    let ran = eval(corpus.path(), &[], "--activations", folder.path());
    assert_eq!(ran.code, 1);
    assert!(ran.stdout.contains("a.npz has 10000 rows") && ran.stdout.contains("b.npz is not a .npz file"), "{}", ran.stdout);

    let ran = eval(corpus.path(), &["--save-activations", "elsewhere"], "--activations", folder.path());
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    let ran = eval(corpus.path(), &["--model", "models/x"], "--activations", folder.path());
    assert!(ran.code == 2 && ran.stderr.contains("cannot be used with"), "{}", ran.stderr);
}
