//! Blocks when they are due: what stands for the host's audio thread. Any thread that may sleep.

use std::thread;
use std::time::{Duration, Instant};

/// How well blocks were delivered: what a busy machine does to this program, and no doing of the instances.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Delivery {
    /// Blocks that came more than one block late.
    pub(super) n_late_blocks: u64,
    /// The latest, nanoseconds.
    pub(super) max_late_ns: u64,
}

/// Calls `block` with the number of each block, from 0, when its last sample would have been recorded, for `n_seconds`.
/// Deadlines are absolute, so that lateness does not add up; late blocks follow each other at once.
pub(super) fn deliver(start: Instant, sample_rate_hz: f64, block_samples: usize, n_seconds: f64, mut block: impl FnMut(u64)) -> Delivery {
    let block_sec = block_samples as f64 / sample_rate_hz;
    let n_blocks = (n_seconds / block_sec).round() as u64;
    let mut delivery = Delivery::default();
    for k in 0..n_blocks {
        let deadline = start + Duration::from_secs_f64((k + 1) as f64 * block_sec);
        thread::sleep(deadline.saturating_duration_since(Instant::now()));
        let late = Instant::now().saturating_duration_since(deadline);
        delivery.max_late_ns = delivery.max_late_ns.max(late.as_nanos() as u64);
        delivery.n_late_blocks += u64::from(late.as_secs_f64() > block_sec);
        block(k);
    }
    delivery
}

/// The samples of block `k` from `audio`, which is repeated, `ahead` samples further on. Shorter where the audio ends.
pub(super) fn block_of(audio: &[Vec<f32>; 2], k: u64, block_samples: usize, ahead: usize) -> [&[f32]; 2] {
    let n_blocks = audio[0].len() / block_samples;
    let from = (k as usize + ahead / block_samples) % n_blocks.max(1) * block_samples;
    [0, 1].map(|channel| audio[channel].get(from..from + block_samples).unwrap_or(&audio[channel]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_follow_each_other_and_start_again() {
        let audio = [(0..10).map(|n| n as f32).collect(), vec![0.0; 10]];
        let first = |k, ahead| block_of(&audio, k, 4, ahead)[0][0];
        assert_eq!((first(0, 0), first(1, 0), first(2, 0), first(0, 5)), (0.0, 4.0, 0.0, 4.0));
        assert_eq!(block_of(&audio, 3, 64, 0)[0].len(), 10);
    }

    #[test]
    fn every_block_is_delivered_once_and_not_before_it_is_due() {
        let start = Instant::now();
        let mut due = Vec::new();
        deliver(start, 48_000.0, 240, 0.05, |k| due.push((k, start.elapsed())));
        assert_eq!(due.iter().map(|(k, _)| *k).collect::<Vec<_>>(), (0..10).collect::<Vec<_>>());
        assert!(due.iter().all(|(k, at)| *at >= Duration::from_millis(5 * (k + 1))), "{due:?}");
    }
}
