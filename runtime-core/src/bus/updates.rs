//! Stamped updates from the analysis to the audio thread, in order. Two ends of a bounded queue.
//!
//! Where: between `analysis::worker` and `rt::follower`. The sender drops an update where the queue is full (the audio
//! thread is not running: nothing is lost that could still be played) and counts it.

use rtrb::{Consumer, Producer, RingBuffer};

use crate::state::BeatUpdate;

/// Room for updates: a few a second arrive, and each block takes all of them.
const CAPACITY: usize = 256;

/// The writing end, on the inference thread.
pub struct UpdateSender {
    queue: Producer<BeatUpdate>,
    n_dropped: u32,
}

/// The reading end, on the audio thread.
pub struct UpdateReceiver {
    queue: Consumer<BeatUpdate>,
}

/// An empty queue, as its two ends.
pub fn update_queue() -> (UpdateSender, UpdateReceiver) {
    let (producer, consumer) = RingBuffer::new(CAPACITY);
    (UpdateSender { queue: producer, n_dropped: 0 }, UpdateReceiver { queue: consumer })
}

impl UpdateSender {
    /// Sends an update; their stamps never go back. Real-time safe: yes.
    pub fn send(&mut self, update: BeatUpdate) {
        if self.queue.push(update).is_err() {
            self.n_dropped = self.n_dropped.saturating_add(1);
        }
    }

    /// Updates that found no room.
    pub fn n_dropped(&self) -> u32 {
        self.n_dropped
    }
}

impl UpdateReceiver {
    /// The oldest update that was not taken yet. Real-time safe: yes.
    pub fn take(&mut self) -> Option<BeatUpdate> {
        self.queue.pop().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::Timeline;
    use crate::units::SamplePos;

    fn update(at: u64) -> BeatUpdate {
        BeatUpdate { effective_at: SamplePos(at), timeline: Timeline::default(), conf: 0.0, locked: 1, event: None }
    }

    #[test]
    fn updates_arrive_in_order() {
        let (mut sender, mut receiver) = update_queue();
        assert_eq!(receiver.take(), None);
        (0..3).for_each(|at| sender.send(update(at)));
        let got: Vec<u64> = std::iter::from_fn(|| receiver.take()).map(|u| u.effective_at.0).collect();
        assert_eq!(got, [0, 1, 2]);
    }

    #[test]
    fn a_full_queue_counts_what_it_drops() {
        let (mut sender, mut receiver) = update_queue();
        (0..CAPACITY as u64 + 5).for_each(|at| sender.send(update(at)));
        assert_eq!(sender.n_dropped(), 5);
        assert_eq!(std::iter::from_fn(|| receiver.take()).count(), CAPACITY);
    }
}
