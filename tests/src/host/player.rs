//! Plays audio through a host in blocks of any lengths, with a transport, and keeps what came out. Tests only.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use runtime_core::bus::shm::{FeedClock, FeedReader, feed_directory};
use runtime_core::state::SlowState;
use runtime_core::units::FRAMES_PER_SEC;

use super::audio::Audio;
use super::{Setup, TestHost, Timed, Transport};

/// Longest wait for the analysis after a block. After a jump it reports nothing for some frames; then this goes by.
const MAX_WAIT: Duration = Duration::from_millis(250);
/// The analysis reports its first frame after this much input, seconds, at the latest.
const FIRST_REPORT_SEC: f64 = 0.3;

/// What came out of a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Played {
    /// Left and right.
    pub output: [Vec<f32>; 2],
    /// What was said, with positions in the stream since the run began.
    pub events: Vec<Timed<u64>>,
}

/// Block lengths, without end.
pub enum Cuts {
    /// All the same.
    Fixed(usize),
    /// Any from 1 to the most, from a seeded generator.
    Random {
        /// Longest block.
        max: usize,
        /// State of the generator; not 0.
        state: u64,
    },
}

impl Cuts {
    /// Random lengths from 1 to `max`.
    pub fn random(max: usize, seed: u64) -> Self {
        Self::Random { max, state: seed | 1 }
    }

    /// The next length, samples.
    pub fn next_samples(&mut self) -> usize {
        match self {
            Self::Fixed(n_samples) => *n_samples,
            Self::Random { max, state } => {
                // Xorshift64, G. Marsaglia, "Xorshift RNGs", 2003.
                *state ^= *state << 13;
                *state ^= *state >> 7;
                *state ^= *state << 17;
                1 + (*state % *max as u64) as usize
            }
        }
    }
}

/// The transport of a block, from its position in the stream.
pub type Conductor<'a> = &'a dyn Fn(u64) -> Transport;

/// A run of one active instance.
pub struct Player<'a> {
    host: &'a mut dyn TestHost,
    rate_hz: f64,
    /// Samples played.
    position: u64,
    conductor: Option<Conductor<'a>>,
    feed: Option<FeedReader>,
    waits: bool,
    block: [Vec<f32>; 2],
    said: Vec<Timed<u32>>,
    /// What came out so far.
    pub played: Played,
}

impl<'a> Player<'a> {
    /// Activates the host and plays as fast as it can: for offline mode, or where nothing that is said counts.
    pub fn start(host: &'a mut dyn TestHost, setup: &Setup) -> Self {
        let _guard = one_activation();
        Self::activated(host, setup)
    }

    /// Activates the host, plays as fast as it can, and reads the instance's feed in shared memory.
    ///
    /// # Panics
    /// On an instance without a feed.
    pub fn watched(host: &'a mut dyn TestHost, setup: &Setup) -> Self {
        let _guard = one_activation();
        let before = our_feeds();
        let mut player = Self::activated(host, setup);
        let mut new: Vec<_> = our_feeds().into_iter().filter(|(path, feed)| is_new(path, feed, &before)).collect();
        assert_eq!(new.len(), 1, "one activation makes one feed");
        player.feed = new.pop().map(|(_, feed)| feed);
        player
    }

    /// Activates the host and waits after each block until the analysis thread has heard it, as the feed tells: faster than
    /// real time, and no update comes late while blocks are short against an update's lead of 25 ms.
    ///
    /// # Panics
    /// On an instance without a feed.
    pub fn paced(host: &'a mut dyn TestHost, setup: &Setup) -> Self {
        Self { waits: true, ..Self::watched(host, setup) }
    }

    fn activated(host: &'a mut dyn TestHost, setup: &Setup) -> Self {
        host.activate(setup);
        Self {
            host,
            rate_hz: setup.rate_hz,
            position: 0,
            conductor: None,
            feed: None,
            waits: false,
            block: Default::default(),
            said: Vec::new(),
            played: Played::default(),
        }
    }

    /// With the host's transport in each block.
    #[must_use]
    pub fn conducted(mut self, conductor: Conductor<'a>) -> Self {
        self.conductor = Some(conductor);
        self
    }

    /// The host, between blocks.
    pub fn host(&mut self) -> &mut dyn TestHost {
        self.host
    }

    /// Samples played.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// What the instance's feed says, where it is read.
    pub fn state(&self) -> Option<SlowState> {
        self.feed.as_ref().and_then(|feed| feed.state().ok())
    }

    /// Plays all of `audio`.
    pub fn play(&mut self, audio: &Audio, cuts: &mut Cuts) {
        assert_eq!(audio.rate_hz, self.rate_hz);
        let mut from = 0;
        while from < audio.n_samples() {
            let to = audio.n_samples().min(from + cuts.next_samples());
            self.block([&audio.channels[0][from..to], &audio.channels[1][from..to]]);
            from = to;
        }
    }

    /// Plays one block.
    pub fn block(&mut self, input: [&[f32]; 2]) {
        let transport = self.conductor.map(|conductor| conductor(self.position));
        self.said.clear();
        self.host.process(input, transport.as_ref(), &mut self.block, &mut self.said);
        for (all, block) in self.played.output.iter_mut().zip(&self.block) {
            all.extend_from_slice(block);
        }
        let at = |event: &Timed<u32>| Timed { at: self.position + u64::from(event.at), said: event.said };
        self.played.events.extend(self.said.iter().map(at));
        self.position += input[0].len() as u64;
        self.wait();
    }

    /// Ends the run.
    pub fn stop(self) -> Played {
        self.host.deactivate();
        self.played
    }

    fn wait(&self) {
        let Some(feed) = self.feed.as_ref().filter(|_| self.waits) else { return };
        let hop_sec = 1.0 / FRAMES_PER_SEC;
        let position_sec = self.position as f64 / self.rate_hz;
        let heard_sec = (position_sec / hop_sec + 1e-6).floor() * hop_sec - 1e-6;
        let start = Instant::now();
        if position_sec < FIRST_REPORT_SEC {
            std::thread::sleep(Duration::from_millis(5));
            return;
        }
        while start.elapsed() < MAX_WAIT && feed.state().map_or(0.0, |state| state.beat.t_sec) < heard_sec {
            std::thread::sleep(Duration::from_micros(200));
        }
    }
}

/// One activation at a time in this process, so that a new feed is that of the instance.
fn one_activation() -> MutexGuard<'static, ()> {
    static ACTIVATION: Mutex<()> = Mutex::new(());
    ACTIVATION.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Feeds of this process.
fn our_feeds() -> Vec<(PathBuf, FeedReader)> {
    let folder = feed_directory().unwrap_or_else(|e| panic!("{e}"));
    let feeds = FeedReader::list(&folder).unwrap_or_else(|e| panic!("{e}"));
    let ours = feeds.into_iter().filter(|feed| feed.header.pid == std::process::id());
    ours.filter_map(|feed| FeedReader::open(&feed.path).ok().map(|reader| (feed.path, reader))).collect()
}

/// Whether a feed was made after `before` was listed. A host that activates twice gets the same name again, so names do not
/// tell; but the heartbeat of a feed that is gone stays behind.
fn is_new(path: &Path, feed: &FeedReader, before: &[(PathBuf, FeedReader)]) -> bool {
    let Some((_, old)) = before.iter().find(|(old_path, _)| old_path == path) else { return true };
    let now = FeedClock::now();
    let age_ns = |reader: &FeedReader| reader.heartbeat_age_ns(now).ok().flatten().unwrap_or(0);
    // In this order: the same feed, read again, has not become older.
    let age_now_ns = age_ns(feed);
    age_ns(old) > age_now_ns
}
