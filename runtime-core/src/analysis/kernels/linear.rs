//! The dense layer: a matrix of 24-bit weights with a bias, its columns streamed once a frame. INFERENCE THREAD.
//!
//! Matrices are stored in blocks of [`BLOCK_ROWS`] rows, column by column, so that one pass streams the weights once
//! (they do not fit the inner caches at the real pace of one frame every 20 ms) and every row sums its columns in the
//! same order on every machine: multiplication and addition stay separate instructions, so the SSE2 and the AVX2 build
//! of a kernel agree bit for bit.

use super::super::weight_store::{self, BLOCK_ROWS, Column, Columns, WEIGHT_BYTES, row_scale};

/// How far ahead of the arithmetic weights are asked for, columns of a block (96 bytes each): 12 kB, enough to span the
/// memory's latency and the page boundaries at which the hardware's own prefetching stops. NB: at the real pace, where the
/// weights have left the inner caches between frames, a hop took 0.64 and 0.91 of what it takes without, in two paired runs
/// of `anacrusis bench` on a busy machine; hot it makes no difference.
#[cfg(target_arch = "x86_64")]
const PREFETCH_COLUMNS: usize = 128;

/// A dense matrix with a bias: `y = W x + b`.
#[derive(Debug, Clone)]
pub struct Linear {
    n_rows: usize,
    n_columns: usize,
    /// `[n_blocks][n_columns][BLOCK_ROWS]`, rows beyond `n_rows` zero.
    weights: Columns,
    /// `[n_blocks][BLOCK_ROWS]`: what a unit of the weights is worth, a power of two.
    scales: Vec<[f32; BLOCK_ROWS]>,
    /// `[n_blocks][BLOCK_ROWS]`: biases over the scales.
    bias: Vec<[f32; BLOCK_ROWS]>,
    use_avx2: bool,
}

impl Linear {
    /// From row-major weights `[n_rows, n_columns]` and biases `[n_rows]`.
    ///
    /// # Panics
    /// Where lengths disagree; the model reader has checked them.
    pub fn new(n_rows: usize, n_columns: usize, weights: &[f32], bias: &[f32]) -> Self {
        assert_eq!((weights.len(), bias.len()), (n_rows * n_columns, n_rows), "shapes are checked when a model is read");
        let n_blocks = n_rows.div_ceil(BLOCK_ROWS);
        let mut blocked = vec![Column::ZERO; n_blocks * n_columns];
        let mut scales = vec![[1.0; BLOCK_ROWS]; n_blocks];
        let mut blocked_bias = vec![[0.0; BLOCK_ROWS]; n_blocks];
        for row in 0..n_rows {
            let (block, lane) = (row / BLOCK_ROWS, row % BLOCK_ROWS);
            let row_weights = &weights[row * n_columns..][..n_columns];
            let scale = row_scale(row_weights.iter().copied());
            scales[block][lane] = scale;
            blocked_bias[block][lane] = bias[row] / scale;
            for (column, &weight) in row_weights.iter().enumerate() {
                blocked[block * n_columns + column].set(lane, weight, scale);
            }
        }
        Self { n_rows, n_columns, weights: Columns::Own(blocked), scales, bias: blocked_bias, use_avx2: super::has_avx2() }
    }

    /// Length of `y`.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Length of `x`.
    pub fn n_columns(&self) -> usize {
        self.n_columns
    }

    /// `y = W x + b`; `x` is `[n_columns]`, `y` is `[n_rows]`.
    pub fn apply(&self, x: &[f32], y: &mut [f32]) {
        debug_assert_eq!((x.len(), y.len()), (self.n_columns, self.n_rows));
        #[cfg(target_arch = "x86_64")]
        if self.use_avx2 {
            // SAFETY: `use_avx2` is set only where the processor reports AVX2.
            unsafe { self.apply_avx2(x, y) };
            return;
        }
        self.apply_portable(x, y);
    }

    /// [`Self::apply_portable`] with the registers spelled out.
    ///
    /// NB: left to itself, the release build (thin link-time optimisation) turns the loop into scalar code: 169 us per net
    /// and frame where this takes 59 us.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn apply_avx2(&self, x: &[f32], y: &mut [f32]) {
        use std::arch::x86_64::{
            __m256, __m256i, _MM_HINT_T1, _mm_loadu_si128, _mm_prefetch, _mm256_add_ps, _mm256_castsi128_si256, _mm256_cvtepi32_ps,
            _mm256_inserti128_si256, _mm256_loadu_ps, _mm256_mul_ps, _mm256_set1_ps, _mm256_setr_epi8, _mm256_shuffle_epi8,
            _mm256_storeu_ps,
        };
        const LANES: usize = 8;

        #[inline]
        #[target_feature(enable = "avx2")]
        fn load_bias(bias: &[f32; BLOCK_ROWS], part: usize) -> __m256 {
            let lanes = &bias[part * LANES..][..LANES];
            // SAFETY: the slice holds the eight values that are read; no alignment is asked for.
            unsafe { _mm256_loadu_ps(lanes.as_ptr()) }
        }

        /// Eight weights: bytes 0 to 11 of 24 into the lower half, 12 to 23 into the upper, each three above a zero byte.
        #[inline]
        #[target_feature(enable = "avx2")]
        fn load(column: &Column, part: usize, spread: __m256i) -> __m256 {
            const HALF: usize = 8;
            let bytes = &column.0[part * LANES * WEIGHT_BYTES..][..LANES * WEIGHT_BYTES];
            // SAFETY: bytes 0 to 15 and 8 to 23 of the 24 of the slice; no alignment is asked for.
            let (low, high) = unsafe { (_mm_loadu_si128(bytes.as_ptr().cast()), _mm_loadu_si128(bytes.as_ptr().add(HALF).cast())) };
            let both = _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(low), high);
            _mm256_cvtepi32_ps(_mm256_shuffle_epi8(both, spread))
        }

        // -1 gives a zero byte. The upper half begins with byte 12, which is the fourth of those loaded from byte 8 on.
        let spread = _mm256_setr_epi8(
            -1, 0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1, 4, 5, 6, -1, 7, 8, 9, -1, 10, 11, 12, -1, 13, 14, 15,
        );
        let blocks = self.weights.chunks_exact(self.n_columns.max(1));
        for (((out, columns), bias), scales) in y.chunks_mut(BLOCK_ROWS).zip(blocks).zip(&self.bias).zip(&self.scales) {
            let (mut sum_0, mut sum_1) = (load_bias(bias, 0), load_bias(bias, 1));
            let (mut sum_2, mut sum_3) = (load_bias(bias, 2), load_bias(bias, 3));
            for (weights, &value) in columns.iter().zip(x) {
                let ahead = std::ptr::from_ref(weights).wrapping_add(PREFETCH_COLUMNS).cast::<i8>();
                _mm_prefetch::<_MM_HINT_T1>(ahead);
                _mm_prefetch::<_MM_HINT_T1>(ahead.wrapping_add(64));
                let value = _mm256_set1_ps(value);
                sum_0 = _mm256_add_ps(sum_0, _mm256_mul_ps(load(weights, 0, spread), value));
                sum_1 = _mm256_add_ps(sum_1, _mm256_mul_ps(load(weights, 1, spread), value));
                sum_2 = _mm256_add_ps(sum_2, _mm256_mul_ps(load(weights, 2, spread), value));
                sum_3 = _mm256_add_ps(sum_3, _mm256_mul_ps(load(weights, 3, spread), value));
            }
            let mut sums = [0.0; BLOCK_ROWS];
            for (lanes, sum) in sums.chunks_exact_mut(LANES).zip([sum_0, sum_1, sum_2, sum_3]) {
                // SAFETY: the chunk holds the eight values that are written; no alignment is asked for.
                unsafe { _mm256_storeu_ps(lanes.as_mut_ptr(), sum) };
            }
            put(out, &sums, scales);
        }
    }

    #[inline(always)]
    fn apply_portable(&self, x: &[f32], y: &mut [f32]) {
        let blocks = self.weights.chunks_exact(self.n_columns.max(1));
        for (((out, columns), bias), scales) in y.chunks_mut(BLOCK_ROWS).zip(blocks).zip(&self.bias).zip(&self.scales) {
            let mut sums = *bias;
            for (weights, &value) in columns.iter().zip(x) {
                for (row, sum) in sums.iter_mut().enumerate() {
                    *sum += weights.get(row) * value;
                }
            }
            put(out, &sums, scales);
        }
    }
}

/// `out[i] = sums[i] * scales[i]`: by powers of two, so nothing is rounded.
#[inline(always)]
fn put(out: &mut [f32], sums: &[f32; BLOCK_ROWS], scales: &[f32; BLOCK_ROWS]) {
    for ((out, sum), scale) in out.iter_mut().zip(sums).zip(scales) {
        *out = sum * scale;
    }
}

/// Moves the weights of these matrices, in the order in which a step reads them, into one mapping that their copies share.
pub fn gather_weights<'a>(matrices: impl IntoIterator<Item = &'a mut Linear>) {
    let mut columns: Vec<&mut Columns> = matrices.into_iter().map(|matrix| &mut matrix.weights).collect();
    weight_store::gather(&mut columns);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_small_product_is_as_computed_by_hand() {
        let linear = Linear::new(2, 3, &[1.0, 2.0, 3.0, -1.0, 0.0, 1.0], &[0.5, 0.0]);
        let mut y = [0.0; 2];
        linear.apply(&[1.0, 1.0, 2.0], &mut y);
        assert_eq!(y, [9.5, 1.0]);
    }

    proptest! {
        #[test]
        fn the_product_agrees_with_double_precision(n_rows in 1usize..70, n_columns in 1usize..40, seed in 0u32..1000) {
            let value = |i: usize| ((i as u32).wrapping_mul(2_654_435_761).wrapping_add(seed * 7919) % 2001) as f32 / 1000.0 - 1.0;
            let weights: Vec<f32> = (0..n_rows * n_columns).map(value).collect();
            let x: Vec<f32> = (0..n_columns).map(|i| value(i + 12_345)).collect();
            let linear = Linear::new(n_rows, n_columns, &weights, &vec![0.25; n_rows]);
            let mut y = vec![0.0; n_rows];
            linear.apply(&x, &mut y);
            let mut portable = vec![0.0; n_rows];
            linear.apply_portable(&x, &mut portable);
            prop_assert_eq!(&y, &portable, "both builds agree bit for bit");
            for (row, got) in y.iter().enumerate() {
                let expected: f64 = 0.25 + (0..n_columns).map(|c| f64::from(weights[row * n_columns + c]) * f64::from(x[c])).sum::<f64>();
                prop_assert!((f64::from(*got) - expected).abs() < 1e-4);
            }
        }
    }
}
