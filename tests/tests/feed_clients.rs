//! The readers that are shipped, against a real feed of another process: C, C++, Python, Node and the snippet of the manual say
//! the same as the writer.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that fails panics")]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use integration_tests::feed_process::FeedProcess;
use integration_tests::feed_samples::{event_of, load_of, spectrum_of, state_of};
use integration_tests::say;
use model_contracts::v1;
use runtime_core::bus::shm::layout::N_EVENTS;
use serde_json::{Value, json};

/// The number that `feed_writer steady` publishes, and its events.
const NUMBER: u64 = 41;
const LAST_EVENT: u64 = 70;

/// A writer that has published all of that, after the folder in which its folder of feeds lies.
fn steady_writer() -> (tempfile::TempDir, FeedProcess) {
    let home = tempfile::tempdir().unwrap();
    let writer = FeedProcess::start(env!("CARGO_BIN_EXE_feed_writer"), &home.path().join("feeds"), "steady");
    (home, writer)
}

fn client(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../clients").join(path)
}

/// Whether a program is installed; says aloud when a test is skipped for want of it.
fn has(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success());
    if !found {
        say(format_args!("SKIPPED: {program} is not installed"));
    }
    found
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The lines that a client prints, as JSON.
fn lines(mut command: Command) -> Vec<Value> {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What a client must print of a record, number by number. `as_f64` because 1 and 1.0 are the same in JSON.
fn assert_same(got: &Value, expected: &Value, at: &str) {
    match (got, expected) {
        (Value::Object(got), Value::Object(expected)) => {
            assert_eq!(got.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "fields of {at}");
            got.iter().for_each(|(key, value)| assert_same(value, &expected[key], &format!("{at}.{key}")));
        }
        (Value::Array(got), Value::Array(expected)) => {
            assert_eq!(got.len(), expected.len(), "length of {at}");
            got.iter().zip(expected).for_each(|(got, expected)| assert_same(got, expected, at));
        }
        (Value::Number(got), Value::Number(expected)) if got.is_f64() || expected.is_f64() => {
            assert_eq!(got.as_f64(), expected.as_f64(), "{at}");
        }
        _ => assert_eq!(got, expected, "{at}"),
    }
}

fn expected_state() -> Value {
    let state = state_of(NUMBER);
    json!({
        "type": "state",
        "frame": state.frame,
        "timeline": { "t_origin_sec": state.timeline.t_origin_sec, "beat_origin": state.timeline.beat_origin, "spb": state.timeline.spb },
        "beat": {
            "t_sec": state.beat.t_sec, "spb": state.beat.spb, "bpm": 60.0 / state.beat.spb, "beat_count": state.beat.beat_count,
            "phase": state.beat.phase, "conf": state.beat.conf, "downbeat_prob": state.beat.downbeat_prob,
            "beats_per_bar": state.beat.beats_per_bar, "beat_in_bar": state.beat.beat_in_bar, "locked": state.beat.locked == 1,
            "reason": state.beat.reason.name(),
        },
        "structure": {
            "t_sec": state.structure.t_sec, "section": v1::LABELS[(NUMBER % 8) as usize],
            "section_probs": state.structure.section_probs, "hazard_probs": state.structure.hazard_probs,
        },
        "wall_ns": state.wall_ns,
        "health": {
            "lost_samples": state.health.lost_samples, "late_updates": state.health.late_updates,
            "nan_samples": state.health.nan_samples, "fault": state.health.fault,
        },
    })
}

fn expected_load() -> Value {
    let load = load_of(NUMBER);
    json!({
        "type": "load", "n_hops": load.n_hops, "n_blocks": load.n_blocks, "stage_ns": load.stage_ns, "hop_ns": load.hop_ns,
        "max_hop_ns": load.max_hop_ns, "max_block_ns": load.max_block_ns, "ring_samples": load.ring_samples,
        "max_ring_samples": load.max_ring_samples, "max_pending_updates": load.max_pending_updates, "n_gaps": load.n_gaps,
        "n_jumps": load.n_jumps, "midi_jitter_p50_us": load.midi_jitter_p50_us, "midi_jitter_p99_us": load.midi_jitter_p99_us,
    })
}

fn expected_event(number: u64) -> Value {
    let event = event_of(number);
    json!({
        "type": "event", "number": number, "t_sec": event.t_sec, "beat_count": event.beat_count, "beat_in_bar": event.beat_in_bar,
        "beats_per_bar": event.beats_per_bar, "downbeat_prob": event.downbeat_prob, "intensity": event.intensity, "conf": event.conf,
    })
}

/// Everything that `--once --spectrum` must print, but the header.
fn expected_records() -> Vec<Value> {
    let row = spectrum_of(NUMBER);
    let spectrum = json!({
        "type": "spectrum", "frame": NUMBER, "t_sec": row.t.0, "bands": row.bands.to_vec(), "beat_activation": row.beat_activation,
        "downbeat_activation": row.downbeat_activation,
    });
    let mut records = vec![expected_state(), expected_load(), spectrum];
    records.extend((LAST_EVENT - N_EVENTS as u64 + 1..=LAST_EVENT).map(expected_event));
    records
}

/// Tests a client that is also a command.
fn check_command(program: &str, script: &str) {
    if !has(program) {
        return;
    }
    let (home, mut writer) = steady_writer();
    let command = |arguments: &[&str]| {
        let mut command = Command::new(program);
        command.arg(client(script)).args(arguments).env("ANACRUSIS_FEED_DIR", home.path().join("feeds"));
        command
    };

    // The feed is found without a path; everything in it is printed as it was written.
    let printed = lines(command(&["--once", "--spectrum"]));
    let header = &printed[0];
    assert_eq!((&header["type"], &header["alive"], &header["name"]), (&json!("header"), &json!(true), &json!("feed writer ä")));
    assert_eq!((header["pid"].as_u64(), header["sample_rate_hz"].as_f64()), (Some(u64::from(writer.child.id())), Some(44_100.0)));
    let expected = expected_records();
    assert_eq!(printed.len(), 1 + expected.len());
    printed[1..].iter().zip(&expected).for_each(|(got, expected)| assert_same(got, expected, "record"));

    // Following it ends with the writer.
    let mut follower = command(&[]).stdout(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    let mut following = BufReader::new(follower.stdout.take().unwrap());
    following.read_line(&mut first).unwrap();
    assert!(first.contains("\"header\""), "{first}");
    let dead_feed = fs::read(&writer.feed).unwrap();
    writer.end_input();
    let types: Vec<Value> = following.lines().map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap()["type"].clone()).collect();
    assert!(follower.wait().unwrap().success());
    assert_eq!(types.iter().filter(|t| **t == "event").count(), N_EVENTS);
    assert!(types.contains(&json!("state")) && types.last() == Some(&json!("gone")), "{types:?}");

    // A feed whose writer is gone is not offered, and bad files say what is wrong.
    fs::write(&writer.feed, &dead_feed).unwrap();
    let refusal = |arguments: &[&str]| {
        let output = command(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
        stderr(&output)
    };
    assert!(refusal(&["--once"]).contains("no living feed in"));
    let bad = home.path().join("bad.bin");
    let bad_path = bad.to_str().unwrap();
    assert!(refusal(&[bad_path]).contains("cannot open"));
    fs::write(&bad, &dead_feed[..200]).unwrap();
    assert!(refusal(&[bad_path]).contains("has 200 bytes, expected 5248"));
    for (at, message) in [(0, "magic is"), (8, "layout version is"), (64, "section table is")] {
        let mut bytes = dead_feed.clone();
        bytes[at] ^= 0x40;
        fs::write(&bad, &bytes).unwrap();
        let said = refusal(&[bad_path]);
        assert!(said.contains(message), "{said}");
    }
    // Left odd by a writer that was killed in the middle of a write.
    let mut bytes = dead_feed;
    bytes[192] |= 1;
    fs::write(&bad, &bytes).unwrap();
    assert!(refusal(&["--once", bad_path]).contains("a write of the state never ended"));
}

#[test]
fn the_python_reader_says_what_was_written() {
    check_command("python3", "python/anacrusis_feed.py");
}

#[test]
fn the_node_reader_says_what_was_written() {
    check_command("node", "node/anacrusis_feed.mjs");
}

const C_PROGRAM: &str = r#"
#define _POSIX_C_SOURCE 200809L
#include "anacrusis_feed.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

int main(int argc, char **argv)
{
    struct stat file;
    struct timespec now;
    anacrusis_state state;
    anacrusis_load load;
    anacrusis_spectrum spectrum;
    anacrusis_event event;
    int fd = argc > 1 ? open(argv[1], O_RDONLY) : -1;
    const void *feed;
    const char *fault;
    uint64_t number;
    if (fd < 0 || fstat(fd, &file) != 0) return 2;
    feed = mmap(NULL, ANACRUSIS_TOTAL_BYTES, PROT_READ, MAP_SHARED, fd, 0);
    if (feed == MAP_FAILED) return 3;
    fault = anacrusis_check(feed, (uint64_t)file.st_size);
    if (fault) { printf("%s\n", fault); return 1; }
    clock_gettime(CLOCK_MONOTONIC, &now);
    printf("alive %d\n", anacrusis_is_alive(feed, (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec));
    printf("later %d\n", anacrusis_is_alive(feed, (uint64_t)(now.tv_sec + 3) * 1000000000u));
    printf("name %s\n", ((const anacrusis_header *)feed)->name);
    if (anacrusis_read_state(feed, &state) != 1 || anacrusis_read_load(feed, &load) != 1) return 4;
    if (anacrusis_read_spectrum(feed, &spectrum) != 1) return 5;
    printf("state %llu %.9g %.9g %u %.9g %.9g %llu %u\n", (unsigned long long)state.frame, state.timeline_spb, (double)state.beat_phase,
           state.beat_beat_in_bar, (double)state.structure_section_probs[1], (double)state.structure_hazard_probs[4],
           (unsigned long long)state.wall_ns, state.health_nan_samples);
    printf("load %llu %.9g %u %.9g\n", (unsigned long long)load.n_hops, (double)load.stage_ns[4], load.n_jumps, (double)load.midi_jitter_p99_us);
    printf("spectrum %llu %.9g %.9g %.9g\n", (unsigned long long)spectrum.frame, (double)spectrum.bands[0], (double)spectrum.bands[135],
        (double)spectrum.downbeat_activation);
    for (number = 1; number <= anacrusis_newest_event(feed); number++)
        if (anacrusis_read_event(feed, number, &event))
            printf("event %llu %.9g %u %.9g\n", (unsigned long long)event.number, event.t_sec, event.beats_per_bar, (double)event.conf);
    return 0;
}
"#;

/// Compiles the C program; `Err` is what the compiler said.
fn compile(compiler: &str, arguments: &[&str], folder: &Path) -> Result<PathBuf, String> {
    let (source, program) = (folder.join("reader.c"), folder.join("reader"));
    fs::write(&source, C_PROGRAM).unwrap();
    let output = Command::new(compiler)
        .args(arguments)
        .args(["-Wall", "-Wextra", "-Werror", "-pedantic", "-O2", "-I"])
        .arg(client("c"))
        .arg("-o")
        .args([&program, &source])
        .output()
        .unwrap();
    if output.status.success() { Ok(program) } else { Err(stderr(&output)) }
}

#[test]
fn a_c_program_reads_what_was_written() {
    if !has("cc") {
        return;
    }
    let (home, writer) = steady_writer();
    for standard in ["-std=c99", "-std=c11"] {
        let program = compile("cc", &[standard], home.path()).unwrap_or_else(|said| panic!("{said}"));
        let output = Command::new(program).arg(&writer.feed).output().unwrap();
        assert!(output.status.success(), "exit {:?}", output.status.code());
        let (state, load, row) = (state_of(NUMBER), load_of(NUMBER), spectrum_of(NUMBER));
        let mut expected = format!(
            "alive 1\nlater 0\nname feed writer ä\nstate {NUMBER} {} {} {} {} {} {} {}\nload {NUMBER} {} {} {}\nspectrum {NUMBER} {} {} {}\n",
            state.timeline.spb,
            state.beat.phase,
            state.beat.beat_in_bar,
            state.structure.section_probs[1],
            f64::from(state.structure.hazard_probs[4]),
            state.wall_ns,
            state.health.nan_samples,
            load.stage_ns[4],
            load.n_jumps,
            load.midi_jitter_p99_us,
            f64::from(row.bands[0]),
            f64::from(row.bands[135]),
            f64::from(row.downbeat_activation),
        );
        for number in LAST_EVENT - N_EVENTS as u64 + 1..=LAST_EVENT {
            let event = event_of(number);
            expected += &format!("event {number} {} {} {}\n", event.t_sec, event.beats_per_bar, event.conf);
        }
        assert_eq!(String::from_utf8(output.stdout).unwrap(), expected, "{standard}");
    }
}

#[test]
fn a_c_program_refuses_what_is_no_feed() {
    if !has("cc") {
        return;
    }
    let (home, writer) = steady_writer();
    let program = compile("cc", &["-std=c99"], home.path()).unwrap_or_else(|said| panic!("{said}"));
    let image = fs::read(&writer.feed).unwrap();
    let bad = home.path().join("bad.bin");
    for (at, message) in [(0, "the magic is not ANACFEED\n"), (8, "the layout version is not"), (72, "the sections are not where")] {
        let mut bytes = image.clone();
        bytes[at] ^= 0x40;
        fs::write(&bad, &bytes).unwrap();
        let output = Command::new(&program).arg(&bad).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "byte {at}");
        assert!(String::from_utf8_lossy(&output.stdout).starts_with(message), "byte {at}");
    }
}

#[test]
fn the_c_header_is_cpp_too() {
    if has("c++") {
        let folder = tempfile::tempdir().unwrap();
        compile("c++", &["-x", "c++", "-std=c++11"], folder.path()).unwrap_or_else(|said| panic!("{said}"));
    }
}

#[test]
fn the_snippet_of_the_manual_runs() {
    if !has("python3") {
        return;
    }
    let manual = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/shm.md")).unwrap();
    let snippet = manual.split("```python\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let (_home, mut writer) = steady_writer();
    let mut reader = Command::new("python3").args(["-u", "-c", snippet]).arg(&writer.feed).stdout(Stdio::piped()).spawn().unwrap();
    let mut printed = String::new();
    let mut lines = BufReader::new(reader.stdout.take().unwrap());
    lines.read_line(&mut printed).unwrap();
    writer.end_input();
    // It ends by itself once the heartbeat has stopped.
    lines.read_to_string(&mut String::new()).unwrap();
    assert!(reader.wait().unwrap().success());
    let state = state_of(NUMBER).beat;
    let line = format!("{:6.1} BPM  phase {:.2}  confidence {:.2}", 60.0 / state.spb, state.phase, state.conf);
    assert_eq!(printed.trim_end_matches('\n'), line);
}
