//! Deletes what killed writers left. Any thread but the audio thread; when a host starts an instance, and in `doctor`.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::error::FeedError;
use super::file::{named_files, open_checked};
use super::header::FeedHeader;
use super::os::{FeedClock, Owner, owner, process_start_ticks};

/// A feed whose writer cannot be asked for is deleted once its heartbeat is this old, nanoseconds: a machine that slept must
/// not lose its feeds at once. The same for a file that is no feed, by its last change.
const ABANDONED_NS: u64 = 60_000_000_000;

/// Deletes the feeds of a folder whose writers are gone, and returns their paths.
///
/// A feed with a fresh heartbeat always stays, also where its process is not seen from here (a container counts processes
/// on its own). Of the others: on Linux those whose process does not run, or is another that got the same number; elsewhere
/// those with no heartbeat for a minute. A file under a feed's name that is none goes when it was not changed for a minute
/// and no process has the number. What cannot be deleted stays, to be tried again.
///
/// # Errors
/// A folder that cannot be read.
pub fn sweep(directory: &Path, now: FeedClock) -> Result<Vec<PathBuf>, FeedError> {
    let mut deleted = Vec::new();
    for (path, name) in named_files(directory)? {
        let is_abandoned = match open_checked(&path) {
            Ok((_, header)) => is_abandoned(&header, now),
            Err(FeedError::Header { .. }) => process_start_ticks(name.pid).is_none() && unchanged_ns(&path, now) > ABANDONED_NS,
            Err(_) => false,
        };
        if is_abandoned && fs::remove_file(&path).is_ok() {
            deleted.push(path);
        }
    }
    Ok(deleted)
}

fn is_abandoned(header: &FeedHeader, now: FeedClock) -> bool {
    if header.is_alive(now) {
        return false;
    }
    match owner(header.pid, header.process_start) {
        Owner::Runs => false,
        Owner::Dead => true,
        Owner::Unknown => header.heartbeat_age_ns(now).is_none_or(|age_ns| age_ns > ABANDONED_NS),
    }
}

/// How long ago a file was changed, nanoseconds of the wall clock; 0 where that is unknown.
fn unchanged_ns(path: &Path, now: FeedClock) -> u64 {
    let changed = fs::symlink_metadata(path).and_then(|metadata| metadata.modified()).ok();
    let changed_ns = changed.and_then(|time| time.duration_since(UNIX_EPOCH).ok()).and_then(|age| u64::try_from(age.as_nanos()).ok());
    changed_ns.map_or(0, |changed_ns| now.wall_ns.saturating_sub(changed_ns))
}

#[cfg(test)]
#[cfg(not(miri))]
mod tests {
    use super::super::file::{feed_name, unfinished_name};
    use super::*;

    const NOW: FeedClock = FeedClock { monotonic_ns: 100_000_000_000_000, wall_ns: 0 };
    /// No process has this number: Linux counts to 4 194 304.
    const NO_PROCESS: u32 = 4_000_000_000;

    fn folder_with(pid: u32, process_start: u64, heartbeat_age_ns: u64) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let header =
            FeedHeader { pid, process_start, heartbeat_monotonic_ns: NOW.monotonic_ns - heartbeat_age_ns, ..FeedHeader::new("left") };
        let path = folder.path().join(feed_name(pid, 1));
        fs::write(&path, header.file_image()).unwrap();
        (folder, path)
    }

    fn is_swept(pid: u32, process_start: u64, heartbeat_age_ns: u64) -> bool {
        let (folder, path) = folder_with(pid, process_start, heartbeat_age_ns);
        let deleted = sweep(folder.path(), NOW).unwrap();
        assert_eq!(deleted.len(), usize::from(!path.exists()));
        !path.exists()
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn feeds_of_dead_processes_go() {
        let (us, start) = (std::process::id(), process_start_ticks(std::process::id()).unwrap());
        assert!(is_swept(NO_PROCESS, 5, 2_000_000_000), "no such process");
        assert!(is_swept(us, start + 1, 2_000_000_000), "another process got the number");
        assert!(!is_swept(us, start, 2_000_000_000), "the process runs: it may only be stopped");
    }

    #[test]
    fn a_fresh_heartbeat_is_never_swept() {
        assert!(!is_swept(NO_PROCESS, 5, 500_000_000));
    }

    #[test]
    fn where_no_process_can_be_asked_for_a_minute_decides() {
        assert!(!is_swept(1, 0, 59_000_000_000));
        assert!(is_swept(1, 0, 61_000_000_000));
    }

    #[test]
    fn a_heartbeat_from_before_the_boot_is_swept() {
        let (folder, path) = folder_with(1, 0, 0);
        let earlier = FeedClock { monotonic_ns: NOW.monotonic_ns - 10_000_000_000, wall_ns: 0 };
        assert_eq!(sweep(folder.path(), earlier).unwrap(), [path]);
    }

    #[test]
    fn unfinished_files_go_once_nobody_changed_them_for_a_minute() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(unfinished_name(NO_PROCESS, 1));
        fs::write(&path, "half a hea").unwrap();
        let now = FeedClock::now();
        assert!(sweep(folder.path(), now).unwrap().is_empty());
        let later = FeedClock { wall_ns: now.wall_ns + ABANDONED_NS + 1_000_000_000, ..now };
        assert_eq!(sweep(folder.path(), later).unwrap(), [path]);
    }

    #[test]
    fn other_files_are_not_touched() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["notes.txt", "feed-1.bin", "feed-x-1.bin"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let later = FeedClock { monotonic_ns: u64::MAX, wall_ns: u64::MAX };
        assert!(sweep(folder.path(), later).unwrap().is_empty());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
    }
}
