//! The host's block into the audio ring: any layout to mono, gaps and jumps marked. AUDIO THREAD, first step of the pipe.
//!
//! Where the ring has no room the block is dropped as a whole and a gap is marked once there is room again, so that the
//! analysis counts the same samples as the host.

use crate::bus::audio_ring::AudioSender;
use crate::bus::counters::Counters;
use crate::bus::marks::{Mark, MarkKind};
use crate::rt::downmix::summand;
use crate::units::SamplePos;

/// The tap of one instance.
pub struct Tap {
    sender: AudioSender,
    counters: Counters,
    /// The next sample.
    position: SamplePos,
    /// First sample and number of samples that were dropped and not marked yet.
    gap: Option<(SamplePos, u64)>,
    /// A jump that found no room.
    jump_is_pending: bool,
}

impl Tap {
    /// A tap at the start of a stream.
    pub fn new(sender: AudioSender, counters: Counters) -> Self {
        Self { sender, counters, position: SamplePos(0), gap: None, jump_is_pending: false }
    }

    /// The position of the next sample. Real-time safe: yes.
    pub fn position(&self) -> SamplePos {
        self.position
    }

    /// Samples that fit into the ring. Real-time safe: yes.
    pub fn n_free_samples(&self) -> usize {
        self.sender.n_free_samples()
    }

    /// Marks what happens before the next sample. A jump is never lost; another mark is where 256 of them wait, and then this
    /// is false. Real-time safe: yes.
    pub fn mark(&mut self, kind: MarkKind) -> bool {
        if kind == MarkKind::Jump {
            self.jump_is_pending = true;
            return true;
        }
        self.flush_marks() && self.sender.push_mark(Mark { at: self.position, kind })
    }

    /// Passes `n_samples` sample frames on as the mean over `channels`. Values that are not finite count as 0 and are counted;
    /// channels that are too short read as 0 beyond their end, no channels as silence. Real-time safe: yes.
    pub fn push<C: AsRef<[f32]>>(&mut self, channels: &[C], n_samples: usize) {
        if n_samples == 0 {
            return;
        }
        let start = self.position;
        self.position = SamplePos(start.0 + n_samples as u64);
        // Marks come before the samples that follow them, so without room for the marks the samples have to wait as well.
        let fits = self.sender.n_free_samples() >= n_samples && self.flush_marks_at(start);
        let mut n_not_finite = 0;
        if fits {
            let gain = 1.0 / channels.len().max(1) as f32;
            let mono = (0..n_samples).map(|i| {
                let value = |channel: &C| channel.as_ref().get(i).copied().unwrap_or(0.0);
                gain * channels.iter().map(|channel| summand(value(channel), &mut n_not_finite)).sum::<f32>()
            });
            self.sender.push_samples(n_samples, mono);
        } else {
            let (at, n_lost) = self.gap.unwrap_or((start, 0));
            self.gap = Some((at, n_lost + n_samples as u64));
        }
        self.counters.add_nan_samples(n_not_finite);
    }

    fn flush_marks(&mut self) -> bool {
        self.flush_marks_at(self.position)
    }

    /// Pushes the gap and the jump that wait; false where there is no room.
    fn flush_marks_at(&mut self, at: SamplePos) -> bool {
        if let Some((first, n_samples)) = self.gap {
            if !self.sender.push_mark(Mark { at: first, kind: MarkKind::Gap { n_samples } }) {
                return false;
            }
            self.gap = None;
        }
        if self.jump_is_pending {
            if !self.sender.push_mark(Mark { at, kind: MarkKind::Jump }) {
                return false;
            }
            self.jump_is_pending = false;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::audio_ring::{AudioReceiver, audio_ring};
    use crate::bus::marks::Hint;

    fn tap() -> (Tap, AudioReceiver, Counters) {
        let counters = Counters::default();
        let (sender, receiver) = audio_ring(8_000.0);
        (Tap::new(sender, counters.clone()), receiver, counters)
    }

    fn take(receiver: &mut AudioReceiver) -> std::vec::Vec<f32> {
        let mut got = std::vec::Vec::new();
        receiver.take_samples(receiver.n_samples(), |part| got.extend_from_slice(part));
        got
    }

    #[test]
    fn any_layout_becomes_the_mean() {
        let (mut tap, mut receiver, counters) = tap();
        tap.push::<[f32; 2]>(&[[1.0, 0.0], [0.5, -0.5]], 2);
        tap.push::<[f32; 1]>(&[[0.1]], 1);
        tap.push::<[f32; 1]>(&[[0.4]; 8], 1);
        tap.push::<[f32; 1]>(&[], 2);
        tap.push::<[f32; 1]>(&[[f32::NAN], [f32::INFINITY], [0.3]], 1);
        tap.push::<[f32; 1]>(&[[1.0]], 0);
        let got = take(&mut receiver);
        assert_eq!(got[..3], [0.75, -0.25, 0.1]);
        assert!((got[3] - 0.4).abs() < 1e-6 && got[4..6] == [0.0, 0.0] && (got[6] - 0.1).abs() < 1e-6);
        assert_eq!((tap.position(), counters.read().nan_samples), (SamplePos(7), 2));
    }

    #[test]
    fn the_largest_values_stay_finite_and_a_short_channel_reads_as_zero() {
        let (mut tap, mut receiver, _) = tap();
        tap.push::<[f32; 1]>(&[[f32::MAX]; 8], 2);
        let got = take(&mut receiver);
        assert!(got[0].is_finite() && got[1] == 0.0);
    }

    #[test]
    fn a_full_ring_drops_whole_blocks_and_marks_one_gap() {
        let (mut tap, mut receiver, _) = tap();
        tap.push(&[[0.5; 15_000]], 15_000);
        tap.push(&[[0.5; 2_000]], 2_000);
        assert!(tap.mark(MarkKind::Jump));
        tap.push(&[[0.5; 2_000]], 2_000);
        assert_eq!((take(&mut receiver).len(), receiver.next_mark_at()), (15_000, None));
        tap.push(&[[0.25; 10]], 10);
        let gap = receiver.next_mark(SamplePos(15_000)).unwrap();
        assert_eq!(gap, Mark { at: SamplePos(15_000), kind: MarkKind::Gap { n_samples: 4_000 } });
        assert_eq!(receiver.next_mark(SamplePos(19_000)).unwrap(), Mark { at: SamplePos(19_000), kind: MarkKind::Jump });
        assert_eq!((take(&mut receiver).len(), tap.position()), (10, SamplePos(19_010)));
    }

    #[test]
    fn without_room_for_marks_samples_wait_too() {
        let (mut tap, mut receiver, _) = tap();
        while tap.mark(MarkKind::Hint(Hint::Tap)) {}
        tap.push(&[[0.5; 4]], 4);
        assert!(tap.mark(MarkKind::Jump));
        tap.push(&[[0.5; 4]], 4);
        assert_eq!(take(&mut receiver).len(), 4, "a block without a mark of its own goes through");
        while receiver.next_mark(SamplePos(0)).is_some() {}
        tap.push(&[[0.5; 4]], 4);
        assert_eq!(receiver.next_mark(SamplePos(4)).unwrap().kind, MarkKind::Gap { n_samples: 4 });
        assert_eq!(receiver.next_mark(SamplePos(8)).unwrap().kind, MarkKind::Jump);
        assert_eq!(take(&mut receiver).len(), 4);
    }
}
