//! One instance as the plugin puts it together, without the host: made and ended on the MAIN THREAD, its worker on a thread
//! of its own, its blocks on the thread that stands for the host's audio thread.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Instant;

use midi_port::{MonotonicClock, SystemClock};
use runtime_core::analysis::beat_model::BeatModel;
use runtime_core::analysis::config::EngineConfig;
use runtime_core::analysis::engine::Engine;
use runtime_core::analysis::worker::{Outlets, Worker};
use runtime_core::bus::audio_ring::audio_ring_for;
use runtime_core::bus::counters::Counters;
use runtime_core::bus::shm::{FeedClock, FeedInfo, FeedReader, FeedWriter};
use runtime_core::bus::state_cell::state_cell;
use runtime_core::bus::updates::update_queue;
use runtime_core::rt::follower::{Follower, Source};
use runtime_core::rt::midi_clock::ClockPolicy;
use runtime_core::rt::tap::Tap;

use crate::engine_args::EngineArgs;
use crate::model::ModelArgs;

/// What all instances have in common.
pub(super) struct Setup {
    pub(super) config: EngineConfig,
    pub(super) block_samples: usize,
    model_args: ModelArgs,
    /// Feeds lie here and not among the user's: visualizers must not take them for music.
    folder: tempfile::TempDir,
}

impl Setup {
    /// From the command line.
    ///
    /// # Errors
    /// No folder for feeds.
    pub(super) fn new(engine: &EngineArgs, sample_rate_hz: u32, block_samples: usize) -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|e| format!("no folder for feeds: {e}"))?;
        Ok(Self { config: engine.config(sample_rate_hz), block_samples, model_args: engine.model.clone(), folder })
    }

    /// A model at the start of a stream.
    ///
    /// # Errors
    /// A model that cannot be used.
    pub(super) fn model(&self) -> Result<BeatModel, String> {
        self.model_args.load().map_err(|e| e.to_string())
    }

    /// Folder of the feeds; made by the first.
    fn feed_folder(&self) -> PathBuf {
        self.folder.path().join("feeds")
    }
}

/// What the host's audio thread holds of an instance.
pub(super) struct AudioSide {
    tap: Tap,
    follower: Follower,
    counters: Counters,
    /// Messages, beats and ends of beats that came out.
    pub(super) n_outputs: u64,
}

impl AudioSide {
    pub(super) fn new(tap: Tap, follower: Follower, counters: Counters) -> Self {
        Self { tap, follower, counters, n_outputs: 0 }
    }

    /// What the plugin's `process` does with a block, less host and parameters.
    pub(super) fn block(&mut self, channels: [&[f32]; 2]) {
        let Self { tap, follower, n_outputs, .. } = self;
        let (start, n_samples) = (tap.position(), channels[0].len());
        tap.push(&channels, n_samples);
        follower.set_output(start, ClockPolicy::default(), 0.0);
        follower.set_source(start, Source::Audio);
        follower.block(start, n_samples as u32, |_, _| *n_outputs += 1);
    }

    /// The same, timed and counted.
    pub(super) fn timed_block(&mut self, channels: [&[f32]; 2]) -> u64 {
        let began = Instant::now();
        self.block(channels);
        let took_ns = began.elapsed().as_nanos() as u64;
        self.counters.add_block(u32::try_from(took_ns).unwrap_or(u32::MAX));
        took_ns
    }
}

/// A running instance with its feed.
pub(super) struct Instance {
    /// For the thread that stands for the host.
    pub(super) audio: AudioSide,
    /// The other end of the feed.
    pub(super) feed: FeedReader,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Instance {
    /// Starts an instance.
    ///
    /// # Errors
    /// A configuration or model that cannot be used, no feed, no thread.
    pub(super) fn start(setup: &Setup) -> Result<Self, String> {
        let engine = Engine::new(&setup.config, setup.model()?).map_err(|e| e.to_string())?;
        let rate_hz = setup.config.sample_rate_hz;
        let counters = Counters::default();
        let (sender, receiver) = audio_ring_for(rate_hz, setup.block_samples);
        let (updates_in, updates_out) = update_queue();
        let (feed, reader) = open_feed(&setup.feed_folder(), rate_hz)?;
        let outlets = Outlets { updates: updates_in, state: state_cell().0, feed: Some(feed) };
        let mut worker = Worker::new(engine, receiver, outlets, counters.clone(), || SystemClock.now_ns());
        let stop = Arc::new(AtomicBool::new(false));
        let stop_of_thread = Arc::clone(&stop);
        let thread = std::thread::Builder::new()
            .name("anacrusis".to_owned())
            .spawn(move || worker.run(&stop_of_thread, |_| {}))
            .map_err(|e| format!("cannot start a thread: {e}"))?;
        let (tap, follower) = (Tap::new(sender, counters.clone()), Follower::new(updates_out, counters.clone(), rate_hz));
        Ok(Self { audio: AudioSide::new(tap, follower, counters), feed: reader, stop, thread: Some(thread) })
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            // The worker catches its own panics; a thread that died all the same has said so on stderr.
            let _ = thread.join();
        }
    }
}

fn open_feed(folder: &Path, sample_rate_hz: f64) -> Result<(FeedWriter, FeedReader), String> {
    let writer = FeedWriter::create(folder, &FeedInfo { name: "bench", sample_rate_hz }, FeedClock::now()).map_err(|e| e.to_string())?;
    let reader = FeedReader::open(writer.path()).map_err(|e| e.to_string())?;
    Ok((writer, reader))
}
