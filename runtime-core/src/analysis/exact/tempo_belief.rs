//! What the exact decoder believes about the tempo alone. INFERENCE THREAD.

use super::{ExactDecoder, MAX_SLOTS};
use crate::analysis::candidates::TempoBelief;
use crate::analysis::joint_space::STEPS_PER_FRAME;

impl TempoBelief for ExactDecoder {
    fn tempo_masses(&self, visit: &mut dyn FnMut(f64, f64)) {
        let n_intervals = self.space.n_intervals();
        for (interval_idx, &interval) in self.space.intervals.iter().enumerate() {
            let mass: f32 = self.masses[interval_idx..].iter().step_by(n_intervals).sum();
            visit(interval as f64 / STEPS_PER_FRAME as f64, f64::from(mass));
        }
    }

    fn leave_open(&mut self, share: f64) {
        self.normalise();
        let (kept, share) = ((1.0 - share) as f32, share as f32);
        let (n_intervals, n_slots) = (self.space.n_intervals(), self.space.n_slots());
        self.states.iter_mut().flatten().for_each(|value| *value *= kept);
        for interval_idx in 0..n_intervals {
            let mut prior = [0.0; MAX_SLOTS];
            for (slot_idx, prob) in prior.iter_mut().enumerate().take(n_slots) {
                *prob = share * self.space.initial_prob(interval_idx, slot_idx);
            }
            for ahead in 1..=self.space.intervals[interval_idx] {
                let cell = self.ring_idx(ahead) * n_intervals + interval_idx;
                self.states[cell].iter_mut().zip(&prior).for_each(|(value, prob)| *value += prob);
            }
        }
        for (mass, state) in self.masses.iter_mut().zip(&self.states) {
            *mass = state.iter().sum();
        }
        self.normalise();
    }
}
