//! Where the exact filter's states lie in memory: a ring for each interval, as long as the interval. INFERENCE THREAD.
//!
//! A step touches, of each interval, the beat that falls now, the one that begins and those just after their beat. In a ring of
//! its own these are neighbours, so that a step reads some hundred short runs of memory instead of a thousand scattered cells.

use crate::analysis::joint_space::{BarMasses, JointSpace, MAX_SLOTS, sum_of};

/// The states of all intervals.
pub(super) struct Rings {
    /// Per bar slot: probability that the present beat has this interval and ends at this step.
    pub(super) states: Vec<BarMasses>,
    /// Sum over slots.
    pub(super) masses: Vec<f32>,
    /// `[interval]`.
    rings: Vec<Ring>,
}

#[derive(Debug, Clone, Copy)]
struct Ring {
    /// Index of its first cell.
    start: usize,
    /// Steps: the interval.
    len: usize,
    /// Offset of the present step, below `len`.
    now: usize,
}

impl Rings {
    pub(super) fn new(space: &JointSpace) -> Self {
        let mut start = 0;
        let ring = |&len: &usize| {
            let ring = Ring { start, len, now: 0 };
            start += len;
            ring
        };
        let rings = space.intervals.iter().map(ring).collect();
        Self { states: vec![[0.0; MAX_SLOTS]; start], masses: vec![0.0; start], rings }
    }

    /// The state whose beat ends `ahead` steps from now, 1 to the interval; 0 is the one that ends now, in whose place the one
    /// that begins now comes.
    #[inline(always)]
    pub(super) fn cell(&self, interval_idx: usize, ahead: usize) -> usize {
        let Ring { start, len, now } = self.rings[interval_idx];
        let at = now + ahead;
        start + if at >= len { at - len } else { at }
    }

    /// All states of an interval.
    pub(super) fn cells(&self, interval_idx: usize) -> std::ops::Range<usize> {
        let Ring { start, len, .. } = self.rings[interval_idx];
        start..start + len
    }

    /// The interval and the steps to the next beat, 1 to the interval, of a cell.
    pub(super) fn place(&self, cell: usize) -> (usize, usize) {
        let interval_idx = self.rings.partition_point(|ring| ring.start <= cell) - 1;
        let Ring { start, len, now } = self.rings[interval_idx];
        let ahead = (cell - start + len - now) % len;
        (interval_idx, if ahead == 0 { len } else { ahead })
    }

    /// One step passes.
    #[inline(always)]
    pub(super) fn advance(&mut self) {
        for ring in &mut self.rings {
            ring.now = if ring.now + 1 == ring.len { 0 } else { ring.now + 1 };
        }
    }

    /// As at first.
    pub(super) fn restart(&mut self) {
        self.rings.iter_mut().for_each(|ring| ring.now = 0);
        self.clear();
    }

    pub(super) fn clear(&mut self) {
        self.states.fill([0.0; MAX_SLOTS]);
        self.masses.fill(0.0);
    }

    /// Makes the sums those of the states.
    pub(super) fn sum_up(&mut self) {
        for (mass, state) in self.masses.iter_mut().zip(&self.states) {
            *mass = sum_of(state);
        }
    }

    pub(super) fn scale(&mut self, factor: f32) {
        self.states.iter_mut().flatten().for_each(|value| *value *= factor);
        self.masses.iter_mut().for_each(|value| *value *= factor);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::config::{Meter, TempoRange};

    #[test]
    fn a_state_keeps_its_cell_while_its_beat_comes_nearer() {
        let space = JointSpace::new(TempoRange::default(), Meter::Auto);
        let mut rings = Rings::new(&space);
        for interval_idx in [0, 40, space.n_intervals() - 1] {
            let interval = space.intervals[interval_idx];
            let cell = rings.cell(interval_idx, interval);
            for passed in 0..interval {
                let ahead = interval - passed;
                assert_eq!((rings.cell(interval_idx, ahead), rings.place(cell)), (cell, (interval_idx, ahead)));
                rings.advance();
            }
            assert_eq!(rings.cell(interval_idx, 0), cell, "falls now");
        }
    }

    #[test]
    fn cells_are_one_for_each_place() {
        let space = JointSpace::new(TempoRange { min_bpm: 180.0, max_bpm: 210.0 }, Meter::Auto);
        let mut rings = Rings::new(&space);
        (0..17).for_each(|_| rings.advance());
        let places = (0..space.n_intervals()).flat_map(|i| (1..=space.intervals[i]).map(move |ahead| (i, ahead)));
        let mut cells: Vec<usize> = places.map(|(i, ahead)| rings.cell(i, ahead)).collect();
        cells.sort_unstable();
        assert!(cells.iter().copied().eq(0..rings.masses.len()), "{cells:?}");
        assert_eq!(rings.cells(1), space.intervals[0]..space.intervals[0] + space.intervals[1]);
    }
}
