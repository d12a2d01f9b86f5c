//! Events of one host block in time order, whatever the order that they came in. Audio thread.
//!
//! nice-plug pushes the edits of an open editor after the notes of the block, stamped at its start; CLAP demands events
//! sorted by time. The queue sorts by insertion from the end: events mostly come in order, then a push costs one comparison.

/// How many events wait at most. Two blocks of 8192 samples at 960 BPM hold fewer clocks; the owner empties a full queue.
pub(super) const CAPACITY: usize = 512;

/// Where an event lies, and when it is due.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    time_samples: u32,
    slot_idx: u16,
}

/// A queue of [`CAPACITY`] events sorted by time, events of one time in order of arrival. Fixed in size.
pub(super) struct TimeQueue<T> {
    slots: Box<[T]>,
    /// `[CAPACITY]`, of which `n_taken..n_pushed` wait, sorted.
    order: Box<[Place]>,
    n_taken: usize,
    n_pushed: usize,
}

impl<T: Copy + Default> TimeQueue<T> {
    /// An empty queue. Allocates all it will ever need.
    pub(super) fn new() -> Self {
        Self {
            slots: vec![T::default(); CAPACITY].into_boxed_slice(),
            order: vec![Place::default(); CAPACITY].into_boxed_slice(),
            n_taken: 0,
            n_pushed: 0,
        }
    }

    /// Puts an event behind all that are not later, `time_samples` after the start of the block; false, and nothing done, when
    /// the queue is full.
    ///
    /// NOTE: room comes back only when the queue has run empty, which is at the end of each block at the latest.
    ///
    /// Real-time safe: yes
    pub(super) fn push(&mut self, time_samples: u32, event: T) -> bool {
        let (Some(slot), Some(places)) = (self.slots.get_mut(self.n_pushed), self.order.get_mut(self.n_taken..=self.n_pushed)) else {
            return false;
        };
        *slot = event;
        // The new place is the last one; those before it wait, sorted.
        let Some((new, waiting)) = places.split_last_mut() else { return false };
        *new = Place { time_samples, slot_idx: self.n_pushed as u16 };
        let n_before = waiting.iter().rev().position(|place| place.time_samples <= time_samples).map_or(0, |n| waiting.len() - n);
        if let Some(shifted) = places.get_mut(n_before..) {
            shifted.rotate_right(1);
        }
        self.n_pushed += 1;
        true
    }

    /// Takes the first event if it is due at `last_samples` or before; with its time.
    ///
    /// Real-time safe: yes
    pub(super) fn pop_until(&mut self, last_samples: u32) -> Option<(u32, T)> {
        let (time_samples, event) = self.iter().next()?;
        if time_samples > last_samples {
            return None;
        }
        self.n_taken += 1;
        if self.n_taken == self.n_pushed {
            self.clear();
        }
        Some((time_samples, event))
    }

    /// The waiting events in time order, each with its time.
    ///
    /// Real-time safe: yes
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, T)> {
        let waiting = self.order.get(self.n_taken..self.n_pushed).unwrap_or_default();
        waiting.iter().filter_map(|place| Some((place.time_samples, *self.slots.get(usize::from(place.slot_idx))?)))
    }

    /// Forgets what waits.
    ///
    /// Real-time safe: yes
    pub(super) fn clear(&mut self) {
        self.n_taken = 0;
        self.n_pushed = 0;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn drain(queue: &mut TimeQueue<u32>) -> Vec<(u32, u32)> {
        std::iter::from_fn(|| queue.pop_until(u32::MAX)).collect()
    }

    #[test]
    fn an_empty_queue_gives_nothing() {
        let mut queue = TimeQueue::<u32>::new();
        assert_eq!(queue.pop_until(u32::MAX), None);
        assert_eq!(queue.iter().count(), 0);
    }

    #[test]
    fn events_of_one_time_keep_their_order() {
        let mut queue = TimeQueue::new();
        for (time_samples, event) in [(5, 1), (3, 2), (5, 3), (0, 4), (3, 5)] {
            assert!(queue.push(time_samples, event));
        }
        assert_eq!(drain(&mut queue), [(0, 4), (3, 2), (3, 5), (5, 1), (5, 3)]);
    }

    #[test]
    fn what_is_due_later_waits() {
        let mut queue = TimeQueue::new();
        queue.push(10, 1);
        queue.push(4, 2);
        assert_eq!(queue.pop_until(3), None);
        assert_eq!(queue.pop_until(4), Some((4, 2)));
        assert_eq!(queue.pop_until(4), None);
        // Sorted among what still waits.
        queue.push(7, 3);
        assert_eq!(drain(&mut queue), [(7, 3), (10, 1)]);
    }

    #[test]
    fn a_full_queue_refuses_and_loses_nothing() {
        let mut queue = TimeQueue::new();
        for event in 0..CAPACITY as u32 {
            assert!(queue.push(1000 - event, event));
        }
        assert!(!queue.push(0, 99));
        let drained = drain(&mut queue);
        assert_eq!(drained.len(), CAPACITY);
        assert!(drained.is_sorted_by_key(|(time_samples, _)| *time_samples));
        assert!(queue.push(0, 99), "there is room again");
    }

    proptest! {
        #[test]
        fn any_order_comes_out_as_a_stable_sort(times in prop::collection::vec(0u32..50, 0..CAPACITY)) {
            let mut queue = TimeQueue::new();
            let mut expected: Vec<(u32, u32)> = times.iter().copied().zip(0..).collect();
            for &(time_samples, event) in &expected {
                prop_assert!(queue.push(time_samples, event));
            }
            expected.sort_by_key(|(time_samples, _)| *time_samples);
            prop_assert_eq!(&queue.iter().collect::<Vec<_>>(), &expected);
            prop_assert_eq!(drain(&mut queue), expected);
        }
    }
}
