//! Hints on the command line: `analyze` does what a player would have got, and says in JSON what became of each word.

#![allow(clippy::unwrap_used, reason = "a test that fails panics")]

mod common;

use common::{RATE_HZ, anacrusis, clicks, run, write_wav};
use serde_json::{Value, json};

/// 24 s of clicks at 120 BPM.
fn song() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write_wav(&folder.path().join("song.wav"), &clicks(24.0, RATE_HZ), RATE_HZ);
    folder
}

/// The JSON of a run on the spectral flux with these options.
fn analyzed(folder: &tempfile::TempDir, options: &[&str]) -> Value {
    let base = ["analyze", "--quiet", "--stdout", "-f", "json", "--model", "flux"];
    let ran = run(anacrusis().args(base).args(options).arg(folder.path().join("song.wav")));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    serde_json::from_str(&ran.stdout).unwrap()
}

/// Tempo of the last beat, BPM.
fn last_bpm(value: &Value) -> f64 {
    value["beats"].as_array().unwrap().last().unwrap()["bpm"].as_f64().unwrap()
}

#[test]
fn hints_of_the_command_line_and_of_a_file_are_said_at_their_times() {
    let folder = song();
    let heard = analyzed(&folder, &[]);
    assert!((last_bpm(&heard) - 120.0).abs() < 1.0 && heard["hints"] == json!([]) && heard["in_force"]["tempo_by"] == "evidence");
    let first = &heard["tempo_candidates"][0];
    assert!((first["bpm"].as_f64().unwrap() - 120.0).abs() < 2.0 && first["prob"].as_f64().unwrap() > 0.5, "{first}");

    let script = folder.path().join("song.hints");
    std::fs::write(&script, "10 half  # too fast\n14 meter 9\n100 double # after the end\n").unwrap();
    let halved = analyzed(&folder, &["--hint", "12 nudge -5", "--hints", script.to_str().unwrap()]);
    assert!((last_bpm(&halved) - 60.0).abs() < 1.0, "{}", last_bpm(&halved));
    assert_eq!((&halved["in_force"]["tempo_by"], &halved["in_force"]["nudge_ms"]), (&json!("level"), &json!(-5.0)));
    let said = halved["hints"].as_array().unwrap();
    assert_eq!(said.iter().map(|hint| hint["hint"].as_str().unwrap()).collect::<Vec<_>>(), ["half", "nudge -5", "meter 9"]);
    assert_eq!(said[2]["refused"], "meter of 9 beats per bar: must be 2 to 7");
    let until_10 = |value: &Value| value["beats"].as_array().unwrap().iter().filter(|b| b["time_sec"].as_f64().unwrap() < 9.9).count();
    assert_eq!(until_10(&heard), until_10(&halved), "nothing changes before it is said");
}

#[test]
fn a_tempo_by_hand_is_the_tempo_of_every_beat() {
    let folder = song();
    let value = analyzed(&folder, &["--tempo", "121.5"]);
    let beats = value["beats"].as_array().unwrap();
    assert!(beats.len() > 35 && beats.iter().all(|beat| beat["bpm"] == json!(121.5)), "{} beats", beats.len());
    let offline = analyzed(&folder, &["--tempo", "60", "--offline"]);
    assert!((last_bpm(&offline) - 60.0).abs() < 2.0 && offline["in_force"] == Value::Null);
    let ranged = analyzed(&folder, &["--tempo-range", "55:75"]);
    assert!((last_bpm(&ranged) - 60.0).abs() < 1.0 && ranged["in_force"]["tempo_by"] == "range");
}

#[test]
fn what_is_no_hint_is_refused_before_anything_is_read() {
    let folder = song();
    let missing = folder.path().join("gone.hints");
    for (options, part) in [
        (vec!["--hint", "half"], "expected TIME HINT"),
        (vec!["--hint", "3 faster"], "expected tap, half"),
        (vec!["--hint", "3 half", "--offline"], "cannot be used with"),
        (vec!["--hints", missing.to_str().unwrap()], "gone.hints"),
        (vec!["--tempo", "20"], "tempo of 20 BPM is outside 40:240 BPM"),
    ] {
        let ran = run(anacrusis().arg("analyze").args(&options).arg(folder.path().join("song.wav")));
        assert!(ran.code == 2 && ran.stderr.contains(part), "{options:?}: {} {}", ran.code, ran.stderr);
        assert!(!folder.path().join("song.beats").exists());
    }
}
