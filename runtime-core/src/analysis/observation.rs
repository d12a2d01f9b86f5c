//! How probable an activation is at a beat and elsewhere: what the decoders weigh their states with. Any thread.
//!
//! The ratio of two densities of the onset probability `s = beat + downbeat`, one at beats and one between them, is very
//! nearly a straight line over `logit(s)`, on generated music and with each of the networks tried: a network that was
//! trained with cross-entropy answers in log-odds, and what is left is a gain and an offset. So is that of the share of
//! downbeats. The densities give a gain of 1.3 and even odds at a probability of .12, where the frames between beats are all
//! alike. They are not: a decoder asks whether an onset is a beat or a *subdivision*, and those are onsets too, weaker ones.
//! Against them the even odds lie higher, and the constants here stand between: that is the evidence that tells a beat from
//! its double.

use super::activation::Activation;

/// Nats per unit of `logit(s)` at a beat: the gain.
const ON_GAIN: f64 = 1.6;
/// The onset's log-odds at which a beat and no beat explain it equally well: a probability of .23. NB: .12 doubles more tempi
/// (CMLt .02 to .04 less with three networks), .3 halves more.
const ON_EVEN_LOGIT: f64 = -1.2;
/// Least that a missing onset says, nats: musicians do leave beats out. NB: at -1.2 slow music without subdivisions is doubled; from -3 on
/// silence is evidence for a slow pulse.
const ON_LEAST_NATS: f64 = -2.5;
/// Most that an onset says, nats.
const ON_MOST_NATS: f64 = 4.5;
/// Frames 20 ms apart are far from independent, and a network's errors last, so each counts for less than one observation.
const ON_POWER: f64 = 0.42;
/// The same for downbeat or beat.
const BAR_POWER: f64 = 0.6;
/// Share of each of the two probabilities that counts for the other: their confusion.
const CLASS_LEAK: f64 = 0.1;
/// Share of beats that are downbeats: between the meters 3 and 4.
const DOWNBEAT_SHARE: f64 = 0.3;
/// Log-odds beyond this say no more.
const MAX_LOGIT: f64 = 8.0;

/// Likelihoods of one frame, relative to "between beats": what a state is multiplied with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FrameLikelihood {
    /// At a beat that is no downbeat.
    pub beat: f32,
    /// At a downbeat.
    pub downbeat: f32,
}

impl FrameLikelihood {
    /// Likelihoods of one frame. Values that are not finite count as "no beat".
    pub fn of(activation: &Activation) -> Self {
        let clean = |p: f32, otherwise: f64| if p.is_finite() { f64::from(p.clamp(0.0, 1.0)) } else { otherwise };
        let (beat, downbeat, none) = (clean(activation.beat, 0.0), clean(activation.downbeat, 0.0), clean(activation.none, 1.0));
        let least = (-MAX_LOGIT).exp();
        let logit = ((beat + downbeat).max(least) / none.max(least)).ln().clamp(-MAX_LOGIT, MAX_LOGIT);
        let on_nats = (ON_GAIN * (logit - ON_EVEN_LOGIT)).clamp(ON_LEAST_NATS, ON_MOST_NATS);
        let leak = |of: f64, other: f64| of + CLASS_LEAK * other + least;
        let ratio = (leak(downbeat, beat) / leak(beat, downbeat)).powf(BAR_POWER);
        let on = (ON_POWER * on_nats).exp() / (1.0 - DOWNBEAT_SHARE + DOWNBEAT_SHARE * ratio);
        Self { beat: on as f32, downbeat: (on * ratio) as f32 }
    }

    /// At a beat that is a downbeat to this share, see [`accents`](super::joint_space::JointSpace::accents).
    #[inline(always)]
    pub fn at(&self, accent: f32) -> f32 {
        self.beat + accent * (self.downbeat - self.beat)
    }

    /// Likelihoods of a step of which only a share lies in the beat zone.
    #[inline(always)]
    pub fn weighted(&self, share: f32) -> Self {
        let weighted = |likelihood: f32| share * likelihood + 1.0 - share;
        Self { beat: weighted(self.beat), downbeat: weighted(self.downbeat) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn likelihoods_prefer_what_the_network_saw() {
        let beat = FrameLikelihood::of(&Activation { beat: 0.8, downbeat: 0.1, none: 0.1 });
        assert!(beat.beat > beat.downbeat && beat.downbeat > 1.0);
        let none = FrameLikelihood::of(&Activation::default());
        assert!(none.beat < 1.0 && none.downbeat < 1.0 && none.beat > 0.0);
        let bad = FrameLikelihood::of(&Activation { beat: f32::NAN, downbeat: f32::INFINITY, none: f32::NAN });
        assert_eq!(bad, FrameLikelihood::of(&Activation { beat: 0.0, downbeat: 0.0, none: 1.0 }));
    }

    #[test]
    fn more_of_an_onset_is_never_less_of_a_beat_and_what_one_frame_says_is_bounded() {
        let of = |beat: f32| FrameLikelihood::of(&Activation { beat, downbeat: 0.0, none: 1.0 - beat }).beat;
        let probs = (0..=100).map(|percent| percent as f32 / 100.0);
        let likelihoods: Vec<f32> = probs.map(of).collect();
        assert!(likelihoods.is_sorted(), "{likelihoods:?}");
        assert!(of(0.1) < 1.0 && of(0.3) > 1.0, "a weak onset is less probable on a beat than off it");
        assert!(of(0.0) > 0.1 && of(1.0) < 30.0);
    }

    #[test]
    fn the_odds_of_a_downbeat_do_not_depend_on_the_strength_of_the_onset() {
        let odds = |strength: f32| {
            let activation = Activation { beat: 0.25 * strength, downbeat: 0.75 * strength, none: 1.0 - strength };
            let likelihood = FrameLikelihood::of(&activation);
            likelihood.downbeat / likelihood.beat
        };
        assert!(odds(0.8) > 1.5 && (odds(0.8) / odds(0.2) - 1.0).abs() < 0.02);
    }
}
