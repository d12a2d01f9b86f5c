//! Helpers of the command tests: generated audio, and the real binary.

#![allow(dead_code, reason = "each test file uses some of it")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::{Path, PathBuf};

use assert_cmd::Command;

/// Rate of the generated files, Hz.
pub(crate) const RATE_HZ: u32 = 22_050;

/// The binary under test.
pub(crate) fn anacrusis() -> Command {
    Command::new(assert_cmd::cargo::cargo_bin!("anacrusis"))
}

/// 120 BPM of short noise-like clicks, mono.
pub(crate) fn clicks(n_seconds: f64, rate_hz: u32) -> Vec<f32> {
    let period = rate_hz as usize / 2;
    let n_samples = (n_seconds * f64::from(rate_hz)) as usize;
    let mut state = 7u32;
    let mut noise = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(state) / f64::from(u32::MAX) * 2.0 - 1.0
    };
    (0..n_samples)
        .map(|n| {
            let t_sec = (n % period) as f64 / f64::from(rate_hz);
            (0.8 * noise() * (-t_sec / 0.01).exp()) as f32
        })
        .collect()
}

/// Writes 16-bit mono.
pub(crate) fn write_wav(path: &Path, samples: &[f32], rate_hz: u32) {
    let spec = hound::WavSpec { channels: 1, sample_rate: rate_hz, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut writer = hound::WavWriter::create(path, spec).unwrap();
    for &sample in samples {
        writer.write_sample((sample * 32_767.0) as i16).unwrap();
    }
    writer.finalize().unwrap();
}

/// A directory with the named click tracks, 12 s each.
pub(crate) fn folder_with(names: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in names {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        write_wav(&path, &clicks(12.0, RATE_HZ), RATE_HZ);
    }
    folder
}

/// Names below a directory, sorted, `/` between parts.
pub(crate) fn names_in(folder: &Path) -> Vec<String> {
    fn walk(root: &Path, folder: &Path, names: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(root, &path, names);
            } else {
                names.push(path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/"));
            }
        }
    }
    let mut names = Vec::new();
    walk(folder, folder, &mut names);
    names.sort();
    names
}

/// A committed file of a format.
pub(crate) fn golden_format(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/formats").join(name)
}

/// Exit code, stdout and stderr of a run.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs to the end.
pub(crate) fn run(command: &mut Command) -> Ran {
    let output = command.output().unwrap();
    Ran {
        code: output.status.code().expect("ended by itself"),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}
