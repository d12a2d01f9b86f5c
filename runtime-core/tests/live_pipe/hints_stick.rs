//! What a user said holds, whatever is heard afterwards, until it is taken back; which word outranks which.

use crate::rig::{Clicks, RATE_HZ, Rig};
use proptest::prelude::*;
use runtime_core::analysis::hints::TempoBy;
use runtime_core::bus::hint::{Hint, HintFlags};
use runtime_core::bus::marks::{MarkKind, ModelChoice, Settings};
use runtime_core::rt::follower::Output;

/// 120 BPM.
const MUSIC: Clicks = Clicks { first_sec: 0.31, spb: 0.5 };
/// How far from its click a settled beat may be played, seconds.
const TOLERANCE_SEC: f64 = 0.025;
/// A tempo may wander by this ratio while it is followed.
const TEMPO_RATIO: f64 = 1.04;
/// A word has taken effect within this time, seconds.
const SETTLES_SEC: f64 = 3.0;
/// A range leaves it to what is heard which of two pulses is the beat: it may take some slow beats until that is settled, seconds.
const RANGE_SETTLES_SEC: f64 = 10.0;

const DEFAULTS: Settings = Settings { min_bpm: 40.0, max_bpm: 240.0, beats_per_bar: 0, model: ModelChoice::Flux };

/// An instance that has heard ten seconds of `music`.
fn settled(music: &Clicks) -> Rig {
    let mut rig = Rig::flux();
    rig.listen(music, 10.0);
    rig
}

/// Listens in steps and requires the tempo to be `bpm` after each of them.
fn assert_tempo_stays(rig: &mut Rig, music: Option<&Clicks>, n_seconds: f64, bpm: f64) {
    for _ in 0..(2.0 * n_seconds) as usize {
        match music {
            Some(music) => rig.listen(music, 0.5),
            None => rig.play(&vec![0.0; (0.5 * RATE_HZ) as usize], 441, 1),
        }
        let now_bpm = rig.state.read().timeline.tempo_bpm();
        assert!((bpm / TEMPO_RATIO..=bpm * TEMPO_RATIO).contains(&now_bpm), "{now_bpm} BPM at {} s, not {bpm}", rig.now_sec());
    }
}

/// Half a second of taps this far apart, begun at once.
fn tap(rig: &mut Rig, music: &Clicks, spb: f64) {
    for _ in 0..5 {
        rig.hint(Hint::Tap);
        rig.listen(music, spb);
    }
}

fn status(rig: &Rig) -> runtime_core::analysis::hints::HintStatus {
    rig.worker.hints().expect("the analysis runs")
}

/// The hints that the outputs said last.
fn said(rig: &Rig) -> HintFlags {
    let mut flags = rig.outputs.iter().rev().filter_map(|(_, output)| if let Output::Hints(flags) = output { Some(*flags) } else { None });
    flags.next().unwrap_or_default()
}

#[test]
fn half_stays_through_silence_and_sixteenths() {
    let mut rig = settled(&MUSIC);
    rig.hint(Hint::Half);
    rig.listen(&MUSIC, 0.5);
    assert_eq!((status(&rig).tempo_by, said(&rig)), (TempoBy::Level, HintFlags::LEVEL));
    assert_tempo_stays(&mut rig, Some(&MUSIC), 15.0, 60.0);
    assert_tempo_stays(&mut rig, None, 10.0, 60.0);
    assert_tempo_stays(&mut rig, Some(&Clicks { spb: 0.25 * MUSIC.spb, ..MUSIC }), 15.0, 60.0);
    let from_sec = rig.now_sec() + SETTLES_SEC;
    assert_tempo_stays(&mut rig, Some(&MUSIC), 20.0, 60.0);
    let beats = rig.beats_from(from_sec);
    assert!((15..=18).contains(&beats.len()), "{} beats in 17 s", beats.len());
    // NB: at a slow tempo the zone of a beat is long, and the fallback's onsets lie at its end: 20 to 26 ms.
    let errors_sec: Vec<f64> = beats.iter().map(|(t_sec, _)| MUSIC.error_sec(*t_sec)).collect();
    assert!(errors_sec.iter().all(|error_sec| error_sec.abs() < 0.03), "{errors_sec:?}");
}

#[test]
fn a_tapped_tempo_stays_where_another_one_is_heard() {
    let fast = Clicks { first_sec: 0.2, spb: 0.4 };
    let mut rig = settled(&fast);
    tap(&mut rig, &fast, 0.6);
    for _ in 0..80 {
        rig.listen(&fast, 0.5);
        let bpm = rig.state.read().timeline.tempo_bpm();
        assert!((100.0 / 1.13..100.0 * 1.13).contains(&bpm), "{bpm} BPM at {} s", rig.now_sec());
    }
    let level_bpm = status(&rig).level_bpm.expect("a level");
    assert!((level_bpm - 100.0).abs() < 1.0, "{level_bpm}");
}

#[test]
fn another_meter_or_model_does_not_undo_a_level() {
    let mut rig = settled(&MUSIC);
    rig.hint(Hint::Half);
    rig.listen(&MUSIC, 5.0);
    assert!(rig.tap.mark(MarkKind::Settings(Settings { beats_per_bar: 3, ..DEFAULTS })));
    assert_tempo_stays(&mut rig, Some(&MUSIC), 10.0, 60.0);
    rig.hint(Hint::Meter(None));
    assert!(rig.tap.mark(MarkKind::Jump));
    // The phase is found anew, which may take a tempo near the level with it for a while.
    rig.listen(&MUSIC, 5.0);
    assert_tempo_stays(&mut rig, Some(&MUSIC), 10.0, 60.0);
}

#[test]
fn a_meter_stays_where_another_one_is_heard() {
    let mut rig = settled(&MUSIC);
    rig.hint(Hint::Meter(Some(3)));
    let from_sec = rig.now_sec() + 0.2;
    rig.listen(&MUSIC, 30.0);
    let beats = rig.beats_from(from_sec);
    assert!(beats.len() > 55 && beats.iter().all(|(_, event)| event.beats_per_bar == 3));
    // Said before or after, "this is 1" and a meter go together.
    for first in [Hint::ThisIsOne, Hint::Meter(Some(5))] {
        let mut rig = settled(&MUSIC);
        let second = if first == Hint::ThisIsOne { Hint::Meter(Some(5)) } else { Hint::ThisIsOne };
        rig.hint(first);
        rig.hint(second);
        let from_sec = rig.now_sec() + 0.2;
        rig.listen(&MUSIC, 20.0);
        let beats = rig.beats_from(from_sec);
        assert!(beats.len() > 35 && beats.iter().all(|(_, event)| event.beats_per_bar == 5));
        assert!(beats.windows(2).all(|pair| pair[1].1.beat_in_bar == pair[0].1.beat_in_bar % 5 + 1));
    }
}

#[test]
fn one_stays_for_32_bars_and_through_half_and_double() {
    let mut rig = settled(&MUSIC);
    let (last_sec, last) = *rig.beats_from(0.0).last().expect("ten seconds of music");
    // Two beats off what is heard.
    let beats_to_third = f64::from((3 + 8 - last.beat_in_bar) % 4 + 4);
    rig.listen(&MUSIC, last_sec + beats_to_third * MUSIC.spb - rig.now_sec());
    rig.hint(Hint::ThisIsOne);
    let one_sec = rig.now_sec();
    // Downbeats stay four clicks apart from here on, counted half, or as heard; counted double they are two apart or four.
    let assert_downbeats = |rig: &mut Rig, n_seconds: f64, clicks_per_bar: f64| {
        let from_sec = rig.now_sec() + SETTLES_SEC;
        rig.listen(&MUSIC, SETTLES_SEC + n_seconds);
        let downbeats: Vec<f64> = rig.beats_from(from_sec).iter().filter(|(_, e)| e.beat_in_bar == 1).map(|(t, _)| *t).collect();
        assert!(downbeats.len() as f64 >= n_seconds / (clicks_per_bar * MUSIC.spb) - 1.0, "{} downbeats", downbeats.len());
        for t_sec in downbeats {
            let bars = (t_sec - one_sec) / (2.0 * MUSIC.spb);
            assert!((bars - bars.round()).abs() < 0.05, "a downbeat at {t_sec} s, 1 was at {one_sec} s");
        }
    };
    assert_downbeats(&mut rig, 64.0, 4.0);
    let beats = rig.beats_from(one_sec + 0.1);
    assert!(beats.windows(2).all(|pair| pair[1].1.beat_in_bar == pair[0].1.beat_in_bar % 4 + 1));
    rig.hint(Hint::Half);
    assert_downbeats(&mut rig, 20.0, 8.0);
    rig.hint(Hint::Double);
    assert_downbeats(&mut rig, 20.0, 4.0);
    assert!(status(&rig).has_one);
    assert!(rig.tap.mark(MarkKind::Jump));
    rig.listen(&MUSIC, 1.0);
    assert!(!status(&rig).has_one, "a jump ends it");
}

#[test]
fn a_nudge_stays_through_silence_a_jump_and_a_new_lock() {
    let mut rig = settled(&MUSIC);
    let beats = rig.beats_from(5.0);
    let bias_sec = beats.iter().map(|(t_sec, _)| MUSIC.error_sec(*t_sec)).sum::<f64>() / beats.len() as f64;
    rig.hint(Hint::Nudge { by_us: -30_000 });
    assert_tempo_stays(&mut rig, None, 5.0, 120.0);
    assert!(rig.tap.mark(MarkKind::Jump));
    let later = Clicks { first_sec: MUSIC.first_sec + 0.2, ..MUSIC };
    let from_sec = rig.now_sec() + 6.0;
    rig.listen(&later, 20.0);
    let beats = rig.beats_from(from_sec);
    assert!(beats.len() > 25, "{} beats", beats.len());
    for (t_sec, _) in beats {
        assert!((later.error_sec(t_sec) - bias_sec + 0.030).abs() < 0.012, "{} at {t_sec}", later.error_sec(t_sec));
    }
}

#[test]
fn no_nudge_is_too_large_for_beats_to_be_played() {
    for by_us in [-1_200_000, -260_000, 260_000, 420_000, 1_900_000] {
        let mut rig = settled(&MUSIC);
        let bias_sec = MUSIC.error_sec(rig.beats_from(8.0)[0].0);
        rig.hint(Hint::Nudge { by_us });
        let from_sec = rig.now_sec() + SETTLES_SEC;
        rig.listen(&MUSIC, SETTLES_SEC + 10.0);
        let beats = rig.beats_from(from_sec);
        assert!((19..=21).contains(&beats.len()), "{by_us} us: {} beats in 10 s", beats.len());
        let nudged = Clicks { first_sec: MUSIC.first_sec + f64::from(by_us) * 1e-6 + bias_sec, ..MUSIC };
        assert!(beats.iter().all(|(t_sec, _)| nudged.error_sec(*t_sec).abs() < TOLERANCE_SEC), "{by_us} us: {beats:?}");
    }
    let mut rig = settled(&MUSIC);
    rig.hint(Hint::Nudge { by_us: 2_000_000 });
    rig.hint(Hint::Nudge { by_us: 1 });
    rig.listen(&MUSIC, 0.1);
    assert_eq!(status(&rig).nudge_sec, 2.0);
    assert!(status(&rig).refused.is_some());
}

#[test]
fn a_tempo_by_hand_stays_and_its_beats_follow_what_is_heard() {
    let slow = Clicks { first_sec: 0.31, spb: 60.0 / 120.5 };
    let mut rig = settled(&slow);
    rig.hint(Hint::ManualTempo(Some(123.0)));
    let from_sec = rig.now_sec() + SETTLES_SEC;
    for _ in 0..60 {
        rig.listen(&slow, 0.5);
        assert!((rig.state.read().timeline.tempo_bpm() - 123.0).abs() < 1e-9);
    }
    let beats = rig.beats_from(from_sec);
    assert!((beats.len() as f64 - 27.0 / slow.spb).abs() < 2.0, "{} beats", beats.len());
    for (t_sec, _) in beats {
        assert!(slow.error_sec(t_sec).abs() < 0.03, "{} at {t_sec}", slow.error_sec(t_sec));
    }
    // Something else altogether: the beats stay near the tempo by hand.
    let other = Clicks { first_sec: 0.1, spb: 0.37 };
    let from_sec = rig.now_sec() + SETTLES_SEC;
    rig.listen(&other, 23.0);
    let beats = rig.beats_from(from_sec);
    assert!((beats.len() as f64 - 20.0 * 123.0 / 60.0).abs() < 3.0, "{} beats", beats.len());
}

#[test]
fn a_tempo_by_hand_that_is_held_runs_free_from_nothing() {
    let mut rig = Rig::flux();
    rig.hint(Hint::ManualTempo(Some(123.0)));
    rig.hint(Hint::ThisIsOne);
    rig.hint(Hint::Hold(true));
    rig.play(&vec![0.0; (20.0 * RATE_HZ) as usize], 441, 1);
    let beats = rig.beats_from(0.0);
    assert!((beats.len() as f64 - 20.0 * 123.0 / 60.0).abs() <= 1.5, "{} beats", beats.len());
    for pair in beats.windows(2) {
        assert!((pair[1].0 - pair[0].0 - 60.0 / 123.0).abs() < 1e-4);
        assert_eq!((pair[1].1.beat_count, pair[1].1.beat_in_bar), (pair[0].1.beat_count + 1, pair[0].1.beat_in_bar % 4 + 1));
    }
    assert_eq!(said(&rig).names().collect::<Vec<_>>(), ["hold", "tempo", "one"]);
}

#[test]
fn the_stronger_word_decides() {
    // Manual over tap: the tempo stays, the beat is where it was tapped.
    let mut rig = settled(&MUSIC);
    rig.hint(Hint::ManualTempo(Some(121.0)));
    tap(&mut rig, &MUSIC, 0.7);
    rig.listen(&MUSIC, 2.0);
    assert!((rig.state.read().timeline.tempo_bpm() - 121.0).abs() < 1e-9);
    // Manual over range; released, the range counts.
    rig.hint(Hint::TempoRange(Some((55.0, 80.0))));
    rig.listen(&MUSIC, 3.0);
    assert!((rig.state.read().timeline.tempo_bpm() - 121.0).abs() < 1e-9);
    rig.hint(Hint::ManualTempo(None));
    rig.listen(&MUSIC, RANGE_SETTLES_SEC);
    assert_tempo_stays(&mut rig, Some(&MUSIC), 10.0, 60.0);
    // Level over range; a range that leaves it out is the newer word.
    rig.hint(Hint::Double);
    rig.listen(&MUSIC, SETTLES_SEC);
    assert_tempo_stays(&mut rig, Some(&MUSIC), 5.0, 120.0);
    rig.hint(Hint::TempoRange(Some((55.0, 85.0))));
    rig.listen(&MUSIC, RANGE_SETTLES_SEC);
    assert_tempo_stays(&mut rig, Some(&MUSIC), 5.0, 60.0);
    // Hold over range.
    rig.hint(Hint::Hold(true));
    rig.hint(Hint::TempoRange(Some((100.0, 150.0))));
    assert_tempo_stays(&mut rig, Some(&MUSIC), 5.0, 60.0);
    // Words still move what is held.
    rig.hint(Hint::Double);
    rig.listen(&MUSIC, 0.5);
    assert_tempo_stays(&mut rig, None, 5.0, 120.0);
    rig.hint(Hint::ManualTempo(Some(90.0)));
    rig.listen(&MUSIC, 0.5);
    assert!((rig.state.read().timeline.tempo_bpm() - 90.0).abs() < 1e-9);
    assert_eq!(status(&rig).tempo_by, TempoBy::Hold);
}

#[test]
fn clear_returns_to_what_is_heard() {
    let mut rig = settled(&MUSIC);
    let hints = [
        Hint::Half,
        Hint::Nudge { by_us: 40_000 },
        Hint::ThisIsOne,
        Hint::Meter(Some(7)),
        Hint::TempoRange(Some((55.0, 70.0))),
        Hint::ManualTempo(Some(66.0)),
        Hint::Hold(true),
    ];
    for hint in hints {
        rig.hint(hint);
        rig.listen(&MUSIC, 1.0);
    }
    assert_eq!(said(&rig).0, HintFlags::MAX);
    rig.hint(Hint::Clear);
    rig.listen(&MUSIC, 8.0);
    assert_eq!((status(&rig).flags(), said(&rig), status(&rig).tempo_by), (HintFlags::default(), HintFlags::default(), TempoBy::Evidence));
    let from_sec = rig.now_sec();
    assert_tempo_stays(&mut rig, Some(&MUSIC), 10.0, 120.0);
    let beats = rig.beats_from(from_sec);
    assert!(beats.len() >= 19 && beats.iter().all(|(t_sec, _)| MUSIC.error_sec(*t_sec).abs() < TOLERANCE_SEC), "{beats:?}");
    assert!(beats.iter().all(|(_, event)| event.beats_per_bar < 5), "{beats:?}");
}

#[test]
fn what_cannot_be_changes_nothing_and_says_why() {
    let mut rig = Rig::flux();
    rig.hint(Hint::Half);
    rig.listen(&MUSIC, 10.0);
    assert!(status(&rig).refused.expect("no beat yet").to_string().contains("no beat was found yet"));
    for (hint, why) in [
        (Hint::Meter(Some(9)), "meter of 9"),
        (Hint::TempoRange(Some((100.0, 101.0))), "tempo range 100:101"),
        (Hint::TempoRange(Some((f64::NAN, 101.0))), "tempo range NaN:101"),
        (Hint::ManualTempo(Some(300.0)), "300.0 BPM is outside"),
    ] {
        rig.hint(hint);
        rig.listen(&MUSIC, 1.0);
        let refused = status(&rig).refused.expect("refused").to_string();
        assert!(refused.starts_with(why), "{refused}");
        assert_eq!(status(&rig).flags(), HintFlags::default());
    }
    rig.hint(Hint::Tap);
    rig.listen(&MUSIC, 0.1);
    assert_eq!(status(&rig).refused, None);
    assert_tempo_stays(&mut rig, Some(&MUSIC), 5.0, 120.0);
}

/// What the decoder may find, and 6 % that the line through the beats may differ from it.
const SHOWN_BPM: std::ops::RangeInclusive<f64> = 40.0 / 1.0601..=240.0 * 1.0601;

/// What happens next in a random session.
fn happening() -> impl Strategy<Value = Option<MarkKind>> {
    let hint = prop_oneof![
        4 => Just(Hint::Tap),
        1 => Just(Hint::Half),
        1 => Just(Hint::Double),
        1 => (-2_500_000i32..2_500_000).prop_map(|by_us| Hint::Nudge { by_us }),
        1 => Just(Hint::ThisIsOne),
        1 => prop::option::of(0u8..9).prop_map(Hint::Meter),
        1 => prop::option::of((40.0..230.0f64, 40.0..230.0f64)).prop_map(Hint::TempoRange),
        1 => prop::option::of(40.0..230.0f64).prop_map(Hint::ManualTempo),
        2 => any::<bool>().prop_map(Hint::Hold),
        1 => Just(Hint::Clear),
    ];
    prop_oneof![
        8 => hint.prop_map(|hint| Some(MarkKind::Hint(hint))),
        1 => Just(Some(MarkKind::Jump)),
        1 => (0u8..8).prop_map(|beats_per_bar| Some(MarkKind::Settings(Settings { beats_per_bar, ..DEFAULTS }))),
        2 => Just(None),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is said in whatever order: beats only go forward, each once, and all that is shown makes sense.
    #[test]
    fn no_sequence_of_hints_breaks_the_beat(session in prop::collection::vec((happening(), 0.05..1.2f64), 1..30)) {
        let mut rig = settled(&MUSIC);
        for (kind, listen_sec) in session {
            match kind {
                Some(kind) => {
                    prop_assert!(rig.tap.mark(kind));
                    rig.listen(&MUSIC, listen_sec);
                }
                None => rig.play(&vec![0.0; (2.0 * listen_sec * RATE_HZ) as usize], 441, 1),
            }
            let state = rig.state.read();
            prop_assert!(SHOWN_BPM.contains(&state.timeline.tempo_bpm()), "{:?}", state.timeline);
            prop_assert!(state.timeline.t_origin_sec.is_finite() && state.beat.beat_in_bar <= state.beat.beats_per_bar);
            prop_assert_eq!(state.health.fault, 0);
        }
        for pair in rig.beats_from(0.0).windows(2) {
            let ((before_sec, before), (t_sec, event)) = (pair[0], pair[1]);
            prop_assert!(t_sec > before_sec, "{} s after {} s", t_sec, before_sec);
            prop_assert!(event.beat_count > before.beat_count);
            prop_assert!(event.beat_in_bar <= event.beats_per_bar && (0.0..=1.0).contains(&event.conf));
            // Only beats that nobody announced are passed over.
            let n_unsaid = event.beat_count - before.beat_count - 1;
            prop_assert!(n_unsaid == 0 || t_sec - before_sec > 0.13, "{:?} after {:?}", event, before);
        }
    }
}
