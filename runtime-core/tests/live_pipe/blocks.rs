//! What is put out does not depend on blocks or on when the analysis runs, as long as no update is late.

use crate::rig::{RATE_HZ, Rig};
use crate::{MUSIC, TOLERANCE_SEC};
use runtime_core::rt::follower::Output;

const MUSIC_SEC: f64 = 8.0;

fn music() -> Vec<f32> {
    MUSIC.render(0, (MUSIC_SEC * RATE_HZ) as usize)
}

/// All outputs of a run without a late update.
fn outputs(block_samples: usize, pump_every: usize) -> Vec<(u64, Output)> {
    let mut rig = Rig::flux();
    rig.play(&music(), block_samples, pump_every);
    let counts = rig.counters.read();
    assert_eq!((counts.late_updates, counts.nan_samples), (0, 0), "blocks of {block_samples}, analysed every {pump_every}");
    rig.outputs
}

#[test]
fn beats_and_ticks_fall_on_the_clicks() {
    let mut rig = Rig::flux();
    rig.play(&music(), 441, 1);
    let beats = rig.beats_from(2.0);
    assert!(beats.len() >= 11, "{} beats", beats.len());
    for (t_sec, event) in &beats {
        assert!(MUSIC.error_sec(*t_sec).abs() < TOLERANCE_SEC, "beat {} at {t_sec}", event.beat_count);
        assert!((t_sec - event.t_sec).abs() <= 0.5 / RATE_HZ + 1e-9, "announced for {}, played at {t_sec}", event.t_sec);
    }
    let ticks: Vec<u64> = rig.outputs.iter().filter(|(_, o)| matches!(o, Output::Clock(_))).map(|(at, _)| *at).collect();
    assert!(ticks.len() > 24 * 4, "{} clock messages", ticks.len());
}

#[test]
fn block_sizes_and_the_analysis_pace_change_nothing() {
    let expected = outputs(441, 1);
    assert!(expected.iter().filter(|(_, output)| matches!(output, Output::Beat(..))).count() >= 11);
    for (block_samples, pump_every) in [(1, 1), (1, 10), (64, 1), (64, 10), (480, 1), (1000, 1)] {
        assert!(outputs(block_samples, pump_every) == expected, "blocks of {block_samples}, analysed every {pump_every}");
    }
}

#[test]
fn an_offline_render_is_the_live_one() {
    let expected = outputs(441, 1);
    let ring_samples = 2 * RATE_HZ as usize;
    for block_samples in [4_096, 44_099, ring_samples] {
        assert!(outputs(block_samples, 1) == expected, "blocks of {block_samples}");
    }
}

#[test]
fn an_analysis_that_is_late_is_counted_and_still_followed() {
    let mut rig = Rig::flux();
    // 100 ms between two looks: beats are known up to 20 ms late.
    rig.play(&music(), 441, 10);
    assert!(rig.counters.read().late_updates > 5);
    let beats = rig.beats_from(3.0);
    assert!(beats.len() >= 8);
    assert!(beats.iter().all(|(t_sec, _)| (-TOLERANCE_SEC..0.1).contains(&MUSIC.error_sec(*t_sec))), "{beats:?}");
}
