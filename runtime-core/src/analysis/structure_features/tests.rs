//! Whole steps: every number by hand where it can be, and what may not happen on any input.

use model_contracts::v1::features::r#struct as contract;
use proptest::prelude::*;

use super::*;
use crate::units::{FrameIdx, StreamSec};

const LOCKED: TrackerView = TrackerView { is_locked: true, spb: 0.5, conf: 0.9 };
const UNLOCKED: TrackerView = TrackerView { is_locked: false, ..LOCKED };

/// Step `k` with `band` in all bands but that one of them is louder.
fn pooled(k: u64, loud_band: usize, rms: f32) -> PooledStep {
    let mut audio = [0.0; N_AUDIO];
    audio[..N_BANDS].fill(0.3);
    audio[loud_band] = 1.3;
    audio[2 * N_BANDS + loud_band % 12] = 1.0;
    PooledStep { frame: FrameIdx(4 * k + 3), time: StreamSec(0.08 * k as f64), audio, rms, has_sound: true }
}

fn beat(k: u64) -> BeatEvent {
    BeatEvent {
        t_sec: 0.5 * k as f64,
        beat_count: k,
        beat_in_bar: (k % 4) as u8 + 1,
        beats_per_bar: 4,
        downbeat_prob: 0.6,
        ..Default::default()
    }
}

fn named(row: &[f32; N_STEP], name: &str) -> f32 {
    let place = contract::NAMES.iter().position(|other| *other == name).unwrap_or_else(|| panic!("no {name}"));
    row[N_AUDIO + N_BEAT + place]
}

/// Plays `n_sec` seconds at 120 BPM, the sound of each beat by its number; hands every step to `on_step`.
fn play(features: &mut StructureFeatures, n_sec: f64, sound: impl Fn(u64) -> usize, mut on_step: impl FnMut(StructureStep<'_>)) {
    let mut next = 0;
    for k in 0..(n_sec / 0.08) as u64 {
        let t_sec = 0.08 * k as f64;
        while beat(next).t_sec <= t_sec + 0.06 {
            features.announce(beat(next));
            next += 1;
        }
        on_step(features.step(&pooled(k, sound((t_sec / 0.5) as u64), 0.1), &LOCKED));
    }
}

#[test]
fn the_beat_is_told_as_the_contract_names_it() {
    let mut features = StructureFeatures::default();
    features.announce(beat(0));
    features.step(&pooled(0, 5, 0.1), &LOCKED);
    let step = features.step(&pooled(1, 5, 0.1), &LOCKED);
    let turn = TAU * 0.16;
    let expected = [turn.sin() as f32, turn.cos() as f32, 0.0, 0.9, 0.6];
    for (got, expected) in step.row[N_AUDIO..][..N_BEAT].iter().zip(expected) {
        assert!((got - expected).abs() < 1e-6, "{got} {expected}");
    }
    let bar_turn = TAU * 0.16 / 4.0;
    assert!((named(step.row, "bar_sin") - bar_turn.sin() as f32).abs() < 1e-6);
    assert!((named(step.row, "bar_cos") - bar_turn.cos() as f32).abs() < 1e-6);
    assert_eq!((named(step.row, "bar_length"), named(step.row, "virtual_clock"), named(step.row, "silence")), (1.0, 0.0, 0.0));
}

#[test]
fn without_a_lock_beats_are_virtual_and_the_bar_is_unknown() {
    let mut features = StructureFeatures::default();
    let mut last = None;
    for k in 0..14 {
        let step = features.step(&pooled(k, 5, 0.1), &UNLOCKED);
        last = Some((*step.row, step.n_beats));
    }
    let (row, n_beats) = last.unwrap();
    // 1.04 s: two virtual beats and 8 % of the third.
    assert!((n_beats - 2.08).abs() < 1e-9, "{n_beats}");
    assert_eq!(row[N_AUDIO + 2..][..3], [0.0, 0.0, 0.25]);
    assert_eq!((named(&row, "bar_sin"), named(&row, "bar_cos"), named(&row, "bar_length")), (0.0, 0.0, 0.0));
    assert_eq!(named(&row, "virtual_clock"), 1.0);
    assert!((f64::from(named(&row, "log_beats")) - 3.08f64.ln() / 1025f64.ln()).abs() < 1e-6);
}

#[test]
fn a_loop_of_eight_beats_is_like_itself_eight_beats_ago() {
    let mut features = StructureFeatures::default();
    let mut last = [0.0; N_STEP];
    play(&mut features, 60.0, |beat| (beat % 8) as usize * 5, |step| last = *step.row);
    for (name, is_alike) in [
        ("sim_chroma_4", false),
        ("sim_chroma_8", true),
        ("sim_chroma_16", true),
        ("sim_chroma_64", true),
        ("sim_timbre_4", false),
        ("sim_timbre_8", true),
        ("sim_timbre_32", true),
    ] {
        let value = named(&last, name);
        assert!(if is_alike { value > 0.7 } else { value < 0.3 }, "{name}: {value}");
    }
    assert_eq!(named(&last, "sim_chroma_128"), 0.0, "not that long ago yet");
    assert!(named(&last, "match_score") > 0.7 && named(&last, "match_margin") > 0.5);
    // Eight bars: ln(1 + 8) on the scale.
    assert!((f64::from(named(&last, "match_lag")) - 9f64.ln() / 1025f64.ln()).abs() < 1e-6);
}

#[test]
fn what_came_of_it_the_last_time_is_told() {
    // A of 32 beats, B of 32, A again: half a bar before B would begin, the match knows what followed.
    let mut features = StructureFeatures::default();
    let sound = |beat: u64| if beat % 64 < 32 { (beat % 8) as usize } else { 60 + (beat % 8) as usize * 3 };
    let mut told = Vec::new();
    play(&mut features, 48.0, sound, |step| {
        told.push((step.n_beats, named(step.row, "match_until_boundary"), named(step.row, "match_since_boundary")));
    });
    let at = |n_beats: f64| told.iter().find(|(n, ..)| *n >= n_beats).copied().unwrap();
    let until = |value: f32| 64f64.powf(1.0 - f64::from(value)) - 1.0;
    let expected = |n_beats: f64| 97.0 - n_beats;
    for n_beats in [75.0, 85.0, 93.0] {
        let (n, value, _) = at(n_beats);
        assert!((until(value) - expected(n)).abs() < 2.5, "{n}: {} {}", until(value), expected(n));
    }
    // Eleven beats into the second A, the match is eleven beats into the first: no boundary before that is known.
    assert_eq!(at(75.0).2, 0.0);
}

#[test]
fn a_change_is_novel_and_its_age_is_told() {
    let mut features = StructureFeatures::default();
    let sound = |beat: u64| if beat < 32 { (beat % 4) as usize } else { 80 + (beat % 4) as usize };
    let (mut last, mut highest, mut n_beats) = ([0.0; N_STEP], 0.0f32, 0.0);
    play(&mut features, 26.0, sound, |step| {
        (last, n_beats) = (*step.row, step.n_beats);
        highest = highest.max(named(step.row, "novelty_4"));
    });
    assert!(highest > 1.0, "{highest}");
    let since = 1025f64.powf(f64::from(named(&last, "since_peak_4"))) - 1.0;
    // Beat 0 fell at the first step; the change came with beat 32.
    assert!((since - (n_beats - 33.0)).abs() < 1.01, "{since} {n_beats}");
    let turn = TAU * since / 8.0;
    assert!((f64::from(named(&last, "peak_4_cos_2")) - turn.cos()).abs() < 1e-3);
    assert!((f64::from(named(&last, "peak_4_sin_2")) - turn.sin()).abs() < 1e-3);
}

#[test]
fn a_new_piece_begins_at_the_start_after_a_long_silence_and_after_a_jump() {
    let mut features = StructureFeatures::default();
    let mut new = Vec::new();
    let mut n_beats_at_end = 0.0;
    for k in 0..200u64 {
        // Sound, 2.4 s of silence, sound, 5 s of silence, sound.
        let rms = if (30..60).contains(&k) || (90..153).contains(&k) { 0.0 } else { 0.1 };
        if k == 180 {
            features.forget_piece();
        }
        let step = features.step(&pooled(k, 5, rms), &UNLOCKED);
        assert_eq!(step.is_silent, (43..60).contains(&k) || (103..153).contains(&k), "{k}");
        if step.is_new_piece {
            new.push(k);
        }
        n_beats_at_end = step.n_beats;
    }
    assert_eq!(new, [0, 140, 180]);
    assert!(n_beats_at_end < 5.0, "{n_beats_at_end}");
}

#[test]
fn nothing_is_counted_before_the_first_sound() {
    let mut features = StructureFeatures::default();
    for k in 0..30 {
        assert_eq!(features.step(&pooled(k, 5, 0.0), &UNLOCKED).n_beats, 0.0);
    }
    assert!(features.step(&pooled(30, 5, 0.1), &UNLOCKED).n_beats <= 1.0);
}

#[test]
fn reset_is_a_fresh_start() {
    let run = |features: &mut StructureFeatures| {
        let mut rows = Vec::new();
        play(features, 20.0, |beat| (beat * beat % 90) as usize, |step| rows.push(*step.row));
        rows
    };
    let mut features = StructureFeatures::default();
    let first = run(&mut features);
    features.reset();
    assert_eq!(run(&mut features), first);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn every_row_is_finite(
        values in prop::collection::vec(prop::num::f32::ANY, 60),
        times in prop::collection::vec(prop::num::f64::ANY, 8),
        spb in prop::num::f64::ANY,
        is_locked: bool,
    ) {
        let mut features = StructureFeatures::default();
        for (k, &value) in values.iter().enumerate() {
            let mut step = pooled(k as u64, k % N_BANDS, value);
            step.audio[k] = value;
            step.audio[2 * N_BANDS + k % 12] = value;
            if let Some(&t_sec) = times.get(k % 9) {
                features.announce(BeatEvent { t_sec, downbeat_prob: value, beats_per_bar: k as u8, beat_in_bar: 255, ..beat(k as u64) });
            }
            let step = features.step(&step, &TrackerView { is_locked, spb, conf: value });
            prop_assert!(step.row.iter().all(|value| value.is_finite()));
            prop_assert!(step.n_beats.is_finite());
        }
    }
}
