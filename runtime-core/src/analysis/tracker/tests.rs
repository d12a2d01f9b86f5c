//! Tests of the tracker: frames of music with a known beat grid, and a decoder that is always right.

use super::*;
use crate::analysis::activation::Activation;
use crate::analysis::candidates::TempoHistogram;
use crate::units::FrameIdx;

/// What sounds and what the decoder makes of it: grids of `period_frames` frames a beat with a beat at `offset_frames`.
#[derive(Clone, Copy)]
struct Scene {
    /// Where onsets fall, if there are any.
    heard: Option<(f64, f64)>,
    /// Where the decoder believes beats.
    believed: (f64, f64),
    rms: f32,
    pulse_nats: f32,
    /// The flux varies, as that of music does.
    is_lively: bool,
}

/// Music with a beat every half second, and a decoder that is always right.
const MUSIC: Scene = Scene { heard: Some((25.0, 0.0)), believed: (25.0, 0.0), rms: 0.1, pulse_nats: 6.0, is_lively: true };
/// Sound without onsets, while the decoder wanders off.
const PAD: Scene = Scene { heard: None, believed: (27.0, 5.0), rms: 0.1, pulse_nats: 0.0, is_lively: true };
/// Nothing.
const SILENCE: Scene = Scene { heard: None, believed: (27.0, 5.0), rms: 0.0, pulse_nats: 0.0, is_lively: true };

/// Plays a scene; returns what is announced, with the time of the newest sample.
fn play(tracker: &mut Tracker, frames: std::ops::Range<u64>, scene: Scene) -> Vec<(BeatEvent, f64)> {
    let mut events = Vec::new();
    for n in frames {
        let since = |(period, offset): (f64, f64)| {
            let beat = ((n as f64 - offset) / period).round();
            (beat, beat * period + offset - n as f64)
        };
        let is_onset = scene.heard.is_some_and(|grid| since(grid).1.abs() < 0.5);
        let beat = if is_onset { 0.8 } else { 0.01 };
        let frame = ActivationFrame {
            frame: FrameIdx(n),
            time: StreamSec(n as f64 * FRAME_SEC),
            activation: Activation { beat, downbeat: 0.0, none: 1.0 - beat },
            flux: match (scene.is_lively, n % 25) {
                (true, 0) => 0.3,
                (true, _) => 0.01,
                (false, _) => 0.05,
            },
            rms: scene.rms,
        };
        let (beat, frames_to_beat) = since(scene.believed);
        let posterior = BeatPosterior {
            interval_frames: scene.believed.0,
            frames_to_beat,
            conf: 0.9,
            beats_per_bar: 4,
            beat_in_bar: (beat as i64).rem_euclid(4) as u8 + 1,
            downbeat_prob: 0.1,
            pulse_nats: scene.pulse_nats,
        };
        let now = StreamSec(n as f64 * FRAME_SEC + 0.04);
        events.extend(tracker.step(&frame, &posterior, now).map(|event| (event, now.0)));
    }
    events
}

/// Music of a tempo, or silence where `rms` is 0.
fn run(tracker: &mut Tracker, frames: std::ops::Range<u64>, period_frames: f64, rms: f32, pulse_nats: f32) -> Vec<(BeatEvent, f64)> {
    let grid = (period_frames, 0.0);
    play(tracker, frames, Scene { heard: (rms > 0.0).then_some(grid), believed: grid, rms, pulse_nats, is_lively: true })
}

/// Distance of an event from the grid of [`MUSIC`], seconds.
fn off_grid_sec(event: &BeatEvent) -> f64 {
    let beats = (event.t_sec - LABEL_OFFSET_SEC) / 0.5;
    0.5 * (beats - beats.round())
}

#[test]
fn every_beat_is_announced_once_ahead_and_counted() {
    let events = run(&mut Tracker::default(), 0..1000, 25.0, 0.1, 10.0);
    assert!(events.len() >= 40, "{}", events.len());
    let first = ((events[0].0.t_sec - LABEL_OFFSET_SEC) / 0.5).round() as usize;
    for (k, (event, now)) in events.iter().enumerate() {
        assert_eq!(event.beat_count, k as u64);
        assert!((event.t_sec - ((first + k) as f64 * 0.5 + LABEL_OFFSET_SEC)).abs() < 1e-9);
        assert_eq!(usize::from(event.beat_in_bar), (first + k) % 4 + 1);
        assert!(k == 0 || (event.t_sec - now > 0.05 && event.t_sec - now <= ANNOUNCE_LEAD_SEC + 1e-9), "{}", event.t_sec - now);
    }
}

#[test]
fn a_lock_is_said_with_its_first_beat_and_no_sooner() {
    let mut tracker = Tracker::default();
    let grid = (30.0, 7.0);
    let scene = Scene { heard: Some(grid), believed: grid, ..MUSIC };
    for frame in 0..600 {
        let events = play(&mut tracker, frame..frame + 1, scene);
        let clock = tracker.clock_at(StreamSec(frame as f64 * FRAME_SEC));
        if let Some((event, _)) = events.first() {
            assert_eq!((clock.locked, clock.reason, event.beat_count), (1, LockReason::Locked, 0));
            assert!((tracker.timeline().spb - 0.6).abs() < 1e-9);
            return;
        }
        assert_eq!((clock.locked, clock.reason), (0, LockReason::Searching), "frame {frame}");
    }
    panic!("no beat");
}

#[test]
fn nothing_is_announced_in_silence_and_the_timeline_runs_on() {
    let mut tracker = Tracker::default();
    assert!(run(&mut tracker, 0..500, 25.0, 0.0, 10.0).is_empty(), "digital silence from the start");
    run(&mut tracker, 500..1000, 25.0, 0.1, 10.0);
    let line = tracker.timeline();
    let late = run(&mut tracker, 1000..2000, 25.0, 0.0, 10.0);
    assert!(late.iter().all(|(event, _)| event.t_sec < 22.0), "{late:?}");
    assert!((tracker.timeline().spb - line.spb).abs() < 1e-9);
    assert_eq!(tracker.clock_at(StreamSec(40.0)).locked, 0);
    assert!(tracker.clock_at(StreamSec(40.0)).beat_count > 30);
}

#[test]
fn a_changed_mind_does_not_count_a_beat_twice() {
    let mut tracker = Tracker::default();
    run(&mut tracker, 0..500, 25.0, 0.1, 10.0);
    let events = run(&mut tracker, 500..1000, 24.0, 0.1, 10.0);
    for pair in events.windows(2) {
        assert!(pair[1].0.t_sec - pair[0].0.t_sec > REFRACTORY_BEATS * 24.0 * FRAME_SEC);
    }
}

#[test]
fn the_clock_shows_the_beat_that_is_playing() {
    let mut tracker = Tracker::default();
    let events = run(&mut tracker, 0..1000, 25.0, 0.1, 10.0);
    let (last, now) = *events.last().unwrap();
    let clock = tracker.clock_at(StreamSec(now));
    assert_eq!(clock.beat_count, last.beat_count - 1, "the announced beat is still to come");
    assert_eq!(clock.beat_in_bar, bar_position(last.beat_in_bar, 4, -1));
    assert!((f64::from(clock.phase) - (1.0 - (last.t_sec - now) / 0.5)).abs() < 1e-5);
}

#[test]
fn beats_of_a_break_are_counted() {
    let mut tracker = Tracker::default();
    let before = run(&mut tracker, 0..500, 25.0, 0.1, 10.0).last().unwrap().0;
    run(&mut tracker, 500..900, 25.0, 0.0, 10.0);
    let after = run(&mut tracker, 900..1200, 25.0, 0.1, 10.0)[0].0;
    assert_eq!((after.beat_count - before.beat_count) as f64, ((after.t_sec - before.t_sec) / 0.5).round());
}

#[test]
fn a_held_grid_goes_on_in_silence_and_listens_again_afterwards() {
    let mut tracker = Tracker::default();
    let before = run(&mut tracker, 0..500, 25.0, 0.1, 10.0).last().unwrap().0;
    tracker.hold(true);
    let held = run(&mut tracker, 500..1000, 24.0, 0.0, 0.0);
    assert!(held.len() >= 19, "{}", held.len());
    for (k, (event, now)) in held.iter().enumerate() {
        assert_eq!(event.beat_count, before.beat_count + 1 + k as u64);
        assert!((event.t_sec - before.t_sec - 0.5 * (k + 1) as f64).abs() < 1e-6 && event.t_sec > *now);
        assert_eq!(event.beat_in_bar, bar_position(before.beat_in_bar, 4, k as i64 + 1));
    }
    tracker.hold(false);
    assert!(run(&mut tracker, 1000..1400, 25.0, 0.0, 0.0).is_empty());
}

#[test]
fn a_hold_after_a_break_does_not_make_up_for_its_beats() {
    let mut tracker = Tracker::default();
    let before = run(&mut tracker, 0..500, 25.0, 0.1, 10.0).last().unwrap().0;
    // 8 s of silence, then a hold, as of a drummer who comes in again.
    run(&mut tracker, 500..900, 25.0, 0.0, 0.0);
    tracker.hold(true);
    let held = run(&mut tracker, 900..1100, 25.0, 0.0, 0.0);
    assert_eq!(held.len(), 8, "{held:?}");
    for (event, now) in held {
        assert!(event.t_sec > now && event.t_sec <= now + ANNOUNCE_LEAD_SEC, "{} said at {now}", event.t_sec);
        let since = ((event.t_sec - before.t_sec) / 0.5).round() as i64;
        assert_eq!(event.beat_count as i64 - before.beat_count as i64, since);
        assert_eq!(event.beat_in_bar, bar_position(before.beat_in_bar, 4, since));
    }
}

#[test]
fn a_nudge_moves_all_later_beats() {
    let mut tracker = Tracker::default();
    run(&mut tracker, 0..500, 25.0, 0.1, 10.0);
    tracker.nudge(0.005);
    tracker.nudge(0.005);
    for (event, _) in run(&mut tracker, 500..700, 25.0, 0.1, 10.0) {
        assert!((event.t_sec - LABEL_OFFSET_SEC - 0.01).rem_euclid(0.5).min(0.5) < 1e-9, "{}", event.t_sec);
    }
}

#[test]
fn this_is_one_outlives_other_evidence_until_a_jump() {
    let mut tracker = Tracker::default();
    let last = run(&mut tracker, 0..500, 25.0, 0.1, 10.0).last().unwrap().0;
    // The decoder says `beat mod 4 + 1`; the user says that the last beat was 1.
    tracker.this_is_one(StreamSec(last.t_sec));
    for (event, _) in run(&mut tracker, 500..800, 25.0, 0.1, 10.0) {
        assert_eq!(u64::from(event.beat_in_bar), (event.beat_count - last.beat_count) % 4 + 1);
    }
    tracker.forget_phase();
    let (event, _) = run(&mut tracker, 800..1200, 25.0, 0.1, 10.0)[0];
    assert_eq!(i64::from(event.beat_in_bar), ((event.t_sec - LABEL_OFFSET_SEC) / 0.5).round() as i64 % 4 + 1);
}

#[test]
fn bar_positions_wrap_and_unknown_stays_unknown() {
    assert_eq!([bar_position(1, 4, -1), bar_position(4, 4, 1), bar_position(2, 3, 7), bar_position(0, 4, 3)], [4, 1, 3, 0]);
}

#[test]
fn the_grid_goes_on_through_eight_bars_without_an_onset_and_then_no_more() {
    let mut tracker = Tracker::default();
    let before = play(&mut tracker, 0..1000, MUSIC).last().unwrap().0;
    let held = play(&mut tracker, 1000..2500, PAD);
    let (last, _) = held[held.len() - 1];
    assert!((31..=34).contains(&held.len()), "{} beats", held.len());
    assert!(held.iter().all(|(event, now)| off_grid_sec(event).abs() < 1e-3 && event.t_sec > *now), "{held:?}");
    assert!(held.windows(2).all(|pair| pair[1].0.beat_count == pair[0].0.beat_count + 1));
    assert!(held[2..].windows(2).all(|pair| pair[1].0.conf < pair[0].0.conf || pair[1].0.conf < 0.05), "confidence falls");
    assert!(last.conf < 0.5 * before.conf && last.beat_in_bar == bar_position(before.beat_in_bar, 4, held.len() as i64));
    let clock = tracker.clock_at(StreamSec(50.0));
    assert_eq!((clock.locked, clock.reason, clock.conf), (0, LockReason::WeakPulse, 0.0));
}

#[test]
fn while_the_grid_goes_on_by_itself_the_state_says_so() {
    let mut tracker = Tracker::default();
    assert_eq!(tracker.clock_at(StreamSec(0.0)).reason, LockReason::Searching);
    play(&mut tracker, 0..20, Scene { pulse_nats: 0.0, ..MUSIC });
    assert_eq!(tracker.clock_at(StreamSec(0.4)).reason, LockReason::Searching);
    play(&mut tracker, 20..1000, MUSIC);
    assert_eq!((tracker.clock_at(StreamSec(20.0)).locked, tracker.clock_at(StreamSec(20.0)).reason), (1, LockReason::Locked));
    let mut tempi = TempoHistogram::default();
    [120.0, 60.0].into_iter().for_each(|bpm| tempi.add(bpm, 0.5));
    tracker.weigh_levels(&tempi.candidates());
    play(&mut tracker, 1000..1025, MUSIC);
    assert_eq!(tracker.clock_at(StreamSec(20.5)).reason, LockReason::AmbiguousOctave);
    play(&mut tracker, 1025..1300, PAD);
    assert_eq!((tracker.clock_at(StreamSec(26.0)).locked, tracker.clock_at(StreamSec(26.0)).reason), (1, LockReason::WeakPulse));
    tracker.hold(true);
    play(&mut tracker, 1300..1310, PAD);
    assert_eq!(tracker.clock_at(StreamSec(26.2)).reason, LockReason::Held);
    tracker.hold(false);
    play(&mut tracker, 1310..1400, SILENCE);
    assert_eq!((tracker.clock_at(StreamSec(28.0)).locked, tracker.clock_at(StreamSec(28.0)).reason), (0, LockReason::Silence));
}

#[test]
fn music_that_comes_back_on_the_grid_is_locked_within_a_beat() {
    for (pause, pause_frames) in [(PAD, 800), (SILENCE, 800), (SILENCE, 1400), (PAD, 1500)] {
        let mut tracker = Tracker::default();
        play(&mut tracker, 0..1000, MUSIC);
        let end = 1000 + pause_frames;
        play(&mut tracker, 1000..end, pause);
        // For two seconds the decoder is still elsewhere; the first onset is on frame `end`.
        let back = play(&mut tracker, end..end + 100, Scene { believed: PAD.believed, ..MUSIC });
        let again = play(&mut tracker, end + 100..end + 1000, MUSIC);
        let since_sec = back[0].0.t_sec - end as f64 * FRAME_SEC - LABEL_OFFSET_SEC;
        assert!(since_sec < 0.5 + 1e-3, "{since_sec} s after the first onset");
        assert!(back.len() >= 3, "{back:?}");
        for pair in [back.as_slice(), &again].concat().windows(2) {
            assert!(off_grid_sec(&pair[1].0).abs() < 2e-3, "{pair:?}");
            assert_eq!(pair[1].0.beat_count, pair[0].0.beat_count + 1);
        }
        assert_eq!(tracker.clock_at(StreamSec((end + 1000) as f64 * FRAME_SEC)).reason, LockReason::Locked);
    }
}

#[test]
fn music_that_comes_back_elsewhere_is_followed_by_evidence() {
    for pause in [PAD, SILENCE] {
        let mut tracker = Tracker::default();
        play(&mut tracker, 0..1000, MUSIC);
        play(&mut tracker, 1000..1700, pause);
        // Half a beat off, and the decoder finds it within a second.
        let there = (25.0, 12.0);
        play(&mut tracker, 1700..1750, Scene { heard: Some(there), believed: PAD.believed, ..MUSIC });
        let after = play(&mut tracker, 1750..2500, Scene { heard: Some(there), believed: there, ..MUSIC });
        for (event, now) in after.iter().filter(|(_, now)| *now > 36.0) {
            assert!((off_grid_sec(event).abs() - 0.25).abs() < 0.02, "{} said at {now}", event.t_sec);
        }
        assert!(after.len() > 25);
    }
}

#[test]
fn one_silent_beat_does_not_move_the_grid_and_an_unsteady_one_is_not_held() {
    let mut tracker = Tracker::default();
    play(&mut tracker, 0..1000, MUSIC);
    // Half a second in which the decoder jumps and nothing sounds.
    let gap = play(&mut tracker, 1000..1026, PAD);
    assert!(gap.iter().all(|(event, _)| off_grid_sec(event).abs() < 1e-3), "{gap:?}");
    // A player without a click: beats scatter by a tenth of a beat, and silence follows them.
    let mut loose = Tracker::default();
    for k in 0..40u64 {
        let offset = [-2.5, 1.2, 0.0, 2.5, -1.2][k as usize % 5];
        play(&mut loose, k * 25..(k + 1) * 25, Scene { heard: Some((25.0, offset)), believed: (25.0, offset), ..MUSIC });
    }
    assert!(!loose.has_grid());
}

#[test]
fn the_tempo_shown_is_that_of_many_beats_and_does_not_wobble() {
    let mut tracker = Tracker::default();
    let mut shown_bpm = Vec::new();
    // 128.3 BPM; the decoder's beats wander by up to half a frame.
    let period = 50.0 * 60.0 / 128.3;
    for n in 0..6000u64 {
        let wander = 0.5 * ((n / 23) as f64 * 2.4).sin();
        play(&mut tracker, n..n + 1, Scene { heard: Some((period, wander)), believed: (period, wander), ..MUSIC });
        shown_bpm.push(60.0 / tracker.clock_at(StreamSec(n as f64 * FRAME_SEC)).spb);
    }
    let settled = &shown_bpm[2500..];
    let (low, high) = settled.iter().fold((f64::MAX, 0.0f64), |(low, high), &bpm| (low.min(bpm), high.max(bpm)));
    assert!(low > 128.25 && high < 128.35 && high - low < 0.1, "{low} to {high}");
}

#[test]
fn noise_whose_onsets_fall_anywhere_is_not_taken_for_a_break() {
    let mut tracker = Tracker::default();
    play(&mut tracker, 0..1000, MUSIC);
    let noise = Scene { heard: Some((7.3, 3.0)), is_lively: false, ..PAD };
    let said = play(&mut tracker, 1000..3000, noise);
    assert!(said.iter().all(|(_, now)| *now < 32.0), "12 s, in which the lock is lost: {said:?}");
    assert_eq!(tracker.clock_at(StreamSec(60.0)).reason, LockReason::WeakPulse);
}
