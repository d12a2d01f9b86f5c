//! Information gain: how far the histogram of beat errors is from chance. Any thread.
//!
//! Source: `mir_eval.beat.information_gain` and `_get_entropy`, quirks included; Davies, Degara and Plumbley,
//! "Measuring the performance of beat tracking algorithms using a beat error histogram", IEEE SPL 18(3), 2011.

use super::nearest;

/// Bins of the error histogram (mir_eval's default).
pub const N_BINS: usize = 41;

/// Information gain, `[0, 1]`, normalised by the entropy of a flat histogram.
///
/// 0 where either sequence has fewer than two beats; `None` where it is undefined, because every interval next to an
/// estimate is empty (mir_eval gives NaN).
pub fn information_gain(reference_sec: &[f64], estimated_sec: &[f64]) -> Option<f64> {
    if reference_sec.len() < 2 || estimated_sec.len() < 2 {
        return Some(0.0);
    }
    let forward = error_entropy(reference_sec, estimated_sec);
    let backward = error_entropy(estimated_sec, reference_sec);
    // Written as mir_eval does: an undefined forward entropy leaves the backward one.
    let entropy = if forward > backward { forward } else { backward };
    let flat = (N_BINS as f64).log2();
    Some((flat - entropy) / flat).filter(|gain| gain.is_finite())
}

/// Entropy of the errors of each estimate against its nearest reference beat, bits; NaN where no error is defined.
fn error_entropy(reference_sec: &[f64], estimated_sec: &[f64]) -> f64 {
    let mut histogram = [0_usize; N_BINS];
    for time_sec in estimated_sec {
        if let Some(bin) = nearest(reference_sec, *time_sec).and_then(|idx| bin_of(relative_error(reference_sec, idx, *time_sec))) {
            histogram[bin] += 1;
        }
    }
    let n_errors = histogram.iter().sum::<usize>() as f64;
    if n_errors == 0.0 {
        return f64::NAN;
    }
    histogram.iter().filter(|count| **count > 0).map(|count| *count as f64 / n_errors).map(|share| -share * share.log2()).sum()
}

/// Error of a beat as a share of the reference interval it lies in, `(-0.5, 0.5]`.
fn relative_error(reference_sec: &[f64], nearest_idx: usize, time_sec: f64) -> f64 {
    let last = reference_sec.len() - 1;
    let error_sec = time_sec - reference_sec[nearest_idx];
    let half_interval_sec = 0.5
        * if nearest_idx == last {
            reference_sec[last] - reference_sec[last - 1]
        } else if error_sec < 0.0 {
            // NOTE: before the first reference beat mir_eval indexes -1, which is the last beat: the interval is the
            // whole piece, negative. Kept, so that the scores agree.
            reference_sec[nearest_idx] - reference_sec[nearest_idx.checked_sub(1).unwrap_or(last)]
        } else {
            reference_sec[nearest_idx + 1] - reference_sec[nearest_idx]
        };
    // numpy.mod(x + 0.5, -1) + 0.5: the remainder lies in (-1, 0].
    let remainder = (0.5 * error_sec / half_interval_sec + 0.5) % 1.0;
    if remainder > 0.0 { remainder - 0.5 } else { remainder + 0.5 }
}

/// Bin of an error, the last one closed at both ends (`numpy.histogram`); `None` for NaN.
fn bin_of(error: f64) -> Option<usize> {
    let edge = |idx: usize| if idx == N_BINS { 0.5 } else { idx as f64 * (1.0 / N_BINS as f64) - 0.5 };
    (0..N_BINS).find(|bin| edge(*bin) <= error && (error < edge(bin + 1) || (bin + 1 == N_BINS && error <= 0.5)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_error_is_all_information() {
        let reference: Vec<f64> = (0..20).map(|idx| f64::from(idx) * 0.5).collect();
        let late: Vec<f64> = reference.iter().map(|time_sec| time_sec + 0.1).collect();
        assert!(information_gain(&reference, &reference).is_some_and(|gain| (gain - 1.0).abs() < 1e-12));
        assert!(information_gain(&reference, &late).is_some_and(|gain| gain > 0.9));
    }

    #[test]
    fn bins_cover_the_circle_and_zero_is_in_the_middle() {
        assert_eq!((bin_of(-0.5), bin_of(0.0), bin_of(0.5)), (Some(0), Some(20), Some(40)));
        assert_eq!(bin_of(f64::NAN), None);
    }

    #[test]
    fn short_sequences_score_zero_and_repeated_ones_are_undefined() {
        assert_eq!(information_gain(&[1.0], &[1.0, 2.0]), Some(0.0));
        assert_eq!(information_gain(&[1.0, 2.0], &[1.0, 1.0]), None);
    }
}
