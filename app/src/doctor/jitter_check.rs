//! The check of `doctor` that measures how punctual the clock thread is here, with and without real-time priority. Main thread.

use std::thread;
use std::time::Duration;

use midi_port::{ClockConfig, ClockInput, ClockSink, ClockThread, JitterSummary, MonotonicClock, Priority, StreamMap, SystemClock};
use runtime_core::state::SlowState;
use runtime_core::timeline::Timeline;

use super::Check;
use super::live_checks::Nowhere;

/// How long each is measured.
const LENGTH: Duration = Duration::from_secs(1);
/// Tempo that is measured at: 24 ticks a beat, so 192 intervals in the second.
const SPB: f64 = 0.125;
/// Fewer intervals than this say nothing.
const LEAST_INTERVALS: u64 = 20;
/// A tick that is later than this is seen and heard by receivers that do not average: 5 % of the tempo at 120 BPM, microseconds.
const LATE_US: f64 = 1_000.0;
/// What helps.
const FIX: &str = "close programs that take the processor for themselves, use the performance governor (`cpupower frequency-set -g \
                   performance`), and let the clock have real-time priority (docs/midi-clock.md)";

/// Both measurements, in one check.
pub(super) fn clock_jitter() -> Check {
    const NAME: &str = "clock jitter";
    match (measure(true), measure(false)) {
        (Ok(asked), Ok(normal)) => judged(NAME, asked, normal),
        (Err(error), _) | (_, Err(error)) => Check::problem(NAME, error, "close other programs, then try again"),
    }
}

/// One measurement: the priority that the thread got, and its errors.
type Measured = (Priority, JitterSummary);

fn judged(name: &str, (priority, asked): Measured, (_, normal): Measured) -> Check {
    let words = |jitter: &JitterSummary| format!("p50 {:.0} us, p99 {:.0} us, max {:.0} us", jitter.p50_us, jitter.p99_us, jitter.max_us);
    if asked.n_intervals.min(normal.n_intervals) < LEAST_INTERVALS {
        return Check::note(name, "the clock thread hardly ran: the machine is busy");
    }
    let (best, detail) = match priority {
        Priority::Granted => (asked, format!("real-time: {}; normal: {}", words(&asked), words(&normal))),
        // Both were measured alike: the better one is less disturbed by chance.
        _ => {
            let best = if asked.p99_us <= normal.p99_us { asked } else { normal };
            (best, format!("without real-time priority: {}", words(&best)))
        }
    };
    if best.p99_us <= LATE_US {
        Check::ok(name, detail)
    } else {
        Check::advice(name, format!("{detail}: receivers that do not average will see the tempo waver"), FIX)
    }
}

/// Lets the clock thread tick for a second into nothing.
fn measure(ask_priority: bool) -> Result<Measured, String> {
    let mut state = SlowState { timeline: Timeline { spb: SPB, ..Timeline::default() }, ..SlowState::default() };
    (state.beat.beat_in_bar, state.beat.beats_per_bar, state.beat.locked) = (1, 4, 1);
    let map = StreamMap { stream_sec: 0.0, monotonic_ns: SystemClock.now_ns() };
    let source = Box::new(move || Some(ClockInput { state, map }));
    let open = Box::new(|| Ok(Box::new(Nowhere) as Box<dyn ClockSink>));
    let config = ClockConfig { ask_priority, ..ClockConfig::default() };
    let clock = ClockThread::start("doctor: jitter", open, source, config).map_err(|error| error.to_string())?;
    thread::sleep(LENGTH);
    let status = clock.status();
    Ok((status.priority, status.jitter))
}

#[cfg(test)]
mod tests {
    use super::super::Status;
    use super::*;

    fn jitter(p99_us: f64) -> JitterSummary {
        JitterSummary { n_intervals: 190, p50_us: 5.0, p99_us, max_us: 2.0 * p99_us }
    }

    #[test]
    fn a_thread_that_ticks_is_measured() {
        let check = clock_jitter();
        assert_ne!(check.status, Status::Problem, "{check:?}");
        assert!(check.detail.contains("p99") || check.detail.contains("busy"), "{check:?}");
    }

    #[test]
    fn both_priorities_are_shown_where_one_was_granted() {
        let check = judged("j", (Priority::Granted, jitter(8.0)), (Priority::Normal, jitter(4_000.0)));
        assert_eq!(check.status, Status::Ok, "the clock runs with the better one");
        assert_eq!(check.detail, "real-time: p50 5 us, p99 8 us, max 16 us; normal: p50 5 us, p99 4000 us, max 8000 us");
    }

    #[test]
    fn a_clock_that_wavers_comes_with_advice() {
        let check = judged("j", (Priority::Refused, jitter(5_000.0)), (Priority::Normal, jitter(4_000.0)));
        assert!(check.status == Status::Note && check.fix.is_some() && check.detail.contains("p99 4000 us"), "{check:?}");
        let idle = judged("j", (Priority::Refused, JitterSummary::default()), (Priority::Normal, jitter(1.0)));
        assert!(idle.detail.contains("busy"));
    }
}
