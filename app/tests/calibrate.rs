//! `anacrusis calibrate` from the clicks to the configuration, by the real binary: simulated, saved, measured again, written.

#![allow(clippy::unwrap_used, reason = "a test that fails panics")]

mod common;

use std::path::Path;

use common::{Ran, anacrusis, run};

fn calibrate(folder: &Path, args: &[&str]) -> Ran {
    run(anacrusis().env("ANACRUSIS_CONFIG_DIR", folder).arg("calibrate").args(args))
}

fn json(ran: &Ran) -> serde_json::Value {
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    serde_json::from_str(&ran.stdout).unwrap()
}

#[test]
fn a_simulated_delay_is_measured_and_written_and_the_rest_of_the_file_stays() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("anacrusis.toml");
    std::fs::write(&config, "# mine\n[outputs.wled]\nhost = \"10.0.0.7\" # stairs\noffset_ms = 5 # by ear\n").unwrap();
    let ran = calibrate(folder.path(), &["--simulate-delay", "212.3", "--clicks", "12", "--write", "wled"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("offset    -212.3 ms") && ran.stdout.contains("12 of 12 heard"), "{}", ran.stdout);
    assert!(ran.stderr.contains("outputs.wled.offset_ms = -212.3, was 5"), "{}", ran.stderr);
    let text = std::fs::read_to_string(&config).unwrap();
    assert_eq!(text, "# mine\n[outputs.wled]\nhost = \"10.0.0.7\" # stairs\noffset_ms = -212.3 # by ear\n");
}

#[test]
fn a_delay_above_a_beat_is_no_smaller_one() {
    let folder = tempfile::tempdir().unwrap();
    let report = json(&calibrate(folder.path(), &["--simulate-delay", "1100", "--clicks", "12", "--json"]));
    assert_eq!((&report["delay_ms"], &report["method"]), (&1100.0.into(), &"recording".into()), "{report}");
    let refused = calibrate(folder.path(), &["--simulate-delay", "612", "--clicks", "12", "--write", "osc"]);
    assert!(refused.code == 1 && refused.stderr.contains("-612.0 ms is more than outputs take"), "{}", refused.stderr);
    assert!(refused.stdout.contains("offset    -612.0 ms") && !folder.path().join("anacrusis.toml").exists());
}

#[test]
fn what_was_saved_measures_the_same_again() {
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("kept");
    let kept = kept.to_str().unwrap();
    let first = json(&calibrate(folder.path(), &["--simulate-delay", "87.4", "--clicks", "10", "--json", "--save", kept]));
    let (wav, played) = (format!("{kept}/recording.wav"), format!("{kept}/played.json"));
    let again = json(&calibrate(folder.path(), &["--recording", &wav, "--played", &played, "--json"]));
    assert_eq!(first, again);
    assert_eq!(first["offset_ms"], -87.4);
    let later = json(&calibrate(folder.path(), &["--recording", &wav, "--played", &played, "--json", "--later"]));
    assert_eq!(later["offset_ms"], 87.4);
}

#[test]
fn taps_are_measured_less_the_reaction() {
    let folder = tempfile::tempdir().unwrap();
    let report = json(&calibrate(folder.path(), &["--tap", "--simulate-delay", "90", "--json"]));
    assert_eq!(
        (&report["offset_ms"], &report["reaction_ms"], &report["method"]),
        (&(-90.0).into(), &160.0.into(), &"taps".into()),
        "{report}"
    );
    // A person: scattered by up to 45 ms, one tap missing, one doubled, one asleep.
    let clicks: Vec<f64> = (0..20).map(|n| f64::from(n) + 0.37 * f64::from(n * n % 7) / 7.0 + 0.2).collect();
    let mut taps: Vec<f64> = clicks.iter().enumerate().map(|(n, at)| at + 0.3 + 0.09 * ((n * 5 % 9) as f64 / 9.0 - 0.44)).collect();
    taps.remove(4);
    taps.push(taps[9] + 0.1);
    taps[12] += 0.17;
    let played = folder.path().join("played.json");
    std::fs::write(&played, serde_json::json!({ "format": 1, "clicks_sec": clicks, "taps_sec": taps }).to_string()).unwrap();
    let report = json(&calibrate(folder.path(), &["--played", played.to_str().unwrap(), "--reaction-ms", "200", "--json"]));
    assert!((report["delay_ms"].as_f64().unwrap() - 100.0).abs() < 12.0 && report["n_clicks"] == 20, "{report}");
    assert!(report["n_used"].as_u64().unwrap() >= 17, "{report}");
}

#[test]
fn what_is_not_certain_is_refused_with_advice_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let played = folder.path().join("played.json");
    let clicks: Vec<f64> = (0..20).map(|n| f64::from(n) * 0.97 + 0.3 * f64::from(n % 3)).collect();
    let taps: Vec<f64> = (0..20).map(|n| f64::from(n * 7 % 20) + 0.09 * f64::from(n)).collect();
    std::fs::write(&played, serde_json::json!({ "format": 1, "clicks_sec": clicks, "taps_sec": taps }).to_string()).unwrap();
    let ran = calibrate(folder.path(), &["--played", played.to_str().unwrap(), "--write", "osc"]);
    assert!(ran.code == 1 && ran.stdout.is_empty() && ran.stderr.contains("Press Enter at each click"), "{} {}", ran.stdout, ran.stderr);
    assert!(!folder.path().join("anacrusis.toml").exists());
}

#[test]
fn files_that_are_not_what_they_should_be_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let (wav, played) = (folder.path().join("recording.wav"), folder.path().join("played.json"));
    std::fs::write(&played, "{}").unwrap();
    let args = |wav: &Path| vec!["--recording".to_owned(), wav.display().to_string(), "--played".to_owned(), played.display().to_string()];
    let ran = |args: Vec<String>| calibrate(folder.path(), &args.iter().map(String::as_str).collect::<Vec<_>>());
    let refused = ran(args(&wav));
    assert!(refused.code == 1 && refused.stderr.contains("played.json does not say what was played"), "{}", refused.stderr);
    std::fs::write(&played, "{\"format\":1,\"clicks_sec\":[1,2]}").unwrap();
    std::fs::write(&wav, "noise").unwrap();
    let refused = ran(args(&wav));
    assert!(refused.code == 1 && refused.stderr.contains("recording.wav"), "{}", refused.stderr);
}

#[test]
fn a_broken_configuration_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("mine.toml");
    std::fs::write(&config, "outputs = [").unwrap();
    let args = ["--simulate-delay", "50", "--clicks", "10", "--write", "osc", "--config", config.to_str().unwrap()];
    let ran = calibrate(folder.path(), &args);
    assert!(ran.code == 1 && ran.stderr.contains("mine.toml"), "{}", ran.stderr);
    assert_eq!(std::fs::read_to_string(&config).unwrap(), "outputs = [");
}

#[test]
fn wrong_usage_is_2() {
    let folder = tempfile::tempdir().unwrap();
    for args in [
        &["--clicks", "3"][..],
        &["--max-delay-ms", "NaN"],
        &["--reaction-ms", "-1"],
        &["--recording", "x.wav"],
        &["--tap", "--loopback"],
        &["--config", "x.toml"],
        &["--simulate-delay", "90", "--input", "x"],
    ] {
        assert_eq!(calibrate(folder.path(), args).code, 2, "{args:?}");
    }
}
