//! Runs of the engine and the offline analysis over generated audio. Tests only.

#[cfg(feature = "ort")]
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use runtime_core::analysis::activation::{Activation, FrameBatch, StepError, StepModel};
use runtime_core::analysis::beat_model::{BeatModel, ModelOrigin};
use runtime_core::analysis::config::{DecoderKind, EngineConfig};
use runtime_core::analysis::engine::Engine;
use runtime_core::analysis::offline::OfflineAnalysis;
use runtime_core::bus::marks::ModelChoice;
use runtime_core::state::BeatEvent;

use crate::say;

/// The networks that run by default, or `None`, said aloud.
pub fn networks() -> Option<BeatModel> {
    chosen(ModelChoice::Auto)
}

/// The embedded networks of a choice, or `None`, said aloud.
pub fn chosen(choice: ModelChoice) -> Option<BeatModel> {
    let model = BeatModel::load(choice);
    match &model.origin {
        ModelOrigin::Networks(_) => Some(model),
        ModelOrigin::Fallback { reason } => {
            say(format_args!("SKIPPED: {}", reason.as_deref().unwrap_or("no networks")));
            None
        }
    }
}

/// ONNX Runtime's library as `cargo xtask ort-runtime` leaves it, or `None`, said aloud.
#[cfg(feature = "ort")]
pub fn ort_library() -> Option<PathBuf> {
    let name = format!("anacrusis_ort_1_23_2.{}", std::env::consts::DLL_EXTENSION);
    let library = xtask::workspace_root().join("target/ort").join(name);
    if library.exists() {
        return Some(library);
    }
    say("SKIPPED: ONNX Runtime is missing; run `cargo xtask ort-runtime`");
    None
}

/// The default configuration at a rate, with a decoder.
pub fn config(sample_rate_hz: f64, decoder: DecoderKind) -> EngineConfig {
    EngineConfig { decoder, ..EngineConfig::new(sample_rate_hz) }
}

/// Feeds `samples` in blocks of `block_samples` and returns the announced beats.
pub fn feed(engine: &mut Engine, samples: &[f32], block_samples: usize) -> Vec<BeatEvent> {
    let mut events = Vec::new();
    for block in samples.chunks(block_samples) {
        engine.process(block, |report| events.extend(report.update.and_then(|update| update.event)));
    }
    events
}

/// Beats that a fresh engine announces in the whole of `samples`.
///
/// # Panics
/// On a configuration that cannot be used.
pub fn causal(config: &EngineConfig, model: BeatModel, samples: &[f32]) -> Vec<BeatEvent> {
    feed(&mut Engine::new(config, model).expect("a valid configuration"), samples, 4096)
}

/// Beats that the offline analysis finds in `samples`.
///
/// # Panics
/// On a configuration that cannot be used.
pub fn offline(config: &EngineConfig, model: BeatModel, samples: &[f32]) -> Vec<BeatEvent> {
    let mut analysis = OfflineAnalysis::new(config, model).expect("a valid configuration");
    let mut events = Vec::new();
    analysis.process(samples, |event| events.push(*event));
    analysis.finish(|event| events.push(*event));
    events
}

/// Times of beats after `from_sec`, seconds.
pub fn times_after(events: &[BeatEvent], from_sec: f64) -> Vec<f64> {
    events.iter().map(|event| event.t_sec).filter(|&t_sec| t_sec > from_sec).collect()
}

/// Features or activations that a [`Recorder`] saw.
pub type Record<T> = Arc<Mutex<Vec<T>>>;

/// The contents of a record.
pub fn recorded<T: Clone>(record: &Record<T>) -> Vec<T> {
    record.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Passes features to a network and keeps what it answered.
pub struct Recorder {
    net: Box<dyn StepModel>,
    activations: Record<Activation>,
}

impl Recorder {
    /// `model` with its activations kept.
    pub fn around(model: BeatModel) -> (BeatModel, Record<Activation>) {
        let activations = Record::default();
        let net = Box::new(Self { net: model.net, activations: activations.clone() });
        (BeatModel { net, ..model }, activations)
    }
}

impl StepModel for Recorder {
    fn name(&self) -> &str {
        self.net.name()
    }

    fn n_features(&self) -> usize {
        self.net.n_features()
    }

    fn delay_frames(&self) -> usize {
        self.net.delay_frames()
    }

    fn step(&mut self, features: &[f32]) -> Result<Activation, StepError> {
        let activation = self.net.step(features)?;
        self.activations.lock().unwrap_or_else(PoisonError::into_inner).push(activation);
        Ok(activation)
    }

    fn steps(&mut self, batch: FrameBatch<'_>, activations: &mut Vec<Activation>) -> Result<(), StepError> {
        let n_before = activations.len();
        let result = self.net.steps(batch, activations);
        self.activations.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&activations[n_before..]);
        result
    }

    fn reset(&mut self) {
        self.net.reset();
    }
}

/// Says again what a [`Recorder`] kept, whatever the features.
pub struct Replay {
    n_features: usize,
    delay_frames: usize,
    activations: Vec<Activation>,
    next_idx: usize,
}

impl Replay {
    /// A model that repeats `activations` of a network that is late by `delay_frames`, then says "no beat".
    pub fn of(activations: Vec<Activation>, delay_frames: usize) -> BeatModel {
        let front_end = runtime_core::analysis::front_end::FrontEnd::default();
        let net = Box::new(Self { n_features: front_end.len, delay_frames, activations, next_idx: 0 });
        BeatModel::from_network(front_end, net)
    }
}

impl StepModel for Replay {
    fn name(&self) -> &str {
        "replay"
    }

    fn n_features(&self) -> usize {
        self.n_features
    }

    fn delay_frames(&self) -> usize {
        self.delay_frames
    }

    fn step(&mut self, _: &[f32]) -> Result<Activation, StepError> {
        let activation = self.activations.get(self.next_idx).copied().unwrap_or_default();
        self.next_idx += 1;
        Ok(activation)
    }

    fn reset(&mut self) {
        self.next_idx = 0;
    }
}

/// Keeps the features and says "no beat".
pub struct Probe {
    n_features: usize,
    features: Record<Vec<f32>>,
}

impl Probe {
    /// A model that only listens.
    pub fn model() -> (BeatModel, Record<Vec<f32>>) {
        let front_end = runtime_core::analysis::front_end::FrontEnd::default();
        let features = Record::default();
        let net = Box::new(Self { n_features: front_end.len, features: features.clone() });
        (BeatModel::from_network(front_end, net), features)
    }
}

impl StepModel for Probe {
    fn name(&self) -> &str {
        "probe"
    }

    fn n_features(&self) -> usize {
        self.n_features
    }

    fn step(&mut self, features: &[f32]) -> Result<Activation, StepError> {
        self.features.lock().unwrap_or_else(PoisonError::into_inner).push(features.to_vec());
        Ok(Activation::default())
    }

    fn reset(&mut self) {}
}
