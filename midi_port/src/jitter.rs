//! How far the intervals between sent ticks are from what they should be. Written by the MIDI PORT CLOCK THREAD, read by any.
//!
//! A histogram of atomic counters with eight bins per doubling, so a quantile is known to one eighth of its value in 2.5 KB.
//! Readers may see a tick counted in one bin and not yet in the maximum; each number is right for itself.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

const BINS_PER_OCTAVE_LOG2: u32 = 3;
const BINS_PER_OCTAVE: usize = 1 << BINS_PER_OCTAVE_LOG2;
/// Up to 2^41 ns, 36 minutes; what is longer counts in the last bin.
const N_BINS: usize = 39 * BINS_PER_OCTAVE;

/// Counts of interval errors.
#[derive(Debug)]
pub struct JitterHistogram {
    bins: [AtomicU64; N_BINS],
    max_ns: AtomicU64,
}

/// What a histogram says.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct JitterSummary {
    /// Intervals counted.
    pub n_intervals: u64,
    /// Median absolute error of an interval, microseconds.
    pub p50_us: f64,
    /// 99th percentile, microseconds.
    pub p99_us: f64,
    /// The largest, microseconds.
    pub max_us: f64,
}

impl Default for JitterHistogram {
    fn default() -> Self {
        Self { bins: std::array::from_fn(|_| AtomicU64::new(0)), max_ns: AtomicU64::new(0) }
    }
}

impl JitterHistogram {
    /// Counts one absolute error, nanoseconds. Wait-free.
    pub fn record(&self, error_ns: u64) {
        self.bins[bin_of(error_ns)].fetch_add(1, Relaxed);
        self.max_ns.fetch_max(error_ns, Relaxed);
    }

    /// The quantiles so far; all 0 before the first interval.
    pub fn summary(&self) -> JitterSummary {
        let counts: Vec<u64> = self.bins.iter().map(|bin| bin.load(Relaxed)).collect();
        let n_intervals: u64 = counts.iter().sum();
        let max_ns = self.max_ns.load(Relaxed);
        let quantile_us = |share: f64| {
            let rank = (share * n_intervals as f64).ceil() as u64;
            let mut n_below = 0;
            let bin = counts.iter().position(|count| {
                n_below += count;
                n_below >= rank
            });
            bin.map_or(0.0, |bin| upper_edge_ns(bin).min(max_ns) as f64 / 1e3)
        };
        if n_intervals == 0 {
            return JitterSummary::default();
        }
        JitterSummary { n_intervals, p50_us: quantile_us(0.5), p99_us: quantile_us(0.99), max_us: max_ns as f64 / 1e3 }
    }
}

fn bin_of(error_ns: u64) -> usize {
    if error_ns < BINS_PER_OCTAVE as u64 {
        return error_ns as usize;
    }
    let octave = error_ns.ilog2() - BINS_PER_OCTAVE_LOG2;
    // The leading bit and the three after it: 8 to 15.
    let leading = (error_ns >> octave) as usize;
    (octave as usize * BINS_PER_OCTAVE + leading).min(N_BINS - 1)
}

fn upper_edge_ns(bin: usize) -> u64 {
    if bin < BINS_PER_OCTAVE {
        return bin as u64;
    }
    let octave = bin / BINS_PER_OCTAVE - 1;
    let leading = bin % BINS_PER_OCTAVE + BINS_PER_OCTAVE;
    ((leading as u64 + 1) << octave) - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_counted_is_all_zero() {
        assert_eq!(JitterHistogram::default().summary(), JitterSummary::default());
    }

    #[test]
    fn quantiles_are_known_to_one_eighth_and_the_maximum_exactly() {
        let histogram = JitterHistogram::default();
        for n in 1..=100u64 {
            histogram.record(n * 1000);
        }
        let JitterSummary { n_intervals, p50_us, p99_us, max_us } = histogram.summary();
        assert_eq!((n_intervals, max_us), (100, 100.0));
        assert!((50.0..50.0 * 1.125).contains(&p50_us), "{p50_us}");
        assert!((99.0..=100.0).contains(&p99_us), "{p99_us}");
    }

    #[test]
    fn the_longest_error_has_a_bin() {
        let histogram = JitterHistogram::default();
        histogram.record(u64::MAX);
        assert_eq!(histogram.summary().n_intervals, 1);
    }

    proptest! {
        #[test]
        fn an_error_lies_at_most_one_eighth_below_its_bins_edge(error_ns in 0u64..1 << 41) {
            let edge_ns = upper_edge_ns(bin_of(error_ns));
            prop_assert!(error_ns <= edge_ns && edge_ns <= error_ns + error_ns / 8);
        }
    }
}
