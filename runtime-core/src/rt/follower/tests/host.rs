//! The host's transport as the source.

use super::*;
use MidiMessage::{SongPosition, Start, Stop};

const BLOCK: u64 = 480;

/// A host that plays along a line, bar after bar.
#[derive(Debug, Clone, Copy)]
struct Host {
    beat: f64,
    tempo_bpm: f64,
    /// Length of a bar, beats.
    bar_beats: f64,
    /// A bar begins here.
    bar_origin_beat: f64,
}

const HOST: Host = Host { beat: 0.0, tempo_bpm: 120.0, bar_beats: 4.0, bar_origin_beat: 0.0 };

impl Host {
    fn time(&self) -> HostTime {
        let bar = ((self.beat - self.bar_origin_beat) / self.bar_beats).floor();
        let beats_per_bar = if self.bar_beats.fract() == 0.0 { self.bar_beats as u8 } else { 0 };
        let bar_start_beat = self.bar_origin_beat + bar * self.bar_beats;
        HostTime { beat: self.beat, tempo_bpm: self.tempo_bpm, bar_start_beat, beats_per_bar }
    }

    /// Plays this many beats.
    fn play(&mut self, rig: &mut Rig, n_beats: f64) {
        let n_blocks = (n_beats * 60.0 / self.tempo_bpm * RATE_HZ / BLOCK as f64).round() as u64;
        let first_beat = self.beat;
        for k in 1..=n_blocks {
            rig.follower.set_source(SamplePos(rig.at), Source::Host(Some(self.time())));
            rig.block(BLOCK);
            self.beat = first_beat + (k * BLOCK) as f64 / RATE_HZ * self.tempo_bpm / 60.0;
        }
    }
}

fn stand(rig: &mut Rig, n_blocks: u64) {
    for _ in 0..n_blocks {
        rig.follower.set_source(SamplePos(rig.at), Source::Host(None));
        rig.block(BLOCK);
    }
}

fn counts(rig: &Rig) -> Vec<u64> {
    rig.beats().iter().map(|(_, event)| event.beat_count).collect()
}

fn bar_positions(rig: &Rig) -> Vec<u8> {
    rig.beats().iter().map(|(_, event)| event.beat_in_bar).collect()
}

#[test]
fn a_start_at_zero_plays_beat_and_clock_from_the_first_sample() {
    let mut rig = Rig::new();
    HOST.clone().play(&mut rig, 16.0);
    assert_eq!(counts(&rig), (0..16).collect::<Vec<_>>());
    assert_eq!(bar_positions(&rig), [1, 2, 3, 4].repeat(4));
    assert_eq!(rig.transport(), [SongPosition(0), Start]);
    for (k, at) in rig.ticks().into_iter().enumerate() {
        assert_near(at, k as f64 * 0.5 / 24.0, "tick");
    }
    assert_eq!(rig.ticks().len(), 16 * 24);
}

#[test]
fn a_host_that_stops_stops_the_clock_whatever_the_policy_and_a_restart_starts_it() {
    let mut rig = Rig::new();
    let mut host = Host { beat: 8.0, ..HOST };
    host.play(&mut rig, 4.25);
    let stopped_at = rig.at;
    stand(&mut rig, 100);
    assert_eq!(rig.transport(), [SongPosition(0), Start, Stop]);
    assert_eq!((rig.positions(Output::Clock(Stop)), rig.positions(Output::Unlocked)), (vec![stopped_at], vec![stopped_at]));
    let n_outputs = rig.outputs.len();
    stand(&mut rig, 100);
    assert_eq!(rig.outputs.len(), n_outputs, "a host that stands is silent");
    // From a little before where it stopped: the beat there is played again.
    host.beat = 12.0;
    let restarted_at = rig.at;
    host.play(&mut rig, 2.0);
    assert_eq!(counts(&rig), [8, 9, 10, 11, 12, 12, 13]);
    assert_eq!(rig.positions(Output::Clock(Start)), [0, restarted_at]);
}

#[test]
fn a_loop_plays_its_beats_again_and_the_clock_ticks_on() {
    let mut rig = Rig::new();
    let mut host = HOST;
    host.play(&mut rig, 8.0);
    host.beat = 4.0;
    host.play(&mut rig, 4.0);
    assert_eq!(counts(&rig), [0, 1, 2, 3, 4, 5, 6, 7, 4, 5, 6, 7]);
    assert_eq!((rig.transport(), rig.ticks().len()), (vec![SongPosition(0), Start], 12 * 24));
    assert!(rig.ticks().windows(2).all(|pair| pair[1] - pair[0] == 1000));
}

#[test]
fn a_tempo_change_is_followed_without_a_lost_or_doubled_beat() {
    let mut rig = Rig::new();
    let mut host = HOST;
    for tempo_bpm in [120.0, 60.0, 240.0, 121.0, 121.5, 122.0] {
        host.tempo_bpm = tempo_bpm;
        host.play(&mut rig, 4.0);
    }
    let counts = counts(&rig);
    assert!(counts.len() >= 23 && counts.windows(2).all(|pair| pair[1] == pair[0] + 1), "{counts:?}");
    assert_eq!(rig.transport(), [SongPosition(0), Start]);
}

#[test]
fn six_eight_has_three_quarters_a_bar_and_seven_eight_no_bar_that_beats_could_show() {
    let mut rig = Rig::new();
    Host { bar_beats: 3.0, beat: 6.0, ..HOST }.play(&mut rig, 6.0);
    assert_eq!(bar_positions(&rig), [1, 2, 3, 1, 2, 3]);
    let mut rig = Rig::new();
    Host { bar_beats: 3.5, ..HOST }.play(&mut rig, 16.0);
    assert_eq!(bar_positions(&rig), [0; 16]);
    // Without a bar the clock waits for eight beats and starts on any.
    assert_eq!((rig.transport(), rig.ticks().len()), (vec![SongPosition(0), Start], 8 * 24));
}

#[test]
fn a_change_of_meter_at_one_tempo_is_followed() {
    let mut rig = Rig::new();
    let mut host = HOST;
    host.play(&mut rig, 4.0);
    (host.bar_beats, host.bar_origin_beat) = (3.0, 4.0);
    host.play(&mut rig, 6.0);
    assert_eq!(bar_positions(&rig), [1, 2, 3, 4, 1, 2, 3, 1, 2, 3]);
    assert_eq!((rig.transport(), rig.ticks().len()), (vec![SongPosition(0), Start], 10 * 24));
}

#[test]
fn a_pre_roll_is_silent_and_beat_zero_falls_on_its_sample() {
    // Blocks that do not end at beat 0.
    for from_beat in [-8.0, -4.0, -3.99, -1.0, -0.013] {
        let mut rig = Rig::new();
        Host { beat: from_beat, ..HOST }.play(&mut rig, 4.9 - from_beat);
        assert_eq!(counts(&rig), [0, 1, 2, 3, 4], "from {from_beat}");
        let zero_sec = -from_beat * 0.5;
        for (at, event) in rig.beats() {
            assert_near(at, zero_sec + 0.5 * event.beat_count as f64, "beat");
        }
        assert_near(rig.ticks()[0], zero_sec, "the first tick");
        assert_eq!(rig.transport(), [SongPosition(0), Start], "from {from_beat}");
    }
}

#[test]
fn an_offset_moves_what_the_host_says() {
    for offset_sec in [-0.5, 0.5] {
        let mut rig = Rig::new();
        rig.set_output(ClockPolicy::default(), offset_sec);
        HOST.clone().play(&mut rig, 12.0);
        let beats = rig.beats();
        assert!(beats.len() >= 11);
        for (at, event) in beats {
            assert_near(at, 0.5 * event.beat_count as f64 + offset_sec, "beat");
        }
    }
}

#[test]
fn a_host_that_says_nonsense_stands() {
    let mut rig = Rig::new();
    let mut host = HOST;
    host.play(&mut rig, 2.0);
    for nonsense in [f64::NAN, f64::INFINITY, -f64::INFINITY, 1e300] {
        let time = HostTime { beat: nonsense, ..HOST.time() };
        rig.follower.set_source(SamplePos(rig.at), Source::Host(Some(time)));
        rig.block(BLOCK);
        let time = HostTime { tempo_bpm: nonsense, ..HOST.time() };
        rig.follower.set_source(SamplePos(rig.at), Source::Host(Some(time)));
        rig.block(BLOCK);
    }
    assert_eq!(rig.transport(), [SongPosition(0), Start, Stop]);
    host.play(&mut rig, 4.0);
    assert_eq!(counts(&rig), [0, 1, 2, 3, 4, 5]);
}

#[test]
fn the_source_can_change_while_both_play() {
    let mut rig = Rig::new();
    // The analysis counts far from the host's count, at another tempo.
    let audio = Timeline { t_origin_sec: 0.1, beat_origin: 500.0, spb: 0.6 };
    let mut next_count = 500;
    let mut announce_until = |rig: &mut Rig, t_sec: f64| {
        while audio.time_of(next_count as f64).0 < t_sec + 0.06 {
            rig.sender.send(announced(audio, next_count));
            next_count += 1;
        }
    };
    let block_sec = BLOCK as f64 / RATE_HZ;
    let mut host = Host { beat: 16.0, ..HOST };
    for k in 0..1_300 {
        announce_until(&mut rig, f64::from(k) * block_sec);
        match k {
            300..700 => host.play(&mut rig, 0.02),
            _ => {
                rig.follower.set_source(SamplePos(rig.at), Source::Audio);
                rig.block(BLOCK);
            }
        }
    }
    let counts = counts(&rig);
    let expected: Vec<u64> = (500..505).chain(16..24).chain(512..522).collect();
    assert_eq!(counts, expected);
    for (at, event) in rig.beats().into_iter().filter(|(_, event)| event.beat_count >= 500) {
        assert_near(at, audio.time_of(event.beat_count as f64).0, "a beat of the audio");
    }
    assert_eq!((rig.positions(Output::Unlocked), rig.n_late()), (vec![], 0));
}

#[test]
fn a_source_that_knows_no_beat_unlocks() {
    let mut rig = Rig::new();
    HOST.clone().play(&mut rig, 4.0);
    rig.follower.set_source(SamplePos(rig.at), Source::Audio);
    let at = rig.at;
    rig.block(BLOCK);
    assert_eq!(rig.positions(Output::Unlocked), [at], "from the host to an analysis that has heard nothing");
    let line = line(2.5, 0.5);
    (0..3).for_each(|count| rig.sender.send(announced(line, count)));
    rig.play_to(3.6, BLOCK);
    stand(&mut rig, 3);
    assert_eq!(rig.positions(Output::Unlocked).len(), 2, "from the analysis to a host that stands");
    assert_eq!(rig.transport().last(), Some(&Stop));
}
