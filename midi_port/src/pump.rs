//! The loop of the clock thread: read the state, wait for the next message, send it. MIDI PORT CLOCK THREAD.
//!
//! Everything is relative to a clock that is passed in, so tests run it in virtual time. It never sleeps longer than
//! [`POLL_NS`], which bounds how long a shutdown takes.

use std::sync::Arc;

use runtime_core::rt::midi_clock::{MidiClock, MidiMessage};
use runtime_core::rt::slew::Correction;
use runtime_core::units::StreamSec;

use crate::deadline::{MonotonicClock, wait_until};
use crate::sink::{ClockSink, OpenSink, SinkError};
use crate::source::TimelineSource;
use crate::status::{ClockStatus, PortState};
use crate::thread::Controls;

/// Between two readings of the source, nanoseconds.
pub(crate) const POLL_NS: u64 = 10_000_000;
/// Between two tries to open a port that is not there, nanoseconds.
pub(crate) const RETRY_NS: u64 = 1_000_000_000;
/// Between two questions whether an open port is still there, nanoseconds.
const PRESENCE_NS: u64 = 1_000_000_000;
/// Time before the next message that such a question needs, nanoseconds.
const PRESENCE_GAP_NS: u64 = 5_000_000;
/// A message later than this (a suspended machine, a stopped process) is not sent in a burst with all that followed.
const MAX_LATE_NS: u64 = 100_000_000;

/// All that the thread owns.
pub(crate) struct Pump<C: MonotonicClock> {
    clock: C,
    source: Box<dyn TimelineSource>,
    open: OpenSink,
    port_name: String,
    controls: Arc<Controls>,
    status: Arc<ClockStatus>,
    sink: Option<Box<dyn ClockSink>>,
    midi: MidiClock,
    /// Second 0 of `midi`, nanoseconds of `clock`.
    base_ns: u64,
    next_poll_ns: u64,
    next_retry_ns: u64,
    next_presence_ns: u64,
    /// When the last tick was sent and due; `None` where the next interval means nothing.
    last_tick: Option<(u64, u64)>,
    /// Whether the busy wait before a deadline is allowed.
    pub(crate) spin: bool,
}

impl<C: MonotonicClock> Pump<C> {
    pub(crate) fn new(
        clock: C,
        source: Box<dyn TimelineSource>,
        open: OpenSink,
        port_name: String,
        controls: Arc<Controls>,
        status: Arc<ClockStatus>,
    ) -> Self {
        let base_ns = clock.now_ns();
        let midi = MidiClock::new(controls.policy());
        Self {
            clock,
            source,
            open,
            port_name,
            controls,
            status,
            sink: None,
            midi,
            base_ns,
            next_poll_ns: base_ns,
            next_retry_ns: base_ns,
            next_presence_ns: base_ns,
            last_tick: None,
            spin: false,
        }
    }

    /// Until a shutdown is asked for.
    pub(crate) fn run(&mut self) {
        while !self.controls.is_shutdown() {
            self.step();
        }
    }

    /// One round: what is due now, then the wait for what is next.
    pub(crate) fn step(&mut self) {
        let now_ns = self.clock.now_ns();
        if self.sink.is_none() && now_ns >= self.next_retry_ns {
            self.try_open(now_ns);
        }
        self.send_due(now_ns);
        if now_ns >= self.next_poll_ns {
            self.next_poll_ns = now_ns + POLL_NS;
            self.read_source(now_ns);
        }
        let due_ns = self.midi.peek().map_or(u64::MAX, |(t, _)| self.ns_of(t));
        let has_time = due_ns.saturating_sub(now_ns) > PRESENCE_GAP_NS || now_ns >= self.next_presence_ns + 4 * PRESENCE_NS;
        if now_ns >= self.next_presence_ns && has_time {
            self.check_presence(now_ns);
        }
        wait_until(&self.clock, due_ns.min(self.next_poll_ns), self.spin && due_ns <= self.next_poll_ns);
    }

    fn try_open(&mut self, now_ns: u64) {
        match (self.open)() {
            Ok(sink) => {
                self.sink = Some(sink);
                self.status.set_port_state(PortState::Open);
                self.next_presence_ns = now_ns + PRESENCE_NS;
                // What was played to nobody: the receiver comes in on the next downbeat, with its position.
                self.midi.interrupt(self.stream_sec(now_ns));
            }
            Err(err) => self.lose(now_ns, &err),
        }
    }

    fn lose(&mut self, now_ns: u64, err: &SinkError) {
        if self.sink.take().is_some() {
            self.status.count_loss();
        }
        self.last_tick = None;
        self.next_retry_ns = now_ns + RETRY_NS;
        self.status.set_last_error(err.code());
        self.status.set_port_state(PortState::Retrying);
        self.status.set_running(false);
    }

    fn check_presence(&mut self, now_ns: u64) {
        self.next_presence_ns = now_ns + PRESENCE_NS;
        if self.sink.as_mut().is_some_and(|sink| !sink.is_present()) {
            let err = SinkError::Vanished { name: self.port_name.clone() };
            self.lose(now_ns, &err);
        }
    }

    fn read_source(&mut self, now_ns: u64) {
        let Some(input) = self.source.read() else { return };
        let (timeline, bar) = input.on_axis(self.base_ns, self.controls.offset_sec());
        self.midi.set_policy(self.controls.policy());
        if self.midi.set_timeline(self.stream_sec(now_ns), timeline, bar) == Correction::Refused {
            self.status.count_refused_timeline();
        }
    }

    fn send_due(&mut self, now_ns: u64) {
        // One nanosecond past now, so that what is due exactly now is due.
        let end = self.stream_sec(now_ns + 1);
        let is_overrun = self.midi.peek().is_some_and(|(t, _)| now_ns.saturating_sub(self.ns_of(t)) > MAX_LATE_NS);
        if is_overrun {
            while self.midi.next_before(end).is_some() {}
            self.midi.interrupt(self.stream_sec(now_ns));
            self.status.count_overrun();
            self.last_tick = None;
        }
        while let Some((t, message)) = self.midi.next_before(end) {
            self.send(self.ns_of(t), message);
        }
    }

    fn send(&mut self, due_ns: u64, message: MidiMessage) {
        let Some(sink) = &mut self.sink else { return };
        let sent_ns = self.clock.now_ns();
        if let Err(err) = sink.send(&message.bytes()[..message.n_bytes()]) {
            self.lose(sent_ns, &err);
            return;
        }
        if message == MidiMessage::Tick {
            self.status.count_tick();
            if let Some((last_sent_ns, last_due_ns)) = self.last_tick.replace((sent_ns, due_ns)) {
                self.status.jitter.record((sent_ns - last_sent_ns).abs_diff(due_ns - last_due_ns));
            }
        } else {
            self.last_tick = None;
            self.status.set_running(matches!(message, MidiMessage::Start | MidiMessage::Continue));
        }
    }

    fn stream_sec(&self, at_ns: u64) -> StreamSec {
        StreamSec((at_ns - self.base_ns) as f64 * 1e-9)
    }

    /// The first nanosecond at or after `t`.
    fn ns_of(&self, t: StreamSec) -> u64 {
        self.base_ns.saturating_add((t.0.max(0.0) * 1e9).ceil() as u64)
    }
}

/// Receivers are stopped however the thread ends.
impl<C: MonotonicClock> Drop for Pump<C> {
    fn drop(&mut self) {
        let now_ns = self.clock.now_ns();
        self.send_due(now_ns);
        // `send_due` has asked for one nanosecond more than now: the stop falls there, and ends before the next.
        self.midi.stop(self.stream_sec(now_ns + 1));
        let end = self.stream_sec(now_ns + 2);
        while let Some((t, message)) = self.midi.next_before(end) {
            self.send(self.ns_of(t), message);
        }
        self.sink = None;
        self.status.set_running(false);
        self.status.set_port_state(PortState::Ended);
    }
}

#[cfg(test)]
#[path = "pump_tests.rs"]
mod tests;
