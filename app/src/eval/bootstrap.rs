//! Percentile bootstrap over pieces: how far a mean could move had other pieces of the kind been drawn. Any thread.
//!
//! Source: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13. Pieces, not beats, are drawn:
//! beats of one piece are right or wrong together. Seeded, so that a report repeats to the last digit.

use serde::{Deserialize, Serialize};

use super::stats::{mean, percentile_of_sorted};

/// Number of resamples: the ends of the interval repeat to about a tenth of its width under another seed.
pub const N_RESAMPLES: usize = 4_000;
/// Share of the resampled means that the interval holds, percent.
pub const COVERAGE_PERCENT: f64 = 95.0;
/// Seed of every interval of a report.
pub const SEED: u64 = 0x000A_17AC_9515;

/// A mean over pieces with its interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Mean over the pieces.
    pub mean: f64,
    /// Ends of the 95 % interval, in the unit of the mean; `None` for a single piece, which says nothing of others.
    pub interval: Option<[f64; 2]>,
    /// Number of pieces.
    pub n_pieces: usize,
}

impl Estimate {
    /// Whether the interval lies on one side of 0: for a difference, that it is unlikely to be chance.
    pub fn excludes_zero(&self) -> bool {
        self.interval.is_some_and(|[low, high]| low > 0.0 || high < 0.0)
    }
}

/// Mean of one value per piece with its interval; `None` of nothing.
pub fn bootstrap_mean(values: &[f64], seed: u64) -> Option<Estimate> {
    let mean = mean(values)?;
    let n_pieces = values.len();
    if n_pieces == 1 {
        return Some(Estimate { mean, interval: None, n_pieces });
    }
    let mut rng = SplitMix64::new(seed);
    let mut resampled: Vec<f64> =
        (0..N_RESAMPLES).map(|_| (0..n_pieces).map(|_| values[rng.below(n_pieces)]).sum::<f64>() / n_pieces as f64).collect();
    resampled.sort_by(f64::total_cmp);
    let tail_percent = (100.0 - COVERAGE_PERCENT) / 2.0;
    let end = |percent| percentile_of_sorted(&resampled, percent).unwrap_or(mean);
    Some(Estimate { mean, interval: Some([end(tail_percent), end(100.0 - tail_percent)]), n_pieces })
}

/// Mean of the differences `ours - theirs` of the same pieces, with its interval; `None` of nothing.
///
/// Pieces differ far more than trackers do, so only the difference within each piece tells two runs apart.
///
/// # Panics
/// If the slices differ in length.
pub fn bootstrap_paired(ours: &[f64], theirs: &[f64], seed: u64) -> Option<Estimate> {
    assert_eq!(ours.len(), theirs.len(), "one value of each run for each piece");
    let differences: Vec<f64> = ours.iter().zip(theirs).map(|(ours, theirs)| ours - theirs).collect();
    bootstrap_mean(&differences, seed)
}

/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
#[derive(Debug, Clone)]
pub struct SplitMix64(u64);

impl SplitMix64 {
    /// A generator at the start of its sequence.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number in `0..n`, by the high half of the product; the bias is below `n / 2^64`.
    fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.next_u64()) * n as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_follows_the_published_sequence() {
        // First outputs for seed 0, as in the reference implementation by Vigna.
        let mut rng = SplitMix64::new(0);
        assert_eq!([rng.next_u64(), rng.next_u64()], [0xE220_A839_7B1D_CDAF, 0x6E78_9E6A_A1B9_65F4]);
    }

    #[test]
    fn equal_values_have_an_interval_without_width() {
        let estimate = bootstrap_mean(&[0.5; 10], SEED).unwrap();
        assert_eq!(estimate, Estimate { mean: 0.5, interval: Some([0.5, 0.5]), n_pieces: 10 });
    }

    #[test]
    fn the_interval_is_as_wide_as_theory_says() {
        // 100 values, half 0 and half 1: standard error 0.05, so about 0.5 -+ 0.098.
        let values: Vec<f64> = (0..100).map(|idx| f64::from(idx % 2)).collect();
        let [low, high] = bootstrap_mean(&values, SEED).unwrap().interval.unwrap();
        assert!((low - 0.402).abs() < 0.015 && (high - 0.598).abs() < 0.015, "{low} {high}");
    }

    #[test]
    fn the_same_seed_repeats_and_another_does_not() {
        let values: Vec<f64> = (0..30).map(|idx| f64::from(idx).sqrt()).collect();
        assert_eq!(bootstrap_mean(&values, 1), bootstrap_mean(&values, 1));
        assert_ne!(bootstrap_mean(&values, 1), bootstrap_mean(&values, 2));
    }

    #[test]
    fn pairing_finds_a_small_difference_between_pieces_that_differ_much() {
        let theirs: Vec<f64> = (0..40).map(|idx| f64::from(idx) / 40.0).collect();
        let ours: Vec<f64> = theirs.iter().enumerate().map(|(idx, value)| value + 0.01 + 0.002 * (idx % 3) as f64).collect();
        assert!(bootstrap_paired(&ours, &theirs, SEED).unwrap().excludes_zero());
        let [low, high] = bootstrap_mean(&ours, SEED).unwrap().interval.unwrap();
        assert!(high - low > 0.1, "unpaired, the same gain drowns: {low} {high}");
    }

    #[test]
    fn one_piece_has_no_interval_and_none_no_mean() {
        assert_eq!(bootstrap_mean(&[0.3], SEED).unwrap().interval, None);
        assert!(!bootstrap_mean(&[0.3], SEED).unwrap().excludes_zero());
        assert_eq!(bootstrap_mean(&[], SEED), None);
    }
}
