//! A small seeded random number generator, so that a decoder gives the same beats for the same seed everywhere.
//! Any thread; one per owner.
//!
//! PCG32 (XSH-RR 64/32): O'Neill, "PCG: A family of simple fast space-efficient statistically good algorithms for random
//! number generation", HMC-CS-2014-0905; the reference implementation is `pcg_basic.c`, whose output the test pins.

const MULTIPLIER: u64 = 6_364_136_223_846_793_005;

/// PCG32 generator: 2^64 numbers of 32 bits per stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pcg32 {
    state: u64,
    increment: u64,
}

impl Pcg32 {
    /// A generator; different streams of one seed are independent sequences.
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut rng = Self { state: 0, increment: (stream << 1) | 1 };
        rng.next_u32();
        rng.state = rng.state.wrapping_add(seed);
        rng.next_u32();
        rng
    }

    /// The next 32 uniform bits. Real-time safe: yes.
    pub fn next_u32(&mut self) -> u32 {
        let old = self.state;
        self.state = old.wrapping_mul(MULTIPLIER).wrapping_add(self.increment);
        let shifted = (((old >> 18) ^ old) >> 27) as u32;
        shifted.rotate_right((old >> 59) as u32)
    }

    /// A uniform number in `[0, 1)` with 53 random bits. Real-time safe: yes.
    pub fn uniform(&mut self) -> f64 {
        let high = u64::from(self.next_u32()) << 32;
        ((high | u64::from(self.next_u32())) >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// A uniform whole number below `n`, which must not be 0 (Lemire's multiplication; the bias is below `n / 2^32`).
    /// Real-time safe: yes.
    pub fn below(&mut self, n: u32) -> u32 {
        ((u64::from(self.next_u32()) * u64::from(n)) >> 32) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_that_of_the_reference_implementation() {
        // `pcg32-demo` of the PCG distribution, `pcg32_srandom(42, 54)`, round 1.
        let mut rng = Pcg32::new(42, 54);
        let expected = [0xa15c_02b7, 0x7b47_f409, 0xba1d_3330, 0x83d2_f293, 0xbfa4_784b, 0xcbed_606e];
        assert_eq!(expected.map(|_| rng.next_u32()), expected);
    }

    #[test]
    fn uniform_numbers_fill_the_unit_interval() {
        let mut rng = Pcg32::new(1, 0);
        let draws: Vec<f64> = (0..10_000).map(|_| rng.uniform()).collect();
        assert!(draws.iter().all(|u| (0.0..1.0).contains(u)));
        let mean = draws.iter().sum::<f64>() / 10_000.0;
        // The standard error is 0.0029.
        assert!((mean - 0.5).abs() < 0.012, "{mean}");
    }

    #[test]
    fn whole_numbers_stay_below_their_bound_and_reach_all() {
        let mut rng = Pcg32::new(7, 0);
        let mut seen = [0; 4];
        (0..1000).for_each(|_| seen[rng.below(4) as usize] += 1);
        assert!(seen.iter().all(|&n| n > 180), "{seen:?}");
    }
}
