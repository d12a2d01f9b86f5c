//! Generated music with a known grid: drums on given beats, held chords, speech-like noise. Deterministic. Tests only.
//!
//! Unlike [`Band`](anacrusis::bench::band::Band), whose tempo stands, drums here follow any list of beats, and can pause.

use std::f64::consts::TAU;
use std::ops::Range;

use runtime_core::analysis::rng::Pcg32;

/// Beats in a bar of every scene.
const BEATS_PER_BAR: usize = 4;
/// Length of a drum's sound, seconds.
const DRUM_SEC: f64 = 0.25;

/// Times of `n_beats` beats from `first_sec` on, where beat `k` lasts `60 / bpm(its time since the first)` seconds.
pub fn beats_sec(first_sec: f64, n_beats: usize, bpm: impl Fn(f64) -> f64) -> Vec<f64> {
    let mut t_sec = first_sec;
    (0..n_beats)
        .map(|_| {
            let beat_sec = t_sec;
            // The midpoint rule, in sixteenths of a beat, so that a tempo that changes within the beat is followed.
            for _ in 0..16 {
                let half_way_sec = t_sec - first_sec + 30.0 / bpm(t_sec - first_sec) / 16.0;
                t_sec += 60.0 / bpm(half_way_sec) / 16.0;
            }
            beat_sec
        })
        .collect()
}

/// A rock beat on these beats of a grid whose beat 0 is a downbeat: kick on 1 and 3, snare on 2 and 4, hats on eighths.
pub fn drums(beats_sec: &[f64], played: Range<usize>, sample_rate_hz: f64, n_samples: usize) -> Vec<f32> {
    let mut samples = vec![0.0f32; n_samples];
    let (kick, snare, hat) = (kick(sample_rate_hz), snare(sample_rate_hz), hat(sample_rate_hz));
    for k in played {
        let Some(&t_sec) = beats_sec.get(k) else { break };
        mix(&mut samples, if (k % BEATS_PER_BAR).is_multiple_of(2) { &kick } else { &snare }, t_sec, sample_rate_hz);
        mix(&mut samples, &hat, t_sec, sample_rate_hz);
        if let Some(next_sec) = beats_sec.get(k + 1) {
            mix(&mut samples, &hat, 0.5 * (t_sec + next_sec), sample_rate_hz);
        }
    }
    samples
}

/// A held minor chord in a span of seconds, with attack and release of half a second, RMS about `level`.
pub fn pad(span_sec: Range<f64>, level: f64, sample_rate_hz: f64, n_samples: usize) -> Vec<f32> {
    const FADE_SEC: f64 = 0.5;
    let value = |t_sec: f64| {
        let fade = ((t_sec - span_sec.start) / FADE_SEC).min((span_sec.end - t_sec) / FADE_SEC).clamp(0.0, 1.0);
        let chord = [220.0, 261.63, 329.63].map(|hz| (TAU * hz * t_sec).sin() + 0.3 * (TAU * 2.0 * hz * t_sec).sin());
        level * fade * fade * (3.0 - 2.0 * fade) * chord.iter().sum::<f64>() / 1.3
    };
    (0..n_samples).map(|n| value(n as f64 / sample_rate_hz) as f32).collect()
}

/// Noise like speech from far away: a buzz through two moving formants, in syllables and pauses of random length.
pub fn speech(rms: f64, sample_rate_hz: f64, n_samples: usize, seed: u64) -> Vec<f32> {
    let mut rng = Pcg32::new(seed, 1);
    let mut raw = Vec::with_capacity(n_samples);
    let (mut phase, mut formants) = (0.0f64, [[0.0f64; 2]; 2]);
    while raw.len() < n_samples {
        // A syllable in four is a pause; lengths are spread as widely as those of speech.
        let length = ((0.07 + 0.28 * rng.uniform() * rng.uniform()) * sample_rate_hz) as usize;
        let is_pause = rng.uniform() < 0.25;
        let (pitch_hz, formants_hz) = (90.0 + 60.0 * rng.uniform(), [300.0 + 500.0 * rng.uniform(), 900.0 + 1_400.0 * rng.uniform()]);
        for n in 0..length {
            phase = (phase + pitch_hz / sample_rate_hz).fract();
            let envelope = if is_pause { 0.0 } else { (std::f64::consts::PI * n as f64 / length as f64).sin() };
            let source = envelope * (phase - 0.5 + 0.3 * (rng.uniform() - 0.5));
            let mut sum = 0.0;
            for (state, hz) in formants.iter_mut().zip(formants_hz) {
                // A resonance of 80 Hz width.
                let radius = (-TAU * 40.0 / sample_rate_hz).exp();
                let out = source + 2.0 * radius * (TAU * hz / sample_rate_hz).cos() * state[0] - radius * radius * state[1];
                *state = [out, state[0]];
                sum += out;
            }
            raw.push(sum);
        }
    }
    raw.truncate(n_samples);
    let raw_rms = (raw.iter().map(|v| v * v).sum::<f64>() / raw.len().max(1) as f64).sqrt();
    raw.iter().map(|v| (v * rms / raw_rms.max(1e-12)) as f32).collect()
}

/// Adds signals of one length.
pub fn sum(signals: &[Vec<f32>]) -> Vec<f32> {
    let n_samples = signals.iter().map(Vec::len).max().unwrap_or(0);
    (0..n_samples).map(|n| signals.iter().filter_map(|signal| signal.get(n)).sum()).collect()
}

fn mix(samples: &mut [f32], sound: &[f32], t_sec: f64, sample_rate_hz: f64) {
    let from = (t_sec * sample_rate_hz).round() as usize;
    for (sample, value) in samples.iter_mut().skip(from).zip(sound) {
        *sample += value;
    }
}

/// A sine that falls from 150 to 50 Hz.
fn kick(sample_rate_hz: f64) -> Vec<f32> {
    sound(sample_rate_hz, |t_sec| {
        let turns = 50.0 * t_sec + 100.0 * 0.03 * (1.0 - (-t_sec / 0.03).exp());
        0.5 * (-t_sec / 0.1).exp() * (TAU * turns).sin()
    })
}

/// Noise over a tone of 190 Hz.
fn snare(sample_rate_hz: f64) -> Vec<f32> {
    let mut rng = Pcg32::new(2, 1);
    sound(sample_rate_hz, |t_sec| (-t_sec / 0.06).exp() * (0.35 * (rng.uniform() - 0.5) * 2.0 + 0.2 * (TAU * 190.0 * t_sec).sin()))
}

/// A short hiss: noise less its neighbour.
fn hat(sample_rate_hz: f64) -> Vec<f32> {
    let (mut rng, mut last) = (Pcg32::new(3, 1), 0.0);
    sound(sample_rate_hz, |t_sec| {
        let noise = rng.uniform() - 0.5;
        let hiss = noise - std::mem::replace(&mut last, noise);
        0.12 * (-t_sec / 0.025).exp() * hiss
    })
}

/// Samples of a drum, with an attack of a millisecond.
fn sound(sample_rate_hz: f64, mut value: impl FnMut(f64) -> f64) -> Vec<f32> {
    let at = |n: usize| n as f64 / sample_rate_hz;
    (0..(DRUM_SEC * sample_rate_hz) as usize).map(|n| (value(at(n)) * (at(n) / 1e-3).min(1.0)) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beats_follow_the_tempo() {
        assert!(beats_sec(1.0, 5, |_| 120.0).iter().zip([1.0, 1.5, 2.0, 2.5, 3.0]).all(|(got, expected)| (got - expected).abs() < 1e-9));
        // From 60 BPM on a second faster each second: after t seconds t + t^2 / 120 beats.
        let ramp = beats_sec(0.0, 40, |t_sec| 60.0 + t_sec);
        assert!(ramp.iter().enumerate().all(|(k, t)| (t + t * t / 120.0 - k as f64).abs() < 1e-3), "{ramp:?}");
    }

    #[test]
    fn drums_sound_where_they_are_played_and_nothing_clips() {
        let beats = beats_sec(0.5, 20, |_| 120.0);
        let samples = drums(&beats, 4..8, 8_000.0, 80_000);
        assert!(samples[..20_000].iter().all(|&v| v == 0.0) && samples[20_010..20_100].iter().any(|&v| v != 0.0));
        assert!(samples[38_500..].iter().all(|&v| v == 0.0) && samples.iter().all(|v| v.abs() < 1.0));
    }

    #[test]
    fn speech_has_the_level_asked_for_and_pads_fade() {
        let samples = speech(0.1, 8_000.0, 40_000, 3);
        let rms = (samples.iter().map(|v| f64::from(v * v)).sum::<f64>() / 40_000.0).sqrt();
        assert!((rms - 0.1).abs() < 1e-3 && samples == speech(0.1, 8_000.0, 40_000, 3));
        let chord = pad(1.0..3.0, 0.1, 8_000.0, 32_000);
        assert!(chord[..8_000].iter().chain(&chord[24_000..]).all(|&v| v == 0.0) && chord[16_000..16_100].iter().any(|v| v.abs() > 0.05));
    }
}
