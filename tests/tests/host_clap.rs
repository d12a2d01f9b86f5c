//! The CLAP bundle in a test host: what `host::checks` claims, and the MIDI clock.

use integration_tests::host::audio::{Audio, Hostile};
use integration_tests::host::checks::{self, setup};
use integration_tests::host::clap::ClapHost;
use integration_tests::host::expected::{DOWNBEAT_KEY, midi, notes};
use integration_tests::host::player::{Cuts, Played, Player};
use integration_tests::host::{MakeHost, Mode, Said, Transport, param_id};

const MAKE: MakeHost = ClapHost::open;

const TICK: [u8; 3] = [0xF8, 0, 0];
const START: [u8; 3] = [0xFA, 0, 0];
const STOP: [u8; 3] = [0xFC, 0, 0];
const SONG_POSITION_0: [u8; 3] = [0xF2, 0, 0];
const TICKS_PER_BEAT: usize = 24;
/// A tick may lie this far, in beats, from where an even division of its beat puts it: corrections are spread over a beat.
const TICK_TOLERANCE_BEATS: f64 = 0.05;

integration_tests::checks_of_every_format!(MAKE, Hostile::Any);

/// Samples of the ticks.
fn ticks(played: &Played) -> Vec<u64> {
    midi(&played.events).iter().filter(|(_, bytes)| *bytes == TICK).map(|(at, _)| *at).collect()
}

#[test]
fn the_clock_starts_once_on_a_downbeat_with_its_first_tick() {
    let Some(mut host) = MAKE() else { return };
    let played = checks::render(&mut *host, &Audio::clip(44_100.0), Cuts::random(2_000, 8));
    let clock = midi(&played.events);
    let (at, _) = clock.first().copied().expect("a clock");
    assert_eq!(clock.get(..3), Some(&[(at, SONG_POSITION_0), (at, START), (at, TICK)][..]));
    assert!(clock[3..].iter().all(|(_, bytes)| *bytes == TICK), "one start, no stop");
    let nearest = notes(&played.events).into_iter().min_by_key(|(note, _)| note.abs_diff(at)).expect("notes");
    assert!(nearest.0.abs_diff(at) < 220, "the start is {} samples from the nearest note", nearest.0.abs_diff(at));
    assert_eq!(nearest.1, DOWNBEAT_KEY);
}

#[test]
fn there_are_24_ticks_a_beat_and_they_never_go_back() {
    let Some(mut host) = MAKE() else { return };
    for rate_hz in [44_100.0, 48_000.0, 96_000.0] {
        let audio = Audio::clip(rate_hz);
        let played = checks::render(&mut *host, &audio, Cuts::random(4_096, 21));
        let ticks = ticks(&played);
        assert!(ticks.is_sorted_by(|a, b| a < b));
        let beats: Vec<u64> = notes(&played.events).iter().map(|(at, _)| *at).filter(|at| *at + 441 >= ticks[0]).collect();
        assert!(beats.len() > 30);
        // Each beat is reached by a whole number of beats' ticks.
        for (n, pair) in beats.windows(2).enumerate() {
            let spb = (pair[1] - pair[0]) as f64;
            let tick = ticks[n * TICKS_PER_BEAT] as f64;
            let error = (tick - pair[0] as f64) / spb;
            assert!(error.abs() < TICK_TOLERANCE_BEATS, "{rate_hz} Hz: tick {} is {error:.3} beats off beat {n}", n * TICKS_PER_BEAT);
        }
        for pair in ticks.windows(2) {
            let bpm = 60.0 * rate_hz / (TICKS_PER_BEAT as f64 * (pair[1] - pair[0]) as f64);
            assert!((100.0..125.0).contains(&bpm), "{rate_hz} Hz: two ticks say {bpm} BPM at {}", pair[0]);
        }
    }
}

#[test]
fn events_come_in_order_and_inside_their_block() {
    let Some(mut host) = MAKE() else { return };
    let audio = Audio::clip(48_000.0);
    let mut player = Player::start(&mut *host, &setup(48_000.0, Mode::Offline));
    let mut cuts = Cuts::random(3_000, 6);
    let mut from = 0;
    while from < audio.n_samples() {
        let to = audio.n_samples().min(from + cuts.next_samples());
        let n_before = player.played.events.len();
        player.block([&audio.channels[0][from..to], &audio.channels[1][from..to]]);
        let said = &player.played.events[n_before..];
        assert!(said.is_sorted_by_key(|event| event.at));
        assert!(said.iter().all(|event| (from as u64..to as u64).contains(&event.at) && event.said != Said::Unexpected));
        from = to;
    }
    player.stop();
}

#[test]
fn a_host_that_stops_leading_stops_the_clock() {
    const RATE_HZ: f64 = 48_000.0;
    let Some(mut host) = MAKE() else { return };
    let conductor =
        |position: u64| Transport { is_playing: position < 96_000, position_samples: position as i64, tempo_bpm: 120.0, beats_per_bar: 4 };
    host.set(param_id("clock_source"), 1.0);
    host.set(param_id("on_silence"), 1.0);
    let mut player = Player::start(&mut *host, &setup(RATE_HZ, Mode::Offline)).conducted(&conductor);
    player.play(&Audio::mono(vec![0.0; 144_000], RATE_HZ), &mut Cuts::Fixed(480));
    let clock = midi(&player.stop().events);
    assert_eq!(clock.get(..3), Some(&[(0, SONG_POSITION_0), (0, START), (0, TICK)][..]));
    assert_eq!(clock.last(), Some(&(96_000, STOP)));
    assert_eq!(clock.len(), 2 + 4 * TICKS_PER_BEAT + 1);
}

#[test]
fn switched_off_outputs_say_nothing() {
    let Some(mut host) = MAKE() else { return };
    host.set(param_id("notes"), 0.0);
    host.set(param_id("host_clock"), 0.0);
    let played = checks::render(&mut *host, &Audio::clip(44_100.0).first(10.0), Cuts::Fixed(512));
    assert!(played.events.iter().all(|event| matches!(event.said, Said::Value { .. })));
    assert!(!played.events.is_empty(), "output parameters go on");
}

#[test]
fn a_stopped_run_ends_note_and_clock_in_the_next_one() {
    let Some(mut host) = MAKE() else { return };
    let audio = Audio::clip(44_100.0).first(10.0);
    let played = checks::render(&mut *host, &audio, Cuts::Fixed(512));
    assert!(!ticks(&played).is_empty());
    let mut player = Player::start(&mut *host, &setup(44_100.0, Mode::Offline));
    player.block([&[0.0; 256], &[0.0; 256]]);
    let clock = midi(&player.stop().events);
    assert_eq!(clock, [(0, STOP)]);
}
