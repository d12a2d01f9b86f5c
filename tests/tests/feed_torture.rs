//! The feed between two real processes, the writer killed at random moments: no read is torn, nothing stale passes as fresh,
//! and what killed writers leave is swept.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that fails panics")]

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use integration_tests::feed_process::FeedProcess;
use integration_tests::feed_samples::{event_of, load_of, spectrum_of, state_of};
use integration_tests::say;
use runtime_core::bus::shm::{FeedClock, FeedError, FeedReader, sweep};

const ROUNDS: u64 = 30;
/// The timeout of the heartbeat, with room for the writer's last one.
const LATER_NS: u64 = 1_100_000_000;

/// A writer that publishes as fast as it can.
fn storm(directory: &Path) -> FeedProcess {
    FeedProcess::start(env!("CARGO_BIN_EXE_feed_writer"), directory, "storm")
}

fn later() -> FeedClock {
    let now = FeedClock::now();
    FeedClock { monotonic_ns: now.monotonic_ns + LATER_NS, ..now }
}

/// What a reader has seen of one feed.
#[derive(Default)]
struct Seen {
    n_reads: u64,
    frame: u64,
    event: u64,
}

impl Seen {
    /// Reads everything once and checks that each record is of one number, and none older than before. `false`: a section's
    /// write never ended, which only a dead writer may leave.
    fn read_all(&mut self, feed: &FeedReader) -> bool {
        let Some(state) = still(feed.state()) else { return false };
        assert_eq!(state, state_of(state.frame), "torn state");
        assert!(state.frame >= self.frame, "frame {} after {}", state.frame, self.frame);
        self.frame = state.frame;
        let Some(load) = still(feed.load()) else { return false };
        assert_eq!(load, load_of(load.n_hops), "torn load");
        let Some(row) = still(feed.spectrum()) else { return false };
        assert_eq!(row, spectrum_of(row.frame.0), "torn spectrum");
        for numbered in feed.events_since(self.event).unwrap() {
            assert!(numbered.number > self.event, "event {} after {}", numbered.number, self.event);
            assert_eq!(numbered.event, event_of(numbered.number), "torn event");
            self.event = numbered.number;
        }
        self.n_reads += 1;
        true
    }
}

/// The record, or `None` where its write never ended; anything else is a failure.
fn still<T>(read: Result<T, FeedError>) -> Option<T> {
    match read {
        Ok(record) => Some(record),
        Err(FeedError::NeverStill { .. }) => None,
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn writers_killed_at_random_moments_leave_no_torn_and_no_fresh_state() {
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("feeds");
    let mut n_reads = 0;
    for round in 0..ROUNDS {
        let mut writer = storm(&directory);
        let feed = FeedReader::open(&writer.feed).unwrap();
        let mut seen = Seen::default();
        // Scattered over 5 to 36 ms, the same in every run.
        let life = Duration::from_micros(5_000 + round * 7_919_000_003 % 31_000);
        let start = Instant::now();
        while start.elapsed() < life {
            seen.read_all(&feed);
            match feed.fresh_state(FeedClock::now()) {
                Ok(_) | Err(FeedError::NeverStill { .. }) => {}
                Err(other) => panic!("a living writer: {other}"),
            }
        }
        writer.kill();
        seen.read_all(&feed);
        assert!(seen.n_reads > 0 && seen.frame > 0, "round {round}: nothing was read");
        n_reads += seen.n_reads;

        assert!(!feed.is_alive(later()));
        assert!(matches!(feed.fresh_state(later()), Err(FeedError::Gone { .. } | FeedError::NeverStill { .. })));
        assert!(FeedReader::list(&directory).unwrap().iter().all(|found| !found.header.is_alive(later())));

        if round % 2 == 0 {
            // A killed writer's file is in nobody's way, and deleted whether or not someone still reads it.
            let next = storm(&directory);
            assert_ne!(next.feed, writer.feed);
            let mut deleted = sweep(&directory, later()).unwrap();
            // The new writer runs: its file stays however old its heartbeat would be.
            deleted.sort();
            assert_eq!(deleted, [writer.feed.clone()]);
            assert!(FeedReader::open(&next.feed).unwrap().is_alive(FeedClock::now()));
            drop(next);
        }
        sweep(&directory, later()).unwrap();
        assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 0, "round {round}");
        seen.read_all(&feed);
    }
    say(format_args!("feed torture: {ROUNDS} writers killed, {n_reads} consistent reads"));
}

#[test]
fn a_killed_writer_is_gone_within_its_second_by_the_real_clock() {
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("feeds");
    let mut writer = storm(&directory);
    let feed = FeedReader::open(&writer.feed).unwrap();
    assert!(feed.is_alive(FeedClock::now()));
    writer.kill();
    thread::sleep(Duration::from_nanos(LATER_NS));
    assert!(!feed.is_alive(FeedClock::now()));
    assert!(feed.fresh_state(FeedClock::now()).is_err());
    assert_eq!(sweep(&directory, FeedClock::now()).unwrap(), [writer.feed.clone()]);
}

#[test]
fn a_writer_that_ends_takes_its_file_along() {
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("feeds");
    let mut writer = storm(&directory);
    assert!(writer.feed.exists());
    writer.end_input();
    assert!(writer.child.wait().unwrap().success());
    assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 0);
}
