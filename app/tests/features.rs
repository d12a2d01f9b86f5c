//! What `features` writes, where, and what it refuses.

#![allow(clippy::unwrap_used, reason = "a test that fails panics")]

mod common;

use std::path::Path;
use std::sync::{Arc, Mutex};

use anacrusis::npz::NpzReader;
use common::{anacrusis, folder_with, names_in, run};
use runtime_core::analysis::beat_model::BeatModel;
use runtime_core::analysis::config::EngineConfig;
use runtime_core::analysis::engine::Engine;
use runtime_core::analysis::feature_pipe::FeaturePipe;
use runtime_core::analysis::front_end::FrontEnd;

const N_FEATURES: usize = 272;

#[test]
fn frames_go_beside_the_input_and_stdout_stays_empty() {
    let folder = folder_with(&["song.wav"]);
    let ran = run(anacrusis().arg("features").arg(folder.path().join("song.wav")));
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""));
    assert_eq!(names_in(folder.path()), ["song.npz", "song.wav"]);
    assert!(ran.stderr.contains("frames of 12.0 s in "), "{}", ran.stderr);
}

#[test]
fn a_file_gives_the_frames_of_its_samples() {
    let folder = folder_with(&["song.wav"]);
    let wav = folder.path().join("song.wav");
    run(anacrusis().args(["features", "--quiet"]).arg(&wav));
    let rows = NpzReader::open(&folder.path().join("song.npz")).unwrap().rows::<N_FEATURES>("features").unwrap();

    let mut reader = hound::WavReader::open(&wav).unwrap();
    let samples: Vec<f32> = reader.samples::<i16>().map(|s| f32::from(s.unwrap()) / 32_768.0).collect();
    let mut pipe = FeaturePipe::new(f64::from(reader.spec().sample_rate), FrontEnd::default());
    let mut expected: Vec<f32> = Vec::new();
    pipe.process(&samples, |frame| expected.extend(frame.features));
    pipe.finish(|frame| expected.extend(frame.features));
    assert_eq!(rows.as_flattened(), expected);
    assert!((600..=605).contains(&rows.len()), "{}", rows.len());
}

#[test]
fn a_directory_of_files_is_described_in_one_document() {
    let folder = folder_with(&["b.wav", "deep/a.wav"]);
    let out = tempfile::tempdir().unwrap();
    let ran =
        run(anacrusis().args(["features", "--json", "--quiet", "--jobs", "2", "--out"]).arg(out.path().join("new")).arg(folder.path()));
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert_eq!(names_in(out.path()), ["new/a.npz", "new/b.npz"]);
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert!(report["contract_hash"].as_str().unwrap().starts_with("sha256:"));
    let files = report["files"].as_array().unwrap();
    assert!(files[0]["output"].as_str().unwrap().ends_with("b.npz") && files[1]["output"].as_str().unwrap().ends_with("a.npz"));
    for file in files {
        let rows = NpzReader::open(Path::new(file["output"].as_str().unwrap())).unwrap().rows::<N_FEATURES>("features").unwrap();
        assert_eq!((file["n_frames"].as_u64(), file["duration_sec"].as_f64()), (Some(rows.len() as u64), Some(12.0)));
        assert!(file["error"].is_null());
    }
    // The same file gives the same bytes.
    let again = out.path().join("again.npz");
    run(anacrusis().args(["features", "-o"]).arg(&again).arg(folder.path().join("b.wav")));
    assert_eq!(std::fs::read(again).unwrap(), std::fs::read(out.path().join("new/b.npz")).unwrap());
}

#[test]
fn steps_are_those_of_the_engine_however_the_stream_is_cut() {
    const N_STEP: usize = 335;
    let folder = folder_with(&["song.wav"]);
    let wav = folder.path().join("song.wav");
    let ran = run(anacrusis().args(["features", "--structure"]).arg(&wav));
    assert!(ran.code == 0 && ran.stderr.contains(" steps of 12.0 s in "), "{}", ran.stderr);
    let mut npz = NpzReader::open(&folder.path().join("song.npz")).unwrap();
    let rows = npz.rows::<N_STEP>("rows").unwrap();
    assert_eq!(rows.len(), 150, "12.5 a second");
    assert!(rows.as_flattened().iter().all(|value| value.is_finite()));
    for name in ["step_time_sec", "step_beat", "locked", "tracker_beat_sec", "tracker_beat_in_bar", "contract_hash", "sample_rate_hz"] {
        assert!(npz.names().iter().any(|other| other == name), "{name}");
    }
    assert!(!npz.names().iter().any(|name| name == "macro"), "nobody asked");

    let mut reader = hound::WavReader::open(&wav).unwrap();
    let samples: Vec<f32> = reader.samples::<i16>().map(|s| f32::from(s.unwrap()) / 32_768.0).collect();
    for block_samples in [64, 1000, samples.len()] {
        let config = EngineConfig::new(f64::from(reader.spec().sample_rate));
        let mut engine = Engine::new(&config, BeatModel::load_default()).unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let keep = Arc::clone(&seen);
        engine.watch_structure(Box::new(move |step, _| keep.lock().unwrap().push(*step.row)));
        samples.chunks(block_samples).for_each(|block| engine.process(block, |_| {}));
        engine.finish(|_| {});
        let seen = seen.lock().unwrap();
        assert!(seen.len() >= rows.len() && seen[..rows.len()] == rows[..], "blocks of {block_samples}");
    }
}

#[test]
fn an_anticipator_that_is_named_adds_what_it_says_or_is_refused() {
    let folder = folder_with(&["song.wav"]);
    let wav = folder.path().join("song.wav");
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/anticipator");
    let ran = run(anacrusis().args(["features", "--structure", "--quiet", "--anticipator"]).arg(&golden).arg(&wav));
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    let mut npz = NpzReader::open(&folder.path().join("song.npz")).unwrap();
    let sections = npz.rows::<8>("section_probs").unwrap();
    assert!(sections.len() == 150 && sections.iter().all(|probs| (probs.iter().sum::<f32>() - 1.0).abs() < 1e-5));
    assert!(npz.rows::<5>("hazard_probs").unwrap().iter().all(|probs| probs.is_sorted()));
    assert_eq!(npz.rows::<16>("macro").unwrap().len(), 150);

    let ran = run(anacrusis().args(["features", "--structure", "--anticipator", "no/such/folder"]).arg(&wav));
    assert!(ran.code == 2 && ran.stderr.contains("no/such/folder"), "{}", ran.stderr);
}

#[test]
fn a_file_that_fails_is_named_and_the_others_are_done() {
    let folder = folder_with(&["good.wav"]);
    std::fs::write(folder.path().join("bad.wav"), b"no audio").unwrap();
    let out = tempfile::tempdir().unwrap();
    let ran = run(anacrusis().args(["features", "--json", "--out"]).arg(out.path()).arg(folder.path()));
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("bad.wav: is no audio file") && ran.stderr.contains("1 done, 1 failed"), "{}", ran.stderr);
    assert_eq!(names_in(out.path()), ["good.npz"]);
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert!(report["files"][0]["output"].is_null() && report["files"][0]["error"].as_str().unwrap().contains("no audio file"));
}

#[test]
fn what_cannot_be_carried_out_is_refused_before_anything_is_written() {
    let folder = folder_with(&["x.wav", "deep/x.wav"]);
    let out = tempfile::tempdir().unwrap();
    for arguments in [["--out", "new"], ["-o", "new.npz"]] {
        let ran = run(anacrusis().current_dir(out.path()).arg("features").args(arguments).arg(folder.path()));
        assert_eq!(ran.code, 2, "{}", ran.stderr);
        assert!(names_in(out.path()).is_empty());
    }
    let ran = run(anacrusis().current_dir(out.path()).args(["features", "--out", "new"]).arg(folder.path()));
    assert!(ran.stderr.contains("deep/x.wav and ") || ran.stderr.contains("deep\\x.wav and "), "{}", ran.stderr);
    assert_eq!(run(anacrusis().arg("features")).code, 2);
}
