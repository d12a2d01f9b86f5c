//! What the audio thread counts and others read: independent numbers, each an atomic of its own.
//!
//! Where: written by `rt`, read by `analysis::worker` for `Health` and `Load`. Relaxed: no two of them need agree.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

#[derive(Debug, Default)]
struct Numbers {
    nan_samples: AtomicU32,
    late_updates: AtomicU32,
    max_pending_updates: AtomicU32,
    max_block_ns: AtomicU32,
    n_blocks: AtomicU64,
}

/// A handle to the counters of one instance; clones count together.
#[derive(Debug, Clone, Default)]
pub struct Counters(Arc<Numbers>);

/// The counters at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Samples that were not finite and count as 0.
    pub nan_samples: u32,
    /// Updates that arrived after their sample position.
    pub late_updates: u32,
    /// Most updates that ever waited for their sample position.
    pub max_pending_updates: u32,
    /// Longest block, nanoseconds.
    pub max_block_ns: u32,
    /// Blocks.
    pub n_blocks: u64,
}

impl Counters {
    /// Adds samples that were not finite. Real-time safe: yes.
    pub fn add_nan_samples(&self, n: u32) {
        if n > 0 {
            // One writer, so a load and a store cannot lose a count; `fetch_add` would wrap.
            self.0.nan_samples.store(self.0.nan_samples.load(Relaxed).saturating_add(n), Relaxed);
        }
    }

    /// Counts a late update. Real-time safe: yes.
    pub fn add_late_update(&self) {
        self.0.late_updates.store(self.0.late_updates.load(Relaxed).saturating_add(1), Relaxed);
    }

    /// Notes how many updates wait. Real-time safe: yes.
    pub fn note_pending_updates(&self, n: u32) {
        self.0.max_pending_updates.fetch_max(n, Relaxed);
    }

    /// Counts a block and the time that it took; the clock is the caller's. Real-time safe: yes.
    pub fn add_block(&self, took_ns: u32) {
        self.0.n_blocks.fetch_add(1, Relaxed);
        self.0.max_block_ns.fetch_max(took_ns, Relaxed);
    }

    /// All counters. Real-time safe: yes.
    pub fn read(&self) -> Counts {
        Counts {
            nan_samples: self.0.nan_samples.load(Relaxed),
            late_updates: self.0.late_updates.load(Relaxed),
            max_pending_updates: self.0.max_pending_updates.load(Relaxed),
            max_block_ns: self.0.max_block_ns.load(Relaxed),
            n_blocks: self.0.n_blocks.load(Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_count_together_and_nothing_wraps() {
        let counters = Counters::default();
        let other = counters.clone();
        other.add_nan_samples(u32::MAX);
        other.add_nan_samples(3);
        other.add_late_update();
        other.note_pending_updates(4);
        other.note_pending_updates(2);
        other.add_block(10);
        other.add_block(7);
        let expected = Counts { nan_samples: u32::MAX, late_updates: 1, max_pending_updates: 4, max_block_ns: 10, n_blocks: 2 };
        assert_eq!(counters.read(), expected);
    }
}
