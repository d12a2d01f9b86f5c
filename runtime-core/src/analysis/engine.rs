//! The pipe: one hop of samples in, what it brought out. INFERENCE THREAD (or inline offline). Start reading here.
//!
//! Deterministic: the same samples give the same reports, however they are cut into blocks; random numbers are seeded,
//! denormals are flushed here and not by the caller, and no clock is read.

use super::activation::Activation;
use super::beat_model::BeatModel;
use super::config::{ConfigError, DecoderKind, EngineConfig, Meter, TempoRange};
use super::decoder::{BeatPosterior, Decoder};
use super::exact::ExactDecoder;
use super::hints::{self, Pulse, Taps};
use super::particles::ParticleDecoder;
use super::pipe::{ActivationFrame, ActivationPipe};
use super::profile::{Profile, Stage};
use super::tracker::{LABEL_OFFSET_SEC, Tracker};
use crate::bus::marks::{Hint, MarkKind, ModelChoice, Settings};
use crate::state::{BeatUpdate, SlowState, StructureState};
use crate::units::{FRAME_SEC, FRAMES_PER_SEC, FrameIdx, SamplePos, StreamSec};

/// From the newest sample to the sample at which an update takes effect, seconds: room for one block of up to 1102 samples at
/// 44.1 kHz and its analysis. Longer blocks get some updates late: at their first sample, and counted.
pub const UPDATE_LEAD_SEC: f64 = 0.025;
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
    /// Whether beats were being announced after the last frame.
    was_locked: bool,
    /// The moment that the last frame describes.
    last_frame_time: StreamSec,
    taps: Taps,
    /// Tempi that a hint left, within the configured ones.
    hinted_tempo: Option<TempoRange>,
    /// What [`Settings`] chose last.
    model: ModelChoice,
}

impl Engine {
    /// An engine at the start of a stream.
    ///
    /// # Errors
    /// A configuration value that cannot be used.
    pub fn new(config: &EngineConfig, model: BeatModel) -> Result<Self, ConfigError> {
        config.validate()?;
        let hop_samples = (config.sample_rate_hz / FRAMES_PER_SEC).round() as usize;
        Ok(Self {
            config: *config,
            pipe: ActivationPipe::new(config.sample_rate_hz, hop_samples, model),
            decoder: new_decoder(config, config.tempo),
            tracker: Tracker::default(),
            posterior: BeatPosterior::default(),
            hop_samples,
            pending: Vec::with_capacity(hop_samples),
            frames: Vec::with_capacity(MAX_FRAMES_PER_HOP),
            samples_received: 0,
            was_locked: false,
            last_frame_time: StreamSec::default(),
            taps: Taps::default(),
            hinted_tempo: None,
            model: ModelChoice::Auto,
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
        let Self { pipe, decoder, tracker, posterior, frames, config, was_locked, last_frame_time, .. } = self;
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
                let locked = state.beat.locked;
                let has_news = event.is_some() || std::mem::replace(was_locked, locked == 1) != (locked == 1);
                let update = has_news.then_some(BeatUpdate { effective_at, timeline, conf: state.beat.conf, locked, event });
                *last_frame_time = frame.time;
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

    /// Notes which choice the model given to [`Self::new`] was, so that equal settings do not load it again.
    pub fn assume_model(&mut self, model: ModelChoice) {
        self.model = model;
    }

    /// Rate of the samples, Hz.
    pub fn sample_rate_hz(&self) -> f64 {
        self.config.sample_rate_hz
    }

    /// Samples consumed so far, with those of a hop that is not full yet.
    pub fn samples_received(&self) -> SamplePos {
        SamplePos(self.samples_received + self.pending.len() as u64)
    }

    /// The log bands of the last frame, `[136]`, low to high, log10 units.
    pub fn spectrum(&self) -> &[f32] {
        self.pipe.spectrum()
    }

    /// The moment that the last frame describes.
    pub fn last_frame_time(&self) -> StreamSec {
        self.last_frame_time
    }

    /// Applies what happened at the present position of the stream: before the next sample.
    ///
    /// # Errors
    /// Settings that cannot be used; everything stays as it was.
    pub fn apply(&mut self, kind: &MarkKind, on_frame: impl FnMut(&FrameReport)) -> Result<(), ConfigError> {
        match *kind {
            MarkKind::Gap { n_samples } => self.skip(n_samples, on_frame),
            MarkKind::Jump => self.soft_reset(),
            MarkKind::Hint(hint) => self.hint(hint),
            MarkKind::Settings(settings) => self.set(&settings)?,
        }
        Ok(())
    }

    /// After a jump, loop or stop of the host: tempo and meter stay believed, the phase is found anew.
    pub fn soft_reset(&mut self) {
        self.decoder.forget_phase();
        self.tracker.forget_phase();
        self.taps = Taps::default();
    }

    /// Lets `n_samples` pass unheard: time goes on, the phase is found anew.
    fn skip(&mut self, n_samples: u64, on_frame: impl FnMut(&FrameReport)) {
        let samples_per_frame = self.config.sample_rate_hz / FRAMES_PER_SEC;
        let n_frames = (n_samples as f64 / samples_per_frame) as u64;
        let n_skipped = ((n_frames as f64 * samples_per_frame).round() as u64).min(n_samples);
        self.pipe.skip(n_frames);
        self.samples_received += n_skipped;
        self.soft_reset();
        // What is left is less than a frame.
        let rest = vec![0.0; (n_samples - n_skipped) as usize];
        self.process(&rest, on_frame);
    }

    fn hint(&mut self, hint: Hint) {
        let now = self.samples_received().to_stream_sec(self.config.sample_rate_hz);
        match hint {
            Hint::Nudge { by_us } => self.tracker.nudge(f64::from(by_us) * 1e-6),
            Hint::ThisIsOne => self.tracker.this_is_one(now),
            Hint::Hold(on) => self.tracker.hold(on),
            Hint::Half => self.follow(hints::half(&self.tracker, now)),
            Hint::Double => self.follow(hints::double(&self.tracker, now)),
            Hint::Tap => {
                if let Some(spb) = self.taps.push(now) {
                    self.follow(hints::tapped(spb, now));
                }
            }
        }
    }

    /// Takes over a tempo and phase from the user: the tempo holds until another hint or other settings, the phase is where
    /// the decoder starts from. A tempo outside the configured range changes nothing.
    fn follow(&mut self, pulse: Pulse) {
        let Some(tempo) = pulse.tempo_range(self.config.tempo) else { return };
        self.hinted_tempo = Some(tempo);
        self.decoder = new_decoder(&self.config, tempo);
        self.start_from(pulse);
        self.tracker.follow(pulse.spb, pulse.beat_sec);
    }

    /// A fresh decoder starts from a pulse.
    fn start_from(&mut self, pulse: Pulse) {
        // The decoder does not know of nudges.
        let heard_sec = pulse.beat_sec - self.tracker.nudge_sec();
        let frames_to_beat = (heard_sec - self.last_frame_time.0 - LABEL_OFFSET_SEC) / FRAME_SEC;
        self.decoder.assume(pulse.spb / FRAME_SEC, frames_to_beat);
    }

    fn set(&mut self, settings: &Settings) -> Result<(), ConfigError> {
        let tempo = TempoRange { min_bpm: settings.min_bpm, max_bpm: settings.max_bpm };
        let meter = if settings.beats_per_bar == 0 { Meter::Auto } else { Meter::Fixed(settings.beats_per_bar) };
        let config = EngineConfig { tempo, meter, ..self.config };
        config.validate()?;
        if settings.model != self.model {
            self.model = settings.model;
            self.pipe.set_model(BeatModel::load(settings.model));
        }
        if (config.tempo, config.meter) != (self.config.tempo, self.config.meter) {
            self.config = config;
            self.hinted_tempo = None;
            self.decoder = new_decoder(&config, config.tempo);
            let now = self.samples_received().to_stream_sec(config.sample_rate_hz);
            let present = hints::present(&self.tracker, now, config.tempo).filter(|_| self.was_locked);
            if let Some(pulse) = present {
                self.start_from(pulse);
                if pulse.spb != self.tracker.timeline().spb {
                    self.tracker.follow(pulse.spb, pulse.beat_sec);
                }
            }
        }
        Ok(())
    }

    /// Returns to the exact state after construction.
    pub fn reset(&mut self) {
        self.pipe.reset();
        self.decoder.reset();
        self.tracker = Tracker::default();
        self.posterior = BeatPosterior::default();
        self.pending.clear();
        self.samples_received = 0;
        self.was_locked = false;
        self.last_frame_time = StreamSec::default();
        self.taps = Taps::default();
        if self.hinted_tempo.take().is_some() {
            self.decoder = new_decoder(&self.config, self.config.tempo);
        }
    }
}

fn new_decoder(config: &EngineConfig, tempo: TempoRange) -> Box<dyn Decoder> {
    match config.decoder {
        DecoderKind::Exact => Box::new(ExactDecoder::new(tempo, config.meter)),
        DecoderKind::Particle => Box::new(ParticleDecoder::new(tempo, config.meter, config.seed)),
    }
}

/// Runs `work` with denormals flushed to zero, and restores the processor's mode.
pub(super) fn without_denormals(work: impl FnOnce()) {
    // SAFETY: the guard sets flush-to-zero bits of this thread's floating-point control register and restores them when
    // it drops, also on unwinding. `work` is floating-point arithmetic whose result is meant to flush.
    unsafe { no_denormals::no_denormals(work) }
}
