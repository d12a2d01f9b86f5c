//! A set of equally weighted particles on a [`RingSpace`]: move, weigh, resample, read. INFERENCE THREAD.
//!
//! BeatNet's beat and bar populations are the same thing on two spaces, so one type serves both. Follows BeatNet
//! `particle_filtering_cascade.py` (methods of `particle_filter_cascade`), in its order of particles and draws.

use super::draws::Draws;
use super::resample::resample;
use crate::analysis::beatnet_space::RingSpace;

/// Particles on a ring space, each a state number.
#[derive(Debug, Clone)]
pub(super) struct Population {
    space: RingSpace,
    /// Running sums of the non-zero jump probabilities, normalised, and their target rings; `[n_rings][n_targets]`.
    jumps: Vec<Vec<(f64, u16)>>,
    states: Vec<u16>,
    moved: Vec<u16>,
    weights: Vec<f64>,
    chosen: Vec<u32>,
    counts: Vec<u32>,
}

impl Population {
    /// A population of given states on a space.
    pub(super) fn new(space: RingSpace, states: Vec<u16>) -> Self {
        let n_rings = space.n_rings();
        let jumps = space.transition.chunks(n_rings).map(cumulative_jumps).collect();
        let counts = vec![0; space.n_states()];
        let (moved, weights, chosen) = (states.clone(), vec![0.0; states.len()], vec![0; states.len()]);
        Self { space, jumps, states, moved, weights, chosen, counts }
    }

    /// The space of the states.
    pub(super) fn space(&self) -> &RingSpace {
        &self.space
    }

    /// State of each particle, `[n_particles]`.
    pub(super) fn states(&self) -> &[u16] {
        &self.states
    }

    /// Moves every particle by one step; those that jump go to the end, in order, with one uniform draw each.
    pub(super) fn advance(&mut self, draws: &mut impl Draws) {
        self.moved.clear();
        self.moved.extend(self.states.iter().filter(|&&s| !self.space.is_last(s)).map(|&s| s + 1));
        for &state in self.states.iter().filter(|&&s| self.space.is_last(s)) {
            let row = &self.jumps[usize::from(self.space.ring_of_state[usize::from(state)])];
            let draw = draws.uniform();
            let ring = row.iter().find(|(sum, _)| *sum > draw).map_or(row[row.len() - 1].1, |&(_, ring)| ring);
            self.moved.push(self.space.first_states[usize::from(ring)]);
        }
        std::mem::swap(&mut self.states, &mut self.moved);
    }

    /// Adds a particle on the first state of each ring named.
    pub(super) fn inject(&mut self, rings: impl Iterator<Item = usize>) {
        self.states.extend(rings.map(|ring| self.space.first_states[ring]));
    }

    /// Replaces the population by as many draws from it, in proportion to `on_first` for particles on the first state
    /// of a ring and `elsewhere` for the others; stratified, one uniform draw per particle.
    pub(super) fn weigh_and_resample(&mut self, on_first: f64, elsewhere: f64, draws: &mut impl Draws) {
        let space = &self.space;
        self.weights.clear();
        self.weights.extend(self.states.iter().map(|&s| if space.position_of(s) == 0 { on_first } else { elsewhere }));
        self.chosen.resize(self.states.len(), 0);
        resample(&self.weights, &mut self.chosen, || draws.uniform());
        self.moved.clear();
        self.moved.extend(self.chosen.iter().map(|&i| self.states[i as usize]));
        std::mem::swap(&mut self.states, &mut self.moved);
    }

    /// Removes the particles at these indices, all different.
    pub(super) fn remove(&mut self, indices: &mut [usize]) {
        indices.sort_unstable_by(|a, b| b.cmp(a));
        for &index in &*indices {
            self.states.remove(index);
        }
    }

    /// Median of the state numbers, truncated to a state: the counts of the states are swept, nothing is sorted.
    pub(super) fn median_state(&mut self) -> u16 {
        self.count();
        let (low_rank, high_rank) = ((self.states.len() - 1) / 2, self.states.len() / 2);
        ((self.state_at_rank(low_rank) + self.state_at_rank(high_rank)) / 2) as u16
    }

    /// The state that most particles are in; the lowest of equals.
    pub(super) fn mode_state(&mut self) -> u16 {
        self.count();
        let most = self.counts.iter().copied().max().unwrap_or(0);
        self.counts.iter().position(|&n| n == most).unwrap_or(0) as u16
    }

    fn count(&mut self) {
        self.counts.fill(0);
        self.states.iter().for_each(|&state| self.counts[usize::from(state)] += 1);
    }

    fn state_at_rank(&self, rank: usize) -> usize {
        let mut seen = 0;
        let found = self.counts.iter().position(|&n| {
            seen += n as usize;
            seen > rank
        });
        found.expect("a rank lies below the number of particles")
    }
}

/// The non-zero entries of a row as normalised running sums with their rings.
fn cumulative_jumps(row: &[f64]) -> Vec<(f64, u16)> {
    let mut sum = 0.0;
    let mut jumps: Vec<(f64, u16)> = Vec::new();
    for (ring, &p) in row.iter().enumerate().filter(|(_, p)| **p > 0.0) {
        sum += p;
        jumps.push((sum, ring as u16));
    }
    jumps.iter_mut().for_each(|(cumulative, _)| *cumulative /= sum);
    jumps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::rng::Pcg32;

    #[test]
    fn particles_walk_their_ring_and_jump_at_its_end() {
        let mut bars = Population::new(RingSpace::bars(), vec![1, 0, 5]);
        bars.advance(&mut Pcg32::new(0, 0));
        // State 1 ends the two-beat bar: it goes last, to the start of some bar.
        assert_eq!(bars.states()[..2], [1, 6]);
        assert!([0, 2, 5].contains(&bars.states()[2]));
    }

    #[test]
    fn the_median_is_the_truncated_mean_of_the_middle_two() {
        let mut bars = Population::new(RingSpace::bars(), vec![8, 1, 0, 4]);
        assert_eq!(bars.median_state(), 2);
        let mut odd = Population::new(RingSpace::bars(), vec![8, 1, 7]);
        assert_eq!(odd.median_state(), 7);
    }

    #[test]
    fn the_mode_is_the_lowest_of_equals() {
        assert_eq!(Population::new(RingSpace::bars(), vec![5, 3, 3, 5, 1]).mode_state(), 3);
    }

    #[test]
    fn only_weighted_particles_survive() {
        let mut bars = Population::new(RingSpace::bars(), vec![0, 1, 2, 3]);
        bars.weigh_and_resample(1.0, 0.0, &mut Pcg32::new(0, 0));
        assert_eq!(bars.states(), [0, 0, 2, 2]);
    }
}
