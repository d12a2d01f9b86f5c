//! Claims about the plugin that hold in every format; each is one check, which `checks_of_every_format` makes a test of in
//! `host_clap.rs` and `host_vst3.rs`. Tests only.
//!
//! Offline mode where positions count: there no update is late and a run takes as long as the analysis. Each check says
//! nothing, and passes, where there is no bundle; `bundle` has said so then.

use super::audio::{Audio, Hostile};
use super::expected::{BEAT_KEY, DOWNBEAT_KEY, expected_notes, notes, played_notes};
use super::player::{Cuts, Played, Player};
use super::{MakeHost, Mode, OUTPUT_IDS, Parameter, Said, Setup, TestHost, Timed, Transport, param_id};

/// Length of a beat note, seconds; the plugin's `PULSE_SEC`.
const PULSE_SEC: f64 = runtime_core::rt::follower::PULSE_SEC;
/// Positions agree when they round to neighbouring samples.
const TOLERANCE_SAMPLES: u64 = 1;
/// Longest block of the hosts.
pub const MAX_BLOCK_SAMPLES: usize = 4_096;

/// A test for each check of this file, under its name: `checks_of_every_format!(MAKE, hostile)`, with the `MakeHost` of a
/// format and the `Hostile` values that its host passes on.
#[macro_export]
macro_rules! checks_of_every_format {
    ($make:expr, $hostile:expr) => {
        #[test]
        fn audio_passes_bit_for_bit() {
            $crate::host::checks::audio_passes_bit_for_bit($make, $hostile);
        }

        $crate::checks_of_every_format! { @each $make =>
            notes_are_the_announced_beats
            block_size_and_mode_change_nothing
            outputs_are_read_only_and_move_on_beats
            state_survives_a_round_trip
            instances_do_not_disturb_each_other
            activations_leave_nothing_behind
            the_host_s_transport_can_lead
            jumps_loops_and_stops_are_survived
            bypass_is_silent
        }
    };
    (@each $make:expr => $($check:ident)+) => {
        $(
            #[test]
            fn $check() {
                $crate::host::checks::$check($make);
            }
        )+
    };
}

/// A setup with blocks of up to [`MAX_BLOCK_SAMPLES`].
pub fn setup(rate_hz: f64, mode: Mode) -> Setup {
    Setup { rate_hz, max_block_samples: MAX_BLOCK_SAMPLES, mode }
}

/// All of `audio` through a host that renders.
pub fn render(host: &mut dyn TestHost, audio: &Audio, mut cuts: Cuts) -> Played {
    let mut player = Player::start(host, &setup(audio.rate_hz, Mode::Offline));
    player.play(audio, &mut cuts);
    player.stop()
}

/// Whether two channels have the same bits.
///
/// # Panics
/// At the first sample that differs.
pub fn assert_same_bits(output: &[Vec<f32>; 2], input: &[Vec<f32>; 2], what: &str) {
    for (channel, (output, input)) in output.iter().zip(input).enumerate() {
        assert_eq!(output.len(), input.len(), "{what}, channel {channel}: samples out and in");
        let differs = output.iter().zip(input).position(|(a, b)| a.to_bits() != b.to_bits());
        assert_eq!(differs, None, "{what}, channel {channel}: the first sample that differs");
    }
}

/// Audio passes bit for bit, whatever it holds, at any block size and rate, rendered or played.
pub fn audio_passes_bit_for_bit(make: MakeHost, hostile: Hostile) {
    let Some(mut host) = make() else { return };
    for rate_hz in [44_100.0, 48_000.0, 96_000.0] {
        let audio = Audio::clip(rate_hz).first(1.5).with_hostile_values(hostile);
        let cuts = [1, 17, 64, 441, 512, 1_000, MAX_BLOCK_SAMPLES].map(Cuts::Fixed).into_iter();
        for (run, mut cuts) in cuts.chain([Cuts::random(MAX_BLOCK_SAMPLES, 9)]).enumerate() {
            // Unpaced: what the analysis misses does not matter to the audio.
            let mode = if run % 2 == 0 { Mode::Offline } else { Mode::Realtime };
            let mut player = Player::start(&mut *host, &setup(rate_hz, mode));
            player.play(&audio, &mut cuts);
            assert_same_bits(&player.stop().output, &audio.channels, &format!("{rate_hz} Hz, run {run}, {mode:?}"));
        }
    }
}

/// Each beat that `anacrusis analyze` announces is a note at its sample, the downbeats on their own key, at every rate, and
/// no other note is; each ends after its pulse.
pub fn notes_are_the_announced_beats(make: MakeHost) {
    let Some(mut host) = make() else { return };
    for (rate_hz, seed) in [(44_100.0, 1), (48_000.0, 2), (96_000.0, 3)] {
        let audio = Audio::clip(rate_hz);
        let played = render(&mut *host, &audio, Cuts::random(MAX_BLOCK_SAMPLES, seed));
        let (expected, got) = (expected_notes(&audio), played_notes(&played, &audio));
        assert!(expected.len() > 40, "the clip has 50 beats, {} are announced", expected.len());
        let agree = |(a, b): (&(u64, u8), &(u64, u8))| a.0.abs_diff(b.0) <= TOLERANCE_SAMPLES && a.1 == b.1;
        let same = expected.len() == got.len() && expected.iter().zip(&got).all(agree);
        assert!(same, "{rate_hz} Hz: announced\n{expected:?}\nplayed\n{got:?}");
        assert_notes_end(&played.events, rate_hz);
    }
}

/// One note sounds at a time, on channel 1, for a pulse at most.
fn assert_notes_end(events: &[Timed<u64>], rate_hz: f64) {
    let mut sounding: Option<(u64, u8)> = None;
    for event in events {
        match event.said {
            Said::NoteOn { channel, key } => {
                assert_eq!((sounding, channel), (None, 0), "at {}", event.at);
                assert!([DOWNBEAT_KEY, BEAT_KEY].contains(&key));
                sounding = Some((event.at, key));
            }
            Said::NoteOff { key, .. } => {
                let (from, on) = sounding.take().expect("a note that sounds");
                assert!(key == on && event.at > from && event.at - from <= (PULSE_SEC * rate_hz) as u64 + 1, "{from} to {}", event.at);
            }
            _ => {}
        }
    }
}

/// What is said does not depend on block sizes, and a real-time run says exactly what a render says while no update is late.
pub fn block_size_and_mode_change_nothing(make: MakeHost) {
    let Some(mut host) = make() else { return };
    let audio = Audio::clip(44_100.0).first(14.0);
    let reference = spoken(&render(&mut *host, &audio, Cuts::Fixed(512)));
    assert!(notes(&reference).len() > 15);
    // A fresh instance each: one that has played ends its old note and clock first.
    for cuts in [Cuts::Fixed(1), Cuts::Fixed(64), Cuts::Fixed(MAX_BLOCK_SAMPLES), Cuts::random(MAX_BLOCK_SAMPLES, 77)] {
        let mut host = make().expect("there is a bundle");
        assert!(spoken(&render(&mut *host, &audio, cuts)) == reference);
    }
    // Blocks up to 1024 samples are short against an update's lead; see `Player::paced`.
    let mut host = make().expect("there is a bundle");
    let mut player = Player::paced(&mut *host, &setup(44_100.0, Mode::Realtime));
    player.play(&audio, &mut Cuts::random(1_024, 5));
    let health = player.state().expect("a paced run has a feed").health;
    let live = player.stop();
    assert_eq!((health.lost_samples, health.late_updates, health.fault), (0, 0, 0), "lost, late, fault");
    assert!(spoken(&live) == reference, "real time: {:?}\nrendered: {:?}", notes(&live.events), notes(&reference));
}

/// Events but for changes of parameters, whose positions in VST3 are block starts.
fn spoken(played: &Played) -> Vec<Timed<u64>> {
    played.events.iter().filter(|event| !matches!(event.said, Said::Value { .. })).copied().collect()
}

/// Outputs are read-only and not automatable, stay at their defaults until beats are announced, move at most once a beat,
/// follow what is played, and no host can write them.
pub fn outputs_are_read_only_and_move_on_beats(make: MakeHost) {
    let Some(mut host) = make() else { return };
    let host = &mut *host;
    let parameters = host.parameters();
    let outputs: Vec<&Parameter> = OUTPUT_IDS.iter().map(|id| find(&parameters, id)).collect();
    for parameter in &parameters {
        let is_output = outputs.contains(&parameter);
        assert_eq!(parameter.is_read_only, is_output, "{}", parameter.name);
        assert!(!is_output || !parameter.is_automatable, "{}", parameter.name);
    }
    assert_eq!(parameters.iter().filter(|parameter| parameter.is_bypass).count(), 1);
    assert_eq!(host.latency_samples(), 0);

    let audio = Audio::clip(44_100.0);
    let played = render(host, &audio, Cuts::random(2_048, 4));
    let first_note = notes(&played.events).first().expect("beats").0;
    for output in &outputs {
        let changes = changes(&played.events, output.id);
        // The pulse goes up and down; positions in VST3 are block starts, so a block of room is left.
        let per_beat = if output.id == param_id("out_pulse") { 2 } else { 1 };
        // Why nothing is announced yet is said before the first beat.
        let is_early = |at: u64| at + 2_048 < first_note && output.id != param_id("out_reason");
        assert!(!changes.iter().any(|&(at, _)| is_early(at)), "{} moved before the first beat", output.name);
        let most = per_beat * (notes(&played.events).len() + 1);
        assert!(changes.len() <= most, "{}: {} changes, {most} at most", output.name, changes.len());
        let last = changes.last().map_or(output.default_normalized, |(_, normalized)| *normalized);
        assert!((host.value(output.id) - last).abs() < 1e-6, "{}: {} shown, {last} said", output.name, host.value(output.id));
    }
    assert!(played.events.iter().all(|event| !matches!(event.said, Said::Value { is_live: true, .. })));
    let tempo_bpm = 300.0 * host.value(param_id("out_tempo"));
    assert!((tempo_bpm - xtask::demo_clip::TEMPO_BPM).abs() < 3.0, "{tempo_bpm} BPM");
    assert_eq!(host.value(param_id("out_locked")), 1.0);
    assert_eq!((16.0 * host.value(param_id("out_beats_per_bar"))).round(), 4.0);
    let hazard_prob = host.value(param_id("out_hazard"));
    assert!(hazard_prob > 0.0 && hazard_prob < 1.0, "{hazard_prob}: with an anticipator or without, a boundary may come");

    host.set(param_id("out_tempo"), 0.9);
    assert!((300.0 * host.value(param_id("out_tempo")) - tempo_bpm).abs() < 1e-3, "a host wrote an output");
    // A new run begins unlocked: its first block shows the defaults again.
    let mut player = Player::start(host, &setup(44_100.0, Mode::Offline));
    player.block([&[0.0; 64], &[0.0; 64]]);
    for output in &outputs {
        assert!((player.host().value(output.id) - output.default_normalized).abs() < 1e-6, "{} after a restart", output.name);
    }
    player.stop();
}

fn find<'a>(parameters: &'a [Parameter], id: &str) -> &'a Parameter {
    parameters.iter().find(|parameter| parameter.id == param_id(id)).unwrap_or_else(|| panic!("there is no parameter {id}"))
}

/// Positions and values of a parameter's own changes.
fn changes(events: &[Timed<u64>], param_id: u32) -> Vec<(u64, f64)> {
    let change = |event: &Timed<u64>| match event.said {
        Said::Value { id, normalized, .. } if id == param_id => Some((event.at, normalized)),
        _ => None,
    };
    events.iter().filter_map(change).collect()
}

/// What is saved is what is loaded, in another instance, to the byte; outputs do not get into it; what is no state is
/// refused and changes nothing.
pub fn state_survives_a_round_trip(make: MakeHost) {
    let (Some(mut first), Some(mut second)) = (make(), make()) else { return };
    let fresh = first.save();
    let written: Vec<(u32, f64)> = first
        .parameters()
        .iter()
        .filter(|parameter| !parameter.is_read_only && parameter.id != param_id("model"))
        .map(|parameter| (parameter.id, 1.0 - parameter.default_normalized))
        .collect();
    render(&mut *first, &Audio::clip(44_100.0).first(8.0), Cuts::Fixed(512));
    assert!(first.save() == fresh, "playing changed the saved state");
    // Written while it plays, as automation does.
    let mut player = Player::start(&mut *first, &setup(44_100.0, Mode::Offline));
    written.iter().for_each(|(id, normalized)| player.host().set(*id, *normalized));
    player.block([&[0.0; 64], &[0.0; 64]]);
    player.stop();
    let state = first.save();
    assert!(state != fresh);
    assert!(second.load(&state));
    for (id, _) in &written {
        let (saved, loaded) = (first.value(*id), second.value(*id));
        assert!((saved - loaded).abs() < 1e-6, "parameter {id}: {saved} saved, {loaded} loaded");
    }
    assert!(second.save() == state, "what is loaded is saved again to the byte");
    for broken in [&b""[..], b"{", b"no state at all", &state[..state.len() / 2], &[0xFF; 4_000]] {
        second.load(broken);
        assert!(second.save() == state, "{} bytes that are no state changed it", broken.len());
    }
}

/// Instances do not know of each other: side by side, block by block, each says what it says alone.
pub fn instances_do_not_disturb_each_other(make: MakeHost) {
    let Some(mut alone) = make() else { return };
    let audio = Audio::clip(44_100.0).first(10.0);
    let silence = Audio::mono(vec![0.0; audio.n_samples()], audio.rate_hz);
    let reference = spoken(&render(&mut *alone, &audio, Cuts::Fixed(500)));
    let mut hosts: Vec<_> = (0..4).filter_map(|_| make()).collect();
    let mut players: Vec<Player<'_>> =
        hosts.iter_mut().map(|host| Player::start(&mut **host, &setup(audio.rate_hz, Mode::Offline))).collect();
    let heard = [&audio, &silence, &audio, &silence];
    for from in (0..audio.n_samples()).step_by(500) {
        let to = audio.n_samples().min(from + 500);
        for (player, audio) in players.iter_mut().zip(heard) {
            player.block([&audio.channels[0][from..to], &audio.channels[1][from..to]]);
        }
    }
    let played: Vec<Played> = players.into_iter().map(Player::stop).collect();
    for (idx, played) in played.iter().enumerate() {
        match idx % 2 {
            0 => assert!(spoken(played) == reference, "instance {idx}"),
            // That it is silence is all there is to say.
            _ => {
                let is_reason = |said: &Said| matches!(said, Said::Value { id, .. } if *id == param_id("out_reason"));
                let others: Vec<_> = played.events.iter().filter(|event| !is_reason(&event.said)).collect();
                assert!(others.is_empty() && played.events.len() <= 1, "instance {idx} heard silence: {:?}", played.events);
            }
        }
    }
}

/// Fifty times on and off, at changing rates, modes and block sizes: audio passes each time, and the last run says what the
/// first would.
pub fn activations_leave_nothing_behind(make: MakeHost) {
    let Some(mut host) = make() else { return };
    let audio = Audio::clip(44_100.0).first(8.0);
    let reference = played_notes(&render(&mut *host, &audio, Cuts::Fixed(512)), &audio);
    for cycle in 0..50 {
        let rate_hz = [44_100.0, 48_000.0, 96_000.0, 22_050.0][cycle % 4];
        let mode = if cycle % 3 == 0 { Mode::Realtime } else { Mode::Offline };
        let short = Audio { rate_hz, ..audio.clone() }.first(0.2);
        let mut player = Player::start(&mut *host, &setup(rate_hz, mode));
        player.play(&short, &mut Cuts::random(1 + 80 * cycle, cycle as u64));
        assert_same_bits(&player.stop().output, &short.channels, &format!("cycle {cycle}"));
    }
    assert_eq!(played_notes(&render(&mut *host, &audio, Cuts::Fixed(512)), &audio), reference);
}

/// With the host's transport as the source, notes fall on the host's beats and downbeats on its bars, through a jump and a
/// stop; the audio passes.
pub fn the_host_s_transport_can_lead(make: MakeHost) {
    const RATE_HZ: f64 = 48_000.0;
    const SPB_SAMPLES: u64 = 24_000;
    let Some(mut host) = make() else { return };
    // One beat of block: jumps and stops fall on block starts, as in hosts.
    let conductor = |position: u64| Transport {
        is_playing: position < 12 * SPB_SAMPLES,
        // Bars 1 and 2, then once more from bar 2, four beats long.
        position_samples: if position < 8 * SPB_SAMPLES { position } else { position - 4 * SPB_SAMPLES } as i64,
        tempo_bpm: 120.0,
        beats_per_bar: 4,
    };
    let audio = Audio::mono(vec![0.01; 16 * SPB_SAMPLES as usize], RATE_HZ);
    host.set(param_id("clock_source"), 1.0);
    let mut player = Player::start(&mut *host, &setup(RATE_HZ, Mode::Offline)).conducted(&conductor);
    player.play(&audio, &mut Cuts::Fixed(480));
    let played = player.stop();
    assert_same_bits(&played.output, &audio.channels, "host transport");
    let expected: Vec<(u64, u8)> = (0..12).map(|beat| (beat * SPB_SAMPLES, if beat % 4 == 0 { DOWNBEAT_KEY } else { BEAT_KEY })).collect();
    let got = notes(&played.events);
    let agree = |(a, b): (&(u64, u8), &(u64, u8))| a.0.abs_diff(b.0) <= TOLERANCE_SAMPLES && a.1 == b.1;
    assert!(expected.len() == got.len() && expected.iter().zip(&got).all(agree), "expected\n{expected:?}\nplayed\n{got:?}");
    assert_notes_end(&played.events, RATE_HZ);
}

/// A host that loops, jumps and stops every few seconds costs no audio and no order, and beats are found again.
pub fn jumps_loops_and_stops_are_survived(make: MakeHost) {
    let Some(mut host) = make() else { return };
    let audio = Audio::clip(44_100.0);
    let three_sec = 3 * 44_100;
    let conductor = |position: u64| Transport {
        is_playing: (position / three_sec) % 4 != 3,
        // Each three seconds elsewhere: a loop, a jump ahead, back before bar 1.
        position_samples: [0, 44_100, 4_410_000, -88_200][(position / three_sec % 4) as usize] + (position % three_sec) as i64,
        tempo_bpm: 97.0,
        beats_per_bar: 3,
    };
    let mut player = Player::start(&mut *host, &setup(44_100.0, Mode::Offline)).conducted(&conductor);
    player.play(&audio, &mut Cuts::random(1_500, 3));
    let played = player.stop();
    assert_same_bits(&played.output, &audio.channels, "jumps");
    assert_notes_end(&played.events, audio.rate_hz);
    let got = notes(&played.events);
    assert!(got.len() > 15, "{} beats between jumps", got.len());
    assert!(got.is_sorted_by(|a, b| a.0 < b.0));
}

/// With bypass on nothing is said, and audio passes.
pub fn bypass_is_silent(make: MakeHost) {
    let Some(mut host) = make() else { return };
    let audio = Audio::clip(44_100.0).first(8.0);
    host.set(param_id("bypass"), 1.0);
    let played = render(&mut *host, &audio, Cuts::Fixed(512));
    assert_same_bits(&played.output, &audio.channels, "bypass");
    assert_eq!(played.events, []);
}
