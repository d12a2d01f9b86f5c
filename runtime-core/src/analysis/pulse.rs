//! Is there a pulse at all? Model comparison between "beats" and "onsets at any time". INFERENCE THREAD.
//!
//! Each frame, the beat model predicts how probable a beat is now; the memoryless model gives every frame the same
//! chance, six in a hundred, which is the beat model's own average. The difference of their log-likelihoods says how much
//! better the frame was foreseen by a pulse than by chance: positive where onsets come when expected, negative in noise,
//! where they come when they want, and near zero in silence. It is summed with exponential forgetting, so that the
//! evidence is that of the last seconds.

use super::observation::FrameLikelihood;

/// Time constant of the forgetting, frames (4 s: two bars at 120 BPM).
const MEMORY_FRAMES: f64 = 200.0;
/// Chance of a beat in any frame under the memoryless model: the beat zones' share of all frames, averaged over tempi.
const ONSET_PROB: f64 = 0.06;
/// Share of downbeats among the memoryless model's beats: between the meters 3 and 4.
const DOWNBEAT_SHARE: f64 = 0.3;
/// More evidence than this is not remembered, nats, so that it does not outlast the music for long.
const MAX_NATS: f64 = 6.0;

/// Running evidence for a pulse.
#[derive(Debug, Clone, Default)]
pub struct PulseEvidence {
    nats: f64,
}

impl PulseEvidence {
    /// Adds a frame and returns the evidence, nats.
    ///
    /// `beat_model_nats` is the log-likelihood of the frame under the beat model, relative to "no beat".
    pub fn step(&mut self, beat_model_nats: f64, likelihood: &FrameLikelihood) -> f32 {
        let onset = (1.0 - DOWNBEAT_SHARE) * f64::from(likelihood.beat) + DOWNBEAT_SHARE * f64::from(likelihood.downbeat);
        let memoryless_nats = (1.0 - ONSET_PROB + ONSET_PROB * onset).ln();
        let gain = beat_model_nats - memoryless_nats;
        if gain.is_finite() {
            self.nats = (self.nats + gain - self.nats / MEMORY_FRAMES).min(MAX_NATS);
        }
        self.nats as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONSET: FrameLikelihood = FrameLikelihood { beat: 8.0, downbeat: 8.0 };
    const NOTHING: FrameLikelihood = FrameLikelihood { beat: 0.2, downbeat: 0.2 };

    #[test]
    fn foreseen_onsets_are_evidence_and_surprising_ones_are_evidence_against() {
        let run = |chance_given: &dyn Fn(bool) -> f64| {
            let mut pulse = PulseEvidence::default();
            let mut last = 0.0;
            for n in 0..500 {
                let onset = n % 16 == 0;
                let likelihood = if onset { ONSET } else { NOTHING };
                let chance = chance_given(onset);
                last = pulse.step((1.0 - chance + chance * f64::from(likelihood.beat)).ln(), &likelihood);
            }
            last
        };
        assert!(run(&|onset| if onset { 0.9 } else { 0.01 }) > 5.0);
        assert!(run(&|onset| if onset { 0.01 } else { 0.065 }) < -2.0);
        assert!(run(&|_| ONSET_PROB).abs() < 1e-6, "no better than chance");
    }

    #[test]
    fn evidence_fades() {
        let mut pulse = PulseEvidence::default();
        for _ in 0..100 {
            pulse.step(0.1, &NOTHING);
        }
        let strong = pulse.nats;
        for _ in 0..1000 {
            pulse.step((1.0 - ONSET_PROB + ONSET_PROB * 0.2f64).ln(), &NOTHING);
        }
        assert!(pulse.nats < 0.02 * strong);
    }

    #[test]
    fn what_is_not_finite_is_ignored() {
        let mut pulse = PulseEvidence::default();
        assert_eq!(pulse.step(f64::NAN, &ONSET), 0.0);
        assert_eq!(pulse.step(f64::NEG_INFINITY, &ONSET), 0.0);
        assert_eq!(pulse.step(1e9, &ONSET), MAX_NATS as f32);
    }
}
