//! One instance of the live pipe and the clicks that it hears.

use runtime_core::analysis::beat_model::BeatModel;
use runtime_core::analysis::config::EngineConfig;
use runtime_core::analysis::engine::Engine;
use runtime_core::analysis::worker::{Outlets, Worker};
use runtime_core::bus::audio_ring::audio_ring;
use runtime_core::bus::counters::Counters;
use runtime_core::bus::state_cell::state_cell;
use runtime_core::bus::updates::update_queue;
use runtime_core::rt::follower::Follower;
use runtime_core::rt::tap::Tap;

/// Rate of the stream, Hz.
pub const RATE_HZ: f64 = 44_100.0;
/// Half a second.
const CLICK_INTERVAL_SAMPLES: u64 = 22_050;
/// Ten milliseconds.
const CLICK_SAMPLES: f32 = 441.0;

/// The three parts.
pub struct Instance {
    /// Audio in.
    pub tap: Tap,
    /// The analysis, which needs no network here.
    pub worker: Worker,
    /// Outputs.
    pub follower: Follower,
}

impl Instance {
    /// At the start of a stream.
    pub fn new() -> Self {
        let counters = Counters::default();
        let (sender, receiver) = audio_ring(RATE_HZ);
        let (updates, update_receiver) = update_queue();
        let (state, _) = state_cell();
        let engine = Engine::new(&EngineConfig::new(RATE_HZ), BeatModel::flux(None)).expect("44.1 kHz and the defaults are valid");
        Self {
            tap: Tap::new(sender, counters.clone()),
            worker: Worker::new(engine, receiver, Outlets { updates, state, feed: None }, counters.clone(), || 0),
            follower: Follower::new(update_receiver, counters, RATE_HZ),
        }
    }
}

/// Sample `position` of a metronome at 120 BPM.
pub fn click(position: u64) -> f32 {
    let since_samples = (position % CLICK_INTERVAL_SAMPLES) as f32;
    if since_samples < CLICK_SAMPLES { 0.5 * (0.3 * since_samples).sin() * (1.0 - since_samples / CLICK_SAMPLES) } else { 0.0 }
}
