//! Writes the golden trace of the controller: `cargo run -p controller --example golden_trace`. What is in it, and who reads it, is said
//! in [`TRACE`]'s folder's MANIFEST.json.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use controller::julia::julia_c;
use controller::numbers::{cos_turns, exp, sigmoid, sin_turns, tanh};
use controller::{Controller, Input, Weights};
use sha2::{Digest, Sha256};

/// The trace, in `tests/golden/controller/`.
pub(crate) const TRACE: &str = "trace.json";
/// Steps of the trace: five seconds, with silence at the end.
const N_STEPS: u32 = 300;
/// Seed of the made-up weights.
const SEED: u32 = 1;

#[allow(dead_code, reason = "the test that checks the trace takes this file in as a module")]
fn main() -> std::io::Result<()> {
    let folder = folder();
    std::fs::create_dir_all(&folder)?;
    let text = trace();
    std::fs::write(folder.join(TRACE), &text)?;
    std::fs::write(folder.join("MANIFEST.json"), manifest(&text))
}

/// Where the trace lies.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/controller")
}

/// Says what the trace is, and its hash.
pub(crate) fn manifest(trace: &str) -> String {
    let hash: String = Sha256::digest(trace.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    let value = serde_json::json!({
        "generator": "cargo run -p controller --example golden_trace",
        "tolerance": "none: the bits are the same in Rust and JavaScript",
        "readers": ["controller/tests/golden.rs", "visualizer/tests/controller.test.mjs"],
        "files": { TRACE: { "sha256": hash } },
    });
    serde_json::to_string_pretty(&value).expect("plain data") + "\n"
}

/// Values of the functions, and a trace of inputs with what mapping and net make of them, every number as its 64 bits.
pub(crate) fn trace() -> String {
    let mut random = Random(7);
    let mut text = String::from("{\n\"functions\": [\n");
    for k in 0..64 {
        let x = if k == 0 { 0.0 } else { 90.0 * random.next() - 45.0 };
        let values = [x, exp(x), tanh(0.2 * x), sigmoid(x), sin_turns(x), cos_turns(x)];
        let _ = writeln!(text, "\"{}\"{}", hex(&values), if k < 63 { "," } else { "" });
    }
    text += "],\n\"steps\": [\n";
    let weights = Weights::sample(SEED);
    let (mut mapping, mut net) = (Controller::mapping(), Controller::net(weights.clone()));
    for k in 0..N_STEPS {
        let input = input(k, &mut random);
        let (by_hand, by_net) = (mapping.step(&input), net.step(&input));
        let flags = format!("{}{:02x}", u8::from(input.locked), input.beats_per_bar);
        let _ = writeln!(
            text,
            "[\"{}\", \"{flags}\", \"{}\", \"{}\", \"{}\", \"{}\"]{}",
            hex(&numbers(&input)),
            hex(mapping.micro()),
            hex(&by_hand),
            hex(&by_net),
            hex(&julia_c(&by_hand)),
            if k + 1 < N_STEPS { "," } else { "" }
        );
    }
    // The made-up weights are multiples of 2^-17 below 1/4: 16 bits each, as a signed number.
    let words: String = weights.values().iter().map(|weight| format!("{:04x}", ((weight * 131_072.0) as i32) as i16)).collect();
    let _ = write!(text, "],\n\"weights\": \"{words}\"\n}}\n");
    text
}

/// All numbers of an input in the order of its fields.
fn numbers(input: &Input) -> Vec<f64> {
    let mut numbers = input.bands.to_vec();
    numbers.extend([input.level, input.phase, input.bar_phase, input.period_sec, input.confidence]);
    numbers.extend(input.section_probs.iter().chain(&input.hazard_probs));
    numbers
}

/// Something that every branch of the controller sees: noise over a beat, changes of section, lost locks, numbers that are none, silence.
fn input(k: u32, random: &mut Random) -> Input {
    let t_sec = f64::from(k) / 60.0;
    let beat = t_sec / 0.37;
    let is_silent = k >= 240;
    let mut section_probs = [0.0; 8];
    section_probs[(k / 60 % 8) as usize] = 0.5 + 0.5 * random.next();
    section_probs[4] += 0.2 * random.next();
    if k < 10 {
        section_probs = [0.0; 8];
    }
    let near = (t_sec * 0.7).fract();
    let mut bands: [f64; 16] = std::array::from_fn(|_| if is_silent { 0.0 } else { 0.3 + 0.5 * random.next() * (1.0 - beat.fract()) });
    if k % 97 == 50 {
        bands[3] = f64::NAN;
    }
    Input {
        bands,
        level: if is_silent { 0.0 } else { 0.4 + 0.3 * random.next() },
        phase: if k == 20 { f64::INFINITY } else { beat.fract() },
        bar_phase: (beat / 4.0).fract(),
        beats_per_bar: if k % 80 < 10 { 0 } else { 4 },
        period_sec: if k % 90 == 5 { 0.0 } else { 0.37 },
        confidence: random.next() * 1.2 - 0.1,
        locked: k % 70 > 6,
        section_probs,
        hazard_probs: std::array::from_fn(|h| (near * (1.0 + h as f64) / 3.0).min(1.0)),
    }
}

fn hex(values: &[f64]) -> String {
    values.iter().map(|value| format!("{:016x}", value.to_bits())).collect()
}

/// Numerical Recipes' generator of 32 bits.
struct Random(u32);

impl Random {
    /// In [0, 1).
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(self.0) / 4_294_967_296.0
    }
}
