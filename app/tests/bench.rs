//! `anacrusis bench`: the report is data on stdout, complete, and counts no allocation. No timing is judged here.

#![allow(clippy::unwrap_used, reason = "a test that fails panics")]

mod common;

use common::{anacrusis, golden_format, run};

#[test]
fn the_report_is_json_with_every_stage() {
    let ran = run(anacrusis().args(["bench", "--seconds", "1", "--json"]));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((&report["format"], &report["decoder"], &report["sample_rate_hz"]), (&1.into(), &"exact".into(), &44_100.into()));
    assert_eq!(report["allocations_per_hop"], 0.0);
    for pace in ["hot", "at_pace"] {
        let names: Vec<_> = report[pace]["stages"].as_array().unwrap().iter().map(|stage| stage["stage"].as_str().unwrap()).collect();
        assert_eq!(names, ["resample", "features", "activation", "decoder", "tracker", "structure"]);
        assert!(report[pace]["whole_hop"]["median_ns"].as_u64().unwrap() > 0);
    }
    assert!(report["realtime_factor"].as_f64().unwrap() > 0.0);
    assert!(!cfg!(target_os = "linux") || report["peak_resident_bytes"].as_u64().unwrap() > 1_000_000);
}

#[test]
fn a_file_and_a_decoder_can_be_chosen() {
    let file = golden_format("click.flac");
    let ran = run(anacrusis().args(["bench", "--seconds", "1", "--activation", "flux", "--decoder", "particle", "--file"]).arg(&file));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("spectral flux; particle decoder") && ran.stdout.contains("click.flac"), "{}", ran.stdout);
    assert!(ran.stdout.contains("0 per hop in steady state"), "{}", ran.stdout);
}

#[test]
fn wrong_usage_and_bad_files_are_told_apart() {
    assert_eq!(run(anacrusis().args(["bench", "--offline"])).code, 2);
    assert_eq!(run(anacrusis().args(["bench", "--seconds", "0"])).code, 2);
    assert_eq!(run(anacrusis().args(["bench", "--bpm-range", "100:100"])).code, 2);
    let missing = run(anacrusis().args(["bench", "--file", "no such file.wav"]));
    assert_eq!((missing.code, missing.stdout.as_str()), (1, ""));
}
