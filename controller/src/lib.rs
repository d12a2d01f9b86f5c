//! The fast controller: what is heard, the beat foreseen to now, section and hazard become 12 bounded controls for visuals, 60 times
//! a second of music. Pure: no device, socket or clock; any thread.
//!
//! ```text
//! bands, level -> micro (24 features) -+-> mapping (by hand) -+-> shaper (stillness, ranges, speed limits) -> 12 controls -> julia
//! beat, section, hazard -> input ------+-> or net (GRU 32) ---+
//! ```
//!
//! `visualizer/controller/*.js` gives the same bits in a browser: 64-bit arithmetic of + - * / sqrt and floor in one order, no fused
//! multiply-add, and functions of our own in [`numbers`]. `tests/golden/controller` holds both sides to it.
//!
//! ```
//! use controller::{Controller, Input};
//! let mut controller = Controller::mapping();
//! let controls = controller.step(&Input { level: 0.5, ..Input::default() });
//! assert_eq!(controls.len(), 12);
//! ```

pub mod flashes;
pub mod input;
pub mod julia;
mod mapping;
mod micro;
mod net;
pub mod numbers;
pub mod picture;
mod shaper;

use model_contracts::v1::controller as contract;

pub use input::Input;
pub use net::{N_WEIGHTS, Weights, WeightsError};

use crate::input::Known;
use crate::micro::Micro;
use crate::net::Net;
use crate::shaper::Shaper;

/// Number of controls.
pub const N_CONTROLS: usize = contract::CONTROL_NAMES.len();
/// Number of micro features.
pub const N_MICRO: usize = contract::micro::LEN as usize;
/// Length of a step, seconds of music.
pub const STEP_SEC: f64 = 1.0 / model_contracts::v1::clocks::CONTROLLER_HZ as f64;
/// Lowest and highest value of a control.
///
/// # Panics
/// `control` is [`N_CONTROLS`] or more.
pub fn range(control: usize) -> (f64, f64) {
    (contract::CONTROL_MIN[control], f64::from(contract::CONTROL_MAX[control]))
}

/// Index of the micro feature that says how much there is to hear.
const PRESENCE: usize = 23;

/// Controls of one stream. [`Self::mapping`] or [`Self::net`], then [`Self::step`] 60 times a second of music.
#[derive(Debug, Clone)]
pub struct Controller {
    micro: Micro,
    net: Option<Net>,
    shaper: Shaper,
}

impl Controller {
    /// The hand-written mapping.
    pub fn mapping() -> Self {
        Self { micro: Micro::default(), net: None, shaper: Shaper::default() }
    }

    /// The net.
    pub fn net(weights: Weights) -> Self {
        Self { net: Some(Net::new(weights)), ..Self::mapping() }
    }

    /// One step of 1/60 s: the controls in the order of the contract's `control_names`, each within its range.
    ///
    /// Real-time safe: yes.
    pub fn step(&mut self, input: &Input) -> [f64; N_CONTROLS] {
        let micro = *self.micro.step(&input.bands, input.level);
        let known = Known::of(input);
        let targets = match &mut self.net {
            Some(net) => net.step(&micro, &known, self.shaper.values()),
            None => mapping::targets(&micro, &known),
        };
        *self.shaper.step(&targets, micro[PRESENCE])
    }

    /// The micro features of the last step, in the order of the contract's names.
    pub fn micro(&self) -> &[f64; N_MICRO] {
        self.micro.values()
    }

    /// Back to the exact state after construction.
    pub fn reset(&mut self) {
        self.micro = Micro::default();
        self.shaper = Shaper::default();
        if let Some(net) = &mut self.net {
            net.reset();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Loud music on a beat of half a second, `k` steps in.
    fn music(k: u32) -> Input {
        let phase = f64::from(k % 30) / 30.0;
        let mut section_probs = [0.0; 8];
        section_probs[4] = 1.0;
        Input {
            bands: [if phase < 0.1 { 0.7 } else { 0.4 }; 16],
            level: 0.6,
            phase,
            bar_phase: f64::from(k % 120) / 120.0,
            beats_per_bar: 4,
            period_sec: 0.5,
            confidence: 0.9,
            locked: true,
            section_probs,
            hazard_probs: [0.0, 0.0, 0.05, 0.1, 0.3],
        }
    }

    #[test]
    fn silence_is_still() {
        let mut controller = Controller::mapping();
        for k in 0..600 {
            controller.step(&music(k));
        }
        let silent = |k| Input { bands: [0.0; 16], level: 0.0, ..music(k) };
        let settled = (0..300).map(|k| controller.step(&silent(k))).last().unwrap();
        let later = (300..600).map(|k| controller.step(&silent(k))).last().unwrap();
        for (before, after) in settled.iter().zip(&later) {
            assert!((before - after).abs() < 1e-3, "{settled:?} {later:?}");
        }
        assert!(later[7..].iter().all(|value| *value < 1e-3), "{later:?}");
    }

    #[test]
    fn a_beat_glows_when_it_falls() {
        let mut controller = Controller::mapping();
        let glow: Vec<f64> = (0..1200).map(|k| controller.step(&music(k))[11]).collect();
        let last = &glow[1140..1170];
        let brightest = (0..30).max_by(|&a, &b| last[a].total_cmp(&last[b])).unwrap();
        assert!(brightest <= 2 || brightest == 29, "{last:?}");
        assert!(last[brightest] > 0.5 && last[25] < 0.3, "{last:?}");
    }

    #[test]
    fn tension_rises_with_the_boundary_and_is_let_go_within_a_beat_after_it() {
        let mut controller = Controller::mapping();
        let near = |k| Input { hazard_probs: [0.1, 0.3, 0.6, 0.9, 1.0], ..music(k) };
        (0..600).for_each(|k| {
            controller.step(&music(k));
        });
        let before = controller.step(&music(0))[10];
        (0..240).for_each(|k| {
            controller.step(&near(k));
        });
        let at = controller.step(&near(0))[10];
        (0..30).for_each(|k| {
            controller.step(&music(k));
        });
        let after = controller.step(&music(0))[10];
        assert!(before < 0.01 && at > 0.9 && after < 0.1, "{before} {at} {after}");
    }

    #[test]
    fn numbers_that_are_none_do_no_harm() {
        let mut controller = Controller::mapping();
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, -1e300] {
            let input = Input {
                bands: [bad; 16],
                level: bad,
                phase: bad,
                bar_phase: bad,
                beats_per_bar: 4,
                period_sec: bad,
                confidence: bad,
                locked: true,
                section_probs: [bad; 8],
                hazard_probs: [bad; 5],
            };
            assert!(controller.step(&input).iter().all(|value| value.is_finite()), "{bad}");
        }
    }

    #[test]
    fn a_reset_controller_is_a_new_one() {
        for new in [Controller::mapping(), Controller::net(Weights::sample(3))] {
            let mut used = new.clone();
            (0..200).for_each(|k| {
                used.step(&music(k));
            });
            used.reset();
            let mut fresh = new;
            for k in 0..200 {
                assert_eq!(used.step(&music(k)), fresh.step(&music(k)));
            }
        }
    }

    proptest! {
        #[test]
        fn no_input_breaks_a_range_or_a_speed_limit(values in prop::collection::vec(-0.5f64..1.5, 40 * 34), seed in 0u32..50) {
            for mut controller in [Controller::mapping(), Controller::net(Weights::sample(seed))] {
                let mut last: Option<[f64; N_CONTROLS]> = None;
                for v in values.chunks_exact(34) {
                    let input = Input {
                        bands: std::array::from_fn(|k| v[k]), level: v[16], phase: v[17], bar_phase: v[18], beats_per_bar: 4, period_sec: v[19],
                        confidence: v[20], locked: v[0] > 0.0, section_probs: std::array::from_fn(|k| v[21 + k]),
                        hazard_probs: std::array::from_fn(|k| v[29 + k]),
                    };
                    let controls = controller.step(&input);
                    for k in 0..N_CONTROLS {
                        prop_assert!((range(k).0..=range(k).1).contains(&controls[k]));
                        if let Some(last) = last {
                            prop_assert!((controls[k] - last[k]).abs() <= contract::MAX_SPEED_PER_SEC[k] * STEP_SEC * 1.000_001);
                        }
                    }
                    last = Some(controls);
                }
            }
        }
    }
}
