//! `doctor --feed` on a feed that this test writes, by the real binary: alive, in trouble, dead, watched.

#![allow(clippy::unwrap_used, reason = "a test that fails panics")]

mod common;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use assert_cmd::Command;
use common::{anacrusis, run};
use runtime_core::bus::shm::{FeedClock, FeedInfo, FeedWriter};
use runtime_core::load::Load;
use runtime_core::state::{LockReason, SlowState};

const INFO: FeedInfo<'static> = FeedInfo { name: "Drums", sample_rate_hz: 48_000.0 };

/// A feed that goes on while `work` runs: a frame each 20 ms, blocks of 512 samples.
fn with_feed<T>(folder: &Path, late_updates: u32, work: impl FnOnce() -> T) -> T {
    let mut writer = FeedWriter::create(folder, &INFO, FeedClock::now()).unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for frame in 1.. {
                let mut state = SlowState { frame, wall_ns: FeedClock::now().wall_ns, ..SlowState::default() };
                state.beat.t_sec = 0.02 * frame as f64;
                (state.beat.locked, state.beat.reason, state.beat.beat_in_bar, state.beat.beats_per_bar) = (1, LockReason::Locked, 2, 4);
                state.health.late_updates = late_updates;
                writer.publish_state(&state);
                writer.publish_load(&Load { n_hops: frame, n_blocks: (1.875 * frame as f64) as u64, hop_ns: 3e5, ..Load::default() });
                writer.heartbeat(FeedClock::now());
                if done.load(Ordering::Acquire) {
                    break;
                }
                thread::sleep(Duration::from_millis(20));
            }
        });
        let result = work();
        done.store(true, Ordering::Release);
        result
    })
}

fn doctor(folder: &Path, args: &[&str]) -> Command {
    let mut command = anacrusis();
    command.env("ANACRUSIS_FEED_DIR", folder).args(["doctor", "--feed"]).args(args);
    command
}

#[test]
fn a_living_feed_is_found_and_judged_and_the_report_is_saved() {
    let home = tempfile::tempdir().unwrap();
    let (folder, report) = (home.path().join("feeds"), home.path().join("fares.json"));
    let ran = with_feed(&folder, 0, || run(doctor(&folder, &["--report"]).arg(&report)));
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{}", ran.stdout);
    for part in ["\"Drums\"", "48000 Hz, alive", "locked, 120.0 BPM, beat 2 of 4", "late updates   none", "all fine"] {
        assert!(ran.stdout.contains(part), "{part}\n{}", ran.stdout);
    }
    let saved: serde_json::Value = serde_json::from_slice(&std::fs::read(&report).unwrap()).unwrap();
    assert_eq!((&saved["format"], &saved["healthy"], &saved["feed"]["name"]), (&1.into(), &true.into(), &"Drums".into()));
    assert!(saved["feed"]["live"]["blocks_per_sec"].as_f64().unwrap() > 0.0);
    assert!(!saved.to_string().contains(home.path().to_str().unwrap()), "a report is passed on: no folder in it");
}

#[test]
fn trouble_has_a_fix_and_an_exit_code() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("feeds");
    let ran = with_feed(&folder, 7, || run(&mut doctor(&folder, &["--json"])));
    assert_eq!(ran.code, 1, "{}", ran.stdout);
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let problems: Vec<_> = report["checks"].as_array().unwrap().iter().filter(|check| check["status"] == "problem").collect();
    assert_eq!((problems.len(), &problems[0]["name"]), (1, &"late updates".into()));
    assert!(problems[0]["fix"].as_str().is_some_and(|fix| fix.contains("smaller block")));
}

#[test]
fn a_dead_feed_is_said_to_be_dead() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("feeds");
    let now = FeedClock::now();
    let long_ago = FeedClock { monotonic_ns: now.monotonic_ns.saturating_sub(5_000_000_000), ..now };
    let _writer = FeedWriter::create(&folder, &INFO, long_ago).unwrap();
    let ran = run(&mut doctor(&folder, &[]));
    assert_eq!(ran.code, 1);
    assert!(ran.stdout.contains("DEAD") && ran.stdout.contains("PROBLEM  writer"), "{}", ran.stdout);
}

#[test]
fn no_feed_and_no_file_are_errors_that_name_the_place() {
    let home = tempfile::tempdir().unwrap();
    let none = run(&mut doctor(home.path(), &[]));
    assert!(none.code == 1 && none.stderr.contains(home.path().to_str().unwrap()), "{}", none.stderr);
    let missing = run(&mut doctor(home.path(), &["no such feed.bin"]));
    assert!(missing.code == 1 && missing.stderr.contains("no such feed.bin"), "{}", missing.stderr);
    assert_eq!(run(anacrusis().args(["doctor", "--watch"])).code, 2, "--watch without --feed");
}

#[test]
#[cfg(unix)]
fn watch_prints_a_line_a_second_until_it_is_interrupted() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("feeds");
    let code = with_feed(&folder, 0, || {
        let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin!("anacrusis"))
            .env("ANACRUSIS_FEED_DIR", &folder)
            .args(["doctor", "--feed", "--watch"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        for _ in 0..2 {
            let line = lines.next().unwrap().unwrap();
            assert!(line.contains("120.0 BPM") && line.contains("locked 2/4"), "{line}");
        }
        assert!(std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
        child.wait().unwrap().code()
    });
    assert_eq!(code, Some(130));
}
