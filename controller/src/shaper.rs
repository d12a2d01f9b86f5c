//! From targets to controls: silence stills them, ranges hold, and no control moves or speeds up faster than the contract allows. So
//! neither mapping nor net can jump or flicker. `visualizer/controller/shaper.js` is the same, line by line.

use model_contracts::v1::controller as contract;

use crate::numbers::{clamp, finite};
use crate::{N_CONTROLS, STEP_SEC, range};

/// Controls that fall to 0 in silence; the others stay where they are.
const FALLS: [bool; N_CONTROLS] = [false, false, true, false, true, false, false, true, true, true, true, true];

/// Place and speed of each control.
#[derive(Debug, Clone)]
pub(crate) struct Shaper {
    values: [f64; N_CONTROLS],
    /// Per second.
    speeds: [f64; N_CONTROLS],
}

impl Default for Shaper {
    fn default() -> Self {
        Self { values: contract::CONTROL_REST, speeds: [0.0; N_CONTROLS] }
    }
}

impl Shaper {
    pub(crate) fn values(&self) -> &[f64; N_CONTROLS] {
        &self.values
    }

    /// One step towards the targets; `presence` in [0, 1] is how much there is to hear.
    pub(crate) fn step(&mut self, targets: &[f64; N_CONTROLS], presence: f64) -> &[f64; N_CONTROLS] {
        for k in 0..N_CONTROLS {
            let value = self.values[k];
            let (low, high) = range(k);
            let held = clamp(finite(targets[k]), low, high);
            let target = if FALLS[k] { held * presence } else { value + (held - value) * presence };
            let pull = if target > value { contract::PULL_UP_PER_SEC[k] } else { contract::PULL_DOWN_PER_SEC[k] };
            let wanted = clamp((target - value) * pull, -contract::MAX_SPEED_PER_SEC[k], contract::MAX_SPEED_PER_SEC[k]);
            let change = contract::MAX_ACCEL_PER_SEC2[k] * STEP_SEC;
            self.speeds[k] += clamp(wanted - self.speeds[k], -change, change);
            let next = value + self.speeds[k] * STEP_SEC;
            self.values[k] = clamp(next, low, high);
            if self.values[k] != next {
                self.speeds[k] = 0.0;
            }
        }
        &self.values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_reached_without_a_jump() {
        let mut shaper = Shaper::default();
        let path: Vec<f64> = (0..900).map(|_| shaper.step(&[1.0; N_CONTROLS], 1.0)[0]).collect();
        assert!(path.windows(2).all(|w| w[1] - w[0] <= contract::MAX_SPEED_PER_SEC[0] * STEP_SEC + 1e-12));
        assert!(path[899] > 0.99 && path[59] < 0.12, "{} {}", path[59], path[899]);
    }

    #[test]
    fn without_presence_nothing_sets_out() {
        let mut shaper = Shaper::default();
        (0..100).for_each(|_| drop(shaper.step(&[1.0; N_CONTROLS], 0.0).to_vec()));
        assert_eq!(shaper.values(), &contract::CONTROL_REST);
    }

    #[test]
    fn every_pull_fits_into_a_step() {
        for pull in contract::PULL_UP_PER_SEC.iter().chain(&contract::PULL_DOWN_PER_SEC) {
            assert!(*pull > 0.0 && pull * STEP_SEC < 1.0, "{pull}: a step would pass its target");
        }
    }
}
