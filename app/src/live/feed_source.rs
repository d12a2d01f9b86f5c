//! A feed as the source of looks: of this program's own analysis, or of an instance of the plugin, whose restarts are followed.
//! Source thread.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use outputs::clock::Clock;
use outputs::event::Moment;
use outputs::look::Look;
use outputs::runner::Source;
use runtime_core::bus::shm::{FeedClock, FeedHeader, FeedReader};

use super::look::Translator;

/// Between two looks for a feed while there is none, nanoseconds.
const SEARCH_NS: u64 = 250_000_000;

/// Where whoever makes feeds says which one is to be read.
#[derive(Debug, Clone, Default)]
pub struct FeedSlot {
    path: Arc<Mutex<Option<PathBuf>>>,
}

impl FeedSlot {
    /// This one from now on.
    pub fn set(&self, path: &Path) {
        *self.path.lock().unwrap_or_else(PoisonError::into_inner) = Some(path.to_owned());
    }

    fn get(&self) -> Option<PathBuf> {
        self.path.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Which feed.
#[derive(Debug, Clone)]
pub enum FeedChoice {
    /// The one of this program's own analysis.
    Own(FeedSlot),
    /// This file, and whatever takes its place.
    File(PathBuf),
    /// The feed of this name in a folder that was written to last; another one when that one is gone.
    Newest {
        /// The folder.
        folder: PathBuf,
        /// The name that its writer goes by; `None` = any.
        name: Option<String>,
    },
}

/// A feed that is being read.
struct Open {
    reader: FeedReader,
    translator: Translator,
    seen_events: u64,
    seen_frame: u64,
}

/// Reads a feed, and looks for another one where it is gone.
pub struct FeedSource {
    choice: FeedChoice,
    open: Option<Open>,
    /// Given to each feed in turn.
    session: u64,
    search_due_ns: u64,
    last: Look,
}

impl FeedSource {
    /// Opens at the first look.
    pub fn new(choice: FeedChoice) -> Self {
        Self { choice, open: None, session: 0, search_due_ns: 0, last: Look::default() }
    }

    /// What is being read: the file, and the name that its writer goes by.
    pub fn header(&self) -> Option<&FeedHeader> {
        self.open.as_ref().map(|open| open.reader.header())
    }

    /// Looks for the feed, where it is time.
    fn search(&mut self, now: FeedClock) {
        if now.monotonic_ns < self.search_due_ns {
            return;
        }
        self.search_due_ns = now.monotonic_ns + SEARCH_NS;
        let Some(path) = find(&self.choice, now) else { return };
        // A file that vanishes between the two is looked for again.
        let Ok(reader) = FeedReader::open(&path) else { return };
        self.session += 1;
        let translator = Translator::new(self.session);
        // Beats of before are nobody's: only their strength is of use.
        self.open = Some(Open { reader, translator, seen_events: 0, seen_frame: u64::MAX });
    }
}

/// The feed that is meant and alive.
fn find(choice: &FeedChoice, now: FeedClock) -> Option<PathBuf> {
    match choice {
        FeedChoice::Own(slot) => slot.get().filter(|path| is_alive(path, now)),
        FeedChoice::File(path) => is_alive(path, now).then(|| path.clone()),
        FeedChoice::Newest { folder, name } => {
            let feeds = FeedReader::list(folder).ok()?;
            let wanted = feeds.into_iter().filter(|feed| name.as_ref().is_none_or(|name| feed.header.name == *name));
            let alive = wanted.filter(|feed| is_alive(&feed.path, now));
            alive.max_by_key(|feed| feed.header.heartbeat_monotonic_ns).map(|feed| feed.path)
        }
    }
}

fn is_alive(path: &Path, now: FeedClock) -> bool {
    FeedReader::open(path).is_ok_and(|reader| reader.is_alive(now))
}

impl Open {
    /// Reads what is new; false where the writer is gone.
    fn read(&mut self, now: FeedClock, moment: Moment) -> bool {
        let Ok(Some(age_ns)) = self.reader.heartbeat_age_ns(now) else { return false };
        if !self.reader.is_alive(now) {
            return false;
        }
        let Ok(state) = self.reader.state() else {
            // Nothing published yet, or a writer in the middle of it: the next look will tell.
            self.translator.nothing(moment);
            return true;
        };
        if state.frame != self.seen_frame {
            self.seen_frame = state.frame;
            if let Ok(spectrum) = self.reader.spectrum() {
                self.translator.spectrum(&spectrum.bands);
                self.translator.activation(spectrum.beat_activation, spectrum.downbeat_activation);
            }
        }
        for beat in self.reader.events_since(self.seen_events).unwrap_or_default() {
            self.seen_events = beat.number;
            self.translator.intensity(beat.event.intensity);
        }
        self.translator.state(&state, now.monotonic_ns.saturating_sub(age_ns), moment);
        true
    }
}

impl Source for FeedSource {
    fn look(&mut self, clock: &dyn Clock) -> Look {
        let moment = clock.now();
        let now = FeedClock { monotonic_ns: moment.mono_ns, wall_ns: moment.unix_ns };
        if self.open.is_none() {
            self.search(now);
        }
        if let Some(open) = &mut self.open
            && open.read(now, moment)
        {
            self.last = open.translator.look();
        } else {
            // What was said last stands, and its age tells that nobody says anything any more.
            self.open = None;
            self.last.taken = moment;
        }
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use outputs::look::Reason;
    use runtime_core::bus::shm::{FeedInfo, FeedWriter, prepare_directory};
    use runtime_core::state::{BeatClockState, SlowState};
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

    const SEC: u64 = 1_000_000_000;
    const UNIX_NS: u64 = 1_700_000_000 * SEC;

    #[derive(Default)]
    struct Hand(AtomicU64);

    impl Clock for Hand {
        fn now(&self) -> Moment {
            let mono_ns = 50 * SEC + self.0.load(Relaxed);
            Moment { mono_ns, unix_ns: UNIX_NS + mono_ns }
        }
    }

    impl Hand {
        fn feed(&self) -> FeedClock {
            FeedClock { monotonic_ns: self.now().mono_ns, wall_ns: self.now().unix_ns }
        }

        fn pass(&self, ns: u64) {
            self.0.fetch_add(ns, Relaxed);
        }
    }

    fn writer(folder: &Path, name: &str, clock: &Hand) -> FeedWriter {
        prepare_directory(folder).unwrap();
        FeedWriter::create(folder, &FeedInfo { name, sample_rate_hz: 44_100.0 }, clock.feed()).unwrap()
    }

    fn say(writer: &mut FeedWriter, clock: &Hand, frame: u64) {
        let beat = BeatClockState { locked: 1, conf: 0.9, t_sec: 1.0, beat_in_bar: 1, beats_per_bar: 4, ..BeatClockState::default() };
        writer.publish_state(&SlowState { frame, beat, wall_ns: clock.now().unix_ns, ..SlowState::default() });
        writer.heartbeat(clock.feed());
    }

    fn look(source: &mut FeedSource, clock: &Hand) -> Look {
        clock.pass(SEARCH_NS);
        source.look(clock)
    }

    #[test]
    fn a_feed_is_found_lost_and_followed_when_it_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("feeds");
        let clock = Hand::default();
        let mut source = FeedSource::new(FeedChoice::Newest { folder: folder.clone(), name: None });
        assert_eq!((look(&mut source, &clock).reason, source.session), (Reason::NoInput, 0));
        let mut first = writer(&folder, "one", &clock);
        say(&mut first, &clock, 1);
        let seen = look(&mut source, &clock);
        assert!(seen.locked && seen.session == 1, "{seen:?}");
        drop(first);
        clock.pass(2 * SEC);
        let gone = look(&mut source, &clock);
        assert!(gone.taken.mono_ns - gone.said_mono_ns > SEC, "its age tells");
        let mut second = writer(&folder, "one", &clock);
        say(&mut second, &clock, 1);
        assert_eq!(look(&mut source, &clock).session, 2);
    }

    #[test]
    fn a_name_picks_among_feeds() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("feeds");
        let clock = Hand::default();
        let (mut drums, mut synth) = (writer(&folder, "drums", &clock), writer(&folder, "synth", &clock));
        [&mut drums, &mut synth].into_iter().for_each(|writer| say(writer, &clock, 1));
        for name in ["drums", "synth"] {
            let choice = FeedChoice::Newest { folder: folder.clone(), name: Some(name.to_owned()) };
            let mut source = FeedSource::new(choice);
            look(&mut source, &clock);
            assert_eq!(source.open.unwrap().reader.header().name, name);
        }
        let mut nobody = FeedSource::new(FeedChoice::Newest { folder, name: Some("bass".to_owned()) });
        assert_eq!(look(&mut nobody, &clock).reason, Reason::NoInput);
    }
}
