//! `anacrusis doctor --feed --watch`: a line a second until Ctrl-C. Main thread.

use std::io::{self, Write};
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use runtime_core::bus::shm::{FeedClock, FeedReader};

use super::reading::{Live, Moment, Reading};
use super::{choose, file_name, list};
use crate::exit::{Exit, say, say_error};

/// Time between two lines.
const PERIOD: Duration = Duration::from_secs(1);

/// Prints lines until the writer is gone, nobody reads them, or Ctrl-C.
pub(in super::super) fn watch(path: Option<&Path>) -> Exit {
    match watch_lines(path) {
        Ok(exit) => exit,
        Err(message) => {
            say_error(message);
            Exit::Failed
        }
    }
}

fn watch_lines(path: Option<&Path>) -> Result<Exit, String> {
    let path = choose(path, &list(path)?)?;
    let reader = FeedReader::open(&path).map_err(|e| e.to_string())?;
    let (interrupt, interrupted) = mpsc::channel();
    let on_interrupt = move || {
        // The other end is gone only where the watch has ended already.
        let _ = interrupt.send(());
    };
    ctrlc::set_handler(on_interrupt).map_err(|e| format!("cannot handle Ctrl-C: {e}"))?;
    let moment = || Moment::of(&reader, FeedClock::now()).map_err(|e| e.to_string());
    let (mut before, started) = (moment()?, Instant::now());
    for n_lines in 1.. {
        // Absolute, so that lines do not drift against the clock.
        match interrupted.recv_timeout((started + n_lines * PERIOD).saturating_duration_since(Instant::now())) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return Ok(Exit::Interrupted),
        }
        let after = moment()?;
        let reading = Reading::between(file_name(&path), reader.header(), &before, &after);
        if !reading.is_alive {
            say(format_args!("{} is gone", reading.file));
            return Ok(Exit::Failed);
        }
        let mut stdout = io::stdout().lock();
        match writeln!(stdout, "{}", line(&reading)).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(Exit::Ok),
            Err(error) => return Err(format!("cannot write to standard output: {error}")),
            Ok(()) => {}
        }
        before = after;
    }
    Ok(Exit::Ok)
}

/// One line, of about the same width whatever happens.
fn line(reading: &Reading) -> String {
    let Some(live) = &reading.live else { return "nothing heard yet".to_owned() };
    let Live { tempo_bpm, beat_in_bar, beats_per_bar, conf, .. } = live;
    let beat = match (live.is_locked, beats_per_bar) {
        (false, _) => format!("not locked: {}", live.reason),
        (true, 0) => format!("{} -/-", live.reason),
        (true, n) => format!("{} {beat_in_bar}/{n}", live.reason),
    };
    let age = live.age_ms.map_or("-".to_owned(), |ms| format!("{ms:.0}"));
    let midi = if live.midi_jitter_p99_us == 0.0 { "-".to_owned() } else { format!("{:.0} us", live.midi_jitter_p99_us) };
    format!(
        "{:8.1} s  {tempo_bpm:5.1} BPM  {beat}  conf {conf:.2}  age {age:>3} ms  {:5.1} blocks/s  hop {:4.0} us, most {:5.0}  block most {:4.0} us  \
         ring {:5}, most {:5}  late {}  lost {}  gaps {}  jumps {}  midi {midi}",
        live.stream_sec,
        live.blocks_per_sec,
        live.hop_us,
        live.max_hop_us,
        live.max_block_us,
        live.ring_samples,
        live.max_ring_samples,
        live.late_updates,
        live.lost_samples,
        live.n_gaps,
        live.n_jumps,
    )
}

#[cfg(test)]
mod tests {
    use super::super::reading::samples::{healthy, with};
    use super::*;

    #[test]
    fn a_line_says_state_cost_and_trouble() {
        let text = line(&with(|live| (live.late_updates, live.lost_samples) = (5, 777)));
        for part in ["600.0 s", "120.0 BPM", "locked 3/4", "conf 0.90", "age  30 ms", "hop  261 us", "late 5", "lost 777", "midi -"] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(line(&with(|live| (live.is_locked, live.reason) = (false, "silence"))).contains("not locked: silence"));
        assert!(line(&with(|live| live.reason = "weak pulse")).contains("weak pulse 3/4"));
        assert_eq!(line(&Reading { live: None, ..healthy() }), "nothing heard yet");
    }
}
