//! What is done to the activations of a network before they reach a decoder: class scales and a floor. INFERENCE THREAD.
//!
//! Training weights the rare classes up, which makes their probabilities too large for a decoder that takes them as they
//! are; the scales undo that (a correction of the prior, Saerens, Latinne & Decaestecker 2002). The floor keeps one
//! confident error from ruling out a tempo for good.

use serde::Deserialize;

use super::activation::Activation;

/// Scales and floor. Part of the model: chosen with it, stated in its manifest.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Factor of the beat class before all three are made to sum to 1 again; above 0.
    pub beat_scale: f32,
    /// Factor of the downbeat class; above 0.
    pub downbeat_scale: f32,
    /// Share of a uniform distribution in the result, in [0, 1).
    pub floor: f32,
}

impl Calibration {
    /// The calibrated activation; sums to 1 where `activation` does.
    pub fn apply(&self, activation: Activation) -> Activation {
        let beat = activation.beat * self.beat_scale;
        let downbeat = activation.downbeat * self.downbeat_scale;
        let sum = beat + downbeat + activation.none;
        let floored = |prob: f32| self.floor / 3.0 + (1.0 - self.floor) * (prob / sum);
        Activation { beat: floored(beat), downbeat: floored(downbeat), none: floored(activation.none) }
    }

    /// The first field out of its range: its name, what it may be, what it is.
    pub fn first_fault(&self) -> Option<(&'static str, &'static str, f32)> {
        const SCALE: &str = "a number from 0.000001 to 1000000";
        let is_scale = |value: f32| (1e-6..=1e6).contains(&value);
        if !is_scale(self.beat_scale) {
            Some(("beat_scale", SCALE, self.beat_scale))
        } else if !is_scale(self.downbeat_scale) {
            Some(("downbeat_scale", SCALE, self.downbeat_scale))
        } else if !(0.0..1.0).contains(&self.floor) {
            Some(("floor", "a number from 0 to below 1", self.floor))
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn scales_and_floor_are_as_computed_by_hand() {
        let calibration = Calibration { beat_scale: 0.5, downbeat_scale: 0.25, floor: 0.3 };
        // .4 .4 .2 -> .2 .1 .2 -> .4 .2 .4 -> .1 + .7 of each.
        let got = calibration.apply(Activation { beat: 0.4, downbeat: 0.4, none: 0.2 });
        for (got, expected) in [(got.beat, 0.38), (got.downbeat, 0.24), (got.none, 0.38)] {
            assert!((got - expected).abs() < 1e-6, "{got} {expected}");
        }
    }

    #[test]
    fn each_field_has_its_range() {
        let good = Calibration { beat_scale: 0.12, downbeat_scale: 2.0, floor: 0.0 };
        assert_eq!(good.first_fault(), None);
        for (fault, bad) in [
            ("beat_scale", Calibration { beat_scale: 0.0, ..good }),
            ("beat_scale", Calibration { beat_scale: f32::NAN, ..good }),
            ("downbeat_scale", Calibration { downbeat_scale: f32::INFINITY, ..good }),
            ("downbeat_scale", Calibration { downbeat_scale: -1.0, ..good }),
            ("floor", Calibration { floor: 1.0, ..good }),
            ("floor", Calibration { floor: -0.01, ..good }),
        ] {
            assert_eq!(bad.first_fault().map(|(field, ..)| field), Some(fault));
        }
    }

    proptest! {
        #[test]
        fn the_result_is_a_distribution(beat in 0.0f32..1.0, share in 0.0f32..1.0, scales in (0.001f32..100.0, 0.001f32..100.0), floor in 0.0f32..0.99) {
            let downbeat = (1.0 - beat) * share;
            let calibration = Calibration { beat_scale: scales.0, downbeat_scale: scales.1, floor };
            let got = calibration.apply(Activation { beat, downbeat, none: 1.0 - beat - downbeat });
            prop_assert!((got.beat + got.downbeat + got.none - 1.0).abs() < 1e-5);
            prop_assert!([got.beat, got.downbeat, got.none].iter().all(|&p| p >= floor / 3.0 - 1e-6));
        }
    }
}
