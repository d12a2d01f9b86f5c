//! Times are right to the sample: from a click in the input to the frame that shows it, and from a beat to its event.

use anacrusis::bench::band::Band;
use integration_tests::runs::{Probe, causal, config, networks, recorded, times_after};
use integration_tests::signals::clicks;
use runtime_core::analysis::beat_model::BeatModel;
use runtime_core::analysis::config::DecoderKind;
use runtime_core::analysis::pipe::ActivationPipe;
use runtime_core::state::BeatEvent;
use runtime_core::units::{FRAME_SEC, MODEL_RATE_HZ};

/// Largest median of beat minus truth, seconds: half a frame.
const BEAT_TOLERANCE_SEC: f64 = 0.010;
/// A frame's time is right to one sample of the model's rate, seconds.
const SAMPLE_SEC: f64 = 1.0 / MODEL_RATE_HZ;
/// Length of the window, seconds.
const WINDOW_SEC: f64 = 1411.0 / MODEL_RATE_HZ;
/// Amplitude that makes the features' logarithm harmless: `log10(1 + x)` of a large x.
const LOUD: f64 = 1e4;

/// Frame times and the sum of magnitudes of each frame.
fn frames(samples: &[f32], sample_rate_hz: f64) -> Vec<(f64, f64)> {
    let (model, features) = Probe::model();
    let mut pipe = ActivationPipe::new(sample_rate_hz, 4096, model);
    let mut times_sec = Vec::new();
    samples.chunks(4096).for_each(|block| pipe.process(block, |frame| times_sec.push(frame.time.0)));
    let magnitude = |frame: &Vec<f32>| frame[..frame.len() / 2].iter().map(|&y| 10f64.powf(f64::from(y)) - 1.0).sum::<f64>();
    times_sec.into_iter().zip(recorded(&features).iter().map(magnitude)).collect()
}

/// Where a click lies according to the frames around it, seconds. A Hann window weighs it by `cos^2(pi t / length)` in each.
fn located_sec(frames: &[(f64, f64)]) -> f64 {
    let loudest = (1..frames.len() - 1).max_by(|&a, &b| frames[a].1.total_cmp(&frames[b].1)).expect("frames");
    let (before, time_sec, after) = (frames[loudest - 1].1.sqrt(), frames[loudest].0, frames[loudest + 1].1.sqrt());
    // cos(x + d) / cos(x - d) with x = pi frame / length, solved for the offset d of the click.
    let x = std::f64::consts::PI * FRAME_SEC / WINDOW_SEC;
    let d = ((after - before) / (after + before) / x.tan()).atan();
    time_sec + d * WINDOW_SEC / std::f64::consts::PI
}

#[test]
fn a_click_lies_in_its_frame_to_one_sample() {
    for rate_hz in [22_050.0, 44_100.0, 48_000.0, 88_200.0, 96_000.0, 192_000.0, 32_000.0, 11_025.0, 44_056.0] {
        // At a frame's centre, off it, and after ten seconds, when an inexact grid would have drifted.
        for click_sec in [1.0, 1.0031, 1.0077, 10.0123] {
            let samples = clicks(&[click_sec], LOUD, rate_hz, ((click_sec + 0.5) * rate_hz) as usize);
            let located = located_sec(&frames(&samples, rate_hz));
            let error_samples = (located - click_sec) / SAMPLE_SEC;
            assert!(error_samples.abs() <= 1.0, "{rate_hz} Hz, {click_sec} s: {error_samples:.2} samples");
        }
    }
}

#[test]
fn frames_are_twenty_milliseconds_apart_at_every_rate() {
    for rate_hz in [44_100.0, 48_000.0, 44_056.0] {
        let frames = frames(&vec![0.0; rate_hz as usize * 4], rate_hz);
        assert!(frames.len() > 190, "{rate_hz}: {} frames", frames.len());
        for (n, (time_sec, _)) in frames.iter().enumerate() {
            assert!((time_sec - frames[0].0 - n as f64 * FRAME_SEC).abs() < 1e-9, "{rate_hz} Hz, frame {n}");
        }
    }
}

/// Errors of settled beats against the nearest of `truth`, seconds; panics where too many are missing.
fn errors_sec(what: &str, events: &[BeatEvent], truth: &[f64]) -> Vec<f64> {
    let nearest = |t: f64| truth.iter().map(|other| t - other).min_by(|a, b| a.abs().total_cmp(&b.abs())).expect("a beat");
    let errors: Vec<f64> = times_after(events, 8.0).into_iter().map(nearest).collect();
    let expected = truth.iter().filter(|&&t| t > 8.0).count();
    assert!(errors.len() * 10 >= expected * 8, "{what}: {} of {expected} beats", errors.len());
    errors
}

fn assert_on_time(what: &str, mut errors_sec: Vec<f64>) {
    errors_sec.sort_by(f64::total_cmp);
    let (median, first, last) = (errors_sec[errors_sec.len() / 2], errors_sec[0], errors_sec[errors_sec.len() - 1]);
    eprintln!("{what}: median {:+.1} ms, from {:+.1} to {:+.1} ms", median * 1e3, first * 1e3, last * 1e3);
    assert!(median.abs() <= BEAT_TOLERANCE_SEC, "{what}: median {median} s");
}

#[test]
fn beats_of_a_band_fall_on_its_beats() {
    for decoder in [DecoderKind::Exact, DecoderKind::Particle] {
        let mut errors = Vec::new();
        // Beats visit every place within a frame at the first, and always the same at the second.
        for bpm in [83.0, 120.0] {
            let Some(model) = networks() else { return };
            let band = Band { bpm, ..Band::default() };
            let events = causal(&config(44_100.0, decoder), model, &band.render(44_100.0, 25.0));
            errors.extend(errors_sec(&format!("{decoder:?}, {bpm} BPM"), &events, &band.beats_sec(25.0)));
        }
        assert_on_time(&format!("networks, {decoder:?}"), errors);
    }
}

/// With the flux: to the networks a bare click every half second is so foreign that they take the gaps for the beats.
#[test]
fn beats_of_a_click_track_fall_on_its_clicks() {
    // No multiple of a frame, so that the clicks visit every place within one.
    let truth: Vec<f64> = (0..60).map(|k| 0.3 + 0.4973 * f64::from(k)).collect();
    for rate_hz in [44_100.0, 48_000.0, 96_000.0] {
        let samples = clicks(&truth, 0.5, rate_hz, (30.0 * rate_hz) as usize);
        let what = format!("flux, {rate_hz} Hz");
        let events = causal(&config(rate_hz, DecoderKind::Exact), BeatModel::flux(None), &samples);
        assert_on_time(&what, errors_sec(&what, &events, &truth));
    }
}
