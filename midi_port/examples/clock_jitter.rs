//! Measures the clock thread on this machine: errors of tick intervals at 120 BPM, with and without real-time priority.
//!
//! `cargo run --release -p midi-port --example clock_jitter -- [SECONDS [BUSY_THREADS]]`: ticks go to a port that only takes
//! them, so driver and cable are not in the numbers. Busy threads are load to measure under.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use midi_port::{ClockConfig, ClockInput, ClockSink, ClockThread, MonotonicClock, Priority, SinkError, StreamMap, SystemClock};
use runtime_core::state::SlowState;
use runtime_core::timeline::Timeline;

struct Takes;

impl ClockSink for Takes {
    fn send(&mut self, _message: &[u8]) -> Result<(), SinkError> {
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let seconds: u64 = arguments.next().map_or(Ok(5), |text| text.parse())?;
    let n_busy: usize = arguments.next().map_or(Ok(0), |text| text.parse())?;
    let ended = Arc::new(AtomicBool::new(false));
    for _ in 0..n_busy {
        let ended = Arc::clone(&ended);
        std::thread::spawn(move || while !ended.load(Relaxed) {});
    }
    let cores = std::thread::available_parallelism()?;
    println!("{seconds} s at 120 BPM, {cores} cores, {n_busy} busy threads; errors of tick intervals in microseconds\n");
    println!("| priority | waiting | intervals | p50 | p99 | max | overruns |");
    println!("|---|---|---|---|---|---|---|");
    for ask_priority in [false, true] {
        let mut state = SlowState::default();
        (state.beat.beat_in_bar, state.beat.beats_per_bar, state.beat.locked) = (1, 4, 1);
        let map = StreamMap { stream_sec: 0.0, monotonic_ns: SystemClock.now_ns() };
        let source = Box::new(move || Some(ClockInput { state: SlowState { timeline: Timeline::default(), ..state }, map }));
        let open = Box::new(|| Ok(Box::new(Takes) as Box<dyn ClockSink>));
        let clock = ClockThread::start("jitter", open, source, ClockConfig { ask_priority, ..ClockConfig::default() })?;
        std::thread::sleep(Duration::from_secs(seconds));
        let status = clock.status();
        let (priority, waiting) = match status.priority {
            Priority::Normal => ("normal", "absolute deadline"),
            Priority::Refused => ("normal, real-time refused", "absolute deadline"),
            Priority::Granted => ("real-time", "absolute deadline, 0.3 ms spin"),
        };
        let jitter = status.jitter;
        println!(
            "| {priority} | {waiting} | {} | {:.1} | {:.1} | {:.1} | {} |",
            jitter.n_intervals, jitter.p50_us, jitter.p99_us, jitter.max_us, status.n_overruns
        );
    }
    ended.store(true, Relaxed);
    Ok(())
}
