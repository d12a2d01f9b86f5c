//! The whole file at once: same front end, networks and state space as live, decoded with hindsight. Any thread; not real
//! time. The causal filter runs alongside for its evidence of a pulse, so that silence and noise stay empty.

use std::collections::VecDeque;

use super::beat_model::BeatModel;
use super::config::{ConfigError, EngineConfig};
use super::decoder::{BeatPosterior, Decoder as _};
use super::engine::without_denormals;
use super::exact::ExactDecoder;
use super::hints::HintState;
use super::lock::Lock;
use super::pipe::{ActivationFrame, ActivationPipe};
use super::tracker::LABEL_OFFSET_SEC;
use super::viterbi::{PathBeat, ViterbiDecoder};
use crate::state::{BeatEvent, Health};
use crate::units::{FRAME_SEC, FRAMES_PER_SEC};

/// A beat counts where the causal filter is locked within this time after it, seconds: twice the lock's memory.
const HINDSIGHT_SEC: f64 = 8.0;

/// Collects a stream and hands over its beats in bounded memory.
pub struct OfflineAnalysis {
    pipe: ActivationPipe,
    viterbi: ViterbiDecoder,
    filter: ExactDecoder,
    lock: Lock,
    posterior: BeatPosterior,
    /// Time of frame 0, seconds.
    first_frame_sec: f64,
    n_samples: u64,
    sample_rate_hz: f64,
    block_samples: usize,
    /// What the filter said about the frames that no final beat has passed yet.
    witness: VecDeque<Witness>,
    /// Frame of the first witness.
    first_witness: u64,
    n_beats: u64,
}

/// What one frame says about a beat near it.
#[derive(Debug, Clone, Copy)]
struct Witness {
    locked: bool,
    conf: f32,
    onset: f32,
}

impl OfflineAnalysis {
    /// An analysis at the start of a stream.
    ///
    /// # Errors
    /// A configuration value that cannot be used.
    pub fn new(config: &EngineConfig, model: BeatModel) -> Result<Self, ConfigError> {
        config.validate()?;
        let tempo = HintState::new(config).decoder_range();
        let block_samples = (config.sample_rate_hz / FRAMES_PER_SEC).round() as usize;
        Ok(Self {
            pipe: ActivationPipe::new(config.sample_rate_hz, block_samples, model),
            viterbi: ViterbiDecoder::new(tempo, config.meter),
            filter: ExactDecoder::new(tempo, config.meter),
            lock: Lock::default(),
            posterior: BeatPosterior::default(),
            first_frame_sec: 0.0,
            n_samples: 0,
            sample_rate_hz: config.sample_rate_hz,
            block_samples,
            witness: VecDeque::new(),
            first_witness: 0,
            n_beats: 0,
        })
    }

    /// Consumes a block of mono samples of any length; hands over the beats that are final.
    pub fn process(&mut self, mono: &[f32], on_beat: impl FnMut(&BeatEvent)) {
        self.process_watched(mono, on_beat, |_| {});
    }

    /// [`Self::process`], also handing over each frame that it completes.
    pub fn process_watched(&mut self, mono: &[f32], mut on_beat: impl FnMut(&BeatEvent), mut on_frame: impl FnMut(&ActivationFrame)) {
        self.n_samples += mono.len() as u64;
        without_denormals(|| self.process_blocks(mono.chunks(self.block_samples), &mut on_beat, &mut on_frame));
    }

    /// Ends the stream; hands over the rest of its beats.
    pub fn finish(&mut self, on_beat: impl FnMut(&BeatEvent)) {
        self.finish_watched(on_beat, |_| {});
    }

    /// [`Self::finish`], also handing over each frame that it completes.
    pub fn finish_watched(&mut self, mut on_beat: impl FnMut(&BeatEvent), mut on_frame: impl FnMut(&ActivationFrame)) {
        let end_sec = self.n_samples as f64 / self.sample_rate_hz;
        let n_blocks = (self.pipe.look_ahead_sec() * FRAMES_PER_SEC).ceil() as usize + 1;
        let silence = vec![0.0; self.block_samples];
        let mut within = |event: &BeatEvent| {
            if event.t_sec <= end_sec {
                on_beat(event);
            }
        };
        without_denormals(|| {
            self.process_blocks(std::iter::repeat_n(silence.as_slice(), n_blocks), &mut within, &mut on_frame);
            let mut beats = Vec::new();
            self.viterbi.finish(&mut |beat| beats.push(beat));
            self.judge(&beats, &mut within);
        });
    }

    /// What went wrong in the first stages.
    pub fn health(&self) -> Health {
        self.pipe.health()
    }

    /// Consumes blocks of at most `block_samples`; the network sees as many as it may together.
    fn process_blocks<'a>(
        &mut self,
        blocks: impl Iterator<Item = &'a [f32]>,
        on_beat: &mut impl FnMut(&BeatEvent),
        on_frame: &mut impl FnMut(&ActivationFrame),
    ) {
        let mut blocks = blocks.peekable();
        while blocks.peek().is_some() {
            while self.pipe.has_room()
                && let Some(block) = blocks.next()
            {
                self.pipe.hear(block);
            }
            self.pipe.look();
            while self.pipe.has_heard() {
                self.follow_block(on_beat, on_frame);
            }
        }
    }

    /// What a block brings that the network has seen.
    fn follow_block(&mut self, on_beat: &mut impl FnMut(&BeatEvent), on_frame: &mut impl FnMut(&ActivationFrame)) {
        let mut beats = Vec::new();
        let Self { pipe, viterbi, filter, lock, posterior, witness, first_frame_sec, .. } = self;
        pipe.hand_over(|frame: &ActivationFrame| {
            if frame.frame.0 == 0 {
                *first_frame_sec = frame.time.0;
            }
            filter.step(&frame.activation, posterior);
            witness.push_back(Witness {
                locked: lock.step(frame, posterior),
                conf: posterior.conf,
                onset: frame.activation.beat + frame.activation.downbeat,
            });
            viterbi.step(&frame.activation, &mut |beat| beats.push(beat));
            on_frame(frame);
        });
        self.judge(&beats, on_beat);
    }

    /// Hands over the beats that have a pulse behind them and forgets the frames before the last one.
    fn judge(&mut self, beats: &[PathBeat], on_beat: &mut impl FnMut(&BeatEvent)) {
        for beat in beats {
            if let Some(event) = self.event_of(beat) {
                on_beat(&event);
            }
        }
        if let Some(last) = beats.last() {
            let keep_from = (last.frame - 1.0).max(0.0) as u64;
            let n_old = keep_from.saturating_sub(self.first_witness).min(self.witness.len() as u64);
            self.witness.drain(..n_old as usize);
            self.first_witness += n_old;
        }
    }

    fn event_of(&mut self, beat: &PathBeat) -> Option<BeatEvent> {
        let t_sec = self.first_frame_sec + beat.frame * FRAME_SEC + LABEL_OFFSET_SEC;
        let has_pulse = self.witnesses(beat.frame, beat.frame + HINDSIGHT_SEC * FRAMES_PER_SEC).any(|w| w.locked);
        if !has_pulse || t_sec < 0.0 {
            return None;
        }
        let conf = self.witnesses(beat.frame, beat.frame + beat.interval_frames).map(|w| w.conf).fold(0.0, f32::max);
        let intensity = self.witnesses(beat.frame - 1.0, beat.frame + 3.0).map(|w| w.onset).fold(0.0, f32::max);
        let event = BeatEvent {
            t_sec,
            beat_count: self.n_beats,
            beat_in_bar: beat.beat_in_bar,
            beats_per_bar: beat.beats_per_bar,
            downbeat_prob: f32::from(beat.beat_in_bar == 1),
            intensity: intensity.min(1.0),
            conf,
        };
        self.n_beats += 1;
        Some(event)
    }

    /// What was seen in the frames `from..=to` that are still remembered.
    fn witnesses(&self, from: f64, to: f64) -> impl Iterator<Item = &Witness> {
        let first = (from.max(0.0) as u64).saturating_sub(self.first_witness) as usize;
        let end = ((to.max(0.0) as u64 + 1).saturating_sub(self.first_witness) as usize).min(self.witness.len());
        self.witness.range(first.min(end)..end)
    }
}
