//! Memory does not grow with the file: the real binary on long files, its peak resident memory watched from outside.
//!
//! An hour by default. The six hours of the promise take some minutes:
//!
//! ```text
//! ANACRUSIS_LONG_FILE_HOURS=6 cargo test -p anacrusis --test long_file
//! ```

#![allow(clippy::unwrap_used, reason = "a test that fails panics")]
#![cfg(target_os = "linux")]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use anacrusis::bench::band::Band;

/// Most resident memory, bytes.
const MAX_RESIDENT_BYTES: u64 = 80_000_000;
/// Length of the long file in hours, unless this says otherwise.
const HOURS: &str = "ANACRUSIS_LONG_FILE_HOURS";

/// Writes a band that plays on and on, 16-bit mono; a minute is generated and repeated.
fn write_band(path: &Path, rate_hz: u32, n_minutes: u32) {
    let minute: Vec<i16> = Band::default().render(f64::from(rate_hz), 60.0).iter().map(|v| (v * 32_767.0) as i16).collect();
    let spec = hound::WavSpec { channels: 1, sample_rate: rate_hz, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut writer = hound::WavWriter::create(path, spec).unwrap();
    for _ in 0..n_minutes {
        let mut block = writer.get_i16_writer(minute.len() as u32);
        minute.iter().for_each(|&sample| block.write_sample(sample));
        block.flush().unwrap();
    }
    writer.finalize().unwrap();
}

/// Runs `analyze` on a file; returns its beats, one a line, and its peak resident memory, bytes.
fn analyze(file: &Path, options: &[&str]) -> (String, u64) {
    let folder = file.parent().unwrap();
    let mut child = Command::new(assert_cmd::cargo::cargo_bin!("anacrusis"))
        .args(["analyze", "--quiet", "--output"])
        .arg(folder)
        .args(options)
        .arg(file)
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    // The system keeps the peak, so nothing is missed between two looks but what comes after the last one.
    let status_file = format!("/proc/{}/status", child.id());
    let mut peak_bytes = 0;
    let status = loop {
        let text = fs::read_to_string(&status_file).unwrap_or_default();
        let kib = text.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
        peak_bytes = peak_bytes.max(kib.unwrap_or(0) * 1024);
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None => thread::sleep(Duration::from_millis(10)),
        }
    };
    assert!(status.success(), "{status}");
    assert!(peak_bytes > 1_000_000, "the peak was not read");
    (fs::read_to_string(file.with_extension("beats")).unwrap(), peak_bytes)
}

/// A fitting number of beats at 120 BPM, and memory within bounds.
fn assert_bounded(what: &str, n_minutes: u32, (beats, peak_bytes): (String, u64)) {
    let n_beats = beats.lines().count();
    eprintln!("{what}: {n_beats} beats, peak {:.1} MB", peak_bytes as f64 / 1e6);
    assert!(peak_bytes < MAX_RESIDENT_BYTES, "{what}: {peak_bytes} bytes");
    let expected = 120 * n_minutes as usize;
    assert!(
        (expected * 9 / 10..=expected * 21 / 10).contains(&n_beats),
        "{what}: {n_beats} beats, expected about {expected} or their double"
    );
    let last_sec: f64 = beats.lines().last().unwrap().split('\t').next().unwrap().parse().unwrap();
    assert!(last_sec > f64::from(n_minutes) * 60.0 - 2.0, "{what}: the last beat is at {last_sec} s");
}

#[test]
fn hours_are_analysed_in_bounded_memory() {
    let n_hours: u32 = std::env::var(HOURS).ok().map_or(1, |text| text.parse().expect("a number of hours"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("long.wav");
    write_band(&file, 8_000, 60 * n_hours);
    assert_bounded("flux, causal", 60 * n_hours, analyze(&file, &["--activation", "flux"]));
}

#[test]
fn an_offline_analysis_is_bounded_too() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("offline.wav");
    write_band(&file, 8_000, 20);
    assert_bounded("flux, offline", 20, analyze(&file, &["--activation", "flux", "--offline"]));
}

#[test]
fn ten_minutes_with_the_networks_are_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ten.wav");
    write_band(&file, 44_100, 10);
    assert_bounded("default activation, causal", 10, analyze(&file, &[]));
}
