//! One live analysis as the plugin puts it together, without the host: ring, engine on a thread of its own, feed. Made and ended on
//! the MAIN THREAD, or whichever looks after an input.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use midi_port::{MonotonicClock, SystemClock};
use runtime_core::analysis::anticipator_model::AnticipatorModel;
use runtime_core::analysis::beat_model::BeatModel;
use runtime_core::analysis::config::EngineConfig;
use runtime_core::analysis::engine::Engine;
use runtime_core::analysis::worker::{Outlets, Worker};
use runtime_core::bus::audio_ring::audio_ring_for;
use runtime_core::bus::counters::Counters;
use runtime_core::bus::shm::{FeedClock, FeedInfo, FeedWriter};
use runtime_core::bus::state_cell::state_cell;
use runtime_core::bus::updates::{UpdateReceiver, update_queue};
use runtime_core::rt::tap::Tap;

/// What an analysis is made of.
pub struct Ingredients<'a> {
    /// How beats are found, with the rate of the input.
    pub config: EngineConfig,
    /// What turns sound into activations.
    pub model: BeatModel,
    /// What tells sections.
    pub anticipator: AnticipatorModel,
    /// Longest block that is pushed at once, samples.
    pub block_samples: usize,
    /// Where its feed goes.
    pub feed_folder: &'a Path,
    /// What its feed is called.
    pub name: &'a str,
}

/// What the thread holds that has the sound.
pub struct AudioEnd {
    /// Takes blocks.
    pub tap: Tap,
    /// Gives back what is stamped for samples to come.
    pub updates: UpdateReceiver,
    /// Counts of both sides.
    pub counters: Counters,
}

/// A running analysis; dropping it ends it, and its feed.
pub struct Instance {
    feed_path: PathBuf,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Instance {
    /// Starts an analysis.
    ///
    /// # Errors
    /// A configuration that cannot be used, no feed, no thread.
    pub fn start(ingredients: Ingredients<'_>) -> Result<(Self, AudioEnd), String> {
        let Ingredients { config, model, anticipator, block_samples, feed_folder, name } = ingredients;
        let mut engine = Engine::new(&config, model).map_err(|e| e.to_string())?;
        engine.set_anticipator(anticipator);
        let counters = Counters::default();
        let (sender, receiver) = audio_ring_for(config.sample_rate_hz, block_samples);
        let (updates_in, updates) = update_queue();
        let info = FeedInfo { name, sample_rate_hz: config.sample_rate_hz };
        let feed = FeedWriter::create(feed_folder, &info, FeedClock::now()).map_err(|e| e.to_string())?;
        let feed_path = feed.path().to_owned();
        let outlets = Outlets { updates: updates_in, state: state_cell().0, feed: Some(feed) };
        let mut worker = Worker::new(engine, receiver, outlets, counters.clone(), || SystemClock.now_ns());
        let stop = Arc::new(AtomicBool::new(false));
        let stop_of_thread = Arc::clone(&stop);
        let thread = std::thread::Builder::new()
            .name("anacrusis".to_owned())
            .spawn(move || worker.run(&stop_of_thread, |_| {}))
            .map_err(|e| format!("cannot start a thread: {e}"))?;
        let end = AudioEnd { tap: Tap::new(sender, counters.clone()), updates, counters };
        Ok((Self { feed_path, stop, thread: Some(thread) }, end))
    }

    /// The file of its feed.
    pub fn feed_path(&self) -> &Path {
        &self.feed_path
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
