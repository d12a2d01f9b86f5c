//! What may not change the beats: block size, sample rate, a reset, a neighbour, a broken channel.

use anacrusis::bench::band::Band;
use integration_tests::runs::{causal, config, feed, networks, times_after};
use runtime_core::analysis::beat_model::BeatModel;
use runtime_core::analysis::config::DecoderKind;
use runtime_core::analysis::engine::Engine;
use runtime_core::rt::downmix::downmix_interleaved;
use runtime_core::state::BeatEvent;

const DECODERS: [DecoderKind; 2] = [DecoderKind::Exact, DecoderKind::Particle];
/// Length of the generated music, seconds.
const MUSIC_SEC: f64 = 20.0;
/// Beats are compared from here on, seconds: before it the tracker locks, at a moment that a hair can shift.
const SETTLED_SEC: f64 = 8.0;
/// Largest difference between the usual rates, seconds.
const USUAL_RATES_TOLERANCE_SEC: f64 = 0.005;
/// Largest difference of a rate with another resampler or none, seconds.
const OTHER_RATES_TOLERANCE_SEC: f64 = 0.010;
/// Largest difference of a rate that lacks half of what the networks hear, seconds: one frame.
const LOW_RATES_TOLERANCE_SEC: f64 = 0.020;

fn music(sample_rate_hz: f64) -> Vec<f32> {
    Band { bpm: 117.0, ..Band::default() }.render(sample_rate_hz, MUSIC_SEC)
}

fn engine(sample_rate_hz: f64, decoder: DecoderKind, model: BeatModel) -> Engine {
    Engine::new(&config(sample_rate_hz, decoder), model).expect("a valid configuration")
}

/// Every bit of an event.
fn bits(events: &[BeatEvent]) -> Vec<(u64, u64, [u8; 2], [u32; 3])> {
    let bits = |e: &BeatEvent| {
        let floats = [e.downbeat_prob, e.intensity, e.conf].map(f32::to_bits);
        (e.t_sec.to_bits(), e.beat_count, [e.beat_in_bar, e.beats_per_bar], floats)
    };
    events.iter().map(bits).collect()
}

/// Panics unless each settled beat has its partner within the tolerance, both ways.
fn assert_same_beats(what: &str, ours: &[BeatEvent], expected: &[BeatEvent], tolerance_sec: f64) {
    let (ours, expected) = (times_after(ours, SETTLED_SEC), times_after(expected, SETTLED_SEC));
    assert!(expected.len() > 15, "{what}: the reference has {} beats", expected.len());
    let far = |from: &[f64], to: &[f64]| {
        let nearest = |t: f64| to.iter().map(|other| (t - other).abs()).fold(f64::INFINITY, f64::min);
        // At the ends one of the two may have a beat that the other has just not.
        let inner = from.iter().filter(|&&t| t > SETTLED_SEC + 0.1 && t < MUSIC_SEC - 0.2);
        inner.map(|&t| nearest(t)).fold(0.0, f64::max)
    };
    let worst = far(&ours, &expected).max(far(&expected, &ours));
    eprintln!("{what}: largest difference {:.2} ms", worst * 1e3);
    assert!(worst <= tolerance_sec, "{what}: {worst} s\n{ours:?}\n{expected:?}");
}

#[test]
fn block_sizes_do_not_change_a_bit() {
    let samples = music(44_100.0);
    for decoder in DECODERS {
        let Some(model) = networks() else { return };
        let mut engine = engine(44_100.0, decoder, model);
        let expected = bits(&feed(&mut engine, &samples, 882));
        assert!(expected.len() > 20, "{decoder:?}: {} beats", expected.len());
        for block_samples in [1, 64, 441, 1000, 4096] {
            engine.reset();
            assert_eq!(bits(&feed(&mut engine, &samples, block_samples)), expected, "{decoder:?}, blocks of {block_samples}");
        }
    }
}

#[test]
fn the_usual_rates_give_the_same_beats() {
    let Some(model) = networks() else { return };
    let expected = causal(&config(44_100.0, DecoderKind::Exact), model, &music(44_100.0));
    for rate_hz in [48_000.0, 88_200.0, 96_000.0] {
        let Some(model) = networks() else { return };
        let ours = causal(&config(rate_hz, DecoderKind::Exact), model, &music(rate_hz));
        assert_same_beats(&format!("{rate_hz} Hz"), &ours, &expected, USUAL_RATES_TOLERANCE_SEC);
    }
}

#[test]
fn all_other_rates_give_the_same_beats() {
    let Some(model) = networks() else { return };
    let expected = causal(&config(44_100.0, DecoderKind::Exact), model, &music(44_100.0));
    let other = [32_000.0, 22_050.0, 44_056.0].map(|rate_hz| (rate_hz, OTHER_RATES_TOLERANCE_SEC));
    for (rate_hz, tolerance_sec) in other.into_iter().chain([(11_025.0, LOW_RATES_TOLERANCE_SEC)]) {
        let Some(model) = networks() else { return };
        let ours = causal(&config(rate_hz, DecoderKind::Exact), model, &music(rate_hz));
        assert_same_beats(&format!("{rate_hz} Hz"), &ours, &expected, tolerance_sec);
    }
}

#[test]
fn a_reset_engine_is_a_new_engine() {
    for (rate_hz, decoder) in [(44_100.0, DecoderKind::Exact), (48_000.0, DecoderKind::Particle), (44_056.0, DecoderKind::Exact)] {
        let Some(model) = networks() else { return };
        let samples = music(rate_hz);
        let mut engine = engine(rate_hz, decoder, model);
        let first = bits(&feed(&mut engine, &samples, 512));
        // Left in the middle of a hop, in the middle of the music.
        engine.reset();
        feed(&mut engine, &samples[..300_001], 512);
        engine.reset();
        assert_eq!(bits(&feed(&mut engine, &samples, 512)), first, "{rate_hz} {decoder:?}");
    }
}

#[test]
fn engines_side_by_side_do_not_disturb_each_other() {
    let samples = [Band { bpm: 117.0, ..Band::default() }, Band { bpm: 84.0, beats_per_bar: 3, first_beat_sec: 0.4 }]
        .map(|b| b.render(44_100.0, 12.0));
    let mut alone = Vec::new();
    for samples in &samples {
        let Some(model) = networks() else { return };
        alone.push(bits(&causal(&config(44_100.0, DecoderKind::Particle), model, samples)));
    }
    let (Some(first), Some(second)) = (networks(), networks()) else { return };
    let mut engines = [first, second].map(|model| engine(44_100.0, DecoderKind::Particle, model));
    let mut together = [Vec::new(), Vec::new()];
    for (a, b) in samples[0].chunks(700).zip(samples[1].chunks(700)) {
        for ((engine, events), block) in engines.iter_mut().zip(&mut together).zip([a, b]) {
            events.extend(feed(engine, block, 700));
        }
    }
    for (together, alone) in together.iter().zip(&alone) {
        assert_eq!(&bits(together), alone);
    }
}

#[test]
fn a_broken_channel_changes_the_level_and_not_the_beats() {
    let samples = music(44_100.0);
    let Some(model) = networks() else { return };
    let halved: Vec<f32> = samples.iter().map(|v| v * 0.5).collect();
    let expected = causal(&config(44_100.0, DecoderKind::Exact), model, &halved);
    for broken in [f32::NAN, f32::INFINITY, 0.0] {
        let interleaved: Vec<f32> = samples.iter().flat_map(|&v| [v, broken]).collect();
        let mut mono = vec![0.0; samples.len()];
        let n_bad = downmix_interleaved(&interleaved, 2, &mut mono);
        assert_eq!(n_bad as usize, if broken == 0.0 { 0 } else { samples.len() });
        let Some(model) = networks() else { return };
        let ours = causal(&config(44_100.0, DecoderKind::Exact), model, &mono);
        assert_eq!(bits(&ours), bits(&expected), "{broken}");
    }
}

#[test]
fn a_burst_of_bad_samples_is_counted_and_survived() {
    let mut samples = music(44_100.0);
    for value in &mut samples[200_000..200_100] {
        *value = f32::NAN;
    }
    samples[210_000] = f32::MAX;
    samples[210_001] = f32::NEG_INFINITY;
    let Some(model) = networks() else { return };
    let mut engine = engine(44_100.0, DecoderKind::Exact, model);
    let (mut n_bad, mut is_finite, mut n_late) = (0, true, 0);
    for block in samples.chunks(1000) {
        engine.process(block, |report| {
            n_bad = report.state.health.nan_samples;
            let event = report.update.and_then(|update| update.event);
            is_finite &= event.is_none_or(|e| e.t_sec.is_finite() && e.conf.is_finite() && e.intensity.is_finite());
            is_finite &= report.state.beat.spb.is_finite() && report.activation.beat.is_finite();
            n_late += usize::from(event.is_some_and(|e| e.t_sec > 12.0));
        });
    }
    assert_eq!(n_bad, 101);
    assert!(is_finite && n_late >= 12, "{n_late} beats in the last 8 s");
}

#[test]
fn a_jump_of_the_host_keeps_the_tempo() {
    for decoder in DECODERS {
        let Some(model) = networks() else { return };
        let mut engine = engine(44_100.0, decoder, model);
        let samples = music(44_100.0);
        let before = feed(&mut engine, &samples, 512);
        let last = *before.last().expect("music has beats");
        engine.soft_reset();
        // The host jumps back to 5.13 s, between two beats.
        let after = feed(&mut engine, &samples[226_233..], 512);
        let interval_frames = engine.posterior().interval_frames;
        assert!((interval_frames - 3_000.0 / 117.0).abs() < 1.0, "{decoder:?}: {interval_frames} frames");
        // The count goes on; a beat that passed before the lock was sure again may be missing, and is counted.
        let first = after.first().expect("music has beats");
        let n_passed = first.beat_count - last.beat_count;
        assert!((1..=2).contains(&n_passed), "{decoder:?}: {n_passed} beats passed");
        assert_eq!(n_passed as f64, ((first.t_sec - last.t_sec) * 117.0 / 60.0).round(), "{decoder:?}");
        // The first interval after the jump that is announced is of the old tempo: it was not searched anew.
        let early: Vec<f64> = after.windows(2).take(4).map(|pair| pair[1].t_sec - pair[0].t_sec).collect();
        assert!(early.iter().any(|interval_sec| (interval_sec - 60.0 / 117.0).abs() < 0.03), "{decoder:?}: {early:?}");
    }
}
