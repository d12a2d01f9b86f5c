//! The pipe: one hop of samples in, what it brought out. INFERENCE THREAD (or inline offline). Start reading here.
//!
//! Deterministic: the same samples give the same reports, however they are cut into blocks; random numbers are seeded,
//! denormals are flushed here and not by the caller, and no clock is read.

mod hints;

use super::activation::Activation;
use super::anticipator_model::AnticipatorModel;
use super::beat_model::BeatModel;
use super::candidates::TempoCandidates;
use super::confidence::BeatEvidence;
use super::config::{ConfigError, DecoderKind, EngineConfig, Meter, TempoRange};
use super::decoder::{BeatPosterior, Decoder};
use super::exact::ExactDecoder;
use super::hints::{HintState, Taps};
use super::particles::ParticleDecoder;
use super::pipe::{ActivationFrame, ActivationPipe, MAX_FRAMES_PER_HOP};
use super::profile::{Profile, Stage};
use super::structure::{InputRecorder, StepWatcher, StructureInput, StructureStage};
use super::structure_features::beat_line::TrackerView;
use super::tracker::Tracker;
use crate::bus::hint::HintFlags;
use crate::bus::marks::{MarkKind, ModelChoice};
use crate::state::{BeatUpdate, LockReason, SlowState, StructureEvent};
use crate::units::{FRAMES_PER_SEC, FrameIdx, SamplePos, StreamSec};

/// From the newest sample to the sample at which an update takes effect, seconds: room for one block of up to 1102 samples at
/// 44.1 kHz and its analysis. Longer blocks get some updates late: at their first sample, and counted.
pub const UPDATE_LEAD_SEC: f64 = 0.025;
/// Between two looks at which tempi are possible, frames: five a second, and at each beat.
const CANDIDATES_EVERY_FRAMES: u64 = 10;

/// What one frame brought.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FrameReport {
    /// Index of the frame.
    pub frame: FrameIdx,
    /// The moment that the frame describes.
    pub time: StreamSec,
    /// Mean positive band difference of the frame, log10 units.
    pub flux: f32,
    /// Root mean square of the 20 ms that completed the frame, full scale = 1.
    pub rms: f32,
    /// Host samples consumed so far: the moment at which this report was made.
    pub samples_received: SamplePos,
    /// What the network saw.
    pub activation: Activation,
    /// A changed timeline, with the beat that it announces, if any.
    pub update: Option<BeatUpdate>,
    /// What was known of the beat that was announced last.
    pub evidence: BeatEvidence,
    /// What the user fixed.
    pub hints: HintFlags,
    /// The tempi that are possible, as of the last beat or a moment later.
    pub candidates: TempoCandidates,
    /// Something to say about the sections.
    pub structure_event: Option<StructureEvent>,
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
    structure: StructureStage,
    hop_samples: usize,
    /// Samples that do not fill a hop yet.
    pending: Vec<f32>,
    frames: Vec<ActivationFrame>,
    samples_received: u64,
    /// What held after the last frame: beats are announced (1), why or why not, what the user fixed.
    said: (u8, LockReason, HintFlags),
    /// The moment that the last frame describes.
    last_frame_time: StreamSec,
    /// What the network saw there.
    last_activation: Activation,
    candidates: TempoCandidates,
    hints: HintState,
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
        let hints = HintState::new(config);
        let hop_samples = (config.sample_rate_hz / FRAMES_PER_SEC).round() as usize;
        let mut pipe = ActivationPipe::new(config.sample_rate_hz, hop_samples, model);
        pipe.pool_steps();
        Ok(Self {
            config: *config,
            pipe,
            decoder: new_decoder(config, hints.decoder_range(), hints.meter),
            tracker: new_tracker(&hints),
            posterior: BeatPosterior::default(),
            structure: StructureStage::new(AnticipatorModel::load_default()),
            hop_samples,
            pending: Vec::with_capacity(hop_samples),
            frames: Vec::with_capacity(MAX_FRAMES_PER_HOP),
            samples_received: 0,
            said: Default::default(),
            last_frame_time: StreamSec::default(),
            last_activation: Activation::default(),
            candidates: TempoCandidates::default(),
            hints,
            model: ModelChoice::Auto,
        })
    }

    /// Consumes a block of mono samples of any length and reports each frame that it completes.
    ///
    /// The reports do not depend on how the stream is cut into blocks; where a block holds several hops, the network sees their
    /// frames together, which costs less. Samples that are not finite count as 0. Allocates nothing.
    pub fn process(&mut self, mut mono: &[f32], mut on_frame: impl FnMut(&FrameReport)) {
        while !mono.is_empty() {
            without_denormals(|| {
                while !mono.is_empty() && self.pipe.has_room() {
                    let (part, rest) = mono.split_at(mono.len().min(self.hop_samples - self.pending.len()));
                    self.pending.extend_from_slice(part);
                    mono = rest;
                    if self.pending.len() == self.hop_samples {
                        self.pipe.hear(&self.pending);
                        self.pending.clear();
                    }
                }
                self.pipe.look();
            });
            while self.pipe.has_heard() {
                self.follow_hop(&mut on_frame);
            }
        }
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

    /// What one hop (20 ms at the usual rates) brings that the network has seen: the whole product in forty lines.
    fn follow_hop(&mut self, on_frame: &mut impl FnMut(&FrameReport)) {
        self.samples_received += self.hop_samples as u64;
        let samples_received = SamplePos(self.samples_received);
        let now = samples_received.to_stream_sec(self.config.sample_rate_hz);
        self.frames.clear();
        let flags = self.hints().flags();
        let Self {
            pipe, decoder, tracker, posterior, structure, frames, config, said, last_frame_time, last_activation, candidates, ..
        } = self;
        without_denormals(|| {
            pipe.hand_over(|frame| frames.push(*frame));
            for frame in &*frames {
                pipe.profile_mut().enter(Stage::Decoder);
                decoder.step(&frame.activation, posterior);
                pipe.profile_mut().enter(Stage::Tracker);
                let event = tracker.step(frame, posterior, now);
                let timeline = tracker.timeline();
                let beat = tracker.clock_at(now);
                pipe.profile_mut().enter(Stage::Structure);
                if let Some(event) = event {
                    structure.take(StructureInput::Announce(event));
                }
                let view = TrackerView { is_locked: beat.locked == 1, spb: timeline.spb, conf: beat.conf };
                while let Some(step) = pipe.take_step(frame.frame) {
                    structure.take(StructureInput::Step(&step, view));
                }
                pipe.profile_mut().enter(Stage::Tracker);
                let effective_at = SamplePos(samples_received.0 + (UPDATE_LEAD_SEC * config.sample_rate_hz) as u64);
                let state =
                    SlowState { frame: frame.frame.0, timeline, beat, structure: *structure.state(), wall_ns: 0, health: pipe.health() };
                let locked = state.beat.locked;
                let status = (locked, state.beat.reason, flags);
                let has_news = std::mem::replace(said, status) != status || event.is_some();
                let update = has_news.then_some(BeatUpdate {
                    effective_at,
                    timeline,
                    conf: state.beat.conf,
                    shown_spb: state.beat.spb,
                    locked,
                    reason: state.beat.reason,
                    hints: flags,
                    outlook: structure.outlook(),
                    event,
                });
                if event.is_some() || frame.frame.0.is_multiple_of(CANDIDATES_EVERY_FRAMES) {
                    *candidates = TempoCandidates::of(decoder.as_ref());
                    tracker.weigh_levels(candidates);
                }
                *last_frame_time = frame.time;
                *last_activation = frame.activation;
                pipe.profile_mut().leave();
                let evidence = *tracker.evidence();
                let ActivationFrame { frame, time, activation, flux, rms } = *frame;
                let candidates = *candidates;
                let structure_event = structure.take_event();
                on_frame(&FrameReport {
                    frame,
                    time,
                    flux,
                    rms,
                    samples_received,
                    activation,
                    update,
                    evidence,
                    hints: flags,
                    candidates,
                    structure_event,
                    state,
                });
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

    /// Another anticipator from the next step on, at its initial state. Without a call the embedded one runs.
    pub fn set_anticipator(&mut self, model: AnticipatorModel) {
        self.structure.set_model(model);
    }

    /// Sections and boundaries.
    pub fn structure(&self) -> &StructureStage {
        &self.structure
    }

    /// Gives `recorder` everything that goes to the structure stage from now on.
    pub fn record_structure(&mut self, recorder: InputRecorder) {
        self.structure.record(recorder);
    }

    /// Shows `watcher` every step of the anticipator from now on: what it is given.
    pub fn watch_structure(&mut self, watcher: StepWatcher) {
        self.structure.watch(watcher);
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

    /// What the network saw in that frame.
    pub fn last_activation(&self) -> Activation {
        self.last_activation
    }

    /// Applies what happened at the present position of the stream: before the next sample.
    ///
    /// # Errors
    /// Settings that cannot be used; everything stays as it was.
    pub fn apply(&mut self, kind: &MarkKind, on_frame: impl FnMut(&FrameReport)) -> Result<(), ConfigError> {
        match *kind {
            MarkKind::Gap { n_samples } => self.skip(n_samples, on_frame),
            MarkKind::Jump => self.soft_reset(),
            // What was refused stays readable, see `hints`.
            MarkKind::Hint(hint) => drop(self.hint(hint)),
            MarkKind::Settings(settings) => self.set(&settings)?,
        }
        Ok(())
    }

    /// After a jump, loop or stop of the host: tempo and meter stay believed, the phase is found anew, the piece is forgotten.
    pub fn soft_reset(&mut self) {
        self.forget_phase();
        self.structure.take(StructureInput::ForgetPiece);
    }

    fn forget_phase(&mut self) {
        self.decoder.forget_phase();
        self.tracker.forget_phase();
        self.hints.taps = Taps::default();
    }

    /// Lets `n_samples` pass unheard: time goes on, the phase is found anew.
    fn skip(&mut self, n_samples: u64, on_frame: impl FnMut(&FrameReport)) {
        let samples_per_frame = self.config.sample_rate_hz / FRAMES_PER_SEC;
        let n_frames = (n_samples as f64 / samples_per_frame) as u64;
        let n_skipped = ((n_frames as f64 * samples_per_frame).round() as u64).min(n_samples);
        self.pipe.skip(n_frames);
        self.samples_received += n_skipped;
        self.forget_phase();
        // What is left is less than a frame.
        let rest = vec![0.0; (n_samples - n_skipped) as usize];
        self.process(&rest, on_frame);
    }

    fn set_model(&mut self, model: ModelChoice) {
        self.model = model;
        self.pipe.set_model(BeatModel::load(model));
    }

    /// Returns to the exact state after construction.
    pub fn reset(&mut self) {
        self.pipe.reset();
        let space = |hints: &HintState| (hints.decoder_range(), hints.meter);
        let before = space(&self.hints);
        self.hints = HintState::new(&self.config);
        self.decoder.reset();
        if space(&self.hints) != before {
            self.decoder = new_decoder(&self.config, self.hints.decoder_range(), self.hints.meter);
        }
        self.tracker = new_tracker(&self.hints);
        self.candidates = TempoCandidates::default();
        self.said = Default::default();
        self.posterior = BeatPosterior::default();
        self.structure.reset();
        self.pending.clear();
        self.samples_received = 0;
        self.last_frame_time = StreamSec::default();
        self.last_activation = Activation::default();
    }
}

/// A tracker that knows what is fixed from the start.
fn new_tracker(hints: &HintState) -> Tracker {
    let mut tracker = Tracker::default();
    tracker.set_meter(hints.meter.beats_per_bar());
    tracker.set_half_beat_by(hints.half_beat_by());
    if let Some(spb) = hints.manual_bpm.map(|bpm| 60.0 / bpm) {
        tracker.set_manual(Some(spb));
        tracker.follow(spb, 0.0);
    }
    tracker
}

fn new_decoder(config: &EngineConfig, tempo: TempoRange, meter: Meter) -> Box<dyn Decoder> {
    match config.decoder {
        DecoderKind::Exact => Box::new(ExactDecoder::new(tempo, meter)),
        DecoderKind::Particle => Box::new(ParticleDecoder::new(tempo, meter, config.seed)),
    }
}

/// Runs `work` with denormals flushed to zero, and restores the processor's mode.
pub(super) fn without_denormals(work: impl FnOnce()) {
    // SAFETY: the guard sets flush-to-zero bits of this thread's floating-point control register and restores them when
    // it drops, also on unwinding. `work` is floating-point arithmetic whose result is meant to flush.
    unsafe { no_denormals::no_denormals(work) }
}
