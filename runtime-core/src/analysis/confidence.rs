//! How likely a beat is right that is announced now: a logistic function of what is known then. INFERENCE THREAD.
//!
//! "Right" is within 70 ms of a true beat, as in F-measure. The filter's own belief is no such probability: it takes frames for
//! independent and its model for true, and is sure of itself where it is wrong. So its features are weighed with constants that
//! were fitted to what came out on annotated pieces (`training/tools/fit_confidence.py`, which prints them): a monotone
//! function, so that more evidence never lowers it.

use super::pipe::ActivationFrame;

/// What is known of a beat when it is announced.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct BeatEvidence {
    /// Probability mass of the decoder's posterior near its mode, `[0, 1]`.
    pub mode_prob: f32,
    /// Mean onset probability at the beats announced of late, `[0, 1]`.
    pub heard_prob: f32,
    /// Beats announced before it since the last onset.
    pub n_unheard: f32,
}

/// Values of [`BeatEvidence`], and features made from them.
pub const N_FEATURES: usize = 3;
/// Names of the values, as in the files of `anacrusis eval --save-beats`.
pub const FEATURE_NAMES: [&str; N_FEATURES] = ["mode_prob", "heard_prob", "n_unheard"];

/// Constant term and weights of the features, in the order of [`BeatEvidence::features`]. Fitted: see the head of this file.
/// NB: evidence of a pulse in nats, distance from the tempo line and surprise were tried; beside these three they got 0.
const BIAS: f64 = -0.019;
const WEIGHTS: [f64; N_FEATURES] = [0.533, 0.901, 0.211];

/// The mode's probability is taken for no surer than this, either way.
const MIN_MODE_PROB: f64 = 0.01;
/// ... nor what was heard: of eight beats.
const MIN_HEARD_PROB: f64 = 0.02;
/// Beats without an onset that count, at most.
const MAX_UNHEARD: f64 = 32.0;

impl BeatEvidence {
    /// The values in the order of [`FEATURE_NAMES`].
    pub fn values(&self) -> [f32; N_FEATURES] {
        [self.mode_prob, self.heard_prob, self.n_unheard]
    }

    /// The values on scales on which a logistic function fits, each the better the larger.
    pub fn features(&self) -> [f64; N_FEATURES] {
        let [mode_prob, heard_prob, n_unheard] = self.values().map(finite);
        [logit(mode_prob, MIN_MODE_PROB), logit(heard_prob, MIN_HEARD_PROB), -n_unheard.clamp(0.0, MAX_UNHEARD).ln_1p()]
    }

    /// Probability that the beat is right, `(0, 1)`.
    pub fn conf(&self) -> f32 {
        let logit: f64 = BIAS + self.features().iter().zip(WEIGHTS).map(|(feature, weight)| weight * feature).sum::<f64>();
        (1.0 / (1.0 + (-logit).exp())) as f32
    }
}

/// Log odds of a probability taken for no surer than `least`, either way.
fn logit(prob: f64, least: f64) -> f64 {
    let prob = prob.clamp(least, 1.0 - least);
    (prob / (1.0 - prob)).ln()
}

fn finite(value: f32) -> f64 {
    if value.is_finite() { f64::from(value) } else { 0.0 }
}

/// An onset this near to an announced beat belongs to it, seconds: a frame and a half, and the time to it.
const HEARD_WITHIN_SEC: f64 = 0.035;
/// Beats over which what was heard is averaged (exponentially): two bars.
const HEARD_MEMORY_BEATS: f32 = 8.0;

/// What counts as heard before anything was: neither for nor against, as if of one beat.
const UNHEARD_PROB: f32 = 0.5;

/// Whether onsets followed where beats were announced.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HeardBeats {
    mean: f32,
    n_beats: f32,
    /// The announced beat that is being listened for, seconds of stream.
    awaited_sec: Option<f64>,
    loudest: f32,
}

impl Default for HeardBeats {
    fn default() -> Self {
        Self { mean: UNHEARD_PROB, n_beats: 1.0, awaited_sec: None, loudest: 0.0 }
    }
}

impl HeardBeats {
    /// Hears a frame in which an onset falls at `time_sec`.
    pub fn hear(&mut self, frame: &ActivationFrame, time_sec: f64) {
        let Some(awaited_sec) = self.awaited_sec else { return };
        if (time_sec - awaited_sec).abs() <= HEARD_WITHIN_SEC {
            self.loudest = self.loudest.max(frame.activation.beat + frame.activation.downbeat);
        } else if time_sec > awaited_sec {
            self.settle();
        }
    }

    /// A beat was announced at `t_sec`: from now on it is listened for.
    pub fn announce(&mut self, t_sec: f64) {
        self.settle();
        self.awaited_sec = Some(t_sec);
    }

    /// Mean onset probability at the beats of late, `[0, 1]`.
    pub fn prob(&self) -> f32 {
        self.mean
    }

    fn settle(&mut self) {
        if self.awaited_sec.take().is_some() {
            // A plain average until the memory is full.
            self.n_beats = (self.n_beats + 1.0).min(HEARD_MEMORY_BEATS);
            self.mean += (self.loudest.min(1.0) - self.mean) / self.n_beats;
            self.loudest = 0.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::analysis::activation::Activation;
    use crate::units::{FrameIdx, StreamSec};

    const GOOD: BeatEvidence = BeatEvidence { mode_prob: 0.98, heard_prob: 0.8, n_unheard: 0.0 };
    const BAD: BeatEvidence = BeatEvidence { mode_prob: 0.1, heard_prob: 0.02, n_unheard: 20.0 };

    #[test]
    fn sure_beats_are_sure_and_guesses_are_not() {
        assert!(GOOD.conf() > 0.9 && BAD.conf() < 0.4, "{} {}", GOOD.conf(), BAD.conf());
        assert!(WEIGHTS.iter().all(|&weight| weight >= 0.0));
    }

    #[test]
    fn what_is_heard_at_announced_beats_is_averaged() {
        let mut heard = HeardBeats::default();
        let hear = |heard: &mut HeardBeats, t_sec: f64, beat: f32| {
            let activation = Activation { beat, downbeat: 0.0, none: 1.0 - beat };
            let frame = ActivationFrame { frame: FrameIdx(0), time: StreamSec(t_sec), activation, flux: 0.0, rms: 0.1 };
            heard.hear(&frame, t_sec);
        };
        heard.announce(1.0);
        for (t_sec, beat) in [(0.90, 1.0), (0.98, 0.2), (1.0, 0.6), (1.06, 0.9)] {
            hear(&mut heard, t_sec, beat);
        }
        assert!((heard.prob() - 0.55).abs() < 1e-6, "of this beat and of none, and of neighbours in time only: {}", heard.prob());
        heard.announce(1.5);
        hear(&mut heard, 1.6, 0.0);
        assert!((heard.prob() - 1.1 / 3.0).abs() < 1e-6, "a beat without an onset counts as one");
    }

    proptest! {
        #[test]
        fn more_evidence_never_lowers_it(values in prop::array::uniform3(-1.0f32..40.0), more in 0.0f32..5.0, which in 0usize..N_FEATURES) {
            let of = |[mode_prob, heard_prob, n_unheard]: [f32; N_FEATURES]| BeatEvidence { mode_prob, heard_prob, n_unheard }.conf();
            let mut better = values;
            // Beats without an onset are the better the fewer.
            better[which] += if which < 2 { more } else { -more };
            let (conf, better) = (of(values), of(better));
            prop_assert!((0.0..=1.0).contains(&conf) && better >= conf - 1e-6, "{conf} {better}");
        }

        #[test]
        fn bad_numbers_give_a_probability(values in prop::array::uniform3(prop::num::f32::ANY)) {
            let [mode_prob, heard_prob, n_unheard] = values;
            let conf = BeatEvidence { mode_prob, heard_prob, n_unheard }.conf();
            prop_assert!((0.0..=1.0).contains(&conf));
        }
    }
}
