//! Clients that do not read: nobody else notices, and the server holds no more for them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use outputs::view::View;
use web::Limits;

use crate::support::*;

/// Events in all, in pieces that fit the ring, so that whoever reads at all misses none.
const N_EVENTS: u64 = 6_000;
const PIECE: u64 = 100;
const N_READERS: usize = 99;
/// An event is shorter than this, bytes.
const EVENT_BYTES: usize = 600;

#[test]
fn of_a_hundred_clients_one_never_reads_and_the_others_get_everything() {
    let limits = Limits { send_stall: DEADLINE, ping: DEADLINE, ..Limits::default() };
    let server = server_with(config(), limits);
    let mut stalled = Client::connect(&server);
    let n_received = Arc::new(AtomicU64::new(0));
    let failures = Arc::new(Mutex::new(Vec::new()));
    let readers: Vec<_> = (0..N_READERS)
        .map(|_| {
            let mut client = Client::greeted(&server);
            let (n_received, failures) = (Arc::clone(&n_received), Arc::clone(&failures));
            std::thread::spawn(move || {
                for number in 0..N_EVENTS {
                    let message = client.next();
                    if message["type"] != "beat" || message["number"] != number {
                        failures.lock().unwrap().push(format!("expected beat {number}, got {message}"));
                    }
                    n_received.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let mut most_held = 0;
    for first in (0..N_EVENTS).step_by(PIECE as usize) {
        for number in first..first + PIECE {
            server.publish_event(&beat(number));
            most_held = most_held.max(server.held_bytes());
        }
        let expected = (first + PIECE) * N_READERS as u64;
        wait_until("all others have read", || n_received.load(Ordering::Relaxed) == expected || !failures.lock().unwrap().is_empty());
        assert_eq!(*failures.lock().unwrap(), Vec::<String>::new());
    }
    for reader in readers {
        reader.join().unwrap();
    }
    // The ring, those that are yet to happen, and one on its way to each client.
    assert!(most_held < (256 + 64 + N_READERS + 2) * EVENT_BYTES, "{most_held}");

    // What the stalled one gets when it wakes up: what was on its way, then how many it missed, then what still matters.
    stalled.next_of("hello");
    let (mut expected, mut missed) = (0, 0);
    while expected < N_EVENTS {
        let message = stalled.next();
        if message["type"] == "lagged" {
            let more = message["missed"].as_u64().unwrap();
            (expected, missed) = (expected + more, missed + more);
        } else {
            assert_eq!(message["number"], expected, "the account adds up");
            expected += 1;
        }
    }
    assert!(missed > 0);
}

#[test]
fn states_are_skipped_and_not_queued() {
    const N_STATES: u32 = 20_000;
    let limits = Limits { send_stall: DEADLINE, ping: DEADLINE, ..Limits::default() };
    let server = server_with(config(), limits);
    let mut client = Client::connect(&server);
    for n in 1..=N_STATES {
        server.publish_state(&View { level: n as f32 / N_STATES as f32, ..View::default() });
        assert!(server.held_bytes() < 10_000, "{}", server.held_bytes());
        if n % 20 == 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    client.next_of("hello");
    let (mut n_received, mut last) = (0, 0.0);
    while last < 1.0 {
        let level = client.next_of("state")["level"].as_f64().unwrap();
        assert!(level > last, "in order: {last}, {level}");
        (n_received, last) = (n_received + 1, level);
    }
    assert!(n_received < N_STATES, "{n_received}");
}

#[test]
fn who_takes_nothing_for_long_is_cut_off() {
    let limits = Limits { send_stall: Duration::from_millis(200), ping: DEADLINE, ..Limits::default() };
    let server = server_with(config(), limits);
    let stalled = Client::connect(&server);
    wait_until("it is there", || server.clients() == 1);
    wait_until("it is cut off", || {
        server.publish_state(&View::default());
        server.clients() == 0
    });
    drop(stalled);
}

#[test]
fn a_stop_does_not_wait_for_who_does_not_read() {
    let limits = Limits { send_stall: DEADLINE, ping: DEADLINE, ..Limits::default() };
    let mut server = server_with(config(), limits);
    let _stalled = Client::connect(&server);
    wait_until("it is there", || server.clients() == 1);
    for number in 0..20_000 {
        server.publish_event(&beat(number));
        if number % 100 == 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    let started = std::time::Instant::now();
    server.stop();
    assert!(started.elapsed() < DEADLINE / 4, "{:?}", started.elapsed());
}
