//! A synthetic band: kick, snare, hat, bass and chords as formulas of time. Any thread.
//!
//! Every sample is computed from its time alone, so the same music exists at every sample rate, and nothing lies above the
//! frequency that the caller allows. What stands for noise is a sum of fixed partials.

use std::f64::consts::TAU;
use std::ops::Range;

/// Partials that stand for the noise of a snare or a hat.
const N_NOISE_PARTIALS: usize = 24;
/// Length of every attack, seconds.
const ATTACK_SEC: f64 = 0.002;
/// Roots of the chords, one a bar, Hz (A, F, C, G).
const ROOTS_HZ: [f64; 4] = [110.0, 87.31, 130.81, 98.0];
/// A minor-ish triad above the root, as ratios.
const CHORD: [f64; 3] = [2.0, 2.4, 3.0];

/// A band that plays in time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Band {
    /// Tempo, beats per minute.
    pub bpm: f64,
    /// Beats per bar.
    pub beats_per_bar: u32,
    /// Time of the first beat, a downbeat, seconds.
    pub first_beat_sec: f64,
}

impl Default for Band {
    /// 120 BPM in four.
    fn default() -> Self {
        Self { bpm: 120.0, beats_per_bar: 4, first_beat_sec: 0.25 }
    }
}

impl Band {
    /// Times of the beats within the first `n_seconds`, seconds.
    pub fn beats_sec(&self, n_seconds: f64) -> Vec<f64> {
        let times = (0..).map(|k| self.first_beat_sec + f64::from(k) * 60.0 / self.bpm);
        times.take_while(|&t_sec| t_sec < n_seconds).collect()
    }

    /// Mono samples from time 0 on, within `[-1, 1]`.
    pub fn render(&self, sample_rate_hz: f64, n_seconds: f64) -> Vec<f32> {
        let n_samples = (n_seconds * sample_rate_hz) as usize;
        (0..n_samples).map(|n| self.sample(n as f64 / sample_rate_hz, 0.45 * sample_rate_hz) as f32).collect()
    }

    /// The value at `t_sec`, seconds; partials above `max_hz` are left out.
    pub fn sample(&self, t_sec: f64, max_hz: f64) -> f64 {
        let spb = 60.0 / self.bpm;
        let beat = (t_sec - self.first_beat_sec) / spb;
        if beat < 0.0 {
            return 0.0;
        }
        let beat_idx = beat as u64;
        let beat_in_bar = beat_idx % u64::from(self.beats_per_bar);
        let since_beat_sec = beat.fract() * spb;
        let since_eighth_sec = (2.0 * beat).fract() * spb / 2.0;
        let root_hz = ROOTS_HZ[(beat_idx / u64::from(self.beats_per_bar)) as usize % ROOTS_HZ.len()];

        let drum = match beat_in_bar {
            0 => kick(since_beat_sec),
            2 if self.beats_per_bar == 4 => 0.8 * kick(since_beat_sec),
            _ => 0.8 * noise(since_beat_sec, 0.05, 400.0..7_000.0, max_hz) + 0.3 * tone(since_beat_sec, 0.06, 190.0),
        };
        let hat = noise(since_eighth_sec, 0.02, 6_000.0..10_000.0, max_hz);
        let bass = tone(since_beat_sec, 0.25, root_hz / 2.0) + 0.4 * tone(since_beat_sec, 0.15, root_hz);
        let since_bar_sec = since_beat_sec + beat_in_bar as f64 * spb;
        let chords: f64 = CHORD.iter().map(|ratio| tone(since_bar_sec, 1.0, root_hz * ratio)).sum();
        0.35 * drum + 0.08 * hat + 0.15 * bass + 0.05 * chords
    }
}

/// Raised-cosine attack, then exponential decay.
fn envelope(t_sec: f64, decay_sec: f64) -> f64 {
    let attack = if t_sec < ATTACK_SEC { 0.5 - 0.5 * (TAU / 2.0 * t_sec / ATTACK_SEC).cos() } else { 1.0 };
    attack * (-t_sec / decay_sec).exp()
}

fn tone(t_sec: f64, decay_sec: f64, hz: f64) -> f64 {
    envelope(t_sec, decay_sec) * (TAU * hz * t_sec).sin()
}

/// A sine that falls from 150 to 50 Hz.
fn kick(t_sec: f64) -> f64 {
    let fall_sec = 0.03;
    let turns = 50.0 * t_sec + 100.0 * fall_sec * (1.0 - (-t_sec / fall_sec).exp());
    envelope(t_sec, 0.12) * (TAU * turns).sin()
}

fn noise(t_sec: f64, decay_sec: f64, range_hz: Range<f64>, max_hz: f64) -> f64 {
    let envelope = envelope(t_sec, decay_sec);
    if envelope < 1e-4 {
        return 0.0;
    }
    let partial = |k: usize| {
        // The golden ratio spreads frequencies and phases without a pattern.
        let spread = (k as f64 * 0.618_033_988_749_895).fract();
        let hz = range_hz.start * (range_hz.end / range_hz.start).powf(spread);
        if hz < max_hz { (TAU * (hz * t_sec + (k * k) as f64 * 0.37)).sin() } else { 0.0 }
    };
    envelope * (0..N_NOISE_PARTIALS).map(partial).sum::<f64>() / (N_NOISE_PARTIALS as f64 / 2.0).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_sounds_before_the_first_beat_and_nothing_clips() {
        let samples = Band::default().render(22_050.0, 4.0);
        assert_eq!(samples.len(), 88_200);
        assert!(samples[..5_512].iter().all(|&v| v == 0.0));
        let peak = samples.iter().fold(0.0f32, |peak, v| peak.max(v.abs()));
        assert!((0.3..=1.0).contains(&peak), "{peak}");
    }

    #[test]
    fn the_same_instant_sounds_the_same_at_every_rate() {
        let band = Band { bpm: 97.0, ..Band::default() };
        let (slow, fast) = (band.render(24_000.0, 2.0), band.render(96_000.0, 2.0));
        // At 24 kHz all partials are below the limit of 10.8 kHz.
        assert!(slow.iter().zip(fast.iter().step_by(4)).all(|(a, b)| (a - b).abs() < 1e-6));
    }

    #[test]
    fn beats_are_where_the_tempo_puts_them() {
        assert_eq!(Band { bpm: 60.0, beats_per_bar: 3, first_beat_sec: 0.5 }.beats_sec(3.0), [0.5, 1.5, 2.5]);
    }
}
