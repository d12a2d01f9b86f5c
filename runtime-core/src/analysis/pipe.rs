//! The first three stages as one: mono host samples to activations with their time. INFERENCE THREAD.
//!
//! Shared by the live engine and the offline analysis, so that both decode the same activations. Where a network answers
//! some frames late, having heard what comes next, each answer is handed over with the frame that it is about.
//!
//! Whoever has more samples than one block lets several be heard before the network looks at their frames together: reading its weights
//! costs more than using them once. What is handed over is the same.

use std::collections::VecDeque;

use super::activation::{Activation, FrameBatch, MAX_BATCH_FRAMES, StepModel};
use super::beat_model::{BeatModel, ModelOrigin};
use super::features::{FeatureExtractor, FeatureFrame};
use super::flux::FluxModel;
use super::front_end::FrontEnd;
use super::profile::{Profile, Stage};
use super::resample::Resampler;
use super::structure_features::pool::{PooledStep, StepPool};
use crate::state::{Fault, Health};
use crate::units::{FrameIdx, HOP_SAMPLES, MODEL_RATE_HZ, StreamSec};

/// Largest magnitude that reaches the transform: far above full scale, far below what would overflow when squared.
const MAX_SAMPLE: f32 = 1e6;

/// Frames that a hop of 20 ms can complete, with room to spare.
pub const MAX_FRAMES_PER_HOP: usize = 4;
/// Frames that may have been heard before the network looks: the last hop may go beyond a batch.
const MAX_HEARD_FRAMES: usize = MAX_BATCH_FRAMES + MAX_FRAMES_PER_HOP;

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
    /// Frames that wait for the network's answer, oldest first; as many as the network is late, and one.
    waiting: VecDeque<ActivationFrame>,
    delay_frames: usize,
    /// The blocks that were heard and not handed over yet.
    heard: VecDeque<HeardBlock>,
    /// Their features, `[n_frames, n_features]`.
    features_heard: Vec<f32>,
    /// The level of each of their frames, see [`ActivationFrame::rms`].
    rms_heard: Vec<f32>,
    /// What the network answered to them, up to a failure.
    answers: Vec<Activation>,
    /// How many of these frames were handed over.
    n_handed_over: usize,
    /// Until the newest sample heard.
    nan_samples_heard: u32,
    /// Until the block that was handed over last.
    nan_samples: u32,
    clean: Vec<f32>,
    /// The bands of the newest frame.
    spectrum: Vec<f32>,
    /// Steps for the anticipator, where somebody asked for them.
    pool: Option<StepPool>,
    profile: Profile,
}

/// What is known of a block before the network has seen its frames.
#[derive(Debug, Clone, Copy)]
struct HeardBlock {
    n_frames: usize,
    /// Samples so far that were not finite.
    nan_samples: u32,
}

impl ActivationPipe {
    /// A pipe at the start of a stream. `max_block_samples` is the longest block that [`Self::process`] will get.
    pub fn new(sample_rate_hz: f64, max_block_samples: usize, model: BeatModel) -> Self {
        let features = FeatureExtractor::new(&model.front_end);
        let is_fallback_model = matches!(model.origin, ModelOrigin::Fallback { reason: Some(_) });
        Self {
            resampler: Resampler::new(sample_rate_hz),
            spectrum: vec![0.0; features.n_bands()],
            fallback: FluxModel::new(&model.front_end),
            delay_frames: model.net.delay_frames(),
            waiting: VecDeque::with_capacity(model.net.delay_frames() + 1),
            net: model.net,
            failed: false,
            is_fallback_model,
            next_frame: 0,
            heard: VecDeque::with_capacity(MAX_BATCH_FRAMES),
            features_heard: Vec::with_capacity(MAX_HEARD_FRAMES * features.n_features()),
            rms_heard: Vec::with_capacity(MAX_HEARD_FRAMES),
            answers: Vec::with_capacity(MAX_HEARD_FRAMES),
            n_handed_over: 0,
            nan_samples_heard: 0,
            nan_samples: 0,
            clean: Vec::with_capacity(max_block_samples),
            features,
            pool: None,
            profile: Profile::default(),
            front_end: model.front_end,
        }
    }

    /// From now on frames are pooled to steps, to be taken by [`Self::take_step`].
    pub fn pool_steps(&mut self) {
        self.pool = Some(StepPool::new(&self.front_end));
    }

    /// The oldest step that was complete when the frame `described` was handed over. Allocates nothing.
    pub fn take_step(&mut self, described: FrameIdx) -> Option<PooledStep> {
        let heard = FrameIdx(described.0 + self.delay_frames as u64);
        self.pool.as_mut()?.take(heard)
    }

    /// Seconds from the moment that a frame describes to the sample that completes it.
    pub fn look_ahead_sec(&self) -> f64 {
        let delay_samples = (self.delay_frames * HOP_SAMPLES) as f64;
        (self.features.look_ahead_samples() as f64 + self.resampler.delay_samples() + delay_samples) / MODEL_RATE_HZ
    }

    /// Consumes at most `max_block_samples` samples and hands over the frames that they complete.
    pub fn process(&mut self, mono: &[f32], on_frame: impl FnMut(&ActivationFrame)) {
        self.hear(mono);
        self.look();
        self.hand_over(on_frame);
    }

    /// Consumes at most `max_block_samples` samples; their frames wait until [`Self::look`], and for one call of [`Self::hand_over`].
    /// Allocates nothing while there [is room](Self::has_room).
    pub fn hear(&mut self, mono: &[f32]) {
        self.clean.clear();
        for &sample in mono {
            self.nan_samples_heard = self.nan_samples_heard.saturating_add(u32::from(!sample.is_finite()));
            self.clean.push(if sample.is_finite() { sample.clamp(-MAX_SAMPLE, MAX_SAMPLE) } else { 0.0 });
        }
        let Self { resampler, features, features_heard, rms_heard, clean, profile, .. } = self;
        let n_before = rms_heard.len();
        profile.enter(Stage::Resample);
        resampler.process(clean, |samples| {
            profile.enter(Stage::Features);
            features.process(samples, |FeatureFrame { features, rms }| {
                features_heard.extend_from_slice(features);
                rms_heard.push(rms);
            });
            profile.enter(Stage::Resample);
        });
        profile.leave();
        self.heard.push_back(HeardBlock { n_frames: self.rms_heard.len() - n_before, nan_samples: self.nan_samples_heard });
    }

    /// Whether a further block of at most [`MAX_FRAMES_PER_HOP`] frames can be [heard](Self::hear) before the network looks.
    pub fn has_room(&self) -> bool {
        self.rms_heard.len().max(self.heard.len()) < MAX_BATCH_FRAMES
    }

    /// Whether a block that was [heard](Self::hear) waits to be handed over.
    pub fn has_heard(&self) -> bool {
        !self.heard.is_empty()
    }

    /// Lets the network look at all frames that were heard: once, before the first of them is handed over.
    pub fn look(&mut self) {
        self.profile.enter(Stage::Activation);
        if !self.failed {
            let n_features = self.features.n_features();
            for features in self.features_heard.chunks(MAX_BATCH_FRAMES * n_features) {
                // What failed shows in the number of answers.
                if self.net.steps(FrameBatch::new(features, n_features), &mut self.answers).is_err() {
                    break;
                }
            }
        }
        self.profile.leave();
    }

    /// Hands over the frames of the oldest block that was [heard](Self::hear), after the network [looked](Self::look) at them.
    pub fn hand_over(&mut self, mut on_frame: impl FnMut(&ActivationFrame)) {
        let Some(block) = self.heard.pop_front() else { return };
        self.nan_samples = block.nan_samples;
        self.profile.enter(Stage::Activation);
        for _ in 0..block.n_frames {
            if let Some(described) = self.next_described() {
                on_frame(&described);
            }
        }
        self.profile.leave();
        if self.heard.is_empty() {
            self.forget_heard();
        }
    }

    /// Goes on by a frame; returns the frame that the network has now answered for, if any.
    fn next_described(&mut self) -> Option<ActivationFrame> {
        let Self { fallback, failed, next_frame, waiting, delay_frames, spectrum, pool, profile, .. } = self;
        let (place, n_features) = (self.n_handed_over, self.features.n_features());
        self.n_handed_over += 1;
        let features = &self.features_heard[place * n_features..][..n_features];
        let rms = self.rms_heard[place];
        let frame = FrameIdx(*next_frame);
        *next_frame += 1;
        // The frame's centre in the resampled stream, less the resampler's delay (DESIGN: C = 0).
        let time = StreamSec(((frame.0 * HOP_SAMPLES as u64) as f64 - self.resampler.delay_samples()) / MODEL_RATE_HZ);
        let activation = match self.answers.get(place) {
            Some(answer) => *answer,
            None => {
                *failed = true;
                fallback.step(features).unwrap_or_default()
            }
        };
        let (bands, differences) = features.split_at(features.len() / 2);
        spectrum.copy_from_slice(bands);
        if let Some(pool) = pool {
            profile.enter(Stage::Structure);
            pool.push(frame, time, features, rms);
            profile.enter(Stage::Activation);
        }
        let flux = differences.iter().sum::<f32>() / differences.len() as f32;
        // The fallback is never late, so its answers wait with their frames.
        let of_this_frame = if *failed { activation } else { Activation::default() };
        waiting.push_back(ActivationFrame { frame, time, activation: of_this_frame, flux, rms });
        if waiting.len() <= *delay_frames {
            return None;
        }
        let mut described = waiting.pop_front()?;
        if !*failed {
            described.activation = activation;
        }
        Some(described)
    }

    /// Drops what was heard and not handed over.
    fn forget_heard(&mut self) {
        self.heard.clear();
        self.features_heard.clear();
        self.rms_heard.clear();
        self.answers.clear();
        self.n_handed_over = 0;
    }

    /// The log bands of the newest frame heard, low to high, log10 units.
    pub fn spectrum(&self) -> &[f32] {
        &self.spectrum
    }

    /// Lets `n_frames` pass unheard.
    pub fn skip(&mut self, n_frames: u64) {
        self.next_frame += n_frames;
    }

    /// Another model from the next frame on, at its initial state. Frames that waited for the old one are dropped.
    pub fn set_model(&mut self, model: BeatModel) {
        if model.front_end != self.front_end {
            self.features = FeatureExtractor::new(&model.front_end);
            self.spectrum = vec![0.0; self.features.n_bands()];
            self.fallback = FluxModel::new(&model.front_end);
            self.features_heard = Vec::with_capacity(MAX_HEARD_FRAMES * self.features.n_features());
            self.pool = self.pool.as_ref().map(|_| StepPool::new(&model.front_end));
            self.front_end = model.front_end;
        }
        self.is_fallback_model = matches!(model.origin, ModelOrigin::Fallback { reason: Some(_) });
        self.delay_frames = model.net.delay_frames();
        self.forget_heard();
        self.waiting.clear();
        self.waiting.reserve(self.delay_frames + 1);
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
        self.waiting.clear();
        self.forget_heard();
        self.pool.iter_mut().for_each(StepPool::reset);
        self.nan_samples_heard = 0;
        self.nan_samples = 0;
    }
}

#[cfg(test)]
mod tests;
