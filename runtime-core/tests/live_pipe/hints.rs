//! What a user says changes what is announced, and sticks while the music does not change.

use crate::rig::{Clicks, RATE_HZ, Rig};
use crate::{MUSIC, TOLERANCE_SEC};
use runtime_core::bus::marks::{Hint, MarkKind, ModelChoice, Settings};

/// The music after a hint, seconds.
const STICKS_SEC: f64 = 30.0;
/// Two hints take effect within this time, seconds.
const SETTLES_SEC: f64 = 3.0;

/// An instance that has heard ten seconds of music.
fn settled() -> Rig {
    let mut rig = Rig::flux();
    rig.listen(&MUSIC, 10.0);
    rig
}

/// Beats after the hint has taken effect, and that they are `spb` apart throughout.
fn steady_beats(rig: &mut Rig, music: &Clicks, spb: f64) -> Vec<f64> {
    let from_sec = rig.now_sec() + SETTLES_SEC;
    rig.listen(music, SETTLES_SEC + STICKS_SEC);
    let beats: Vec<f64> = rig.beats_from(from_sec).iter().map(|(t_sec, _)| *t_sec).collect();
    assert!((beats.len() as f64 - STICKS_SEC / spb).abs() < 1.5, "{} beats of {spb} s in {STICKS_SEC} s", beats.len());
    for pair in beats.windows(2) {
        assert!((pair[1] - pair[0] - spb).abs() < TOLERANCE_SEC, "{} s at {}", pair[1] - pair[0], pair[0]);
    }
    beats
}

#[test]
fn without_a_hint_every_click_is_a_beat() {
    steady_beats(&mut settled(), &MUSIC, MUSIC.spb);
}

#[test]
fn half_leaves_every_other_beat_and_double_brings_them_back() {
    let mut rig = settled();
    rig.hint(Hint::Half);
    let halved = steady_beats(&mut rig, &MUSIC, 2.0 * MUSIC.spb);
    assert!(halved.iter().all(|&t_sec| MUSIC.error_sec(t_sec).abs() < TOLERANCE_SEC));
    rig.hint(Hint::Double);
    let doubled = steady_beats(&mut rig, &MUSIC, MUSIC.spb);
    assert!(doubled.iter().all(|&t_sec| MUSIC.error_sec(t_sec).abs() < TOLERANCE_SEC));
    rig.hint(Hint::Double);
    steady_beats(&mut rig, &MUSIC, 0.5 * MUSIC.spb);
    // Faster than any beat may be: nothing changes.
    rig.hint(Hint::Double);
    steady_beats(&mut rig, &MUSIC, 0.5 * MUSIC.spb);
}

#[test]
fn taps_between_the_clicks_choose_a_slower_beat() {
    let mut rig = settled();
    // Every other click, tapped a little carelessly.
    let late_sec = [0.0, 0.012, -0.008, 0.005, 0.0];
    let first_tap = ((rig.now_sec() - MUSIC.first_sec) / MUSIC.spb).ceil();
    for (k, late_sec) in late_sec.into_iter().enumerate() {
        let tap_sec = MUSIC.first_sec + (first_tap + 2.0 * k as f64) * MUSIC.spb + late_sec;
        let wait_sec = tap_sec - rig.now_sec();
        rig.listen(&MUSIC, wait_sec);
        rig.hint(Hint::Tap);
    }
    let beats = steady_beats(&mut rig, &MUSIC, 2.0 * MUSIC.spb);
    for t_sec in beats {
        let click = (t_sec - MUSIC.first_sec) / MUSIC.spb - first_tap;
        assert!((click - click.round()).abs() < 0.05 && click.round() as i64 % 2 == 0, "{t_sec} s is click {click} after the first tap");
    }
}

#[test]
fn taps_that_make_no_tempo_change_nothing() {
    let mut rig = settled();
    for _ in 0..12 {
        // Far faster than any beat.
        rig.hint(Hint::Tap);
        rig.listen(&MUSIC, 0.01);
    }
    steady_beats(&mut rig, &MUSIC, MUSIC.spb);
}

#[test]
fn a_nudge_moves_every_later_beat_and_adds_up() {
    let mut rig = settled();
    let before = MUSIC.error_sec(rig.beats_from(5.0)[0].0);
    rig.hint(Hint::Nudge { by_us: 15_000 });
    rig.hint(Hint::Nudge { by_us: 15_000 });
    for t_sec in steady_beats(&mut rig, &MUSIC, MUSIC.spb) {
        assert!((MUSIC.error_sec(t_sec) - before - 0.030).abs() < 0.003, "{}", MUSIC.error_sec(t_sec));
    }
}

#[test]
fn a_nudge_stays_with_another_meter() {
    let mut rig = settled();
    // Half a beat.
    rig.hint(Hint::Nudge { by_us: 260_000 });
    rig.listen(&MUSIC, 3.0);
    let settings = Settings { min_bpm: 40.0, max_bpm: 240.0, beats_per_bar: 3, model: ModelChoice::Auto };
    assert!(rig.tap.mark(MarkKind::Settings(settings)));
    let from_sec = rig.now_sec();
    rig.listen(&MUSIC, 10.0);
    let beats = rig.beats_from(from_sec);
    assert!(beats.len() >= 19, "{} beats", beats.len());
    // From the very first: the phase is not searched anew.
    for (t_sec, _) in beats {
        assert!((MUSIC.error_sec(t_sec).abs() - 0.26).abs() < TOLERANCE_SEC, "{} at {t_sec}", MUSIC.error_sec(t_sec));
    }
}

#[test]
fn this_is_one_fixes_the_bar() {
    let mut rig = settled();
    // 100 ms after some beat, whatever the analysis calls it.
    let (last_sec, last) = *rig.beats_from(0.0).last().expect("ten seconds of music");
    rig.listen(&MUSIC, last_sec + MUSIC.spb + 0.1 - rig.now_sec());
    rig.hint(Hint::ThisIsOne);
    let one = last.beat_count + 1;
    let from_sec = rig.now_sec();
    steady_beats(&mut rig, &MUSIC, MUSIC.spb);
    let beats = rig.beats_from(from_sec + 0.1);
    assert!(beats.len() > 55);
    let beats_per_bar = u64::from(beats[0].1.beats_per_bar);
    assert!((2..=4).contains(&beats_per_bar));
    for (_, event) in beats {
        assert_eq!(u64::from(event.beat_in_bar), (event.beat_count - one) % beats_per_bar + 1, "beat {}", event.beat_count);
    }
}

#[test]
fn a_hold_keeps_tempo_and_phase_whatever_is_heard() {
    let mut rig = settled();
    rig.hint(Hint::Hold(true));
    let at = rig.beats_from(5.0)[0].0;
    let other = Clicks { first_sec: 0.1, spb: 0.41 };
    for t_sec in steady_beats(&mut rig, &other, MUSIC.spb) {
        let beats = (t_sec - at) / MUSIC.spb;
        assert!((beats - beats.round()).abs() < 0.05, "{t_sec}");
    }
    // Silence too; then it listens again.
    let silence = vec![0.0; (10.0 * RATE_HZ) as usize];
    let from_sec = rig.now_sec();
    rig.play(&silence, 441, 1);
    assert!(rig.beats_from(from_sec).len() >= 19);
    rig.hint(Hint::Hold(false));
    let from_sec = rig.now_sec();
    rig.play(&silence, 441, 1);
    assert!(rig.beats_from(from_sec + 0.2).is_empty());
}
