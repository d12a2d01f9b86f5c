//! `anacrusis bench --live`: the report is data on stdout and complete, and the audio thread allocates nothing. No timing is
//! judged here.

#![allow(clippy::unwrap_used, reason = "a test that fails panics")]

mod common;

use common::{anacrusis, run};

#[test]
fn the_report_is_json_with_everything_that_was_measured() {
    let ran = run(anacrusis().args([
        "bench",
        "--live",
        "--instances",
        "2",
        "--seconds",
        "3",
        "--block",
        "256",
        "--activation",
        "flux",
        "--json",
    ]));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((&report["format"], &report["block_samples"], &report["sample_rate_hz"]), (&1.into(), &256.into(), &48_000.into()));
    let costs = report["audio_thread"].as_array().unwrap();
    assert_eq!(costs.iter().map(|cost| cost["n_instances"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 4, 20]);
    for cost in costs {
        assert_eq!(cost["n_allocations"], 0, "the audio thread never allocates");
        assert!(cost["n_outputs"].as_u64().unwrap() > 1_000, "24 ticks and two ends for each of some hundred beats: {cost}");
        assert!(cost["times"]["median_ns"].as_u64().unwrap() > 0);
    }
    let together = &report["together"];
    assert_eq!(together["n_instances"], 2);
    assert!(together["hop_ns"].as_f64().unwrap() > 0.0 && together["block"]["median_ns"].as_u64().unwrap() > 0);
    assert_eq!(together["cpu_share_per_instance"].is_number(), cfg!(target_os = "linux"));
    assert!(report["feed"]["state_age"]["n"].as_u64().unwrap() > 0 && report["feed"]["click_age"]["n"].as_u64().unwrap() > 0);
    assert_eq!(report["targets"].as_array().unwrap().len(), 5);
}

#[test]
fn options_of_the_live_bench_need_it_and_are_checked() {
    for args in [
        &["--instances", "2"][..],
        &["--live", "--file", "x.wav"],
        &["--live", "--instances", "0"],
        &["--live", "--rate", "1000"],
        &["--live", "--block", "9000"],
    ] {
        assert_eq!(run(anacrusis().arg("bench").args(args)).code, 2, "{args:?}");
    }
}
