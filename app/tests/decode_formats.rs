//! Each container and codec that we claim gives samples at the right time.
//!
//! Reads the committed clicks of `tests/golden/formats` (see its MANIFEST.json for how they were made and how late
//! the priming that a format cannot state may leave them).

#![allow(clippy::unwrap_used, reason = "a test that fails panics")]

use std::path::{Path, PathBuf};

use anacrusis::decode::{AudioReader, DecodeError, decode_bytes};

/// How far a click is searched for around its place, seconds.
const SEARCH_SEC: f64 = 0.04;
/// The burst of `generate.py`.
const BURST_HZ: f64 = 1_000.0;
/// Its decay, seconds.
const DECAY_SEC: f64 = 0.004;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/formats")
}

fn manifest() -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(folder().join("MANIFEST.json")).unwrap()).unwrap()
}

fn decode(name: &str) -> (Vec<f32>, u32) {
    let mut reader = AudioReader::open(&folder().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
    let (mut all, mut mono) = (Vec::new(), Vec::new());
    while reader.next_block(&mut mono).unwrap_or_else(|e| panic!("{name}: {e}")).is_some() {
        all.extend_from_slice(&mono);
    }
    assert_eq!(reader.stats().n_bad_packets, 0, "{name}");
    (all, reader.info().sample_rate_hz)
}

/// By how much the click at `click_sec` is late, ms: the lag at which the burst correlates best.
fn lateness_ms(samples: &[f32], rate_hz: u32, click_sec: f64) -> f64 {
    let rate = f64::from(rate_hz);
    let burst: Vec<f64> = (0..(0.02 * rate) as usize)
        .map(|n| n as f64 / rate)
        .map(|t| (std::f64::consts::TAU * BURST_HZ * t).cos() * (-t / DECAY_SEC).exp())
        .collect();
    let at = (click_sec * rate).round() as i64;
    let reach = (SEARCH_SEC * rate) as i64;
    let correlation = |lag: i64| -> f64 {
        let sample = |n: usize| usize::try_from(at + lag + n as i64).ok().and_then(|k| samples.get(k)).map_or(0.0, |&s| f64::from(s));
        burst.iter().enumerate().map(|(n, b)| b * sample(n)).sum()
    };
    let best = (-reach..=reach).max_by(|&a, &b| correlation(a).total_cmp(&correlation(b))).unwrap();
    best as f64 / rate * 1e3
}

#[test]
fn clicks_fall_where_they_were_put() {
    let manifest = manifest();
    let clicks: Vec<f64> = manifest["clicks_sec"].as_array().unwrap().iter().map(|c| c.as_f64().unwrap()).collect();
    let mut n_checked = 0;
    for (name, entry) in manifest["files"].as_object().unwrap() {
        let Some(tolerance_ms) = entry["tolerance_ms"].as_f64() else { continue };
        let (samples, rate_hz) = decode(name);
        for &click_sec in &clicks {
            let late_ms = lateness_ms(&samples, rate_hz, click_sec);
            println!("{name}: click at {click_sec} s is {late_ms:.2} ms late, {:.4} s long", samples.len() as f64 / f64::from(rate_hz));
            assert!(late_ms.abs() <= tolerance_ms, "{name}: click at {click_sec} s is {late_ms} ms late, allowed {tolerance_ms}");
        }
        n_checked += 1;
    }
    assert_eq!(n_checked, 9);
}

#[test]
fn the_committed_files_are_those_of_the_manifest() {
    use sha2::{Digest, Sha256};
    for (name, entry) in manifest()["files"].as_object().unwrap() {
        let bytes = std::fs::read(folder().join(name)).unwrap();
        assert!(bytes.len() < 20_000, "{name} is small");
        let hash: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(entry["sha256"], hash.as_str(), "{name}");
    }
}

#[test]
fn lossless_files_keep_every_sample() {
    let n_samples = (manifest()["duration_sec"].as_f64().unwrap() * 44_100.0).round() as usize;
    for name in ["click.flac", "click-alac.m4a"] {
        assert_eq!(decode(name).0.len(), n_samples, "{name}");
    }
    assert_eq!(decode("click.flac").0, decode("click-alac.m4a").0);
}

#[test]
fn delay_and_padding_are_cut_where_the_format_states_them() {
    let n_samples = (manifest()["duration_sec"].as_f64().unwrap() * 44_100.0).round() as usize;
    for name in ["click.ogg", "click.mp3"] {
        assert_eq!(decode(name).0.len(), n_samples, "{name}");
    }
}

#[test]
fn opus_and_a_film_without_sound_are_refused_by_name() {
    let error = |name: &str| AudioReader::open(&folder().join(name)).err().unwrap();
    let opus = error("click-opus.ogg");
    assert!(matches!(&opus, DecodeError::UnsupportedCodec { codec } if codec == "Opus"), "{opus}");
    assert!(opus.to_string().contains("Vorbis"), "says what we can: {opus}");
    let film = error("video-only.mp4");
    assert!(matches!(film, DecodeError::NoAudioTrack { .. }), "{film}");
}

#[test]
fn a_pipe_gives_the_same_samples_as_a_file() {
    for name in ["click.flac", "click.ogg", "click.mp3", "click-untagged.mp3", "click-8k.aiff", "click.aac", "click.mkv"] {
        let mut reader = AudioReader::from_stream(std::fs::File::open(folder().join(name)).unwrap()).unwrap();
        let (mut all, mut mono) = (Vec::new(), Vec::new());
        while reader.next_block(&mut mono).unwrap().is_some() {
            all.extend_from_slice(&mono);
        }
        assert_eq!(all, decode(name).0, "{name}");
    }
}

#[test]
fn a_truncated_file_yields_what_is_there_and_says_so() {
    // An elementary stream (ADTS, MP3 without a LAME tag) does not state its length: its end is wherever it ends.
    for name in ["click.flac", "click.ogg", "click.mp3", "click-8k.aiff"] {
        let bytes = std::fs::read(folder().join(name)).unwrap();
        let mut reader = AudioReader::from_seekable(std::io::Cursor::new(bytes[..bytes.len() * 8 / 10].to_vec()))
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        let mut mono = Vec::new();
        let error = loop {
            match reader.next_block(&mut mono) {
                Ok(Some(_)) => {}
                Ok(None) => panic!("{name}: the end was not noticed"),
                Err(error) => break error,
            }
        };
        assert!(error.is_partial() && error.to_string().contains("ended early at"), "{name}: {error}");
        assert!(reader.decoded_sec() > 0.1, "{name}: {}", reader.decoded_sec());
    }
}

#[test]
fn broken_bytes_anywhere_never_panic_and_never_hang() {
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        // A fixed walk over positions and values: the fuzz target does this without end.
        let mut state = 0x9e37_79b9_7f4a_7c15u64;
        for _ in 0..150 {
            let mut broken = bytes.clone();
            for _ in 0..4 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let at = (state >> 33) as usize % broken.len();
                broken[at] = (state >> 16) as u8;
            }
            let _ = decode_bytes(broken, 1_000_000);
        }
        for n in (0..bytes.len()).step_by(97) {
            let _ = decode_bytes(bytes[..n].to_vec(), 1_000_000);
        }
    }
}
