//! The clock on its real thread and the system's clock, with a fake port. No duration is asserted: the machine may be busy.

use std::time::Duration;

use midi_port::fake::FakePort;
use midi_port::{
    ClockConfig, ClockError, ClockInput, ClockThread, ErrorCode, MonotonicClock, PortState, PortTarget, Priority, StreamMap, SystemClock,
    TimelineSource,
};
use runtime_core::state::SlowState;
use runtime_core::timeline::Timeline;

/// 120 BPM, locked, bar known; stream second 0 is now.
fn steady() -> Box<dyn TimelineSource> {
    let map = StreamMap { stream_sec: 0.0, monotonic_ns: SystemClock.now_ns() };
    let mut state = SlowState { timeline: Timeline { t_origin_sec: 0.1, beat_origin: 0.0, spb: 0.5 }, ..SlowState::default() };
    (state.beat.beat_in_bar, state.beat.beats_per_bar, state.beat.locked) = (1, 4, 1);
    Box::new(move || Some(ClockInput { state, map }))
}

fn wait_for(condition: impl Fn() -> bool) {
    for _ in 0..2000 {
        if condition() {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("not within ten seconds");
}

#[test]
fn a_receiver_hears_position_start_ticks_and_a_last_stop() {
    let port = FakePort::new(SystemClock);
    let clock = ClockThread::start("receiver", port.opener(), steady(), ClockConfig::default()).unwrap();
    wait_for(|| clock.status().n_ticks_sent >= 48);
    let status = clock.status();
    assert_eq!((status.port_state, status.last_error, status.is_running), (PortState::Open, ErrorCode::None, true));
    assert_ne!(status.priority, Priority::Normal, "asked for, so granted or refused");
    assert!(status.jitter.n_intervals >= 47);
    let ended = clock.end();
    let n_at_the_end = port.received().len();
    std::thread::sleep(Duration::from_millis(60));
    let received = port.received();
    assert_eq!(received.len(), n_at_the_end, "nothing comes after the end");
    let bytes: Vec<u8> = received.iter().map(|message| message.bytes[0]).collect();
    assert_eq!((bytes[..3].to_vec(), *bytes.last().unwrap()), (vec![0xF2, 0xFA, 0xF8], 0xFC));
    // A machine that stops this process for long makes the clock stop and continue; the grammar holds all the same.
    let mut is_running = false;
    for byte in bytes {
        match byte {
            0xFA | 0xFB => assert!(!std::mem::replace(&mut is_running, true)),
            0xFC => assert!(std::mem::replace(&mut is_running, false)),
            0xF8 => assert!(is_running),
            other => assert_eq!(other, 0xF2),
        }
    }
    let n_ticks = received.iter().filter(|message| message.bytes == [0xF8]).count();
    assert_eq!((ended.port_state, ended.n_ticks_sent), (PortState::Ended, n_ticks as u64));
    assert!(received.windows(2).all(|pair| pair[0].at_ns <= pair[1].at_ns));
}

#[test]
fn a_second_owner_is_refused_by_name_and_welcome_after_the_first() {
    let port = FakePort::new(SystemClock);
    let config = ClockConfig { ask_priority: false, ..ClockConfig::default() };
    let first = ClockThread::start("shared port", port.opener(), steady(), config).unwrap();
    let second = ClockThread::start("shared port", port.opener(), steady(), config);
    let message = second.unwrap_err().to_string();
    assert!(message.contains("\"shared port\""), "{message}");
    assert_eq!((first.port_name(), first.status().priority), ("shared port", Priority::Normal));
    drop(first);
    ClockThread::start("shared port", port.opener(), steady(), config).unwrap();
}

#[test]
fn an_offset_out_of_range_starts_nothing_and_takes_no_port() {
    let port = FakePort::new(SystemClock);
    let config = ClockConfig { offset_ms: 600.0, ..ClockConfig::default() };
    let refused = ClockThread::start("offset port", port.opener(), steady(), config);
    assert!(matches!(refused, Err(ClockError::Offset { offset_ms: 600.0 })));
    let clock = ClockThread::start("offset port", port.opener(), steady(), ClockConfig::default()).unwrap();
    assert!(matches!(clock.set_offset_ms(f64::NAN), Err(ClockError::Offset { .. })));
}

#[test]
fn a_lost_port_comes_back_by_itself() {
    let port = FakePort::new(SystemClock);
    let clock = ClockThread::start("losing port", port.opener(), steady(), ClockConfig::default()).unwrap();
    wait_for(|| clock.status().n_ticks_sent > 0);
    port.unplug();
    wait_for(|| clock.status().port_state == PortState::Retrying);
    port.plug();
    wait_for(|| clock.status().port_state == PortState::Open);
    assert_eq!((clock.status().n_losses, clock.status().last_error), (1, ErrorCode::Send));
}

#[test]
fn a_source_that_panics_ends_the_clock_with_a_stop() {
    let port = FakePort::new(SystemClock);
    let mut steady = steady();
    let mut n_reads = 0;
    let source = Box::new(move || {
        n_reads += 1;
        assert!(n_reads < 40, "a source that breaks");
        steady.read()
    });
    let clock = ClockThread::start("breaking port", port.opener(), source, ClockConfig::default()).unwrap();
    wait_for(|| clock.status().port_state == PortState::Ended);
    assert_eq!(port.received().last().unwrap().bytes, [0xFC]);
}

#[test]
fn a_port_that_does_not_exist_is_a_status_and_no_failure() {
    let target = PortTarget::Existing { name: "no port has this name".to_owned() };
    let clock = ClockThread::start("missing port", target.opener("anacrusis test"), steady(), ClockConfig::default()).unwrap();
    wait_for(|| clock.status().port_state == PortState::Retrying);
    let code = clock.status().last_error;
    assert!(matches!(code, ErrorCode::NoMidi | ErrorCode::Missing), "{code:?}");
}
