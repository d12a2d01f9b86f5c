//! Functions whose bits are the same in every engine: + - * / and floor of 64-bit floats in a fixed order. The platform's
//! exponential and sine differ between libraries; these do not. `visualizer/controller/numbers.js` is the same, line by line.
//!
//! NOTE: Rust never fuses a multiplication and an addition by itself, nor does any JavaScript engine: IEEE 754 without contraction is
//! what both languages promise.

const LOG2_E: f64 = std::f64::consts::LOG2_E;
/// ln 2 in two parts: the first has so few bits that a whole number below 2^11 times it is exact.
const LN2_HIGH: f64 = 0.693145751953125;
const LN2_LOW: f64 = 1.4286068203094173e-6;
const EXP_LIMIT: f64 = 40.0;
const TANH_LIMIT: f64 = 18.0;
const TWO_PI: f64 = std::f64::consts::TAU;
/// 1 / k! for k = 13 to 0.
const EXP_TERMS: [f64; 14] = [
    1.0 / 6227020800.0,
    1.0 / 479001600.0,
    1.0 / 39916800.0,
    1.0 / 3628800.0,
    1.0 / 362880.0,
    1.0 / 40320.0,
    1.0 / 5040.0,
    1.0 / 720.0,
    1.0 / 120.0,
    1.0 / 24.0,
    1.0 / 6.0,
    0.5,
    1.0,
    1.0,
];
/// (-1)^k / (2 k + 1)! for k = 9 to 0.
const SIN_TERMS: [f64; 10] = [
    -1.0 / 121645100408832000.0,
    1.0 / 355687428096000.0,
    -1.0 / 1307674368000.0,
    1.0 / 6227020800.0,
    -1.0 / 39916800.0,
    1.0 / 362880.0,
    -1.0 / 5040.0,
    1.0 / 120.0,
    -1.0 / 6.0,
    1.0,
];

/// e^x for x in [-40, 40], beyond which it stays: relative error below 1e-15.
pub fn exp(x: f64) -> f64 {
    let held = clamp(x, -EXP_LIMIT, EXP_LIMIT);
    let whole = (held * LOG2_E + 0.5).floor();
    let rest = held - whole * LN2_HIGH - whole * LN2_LOW;
    let mut sum = 0.0;
    for term in EXP_TERMS {
        sum = sum * rest + term;
    }
    let factor = if whole < 0.0 { 0.5 } else { 2.0 };
    let mut k = if whole < 0.0 { -whole } else { whole };
    while k > 0.0 {
        sum *= factor;
        k -= 1.0;
    }
    sum
}

/// Hyperbolic tangent, absolute error below 1e-15.
pub fn tanh(x: f64) -> f64 {
    let squared = exp(2.0 * clamp(x, -TANH_LIMIT, TANH_LIMIT));
    (squared - 1.0) / (squared + 1.0)
}

/// 1 / (1 + e^-x).
pub fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + exp(-x))
}

/// Sine of a number of turns (1 = a full circle), absolute error below 1e-15 for less than a turn.
pub fn sin_turns(turns: f64) -> f64 {
    let mut part = turns - (turns + 0.5).floor();
    if part > 0.25 {
        part = 0.5 - part;
    }
    if part < -0.25 {
        part = -0.5 - part;
    }
    let angle = part * TWO_PI;
    let square = angle * angle;
    let mut sum = 0.0;
    for term in SIN_TERMS {
        sum = sum * square + term;
    }
    sum * angle
}

/// Cosine of a number of turns.
pub fn cos_turns(turns: f64) -> f64 {
    sin_turns(turns + 0.25)
}

/// The nearest number in `[low, high]`; what is no number becomes `low`.
pub fn clamp(x: f64, low: f64, high: f64) -> f64 {
    if x >= low { if x > high { high } else { x } } else { low }
}

/// The number itself where it is finite, else 0.
pub fn finite(x: f64) -> f64 {
    if x.is_finite() { x } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What the polynomials and their roundings may miss by.
    const TOLERANCE: f64 = 1e-15;

    #[test]
    fn whole_values_are_exact() {
        assert_eq!((exp(0.0), tanh(0.0), sigmoid(0.0), sin_turns(0.0)), (1.0, 0.0, 0.5, 0.0));
        assert_eq!((sin_turns(0.5), sin_turns(-3.0), exp(-1000.0), exp(1000.0)), (0.0, 0.0, exp(-40.0), exp(40.0)));
        assert_eq!((clamp(f64::NAN, 0.25, 1.0), finite(f64::INFINITY), finite(f64::NAN), finite(-2.0)), (0.25, 0.0, 0.0, -2.0));
        assert!((tanh(f64::INFINITY) - 1.0).abs() < TOLERANCE && (tanh(-50.0) + 1.0).abs() < TOLERANCE);
    }

    proptest! {
        #[test]
        fn they_agree_with_the_platform(x in -39.0f64..39.0, turns in -1.0f64..1.0) {
            // A few units in the last place: the power of two and the platform's own rounding.
            prop_assert!((exp(x) / x.exp() - 1.0).abs() < TOLERANCE);
            prop_assert!((tanh(x) - x.tanh()).abs() < TOLERANCE);
            prop_assert!((sigmoid(x) - 1.0 / (1.0 + (-x).exp())).abs() < TOLERANCE);
            prop_assert!((sin_turns(turns) - (turns * std::f64::consts::TAU).sin()).abs() < 2.0 * TOLERANCE);
            prop_assert!((cos_turns(turns) - (turns * std::f64::consts::TAU).cos()).abs() < 2.0 * TOLERANCE);
        }
    }
}
