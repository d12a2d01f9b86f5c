//! Mono samples and marks from the audio thread to the analysis: two queues with one order.
//!
//! Where: between `rt::tap` and `analysis::worker`. A mark is pushed before the samples that follow it; the receiver asks
//! for samples first and for marks afterwards, so it never sees a sample without the marks before it.

use rtrb::{Consumer, Producer, RingBuffer};

use super::marks::Mark;
use crate::units::SamplePos;

/// Audio that the ring holds, seconds: what an analysis may fall behind before samples are lost.
pub const RING_SEC: f64 = 2.0;
/// Marks that wait; a user gives a few a second.
const N_MARKS: usize = 256;

/// The writing end, on the audio thread.
pub struct AudioSender {
    audio: Producer<f32>,
    marks: Producer<Mark>,
}

/// The reading end, on the inference thread.
pub struct AudioReceiver {
    audio: Consumer<f32>,
    marks: Consumer<Mark>,
}

/// An empty ring of [`RING_SEC`] at a sample rate, as its two ends.
pub fn audio_ring(sample_rate_hz: f64) -> (AudioSender, AudioReceiver) {
    audio_ring_for(sample_rate_hz, 0)
}

/// The same with room for at least two blocks of `max_block_samples`.
pub fn audio_ring_for(sample_rate_hz: f64, max_block_samples: usize) -> (AudioSender, AudioReceiver) {
    let n_samples = ((RING_SEC * sample_rate_hz).ceil() as usize).max(2 * max_block_samples);
    let (audio_in, audio_out) = RingBuffer::new(n_samples);
    let (marks_in, marks_out) = RingBuffer::new(N_MARKS);
    (AudioSender { audio: audio_in, marks: marks_in }, AudioReceiver { audio: audio_out, marks: marks_out })
}

impl AudioSender {
    /// Samples that fit now. Real-time safe: yes.
    pub fn n_free_samples(&self) -> usize {
        self.audio.slots()
    }

    /// Pushes a mark; false where no room is left. Real-time safe: yes.
    pub fn push_mark(&mut self, mark: Mark) -> bool {
        self.marks.push(mark).is_ok()
    }

    /// Pushes exactly `n_samples` samples or, where they do not fit or the iterator ends early, none and false.
    /// Real-time safe: as the iterator.
    pub fn push_samples(&mut self, n_samples: usize, samples: impl Iterator<Item = f32>) -> bool {
        match self.audio.write_chunk_uninit(n_samples) {
            Ok(chunk) => chunk.fill_from_iter(samples) == n_samples,
            Err(_) => false,
        }
    }
}

impl AudioReceiver {
    /// Samples that wait.
    pub fn n_samples(&self) -> usize {
        self.audio.slots()
    }

    /// The next mark at or before `position`, if any.
    pub fn next_mark(&mut self, position: SamplePos) -> Option<Mark> {
        let mark = self.marks.peek().ok().filter(|mark| mark.at <= position).copied()?;
        // It was just seen.
        self.marks.pop().ok().map(|_| mark)
    }

    /// The position of the next mark, if one waits.
    pub fn next_mark_at(&self) -> Option<SamplePos> {
        self.marks.peek().ok().map(|mark| mark.at)
    }

    /// Takes `n_samples` samples that wait, as the two parts of the ring.
    pub fn take_samples(&mut self, n_samples: usize, mut consume: impl FnMut(&[f32])) {
        if let Ok(chunk) = self.audio.read_chunk(n_samples) {
            let (first, second) = chunk.as_slices();
            consume(first);
            consume(second);
            chunk.commit_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::marks::MarkKind;

    #[test]
    fn samples_and_marks_arrive_in_order() {
        let (mut sender, mut receiver) = audio_ring(8_000.0);
        assert!(sender.push_mark(Mark { at: SamplePos(2), kind: MarkKind::Jump }));
        assert!(sender.push_samples(3, [1.0, 2.0, 3.0].into_iter()));
        assert_eq!(receiver.n_samples(), 3);
        assert_eq!((receiver.next_mark(SamplePos(1)), receiver.next_mark_at()), (None, Some(SamplePos(2))));
        assert!(receiver.next_mark(SamplePos(2)).is_some());
        let mut got = Vec::new();
        receiver.take_samples(2, |part| got.extend_from_slice(part));
        receiver.take_samples(5, |_| panic!("five samples do not wait"));
        assert_eq!((got, receiver.n_samples()), (vec![1.0, 2.0], 1));
    }

    #[test]
    fn what_does_not_fit_is_refused_as_a_whole() {
        let (mut sender, mut receiver) = audio_ring(8_000.0);
        assert!(!sender.push_samples(16_001, std::iter::repeat(0.0)));
        assert!(sender.push_samples(16_000, std::iter::repeat(0.5)));
        assert!(!sender.push_samples(1, std::iter::once(0.0)));
        assert_eq!((sender.n_free_samples(), receiver.n_samples()), (0, 16_000));
        receiver.take_samples(16_000, |_| {});
        assert_eq!(sender.n_free_samples(), 16_000);
        assert!((0..N_MARKS).all(|_| sender.push_mark(Mark { at: SamplePos(0), kind: MarkKind::Jump })));
        assert!(!sender.push_mark(Mark { at: SamplePos(0), kind: MarkKind::Jump }));
    }
}
