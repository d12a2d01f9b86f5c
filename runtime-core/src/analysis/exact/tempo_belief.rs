//! What the exact decoder believes about the tempo alone. INFERENCE THREAD.

use super::{ExactDecoder, MAX_SLOTS};
use crate::analysis::candidates::TempoBelief;
use crate::analysis::joint_space::STEPS_PER_FRAME;

impl TempoBelief for ExactDecoder {
    fn tempo_masses(&self, visit: &mut dyn FnMut(f64, f64)) {
        for (interval_idx, &interval) in self.space.intervals.iter().enumerate() {
            let mass: f32 = self.rings.masses[self.rings.cells(interval_idx)].iter().sum();
            visit(interval as f64 / STEPS_PER_FRAME as f64, f64::from(mass));
        }
    }

    fn leave_open(&mut self, share: f64) {
        self.normalise();
        let (kept, share) = ((1.0 - share) as f32, share as f32);
        let n_slots = self.space.n_slots();
        self.rings.states.iter_mut().flatten().for_each(|value| *value *= kept);
        for interval_idx in 0..self.space.n_intervals() {
            let mut prior = [0.0; MAX_SLOTS];
            for (slot_idx, prob) in prior.iter_mut().enumerate().take(n_slots) {
                *prob = share * self.space.initial_prob(interval_idx, slot_idx);
            }
            let cells = self.rings.cells(interval_idx);
            for bar in &mut self.rings.states[cells] {
                bar.iter_mut().zip(&prior).for_each(|(value, prob)| *value += prob);
            }
        }
        self.rings.sum_up();
        self.normalise();
    }
}
