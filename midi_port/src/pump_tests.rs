//! The loop in virtual time: what a fake port receives, and when.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use runtime_core::rt::midi_clock::{ClockPolicy, OnSilence, Relock};
use runtime_core::state::SlowState;
use runtime_core::timeline::Timeline;

use super::*;
use crate::fake::{FakeClock, FakePort};
use crate::sink::ErrorCode;
use crate::source::{ClockInput, StreamMap};

/// Virtual time is whole nanoseconds: a message is up to one late.
const ROUNDING_NS: u64 = 2;
const AT_120_BPM: Timeline = Timeline { t_origin_sec: 0.0, beat_origin: 0.0, spb: 0.5 };

/// A loop with a fake port, and the hand that feeds it.
struct Rig {
    clock: FakeClock,
    port: FakePort<FakeClock>,
    input: Arc<Mutex<Option<ClockInput>>>,
    controls: Arc<Controls>,
    status: Arc<ClockStatus>,
    pump: Pump<FakeClock>,
}

impl Rig {
    fn new(policy: ClockPolicy) -> Self {
        let clock = FakeClock::default();
        let port = FakePort::new(clock.clone());
        let open = port.opener();
        Self::with(policy, clock, port, open)
    }

    fn with(policy: ClockPolicy, clock: FakeClock, port: FakePort<FakeClock>, open: OpenSink) -> Self {
        let input = Arc::new(Mutex::new(None));
        let controls = Arc::new(Controls::default());
        controls.set_policy(policy);
        let status = Arc::new(ClockStatus::default());
        let read = Arc::clone(&input);
        let source = Box::new(move || *read.lock().unwrap());
        let pump = Pump::new(clock.clone(), source, open, "fake".to_owned(), Arc::clone(&controls), Arc::clone(&status));
        Self { clock, port, input, controls, status, pump }
    }

    /// The timeline from now on; beat 0 is the first of four. Stream time is virtual time.
    fn follow(&self, timeline: Timeline, locked: bool) {
        self.follow_through(timeline, locked, StreamMap { stream_sec: 0.0, monotonic_ns: 0 });
    }

    fn follow_through(&self, timeline: Timeline, locked: bool, map: StreamMap) {
        let mut state = SlowState { timeline, ..SlowState::default() };
        (state.beat.beat_in_bar, state.beat.beats_per_bar, state.beat.locked) = (1, 4, u8::from(locked));
        *self.input.lock().unwrap() = Some(ClockInput { state, map });
    }

    fn run_until(&mut self, end_sec: f64) {
        while self.clock.now_ns() < (end_sec * 1e9) as u64 {
            self.pump.step();
        }
    }

    /// First bytes with their times in seconds, from `since_sec` on.
    fn heard(&self, since_sec: f64) -> Vec<(f64, u8)> {
        let all = self.port.received().into_iter().map(|message| (message.at_ns as f64 * 1e-9, message.bytes[0]));
        all.filter(|(t, _)| *t >= since_sec).collect()
    }

    fn commands(&self, since_sec: f64) -> Vec<u8> {
        self.heard(since_sec).into_iter().map(|(_, byte)| byte).filter(|byte| *byte != 0xF8).collect()
    }

    fn ticks(&self, since_sec: f64) -> Vec<f64> {
        self.heard(since_sec).into_iter().filter(|(_, byte)| *byte == 0xF8).map(|(t, _)| t).collect()
    }

    fn ends_with(self) -> Vec<u8> {
        let Self { pump, port, .. } = self;
        drop(pump);
        port.received().last().map(|message| message.bytes.clone()).unwrap_or_default()
    }
}

fn started(policy: ClockPolicy) -> Rig {
    let rig = Rig::new(policy);
    rig.follow(AT_120_BPM, true);
    rig
}

#[test]
fn ten_seconds_at_120_bpm_are_480_ticks_each_at_its_nanosecond() {
    let mut rig = started(ClockPolicy::default());
    rig.run_until(10.0);
    let received = rig.port.received();
    assert_eq!(received[0].bytes, [0xF2, 0, 0]);
    assert_eq!(received[1].bytes, [0xFA]);
    assert_eq!(received[1].at_ns, received[2].at_ns);
    let ticks: Vec<u64> = received[2..].iter().inspect(|m| assert_eq!(m.bytes, [0xF8])).map(|m| m.at_ns).collect();
    for (n, at_ns) in ticks.iter().enumerate() {
        assert!(at_ns.abs_diff(n as u64 * 500_000_000 / 24) <= ROUNDING_NS, "tick {n} at {at_ns}");
    }
    assert_eq!(ticks.iter().filter(|at_ns| **at_ns < 9_999_999_000).count(), 480);
    let status = rig.status.snapshot();
    assert_eq!((status.port_state, status.is_running, status.n_ticks_sent), (PortState::Open, true, ticks.len() as u64));
    assert!(status.jitter.max_us <= 0.002 && status.jitter.n_intervals == status.n_ticks_sent - 1);
}

#[test]
fn a_new_tempo_is_followed_without_a_command() {
    let mut rig = started(ClockPolicy::default());
    rig.run_until(4.0);
    rig.follow(Timeline { t_origin_sec: 4.0, beat_origin: 8.0, spb: 0.4 }, true);
    rig.run_until(8.0);
    assert!(rig.commands(0.1).is_empty());
    // 150 BPM: 60 ticks a second.
    let n = rig.ticks(5.0).into_iter().filter(|t| *t < 7.0).count();
    assert!((119..=121).contains(&n), "{n}");
}

#[test]
fn a_jump_of_the_beat_is_slewed_or_restarted_as_chosen() {
    let jumped = Timeline { beat_origin: 0.3, ..AT_120_BPM };
    let mut rig = started(ClockPolicy::default());
    rig.run_until(3.1);
    rig.follow(jumped, true);
    rig.run_until(8.0);
    assert!(rig.commands(0.1).is_empty());

    let mut rig = started(ClockPolicy { relock: Relock::RestartOnDownbeat, ..ClockPolicy::default() });
    rig.run_until(3.1);
    rig.follow(jumped, true);
    rig.run_until(8.0);
    let heard = rig.heard(3.09);
    let stop = heard.iter().position(|(_, byte)| *byte == 0xFC).unwrap();
    assert_eq!(heard[stop + 1..stop + 4].iter().map(|(_, byte)| *byte).collect::<Vec<_>>(), [0xF2, 0xFA, 0xF8]);
    // Beat 8, the next downbeat, is at 3.85 s.
    assert!((heard[stop + 2].0 - 3.85).abs() < 1e-6, "{}", heard[stop + 2].0);
    assert_eq!(rig.commands(0.1), [0xFC, 0xF2, 0xFA]);
}

#[test]
fn silence_holds_or_stops_as_chosen() {
    for (on_silence, expected) in [(OnSilence::Hold, vec![]), (OnSilence::Stop, vec![0xFC, 0xF2, 0xFB])] {
        let mut rig = started(ClockPolicy { on_silence, ..ClockPolicy::default() });
        rig.run_until(3.1);
        rig.follow(AT_120_BPM, false);
        rig.run_until(6.5);
        assert_eq!(rig.status.snapshot().is_running, on_silence == OnSilence::Hold);
        assert_eq!(rig.ticks(3.2).is_empty(), on_silence == OnSilence::Stop);
        rig.follow(AT_120_BPM, true);
        rig.run_until(9.0);
        assert_eq!(rig.commands(0.1), expected);
        assert!(rig.status.snapshot().is_running);
    }
}

#[test]
fn a_lost_port_is_retried_and_its_receiver_comes_in_again_with_a_position() {
    let mut rig = started(ClockPolicy::default());
    rig.run_until(2.2);
    rig.port.unplug();
    rig.run_until(2.9);
    let status = rig.status.snapshot();
    assert_eq!((status.port_state, status.last_error, status.n_losses), (PortState::Retrying, ErrorCode::Send, 1));
    assert!(!status.is_running);
    rig.port.plug();
    rig.run_until(5.0);
    assert_eq!(rig.commands(0.1), [0xFC, 0xF2, 0xFB]);
    let received = rig.port.received();
    // Lost at about 2.2 s, open again a second later; the next downbeat is beat 8 at 4 s: sixteenth 32.
    let position = received.iter().rev().find(|message| message.bytes[0] == 0xF2).unwrap();
    assert_eq!((position.bytes.as_slice(), position.at_ns / 1_000_000), ([0xF2, 32, 0].as_slice(), 4000));
    assert_eq!((rig.status.snapshot().port_state, rig.status.snapshot().is_running), (PortState::Open, true));
}

#[test]
fn a_port_that_swallows_messages_is_noticed_within_about_a_second() {
    let mut rig = started(ClockPolicy::default());
    rig.run_until(2.2);
    rig.port.vanish();
    rig.run_until(3.3);
    let status = rig.status.snapshot();
    assert_eq!((status.port_state, status.last_error, status.n_losses), (PortState::Retrying, ErrorCode::Vanished, 1));
}

#[test]
fn a_port_that_is_missing_is_tried_once_a_second() {
    let tries = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&tries);
    let clock = FakeClock::default();
    let port = FakePort::new(clock.clone());
    let open: OpenSink = Box::new(move || {
        counted.fetch_add(1, SeqCst);
        Err(SinkError::Missing { name: "Synth".into(), available: vec![] })
    });
    let mut rig = Rig::with(ClockPolicy::default(), clock, port, open);
    rig.follow(AT_120_BPM, true);
    rig.run_until(3.5);
    assert_eq!(tries.load(SeqCst), 4);
    let status = rig.status.snapshot();
    assert_eq!((status.port_state, status.last_error), (PortState::Retrying, ErrorCode::Missing));
    assert_eq!((status.n_losses, status.n_ticks_sent), (0, 0));
}

#[test]
fn a_positive_offset_is_later_and_a_negative_one_earlier() {
    for (offset_ms, start_sec) in [(0.0, 2.0), (100.0, 2.1), (-100.0, 1.9)] {
        let mut rig = Rig::new(ClockPolicy::default());
        rig.controls.set_offset_ms(offset_ms).unwrap();
        rig.run_until(1.0);
        rig.follow(AT_120_BPM, true);
        rig.run_until(2.5);
        let (t, byte) = rig.heard(0.0)[1];
        assert_eq!(byte, 0xFA);
        assert!((t - start_sec).abs() < 1e-6, "{offset_ms} ms: {t}");
    }
}

#[test]
fn an_offset_changed_while_running_is_slewed() {
    let mut rig = started(ClockPolicy::default());
    rig.run_until(2.0);
    rig.controls.set_offset_ms(40.0).unwrap();
    rig.run_until(6.0);
    assert!(rig.commands(0.1).is_empty());
    // Beat 10, at 5 s without the offset.
    assert!(rig.ticks(0.0).iter().any(|t| (t - 5.04).abs() < 1e-4));
}

#[test]
fn a_thread_that_slept_too_long_stops_and_continues_in_place_of_a_burst() {
    let mut rig = started(ClockPolicy::default());
    rig.run_until(2.2);
    rig.clock.oversleep_once(600_000_000);
    rig.run_until(6.0);
    assert_eq!(rig.commands(0.1), [0xFC, 0xF2, 0xFB]);
    assert_eq!(rig.status.snapshot().n_overruns, 1);
    let ticks = rig.ticks(0.0);
    assert!(ticks.windows(2).all(|pair| pair[1] - pair[0] > 0.02), "no burst");
}

#[test]
fn a_short_delay_is_caught_up_and_counted_as_jitter() {
    let mut rig = started(ClockPolicy::default());
    rig.run_until(2.2);
    rig.clock.oversleep_once(5_000_000);
    rig.run_until(4.0);
    assert_eq!((rig.commands(0.1).len(), rig.status.snapshot().n_overruns), (0, 0));
    let max_us = rig.status.snapshot().jitter.max_us;
    assert!((0.0..=5000.1).contains(&max_us), "{max_us}");
    assert_eq!(rig.ticks(0.0).iter().filter(|t| **t < 3.999).count(), 192);
}

#[test]
fn milliseconds_of_jitter_in_the_map_become_a_fraction_of_one_in_the_ticks() {
    let mut rig = started(ClockPolicy::default());
    rig.run_until(1.0);
    for step in 0..400u64 {
        let late_ns = if step % 2 == 0 { 0 } else { 4_000_000 };
        let now_ns = rig.clock.now_ns();
        let map = StreamMap { stream_sec: now_ns as f64 * 1e-9, monotonic_ns: now_ns + late_ns };
        rig.follow_through(AT_120_BPM, true, map);
        rig.run_until(1.0 + (step + 1) as f64 * 0.01);
    }
    let ticks = rig.ticks(0.0);
    let worst = ticks.windows(2).map(|pair| (pair[1] - pair[0] - 0.5 / 24.0).abs()).fold(0.0, f64::max);
    assert!(worst < 0.000_25, "{worst}");
}

#[test]
fn what_is_no_timeline_is_counted_and_the_clock_goes_on() {
    let mut rig = started(ClockPolicy::default());
    rig.run_until(2.0);
    rig.follow(Timeline { spb: f64::NAN, ..AT_120_BPM }, false);
    rig.run_until(3.0);
    assert!(rig.status.snapshot().n_refused_timelines > 0);
    assert_eq!(rig.ticks(0.0).iter().filter(|t| **t < 2.999).count(), 144);
}

#[test]
fn the_end_is_a_stop_where_something_runs_and_nothing_otherwise() {
    let mut rig = started(ClockPolicy::default());
    rig.run_until(1.0);
    let status = Arc::clone(&rig.status);
    assert_eq!(rig.ends_with(), [0xFC]);
    assert_eq!((status.snapshot().port_state, status.snapshot().is_running), (PortState::Ended, false));

    let mut rig = Rig::new(ClockPolicy::default());
    rig.run_until(1.0);
    assert!(rig.ends_with().is_empty());
}
