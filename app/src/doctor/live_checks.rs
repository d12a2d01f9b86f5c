//! The checks of `doctor` that concern live use: the folder of the feeds, MIDI ports, real-time priority. Main thread.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use midi_port::{CLIENT_NAME, ClockConfig, ClockSink, ClockThread, Priority, SinkError, list_ports};
use runtime_core::bus::shm::{Feed, FeedClock, FeedReader, feed_directory, prepare_directory, sweep};

use super::Check;
use crate::port;

/// How long the clock thread may take to say which priority it got.
const PRIORITY_TIMEOUT: Duration = Duration::from_secs(1);
/// How to be granted real-time priority.
const PRIORITY_ADVICE: &str = if cfg!(target_os = "linux") {
    "give your user the right to it: `@audio - rtprio 90` in /etc/security/limits.d/audio.conf, join the group `audio`, log in again \
     (docs/midi-clock.md)"
} else {
    "close programs that take the processor for themselves (docs/midi-clock.md)"
};

/// All of them.
pub(super) fn all() -> Vec<Check> {
    vec![feed_folder(), instances(), midi_ports(), port_choice(), real_time_priority()]
}

fn feed_folder() -> Check {
    const FIX: &str = "set ANACRUSIS_FEED_DIR to the absolute path of a folder of your own (mode 0700) on a disk with room, for the host \
                       and for readers; without a feed everything else works";
    match feed_directory().map_err(|e| e.to_string()).and_then(|folder| try_feed_folder(&folder).map(|detail| (folder, detail))) {
        Ok((folder, detail)) => Check::ok("feeds", format!("{}: {detail}", folder.display())),
        Err(message) => Check::problem("feeds", message, FIX),
    }
}

/// Makes the folder where it is missing, sweeps it, and writes a file there.
fn try_feed_folder(folder: &Path) -> Result<String, String> {
    prepare_directory(folder).map_err(|e| e.to_string())?;
    let n_swept = sweep(folder, FeedClock::now()).map_err(|e| e.to_string())?.len();
    tempfile::NamedTempFile::new_in(folder).map_err(|e| format!("cannot write in {}: {e}", folder.display()))?;
    Ok(if n_swept == 0 { "usable".to_owned() } else { format!("usable; {n_swept} left by killed hosts deleted") })
}

/// Who writes a feed now.
fn instances() -> Check {
    const NAME: &str = "instances";
    match feed_directory().and_then(|folder| FeedReader::list(&folder)) {
        Ok(feeds) => listed(NAME, &feeds, FeedClock::now()),
        // The check of the folder says what is wrong and what to do.
        Err(_) => Check::note(NAME, "not known: the folder of the feeds cannot be read"),
    }
}

fn listed(name: &str, feeds: &[Feed], now: FeedClock) -> Check {
    const FIX: &str = "if its host still runs, see `anacrusis doctor --feed`; what is left behind by a host that was killed is deleted by the next \
                       instance";
    let one = |feed: &&Feed| format!("{:?} (process {}, {} Hz)", feed.header.name, feed.header.pid, feed.header.sample_rate_hz);
    let (alive, dead): (Vec<&Feed>, Vec<&Feed>) = feeds.iter().partition(|feed| feed.header.is_alive(now));
    let names = |feeds: &[&Feed]| feeds.iter().map(one).collect::<Vec<_>>().join(", ");
    match (alive.is_empty(), dead.is_empty()) {
        (true, true) => Check::note(name, "none runs: load the plugin in a host"),
        (false, true) => Check::ok(name, format!("alive: {}", names(&alive))),
        (true, false) => Check::advice(name, format!("none alive; dead: {}", names(&dead)), FIX),
        (false, false) => Check::advice(name, format!("alive: {}; dead: {}", names(&alive), names(&dead)), FIX),
    }
}

fn midi_ports() -> Check {
    match list_ports(CLIENT_NAME) {
        Ok(names) if names.is_empty() => Check::note("midi ports", "MIDI is there, and no port: a virtual one can be made"),
        Ok(names) => Check::ok("midi ports", names.join(", ")),
        // Most uses need no port of the system, so that this is no problem by itself.
        Err(error) => Check::note("midi ports", error.to_string()),
    }
}

fn port_choice() -> Check {
    match port::chosen() {
        Ok(choice) => Check::ok("midi choice", choice),
        Err(error) => Check::problem("midi choice", error.to_string(), "delete that file, then choose with `anacrusis port`"),
    }
}

/// Asks as the clock of a port asks: on a thread of its own.
fn real_time_priority() -> Check {
    const NAME: &str = "priority";
    let config = ClockConfig { ask_priority: true, ..ClockConfig::default() };
    let clock = match ClockThread::start("doctor", Box::new(|| Ok(Box::new(Nowhere))), Box::new(|| None), config) {
        Ok(clock) => clock,
        Err(error) => return Check::problem(NAME, error.to_string(), "close other programs, then try again"),
    };
    let asked = Instant::now();
    loop {
        match clock.status().priority {
            Priority::Granted => return Check::ok(NAME, "real-time, for the clock of a MIDI port"),
            Priority::Refused => return Check::advice(NAME, "real-time refused: MIDI clock jitters under load", PRIORITY_ADVICE),
            Priority::Normal if asked.elapsed() > PRIORITY_TIMEOUT => {
                return Check::note(NAME, "the clock thread did not answer within a second: the machine is busy");
            }
            Priority::Normal => thread::sleep(Duration::from_millis(2)),
        }
    }
}

/// A port that takes everything.
pub(super) struct Nowhere;

impl ClockSink for Nowhere {
    fn send(&mut self, _: &[u8]) -> Result<(), SinkError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Status;
    use super::*;

    #[test]
    fn priority_is_granted_or_refused_with_advice() {
        let check = real_time_priority();
        assert_ne!(check.status, Status::Problem, "{check:?}");
        assert!(check.status == Status::Ok || check.fix.is_some() || check.detail.contains("busy"), "{check:?}");
    }

    #[test]
    fn instances_are_alive_or_dead() {
        use runtime_core::bus::shm::{FeedInfo, FeedWriter};
        let home = tempfile::tempdir().unwrap();
        let now = FeedClock::now();
        let folder = home.path().join("feeds");
        prepare_directory(&folder).unwrap();
        let read = || FeedReader::list(&folder).unwrap();
        assert_eq!(listed("i", &read(), now).status, Status::Note);
        let info = |name| FeedInfo { name, sample_rate_hz: 48_000.0 };
        let _alive = FeedWriter::create(&folder, &info("Drums"), now).unwrap();
        let check = listed("i", &read(), now);
        assert!(check.status == Status::Ok && check.detail.starts_with("alive: \"Drums\" (process "), "{check:?}");
        let long_ago = FeedClock { monotonic_ns: now.monotonic_ns.saturating_sub(5_000_000_000), ..now };
        let _dead = FeedWriter::create(&folder, &info("Bass"), long_ago).unwrap();
        let check = listed("i", &read(), now);
        assert!(check.detail.contains("dead: \"Bass\"") && check.fix.is_some(), "{check:?}");
    }

    #[test]
    fn a_new_folder_is_usable_and_keeps_nothing() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("feeds");
        assert_eq!(try_feed_folder(&folder).unwrap(), "usable");
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
    }

    #[test]
    fn a_file_in_place_of_the_folder_is_named() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("feeds");
        std::fs::write(&file, "").unwrap();
        assert!(try_feed_folder(&file).unwrap_err().contains("feeds is not a folder"));
    }
}
