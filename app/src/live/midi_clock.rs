//! MIDI clock as one of the outputs: the port's own thread follows the board, this only starts and watches it. The output's thread.

use std::sync::Arc;

use midi_port::{CLIENT_NAME, ClockConfig, ClockInput, ClockThread, MonotonicClock, PortState, PortTarget, StreamMap, SystemClock};
use outputs::clock::Clock;
use outputs::event::{Event, Moment};
use outputs::look::{Board, Look, Reason};
use outputs::output::{Output, OutputError};
use runtime_core::state::{BeatClockState, LockReason, SlowState};
use runtime_core::timeline::Timeline;

use super::system_clock::MachineClock;

/// A MIDI clock on a port.
pub struct MidiClockOutput {
    target: PortTarget,
    config: ClockConfig,
    board: Arc<Board>,
    thread: Option<ClockThread>,
}

impl MidiClockOutput {
    /// Sends what hangs on `board`, with its own offset: the port's thread reads the board and no events.
    pub fn new(target: PortTarget, config: ClockConfig, board: Arc<Board>) -> Self {
        Self { target, config, board, thread: None }
    }
}

/// The newest look as the clock takes it: stream time is this machine's monotonic time.
fn input(look: &Look, now: Moment, system_now_ns: u64) -> ClockInput {
    let is_gone = Look { taken: now, ..*look }.is_gone();
    let t_sec = now.mono_ns as f64 / 1e9;
    let timeline = Timeline {
        t_origin_sec: look.line.origin_mono_ns as f64 / 1e9,
        beat_origin: look.line.beat_origin,
        spb: look.line.period_ns / 1e9,
    };
    let beat = BeatClockState {
        t_sec,
        spb: if look.bpm > 0.0 { 60.0 / look.bpm } else { timeline.spb },
        beat_count: look.number,
        conf: look.confidence,
        downbeat_prob: look.downbeat_prob,
        beats_per_bar: look.beats_per_bar,
        beat_in_bar: look.beat_in_bar,
        locked: u8::from(look.locked && !is_gone),
        reason: if look.reason == Reason::Silence { LockReason::Silence } else { LockReason::Locked },
        ..BeatClockState::default()
    };
    let state = SlowState { timeline, beat, wall_ns: now.unix_ns, ..SlowState::default() };
    ClockInput { state, map: StreamMap { stream_sec: t_sec, monotonic_ns: system_now_ns } }
}

impl Output for MidiClockOutput {
    fn name(&self) -> String {
        format!("midi clock {}", self.target.name())
    }

    fn open(&mut self) -> Result<(), OutputError> {
        let board = Arc::clone(&self.board);
        let source = move || {
            let look = board.look();
            (look.session > 0).then(|| input(&look, MachineClock.now(), SystemClock.now_ns()))
        };
        let name = self.target.name().to_owned();
        let thread = ClockThread::start(&name, self.target.clone().opener(CLIENT_NAME), Box::new(source), self.config);
        self.thread = Some(thread.map_err(|error| OutputError::Protocol(error.to_string()))?);
        Ok(())
    }

    fn event(&mut self, _event: &Event, _now: Moment) -> Result<(), OutputError> {
        Ok(())
    }

    fn poll(&mut self, _now: Moment) -> Result<(), OutputError> {
        match &self.thread {
            Some(thread) if !thread.status().is_running => Err(OutputError::Protocol("the clock's thread ended".to_owned())),
            _ => Ok(()),
        }
    }

    fn set_offset_ms(&mut self, offset_ms: f64) {
        self.config.offset_ms = offset_ms;
        if let Some(thread) = &self.thread {
            // In range: the dial takes what the port's thread takes.
            drop(thread.set_offset_ms(offset_ms));
        }
    }

    fn close(&mut self) {
        self.thread = None;
    }

    fn detail(&self) -> String {
        let Some(thread) = &self.thread else { return String::new() };
        let status = thread.status();
        match status.port_state {
            PortState::Open => format!("{} ticks, jitter p99 {:.0} us", status.n_ticks_sent, status.jitter.p99_us),
            other => format!("port {other:?}: {:?}", status.last_error).to_lowercase(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use outputs::look::Line;

    #[test]
    fn a_beat_falls_where_the_line_says() {
        let line = Line { origin_mono_ns: 5_000_000_000, beat_origin: 8.0, period_ns: 5e8 };
        let look = Look {
            said_mono_ns: 6_000_000_000,
            locked: true,
            line,
            number: 9,
            beat_in_bar: 2,
            beats_per_bar: 4,
            bpm: 119.0,
            ..Look::default()
        };
        let now = Moment { mono_ns: 6_100_000_000, unix_ns: 7 };
        let ClockInput { state, map } = input(&look, now, 1_000);
        assert_eq!((map.stream_sec, map.monotonic_ns, state.beat.locked, state.beat.beat_in_bar), (6.1, 1_000, 1, 2));
        assert_eq!(state.timeline.time_of(10.0).0, 6.0);
        let later = Moment { mono_ns: 7_100_000_001, unix_ns: 7 };
        assert_eq!(input(&look, later, 1_000).state.beat.locked, 0, "gone");
    }
}
