//! `cargo xtask fuzz`: builds the fuzz targets on the stable toolchain and runs each for a while.
//!
//! Coverage comes from LLVM's own sanitizer-coverage pass, switched on by flags that the stable compiler passes
//! through; no nightly and no extra tool is needed. The flags go to the target's crates alone, not to build scripts,
//! because `--target` is given. A run that turns out not to be guided by coverage fails.

mod live_seeds;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use model_contracts::{Contract, V1_JSON};

use crate::error::TaskError;
use crate::models::crnn::Crnn;
use crate::models::manifest::{MANIFEST_FILE, Manifest, SAFETENSORS_FILE};
use crate::models::pins::WEIGHT_FILES;
use crate::models::sample_pickle::{PickleWriter, state_dict};
use crate::models::torch_file::Tensor;
use crate::models::{error::ModelsError, package};
use crate::process::{host_triple, in_background, join};

/// Default length of a run, seconds per target.
pub const DEFAULT_SECONDS: u32 = 10;
/// Memory above which a target counts as broken, MiB.
const RSS_LIMIT_MIB: u32 = 1024;
/// Time above which one input counts as a hang, seconds.
const INPUT_TIMEOUT_SEC: u32 = 10;
/// Lines of a failing run that the message repeats.
const QUOTED_LINES: usize = 40;
/// What makes the build guided by coverage, at the level of edges and with compared values traced.
const COVERAGE_FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
     -Cllvm-args=-sanitizer-coverage-trace-compares";

/// A fuzz target.
struct Target {
    name: &'static str,
    /// Longest input tried, bytes.
    max_len: u32,
    /// Cargo feature that it needs, or empty.
    feature: &'static str,
    /// First inputs.
    seeds: fn() -> Result<Vec<Vec<u8>>, ModelsError>,
    /// A folder of further first inputs in the repository, or empty.
    seed_folder: &'static str,
}

const TARGETS: [Target; 10] = [
    Target { name: "pickle", max_len: 4096, feature: "", seeds: pickle_seeds, seed_folder: "" },
    Target { name: "safetensors_manifest", max_len: 32_768, feature: "", seeds: model_seeds, seed_folder: "" },
    Target { name: "contract", max_len: 16_384, feature: "", seeds: contract_seeds, seed_folder: "" },
    Target { name: "session", max_len: 8192, feature: "", seeds: live_seeds::session, seed_folder: "" },
    Target { name: "carabiner_answer", max_len: 4096, feature: "", seeds: live_seeds::carabiner_answer, seed_folder: "" },
    Target { name: "os2l_message", max_len: 32_768, feature: "", seeds: live_seeds::os2l_message, seed_folder: "" },
    Target { name: "datagram_target", max_len: 128, feature: "", seeds: live_seeds::datagram_target, seed_folder: "" },
    Target { name: "web_request", max_len: 8192, feature: "web", seeds: live_seeds::web_request, seed_folder: "" },
    Target { name: "audio_decode", max_len: 65_536, feature: "audio", seeds: audio_seeds, seed_folder: "tests/golden/formats" },
    Target { name: "settings", max_len: 8192, feature: "audio", seeds: live_seeds::settings, seed_folder: "" },
];

/// How a target is built: a profile of `fuzz/Cargo.toml`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Build {
    /// For a search: optimised.
    Release,
    /// For seconds: soon there.
    Quick,
}

impl Build {
    /// Name of the profile, and of its folder.
    fn profile(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Quick => "quick",
        }
    }
}

/// Runs `target`, or all of them, for `seconds` each.
///
/// # Errors
/// An unknown target, a failed build, a crash, or a build without coverage.
pub fn run(root: &Path, target: Option<&str>, seconds: u32) -> Result<(), TaskError> {
    let chosen: Vec<&Target> = TARGETS.iter().filter(|t| target.is_none_or(|name| t.name == name)).collect();
    if chosen.is_empty() {
        let names: Vec<&str> = TARGETS.iter().map(|t| t.name).collect();
        return Err(TaskError::Failed(format!("no fuzz target {}; there are {}", target.unwrap_or_default(), names.join(", "))));
    }
    compile(&mut Command::new("cargo"), root, Build::Release, &chosen)?;
    chosen.into_iter().try_for_each(|target| run_one(root, Build::Release, target, seconds))
}

/// Builds all targets for [`run_quick`], in the background of whatever else runs.
///
/// # Errors
/// A failed build.
pub fn build_quick(root: &Path) -> Result<(), TaskError> {
    compile(&mut in_background("cargo"), root, Build::Quick, &TARGETS.each_ref())
}

/// Runs all targets for `seconds` each, two at a time, built without optimising: what breaks at once breaks here.
///
/// # Errors
/// As [`run`].
pub fn run_quick(root: &Path, seconds: u32) -> Result<(), TaskError> {
    compile(&mut Command::new("cargo"), root, Build::Quick, &TARGETS.each_ref())?;
    TARGETS.chunks(2).try_for_each(|pair| {
        std::thread::scope(|scope| {
            let runs: Vec<_> = pair.iter().map(|target| scope.spawn(|| run_one(root, Build::Quick, target, seconds))).collect();
            runs.into_iter().map(join).fold(Ok(()), Result::and)
        })
    })
}

fn compile(command: &mut Command, root: &Path, build: Build, targets: &[&Target]) -> Result<(), TaskError> {
    let (fuzz, host) = (root.join("fuzz"), host_triple()?);
    command.args(["build", "--profile", build.profile(), "--quiet", "--target", &host]).arg("--manifest-path").arg(fuzz.join("Cargo.toml"));
    command.arg("--target-dir").arg(fuzz.join("target"));
    for target in targets {
        command.args(["--bin", target.name]);
        if !target.feature.is_empty() {
            command.args(["--features", target.feature]);
        }
    }
    command.env("RUSTFLAGS", COVERAGE_FLAGS).env_remove("CARGO_ENCODED_RUSTFLAGS");
    let status = command.status().map_err(|e| TaskError::Tool { tool: "cargo", message: e.to_string() })?;
    if status.success() { Ok(()) } else { Err(TaskError::Tool { tool: "cargo build of the fuzz targets", message: status.to_string() }) }
}

fn write_seeds(fuzz: &Path, target: &Target) -> Result<PathBuf, TaskError> {
    let corpus = fuzz.join("corpus").join(target.name);
    fs::create_dir_all(&corpus).map_err(|e| TaskError::io(&corpus, e))?;
    for (i, seed) in (target.seeds)()?.into_iter().enumerate() {
        let path = corpus.join(format!("seed-{i}"));
        fs::write(&path, seed).map_err(|e| TaskError::io(&path, e))?;
    }
    Ok(corpus)
}

fn run_one(root: &Path, build: Build, target: &Target, seconds: u32) -> Result<(), TaskError> {
    let fuzz = root.join("fuzz");
    let corpus = write_seeds(&fuzz, target)?;
    let program = format!("target/{}/{}/{}{}", host_triple()?, build.profile(), target.name, std::env::consts::EXE_SUFFIX);
    let program = fuzz.join(program);
    let artifacts = root.join("fuzz/artifacts").join(target.name);
    fs::create_dir_all(&artifacts).map_err(|e| TaskError::io(&artifacts, e))?;
    let mut command = Command::new(program);
    command.arg(corpus);
    let seed_folder = root.join(target.seed_folder);
    if !target.seed_folder.is_empty() && seed_folder.is_dir() {
        command.arg(seed_folder);
    }
    command.arg(format!("-max_total_time={seconds}")).arg(format!("-max_len={}", target.max_len));
    command.arg(format!("-rss_limit_mb={RSS_LIMIT_MIB}")).arg(format!("-timeout={INPUT_TIMEOUT_SEC}"));
    command.arg(format!("-artifact_prefix={}{}", artifacts.display(), std::path::MAIN_SEPARATOR)).arg("-print_final_stats=1");
    let failed = |message: String| TaskError::Failed(format!("fuzz target {}: {message}", target.name));
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().map_err(|e| failed(e.to_string()))?;
    let stderr = child.stderr.take().expect("stderr was piped in the line above");
    let lines: Vec<String> =
        BufReader::new(stderr).split(b'\n').map_while(Result::ok).map(|l| String::from_utf8_lossy(&l).into_owned()).collect();
    let status = child.wait().map_err(|e| failed(e.to_string()))?;
    if !status.success() {
        let quoted = &lines[lines.len().saturating_sub(QUOTED_LINES)..];
        return Err(failed(format!("{status}; the input lies in fuzz/artifacts/{}\n{}", target.name, quoted.join("\n"))));
    }
    let counters = lines.iter().find_map(|line| n_counters(line)).unwrap_or(0);
    let (first, last) = coverage(&lines).ok_or_else(|| failed("reported no coverage".to_owned()))?;
    if counters == 0 || last == 0 {
        return Err(failed(format!("{counters} counters, {last} edges covered: not guided by coverage")));
    }
    let executions = lines.iter().find_map(|line| line.strip_prefix("stat::number_of_executed_units:")).map_or("?", str::trim);
    eprintln!("fuzz: {}: {executions} inputs, {counters} counters, {first} edges at the start, {last} at the end", target.name);
    Ok(())
}

/// Number of counters in libFuzzer's line `INFO: Loaded 1 modules   (8129 inline 8-bit counters): ...`.
fn n_counters(line: &str) -> Option<u64> {
    let (before, _) = line.strip_prefix("INFO: Loaded")?.split_once(" inline 8-bit counters")?;
    before.rsplit('(').next()?.parse().ok()
}

/// Edges covered in the first and last of libFuzzer's lines with `cov: N`.
fn coverage(lines: &[String]) -> Option<(u64, u64)> {
    let edges = |line: &String| line.split_once(" cov: ")?.1.split(' ').next()?.parse().ok();
    Some((lines.iter().find_map(edges)?, lines.iter().rev().find_map(edges)?))
}

fn pickle_seeds() -> Result<Vec<Vec<u8>>, ModelsError> {
    let mut evil = PickleWriter::new();
    evil.global("os", "system").text("true").raw(&[0x85, b'R', b'.']);
    let net = state_dict(&[("conv1.weight", "0", 20, 0, &[2, 1, 10]), ("conv1.bias", "1", 2, 0, &[2]), ("linear.bias", "1", 2, 1, &[1])]);
    Ok(vec![net, state_dict(&[]), evil.bytes])
}

fn contract_seeds() -> Result<Vec<Vec<u8>>, ModelsError> {
    let contract = Contract::current();
    Ok(vec![V1_JSON.into(), contract.scope(model_contracts::ModelKind::BeatModel)?.to_string().into(), b"1.0.0".into(), b"{}".into()])
}

/// Golden networks of the architectures that `package` does not make.
const SEED_NETS: [&str; 5] = ["tcn", "tcn_front", "crnn2", "mixture", "mixture_int8"];

/// A small model of every architecture: length of the manifest, manifest, weights.
fn model_seeds() -> Result<Vec<Vec<u8>>, ModelsError> {
    let contract = Contract::current();
    // As many taps as leave two values, so that the file stays small.
    let taps = contract.logfb.len - 1;
    let shapes = [
        ("conv1.weight", vec![1, 1, taps]),
        ("conv1.bias", vec![1]),
        ("linear0.weight", vec![1, 1]),
        ("linear0.bias", vec![1]),
        ("linear.weight", vec![3, 1]),
        ("linear.bias", vec![3]),
        ("lstm.weight_ih_l0", vec![4, 1]),
        ("lstm.weight_hh_l0", vec![4, 1]),
        ("lstm.bias_ih_l0", vec![4]),
        ("lstm.bias_hh_l0", vec![4]),
    ];
    let tensor = |(name, shape): (&str, Vec<usize>)| {
        let values = vec![0.25; shape.iter().product()];
        Tensor { name: name.to_owned(), shape, values }
    };
    let net = Crnn::from_state_dict("seed", shapes.map(tensor).into(), contract.logfb.len)?;
    let model = package(&contract, Manifest::new(&contract, &WEIGHT_FILES[0])?, &net);
    let file = |name: &str| model.files.iter().find(|(file, _)| *file == name).map_or(&[][..], |(_, content)| content);
    let mut seeds = vec![model_seed(file(MANIFEST_FILE), file(SAFETENSORS_FILE))];
    let folder = crate::workspace_root().join("tests/golden/nets");
    let read = |name: String| {
        let path = folder.join(name);
        fs::read(&path).map_err(|e| ModelsError::io(&path, e))
    };
    for name in SEED_NETS {
        seeds.push(model_seed(&read(format!("{name}.manifest.json"))?, &read(format!("{name}.safetensors"))?));
    }
    Ok(seeds)
}

fn model_seed(manifest: &[u8], weights: &[u8]) -> Vec<u8> {
    let length = u16::try_from(manifest.len()).unwrap_or(u16::MAX).to_le_bytes();
    [&length, manifest, weights].concat()
}

/// Short sound in the two containers that are simplest to write.
fn audio_seeds() -> Result<Vec<Vec<u8>>, ModelsError> {
    const N_SAMPLES: u32 = 256;
    let samples: Vec<u8> = (0..N_SAMPLES).flat_map(|n| ((n * 997 % 2000) as i16 - 1000).to_le_bytes()).collect();
    let n_bytes = samples.len() as u32;
    let mut wav = [&b"RIFF"[..], &(36 + n_bytes).to_le_bytes(), b"WAVEfmt ", &16_u32.to_le_bytes()].concat();
    wav.extend([&1_u16.to_le_bytes()[..], &1_u16.to_le_bytes(), &44_100_u32.to_le_bytes(), &88_200_u32.to_le_bytes()].concat());
    wav.extend([&2_u16.to_le_bytes()[..], &16_u16.to_le_bytes(), b"data", &n_bytes.to_le_bytes(), &samples].concat());
    let mut aiff = [&b"FORM"[..], &(46 + n_bytes).to_be_bytes(), b"AIFFCOMM", &18_u32.to_be_bytes(), &1_u16.to_be_bytes()].concat();
    // 44 100 as an 80-bit number.
    aiff.extend([&N_SAMPLES.to_be_bytes()[..], &16_u16.to_be_bytes(), &[0x40, 0x0e, 0xac, 0x44, 0, 0, 0, 0, 0, 0]].concat());
    aiff.extend([&b"SSND"[..], &(8 + n_bytes).to_be_bytes(), &[0; 8], &samples].concat());
    Ok(vec![wav, aiff])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_seed_fits_its_target() {
        for target in &TARGETS {
            for seed in (target.seeds)().unwrap() {
                assert!(seed.len() <= target.max_len as usize, "{}: {}", target.name, seed.len());
            }
        }
    }

    #[test]
    fn libfuzzers_lines_are_understood() {
        assert_eq!(n_counters("INFO: Loaded 1 modules   (8129 inline 8-bit counters): 8129 [0x1, 0x2), "), Some(8129));
        assert_eq!(n_counters("INFO: Seed: 1"), None);
        let lines = ["#5 INITED cov: 12 ft: 3".to_owned(), "#9 DONE   cov: 40 ft: 9".to_owned(), "x".to_owned()];
        assert_eq!(coverage(&lines), Some((12, 40)));
        assert_eq!(coverage(&lines[2..]), None);
    }

    #[test]
    fn an_unknown_target_names_those_that_exist() {
        let message = run(Path::new("."), Some("nothing"), 1).unwrap_err().to_string();
        assert!(message.contains("no fuzz target nothing; there are pickle"), "{message}");
    }
}
