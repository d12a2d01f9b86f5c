//! One instance as the plugin puts it together, without the host: made and ended on the MAIN THREAD, its worker on a thread
//! of its own, its blocks on the thread that stands for the host's audio thread.

use std::path::PathBuf;
use std::time::Instant;

use runtime_core::analysis::anticipator_model::AnticipatorModel;
use runtime_core::analysis::beat_model::BeatModel;
use runtime_core::analysis::config::EngineConfig;
use runtime_core::bus::counters::Counters;
use runtime_core::bus::shm::FeedReader;
use runtime_core::rt::follower::{Follower, Source};
use runtime_core::rt::midi_clock::ClockPolicy;
use runtime_core::rt::tap::Tap;

use crate::engine_args::EngineArgs;
use crate::instance::{self, Ingredients};
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
    _running: instance::Instance,
}

impl Instance {
    /// Starts an instance.
    ///
    /// # Errors
    /// A configuration or model that cannot be used, no feed, no thread.
    pub(super) fn start(setup: &Setup) -> Result<Self, String> {
        let ingredients = Ingredients {
            config: setup.config,
            model: setup.model()?,
            anticipator: AnticipatorModel::load_default(),
            block_samples: setup.block_samples,
            feed_folder: &setup.feed_folder(),
            name: "bench",
        };
        let (running, end) = instance::Instance::start(ingredients)?;
        let feed = FeedReader::open(running.feed_path()).map_err(|e| e.to_string())?;
        let follower = Follower::new(end.updates, end.counters.clone(), setup.config.sample_rate_hz);
        Ok(Self { audio: AudioSide::new(end.tap, follower, end.counters), feed, _running: running })
    }
}
