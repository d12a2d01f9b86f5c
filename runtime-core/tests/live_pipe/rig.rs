//! One instance of the live pipe in one thread, and music that is known to the sample.

use std::f64::consts::TAU;

use runtime_core::analysis::beat_model::BeatModel;
use runtime_core::analysis::config::EngineConfig;
use runtime_core::analysis::engine::Engine;
use runtime_core::analysis::worker::{Outlets, Worker};
use runtime_core::bus::audio_ring::audio_ring;
use runtime_core::bus::counters::Counters;
use runtime_core::bus::marks::{Hint, MarkKind};
use runtime_core::bus::shm::FeedClock;
use runtime_core::bus::state_cell::{StateReader, state_cell};
use runtime_core::bus::updates::update_queue;
use runtime_core::rt::follower::{Follower, Output};
use runtime_core::rt::tap::Tap;
use runtime_core::state::BeatEvent;
use runtime_core::units::SamplePos;

/// Rate of all streams here, Hz.
pub(crate) const RATE_HZ: f64 = 44_100.0;

/// Tap, worker and follower of one instance.
pub(crate) struct Rig {
    /// Where audio goes in.
    pub(crate) tap: Tap,
    /// The analysis, which runs when it is pumped.
    pub(crate) worker: Worker,
    /// What plays.
    pub(crate) follower: Follower,
    /// The counters that all three share.
    pub(crate) counters: Counters,
    /// The state, as the editor sees it.
    pub(crate) state: StateReader,
    /// All that was put out, at absolute samples.
    pub(crate) outputs: Vec<(u64, Output)>,
}

impl Rig {
    /// An instance with a model.
    pub(crate) fn new(model: BeatModel) -> Self {
        let counters = Counters::default();
        let (sender, receiver) = audio_ring(RATE_HZ);
        let (updates, update_receiver) = update_queue();
        let (writer, state) = state_cell();
        let engine = Engine::new(&EngineConfig::new(RATE_HZ), model).expect("a valid configuration");
        let outlets = Outlets { updates, state: writer, feed: None };
        Self {
            tap: Tap::new(sender, counters.clone()),
            worker: Worker::new(engine, receiver, outlets, counters.clone(), || 0),
            follower: Follower::new(update_receiver, counters.clone(), RATE_HZ),
            counters,
            state,
            outputs: Vec::new(),
        }
    }

    /// An instance on the spectral flux.
    pub(crate) fn flux() -> Self {
        Self::new(BeatModel::flux(None))
    }

    /// One block of the host: tap, analysis where `pumps`, outputs.
    pub(crate) fn block(&mut self, block: &[f32], pumps: bool) {
        let start = self.tap.position();
        self.tap.push(&[block], block.len());
        if pumps {
            self.worker.pump(FeedClock::default);
        }
        let outputs = &mut self.outputs;
        self.follower.block(start, block.len() as u32, |offset, output| {
            assert!((offset as usize) < block.len(), "{output:?} at {offset}");
            outputs.push((start.0 + u64::from(offset), output));
        });
    }

    /// A stream in blocks of `block_samples`, analysed after each `pump_every`-th.
    pub(crate) fn play(&mut self, samples: &[f32], block_samples: usize, pump_every: usize) {
        for (k, block) in samples.chunks(block_samples).enumerate() {
            self.block(block, k % pump_every == pump_every - 1);
        }
    }

    /// This many seconds of `music`, from where the stream is.
    pub(crate) fn listen(&mut self, music: &Clicks, n_seconds: f64) {
        let samples = music.render(self.tap.position().0, (n_seconds * RATE_HZ) as usize);
        self.play(&samples, 441, 1);
    }

    /// The user says something.
    pub(crate) fn hint(&mut self, hint: Hint) {
        assert!(self.tap.mark(MarkKind::Hint(hint)));
    }

    /// The moment that the stream has come to, seconds.
    pub(crate) fn now_sec(&self) -> f64 {
        self.tap.position().to_stream_sec(RATE_HZ).0
    }

    /// Positions and events of the beats played from `from_sec` on.
    pub(crate) fn beats_from(&self, from_sec: f64) -> Vec<(f64, BeatEvent)> {
        let beat = |(at, output): &(u64, Output)| match output {
            Output::Beat(event, _) => Some((SamplePos(*at).to_stream_sec(RATE_HZ).0, *event)),
            _ => None,
        };
        self.outputs.iter().filter_map(beat).filter(|(t_sec, _)| *t_sec >= from_sec).collect()
    }
}

/// A metronome: a low and a high click by turns, so that the bar is no secret either.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clicks {
    /// Time of the first click, seconds.
    pub(crate) first_sec: f64,
    /// Seconds between clicks.
    pub(crate) spb: f64,
}

impl Clicks {
    /// Samples `[from, from + n_samples)` of the stream.
    pub(crate) fn render(&self, from: u64, n_samples: usize) -> Vec<f32> {
        let sample = |n: u64| {
            let beats = (n as f64 / RATE_HZ - self.first_sec) / self.spb;
            if beats < 0.0 {
                return 0.0;
            }
            let since_sec = beats.fract() * self.spb;
            let envelope = 0.5 * (-since_sec / 0.02).exp() * (since_sec / 0.001).min(1.0);
            let partial = |k: u32| (TAU * 180.0 * 1.37f64.powi(k as i32) * since_sec).sin() / 12.0;
            let partials = if (beats as u64).is_multiple_of(4) { 0..12 } else { 3..12 };
            (envelope * partials.map(partial).sum::<f64>()) as f32
        };
        (from..from + n_samples as u64).map(sample).collect()
    }

    /// Distance from `t_sec` to the nearest click, seconds.
    pub(crate) fn error_sec(&self, t_sec: f64) -> f64 {
        let beats = (t_sec - self.first_sec) / self.spb;
        (beats - beats.round()) * self.spb
    }
}
