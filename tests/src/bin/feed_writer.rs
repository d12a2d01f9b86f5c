//! A second process for the tests of the feed: publishes records that follow from one number, until it is killed or its
//! standard input ends.
//!
//! `feed_writer DIRECTORY storm`: as fast as it can. `feed_writer DIRECTORY steady`: number 41 once, 70 events, then
//! heartbeats. It prints the path of its feed when the first records are there.

use std::io::Read as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use integration_tests::feed_samples::{event_of, load_of, spectrum_of, state_of};
use runtime_core::bus::shm::{FeedClock, FeedInfo, FeedWriter};

static INPUT_ENDED: AtomicBool = AtomicBool::new(false);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [directory, mode] = arguments.as_slice() else {
        eprintln!("usage: feed_writer DIRECTORY storm|steady, got {arguments:?}");
        std::process::exit(2);
    };
    let info = FeedInfo { name: "feed writer ä", sample_rate_hz: 44_100.0 };
    let mut feed = FeedWriter::create(Path::new(directory), &info, FeedClock::now()).unwrap_or_else(|error| {
        eprintln!("error: {error}");
        std::process::exit(1);
    });
    thread::spawn(|| {
        // An error ends the input as its end does.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        INPUT_ENDED.store(true, Ordering::Release);
    });
    let is_storm = mode == "storm";
    publish(&mut feed, if is_storm { 1 } else { 41 });
    if !is_storm {
        (1..=70).for_each(|number| feed.push_event(&event_of(number)));
    }
    println!("{}", feed.path().display());
    for n in 2.. {
        if INPUT_ENDED.load(Ordering::Acquire) {
            break;
        }
        if is_storm {
            publish(&mut feed, n);
            feed.push_event(&event_of(n - 1));
        } else {
            thread::sleep(Duration::from_millis(20));
        }
        feed.heartbeat(FeedClock::now());
    }
}

/// Publishes the records of one number.
fn publish(feed: &mut FeedWriter, n: u64) {
    feed.publish_state(&state_of(n));
    feed.publish_load(&load_of(n));
    feed.publish_spectrum(&spectrum_of(n));
}
