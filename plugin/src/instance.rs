//! One activated instance: tap and follower for the audio thread, and the analysis, on a thread of its own or inline.
//! Made and ended on the MAIN THREAD.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use midi_port::{MonotonicClock, SystemClock};
use runtime_core::analysis::beat_model::BeatModel;
use runtime_core::analysis::config::{ConfigError, EngineConfig, Meter, TempoRange};
use runtime_core::analysis::engine::Engine;
use runtime_core::analysis::hints::HintStatus;
use runtime_core::analysis::worker::{Outlets, Worker};
use runtime_core::bus::audio_ring::audio_ring_for;
use runtime_core::bus::counters::Counters;
use runtime_core::bus::marks::Settings;
use runtime_core::bus::scope::scope;
use runtime_core::bus::shm::{FeedClock, FeedInfo, FeedWriter, feed_directory, sweep};
use runtime_core::bus::state_cell::state_cell;
use runtime_core::bus::updates::update_queue;
use runtime_core::rt::follower::Follower;
use runtime_core::rt::tap::Tap;

use crate::board::Shared;
use crate::params::AnacrusisParams;
use crate::port::{PortShown, PortSwitch};

/// Who analyses.
enum Analysis {
    /// A thread of this instance, at normal priority.
    Thread { stop: Arc<AtomicBool>, thread: Option<JoinHandle<Option<HintStatus>>> },
    /// `process` itself: an offline render is faster than real time and may wait. Boxed, because it is large.
    Inline(Box<Worker>),
}

/// An activated instance.
pub struct Instance {
    /// To the analysis.
    pub tap: Tap,
    /// To the outputs.
    pub follower: Follower,
    /// What both count.
    pub counters: Counters,
    /// What the analysis tracks.
    pub settings: Settings,
    analysis: Analysis,
    shared: Arc<Shared>,
}

impl Instance {
    /// Starts an instance, with what of `kept`, the hints of an earlier one, still means something. Without a feed directory, or with a full disk, it has no feed and works all the same.
    ///
    /// # Errors
    /// A sample rate that the engine cannot take.
    pub fn start(
        params: &Arc<AnacrusisParams>,
        sample_rate_hz: f64,
        max_block_samples: usize,
        is_offline: bool,
        kept: Option<&HintStatus>,
    ) -> Result<Self, ConfigError> {
        let settings = params.settings();
        let meter = if settings.beats_per_bar == 0 { Meter::Auto } else { Meter::Fixed(settings.beats_per_bar) };
        let tempo = TempoRange { min_bpm: settings.min_bpm, max_bpm: settings.max_bpm };
        let config = EngineConfig { tempo, meter, ..EngineConfig::new(sample_rate_hz) };
        let mut engine = Engine::new(&config, BeatModel::load(settings.model))?;
        engine.assume_model(settings.model);
        if let Some(kept) = kept {
            engine.resume(kept);
        }
        let counters = Counters::default();
        let (sender, receiver) = audio_ring_for(sample_rate_hz, max_block_samples);
        let (updates_in, updates_out) = update_queue();
        let (state_writer, state) = state_cell();
        let (scope_writer, scope) = scope();
        let feed = open_feed(params, sample_rate_hz);
        let port_shown = PortShown::default();
        let shared = Shared { state: state.clone(), scope, port: port_shown.clone(), has_feed: feed.is_some(), is_offline };
        let outlets = Outlets { updates: updates_in, state: state_writer, feed };
        let mut worker = Worker::new(engine, receiver, outlets, counters.clone(), || SystemClock.now_ns()).with_scope(scope_writer);
        let analysis = if is_offline {
            Analysis::Inline(Box::new(worker))
        } else {
            let stop = Arc::new(AtomicBool::new(false));
            let stop_of_thread = Arc::clone(&stop);
            let mut port = PortSwitch::new(Arc::clone(params), state, port_shown);
            let thread = std::thread::Builder::new()
                .name("anacrusis".to_owned())
                .spawn(move || {
                    worker.run(&stop_of_thread, |load| port.poll(load));
                    worker.hints()
                })
                .ok();
            Analysis::Thread { stop, thread }
        };
        Ok(Self {
            tap: Tap::new(sender, counters.clone()),
            follower: Follower::new(updates_out, counters.clone(), sample_rate_hz),
            counters,
            settings,
            analysis,
            shared: Arc::new(shared),
        })
    }

    /// What a window may read.
    pub fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    /// Ends the analysis; returns what the user had fixed, once. `None` where an error of ours had ended it before.
    pub fn stop(&mut self) -> Option<HintStatus> {
        match &mut self.analysis {
            Analysis::Thread { stop, thread } => {
                stop.store(true, Ordering::Release);
                // The worker catches its own panics; if the thread has died all the same, there is nothing left to end.
                thread.take()?.join().ok()?
            }
            Analysis::Inline(worker) => worker.hints(),
        }
    }

    /// Offline: analyses what was tapped. Live: nothing, the thread does.
    pub fn analyse_inline(&mut self) {
        if let Analysis::Inline(worker) = &mut self.analysis {
            worker.pump(FeedClock::now);
        }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let _ = self.stop();
    }
}

/// A feed under the instance's name, after those of dead processes were swept away.
fn open_feed(params: &AnacrusisParams, sample_rate_hz: f64) -> Option<FeedWriter> {
    let directory = feed_directory().ok()?;
    let now = FeedClock::now();
    // A folder that is not there yet has nothing to sweep; one that is not ours is refused again below.
    let _ = sweep(&directory, now);
    let saved = params.saved.lock().map(|saved| saved.feed_name.clone()).unwrap_or_default();
    let name = if saved.is_empty() { "Anacrusis" } else { &saved };
    FeedWriter::create(&directory, &FeedInfo { name, sample_rate_hz }, now).ok()
}
