//! The first three stages as one: mono host samples to activations with their time. INFERENCE THREAD.
//!
//! Shared by the live engine and the offline analysis, so that both decode the same activations.

use super::activation::{Activation, StepModel};
use super::beat_model::{BeatModel, ModelOrigin};
use super::features::{FeatureExtractor, FeatureFrame};
use super::flux::FluxModel;
use super::front_end::FrontEnd;
use super::profile::{Profile, Stage};
use super::resample::Resampler;
use crate::state::{Fault, Health};
use crate::units::{FrameIdx, HOP_SAMPLES, MODEL_RATE_HZ, StreamSec};

/// Largest magnitude that reaches the transform: far above full scale, far below what would overflow when squared.
const MAX_SAMPLE: f32 = 1e6;

/// One frame on its way to a decoder.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ActivationFrame {
    /// Index of the frame.
    pub frame: FrameIdx,
    /// The moment that the frame describes.
    pub time: StreamSec,
    /// What the network saw.
    pub activation: Activation,
    /// Mean positive band difference of the frame, log10 units.
    pub flux: f32,
    /// Root mean square of the newest 20 ms, full scale = 1.
    pub rms: f32,
}

/// Resampler, features and network of one stream.
pub struct ActivationPipe {
    resampler: Resampler,
    features: FeatureExtractor,
    front_end: FrontEnd,
    net: Box<dyn StepModel>,
    fallback: FluxModel,
    /// The network failed during this stream; the fallback runs.
    failed: bool,
    is_fallback_model: bool,
    next_frame: u64,
    nan_samples: u32,
    clean: Vec<f32>,
    /// The bands of the last frame.
    spectrum: Vec<f32>,
    profile: Profile,
}

impl ActivationPipe {
    /// A pipe at the start of a stream. `max_block_samples` is the longest block that [`Self::process`] will get.
    pub fn new(sample_rate_hz: f64, max_block_samples: usize, model: BeatModel) -> Self {
        let features = FeatureExtractor::new(&model.front_end);
        let is_fallback_model = matches!(model.origin, ModelOrigin::Fallback { reason: Some(_) });
        Self {
            resampler: Resampler::new(sample_rate_hz),
            spectrum: vec![0.0; features.n_bands()],
            features,
            fallback: FluxModel::new(&model.front_end),
            front_end: model.front_end,
            net: model.net,
            failed: false,
            is_fallback_model,
            next_frame: 0,
            nan_samples: 0,
            clean: Vec::with_capacity(max_block_samples),
            profile: Profile::default(),
        }
    }

    /// Seconds from the moment that a frame describes to the sample that completes it.
    pub fn look_ahead_sec(&self) -> f64 {
        (self.features.look_ahead_samples() as f64 + self.resampler.delay_samples()) / MODEL_RATE_HZ
    }

    /// Consumes at most `max_block_samples` samples and hands over the frames that they complete.
    pub fn process(&mut self, mono: &[f32], mut on_frame: impl FnMut(&ActivationFrame)) {
        self.clean.clear();
        for &sample in mono {
            self.nan_samples = self.nan_samples.saturating_add(u32::from(!sample.is_finite()));
            self.clean.push(if sample.is_finite() { sample.clamp(-MAX_SAMPLE, MAX_SAMPLE) } else { 0.0 });
        }
        let delay_samples = self.resampler.delay_samples();
        let Self { resampler, features, net, fallback, failed, next_frame, clean, spectrum, profile, .. } = self;
        profile.enter(Stage::Resample);
        resampler.process(clean, |samples| {
            profile.enter(Stage::Features);
            features.process(samples, |FeatureFrame { features, rms }| {
                profile.enter(Stage::Activation);
                let frame = FrameIdx(*next_frame);
                *next_frame += 1;
                // The frame's centre in the resampled stream, less the resampler's delay (DESIGN: C = 0).
                let time = StreamSec(((frame.0 * HOP_SAMPLES as u64) as f64 - delay_samples) / MODEL_RATE_HZ);
                let activation = step_or_fall_back(net.as_mut(), fallback, failed, features);
                let (bands, differences) = features.split_at(features.len() / 2);
                spectrum.copy_from_slice(bands);
                let flux = differences.iter().sum::<f32>() / differences.len() as f32;
                on_frame(&ActivationFrame { frame, time, activation, flux, rms });
                profile.enter(Stage::Features);
            });
            profile.enter(Stage::Resample);
        });
        profile.leave();
    }

    /// The log bands of the last frame, low to high, log10 units.
    pub fn spectrum(&self) -> &[f32] {
        &self.spectrum
    }

    /// Lets `n_frames` pass unheard.
    pub fn skip(&mut self, n_frames: u64) {
        self.next_frame += n_frames;
    }

    /// Another model from the next frame on, at its initial state.
    pub fn set_model(&mut self, model: BeatModel) {
        if model.front_end != self.front_end {
            self.features = FeatureExtractor::new(&model.front_end);
            self.spectrum = vec![0.0; self.features.n_bands()];
            self.fallback = FluxModel::new(&model.front_end);
            self.front_end = model.front_end;
        }
        self.is_fallback_model = matches!(model.origin, ModelOrigin::Fallback { reason: Some(_) });
        self.net = model.net;
        self.failed = false;
    }

    /// What went wrong so far in these stages.
    pub fn health(&self) -> Health {
        let fault = if self.failed || self.is_fallback_model { Fault::Activation } else { Fault::None };
        Health { nan_samples: self.nan_samples, fault: fault as u8, ..Health::default() }
    }

    /// Time spent per stage; all zero unless switched on.
    pub fn profile_mut(&mut self) -> &mut Profile {
        &mut self.profile
    }

    /// Returns to the exact state after construction.
    pub fn reset(&mut self) {
        self.resampler.reset();
        self.features.reset();
        self.net.reset();
        self.fallback.reset();
        self.failed = false;
        self.next_frame = 0;
        self.nan_samples = 0;
    }
}

/// The network's activation, or the fallback's from the first failure on.
fn step_or_fall_back(net: &mut dyn StepModel, fallback: &mut FluxModel, failed: &mut bool, features: &[f32]) -> Activation {
    if !*failed {
        match net.step(features) {
            Ok(activation) => return activation,
            Err(_) => *failed = true,
        }
    }
    fallback.step(features).unwrap_or_default()
}
