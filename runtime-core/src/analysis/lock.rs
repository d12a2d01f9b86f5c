//! Are there beats to announce? Silence, steady sound, and the evidence of a pulse. INFERENCE THREAD.
//!
//! Three questions, each with hysteresis:
//! * *audible*: is there any level at all? (the signal alone)
//! * *lively*: does the spectral flux vary? That of steady noise is an average over some hundred bands and hardly does;
//!   that of music jumps at onsets. Asked of the signal and not of the network, because a network fed with steady noise can
//!   fall into a periodic cycle of its own that looks just like a pulse.
//! * *pulse* or *contrast*: are the onsets foreseen better than by chance ([`super::pulse`]), or does the network at least
//!   swing between "certainly none" and "probably a beat", and say the first most of the time? The second keeps expressive
//!   playing, which surprises often.
//!
//! Locked = audible and lively and (pulse or contrast). The limits were set on noise of three colours at six levels and on
//! the annotated corpus (docs/accuracy.md).

use super::candidates::TempoCandidates;
use super::decoder::BeatPosterior;
use super::pipe::ActivationFrame;
use super::running::RunningMoments;
use crate::units::FRAMES_PER_SEC;

/// Levels below this are silence, RMS of 20 ms, full scale = 1 (-70 dB): below the noise floor of 12-bit audio.
pub(super) const SILENCE_RMS: f32 = 3.16e-4;
/// The level counts as silence once it was below for this long, seconds: longer than the gap between two slow beats.
const SILENCE_HOLD_SEC: f64 = 1.5;
/// Memory of the flux and contrast moments, frames (4 s: a few beats of the slowest tempo).
const MEMORY_FRAMES: f64 = 200.0;
/// Coefficient of variation of the flux. White and pink noise stay below 0.30 at any level, music above 0.38 in 99.5 % of
/// frames.
const LIVELY: Hysteresis = Hysteresis { on: 0.36, off: 0.32 };
/// A mean flux that counts as none, log10 units: keeps rounding noise in silence from mattering.
const FLUX_FLOOR: f64 = 1e-3;
/// Evidence of a pulse, nats over its memory of 4 s. The median of music is far above the cap of 6.
const PULSE: Hysteresis = Hysteresis { on: 3.0, off: 1.8 };
/// Standard deviation of the onset probability; one certain onset a second gives 0.14.
const CONTRAST: Hysteresis = Hysteresis { on: 0.14, off: 0.13 };
/// The same against the mean. In music most frames are certainly none (1.2 and more in 95 % of frames); in speech and the like every
/// syllable might be an onset (below .9 in half of all frames), however much the network swings. NB: keeps more than half of the beats out of
/// speech for .003 of F70 on the annotated pieces; 1.1 keeps nine in ten out, for .006: two expressive piano pieces and a dense samba.
const SPARSENESS: Hysteresis = Hysteresis { on: 1.0, off: 0.9 };

/// Probability of another metrical level, as a share of that of the first: near enough that the choice is open.
const RIVAL: Hysteresis = Hysteresis { on: 0.5, off: 0.35 };
/// Ratios of tempi that are two levels of one music: half, double, and three against one, two and four.
const LEVEL_RATIOS: [f64; 5] = [2.0, 3.0, 1.5, 4.0, 4.0 / 3.0];
/// Tempi within this ratio of each other are the same.
const SAME_TEMPO_RATIO: f64 = 1.06;

/// Two thresholds for one value.
#[derive(Debug, Clone, Copy)]
struct Hysteresis {
    on: f64,
    off: f64,
}

impl Hysteresis {
    fn update(self, state: &mut bool, value: f64) {
        *state = value > if *state { self.off } else { self.on };
    }
}

/// The state of the three questions.
#[derive(Debug, Clone)]
pub struct Lock {
    quiet_frames: f64,
    /// Frames since the last silence.
    heard_frames: f64,
    flux: RunningMoments,
    onset: RunningMoments,
    is_lively: bool,
    has_pulse: bool,
    has_contrast: bool,
    is_sparse: bool,
}

impl Default for Lock {
    /// Nothing heard yet.
    fn default() -> Self {
        Self {
            quiet_frames: f64::INFINITY,
            heard_frames: 0.0,
            flux: RunningMoments::new(MEMORY_FRAMES),
            onset: RunningMoments::new(MEMORY_FRAMES),
            is_lively: false,
            has_pulse: false,
            has_contrast: false,
            is_sparse: false,
        }
    }
}

impl Lock {
    /// Adds a frame; returns whether beats may be announced.
    pub fn step(&mut self, frame: &ActivationFrame, posterior: &BeatPosterior) -> bool {
        self.quiet_frames = if frame.rms >= SILENCE_RMS { 0.0 } else { self.quiet_frames + 1.0 };
        self.flux.push(f64::from(frame.flux));
        self.onset.push(f64::from(frame.activation.beat + frame.activation.downbeat));
        LIVELY.update(&mut self.is_lively, self.flux.deviation() / (self.flux.mean() + FLUX_FLOOR));
        PULSE.update(&mut self.has_pulse, f64::from(posterior.pulse_nats));
        // One onset is no contrast: two seconds of context first.
        let contrast = if self.onset.is_warm() { self.onset.deviation() } else { 0.0 };
        CONTRAST.update(&mut self.has_contrast, contrast);
        SPARSENESS.update(&mut self.is_sparse, contrast / self.onset.mean().max(f64::MIN_POSITIVE));
        self.heard_frames = if self.is_audible() { self.heard_frames + 1.0 } else { 0.0 };
        self.is_audible() && self.is_lively && (self.has_pulse || self.has_contrast && self.is_sparse)
    }

    /// Whether there is, or was a moment ago, any level at all.
    pub fn is_audible(&self) -> bool {
        self.quiet_frames <= SILENCE_HOLD_SEC * FRAMES_PER_SEC
    }

    /// Whether there has been sound for as long as the questions remember: what they then deny is not there.
    pub fn has_heard_enough(&self) -> bool {
        self.heard_frames >= MEMORY_FRAMES
    }
}

/// Whether another metrical level is nearly as probable as the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LevelDoubt {
    is_open: bool,
}

impl LevelDoubt {
    /// Weighs the tempi that are possible.
    pub fn step(&mut self, candidates: &TempoCandidates) {
        let Some((first, others)) = candidates.as_slice().split_first() else {
            self.is_open = false;
            return;
        };
        let is_level = |bpm: f64| {
            let ratio = (bpm / first.bpm).max(first.bpm / bpm);
            LEVEL_RATIOS.iter().any(|level| (ratio / level).max(level / ratio) <= SAME_TEMPO_RATIO)
        };
        let rival_prob = others.iter().filter(|other| is_level(other.bpm)).map(|other| other.prob).fold(0.0, f64::max);
        RIVAL.update(&mut self.is_open, rival_prob / first.prob);
    }

    /// Whether the choice among levels is open.
    pub fn is_open(self) -> bool {
        self.is_open
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::activation::Activation;
    use crate::analysis::candidates::TempoHistogram;
    use crate::units::{FrameIdx, StreamSec};

    /// Runs frames of (flux, onset probability, level, evidence) and returns the last answer.
    fn run(lock: &mut Lock, n_frames: usize, frame: impl Fn(usize) -> (f32, f32, f32, f32)) -> bool {
        let mut locked = false;
        for n in 0..n_frames {
            let (flux, onset, rms, pulse_nats) = frame(n);
            let activation = Activation { beat: onset, downbeat: 0.0, none: 1.0 - onset };
            let frame = ActivationFrame { frame: FrameIdx(n as u64), time: StreamSec(0.0), activation, flux, rms };
            locked = lock.step(&frame, &BeatPosterior { pulse_nats, ..BeatPosterior::default() });
        }
        locked
    }

    #[test]
    fn the_level_is_in_doubt_between_near_rivals_of_one_music_only() {
        let of = |masses: &[(f64, f64)]| {
            let mut histogram = TempoHistogram::default();
            masses.iter().for_each(|&(bpm, mass)| histogram.add(bpm, mass));
            histogram.candidates()
        };
        let mut doubt = LevelDoubt::default();
        for (masses, expected) in [
            (&[(120.0, 0.7), (60.0, 0.3)][..], false),
            (&[(120.0, 0.6), (60.0, 0.4)], true),
            // It lasts until it is clear.
            (&[(120.0, 0.7), (60.0, 0.3)], true),
            (&[(120.0, 0.8), (60.0, 0.2)], false),
            (&[(120.0, 0.5), (80.0, 0.45)], true),
            // Not two levels: a tempo that is not sure yet.
            (&[(120.0, 0.5), (103.0, 0.45)], false),
            (&[], false),
        ] {
            doubt.step(&of(masses));
            assert_eq!(doubt.is_open(), expected, "{masses:?}");
        }
    }

    fn on_beat(n: usize, beat: f32, otherwise: f32) -> f32 {
        if n.is_multiple_of(25) { beat } else { otherwise }
    }

    #[test]
    fn music_locks_by_pulse_or_by_contrast() {
        assert!(run(&mut Lock::default(), 500, |n| (on_beat(n, 0.3, 0.01), on_beat(n, 0.3, 0.1), 0.1, 6.0)), "weak onsets, in time");
        assert!(run(&mut Lock::default(), 500, |n| (on_beat(n, 0.3, 0.01), on_beat(n, 0.9, 0.0), 0.1, -2.0)), "clear onsets, surprising");
        assert!(!run(&mut Lock::default(), 500, |n| (on_beat(n, 0.3, 0.01), on_beat(n, 0.3, 0.1), 0.1, -2.0)), "neither");
        let syllables = |n: usize| (on_beat(n, 0.3, 0.01), if n % 10 < 5 { 0.5 } else { 0.05 }, 0.1, -2.0);
        assert!(!run(&mut Lock::default(), 500, syllables), "swings, but everything might be an onset");
    }

    #[test]
    fn steady_sound_does_not_lock_whatever_the_network_says() {
        assert!(!run(&mut Lock::default(), 1000, |n| (0.05 + 0.01 * (n % 2) as f32, on_beat(n, 0.9, 0.0), 0.1, 6.0)));
    }

    #[test]
    fn silence_does_not_lock_and_a_short_gap_does_not_unlock() {
        let music = |n: usize| (on_beat(n, 0.3, 0.01), on_beat(n, 0.9, 0.0), 0.1, 6.0);
        let silence = |n: usize| (0.0, on_beat(n, 0.9, 0.0), 0.0, 6.0);
        let mut lock = Lock::default();
        assert!(!run(&mut lock, 200, silence));
        assert!(run(&mut lock, 500, music));
        assert!(run(&mut lock, 60, silence), "1.2 s");
        assert!(!run(&mut lock, 20, silence), "1.6 s");
    }

    #[test]
    fn the_lock_is_lost_when_noise_follows_music() {
        let mut lock = Lock::default();
        assert!(run(&mut lock, 1000, |n| (on_beat(n, 0.3, 0.01), on_beat(n, 0.9, 0.0), 0.1, 6.0)));
        assert!(!run(&mut lock, 1500, |_| (0.05, 0.3, 0.1, 0.0)));
    }
}
