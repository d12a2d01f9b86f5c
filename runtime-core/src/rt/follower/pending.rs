//! Updates that wait for their sample position, oldest first, in a fixed array. AUDIO THREAD.

use crate::state::BeatUpdate;
use crate::units::SamplePos;

/// Updates that can wait: some seconds' worth. More stay in the queue until there is room.
const CAPACITY: usize = 64;

/// The updates that wait.
pub(super) struct Pending {
    waiting: [Option<BeatUpdate>; CAPACITY],
    n_waiting: usize,
}

impl Default for Pending {
    fn default() -> Self {
        Self { waiting: [None; CAPACITY], n_waiting: 0 }
    }
}

impl Pending {
    /// How many wait. Real-time safe: yes.
    pub(super) fn len(&self) -> usize {
        self.n_waiting
    }

    /// Whether there is no room. Real-time safe: yes.
    pub(super) fn is_full(&self) -> bool {
        self.n_waiting == CAPACITY
    }

    /// Adds an update, the newest; where there is no room it is lost. Real-time safe: yes.
    pub(super) fn push(&mut self, update: BeatUpdate) {
        if let Some(free) = self.waiting.get_mut(self.n_waiting) {
            *free = Some(update);
            self.n_waiting += 1;
        }
    }

    /// Takes the oldest update if it takes effect before `end`. Real-time safe: yes.
    pub(super) fn take_before(&mut self, end: SamplePos) -> Option<BeatUpdate> {
        let update = self.waiting.first().copied().flatten().filter(|update| update.effective_at < end)?;
        self.waiting.rotate_left(1);
        if let Some(last) = self.waiting.last_mut() {
            *last = None;
        }
        self.n_waiting -= 1;
        Some(update)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::updates::tests::update;

    #[test]
    fn the_oldest_leaves_first_and_only_when_it_is_due() {
        let mut pending = Pending::default();
        assert_eq!(pending.take_before(SamplePos(9)), None);
        (1..=3).for_each(|at| pending.push(update(at)));
        assert_eq!(pending.take_before(SamplePos(1)), None);
        let taken: std::vec::Vec<u64> = std::iter::from_fn(|| pending.take_before(SamplePos(3))).map(|u| u.effective_at.0).collect();
        assert_eq!((taken, pending.len()), (std::vec![1, 2], 1));
    }

    #[test]
    fn more_than_there_is_room_for_is_not_taken() {
        let mut pending = Pending::default();
        (0..CAPACITY as u64).for_each(|at| pending.push(update(at)));
        assert!(pending.is_full());
        pending.push(update(999));
        assert_eq!((0..CAPACITY).filter_map(|_| pending.take_before(SamplePos(1000))).count(), CAPACITY);
        assert_eq!(pending.take_before(SamplePos(1000)), None);
    }
}
