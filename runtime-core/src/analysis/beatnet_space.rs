//! BeatNet's two state spaces: the beat space (42 intervals of 14 to 55 frames, 1449 states) and the bar space (meters
//! of 2, 3 and 4 beats, 9 states). INFERENCE THREAD; built once, read by the cascade of [`particles`](super::particles).
//!
//! Both are *rings*: a state steps to the next one of its ring for certain, and from the last one jumps to the first
//! state of any ring. Source: Krebs, Böck & Widmer, "An efficient state-space model for joint tempo and meter tracking",
//! ISMIR 2015, sections 3.2-3.3; madmom `features/beats_hmm.py` (`BeatStateSpace`, `exponential_transition`); BeatNet
//! `particle_filtering_cascade.py`, which samples states of these spaces. Golden data: `tests/golden/constants`.

/// Shortest beat, frames of 20 ms: 215 BPM, rounded.
pub const SHORTEST_BEAT_FRAMES: usize = 14;
/// Longest beat, frames of 20 ms: 55 BPM, rounded.
pub const LONGEST_BEAT_FRAMES: usize = 55;
/// How firmly a tempo is kept at each beat: `P(n' | n)` is proportional to `exp(-60 |n'/n - 1|)` (BeatNet `lambda_b`).
pub const TEMPO_LAMBDA: f64 = 60.0;
/// Probability that the meter changes at a bar line, over all other meters (BeatNet `lambda_d`).
pub const METER_CHANGE_PROB: f64 = 0.1;
/// Meters of the bar space, beats per bar.
pub const METERS: [usize; 3] = [2, 3, 4];

/// States on rings of several lengths, numbered ring by ring, with the jump probabilities between rings.
#[derive(Debug, Clone)]
pub struct RingSpace {
    /// Length of each ring, states, `[n_rings]`.
    pub lengths: Vec<usize>,
    /// First state of each ring, `[n_rings]`.
    pub first_states: Vec<u16>,
    /// Ring of each state, `[n_states]`.
    pub ring_of_state: Vec<u16>,
    /// Probability of a jump from the last state of a ring (row) to the first of another (column), `[n_rings, n_rings]`.
    pub transition: Vec<f64>,
}

impl RingSpace {
    /// BeatNet's beat space: a ring for each beat length in frames, a state for each frame of it.
    pub fn beats() -> Self {
        let lengths: Vec<usize> = (SHORTEST_BEAT_FRAMES..=LONGEST_BEAT_FRAMES).collect();
        let mut transition = Vec::with_capacity(lengths.len() * lengths.len());
        for &from in &lengths {
            let mut row: Vec<f64> = lengths.iter().map(|&to| tempo_weight(to as f64 / from as f64)).collect();
            let sum: f64 = row.iter().sum();
            row.iter_mut().for_each(|p| *p /= sum);
            transition.extend(row);
        }
        Self::new(lengths, transition)
    }

    /// BeatNet's bar space: a ring for each meter, a state for each beat of it.
    pub fn bars() -> Self {
        let other = METER_CHANGE_PROB / (METERS.len() - 1) as f64;
        let transition =
            (0..METERS.len()).flat_map(|from| (0..METERS.len()).map(move |to| if from == to { 1.0 - METER_CHANGE_PROB } else { other }));
        Self::new(METERS.to_vec(), transition.collect())
    }

    fn new(lengths: Vec<usize>, transition: Vec<f64>) -> Self {
        let mut first_states = Vec::with_capacity(lengths.len());
        let mut ring_of_state = Vec::new();
        for (ring, &length) in lengths.iter().enumerate() {
            first_states.push(ring_of_state.len() as u16);
            ring_of_state.resize(ring_of_state.len() + length, ring as u16);
        }
        Self { lengths, first_states, ring_of_state, transition }
    }

    /// Number of states.
    pub fn n_states(&self) -> usize {
        self.ring_of_state.len()
    }

    /// Number of rings.
    pub fn n_rings(&self) -> usize {
        self.lengths.len()
    }

    /// Length of the ring that a state lies on, states.
    pub fn length_of(&self, state: u16) -> usize {
        self.lengths[usize::from(self.ring_of_state[usize::from(state)])]
    }

    /// Position of a state on its ring, 0-based.
    pub fn position_of(&self, state: u16) -> usize {
        usize::from(state - self.first_states[usize::from(self.ring_of_state[usize::from(state)])])
    }

    /// Whether a state is the last of its ring.
    pub fn is_last(&self, state: u16) -> bool {
        self.position_of(state) + 1 == self.length_of(state)
    }
}

/// Unnormalised probability of a beat `ratio` times as long as the one before; madmom cuts it to 0 at its `threshold`.
///
/// NB: `exp` and the order of the sum differ between libraries, so rows agree with madmom's within 4e-16, not bit for bit.
fn tempo_weight(ratio: f64) -> f64 {
    let weight = (-TEMPO_LAMBDA * (ratio - 1.0).abs()).exp();
    if weight <= f64::EPSILON { 0.0 } else { weight }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beat_space_has_a_state_for_each_frame_of_each_interval() {
        let space = RingSpace::beats();
        assert_eq!((space.n_rings(), space.n_states()), (42, 1449));
        assert_eq!((space.length_of(0), space.position_of(0)), (14, 0));
        assert_eq!((space.length_of(14), space.position_of(14)), (15, 0));
        assert_eq!((space.length_of(1448), space.position_of(1448)), (55, 54));
        assert!(space.is_last(13) && space.is_last(1448) && !space.is_last(14));
    }

    #[test]
    fn rows_are_probabilities_and_prefer_the_same_tempo() {
        let space = RingSpace::beats();
        for (ring, row) in space.transition.chunks(42).enumerate() {
            assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            assert!(row.iter().all(|&p| p <= row[ring]));
        }
        // facts: P(25 | 25) = 0.834.
        assert!((space.transition[11 * 42 + 11] - 0.834).abs() < 5e-4);
    }

    #[test]
    fn a_bar_keeps_its_meter_nine_times_in_ten() {
        let space = RingSpace::bars();
        assert_eq!(space.first_states, [0, 2, 5]);
        assert_eq!(space.transition, [0.9, 0.05, 0.05, 0.05, 0.9, 0.05, 0.05, 0.05, 0.9]);
    }
}
