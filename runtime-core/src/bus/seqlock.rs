//! The seqlock protocol: one writer, any number of readers, several words that are read together or not at all.
//!
//! Where: under [`state_cell`](super::state_cell) in one process and under [`shm`](super::shm) between processes; the
//! loom model in `tests/loom_state_cell.rs` runs this very source over loom's atomics. Writer and readers run on any
//! thread; neither locks, allocates or calls the system.
//!
//! Method: H.-J. Boehm, "Can seqlocks get along with programming language memory models?" (MSPC 2012), section 4: the
//! data are relaxed atomics, ordered by fences. Differs from the paper in that the reader's first load is relaxed with an
//! acquire fence behind it: readers map the file read-only, and only relaxed loads are sound on read-only memory
//! (documentation of `std::sync::atomic`, "Atomic accesses to read-only memory").

use std::sync::atomic::{AtomicU64, Ordering, fence};

/// What the protocol needs of memory: 64-bit words and the two fences.
pub trait Word {
    /// Relaxed load.
    fn load_relaxed(&self) -> u64;
    /// Relaxed store.
    fn store_relaxed(&self, value: u64);
    /// Store with release ordering.
    fn store_release(&self, value: u64);
    /// Fence with acquire ordering.
    fn fence_acquire();
    /// Fence with release ordering.
    fn fence_release();
}

impl Word for AtomicU64 {
    fn load_relaxed(&self) -> u64 {
        self.load(Ordering::Relaxed)
    }

    fn store_relaxed(&self, value: u64) {
        self.store(value, Ordering::Relaxed);
    }

    fn store_release(&self, value: u64) {
        self.store(value, Ordering::Release);
    }

    fn fence_acquire() {
        fence(Ordering::Acquire);
    }

    fn fence_release() {
        fence(Ordering::Release);
    }
}

/// Writes `words` into `body` so that a reader gets all of them or none. Wait-free. Real-time safe: yes.
///
/// There must be one writer: callers hold the writing end by `&mut`. `sequence` is odd while the body changes, and 0 until
/// the first write. A sequence left odd by a writer that died is made whole. `body` and `words` have equal lengths.
pub fn write<W: Word>(sequence: &W, body: &[W], words: &[u64]) {
    debug_assert_eq!(body.len(), words.len());
    let odd = sequence.load_relaxed() | 1;
    sequence.store_relaxed(odd);
    // No word of the body may be seen before the odd sequence.
    W::fence_release();
    for (cell, &word) in body.iter().zip(words) {
        cell.store_relaxed(word);
    }
    sequence.store_release(odd.wrapping_add(1));
}

/// Copies `body` into `out` if no writer was at it meanwhile, and returns its sequence: even, and 0 before the first
/// write. `None`: a write was in progress; `out` then holds garbage. Wait-free. Real-time safe: yes.
pub fn try_read<W: Word>(sequence: &W, body: &[W], out: &mut [u64]) -> Option<u64> {
    debug_assert_eq!(body.len(), out.len());
    let before = sequence.load_relaxed();
    if before & 1 == 1 {
        return None;
    }
    // What was written before this sequence is seen below.
    W::fence_acquire();
    for (word, cell) in out.iter_mut().zip(body) {
        *word = cell.load_relaxed();
    }
    // Had any word above come from a later write, its odd sequence is seen below.
    W::fence_acquire();
    (sequence.load_relaxed() == before).then_some(before)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body() -> [AtomicU64; 2] {
        [AtomicU64::new(0), AtomicU64::new(0)]
    }

    #[test]
    fn what_was_written_is_read_with_an_even_sequence() {
        let (sequence, body) = (AtomicU64::new(0), body());
        let mut out = [9; 2];
        assert_eq!((try_read(&sequence, &body, &mut out), out), (Some(0), [0, 0]));
        write(&sequence, &body, &[1, 2]);
        assert_eq!((try_read(&sequence, &body, &mut out), out), (Some(2), [1, 2]));
    }

    #[test]
    fn a_write_in_progress_is_not_read() {
        let (sequence, body) = (AtomicU64::new(3), body());
        assert_eq!(try_read(&sequence, &body, &mut [0; 2]), None);
    }

    #[test]
    fn the_next_write_heals_a_sequence_left_odd() {
        let (sequence, body) = (AtomicU64::new(3), body());
        write(&sequence, &body, &[5, 6]);
        let mut out = [0; 2];
        assert_eq!((try_read(&sequence, &body, &mut out), out), (Some(4), [5, 6]));
    }

    #[test]
    fn the_sequence_wraps_without_a_torn_read() {
        let (sequence, body) = (AtomicU64::new(u64::MAX - 1), body());
        write(&sequence, &body, &[7, 8]);
        assert_eq!(try_read(&sequence, &body, &mut [0; 2]), Some(0));
    }
}
