//! Stamped updates from the analysis to the audio thread, in order. Two ends of a bounded queue.
//!
//! Where: between `analysis::worker` and `rt::follower`. The sender drops an update where the queue is full: the audio
//! thread is not running, and nothing is lost that could still be played.

use rtrb::{Consumer, Producer, RingBuffer};

use crate::state::BeatUpdate;

/// Room for updates: a few a second arrive, and each block takes all of them.
const CAPACITY: usize = 256;

/// The writing end, on the inference thread.
pub struct UpdateSender {
    queue: Producer<BeatUpdate>,
}

/// The reading end, on the audio thread.
pub struct UpdateReceiver {
    queue: Consumer<BeatUpdate>,
}

/// An empty queue, as its two ends.
pub fn update_queue() -> (UpdateSender, UpdateReceiver) {
    let (producer, consumer) = RingBuffer::new(CAPACITY);
    (UpdateSender { queue: producer }, UpdateReceiver { queue: consumer })
}

impl UpdateSender {
    /// Sends an update, or drops it where there is no room; their stamps never go back. Real-time safe: yes.
    pub fn send(&mut self, update: BeatUpdate) {
        let _ = self.queue.push(update);
    }
}

impl UpdateReceiver {
    /// The oldest update that was not taken yet. Real-time safe: yes.
    pub fn take(&mut self) -> Option<BeatUpdate> {
        self.queue.pop().ok()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::bus::hint::HintFlags;
    use crate::state::{LockReason, Outlook};
    use crate::timeline::Timeline;
    use crate::units::SamplePos;

    /// An update that takes effect at this sample and says nothing.
    pub(crate) fn update(at: u64) -> BeatUpdate {
        BeatUpdate {
            effective_at: SamplePos(at),
            timeline: Timeline::default(),
            conf: 0.0,
            shown_spb: 0.5,
            locked: 1,
            reason: LockReason::default(),
            hints: HintFlags::default(),
            outlook: Outlook::default(),
            event: None,
        }
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
    fn a_full_queue_keeps_the_oldest() {
        let (mut sender, mut receiver) = update_queue();
        (0..CAPACITY as u64 + 5).for_each(|at| sender.send(update(at)));
        let got: Vec<u64> = std::iter::from_fn(|| receiver.take()).map(|u| u.effective_at.0).collect();
        assert_eq!(got, (0..CAPACITY as u64).collect::<Vec<_>>());
    }
}
