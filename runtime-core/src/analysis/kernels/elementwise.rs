//! Kernels that go through a vector once: exponential, gates, rectifier, normalisation, softmax. INFERENCE THREAD.
//!
//! Branch-free, so that loops over them vectorise; sums run in a fixed order, so that every build gives the same bits.

/// What is added to the variance of a vector before its root is taken (the usual value; PyTorch's default).
const LAYER_NORM_EPSILON: f32 = 1e-5;
/// Partial sums that a sum over a vector keeps.
const LANES: usize = 8;

/// `y = (x - mean) / sqrt(variance + epsilon)` over the whole vector, the variance with `1 / n`; no gain, no bias
/// (Ba, Kiros & Hinton 2016). `x` and `y` are `[n]`.
pub fn layer_norm(x: &[f32], y: &mut [f32]) {
    let n = x.len() as f32;
    let mean = sum_of(x, |value| value) / n;
    let variance = sum_of(x, |value| (value - mean) * (value - mean)) / n;
    let scale = 1.0 / (variance + LAYER_NORM_EPSILON).sqrt();
    for (out, value) in y.iter_mut().zip(x) {
        *out = (value - mean) * scale;
    }
}

/// The sum of `term` over all values, in [`LANES`] partial sums.
#[inline(always)]
fn sum_of(values: &[f32], term: impl Fn(f32) -> f32) -> f32 {
    let (chunks, rest) = values.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for chunk in chunks {
        for (sum, &value) in sums.iter_mut().zip(chunk) {
            *sum += term(value);
        }
    }
    sums.iter().sum::<f32>() + rest.iter().map(|&value| term(value)).sum::<f32>()
}

/// In place: `x` above zero, `exp(x) - 1` below (exponential linear unit; Clevert, Unterthiner & Hochreiter 2016).
pub fn elu(values: &mut [f32]) {
    for value in values {
        let below = exp(value.min(0.0)) - 1.0;
        *value = if *value > 0.0 { *value } else { below };
    }
}

/// In place: `exp(x_i) / sum exp(x_j)`.
pub fn softmax(values: &mut [f32]) {
    let largest = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    values.iter_mut().for_each(|v| *v = exp(*v - largest));
    let sum: f32 = values.iter().sum();
    values.iter_mut().for_each(|v| *v /= sum);
}

/// `1 / (1 + exp(-x))`, absolute error below 2e-7.
#[inline(always)]
pub(super) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// Hyperbolic tangent as `2 sigmoid(2x) - 1`, absolute error below 4e-7.
#[inline(always)]
pub(super) fn tanh(x: f32) -> f32 {
    2.0 * sigmoid(2.0 * x) - 1.0
}

/// Exponential with relative error below 2e-7, branch-free so that loops over it vectorise.
///
/// `exp(x) = 2^n exp(r)`, `|r| <= ln(2) / 2`, and the polynomial of Cephes `expf` (Moshier) for `exp(r)`. Arguments
/// beyond +-87 saturate, where the gates are 0 or 1 anyway.
#[inline(always)]
fn exp(x: f32) -> f32 {
    /// Adding and subtracting this rounds to a whole number.
    const ROUND: f32 = 12_582_912.0;
    /// High and low part of ln 2, so that `n * LN2_HIGH` is exact.
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let x = x.clamp(-87.0, 87.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = x - n * LN2_HIGH - n * LN2_LOW;
    let mut p = 1.987_569_1e-4;
    p = p * r + 1.398_2e-3;
    p = p * r + 8.333_452e-3;
    p = p * r + 4.166_579_6e-2;
    p = p * r + 1.666_666_5e-1;
    p = p * r + 5e-1;
    let exp_r = p * r * r + r + 1.0;
    // The last bits of the shifted number are those of n, so that nothing need be converted; the shift drops the rest.
    let scale = f32::from_bits(shifted.to_bits().wrapping_add(127) << 23);
    exp_r * scale
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_softmax_is_as_computed_by_hand() {
        let mut probs = [0.0, f32::ln(3.0)];
        softmax(&mut probs);
        assert!((probs[0] - 0.25).abs() < 1e-6 && (probs[1] - 0.75).abs() < 1e-6);
    }

    #[test]
    fn the_rectifier_is_the_identity_above_zero_and_saturates_below() {
        let mut values = [2.5, 0.0, -0.0, -1.0, -200.0, f32::ln(0.25)];
        elu(&mut values);
        assert_eq!(values[..3], [2.5, 0.0, 0.0]);
        assert!((values[3] - ((-1f32).exp() - 1.0)).abs() < 2e-7);
        assert_eq!(values[4], -1.0);
        assert!((values[5] + 0.75).abs() < 2e-7);
        elu(&mut []);
    }

    #[test]
    fn a_normalised_vector_is_as_computed_by_hand() {
        // Mean 2, variance 2: (-2, 0, 2, 0) / sqrt(2 + epsilon).
        let mut y = [0.0; 4];
        layer_norm(&[0.0, 2.0, 4.0, 2.0], &mut y);
        let expected = 2.0 / (2.0f32 + LAYER_NORM_EPSILON).sqrt();
        assert_eq!(y, [-expected, 0.0, expected, 0.0]);
        let mut constant = [1.0; 11];
        layer_norm(&[7.0; 11], &mut constant);
        assert_eq!(constant, [0.0; 11], "no division by the variance of a constant");
    }

    #[test]
    fn extreme_arguments_saturate() {
        assert_eq!((sigmoid(-200.0).abs() < 1e-30, sigmoid(200.0)), (true, 1.0));
        assert_eq!((tanh(-200.0), tanh(200.0), tanh(0.0)), (-1.0, 1.0, 0.0));
        let mut probs = [1e30, -1e30];
        softmax(&mut probs);
        assert!((probs[0] - 1.0).abs() < 1e-6 && probs[1] < 1e-30);
    }

    proptest! {
        #[test]
        fn the_exponential_is_within_two_in_ten_million(x in -80.0f32..80.0) {
            let expected = f64::from(x).exp();
            prop_assert!((f64::from(exp(x)) / expected - 1.0).abs() < 2e-7);
        }

        #[test]
        fn the_normalisation_agrees_with_double_precision(values in prop::collection::vec(-50.0f32..50.0, 1..150)) {
            let n = values.len() as f64;
            let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
            let variance = values.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / n;
            let mut y = vec![0.0; values.len()];
            layer_norm(&values, &mut y);
            for (&x, &y) in values.iter().zip(&y) {
                let expected = (f64::from(x) - mean) / (variance + f64::from(LAYER_NORM_EPSILON)).sqrt();
                prop_assert!((f64::from(y) - expected).abs() < 1e-4 * (1.0 + expected.abs()), "{y} {expected}");
            }
        }
    }
}
