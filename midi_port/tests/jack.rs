//! A virtual port on a real JACK server with the dummy driver, heard by `jack_midi_dump`. Needs the feature `jack` and both
//! programs; ignored by default because a server is a guest of the whole machine:
//! `cargo test -p midi-port --features jack --test jack -- --ignored --nocapture`.
//!
//! NB: the server runs synchronously (`-S`), and every tick must arrive. With the default, asynchronous, and without real-time
//! priority, 71 to 97 of about 102 ticks arrived under four busy processes (four runs), though all were handed over.
#![cfg(all(feature = "jack", unix))]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use midi_port::{ClockConfig, ClockInput, ClockThread, MonotonicClock, PortState, PortTarget, StreamMap, SystemClock, list_ports};
use runtime_core::state::SlowState;
use runtime_core::timeline::Timeline;

const SERVER: &str = "anacrusis-test";

/// Ends the program it holds, by its own handle.
struct Guest(Child);

impl Drop for Guest {
    fn drop(&mut self) {
        // Either it has ended already or it is ended now.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(program: &str, arguments: &[&str]) -> Option<Guest> {
    let child =
        Command::new(program).args(arguments).env("JACK_DEFAULT_SERVER", SERVER).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    child.inspect_err(|err| eprintln!("SKIPPED: cannot start {program}: {err}")).ok().map(Guest)
}

#[test]
#[ignore = "starts a JACK server"]
fn a_jack_receiver_hears_start_ticks_and_stop() {
    // SAFETY: no other thread of this test binary runs yet, so nobody reads the environment meanwhile.
    unsafe { std::env::set_var("JACK_DEFAULT_SERVER", SERVER) };
    let Some(_server) = start("jackd", &["-n", SERVER, "-r", "-S", "-d", "dummy", "-r", "48000", "-p", "256"]) else { return };
    let is_up = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(50));
        list_ports("anacrusis-probe").is_ok()
    });
    assert!(is_up, "the JACK server did not come up");
    let Some(mut dump) = start("jack_midi_dump", &["anacrusis-dump"]) else { return };
    let target = (0..100).find_map(|_| {
        std::thread::sleep(Duration::from_millis(50));
        list_ports("anacrusis-probe").unwrap_or_default().into_iter().find(|name| name.starts_with("anacrusis-dump"))
    });
    let name = target.expect("jack_midi_dump has a port");

    let map = StreamMap { stream_sec: 0.0, monotonic_ns: SystemClock.now_ns() };
    let mut state = SlowState { timeline: Timeline { t_origin_sec: 0.5, ..Timeline::default() }, ..SlowState::default() };
    (state.beat.beat_in_bar, state.beat.beats_per_bar, state.beat.locked) = (1, 4, 1);
    let source = Box::new(move || Some(ClockInput { state, map }));
    let open = PortTarget::Existing { name: name.clone() }.opener("anacrusis");
    let clock = ClockThread::start(&name, open, source, ClockConfig::default()).unwrap();
    std::thread::sleep(Duration::from_millis(2600));
    let before_the_end = clock.status();
    let status = clock.end();
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!((before_the_end.port_state, status.n_overruns), (PortState::Open, 0), "{status:?}");

    let stdout = dump.0.stdout.take().expect("standard output is piped");
    drop(dump);
    let lines: Vec<String> = BufReader::new(stdout).lines().map_while(Result::ok).collect();
    // A line is `   0: f2 00 00`: the message after the colon.
    let heard: Vec<&str> = lines.iter().filter_map(|line| Some(line.split_once(": ")?.1.trim())).collect();
    let n_ticks = heard.iter().filter(|message| **message == "f8").count();
    eprintln!("{n_ticks} ticks heard of {} sent", status.n_ticks_sent);
    assert_eq!(heard[..2], ["f2 00 00", "fa"], "{lines:?}");
    assert_eq!(n_ticks as u64, status.n_ticks_sent);
    assert!(n_ticks >= 48, "at least a second of the two that were asked for");
    assert_eq!((heard.last(), heard.len()), (Some(&"fc"), n_ticks + 3), "{lines:?}");
}
