//! The writing end of a feed: makes the file, publishes into it, removes it.
//!
//! Where: at the end of the pipe, on the inference thread. [`FeedWriter::create`] and drop call the system; everything
//! between is atomic stores into the mapping.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process;

use super::directory::prepare_directory;
use super::error::FeedError;
use super::file::{feed_name, unfinished_name};
use super::header::{FeedHeader, Sections, offset_of};
use super::layout::{EVENT_BYTES, EVENT_SLOTS_OFFSET, EVENT_STRIDE_BYTES, N_BANDS, N_EVENTS, SPECTRUM_BYTES, TOTAL_BYTES};
use super::map::WordMap;
use super::os::{FeedClock, process_start_ticks};
use super::reader::Spectrum;
use crate::bus::seqlock::{self, Word};
use crate::bus::words::Record;
use crate::load::Load;
use crate::state::{BeatEvent, SlowState};

/// Feeds that one process may have; a number is free again once its feed is dropped.
const MAX_INSTANCES: u32 = 1024;

/// What a feed says of its writer.
#[derive(Debug, Clone, Copy)]
pub struct FeedInfo<'a> {
    /// For people who choose between feeds, e.g. the name of the track. At most 64 bytes of UTF-8; cut where longer.
    pub name: &'a str,
    /// Rate of the host, Hz; 0 = unknown.
    pub sample_rate_hz: f64,
}

/// The writing end of one feed. Its file exists as long as it does.
pub struct FeedWriter {
    // Dropped in this order: Windows removes no file that is mapped.
    map: WordMap,
    file: RemovedOnDrop,
    sections: Sections,
    heartbeat_offsets: [usize; 2],
    instance: u32,
    /// Events pushed so far: number of the newest.
    n_events: u64,
}

impl FeedWriter {
    /// Makes a feed in `directory`, which is made too if it is missing, under the first free number of this process. The
    /// file has its full size and a heartbeat of `now` before it appears under its name.
    ///
    /// ```no_run
    /// use runtime_core::bus::shm::{FeedClock, FeedInfo, FeedWriter, feed_directory};
    /// use runtime_core::state::SlowState;
    ///
    /// let info = FeedInfo { name: "Drums", sample_rate_hz: 48_000.0 };
    /// let mut feed = FeedWriter::create(&feed_directory()?, &info, FeedClock::now())?;
    /// feed.publish_state(&SlowState::default());
    /// feed.heartbeat(FeedClock::now());
    /// # Ok::<(), runtime_core::bus::shm::FeedError>(())
    /// ```
    ///
    /// # Errors
    /// A folder that [`prepare_directory`] refuses, a full disk, no free number.
    pub fn create(directory: &Path, info: &FeedInfo<'_>, now: FeedClock) -> Result<Self, FeedError> {
        prepare_directory(directory)?;
        let pid = process::id();
        let mut header = FeedHeader {
            pid,
            process_start: process_start_ticks(pid).unwrap_or(0),
            sample_rate_hz: info.sample_rate_hz,
            heartbeat_monotonic_ns: now.monotonic_ns,
            heartbeat_wall_ns: now.wall_ns,
            ..FeedHeader::new(info.name)
        };
        for instance in 1..=MAX_INSTANCES {
            header.instance = instance;
            let names = (directory.join(unfinished_name(pid, instance)), directory.join(feed_name(pid, instance)));
            let Some((file, removed_on_drop)) = place(&names.0, &names.1, &header.file_image())? else {
                continue;
            };
            let map = WordMap::writable(&file, TOTAL_BYTES).map_err(|source| FeedError::io("map", &names.1, source))?;
            let heartbeat_offsets = [offset_of("heartbeat_monotonic_ns"), offset_of("heartbeat_wall_ns")];
            return Ok(Self { map, file: removed_on_drop, sections: Sections::OURS, heartbeat_offsets, instance, n_events: 0 });
        }
        Err(FeedError::TooManyFeeds { path: directory.to_owned(), pid, limit: MAX_INSTANCES })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.file.path
    }

    /// Number of this feed within its process, from 1.
    pub fn instance(&self) -> u32 {
        self.instance
    }

    /// Publishes the state. Real-time safe: yes.
    pub fn publish_state(&mut self, state: &SlowState) {
        self.publish(self.sections.state, &state.to_words());
    }

    /// Publishes cost and queues. Real-time safe: yes.
    pub fn publish_load(&mut self, load: &Load) {
        self.publish(self.sections.load, &load.to_words());
    }

    /// Publishes one row of the spectrum. Real-time safe: yes.
    pub fn publish_spectrum(&mut self, row: &Spectrum) {
        let mut words = [0; SPECTRUM_BYTES / 8];
        words[0] = row.frame.0;
        words[1] = row.t.0.to_bits();
        let pair = |low: f32, high: f32| u64::from(high.to_bits()) << 32 | u64::from(low.to_bits());
        for (word, bands) in words[2..].iter_mut().zip(row.bands.chunks_exact(2)) {
            *word = pair(bands[0], bands[1]);
        }
        words[2 + N_BANDS / 2] = pair(row.beat_activation, row.downbeat_activation);
        self.publish(self.sections.spectrum, &words);
    }

    /// Adds a beat to the ring, over the oldest. Real-time safe: yes.
    pub fn push_event(&mut self, event: &BeatEvent) {
        let number = self.n_events + 1;
        let slot = (self.n_events % N_EVENTS as u64) as usize;
        let mut words = [0; EVENT_BYTES / 8];
        words[0] = number;
        words[1..].copy_from_slice(&event.to_words());
        self.publish(self.sections.events + EVENT_SLOTS_OFFSET + slot * EVENT_STRIDE_BYTES, &words);
        // After the slot: whoever sees this number finds its event.
        self.map.word(self.sections.events).store_release(number);
        self.n_events = number;
    }

    /// Says that the writer lives; at least four times a second, so that no reader takes it for gone. After publishing, so
    /// that a fresh heartbeat never vouches for an older state. Real-time safe: yes.
    pub fn heartbeat(&mut self, now: FeedClock) {
        for (offset, ns) in self.heartbeat_offsets.into_iter().zip([now.monotonic_ns, now.wall_ns]) {
            self.map.word(offset).store_release(ns);
        }
    }

    fn publish(&mut self, section_offset: usize, words: &[u64]) {
        let sequence = self.map.word(section_offset);
        seqlock::write(sequence, self.map.section(section_offset + 8, words.len()), words);
    }
}

/// Writes a file under a hidden name, then gives it its own, unless that is taken: then `None`.
///
/// Written in full, not only sized: a file with holes on a full disk would kill its writer at the first store (SIGBUS).
fn place(unfinished: &Path, path: &Path, image: &[u8]) -> Result<Option<(File, RemovedOnDrop)>, FeedError> {
    let mut file = match open_new(unfinished) {
        Err(source) if source.kind() == io::ErrorKind::AlreadyExists => return Ok(None),
        opened => opened.map_err(|source| FeedError::io("create", unfinished, source))?,
    };
    let written = file.write_all(image).map_err(|source| FeedError::io("write", unfinished, source));
    // A link, where a rename would replace the feed of another copy of this library in the same process.
    let placed = written.and_then(|()| match fs::hard_link(unfinished, path) {
        Err(source) if source.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        linked => linked.map(|()| true).map_err(|source| FeedError::io("place", path, source)),
    });
    let cleared = fs::remove_file(unfinished).map_err(|source| FeedError::io("remove", unfinished, source));
    let placed = placed?;
    let removed_on_drop = placed.then(|| RemovedOnDrop { path: path.to_owned(), identity: identity(&file) });
    cleared?;
    Ok(removed_on_drop.map(|removed_on_drop| (file, removed_on_drop)))
}

fn open_new(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Device and number of a file, which tell it from another of the same name; `None` where the system has none.
fn identity(file: &File) -> Option<(u64, u64)> {
    file.metadata().ok().and_then(|metadata| identity_of(&metadata))
}

#[cfg(unix)]
fn identity_of(metadata: &fs::Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn identity_of(_metadata: &fs::Metadata) -> Option<(u64, u64)> {
    None
}

/// The name of a file, taken away with it.
struct RemovedOnDrop {
    path: PathBuf,
    identity: Option<(u64, u64)>,
}

impl Drop for RemovedOnDrop {
    fn drop(&mut self) {
        // Ours may have been swept and its name be another feed's by now.
        let is_ours = fs::symlink_metadata(&self.path).is_ok_and(|metadata| identity_of(&metadata) == self.identity);
        if is_ours {
            // What cannot be removed now is left to the next sweep.
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
#[cfg(not(miri))]
mod tests {
    use super::super::directory::private_folder;
    use super::*;

    const INFO: FeedInfo<'_> = FeedInfo { name: "test", sample_rate_hz: 48_000.0 };

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn instances_of_one_process_get_their_own_files() {
        let folder = private_folder();
        let create = || FeedWriter::create(folder.path(), &INFO, FeedClock::default()).unwrap();
        let (first, second) = (create(), create());
        let pid = process::id();
        assert_eq!(names(folder.path()), [format!("feed-{pid}-1.bin"), format!("feed-{pid}-2.bin")]);
        drop(first);
        assert_eq!(create().instance(), 1, "a number is free again once its feed is dropped");
        assert_eq!(second.instance(), 2);
    }

    #[test]
    fn fifty_lives_leave_no_file() {
        let folder = private_folder();
        for _ in 0..50 {
            let mut writer = FeedWriter::create(folder.path(), &INFO, FeedClock::default()).unwrap();
            writer.publish_state(&SlowState::default());
            assert_eq!(names(folder.path()).len(), 1);
        }
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    #[cfg(unix)]
    fn folder_and_file_are_for_the_user_alone() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("feeds");
        let writer = FeedWriter::create(&folder, &INFO, FeedClock::default()).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&folder), mode(writer.path())), (0o700, 0o600));
    }

    #[test]
    #[cfg(unix)]
    fn a_name_that_became_anothers_is_not_removed() {
        let folder = private_folder();
        let writer = FeedWriter::create(folder.path(), &INFO, FeedClock::default()).unwrap();
        let path = writer.path().to_owned();
        fs::remove_file(&path).unwrap();
        fs::write(&path, "another's").unwrap();
        drop(writer);
        assert_eq!(fs::read_to_string(&path).unwrap(), "another's");
    }

    #[test]
    fn a_file_left_unfinished_or_finished_is_stepped_over() {
        let folder = private_folder();
        let pid = process::id();
        fs::write(folder.path().join(unfinished_name(pid, 1)), "x").unwrap();
        fs::write(folder.path().join(feed_name(pid, 2)), "y").unwrap();
        let writer = FeedWriter::create(folder.path(), &INFO, FeedClock::default()).unwrap();
        assert_eq!(writer.instance(), 3);
        assert_eq!(fs::read_to_string(folder.path().join(feed_name(pid, 2))).unwrap(), "y");
        assert!(!folder.path().join(unfinished_name(pid, 2)).exists(), "nothing unfinished stays behind");
    }
}
