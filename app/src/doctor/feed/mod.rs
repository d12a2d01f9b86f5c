//! `anacrusis doctor --feed`: the instances that run, and how one of them fares. Main thread.
//!
//! ```text
//! folder of feeds -> list -> one feed -> two readings half a second apart -> reading -> judge -> text, JSON
//!                                     -> a reading a second -> a line
//! ```
//! Everything comes from shared memory: the instance is not asked and does not notice.

mod judge;
mod reading;
mod watch;

pub(super) use watch::watch;

use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use runtime_core::bus::shm::{Feed, FeedClock, FeedReader, feed_directory};
use serde::Serialize;

use super::{Check, Outcome, as_text, is_healthy, json_of};
use crate::bench::machine::Machine;
use reading::{Moment, Reading};

/// Version of the JSON layout.
const FORMAT_VERSION: u32 = 1;
/// Time between the two readings, from which rates are computed.
const BETWEEN_READINGS: Duration = Duration::from_millis(500);

/// The JSON document.
#[derive(Serialize)]
struct FeedReport<'a> {
    format: u32,
    version: &'static str,
    machine: Machine,
    healthy: bool,
    feeds: &'a [Listed],
    feed: &'a Reading,
    checks: &'a [Check],
}

/// A feed in the list.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Listed {
    /// Name of the file; the folder stays out of reports that are passed on.
    file: String,
    name: String,
    pid: u32,
    instance: u32,
    sample_rate_hz: f64,
    alive: bool,
    /// `None` where it is from before the last boot.
    heartbeat_age_ms: Option<u64>,
}

impl Listed {
    fn of(feed: &Feed, now: FeedClock) -> Self {
        let header = &feed.header;
        Self {
            file: file_name(&feed.path),
            name: header.name.clone(),
            pid: header.pid,
            instance: header.instance,
            sample_rate_hz: header.sample_rate_hz,
            alive: header.is_alive(now),
            heartbeat_age_ms: header.heartbeat_age_ns(now).map(|ns| ns / 1_000_000),
        }
    }

    fn line(&self) -> String {
        let life = match (self.alive, self.heartbeat_age_ms) {
            (true, _) => "alive".to_owned(),
            (false, Some(age_ms)) => format!("DEAD, last heartbeat {:.1} s ago", age_ms as f64 * 1e-3),
            (false, None) => "DEAD, from before the last boot".to_owned(),
        };
        format!("feed     {:24}  {:?}, process {}, {} Hz, {life}\n", self.file, self.name, self.pid, self.sample_rate_hz)
    }
}

/// Reads one feed, and judges it.
///
/// # Errors
/// No feed at all, or one that cannot be read.
pub(super) fn examine(path: Option<&Path>) -> Result<Outcome, String> {
    let feeds = list(path)?;
    let path = choose(path, &feeds)?;
    let reader = FeedReader::open(&path).map_err(|e| e.to_string())?;
    let before = Moment::of(&reader, FeedClock::now()).map_err(|e| e.to_string())?;
    thread::sleep(BETWEEN_READINGS);
    let after = Moment::of(&reader, FeedClock::now()).map_err(|e| e.to_string())?;
    let reading = Reading::between(file_name(&path), reader.header(), &before, &after);
    let checks = judge::judge(&reading);
    let healthy = is_healthy(&checks);
    let now = FeedClock::now();
    let feeds: Vec<Listed> = feeds.iter().map(|feed| Listed::of(feed, now)).collect();
    let machine = Machine::this();
    let report = FeedReport {
        format: FORMAT_VERSION,
        version: env!("CARGO_PKG_VERSION"),
        machine,
        healthy,
        feeds: &feeds,
        feed: &reading,
        checks: &checks,
    };
    let lines: String = feeds.iter().map(Listed::line).collect();
    Ok(Outcome { text: format!("{lines}shown    {}\n{}", reading.file, as_text(&checks)), json: json_of(&report), healthy })
}

/// The feeds of this user; of the folder of `path`, where one is named.
fn list(path: Option<&Path>) -> Result<Vec<Feed>, String> {
    let folder = match path.and_then(Path::parent) {
        Some(parent) if parent.as_os_str().is_empty() => PathBuf::from("."),
        Some(parent) => parent.to_owned(),
        None => feed_directory().map_err(|e| e.to_string())?,
    };
    FeedReader::list(&folder).map_err(|e| e.to_string())
}

/// The feed that was named; else the one with the newest heartbeat, dead or alive.
fn choose(path: Option<&Path>, feeds: &[Feed]) -> Result<PathBuf, String> {
    if let Some(path) = path {
        return Ok(path.to_owned());
    }
    let newest = feeds.iter().max_by_key(|feed| feed.header.heartbeat_monotonic_ns);
    newest.map(|feed| feed.path.clone()).ok_or_else(|| {
        let folder = feed_directory().map_or_else(|e| e.to_string(), |folder| folder.display().to_string());
        format!("no feed in {folder}: load the plugin in a host of this user (ANACRUSIS_FEED_DIR must be the same for both)")
    })
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::document_tests::documented;
    use super::*;

    #[test]
    fn the_document_has_every_check_of_a_feed_and_no_other() {
        let printed = judge::judge(&reading::samples::healthy()).into_iter().map(|check| check.name).collect();
        assert_eq!(documented("`anacrusis doctor --feed`"), printed, "docs/troubleshooting.md against the code");
    }

    #[test]
    fn a_dead_feed_is_listed_as_dead() {
        let listed = |alive, heartbeat_age_ms| Listed {
            file: "feed-7-1.bin".to_owned(),
            name: "Drums".to_owned(),
            pid: 7,
            instance: 1,
            sample_rate_hz: 48_000.0,
            alive,
            heartbeat_age_ms,
        };
        assert!(listed(true, Some(3)).line().ends_with("\"Drums\", process 7, 48000 Hz, alive\n"));
        assert!(listed(false, Some(2_500)).line().ends_with("DEAD, last heartbeat 2.5 s ago\n"));
        assert!(listed(false, None).line().ends_with("DEAD, from before the last boot\n"));
    }
}
