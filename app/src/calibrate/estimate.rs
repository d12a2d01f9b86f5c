//! One delay out of many measured ones, some of them wrong. Pure.
//!
//! The median, the spread as 1.4826 times the median absolute deviation (the standard deviation of normal errors: Rousseeuw
//! and Croux, 1993), what lies far outside left out, and a refusal where too little or nothing certain is left.

use serde::Serialize;

/// Scales a median absolute deviation to a standard deviation.
const MAD_TO_DEVIATION: f64 = 1.4826;
/// Further from the median than this many deviations is an outlier.
const OUTLIER_DEVIATIONS: f64 = 3.5;
/// The standard error of a median over that of a mean, for normal errors.
const MEDIAN_ERROR: f64 = 1.2533;

/// What is enough to be believed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Fewest delays, after outliers.
    pub n_least: usize,
    /// Largest spread, ms.
    pub spread_ms: f64,
    /// What lies no further than this from the median is no outlier, ms.
    pub near_ms: f64,
}

/// A delay, and how far it can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimate {
    /// The median, ms.
    pub delay_ms: f64,
    /// Spread of single delays, ms.
    pub spread_ms: f64,
    /// Standard error of the median, ms.
    pub error_ms: f64,
    /// Delays that count.
    pub n_used: usize,
    /// Outliers, left out.
    pub n_outliers: usize,
}

/// Why there is no estimate.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum EstimateError {
    /// Too few clicks were heard or tapped.
    #[error("expected at least {expected} clicks that count, got {got}")]
    TooFew {
        /// Fewest that are enough.
        expected: usize,
        /// How many there are.
        got: usize,
    },
    /// The delays do not agree.
    #[error("the delays spread over {spread_ms:.1} ms, expected at most {limit_ms:.1} ms: no offset can be told from them")]
    TooWide {
        /// Their spread, ms.
        spread_ms: f64,
        /// Largest that is believed, ms.
        limit_ms: f64,
    },
}

/// Estimates the delay. Values that are not finite are not counted.
///
/// # Errors
/// Too few delays, or they do not agree.
pub fn estimate(delays_ms: &[f64], limits: Limits) -> Result<Estimate, EstimateError> {
    let mut all: Vec<f64> = delays_ms.iter().copied().filter(|delay_ms| delay_ms.is_finite()).collect();
    let too_few = |got| EstimateError::TooFew { expected: limits.n_least, got };
    let Some((middle_ms, spread_ms)) = middle_and_spread(&mut all) else { return Err(too_few(0)) };
    let far_ms = (OUTLIER_DEVIATIONS * spread_ms).max(limits.near_ms);
    let mut used: Vec<f64> = all.iter().copied().filter(|delay_ms| (delay_ms - middle_ms).abs() <= far_ms).collect();
    let Some((delay_ms, spread_ms)) = middle_and_spread(&mut used) else { return Err(too_few(0)) };
    if used.len() < limits.n_least {
        return Err(too_few(used.len()));
    }
    if spread_ms > limits.spread_ms {
        return Err(EstimateError::TooWide { spread_ms, limit_ms: limits.spread_ms });
    }
    let error_ms = MEDIAN_ERROR * spread_ms / (used.len() as f64).sqrt();
    Ok(Estimate { delay_ms, spread_ms, error_ms, n_used: used.len(), n_outliers: all.len() - used.len() })
}

/// Median, and the deviation estimated from the median absolute deviation.
fn middle_and_spread(values: &mut [f64]) -> Option<(f64, f64)> {
    let middle = median(values)?;
    let mut deviations: Vec<f64> = values.iter().map(|value| (value - middle).abs()).collect();
    Some((middle, MAD_TO_DEVIATION * median(&mut deviations)?))
}

/// The middle value; the mean of the two middle ones. Sorts.
pub(super) fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let n = values.len();
    match n {
        0 => None,
        _ if n % 2 == 1 => Some(values[n / 2]),
        _ => Some(0.5 * (values[n / 2 - 1] + values[n / 2])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { n_least: 5, spread_ms: 5.0, near_ms: 0.5 };

    #[test]
    fn the_median_and_its_spread_are_those_computed_by_hand() {
        // Median 102; deviations 2, 1, 0, 1, 2 -> median 1 -> 1.4826.
        let found = estimate(&[100.0, 101.0, 102.0, 103.0, 104.0], LIMITS).unwrap();
        assert_eq!((found.delay_ms, found.spread_ms, found.n_used, found.n_outliers), (102.0, 1.4826, 5, 0));
        assert!((found.error_ms - 1.2533 * 1.4826 / 5.0_f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn one_late_outlier_moves_nothing() {
        let found = estimate(&[50.0, 50.2, 49.8, 50.1, 49.9, 50.0, 480.0, f64::NAN], LIMITS).unwrap();
        assert_eq!((found.delay_ms, found.n_used, found.n_outliers), (50.0, 6, 1));
    }

    #[test]
    fn delays_all_alike_have_no_spread_and_no_outliers() {
        let found = estimate(&[7.0; 9], LIMITS).unwrap();
        assert_eq!((found.delay_ms, found.spread_ms, found.n_used, found.n_outliers), (7.0, 0.0, 9, 0));
        let near = estimate(&[7.0, 7.0, 7.0, 7.0, 7.0, 7.4], LIMITS).unwrap();
        assert_eq!(near.n_outliers, 0, "a spread of zero must not make everything else an outlier");
    }

    #[test]
    fn too_few_and_too_wide_are_refused_with_numbers() {
        assert_eq!(estimate(&[1.0, 1.0, 1.0, 1.0], LIMITS), Err(EstimateError::TooFew { expected: 5, got: 4 }));
        assert_eq!(estimate(&[], LIMITS), Err(EstimateError::TooFew { expected: 5, got: 0 }));
        assert_eq!(estimate(&[f64::NAN; 9], LIMITS), Err(EstimateError::TooFew { expected: 5, got: 0 }));
        let halves = [10.0, 30.0, 10.0, 30.0, 10.0, 30.0];
        assert!(matches!(estimate(&halves, LIMITS), Err(EstimateError::TooWide { spread_ms, .. }) if spread_ms > 14.0));
    }

    proptest::proptest! {
        #[test]
        fn a_third_of_outliers_cannot_move_the_delay_out_of_the_good_ones(
            good in proptest::collection::vec(99.0..101.0_f64, 12..30),
            bad in proptest::collection::vec(-1e6..1e6_f64, 0..4),
        ) {
            let all: Vec<f64> = good.iter().chain(&bad).copied().collect();
            let found = estimate(&all, LIMITS).unwrap();
            proptest::prop_assert!((99.0..=101.0).contains(&found.delay_ms), "{found:?}");
        }
    }
}
