//! The reading end of a feed: finds feeds, checks them, reads them. Any thread but the audio thread.
//!
//! Nothing in the file is believed: the header is checked when it is opened, the size before each read, and every value
//! is brought into its range. What cannot be caught: a process of the same user that cuts the file between that check and
//! the read ends the reader with SIGBUS. Our writers never shrink a file; a reader that must survive that reads with
//! `pread` in place of a mapping, as `clients/node/anacrusis_feed.mjs` does.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::error::FeedError;
use super::file::{named_files, open_checked};
use super::header::{FeedHeader, offset_of};
use super::heartbeat::{age_ns, is_fresh};
use super::layout::{EVENT_BYTES, EVENT_SLOTS_OFFSET, EVENT_STRIDE_BYTES, N_BANDS, N_EVENTS, SPECTRUM_BYTES};
use super::map::WordMap;
use super::os::FeedClock;
use crate::bus::seqlock::{self, Word};
use crate::bus::words::Record;
use crate::load::Load;
use crate::state::{BeatEvent, SlowState};
use crate::units::{FrameIdx, StreamSec};

/// Tries of one read. A write takes tens of nanoseconds; the later tries offer the time slice to the writer.
const TRIES: usize = 2_000;
const TRIES_BEFORE_YIELD: usize = 100;

/// A feed that was found in a folder.
#[derive(Debug, Clone, PartialEq)]
pub struct Feed {
    /// The file.
    pub path: PathBuf,
    /// What its header says.
    pub header: FeedHeader,
}

/// A beat of the ring with its number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NumberedEvent {
    /// From 1, without gaps, in the order in which beats were announced.
    pub number: u64,
    /// The beat.
    pub event: BeatEvent,
}

/// One row of the spectrum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spectrum {
    /// Index of the frame.
    pub frame: FrameIdx,
    /// Centre of the frame.
    pub t: StreamSec,
    /// log10(1 + magnitude) of each band, low to high; finite and not negative.
    pub bands: [f32; N_BANDS],
    /// What the network sees in the frame that the decoder took last: a beat that is no downbeat, `[0, 1]`.
    pub beat_activation: f32,
    /// The same, a downbeat.
    pub downbeat_activation: f32,
}

/// An open feed.
pub struct FeedReader {
    path: PathBuf,
    file: File,
    map: WordMap,
    header: FeedHeader,
}

impl FeedReader {
    /// The feeds in a folder, in order of their paths, those of dead writers included: ask [`FeedHeader::is_alive`]. What is
    /// no feed, or vanishes meanwhile, is left out.
    ///
    /// # Errors
    /// A folder that cannot be read; a missing one has no feeds.
    pub fn list(directory: &Path) -> Result<Vec<Feed>, FeedError> {
        let files = named_files(directory)?.into_iter().filter(|(_, name)| !name.unfinished);
        Ok(files.filter_map(|(path, _)| open_checked(&path).ok().map(|(_, header)| Feed { path, header })).collect())
    }

    /// Opens a feed.
    ///
    /// # Errors
    /// A file that is missing, of another user, or not a feed of this version: the message names the field.
    pub fn open(path: &Path) -> Result<Self, FeedError> {
        let (file, header) = open_checked(path)?;
        let map = WordMap::read_only(&file, header.total_bytes as usize).map_err(|source| FeedError::io("map", path, source))?;
        Ok(Self { path: path.to_owned(), file, map, header })
    }

    /// The header as it was when the feed was opened.
    pub fn header(&self) -> &FeedHeader {
        &self.header
    }

    /// The newest state, however old: see [`fresh_state`](Self::fresh_state).
    ///
    /// # Errors
    /// Nothing published yet, a write that never ended, a file that was cut.
    pub fn state(&self) -> Result<SlowState, FeedError> {
        self.read("state", self.header.sections.state).map(|words| SlowState::from_words(&words))
    }

    /// The newest state of a writer that lives.
    ///
    /// # Errors
    /// [`FeedError::Gone`] where the heartbeat is older than a second, and those of [`state`](Self::state).
    pub fn fresh_state(&self, now: FeedClock) -> Result<SlowState, FeedError> {
        let state = self.state()?;
        match self.heartbeat_age_ns(now)? {
            Some(age_ns) if is_fresh(age_ns) => Ok(state),
            age_ns => Err(FeedError::Gone { path: self.path.clone(), age_ms: age_ns.map_or(u64::MAX, |ns| ns / 1_000_000) }),
        }
    }

    /// The newest cost and queues.
    ///
    /// # Errors
    /// As [`state`](Self::state).
    pub fn load(&self) -> Result<Load, FeedError> {
        self.read("load", self.header.sections.load).map(|words| Load::from_words(&words))
    }

    /// The newest row of the spectrum.
    ///
    /// # Errors
    /// As [`state`](Self::state).
    pub fn spectrum(&self) -> Result<Spectrum, FeedError> {
        let words: [u64; SPECTRUM_BYTES / 8] = self.read("spectrum", self.header.sections.spectrum)?;
        let t_sec = f64::from_bits(words[1]);
        let band = |idx: usize| f32::from_bits((words[2 + idx / 2] >> (32 * (idx % 2))) as u32);
        let prob = |value: f32| if value.is_finite() { value.clamp(0.0, 1.0) } else { 0.0 };
        Ok(Spectrum {
            frame: FrameIdx(words[0]),
            t: StreamSec(if t_sec.is_finite() { t_sec } else { 0.0 }),
            bands: std::array::from_fn(|idx| if band(idx).is_finite() { band(idx).max(0.0) } else { 0.0 }),
            beat_activation: prob(band(N_BANDS)),
            downbeat_activation: prob(band(N_BANDS + 1)),
        })
    }

    /// The beats with a number above `seen`, oldest first; 0 for all that the ring still holds, at most 64. A first number
    /// above `seen + 1` says that the ones between were overwritten.
    ///
    /// # Errors
    /// A file that was cut.
    pub fn events_since(&self, seen: u64) -> Result<Vec<NumberedEvent>, FeedError> {
        self.check_size()?;
        let events = self.header.sections.events;
        let newest = self.map.word(events).load_relaxed();
        acquire();
        let oldest = newest.saturating_sub(N_EVENTS as u64).max(seen);
        Ok((oldest..newest).filter_map(|before| self.event(events, before)).collect())
    }

    /// The event that follows number `before`, unless a newer one has taken its slot, or is about to.
    fn event(&self, events: usize, before: u64) -> Option<NumberedEvent> {
        let slot = (before % N_EVENTS as u64) as usize;
        let offset = events + EVENT_SLOTS_OFFSET + slot * EVENT_STRIDE_BYTES;
        let mut words = [0; EVENT_BYTES / 8];
        seqlock::try_read(self.map.word(offset), self.map.section(offset + 8, words.len()), &mut words)?;
        let event = BeatEvent::from_words(words.last_chunk().expect("a slot is a number and an event"));
        (words[0] == before + 1).then_some(NumberedEvent { number: words[0], event })
    }

    /// Whether the writer lives: its heartbeat is at most a second old and the file is whole.
    pub fn is_alive(&self, now: FeedClock) -> bool {
        matches!(self.heartbeat_age_ns(now), Ok(Some(age_ns)) if is_fresh(age_ns))
    }

    /// Age of the heartbeat, nanoseconds; `None` where it lies in the future, from before the last boot.
    ///
    /// # Errors
    /// A file that was cut.
    pub fn heartbeat_age_ns(&self, now: FeedClock) -> Result<Option<u64>, FeedError> {
        self.check_size()?;
        Ok(age_ns(self.map.word(offset_of("heartbeat_monotonic_ns")).load_relaxed(), now))
    }

    /// The words of a section that a seqlock guards.
    fn read<const N: usize>(&self, section: &'static str, offset: usize) -> Result<[u64; N], FeedError> {
        self.check_size()?;
        let mut words = [0; N];
        for n_tries in 0..TRIES {
            match seqlock::try_read(self.map.word(offset), self.map.section(offset + 8, N), &mut words) {
                Some(0) => return Err(FeedError::NothingYet { path: self.path.clone(), section }),
                Some(_) => return Ok(words),
                None if n_tries < TRIES_BEFORE_YIELD => std::hint::spin_loop(),
                None => std::thread::yield_now(),
            }
        }
        Err(FeedError::NeverStill { path: self.path.clone(), section })
    }

    /// Refuses a file that became too short: touching what is gone would end this process.
    fn check_size(&self) -> Result<(), FeedError> {
        let got = self.file.metadata().map_err(|source| FeedError::io("inspect", &self.path, source))?.len();
        let expected = self.header.total_bytes;
        if got >= expected { Ok(()) } else { Err(FeedError::Cut { path: self.path.clone(), expected, got }) }
    }
}

/// What was published before a number was read is seen after this.
fn acquire() {
    super::map::FileWord::fence_acquire();
}

#[cfg(test)]
#[cfg(not(miri))]
mod tests {
    use std::fs::{self, OpenOptions};
    #[cfg(unix)]
    use std::os::unix::fs::FileExt;

    use super::super::directory::private_folder;
    use super::super::layout::{STATE_OFFSET, TOTAL_BYTES};
    use super::super::{FeedInfo, FeedWriter};
    use super::*;

    const T0: FeedClock = FeedClock { monotonic_ns: 50_000_000_000, wall_ns: 1 };

    fn feed() -> (tempfile::TempDir, FeedWriter, FeedReader) {
        let folder = private_folder();
        let writer = FeedWriter::create(folder.path(), &FeedInfo { name: "test", sample_rate_hz: 44_100.0 }, T0).unwrap();
        let reader = FeedReader::open(writer.path()).unwrap();
        (folder, writer, reader)
    }

    fn after_ns(ns: u64) -> FeedClock {
        FeedClock { monotonic_ns: T0.monotonic_ns + ns, wall_ns: 1 }
    }

    fn beat(beat_count: u64) -> BeatEvent {
        BeatEvent { beat_count, t_sec: beat_count as f64, ..BeatEvent::default() }
    }

    #[test]
    fn a_new_feed_is_listed_and_says_that_it_has_nothing_yet() {
        let (folder, writer, reader) = feed();
        let feeds = FeedReader::list(folder.path()).unwrap();
        assert_eq!(feeds.len(), 1);
        assert_eq!((feeds[0].path.as_path(), feeds[0].header.name.as_str()), (writer.path(), "test"));
        assert_eq!((feeds[0].header.pid, feeds[0].header.sample_rate_hz), (std::process::id(), 44_100.0));
        assert!(matches!(reader.state(), Err(FeedError::NothingYet { section: "state", .. })));
        assert!(matches!(reader.load(), Err(FeedError::NothingYet { section: "load", .. })));
        assert!(matches!(reader.spectrum(), Err(FeedError::NothingYet { section: "spectrum", .. })));
        assert_eq!(reader.events_since(0).unwrap(), []);
    }

    #[test]
    fn what_is_published_is_read() {
        let (_folder, mut writer, reader) = feed();
        let state = SlowState { frame: 17, ..SlowState::default() };
        let load = Load { n_hops: 4, ..Load::default() };
        let bands: [f32; N_BANDS] = std::array::from_fn(|idx| idx as f32 * 0.5);
        writer.publish_state(&state);
        writer.publish_load(&load);
        let row = Spectrum { frame: FrameIdx(17), t: StreamSec(0.34), bands, beat_activation: 0.25, downbeat_activation: 0.75 };
        writer.publish_spectrum(&row);
        assert_eq!((reader.state().unwrap(), reader.load().unwrap()), (state, load));
        assert_eq!(reader.spectrum().unwrap(), row);
    }

    #[test]
    fn a_band_that_is_no_number_reads_as_silence() {
        let (_folder, mut writer, reader) = feed();
        let mut bands = [1.0; N_BANDS];
        bands[..3].copy_from_slice(&[f32::NAN, f32::INFINITY, -1.0]);
        let (beat_activation, downbeat_activation) = (f32::NAN, 1.5);
        writer.publish_spectrum(&Spectrum { frame: FrameIdx(0), t: StreamSec(f64::NAN), bands, beat_activation, downbeat_activation });
        let row = reader.spectrum().unwrap();
        assert_eq!((&row.bands[..4], row.t), (&[0.0, 0.0, 0.0, 1.0][..], StreamSec(0.0)));
        assert_eq!((row.beat_activation, row.downbeat_activation), (0.0, 1.0));
    }

    #[test]
    fn events_come_once_in_order_and_lost_ones_leave_a_gap() {
        let (_folder, mut writer, reader) = feed();
        (0..3).for_each(|k| writer.push_event(&beat(k)));
        let numbers = |seen| reader.events_since(seen).unwrap().iter().map(|e| e.number).collect::<Vec<_>>();
        assert_eq!(numbers(0), [1, 2, 3]);
        assert_eq!(reader.events_since(2).unwrap(), [NumberedEvent { number: 3, event: beat(2) }]);
        assert!(numbers(3).is_empty());
        (3..100).for_each(|k| writer.push_event(&beat(k)));
        assert_eq!(numbers(3), (37..=100).collect::<Vec<_>>());
        assert!(numbers(u64::MAX).is_empty());
    }

    #[test]
    fn a_heartbeat_older_than_a_second_means_gone() {
        let (_folder, mut writer, reader) = feed();
        writer.publish_state(&SlowState::default());
        assert!(reader.is_alive(T0) && reader.is_alive(after_ns(1_000_000_000)));
        assert!(!reader.is_alive(after_ns(1_000_000_001)));
        assert!(reader.fresh_state(after_ns(999)).is_ok());
        let gone = reader.fresh_state(after_ns(1_500_000_000)).unwrap_err();
        assert!(gone.to_string().ends_with("the writer is gone, its last heartbeat is 1500 ms old"), "{gone}");
        writer.heartbeat(after_ns(1_500_000_000));
        assert!(reader.fresh_state(after_ns(1_500_000_001)).is_ok());
    }

    #[test]
    fn a_reader_outlives_the_file() {
        let (_folder, mut writer, reader) = feed();
        writer.publish_state(&SlowState { frame: 3, ..SlowState::default() });
        let path = writer.path().to_owned();
        drop(writer);
        assert!(!path.exists());
        assert_eq!(reader.state().unwrap().frame, 3);
        assert!(!reader.is_alive(after_ns(2_000_000_000)));
    }

    #[test]
    #[cfg(unix)]
    fn a_write_that_never_ended_is_no_state() {
        let (_folder, mut writer, reader) = feed();
        writer.publish_state(&SlowState::default());
        let file = OpenOptions::new().write(true).open(writer.path()).unwrap();
        file.write_all_at(&3u64.to_le_bytes(), STATE_OFFSET as u64).unwrap();
        assert!(matches!(reader.state(), Err(FeedError::NeverStill { section: "state", .. })));
        writer.publish_state(&SlowState { frame: 8, ..SlowState::default() });
        assert_eq!(reader.state().unwrap().frame, 8, "the next write heals it");
    }

    #[test]
    fn a_file_cut_while_open_is_an_error_and_no_crash() {
        let (_folder, mut writer, reader) = feed();
        writer.publish_state(&SlowState::default());
        OpenOptions::new().write(true).open(writer.path()).unwrap().set_len(100).unwrap();
        assert!(matches!(reader.state(), Err(FeedError::Cut { got: 100, .. })));
        assert!(matches!(reader.events_since(0), Err(FeedError::Cut { .. })));
        assert!(!reader.is_alive(T0));
        assert!(matches!(FeedReader::open(writer.path()), Err(FeedError::Header { .. })));
    }

    #[test]
    fn files_that_are_no_feeds_are_not_listed_and_say_why() {
        let (folder, _writer, _reader) = feed();
        let path = folder.path().join("feed-1-9.bin");
        fs::write(&path, vec![b'x'; TOTAL_BYTES]).unwrap();
        assert_eq!(FeedReader::list(folder.path()).unwrap().len(), 1);
        let refused = FeedReader::open(&path).err().unwrap().to_string();
        assert!(refused.ends_with("feed-1-9.bin: magic is \"xxxxxxxx\", expected \"ANACFEED\""), "{refused}");
    }

    #[test]
    #[cfg(unix)]
    fn whatever_a_hostile_body_holds_decodes_in_range() {
        let (_folder, writer, reader) = feed();
        let file = OpenOptions::new().write(true).open(writer.path()).unwrap();
        let body = vec![0xfe; TOTAL_BYTES - STATE_OFFSET];
        file.write_all_at(&body, STATE_OFFSET as u64).unwrap();
        let state = reader.state().unwrap();
        assert!((0.0..1.0).contains(&state.beat.phase) && state.timeline.spb > 0.0);
        let events = reader.events_since(0).unwrap();
        assert!(events.len() <= N_EVENTS && events.iter().all(|e| (0.0..=1.0).contains(&e.event.conf)));
        assert!(reader.spectrum().unwrap().bands.iter().all(|band| band.is_finite()));
        assert!(reader.load().unwrap().hop_ns >= 0.0);
    }
}
