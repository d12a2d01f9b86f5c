//! The checks of `doctor`, in the order of the pipe. Main thread.

use std::time::Instant;

use model_contracts::v1;
use runtime_core::analysis::activation::{Activation, StepModel};
use runtime_core::analysis::anticipator_model::{AnticipatorModel, AnticipatorOrigin};
use runtime_core::analysis::beat_model::BeatModel;
use runtime_core::analysis::config::EngineConfig;
use runtime_core::analysis::embedded::{EMBEDDED, EmbeddedModel};
use runtime_core::analysis::engine::Engine;
use runtime_core::analysis::model_file::ModelFile;

use super::Check;
use crate::decode::{KNOWN_CODECS, KNOWN_CONTAINERS};
use crate::model::{fallback_reason, network_names};

/// Rates that hosts and files have, Hz.
const RATES_HZ: [u32; 12] = [8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 88_200, 96_000, 176_400, 192_000, 384_000];
/// Frames that the self-test of a model runs.
const SELF_TEST_FRAMES: usize = 50;
/// How far the sum of three probabilities may be from 1: rounding of 32-bit floats.
const SUM_TOLERANCE: f32 = 1e-4;
/// What models answered when they were made, by the SHA-256 of their weights; a model that is not here is tested without.
const ANSWERS: &[(&str, Answer)] = &[("d457aebe42b44ba873694ccd90c9db41b729a49133cdf99b4ea2057ce846e7aa", [0.179_845, 0.663_821])];
/// Processors round differently; what is learned changes by far more.
const ANSWER_TOLERANCE: f64 = 1e-4;
/// Sound that the speed check analyses, seconds.
const SPEED_TEST_SEC: usize = 4;
/// Below this many seconds of sound per second of work, live use is at risk.
const MIN_REALTIME_FACTOR: f64 = 4.0;
/// Advice on a model that is there and cannot be used.
const REMAKE_MODELS: &str =
    "restore `models/pulse_v1` from the repository, or delete the folder `models/.cache` and run `cargo xtask models`, and build again";

/// The same of an anticipator.
const REMAKE_ANTICIPATOR: &str = "restore `models/anticipator_v1` from the repository and build again";

/// All checks.
pub(super) fn all() -> Vec<Check> {
    let mut checks = vec![cpu(), decoders(), sample_rates()];
    checks.extend(models());
    checks.extend([activation(), fallback(), sections(), ort(), contract(), speed()]);
    checks
}

fn cpu() -> Check {
    let n_cores = std::thread::available_parallelism().map_or(1, |n| n.get());
    let detail = format!("{}, {n_cores} cores: {}", std::env::consts::ARCH, cpu_features().join(" "));
    Check::ok("cpu", detail)
}

#[cfg(target_arch = "x86_64")]
fn cpu_features() -> Vec<&'static str> {
    let features = [
        ("sse4.1", std::arch::is_x86_feature_detected!("sse4.1")),
        ("avx", std::arch::is_x86_feature_detected!("avx")),
        ("avx2", std::arch::is_x86_feature_detected!("avx2")),
        ("fma", std::arch::is_x86_feature_detected!("fma")),
        ("avx512f", std::arch::is_x86_feature_detected!("avx512f")),
    ];
    std::iter::once("sse2").chain(features.iter().filter(|(_, is_there)| *is_there).map(|&(name, _)| name)).collect()
}

#[cfg(not(target_arch = "x86_64"))]
fn cpu_features() -> Vec<&'static str> {
    if cfg!(target_arch = "aarch64") { vec!["neon"] } else { Vec::new() }
}

fn decoders() -> Check {
    Check::ok("decoders", format!("{KNOWN_CONTAINERS}; {KNOWN_CODECS}"))
}

/// Every usual rate makes an engine that takes samples.
fn sample_rates() -> Check {
    for rate_hz in RATES_HZ {
        let made = Engine::new(&EngineConfig::new(f64::from(rate_hz)), BeatModel::flux(None));
        match made {
            Ok(mut engine) => engine.process(&vec![0.0; rate_hz as usize / 10], |_| {}),
            Err(error) => return Check::problem("sample rates", error.to_string(), "report this: the rate is within the contract"),
        }
    }
    let (low, high) = (v1::audio::HOST_RATE_MIN_HZ, v1::audio::HOST_RATE_MAX_HZ);
    Check::ok("sample rates", format!("{low} to {high} Hz ({} usual ones tried)", RATES_HZ.len()))
}

/// Each embedded model: hash, then a run on fixed input.
fn models() -> Vec<Check> {
    if EMBEDDED.is_empty() {
        return vec![Check::problem("models", "none is embedded in this build", "run `cargo xtask models` and build again")];
    }
    EMBEDDED.iter().map(model).collect()
}

fn model(embedded: &EmbeddedModel) -> Check {
    let name = embedded.name;
    let parsed = ModelFile::parse(embedded.manifest, embedded.safetensors);
    let file = match parsed {
        Ok(file) => file,
        Err(error) => return Check::problem(name, error.to_string(), REMAKE_MODELS),
    };
    let tested = BeatModel::from_files(std::slice::from_ref(&file)).map_err(|e| e.to_string()).and_then(|mut m| self_test(m.net.as_mut()));
    let expected = ANSWERS.iter().find(|(sha256, _)| *sha256 == file.sha256).map(|&(_, answer)| answer);
    match tested.and_then(|answer| compare(answer, expected)) {
        Ok(said) => Check::ok(name, format!("sha256 {}, self-test passed, {said}", file.sha256)),
        Err(message) => Check::problem(name, format!("sha256 {}, self-test failed: {message}", file.sha256), REMAKE_MODELS),
    }
}

/// What a model answers to the fixed features: means of beat and downbeat over the frames.
type Answer = [f64; 2];

/// Whether a model answers what it answered when its files were made.
fn compare(answer: Answer, expected: Option<Answer>) -> Result<String, String> {
    let Some(expected) = expected else { return Ok(format!("answer {answer:.6?}")) };
    let is_near = answer.iter().zip(&expected).all(|(got, expected)| (got - expected).abs() <= ANSWER_TOLERANCE);
    if is_near {
        Ok("answer as recorded".to_owned())
    } else {
        Err(format!("expected the answer {expected:.6?}, got {answer:.6?}: this processor or this build computes otherwise"))
    }
}

/// Runs a model on fixed features: every output must be finite, in `[0, 1]`, and sum to 1; a reset must repeat it.
fn self_test(net: &mut dyn StepModel) -> Result<Answer, String> {
    let mut run = || {
        let mut state = 1u32;
        let mut outputs = Vec::with_capacity(SELF_TEST_FRAMES);
        net.reset();
        for _ in 0..SELF_TEST_FRAMES {
            let features: Vec<f32> = (0..net.n_features()).map(|_| next_feature(&mut state)).collect();
            let output = net.step(&features).map_err(|e| e.to_string())?;
            let classes = [output.beat, output.downbeat, output.none];
            let sum: f32 = classes.iter().sum();
            if !classes.iter().all(|p| (0.0..=1.0).contains(p)) || (sum - 1.0).abs() > SUM_TOLERANCE {
                return Err(format!("probabilities {classes:?} sum to {sum}, expected 1"));
            }
            outputs.push(output);
        }
        Ok(outputs)
    };
    let (first, second) = (run()?, run()?);
    if first != second {
        return Err("a second run after a reset gave another result".to_owned());
    }
    let mean = |of: fn(&Activation) -> f32| first.iter().map(|output| f64::from(of(output))).sum::<f64>() / SELF_TEST_FRAMES as f64;
    Ok([mean(|output| output.beat), mean(|output| output.downbeat)])
}

/// A fixed sequence in [0, 2), about the size of real features (Numerical Recipes' quick generator).
fn next_feature(state: &mut u32) -> f32 {
    *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
    (*state >> 8) as f32 / (1u32 << 23) as f32
}

/// What runs where no model is named.
fn activation() -> Check {
    let model = BeatModel::load_default();
    match fallback_reason(&model.origin) {
        None => match &network_names(&model.origin)[..] {
            [name] => Check::ok("activation", name.clone()),
            names => Check::ok("activation", format!("mean of {}", names.join(", "))),
        },
        Some(reason) => Check::problem("activation", format!("the spectral-flux fallback: {reason}"), REMAKE_MODELS),
    }
}

fn fallback() -> Check {
    match self_test(BeatModel::flux(None).net.as_mut()) {
        Ok(_) => Check::ok("fallback", "spectral flux, self-test passed"),
        Err(message) => Check::problem("fallback", format!("spectral flux, self-test failed: {message}"), "report this with the output"),
    }
}

/// What says which section plays.
fn sections() -> Check {
    let AnticipatorModel { net, origin } = AnticipatorModel::load_default();
    let (mut net, name) = match (net, origin) {
        (Some(net), AnticipatorOrigin::Network(name)) => (net, name),
        (_, AnticipatorOrigin::Prior { reason: Some(reason) }) => {
            return Check::note("sections", format!("not named; boundaries by what is usual alone: {reason}"));
        }
        _ => return Check::note("sections", "not named; boundaries by what is usual alone"),
    };
    let mut state = 1u32;
    for _ in 0..SELF_TEST_FRAMES {
        let row = std::array::from_fn(|_| next_feature(&mut state));
        let sum = net.step(&row).map_or(f32::NAN, |said| said.section_probs.iter().sum());
        // Written so that NaN fails.
        if !(1.0 - SUM_TOLERANCE..=1.0 + SUM_TOLERANCE).contains(&sum) {
            return Check::problem("sections", format!("{name}, self-test failed: probabilities sum to {sum}"), REMAKE_ANTICIPATOR);
        }
    }
    Check::ok("sections", format!("{name}, self-test passed"))
}

fn ort() -> Check {
    if cfg!(feature = "ort") {
        Check::ok("backends", "native, onnxruntime (loaded when a model asks for it)")
    } else {
        Check::note("backends", "native; onnxruntime is not compiled in (`cargo build --features ort`), and not needed by our own models")
    }
}

fn contract() -> Check {
    let (beat_models, anticipators) = (v1::BEAT_MODEL_SCOPE_HASH, v1::ANTICIPATOR_SCOPE_HASH);
    Check::ok("contract", format!("{}, beat models {beat_models}, anticipators {anticipators}", v1::CONTRACT_VERSION))
}

/// How fast the whole causal pipe is here.
fn speed() -> Check {
    const RATE_HZ: usize = 48_000;
    let mut engine = match Engine::new(&EngineConfig::new(RATE_HZ as f64), BeatModel::load_default()) {
        Ok(engine) => engine,
        Err(error) => return Check::problem("speed", error.to_string(), "report this with the output"),
    };
    // A click every half second.
    let samples: Vec<f32> = (0..RATE_HZ * SPEED_TEST_SEC).map(|n| if n % (RATE_HZ / 2) < 200 { 0.5 } else { 0.0 }).collect();
    let started = Instant::now();
    engine.process(&samples, |_| {});
    let factor = SPEED_TEST_SEC as f64 / started.elapsed().as_secs_f64().max(1e-9);
    let detail = format!("{factor:.0}x real time, {:.0} us a 20 ms hop", 20_000.0 / factor);
    if factor >= MIN_REALTIME_FACTOR {
        Check::ok("speed", detail)
    } else if cfg!(debug_assertions) {
        Check::problem("speed", detail, "this is a debug build: use `cargo build --release`")
    } else {
        Check::problem("speed", detail, "close other programs, or use a smaller model: `--model`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime_core::analysis::activation::StepError;

    struct Fixed(Vec<Activation>, usize);
    impl StepModel for Fixed {
        fn name(&self) -> &str {
            "fixed"
        }
        fn n_features(&self) -> usize {
            4
        }
        fn step(&mut self, _: &[f32]) -> Result<Activation, StepError> {
            self.1 += 1;
            Ok(self.0[self.1 % self.0.len()])
        }
        fn reset(&mut self) {}
    }

    #[test]
    fn the_self_test_refuses_what_is_no_probability() {
        assert!(self_test(&mut Fixed(vec![Activation::default()], 0)).is_ok());
        for beat in [f32::NAN, 0.5, -1.0, f32::INFINITY] {
            assert!(self_test(&mut Fixed(vec![Activation { beat, downbeat: 0.0, none: 1.0 }], 0)).is_err(), "{beat}");
        }
    }

    #[test]
    fn our_own_model_answers_as_recorded() {
        let ours: Vec<Check> = models().into_iter().filter(|check| check.name.starts_with("pulse_v1")).collect();
        assert!(ours.iter().all(|check| check.detail.ends_with("self-test passed, answer as recorded")), "{ours:?}");
    }

    #[test]
    fn another_answer_than_the_recorded_one_is_noticed() {
        assert!(compare([0.25, 0.5], Some([0.25, 0.500_05])).is_ok());
        assert!(compare([0.25, 0.5], None).unwrap().contains("0.250000"));
        let error = compare([0.25, 0.5], Some([0.25, 0.51])).unwrap_err();
        assert!(error.contains("expected the answer [0.250000, 0.510000], got [0.250000, 0.500000]"), "{error}");
        assert!(compare([f64::NAN, 0.5], Some([0.25, 0.5])).is_err());
    }

    #[test]
    fn the_self_test_notices_a_model_that_does_not_reset() {
        let other = Activation { beat: 1.0, downbeat: 0.0, none: 0.0 };
        let mut net = Fixed(vec![Activation::default(), Activation::default(), other], 0);
        assert!(self_test(&mut net).unwrap_err().contains("reset"));
    }
}
