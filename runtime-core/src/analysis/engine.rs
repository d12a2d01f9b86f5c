//! The pipe: one hop of samples in, what it brought out. INFERENCE THREAD (or inline offline). Start reading here.
//!
//! Deterministic: the same samples give the same reports, however they are cut into blocks; random numbers are seeded,
//! denormals are flushed here and not by the caller, and no clock is read.

use super::activation::Activation;
use super::beat_model::BeatModel;
use super::config::{ConfigError, DecoderKind, EngineConfig};
use super::decoder::{BeatPosterior, Decoder};
use super::exact::ExactDecoder;
use super::particles::ParticleDecoder;
use super::pipe::{ActivationFrame, ActivationPipe};
use super::profile::{Profile, Stage};
use super::tracker::Tracker;
use crate::state::{BeatUpdate, SlowState, StructureState};
use crate::units::{FRAMES_PER_SEC, FrameIdx, SamplePos};

/// From the newest sample to the sample at which an update takes effect, seconds: room for one block and the analysis.
pub const UPDATE_LEAD_SEC: f64 = 0.02;
/// Frames that one hop can complete, with room to spare.
const MAX_FRAMES_PER_HOP: usize = 4;

/// What one frame brought.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FrameReport {
    /// Index of the frame.
    pub frame: FrameIdx,
    /// Host samples consumed so far: the moment at which this report was made.
    pub samples_received: SamplePos,
    /// What the network saw.
    pub activation: Activation,
    /// A changed timeline, with the beat that it announces, if any.
    pub update: Option<BeatUpdate>,
    /// The whole state.
    pub state: SlowState,
}

/// The analysis of one stream.
pub struct Engine {
    config: EngineConfig,
    pipe: ActivationPipe,
    decoder: Box<dyn Decoder>,
    tracker: Tracker,
    posterior: BeatPosterior,
    hop_samples: usize,
    /// Samples that do not fill a hop yet.
    pending: Vec<f32>,
    frames: Vec<ActivationFrame>,
    samples_received: u64,
}

impl Engine {
    /// An engine at the start of a stream.
    ///
    /// # Errors
    /// A configuration value that cannot be used.
    pub fn new(config: &EngineConfig, model: BeatModel) -> Result<Self, ConfigError> {
        config.validate()?;
        let hop_samples = (config.sample_rate_hz / FRAMES_PER_SEC).round() as usize;
        let decoder: Box<dyn Decoder> = match config.decoder {
            DecoderKind::Exact => Box::new(ExactDecoder::new(config.tempo, config.meter)),
            DecoderKind::Particle => Box::new(ParticleDecoder::new(config.tempo, config.meter, config.seed)),
        };
        Ok(Self {
            config: *config,
            pipe: ActivationPipe::new(config.sample_rate_hz, hop_samples, model),
            decoder,
            tracker: Tracker::default(),
            posterior: BeatPosterior::default(),
            hop_samples,
            pending: Vec::with_capacity(hop_samples),
            frames: Vec::with_capacity(MAX_FRAMES_PER_HOP),
            samples_received: 0,
        })
    }

    /// Consumes a block of mono samples of any length and reports each frame that it completes.
    ///
    /// The reports do not depend on how the stream is cut into blocks. Samples that are not finite count as 0.
    /// Allocates nothing.
    pub fn process(&mut self, mut mono: &[f32], mut on_frame: impl FnMut(&FrameReport)) {
        let mut pending = std::mem::take(&mut self.pending);
        while !mono.is_empty() {
            let n = mono.len().min(self.hop_samples - pending.len());
            pending.extend_from_slice(&mono[..n]);
            mono = &mono[n..];
            if pending.len() == self.hop_samples {
                self.process_hop(&pending, &mut on_frame);
                pending.clear();
            }
        }
        self.pending = pending;
    }

    /// Ends the stream: silence completes the frames that still wait for their look-ahead, so that the last beats of a
    /// file are reported. Beats after the last sample are not announced.
    pub fn finish(&mut self, mut on_frame: impl FnMut(&FrameReport)) {
        let end = self.samples_received + self.pending.len() as u64;
        let end_sec = SamplePos(end).to_stream_sec(self.config.sample_rate_hz).0;
        let n_hops = (self.pipe.look_ahead_sec() * FRAMES_PER_SEC).ceil() as usize + 1;
        let silence = vec![0.0; n_hops * self.hop_samples];
        self.process(&silence, |report| {
            let mut report = *report;
            report.samples_received = report.samples_received.min(SamplePos(end));
            report.update = report.update.filter(|update| update.event.is_none_or(|event| event.t_sec <= end_sec));
            on_frame(&report);
        });
    }

    /// One hop (20 ms at the usual rates) through the pipe: the whole product in forty lines.
    pub fn process_hop(&mut self, hop: &[f32], on_frame: &mut impl FnMut(&FrameReport)) {
        self.samples_received += hop.len() as u64;
        let samples_received = SamplePos(self.samples_received);
        let now = samples_received.to_stream_sec(self.config.sample_rate_hz);
        self.frames.clear();
        let Self { pipe, decoder, tracker, posterior, frames, config, .. } = self;
        without_denormals(|| {
            pipe.process(hop, |frame| frames.push(*frame));
            for frame in &*frames {
                pipe.profile_mut().enter(Stage::Decoder);
                decoder.step(&frame.activation, posterior);
                pipe.profile_mut().enter(Stage::Tracker);
                let event = tracker.step(frame, posterior, now);
                let timeline = tracker.timeline();
                let effective_at = SamplePos(samples_received.0 + (UPDATE_LEAD_SEC * config.sample_rate_hz) as u64);
                let state = SlowState {
                    frame: frame.frame.0,
                    timeline,
                    beat: tracker.clock_at(now),
                    structure: StructureState { t_sec: now.0, ..StructureState::default() },
                    wall_ns: 0,
                    health: pipe.health(),
                };
                let update = event.map(|event| BeatUpdate { effective_at, timeline, event: Some(event) });
                pipe.profile_mut().leave();
                on_frame(&FrameReport { frame: frame.frame, samples_received, activation: frame.activation, update, state });
            }
        });
    }

    /// What the decoder believes after the last frame.
    pub fn posterior(&self) -> &BeatPosterior {
        &self.posterior
    }

    /// Time spent per stage; all zero unless switched on.
    pub fn profile_mut(&mut self) -> &mut Profile {
        self.pipe.profile_mut()
    }

    /// After a jump, loop or stop of the host: tempo and meter stay believed, the phase is found anew.
    pub fn soft_reset(&mut self) {
        self.decoder.forget_phase();
        self.tracker.forget_phase();
    }

    /// Returns to the exact state after construction.
    pub fn reset(&mut self) {
        self.pipe.reset();
        self.decoder.reset();
        self.tracker = Tracker::default();
        self.posterior = BeatPosterior::default();
        self.pending.clear();
        self.samples_received = 0;
    }
}

/// Runs `work` with denormals flushed to zero, and restores the processor's mode.
pub(super) fn without_denormals(work: impl FnOnce()) {
    // SAFETY: the guard sets flush-to-zero bits of this thread's floating-point control register and restores them when
    // it drops, also on unwinding. `work` is floating-point arithmetic whose result is meant to flush.
    unsafe { no_denormals::no_denormals(work) }
}
