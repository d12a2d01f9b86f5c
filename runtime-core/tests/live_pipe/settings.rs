//! Settings at any time: what can be used is used from their sample on, what cannot changes nothing.

use crate::rig::Rig;
use crate::{MUSIC, TOLERANCE_SEC};
use runtime_core::bus::marks::{MarkKind, ModelChoice, Settings};
use runtime_core::rt::follower::Output;

const DEFAULTS: Settings = Settings { min_bpm: 40.0, max_bpm: 240.0, beats_per_bar: 0, model: ModelChoice::Flux };

fn set(rig: &mut Rig, settings: Settings) {
    assert!(rig.tap.mark(MarkKind::Settings(settings)));
}

fn assert_on_clicks(rig: &Rig, from_sec: f64, spb: f64) {
    let beats = rig.beats_from(from_sec);
    let expected = (rig.now_sec() - from_sec) / spb;
    assert!((beats.len() as f64 - expected).abs() <= 1.5, "{} beats, expected {expected}", beats.len());
    for (t_sec, _) in beats {
        assert!(MUSIC.error_sec(t_sec).abs() < TOLERANCE_SEC, "{t_sec}");
    }
}

#[test]
fn a_tempo_range_chooses_the_metrical_level() {
    let mut rig = Rig::flux();
    set(&mut rig, DEFAULTS);
    rig.listen(&MUSIC, 8.0);
    set(&mut rig, Settings { max_bpm: 80.0, ..DEFAULTS });
    rig.listen(&MUSIC, 12.0);
    assert_on_clicks(&rig, 12.0, 2.0 * MUSIC.spb);
    set(&mut rig, Settings { min_bpm: 90.0, max_bpm: 180.0, ..DEFAULTS });
    rig.listen(&MUSIC, 12.0);
    assert_on_clicks(&rig, 24.0, MUSIC.spb);
}

#[test]
fn a_meter_is_what_beats_are_counted_in() {
    let mut rig = Rig::flux();
    rig.listen(&MUSIC, 4.0);
    for beats_per_bar in [3, 7, 2, 5] {
        set(&mut rig, Settings { beats_per_bar, ..DEFAULTS });
        let from_sec = rig.now_sec() + 1.0;
        rig.listen(&MUSIC, 6.0);
        let beats = rig.beats_from(from_sec);
        assert!(beats.len() >= 8, "{} beats", beats.len());
        assert!(beats.iter().all(|(_, event)| event.beats_per_bar == beats_per_bar), "{beats_per_bar}: {beats:?}");
        assert_on_clicks(&rig, from_sec, MUSIC.spb);
    }
}

#[test]
fn every_model_can_be_chosen_while_music_plays() {
    let mut rig = Rig::flux();
    let choices = [
        ModelChoice::Pulse,
        ModelChoice::BeatNet,
        ModelChoice::One(0),
        ModelChoice::One(1),
        ModelChoice::One(2),
        ModelChoice::Auto,
        ModelChoice::One(200),
        ModelChoice::Flux,
    ];
    for model in choices {
        set(&mut rig, Settings { model, ..DEFAULTS });
        let from_sec = rig.now_sec() + 2.0;
        rig.listen(&MUSIC, 5.0);
        // A network that is not in this build is replaced by the flux, and that is said.
        let must_be_missing = model == ModelChoice::One(200);
        let fault = rig.state.read().health.fault;
        assert!(if must_be_missing { fault == 1 } else { fault <= 1 }, "{model:?}: fault {fault}");
        assert!(rig.beats_from(from_sec).len() >= 4, "{model:?}");
    }
    assert_eq!(rig.state.read().health.fault, 0, "the flux was chosen, so it is no fault");
}

#[test]
fn settings_that_cannot_be_used_change_nothing() {
    let bad = [
        Settings { min_bpm: 10.0, ..DEFAULTS },
        Settings { max_bpm: 1e6, ..DEFAULTS },
        Settings { min_bpm: 100.0, max_bpm: 101.0, ..DEFAULTS },
        Settings { min_bpm: f64::NAN, ..DEFAULTS },
        Settings { max_bpm: f64::NAN, ..DEFAULTS },
        Settings { beats_per_bar: 1, ..DEFAULTS },
        Settings { beats_per_bar: 255, model: ModelChoice::Auto, ..DEFAULTS },
    ];
    let outputs = |bad: &[Settings]| -> Vec<(u64, Output)> {
        let mut rig = Rig::flux();
        rig.listen(&MUSIC, 4.0);
        for &settings in bad {
            set(&mut rig, settings);
            rig.listen(&MUSIC, 0.5);
        }
        rig.listen(&MUSIC, 8.0 - rig.now_sec());
        assert_eq!(rig.state.read().health.fault, 0);
        rig.outputs
    };
    assert!(outputs(&bad) == outputs(&[]));
}
