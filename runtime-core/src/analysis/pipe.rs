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

    /// Lets the network look at all frames that were heard since the last time.
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
mod tests {
    use super::*;
    use crate::analysis::activation::StepError;

    /// Says how loud the frame of some frames ago was, as a network would that has heard what followed.
    struct Late {
        delay_frames: usize,
        heard: VecDeque<f32>,
        n_features: usize,
        fails_at: Option<usize>,
        n_steps: usize,
    }

    impl Late {
        fn model(delay_frames: usize, fails_at: Option<usize>) -> BeatModel {
            let front_end = FrontEnd::default();
            let heard = VecDeque::from(vec![0.0; delay_frames]);
            BeatModel::from_network(
                front_end.clone(),
                Box::new(Self { delay_frames, heard, n_features: front_end.len, fails_at, n_steps: 0 }),
            )
        }
    }

    impl StepModel for Late {
        fn name(&self) -> &str {
            "late"
        }
        fn n_features(&self) -> usize {
            self.n_features
        }
        fn delay_frames(&self) -> usize {
            self.delay_frames
        }
        fn step(&mut self, features: &[f32]) -> Result<Activation, StepError> {
            self.n_steps += 1;
            if Some(self.n_steps) == self.fails_at {
                return Err(StepError::NotFinite { model: "late".to_owned(), value: f32::NAN });
            }
            self.heard.push_back(features[..self.n_features / 2].iter().sum());
            let beat = self.heard.pop_front().unwrap_or_default();
            Ok(Activation { beat, downbeat: 0.0, none: 1.0 })
        }
        fn reset(&mut self) {
            self.heard = VecDeque::from(vec![0.0; self.delay_frames]);
            self.n_steps = 0;
        }
    }

    const RATE_HZ: f64 = 44_100.0;
    const HOP: usize = 882;

    /// Two seconds with a click at a moment.
    fn click(at_sec: f64) -> Vec<f32> {
        let mut samples = vec![0.0; 2 * RATE_HZ as usize];
        samples[(at_sec * RATE_HZ) as usize..][..8].fill(0.9);
        samples
    }

    fn frames(pipe: &mut ActivationPipe, samples: &[f32]) -> Vec<ActivationFrame> {
        let mut frames = Vec::new();
        samples.chunks(HOP).for_each(|hop| pipe.process(hop, |frame| frames.push(*frame)));
        frames
    }

    fn loudest(frames: &[ActivationFrame]) -> ActivationFrame {
        *frames.iter().max_by(|a, b| a.activation.beat.total_cmp(&b.activation.beat)).expect("some frames")
    }

    #[test]
    fn an_answer_has_the_time_and_the_level_of_the_frame_that_it_is_about() {
        let pipe = |delay_frames| ActivationPipe::new(RATE_HZ, HOP, Late::model(delay_frames, None));
        let prompt = frames(&mut pipe(0), &click(1.0));
        assert!((loudest(&prompt).time.0 - 1.0).abs() < 0.01, "{:?}", loudest(&prompt));
        for delay_frames in [1, 3] {
            let mut late = pipe(delay_frames);
            let got = frames(&mut late, &click(1.0));
            assert_eq!(got, prompt[..prompt.len() - delay_frames], "the same frames, the last ones not yet");
            let added_sec = late.look_ahead_sec() - pipe(0).look_ahead_sec();
            assert!((added_sec - 0.02 * delay_frames as f64).abs() < 1e-9, "{added_sec}");
            late.reset();
            assert_eq!(frames(&mut late, &click(1.0)), got, "a reset returns to the start");
        }
    }

    #[test]
    fn time_goes_on_where_frames_are_skipped_or_the_network_fails() {
        let mut pipe = ActivationPipe::new(RATE_HZ, HOP, Late::model(2, None));
        frames(&mut pipe, &click(1.0)[..40 * HOP]);
        pipe.skip(50);
        let after = frames(&mut pipe, &click(1.0)[..40 * HOP]);
        assert!(after.windows(2).all(|pair| pair[1].frame > pair[0].frame));
        assert_eq!(after.windows(2).filter(|pair| pair[1].frame.0 - pair[0].frame.0 == 51).count(), 1);

        let mut failing = ActivationPipe::new(RATE_HZ, HOP, Late::model(2, Some(60)));
        let all = frames(&mut failing, &click(1.5));
        assert!(all.iter().enumerate().all(|(n, frame)| frame.frame.0 == n as u64), "no frame is missing");
        let onset = all[70..].iter().max_by(|a, b| a.activation.beat.total_cmp(&b.activation.beat)).expect("some frames");
        assert!((onset.time.0 - 1.5).abs() < 0.03, "the fallback is not late: {onset:?}");
        assert_eq!(failing.health().fault, Fault::Activation as u8);
    }

    #[test]
    fn blocks_that_are_heard_together_bring_what_they_bring_alone() {
        for (delay_frames, fails_at) in [(0, None), (3, None), (0, Some(60)), (2, Some(64))] {
            let pipe = || ActivationPipe::new(RATE_HZ, HOP, Late::model(delay_frames, fails_at));
            let mut samples = click(1.0);
            samples[30_000] = f32::NAN;
            let mut alone = pipe();
            let of_a_hop = |hop: &[f32]| {
                let mut frames = Vec::new();
                alone.process(hop, |frame| frames.push(*frame));
                (frames, alone.spectrum().to_vec(), alone.health())
            };
            let expected: Vec<_> = samples.chunks(HOP).map(of_a_hop).collect();

            let mut together = pipe();
            let (mut hops, mut got) = (samples.chunks(HOP).peekable(), Vec::new());
            while hops.peek().is_some() {
                while together.has_room()
                    && let Some(hop) = hops.next()
                {
                    together.hear(hop);
                }
                together.look();
                while together.has_heard() {
                    let mut frames = Vec::new();
                    together.hand_over(|frame| frames.push(*frame));
                    got.push((frames, together.spectrum().to_vec(), together.health()));
                }
            }
            assert_eq!(got, expected, "late by {delay_frames}, failing at {fails_at:?}");
        }
    }

    #[test]
    fn a_block_may_complete_more_frames_than_the_network_sees_at_once() {
        let samples = click(1.0);
        let mut whole = Vec::new();
        ActivationPipe::new(RATE_HZ, samples.len(), Late::model(1, Some(70))).process(&samples, |frame| whole.push(*frame));
        assert!(whole.len() > 2 * MAX_BATCH_FRAMES);
        assert_eq!(whole, frames(&mut ActivationPipe::new(RATE_HZ, HOP, Late::model(1, Some(70))), &samples));
    }

    #[test]
    fn another_model_drops_what_waited_for_the_old_one() {
        let mut pipe = ActivationPipe::new(RATE_HZ, HOP, Late::model(3, None));
        let before = frames(&mut pipe, &click(1.0)[..20 * HOP]);
        pipe.set_model(Late::model(1, None));
        let after = frames(&mut pipe, &click(1.0)[..20 * HOP]);
        let (last, first) = (before[before.len() - 1].frame.0, after[0].frame.0);
        assert_eq!(first, last + 4, "three were dropped");
        assert_eq!(after.len(), 19, "and one waits");
    }
}
