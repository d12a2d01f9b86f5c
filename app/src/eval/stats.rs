//! Mean, median and percentiles, empty input included. Any thread.

/// Arithmetic mean; `None` of nothing.
pub fn mean(values: &[f64]) -> Option<f64> {
    if values.is_empty() { None } else { Some(values.iter().sum::<f64>() / values.len() as f64) }
}

/// Middle value; `None` of nothing.
pub fn median(values: &[f64]) -> Option<f64> {
    percentile(values, 50.0)
}

/// Value below which `percent` of 100 lie, interpolated between neighbours (numpy's default); `None` of nothing.
pub fn percentile(values: &[f64], percent: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    percentile_of_sorted(&sorted, percent)
}

/// The same of values that are sorted already.
pub fn percentile_of_sorted(sorted: &[f64], percent: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let position = percent.clamp(0.0, 100.0) / 100.0 * last as f64;
    let below = position.floor() as usize;
    let above = (below + 1).min(last);
    Some(sorted[below] + (position - below as f64) * (sorted[above] - sorted[below]))
}

/// Median distance from the median; `None` of nothing.
pub fn median_absolute_deviation(values: &[f64]) -> Option<f64> {
    let middle = median(values)?;
    median(&values.iter().map(|value| (value - middle).abs()).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_interpolate() {
        let values = [40.0, 10.0, 30.0, 20.0];
        assert_eq!(percentile(&values, 0.0), Some(10.0));
        assert_eq!(median(&values), Some(25.0));
        assert!(percentile(&values, 95.0).is_some_and(|value| (value - 38.5).abs() < 1e-12));
        assert_eq!(percentile(&values, 100.0), Some(40.0));
    }

    #[test]
    fn deviation_ignores_one_outlier() {
        assert_eq!(median_absolute_deviation(&[1.0, 2.0, 3.0, 1_000.0]), Some(1.0));
    }

    #[test]
    fn nothing_has_no_statistics() {
        assert_eq!((mean(&[]), median(&[]), median_absolute_deviation(&[])), (None, None, None));
        assert_eq!((mean(&[3.0]), percentile(&[3.0], 95.0)), (Some(3.0), Some(3.0)));
    }
}
