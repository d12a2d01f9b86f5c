//! From weighted particles to one belief: the densest neighbourhood in tempo and phase, and what it says. INFERENCE THREAD.
//!
//! BeatNet takes the median of state numbers, which lies between two hypotheses rather than at one of them. Here the
//! weights are counted on a coarse grid, the best 3 by 3 cells found, and the particles around it averaged, so that the
//! result is finer than any grid.

use super::swarm::{N_PARTICLES, Swarm};
use crate::analysis::decoder::BeatPosterior;
use crate::analysis::joint_space::MAX_SLOTS;

/// Cells per beat.
const N_PHASES: usize = 32;
/// Width of a cell in tempo, natural logarithm: 3 %.
const TEMPO_CELL_LOG: f64 = 0.03;
/// Particles within this share of a beat of the mode belong to it ...
const MODE_WIDTH_BEATS: f64 = 0.06;
/// ... if their intervals lie within this ratio.
const MODE_WIDTH_RATIO: f64 = 0.12;

/// Buffers for reading a swarm.
#[derive(Debug, Clone)]
pub(super) struct ReadOut {
    /// `[n_tempi][N_PHASES]`: weight in each cell ...
    cells: Vec<f32>,
    /// ... and in it with its two neighbours in phase.
    sums: Vec<f32>,
    /// Phase of each particle in its beat, `[0, 1)`.
    phases: Vec<f64>,
    shortest_log: f64,
}

impl ReadOut {
    pub(super) fn new(swarm: &Swarm) -> Self {
        let (shortest, longest) = swarm.interval_range();
        let n_tempi = ((longest / shortest).ln() / TEMPO_CELL_LOG) as usize + 1;
        let cells = vec![0.0; n_tempi * N_PHASES];
        Self { sums: cells.clone(), cells, phases: vec![0.0; N_PARTICLES], shortest_log: shortest.ln() }
    }

    /// Fills all of `posterior` but the evidence of a pulse.
    pub(super) fn read(&mut self, swarm: &Swarm, now: f64, posterior: &mut BeatPosterior) {
        let (mut interval, mut phase) = self.mode(swarm, now);
        let (mut mass, mut phase_sum, mut interval_sum) = (0.0, 0.0, 0.0);
        for i in 0..N_PARTICLES {
            if let Some(distance) = self.distance(swarm, i, interval, phase) {
                mass += swarm.weights[i];
                phase_sum += swarm.weights[i] * distance;
                interval_sum += swarm.weights[i] * swarm.intervals[i];
            }
        }
        if mass > 0.0 {
            interval = interval_sum / mass;
            phase = (phase + phase_sum / mass).rem_euclid(1.0);
        }
        // In the first half of a beat the beat that began it is nearer than the next one.
        let nearest = if phase < 0.5 { 0.0 } else { 1.0 };
        posterior.interval_frames = interval;
        posterior.frames_to_beat = (nearest - phase) * interval;
        posterior.conf = mass.clamp(0.0, 1.0) as f32;
        self.read_bar(swarm, interval, phase, posterior);
    }

    /// Meter and position in the bar of the beat nearest to the mode.
    fn read_bar(&self, swarm: &Swarm, interval: f64, phase: f64, posterior: &mut BeatPosterior) {
        // A particle may stand on the other side of a beat than the mode, so each is asked about the beat that the mode
        // means: the one that began its present beat, or the one that ends it.
        let (mut begun, mut to_come) = ([0.0f32; MAX_SLOTS], [0.0f32; MAX_SLOTS]);
        for i in 0..N_PARTICLES {
            let Some(distance) = self.distance(swarm, i, interval, phase) else { continue };
            let mode_phase = self.phases[i] - distance;
            let sums = if mode_phase < 0.5 { &mut begun } else { &mut to_come };
            let weight = swarm.weights[i] as f32;
            sums.iter_mut().zip(&swarm.bars[i]).for_each(|(sum, prob)| *sum += weight * prob);
        }
        swarm.space.move_on_in_bar(&mut to_come);
        let slots = swarm.space.slots.iter().zip(begun.iter().zip(&to_come).map(|(a, b)| a + b));
        let (mut best, mut total, mut downbeat) = (0.0, 0.0, 0.0);
        (posterior.beats_per_bar, posterior.beat_in_bar) = (0, 0);
        for (slot, mass) in slots {
            total += mass;
            if slot.beat_in_bar == 1 {
                downbeat += mass;
            }
            if mass > best {
                best = mass;
                (posterior.beats_per_bar, posterior.beat_in_bar) = (slot.beats_per_bar, slot.beat_in_bar);
            }
        }
        posterior.downbeat_prob = if total > 0.0 { (downbeat / total).min(1.0) } else { 0.0 };
    }

    /// Interval (frames) and phase of the heaviest 3 by 3 cells. Updates the phases.
    fn mode(&mut self, swarm: &Swarm, now: f64) -> (f64, f64) {
        let n_tempi = self.cells.len() / N_PHASES;
        self.cells.fill(0.0);
        for i in 0..N_PARTICLES {
            let interval = swarm.intervals[i];
            let phase = 1.0 - (swarm.next_beats[i] - now) / interval;
            self.phases[i] = phase;
            let tempo = (((interval.ln() - self.shortest_log) / TEMPO_CELL_LOG) as usize).min(n_tempi - 1);
            let cell = ((phase * N_PHASES as f64) as usize).min(N_PHASES - 1);
            self.cells[tempo * N_PHASES + cell] += swarm.weights[i] as f32;
        }
        for (row, sums) in self.cells.chunks_exact(N_PHASES).zip(self.sums.chunks_exact_mut(N_PHASES)) {
            for (cell, sum) in sums.iter_mut().enumerate() {
                *sum = row[(cell + N_PHASES - 1) % N_PHASES] + row[cell] + row[(cell + 1) % N_PHASES];
            }
        }
        let (mut best, mut best_idx) = (-1.0, 0);
        for idx in 0..self.sums.len() {
            let slower = self.sums.get(idx + N_PHASES).copied().unwrap_or(0.0);
            let faster = if idx < N_PHASES { 0.0 } else { self.sums[idx - N_PHASES] };
            let mass = faster + self.sums[idx] + slower;
            if mass > best {
                (best, best_idx) = (mass, idx);
            }
        }
        let interval = (self.shortest_log + ((best_idx / N_PHASES) as f64 + 0.5) * TEMPO_CELL_LOG).exp();
        (interval, ((best_idx % N_PHASES) as f64 + 0.5) / N_PHASES as f64)
    }

    /// Phase of a particle relative to the mode, beats in `[-0.5, 0.5]`, if it belongs to the mode.
    fn distance(&self, swarm: &Swarm, i: usize, interval: f64, phase: f64) -> Option<f64> {
        let turns = self.phases[i] - phase;
        let distance = turns - turns.round();
        let is_near = distance.abs() <= MODE_WIDTH_BEATS && (swarm.intervals[i] - interval).abs() <= MODE_WIDTH_RATIO * interval;
        is_near.then_some(distance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::config::{Meter, TempoRange};
    use crate::analysis::joint_space::JointSpace;
    use crate::analysis::rng::Pcg32;

    /// All particles at one interval and next beat, certainly in one bar slot.
    fn read(interval: f64, next_beats: [f64; 2], slots: [usize; 2]) -> BeatPosterior {
        let mut swarm = Swarm::new(JointSpace::new(TempoRange::default(), Meter::Auto), &mut Pcg32::new(0, 0));
        for i in 0..N_PARTICLES {
            swarm.intervals[i] = interval;
            swarm.next_beats[i] = next_beats[i % 2];
            swarm.bars[i] = [0.0; MAX_SLOTS];
            swarm.bars[i][slots[i % 2]] = 1.0;
        }
        let mut posterior = BeatPosterior::default();
        ReadOut::new(&swarm).read(&swarm, 0.0, &mut posterior);
        posterior
    }

    #[test]
    fn a_beat_to_come_is_predicted_with_its_place_in_the_bar() {
        let posterior = read(25.3, [4.5, 4.5], [7, 7]);
        assert!((posterior.interval_frames - 25.3).abs() < 1e-9 && (posterior.frames_to_beat - 4.5).abs() < 1e-9, "{posterior:?}");
        assert_eq!((posterior.beats_per_bar, posterior.beat_in_bar), (4, 4));
        assert!((posterior.conf - 1.0).abs() < 1e-6 && posterior.downbeat_prob < 1e-3);
    }

    #[test]
    fn a_beat_just_past_is_told_with_a_negative_distance() {
        let posterior = read(20.0, [17.0, 17.0], [2, 2]);
        assert!((posterior.frames_to_beat + 3.0).abs() < 1e-9, "{posterior:?}");
        assert_eq!((posterior.beats_per_bar, posterior.beat_in_bar), (3, 1));
        assert!(posterior.downbeat_prob > 0.999);
    }

    #[test]
    fn particles_on_both_sides_of_a_beat_agree_about_it() {
        // Half of them stand just before the third beat of four, half just after it began.
        let posterior = read(25.0, [0.5, 24.5], [6, 7]);
        assert!(posterior.frames_to_beat.abs() < 1e-6, "{posterior:?}");
        assert_eq!((posterior.beats_per_bar, posterior.beat_in_bar), (4, 3));
        assert!((posterior.conf - 1.0).abs() < 1e-6 && posterior.downbeat_prob < 1e-3);
    }
}
