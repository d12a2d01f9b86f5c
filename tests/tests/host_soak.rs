//! Long and crowded runs in the test hosts: nothing grows, nothing is lost, nothing falls over.
//!
//! Five minutes of audio as fast as they go; an hour, or as many as it says, with `ANACRUSIS_SOAK_HOURS`.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use integration_tests::host::audio::Audio;
use integration_tests::host::checks::{MAX_BLOCK_SAMPLES, assert_same_bits, setup};
use integration_tests::host::clap::ClapHost;
use integration_tests::host::expected::notes;
use integration_tests::host::player::{Cuts, Player};
use integration_tests::host::vst3::Vst3TestHost;
use integration_tests::host::{MakeHost, Mode, TestHost, Transport, param_id};
use integration_tests::resources::{n_threads_named, resident_bytes};
use integration_tests::say;

/// Names the length of the soak, hours.
const HOURS_VARIABLE: &str = "ANACRUSIS_SOAK_HOURS";
const DEFAULT_SEC: f64 = 300.0;
/// Played before memory is first looked at, seconds: all buffers have their size then.
const WARM_UP_SEC: f64 = 60.0;
/// Resident memory may grow by this much after the warm-up, bytes: a leak of one `f32` a block would pass it within an hour,
/// a leaked event a block within a minute.
const MAX_GROWTH_BYTES: u64 = 4 << 20;
const N_INSTANCES: usize = 20;

/// One test at a time: they look at the memory and threads of the process.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Threads of this process that analyse.
fn n_workers() -> Option<usize> {
    n_threads_named("anacrusis")
}

fn soak_sec() -> f64 {
    let hours = std::env::var(HOURS_VARIABLE).ok().map(|text| text.parse::<f64>().expect("a number of hours"));
    hours.map_or(DEFAULT_SEC, |hours| 3_600.0 * hours)
}

/// Plays for the soak's time: random blocks, jumps of the host every few seconds, parameters moved all the while.
fn soak(make: MakeHost) {
    const MOVED: [&str; 9] = ["offset_ms", "meter", "tempo_min", "tempo_max", "on_silence", "relock", "tap", "nudge_later", "clock_source"];
    let _alone = alone();
    let Some(mut host) = make() else { return };
    let audio = Audio::corpus(DEFAULT_SEC).unwrap_or_else(|| Audio::clip(44_100.0));
    let rate_hz = audio.rate_hz;
    let conductor = |position: u64| {
        // Each seven seconds elsewhere, and every fifth time standing.
        let part = position / (7 * 44_100);
        let position_samples = (part * 7_919 % 500) as i64 * 44_100 + (position % (7 * 44_100)) as i64;
        Transport {
            is_playing: part % 5 != 4,
            position_samples,
            tempo_bpm: 60.0 + (part % 90) as f64,
            beats_per_bar: 3 + (part % 3) as u16,
        }
    };
    let mut player = Player::watched(&mut *host, &setup(rate_hz, Mode::Offline)).conducted(&conductor);
    let mut cuts = Cuts::random(MAX_BLOCK_SAMPLES, 2_024);
    let (mut warm_bytes, mut most_bytes, mut n_notes) = (None, 0, 0);
    let one_sec = rate_hz as usize;
    let n_pieces = audio.n_samples() / one_sec;
    for second in 0..soak_sec() as usize {
        let from = second % n_pieces * one_sec;
        let piece = Audio { rate_hz, channels: [0, 1].map(|idx: usize| audio.channels[idx][from..from + one_sec].to_vec()) };
        let id = param_id(MOVED[second % MOVED.len()]);
        // A host automates in [0, 1], whatever that means.
        player.host().set(id, (second * 37 % 101) as f64 / 100.0);
        player.play(&piece, &mut cuts);
        let played = std::mem::take(&mut player.played);
        assert_same_bits(&played.output, &piece.channels, &format!("second {second}"));
        n_notes += notes(&played.events).len();
        let Some(bytes) = resident_bytes() else { continue };
        if second as f64 >= WARM_UP_SEC {
            let warm = *warm_bytes.get_or_insert(bytes);
            most_bytes = most_bytes.max(bytes - warm.min(bytes));
        }
    }
    let health = player.state().expect("a watched run has a feed").health;
    player.stop();
    assert_eq!((health.lost_samples, health.fault), (0, 0), "lost samples, fault");
    assert!(n_notes as f64 > 0.3 * soak_sec(), "{n_notes} notes");
    assert!(most_bytes <= MAX_GROWTH_BYTES, "memory grew by {most_bytes} bytes");
    say(format_args!("soak: {:.0} s, {n_notes} notes, memory grew by {} KiB", soak_sec(), most_bytes >> 10));
}

#[test]
fn a_long_clap_run_neither_grows_nor_loses_anything() {
    soak(ClapHost::open);
}

#[test]
fn a_long_vst3_run_neither_grows_nor_loses_anything() {
    soak(Vst3TestHost::open);
}

/// Twenty instances, of both formats in turn.
fn crowd() -> Vec<Box<dyn TestHost>> {
    let make = |n: usize| if n.is_multiple_of(2) { ClapHost::open() } else { Vst3TestHost::open() };
    (0..N_INSTANCES).map_while(make).collect()
}

#[test]
fn twenty_instances_render_side_by_side() {
    let _alone = alone();
    let audio = Audio::clip(48_000.0).first(12.0);
    let mut hosts = crowd();
    let mut players: Vec<Player<'_>> =
        hosts.iter_mut().map(|host| Player::start(&mut **host, &setup(audio.rate_hz, Mode::Offline))).collect();
    for from in (0..audio.n_samples()).step_by(480) {
        let to = audio.n_samples().min(from + 480);
        players.iter_mut().for_each(|player| player.block([&audio.channels[0][from..to], &audio.channels[1][from..to]]));
    }
    let all: Vec<_> = players.into_iter().map(Player::stop).collect();
    for played in &all {
        assert_same_bits(&played.output, &audio.channels, "one of twenty");
        assert_eq!(notes(&played.events), notes(&all[0].events));
        assert!(notes(&played.events).len() > 10);
    }
}

#[test]
fn twenty_live_instances_end_their_threads() {
    let _alone = alone();
    let audio = Audio::clip(48_000.0).first(2.0);
    let mut hosts = crowd();
    if hosts.is_empty() {
        return;
    }
    let mut players: Vec<Player<'_>> =
        hosts.iter_mut().map(|host| Player::start(&mut **host, &setup(audio.rate_hz, Mode::Realtime))).collect();
    wait_for_workers(N_INSTANCES);
    // Unpaced: what the analysis misses does not matter here.
    players.iter_mut().for_each(|player| player.play(&audio, &mut Cuts::Fixed(512)));
    for player in players {
        assert_same_bits(&player.stop().output, &audio.channels, "one of twenty, live");
    }
    drop(hosts);
    wait_for_workers(0);
}

/// Waits until so many analyses run, where the system says: a thread is seen under its name a moment after it was made.
fn wait_for_workers(expected: usize) {
    const PATIENCE: Duration = Duration::from_secs(20);
    let start = Instant::now();
    while let Some(n_workers) = n_workers().filter(|n| *n != expected) {
        assert!(start.elapsed() < PATIENCE, "{n_workers} analyses run, not {expected}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
