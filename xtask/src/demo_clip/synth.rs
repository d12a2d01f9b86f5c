//! Instruments of the demo clip: additive tones, filtered noise and decays, in plain arithmetic.
//!
//! Only `+ - * /`, `floor`, `sqrt` and our own sine are used, which IEEE 754 defines to the last bit, so that every
//! platform synthesises the same samples.

/// Rate of the clip, Hz: that of the models, so that the file is small and passes the resampler untouched.
pub(super) const RATE_HZ: u32 = 22_050;

/// Frequencies of the octave from A3 in equal temperament, Hz.
const OCTAVE_HZ: [f64; 12] = [
    220.0,
    233.081_880_759_044_96,
    246.941_650_628_062_06,
    261.625_565_300_598_6,
    277.182_630_976_872_1,
    293.664_767_917_407_6,
    311.126_983_722_080_9,
    329.627_556_912_869_9,
    349.228_231_433_003_9,
    369.994_422_711_634_4,
    391.995_435_981_749_3,
    415.304_697_579_945_1,
];

/// The piece as it is mixed: mono samples, full scale = 1 before the final level.
pub(super) struct Mixer {
    /// Mono samples.
    pub(super) samples: Vec<f64>,
    noise: Noise,
}

/// How a tone sounds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timbre {
    /// Amplitudes of the harmonics, from the fundamental.
    pub(super) harmonics: &'static [f64],
    /// Time constant of the decay, seconds.
    pub(super) decay_sec: f64,
    /// Length of the linear attack, seconds.
    pub(super) attack_sec: f64,
}

impl Mixer {
    /// Silence of this length, seconds; `seed` is that of the noise.
    pub(super) fn new(duration_sec: f64, seed: u32) -> Self {
        Self { samples: vec![0.0; (duration_sec * f64::from(RATE_HZ)) as usize], noise: Noise(seed) }
    }

    /// A number in [-1, 1), for small irregularities.
    pub(super) fn random(&mut self) -> f64 {
        self.noise.next()
    }

    /// A note. `semitone` counts from A3 and may be negative; it ends after `length_sec` with a short fade.
    pub(super) fn tone(&mut self, at_sec: f64, semitone: i32, length_sec: f64, gain: f64, timbre: Timbre) {
        const FADE_SEC: f64 = 0.02;
        let step = semitone_hz(semitone) / f64::from(RATE_HZ);
        let mut level = Decay::new(gain, timbre.decay_sec);
        self.add(at_sec, length_sec, |n, t_sec| {
            let edge = (t_sec / timbre.attack_sec).min((length_sec - t_sec) / FADE_SEC).clamp(0.0, 1.0);
            let wave: f64 = (1u32..).zip(timbre.harmonics).map(|(k, amplitude)| amplitude * sine(n as f64 * step * f64::from(k))).sum();
            edge * level.next() * wave
        });
    }

    /// A bass drum: a sine that falls from 150 to 48 Hz.
    pub(super) fn kick(&mut self, at_sec: f64, gain: f64) {
        let (mut level, mut glide) = (Decay::new(gain, 0.09), Decay::new(102.0, 0.025));
        let mut phase = 0.0;
        self.add(at_sec, 0.4, |_, _| {
            phase += (48.0 + glide.next()) / f64::from(RATE_HZ);
            level.next() * sine(phase)
        });
    }

    /// A snare drum: bright noise over a short 185 Hz tone.
    pub(super) fn snare(&mut self, at_sec: f64, gain: f64) {
        self.hiss(at_sec, 0.25, 0.5 * gain, 0.055, 0.4);
        self.drum_tone(at_sec, 185.0, 0.45 * gain);
    }

    /// A tom of this pitch, Hz.
    pub(super) fn tom(&mut self, at_sec: f64, pitch_hz: f64, gain: f64) {
        self.hiss(at_sec, 0.05, 0.15 * gain, 0.01, 0.6);
        self.drum_tone(at_sec, pitch_hz, 0.8 * gain);
    }

    /// A hi-hat: noise through a high pass, short when closed.
    pub(super) fn hat(&mut self, at_sec: f64, decay_sec: f64, gain: f64) {
        self.hiss(at_sec, 6.0 * decay_sec, gain, decay_sec, 0.92);
    }

    fn drum_tone(&mut self, at_sec: f64, pitch_hz: f64, gain: f64) {
        let step = pitch_hz / f64::from(RATE_HZ);
        let mut level = Decay::new(gain, 0.06);
        self.add(at_sec, 0.35, |n, _| level.next() * sine(n as f64 * step));
    }

    /// Decaying noise, less `colour` times its previous sample: the nearer to 1, the brighter.
    fn hiss(&mut self, at_sec: f64, length_sec: f64, gain: f64, decay_sec: f64, colour: f64) {
        let mut noise = Noise(self.noise.advance());
        let (mut level, mut previous) = (Decay::new(gain, decay_sec), 0.0);
        self.add(at_sec, length_sec, |_, _| {
            let fresh = noise.next();
            let value = fresh - colour * previous;
            previous = fresh;
            level.next() * value
        });
    }

    /// Adds `wave(n, seconds)` from `at_sec` on, as far as the piece goes.
    fn add(&mut self, at_sec: f64, length_sec: f64, mut wave: impl FnMut(usize, f64) -> f64) {
        let first = (at_sec * f64::from(RATE_HZ)).round().max(0.0) as usize;
        let n_samples = (length_sec * f64::from(RATE_HZ)) as usize;
        for (n, sample) in self.samples.iter_mut().skip(first).take(n_samples).enumerate() {
            *sample += wave(n, n as f64 / f64::from(RATE_HZ));
        }
    }

    /// The piece as 16-bit samples, softly limited, the loudest at `peak` of full scale.
    pub(super) fn finish(&self, peak: f64) -> Vec<i16> {
        let limited: Vec<f64> = self.samples.iter().map(|x| x / (1.0 + x.abs())).collect();
        let loudest = limited.iter().fold(f64::MIN_POSITIVE, |loudest, x| loudest.max(x.abs()));
        limited.iter().map(|x| (x / loudest * peak * f64::from(i16::MAX)).round() as i16).collect()
    }
}

/// Exponential decay by a constant factor, which needs no `exp`.
struct Decay {
    level: f64,
    factor: f64,
}

impl Decay {
    fn new(level: f64, time_constant_sec: f64) -> Self {
        Self { level, factor: 1.0 - 1.0 / (time_constant_sec * f64::from(RATE_HZ)) }
    }

    fn next(&mut self) -> f64 {
        let level = self.level;
        self.level *= self.factor;
        level
    }
}

/// White noise in [-1, 1): a 32-bit linear congruential generator (Numerical Recipes, 3rd edition, section 7.1).
struct Noise(u32);

impl Noise {
    fn advance(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        self.0
    }

    fn next(&mut self) -> f64 {
        f64::from(self.advance()) / 2_147_483_648.0 - 1.0
    }
}

fn semitone_hz(semitone: i32) -> f64 {
    let octave = semitone.div_euclid(12);
    let scale = if octave < 0 { 1.0 / f64::from(1u32 << octave.unsigned_abs()) } else { f64::from(1u32 << octave) };
    OCTAVE_HZ[semitone.rem_euclid(12) as usize] * scale
}

/// The sine of a phase in turns: Taylor's series on a quarter turn, off by 4e-6 at most.
fn sine(turns: f64) -> f64 {
    let x = turns - (turns + 0.5).floor();
    let folded = if x > 0.25 {
        0.5 - x
    } else if x < -0.25 {
        -0.5 - x
    } else {
        x
    };
    let t = folded * std::f64::consts::TAU;
    let square = t * t;
    t * (1.0 - square / 6.0 * (1.0 - square / 20.0 * (1.0 - square / 42.0 * (1.0 - square / 72.0))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sine_is_one() {
        for k in -200..200 {
            let turns = f64::from(k) / 77.0;
            assert!((sine(turns) - (turns * std::f64::consts::TAU).sin()).abs() < 1e-5, "{turns}");
        }
    }

    #[test]
    fn semitones_span_octaves() {
        assert_eq!([semitone_hz(0), semitone_hz(12), semitone_hz(-24)], [220.0, 440.0, 55.0]);
        assert!((semitone_hz(-1) - 207.652).abs() < 1e-3);
    }

    #[test]
    fn a_hit_after_the_end_is_left_out_and_the_peak_is_kept() {
        let mut mixer = Mixer::new(0.5, 1);
        mixer.kick(0.1, 1.0);
        mixer.kick(9.0, 1.0);
        let samples = mixer.finish(0.5);
        assert_eq!(samples.len(), 11_025);
        assert_eq!(samples.iter().map(|s| s.unsigned_abs()).max(), Some(16_384));
    }
}
