//! Convolution over the bands of a frame with any number of channels, then pooling and rectifier. INFERENCE THREAD.
//!
//! Bands lie in the lanes of the processor and a tile of them is summed in registers for several output channels at once.
//! An output sums its inputs channel by channel, tap by tap, whatever the width of the registers.

use super::elementwise::elu;

/// Bands that are summed together.
const TILE: usize = 16;
/// Output channels that are summed together.
const GROUP: usize = 4;

/// A frame as channels of bands, `[n_channels, n_bands]`, each row with room behind it for whole tiles; the room is zero.
#[derive(Debug, Clone)]
pub struct Planes {
    n_bands: usize,
    row_len: usize,
    values: Vec<f32>,
}

impl Planes {
    /// Zeros that a convolution of `kernel` taps can run over.
    pub fn for_kernel(n_channels: usize, n_bands: usize, kernel: usize) -> Self {
        let n_outputs = (n_bands + 1).saturating_sub(kernel);
        let row_len = n_outputs.next_multiple_of(TILE) + kernel - 1;
        Self { n_bands, row_len, values: vec![0.0; n_channels * row_len] }
    }

    /// Zeros, the rows without room between them.
    pub fn dense(n_channels: usize, n_bands: usize) -> Self {
        Self { n_bands, row_len: n_bands, values: vec![0.0; n_channels * n_bands] }
    }

    /// The channels in order, each `[n_bands]`.
    pub fn rows_mut(&mut self) -> impl Iterator<Item = &mut [f32]> {
        let n_bands = self.n_bands;
        self.values.chunks_exact_mut(self.row_len).map(move |row| &mut row[..n_bands])
    }

    /// All values, `[n_channels, n_bands]` where the planes are [`Self::dense`].
    pub fn values(&self) -> &[f32] {
        &self.values
    }
}

/// Convolution of stride 1 without padding, maximum of every `pool` bands (a rest is dropped), then ELU.
#[derive(Debug, Clone)]
pub struct BandConvolution {
    n_in: usize,
    n_out: usize,
    kernel: usize,
    pool: usize,
    /// `[n_groups][n_in][kernel][GROUP]`, channels beyond `n_out` zero.
    weights: Vec<[f32; GROUP]>,
    /// `[n_groups][GROUP]`
    bias: Vec<[f32; GROUP]>,
    /// Sums of a group before pooling, `[GROUP][n_tiles * TILE]`.
    sums: Vec<f32>,
    n_sums: usize,
    use_avx2: bool,
}

impl BandConvolution {
    /// From PyTorch's tensors, weights `[n_out, n_in, kernel]` and biases `[n_out]`, for frames of `n_bands`.
    ///
    /// # Panics
    /// Where lengths disagree; the model reader has checked them.
    pub fn new([n_out, n_in, kernel]: [usize; 3], pool: usize, n_bands: usize, weights: &[f32], bias: &[f32]) -> Self {
        assert_eq!((weights.len(), bias.len()), (n_out * n_in * kernel, n_out), "shapes are checked when a model is read");
        assert!(kernel <= n_bands && pool > 0, "sizes are checked when a model is read");
        let n_groups = n_out.div_ceil(GROUP);
        let mut grouped = vec![[0.0; GROUP]; n_groups * n_in * kernel];
        let mut grouped_bias = vec![[0.0; GROUP]; n_groups];
        for (out, &value) in bias.iter().enumerate() {
            let (group, lane) = (out / GROUP, out % GROUP);
            grouped_bias[group][lane] = value;
            for (i, &weight) in weights[out * n_in * kernel..][..n_in * kernel].iter().enumerate() {
                grouped[group * n_in * kernel + i][lane] = weight;
            }
        }
        let n_sums = n_bands + 1 - kernel;
        Self {
            n_in,
            n_out,
            kernel,
            pool,
            weights: grouped,
            bias: grouped_bias,
            sums: vec![0.0; GROUP * n_sums.next_multiple_of(TILE)],
            n_sums,
            use_avx2: super::has_avx2(),
        }
    }

    /// Channels that come out.
    pub fn n_out(&self) -> usize {
        self.n_out
    }

    /// Bands of each channel that comes out.
    pub fn n_pooled(&self) -> usize {
        self.n_sums / self.pool
    }

    /// One frame; `x` is made [for this kernel](Planes::for_kernel), `y` is `[n_out, n_pooled]`.
    pub fn apply(&mut self, x: &Planes, y: &mut Planes) {
        debug_assert_eq!((x.values.len(), x.row_len), (self.n_in * x.row_len, self.n_sums.next_multiple_of(TILE) + self.kernel - 1));
        let Self { n_in, kernel, pool, use_avx2, ref weights, ref bias, ref mut sums, .. } = *self;
        let row_len = sums.len() / GROUP;
        let mut rows = y.rows_mut();
        for (weights, bias) in weights.chunks_exact(n_in * kernel).zip(bias) {
            for first_band in (0..row_len).step_by(TILE) {
                let tile = sum_tile(use_avx2, weights, bias, kernel, x, first_band);
                for (channel, tile) in tile.iter().enumerate() {
                    sums[channel * row_len + first_band..][..TILE].copy_from_slice(tile);
                }
            }
            for (sums, out) in sums.chunks_exact(row_len).zip(rows.by_ref().take(GROUP)) {
                for (window, out) in sums.chunks_exact(pool).zip(&mut *out) {
                    *out = window.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                }
                // The rectifier rises with its argument, so it may come after the maximum, where there is less of it.
                elu(out);
            }
        }
    }
}

/// Sums of a group of channels over one tile of bands. `weights` are `[n_in][kernel][GROUP]`.
fn sum_tile(
    use_avx2: bool,
    weights: &[[f32; GROUP]],
    bias: &[f32; GROUP],
    kernel: usize,
    x: &Planes,
    first_band: usize,
) -> [[f32; TILE]; GROUP] {
    #[cfg(target_arch = "x86_64")]
    if use_avx2 {
        // SAFETY: `use_avx2` is set only where the processor reports AVX2.
        return unsafe { sum_tile_avx2(weights, bias, kernel, x, first_band) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = use_avx2;
    sum_tile_portable(weights, bias, kernel, x, first_band)
}

/// [`sum_tile_portable`] with the registers spelled out.
///
/// NB: left to the compiler, two layers of 16 and 24 channels took 49 us a frame, hot; this takes 3 us.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn sum_tile_avx2(weights: &[[f32; GROUP]], bias: &[f32; GROUP], kernel: usize, x: &Planes, first_band: usize) -> [[f32; TILE]; GROUP] {
    use std::arch::x86_64::{_mm256_add_ps, _mm256_loadu_ps, _mm256_mul_ps, _mm256_set1_ps, _mm256_setzero_ps, _mm256_storeu_ps};
    const LANES: usize = 8;
    let mut sums = [[_mm256_setzero_ps(); TILE / LANES]; GROUP];
    for (sums, &bias) in sums.iter_mut().zip(bias) {
        *sums = [_mm256_set1_ps(bias); TILE / LANES];
    }
    for (weights, row) in weights.chunks_exact(kernel).zip(x.values.chunks_exact(x.row_len)) {
        let inputs = row[first_band..].windows(TILE);
        for (weights, inputs) in weights.iter().zip(inputs) {
            // SAFETY: the window holds the sixteen values that are read; no alignment is asked for.
            let inputs = unsafe { [_mm256_loadu_ps(inputs.as_ptr()), _mm256_loadu_ps(inputs.as_ptr().add(LANES))] };
            for (sums, &weight) in sums.iter_mut().zip(weights) {
                let weight = _mm256_set1_ps(weight);
                sums[0] = _mm256_add_ps(sums[0], _mm256_mul_ps(weight, inputs[0]));
                sums[1] = _mm256_add_ps(sums[1], _mm256_mul_ps(weight, inputs[1]));
            }
        }
    }
    let mut tile = [[0.0; TILE]; GROUP];
    for (out, sums) in tile.iter_mut().zip(sums) {
        // SAFETY: a row holds the sixteen values that are written; no alignment is asked for.
        unsafe {
            _mm256_storeu_ps(out.as_mut_ptr(), sums[0]);
            _mm256_storeu_ps(out.as_mut_ptr().add(LANES), sums[1]);
        }
    }
    tile
}

fn sum_tile_portable(weights: &[[f32; GROUP]], bias: &[f32; GROUP], kernel: usize, x: &Planes, first_band: usize) -> [[f32; TILE]; GROUP] {
    let mut sums = bias.map(|bias| [bias; TILE]);
    for (weights, row) in weights.chunks_exact(kernel).zip(x.values.chunks_exact(x.row_len)) {
        let inputs = row[first_band..].windows(TILE);
        for (weights, inputs) in weights.iter().zip(inputs) {
            for (sums, weight) in sums.iter_mut().zip(weights) {
                for (sum, input) in sums.iter_mut().zip(inputs) {
                    *sum += weight * input;
                }
            }
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn planes(rows: &[Vec<f32>], kernel: usize) -> Planes {
        let mut planes = Planes::for_kernel(rows.len(), rows[0].len(), kernel);
        planes.rows_mut().zip(rows).for_each(|(to, from)| to.copy_from_slice(from));
        planes
    }

    #[test]
    fn two_channels_are_as_computed_by_hand() {
        // Sums of a row's pairs plus twice the other row; pooled by two; the odd last one dropped.
        let mut net = BandConvolution::new([1, 2, 2], 2, 4, &[1.0, 1.0, 2.0, 0.0], &[-9.0]);
        let x = planes(&[vec![1.0, 2.0, 4.0, 3.0], vec![0.0, 1.0, 1.0, 5.0]], 2);
        let mut y = Planes::dense(1, 1);
        net.apply(&x, &mut y);
        // 3 + 0 - 9, 6 + 2 - 9, (7 + 2 - 9): the larger of the first two is -1.
        assert!((y.values()[0] - ((-1f32).exp() - 1.0)).abs() < 2e-7);
        assert_eq!((net.n_out(), net.n_pooled()), (1, 1));
    }

    /// The definition, in double precision.
    fn naive([n_out, n_in, kernel]: [usize; 3], pool: usize, rows: &[Vec<f32>], weights: &[f32], bias: &[f32]) -> Vec<f64> {
        let n_sums = rows[0].len() + 1 - kernel;
        let mut y = Vec::new();
        for out in 0..n_out {
            let sum = |band: usize| {
                let term = |c: usize, k: usize| f64::from(weights[(out * n_in + c) * kernel + k]) * f64::from(rows[c][band + k]);
                f64::from(bias[out]) + (0..n_in).flat_map(|c| (0..kernel).map(move |k| (c, k))).map(|(c, k)| term(c, k)).sum::<f64>()
            };
            let rectified = |v: f64| if v > 0.0 { v } else { v.exp() - 1.0 };
            y.extend((0..n_sums / pool).map(|i| (i * pool..(i + 1) * pool).map(|band| rectified(sum(band))).fold(f64::MIN, f64::max)));
        }
        y
    }

    proptest! {
        #[test]
        fn any_sizes_agree_with_the_definition(
            n_out in 1usize..10, n_in in 1usize..4, kernel in 1usize..6, pool in 1usize..4, extra in 0usize..40, seed in 0u32..1000,
        ) {
            let n_bands = kernel + pool - 1 + extra;
            let value = |i: usize| ((i as u32).wrapping_mul(2_654_435_761).wrapping_add(seed * 7919) % 2001) as f32 / 1000.0 - 1.0;
            let weights: Vec<f32> = (0..n_out * n_in * kernel).map(value).collect();
            let bias: Vec<f32> = (0..n_out).map(|i| value(i + 777)).collect();
            let rows: Vec<Vec<f32>> = (0..n_in).map(|c| (0..n_bands).map(|i| value(i + 1000 * c + 31)).collect()).collect();
            let mut net = BandConvolution::new([n_out, n_in, kernel], pool, n_bands, &weights, &bias);
            let x = planes(&rows, kernel);
            let (mut y, mut portable) = (Planes::dense(n_out, net.n_pooled()), Planes::dense(n_out, net.n_pooled()));
            net.apply(&x, &mut y);
            net.use_avx2 = false;
            net.apply(&x, &mut portable);
            prop_assert_eq!(y.values(), portable.values(), "both builds agree bit for bit");
            for (got, expected) in y.values().iter().zip(naive([n_out, n_in, kernel], pool, &rows, &weights, &bias)) {
                prop_assert!((f64::from(*got) - expected).abs() < 1e-5, "{got} {expected}");
            }
        }
    }
}
