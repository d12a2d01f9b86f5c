//! Generated signals: noise of three colours, tones, clicks. Seeded, the same on every machine. Tests only.

use std::f64::consts::TAU;

use runtime_core::analysis::rng::Pcg32;

/// Colour of noise: how its power falls with frequency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// Not at all.
    White,
    /// 3 dB per octave.
    Pink,
    /// 6 dB per octave.
    Brown,
}

/// Steady noise of a level (RMS, full scale = 1).
pub fn noise(colour: Colour, rms: f64, n_samples: usize, seed: u64) -> Vec<f32> {
    let mut rng = Pcg32::new(seed, 1);
    // The sum of four uniforms is near enough to a Gaussian; its variance is 4 / 3.
    let mut white = move || (0..4).map(|_| 2.0 * rng.uniform() - 1.0).sum::<f64>();
    // Paul Kellet's economy filter for pink; a leaky sum for brown.
    let mut poles = [0.0f64; 3];
    let mut brown = 0.0;
    let raw: Vec<f64> = (0..n_samples)
        .map(|_| {
            let w = white();
            match colour {
                Colour::White => w,
                Colour::Pink => {
                    for (pole, (decay, gain)) in poles.iter_mut().zip([(0.997_65, 0.099_046), (0.963, 0.296_516_4), (0.57, 1.052_691_3)]) {
                        *pole = decay * *pole + gain * w;
                    }
                    poles.iter().sum::<f64>() + 0.1848 * w
                }
                Colour::Brown => {
                    brown = 0.995 * brown + w;
                    brown
                }
            }
        })
        .collect();
    let raw_rms = (raw.iter().map(|v| v * v).sum::<f64>() / raw.len().max(1) as f64).sqrt();
    raw.iter().map(|v| (v * rms / raw_rms.max(1e-12)) as f32).collect()
}

/// A held tone of harmonics 1 to `n_harmonics` with amplitudes `1 / k`, RMS about `level`.
pub fn held_tone(hz: f64, n_harmonics: u32, level: f64, sample_rate_hz: f64, n_samples: usize) -> Vec<f32> {
    let harmonics = |t_sec: f64| (1..=n_harmonics).map(|k| (TAU * hz * f64::from(k) * t_sec).sin() / f64::from(k)).sum::<f64>();
    (0..n_samples).map(|n| (level * harmonics(n as f64 / sample_rate_hz)) as f32).collect()
}

/// Clicks at `times_sec`: a cosine of 3 kHz under a Gaussian of 0.3 ms, which lies below 5 kHz for all purposes, so that it
/// is the same at every usual rate.
pub fn clicks(times_sec: &[f64], amplitude: f64, sample_rate_hz: f64, n_samples: usize) -> Vec<f32> {
    const WIDTH_SEC: f64 = 3e-4;
    let mut samples = vec![0.0f32; n_samples];
    for &click_sec in times_sec {
        let from = ((click_sec - 8.0 * WIDTH_SEC) * sample_rate_hz).max(0.0) as usize;
        let to = (((click_sec + 8.0 * WIDTH_SEC) * sample_rate_hz).max(0.0) as usize).min(n_samples);
        for (n, sample) in samples.iter_mut().enumerate().take(to).skip(from) {
            let t_sec = n as f64 / sample_rate_hz - click_sec;
            *sample += (amplitude * (-0.5 * (t_sec / WIDTH_SEC).powi(2)).exp() * (TAU * 3_000.0 * t_sec).cos()) as f32;
        }
    }
    samples
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_has_the_level_and_the_colour_asked_for() {
        for colour in [Colour::White, Colour::Pink, Colour::Brown] {
            let samples = noise(colour, 0.1, 40_000, 3);
            let rms = (samples.iter().map(|v| f64::from(v * v)).sum::<f64>() / 40_000.0).sqrt();
            assert!((rms - 0.1).abs() < 1e-3, "{colour:?} {rms}");
            assert_eq!(samples, noise(colour, 0.1, 40_000, 3));
        }
        // Neighbouring samples resemble each other the more the darker the noise.
        let likeness = |colour| noise(colour, 0.1, 40_000, 3).windows(2).map(|w| f64::from(w[0] * w[1])).sum::<f64>();
        assert!(likeness(Colour::White) < likeness(Colour::Pink) && likeness(Colour::Pink) < likeness(Colour::Brown));
    }

    #[test]
    fn a_click_is_centred_on_its_time() {
        let samples = clicks(&[0.5], 0.8, 48_000.0, 48_000);
        let loudest = samples.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).map(|(n, _)| n);
        assert_eq!(loudest, Some(24_000));
        assert!(samples[..23_000].iter().chain(&samples[25_000..]).all(|&v| v == 0.0));
    }
}
