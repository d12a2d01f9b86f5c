//! Step kernels of the native networks: one frame at a time, explicit state, no allocation. INFERENCE THREAD.
//!
//! Matrices are stored in blocks of [`BLOCK_ROWS`] rows, column by column, so that one pass streams the weights once
//! (they do not fit the inner caches at the real pace of one frame every 20 ms) and every row sums its columns in the
//! same order on every machine: multiplication and addition stay separate instructions, so the SSE2 and the AVX2 build
//! of a kernel agree bit for bit.

use super::weight_store::{self, BLOCK_ROWS, Column, Columns, WEIGHT_BYTES, row_scale};

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
        Self { n_rows, n_columns, weights: Columns::Own(blocked), scales, bias: blocked_bias, use_avx2: has_avx2() }
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

/// One LSTM layer with its state: gates in PyTorch's order i, f, g, o.
///
/// `c' = s(f) c + s(i) tanh(g)`, `h' = s(o) tanh(c')` (Hochreiter & Schmidhuber 1997, with forget gate).
#[derive(Debug, Clone)]
pub struct Lstm {
    n_hidden: usize,
    /// `[4 n_hidden, n_input + n_hidden]`, both bias vectors summed.
    gates: Linear,
    /// `[n_input + n_hidden]`: the input and the hidden state side by side.
    input_and_hidden: Vec<f32>,
    cell: Vec<f32>,
    activations: Vec<f32>,
}

impl Lstm {
    /// From PyTorch's tensors: `weight_ih` `[4H, n_input]`, `weight_hh` `[4H, H]`, biases `[4H]`.
    ///
    /// # Panics
    /// Where lengths disagree; the model reader has checked them.
    pub fn new(n_input: usize, n_hidden: usize, weight_ih: &[f32], weight_hh: &[f32], bias_ih: &[f32], bias_hh: &[f32]) -> Self {
        let n_rows = 4 * n_hidden;
        let mut weights = Vec::with_capacity(n_rows * (n_input + n_hidden));
        for row in 0..n_rows {
            weights.extend_from_slice(&weight_ih[row * n_input..][..n_input]);
            weights.extend_from_slice(&weight_hh[row * n_hidden..][..n_hidden]);
        }
        let bias: Vec<f32> = bias_ih.iter().zip(bias_hh).map(|(a, b)| a + b).collect();
        Self {
            n_hidden,
            gates: Linear::new(n_rows, n_input + n_hidden, &weights, &bias),
            input_and_hidden: vec![0.0; n_input + n_hidden],
            cell: vec![0.0; n_hidden],
            activations: vec![0.0; n_rows],
        }
    }

    /// One step; returns the new hidden state `[n_hidden]`.
    pub fn step(&mut self, input: &[f32]) -> &[f32] {
        let n_input = self.input_and_hidden.len() - self.n_hidden;
        self.input_and_hidden[..n_input].copy_from_slice(input);
        self.gates.apply(&self.input_and_hidden, &mut self.activations);
        let hidden = &mut self.input_and_hidden[n_input..];
        let (input_gate, rest) = self.activations.split_at_mut(self.n_hidden);
        let (forget_gate, rest) = rest.split_at_mut(self.n_hidden);
        let (candidate, output_gate) = rest.split_at_mut(self.n_hidden);
        for i in 0..self.n_hidden {
            let cell = sigmoid(forget_gate[i]) * self.cell[i] + sigmoid(input_gate[i]) * tanh(candidate[i]);
            self.cell[i] = cell;
            hidden[i] = sigmoid(output_gate[i]) * tanh(cell);
        }
        hidden
    }

    /// The matrix of all gates.
    pub fn gates_mut(&mut self) -> &mut Linear {
        &mut self.gates
    }

    /// Hidden and cell state to zero.
    pub fn reset(&mut self) {
        self.input_and_hidden.fill(0.0);
        self.cell.fill(0.0);
    }
}

/// One-dimensional convolution of a single input channel, stride 1, no padding.
#[derive(Debug, Clone)]
pub struct Conv1d {
    n_channels: usize,
    kernel: usize,
    weights: Vec<f32>,
    bias: Vec<f32>,
}

impl Conv1d {
    /// From `[n_channels, 1, kernel]` weights and `[n_channels]` biases.
    ///
    /// # Panics
    /// Where lengths disagree; the model reader has checked them.
    pub fn new(n_channels: usize, kernel: usize, weights: &[f32], bias: &[f32]) -> Self {
        assert_eq!((weights.len(), bias.len()), (n_channels * kernel, n_channels), "shapes are checked when a model is read");
        Self { n_channels, kernel, weights: weights.to_vec(), bias: bias.to_vec() }
    }

    /// Outputs per channel for an input of `n_input` values.
    pub fn n_outputs(&self, n_input: usize) -> usize {
        (n_input + 1).saturating_sub(self.kernel)
    }

    /// `y[c][i] = bias[c] + sum_k w[c][k] x[i + k]`, then ReLU; `y` is channel-major.
    pub fn apply_relu(&self, x: &[f32], y: &mut [f32]) {
        let n_outputs = self.n_outputs(x.len());
        debug_assert_eq!(y.len(), self.n_channels * n_outputs);
        for (channel, out) in y.chunks_exact_mut(n_outputs).enumerate() {
            out.fill(self.bias[channel]);
            for (k, weight) in self.weights[channel * self.kernel..][..self.kernel].iter().enumerate() {
                for (sum, value) in out.iter_mut().zip(&x[k..]) {
                    *sum += weight * value;
                }
            }
            out.iter_mut().for_each(|v| *v = v.max(0.0));
        }
    }
}

/// Maximum of pairs along each channel; an odd last value is dropped. `x` is `[n_channels, n]`, `y` `[n_channels, n / 2]`.
pub fn max_pool_2(n_channels: usize, x: &[f32], y: &mut [f32]) {
    let (n_in, n_out) = (x.len() / n_channels, y.len() / n_channels);
    for (input, output) in x.chunks_exact(n_in).zip(y.chunks_exact_mut(n_out)) {
        for (pair, out) in input.chunks_exact(2).zip(output) {
            *out = pair[0].max(pair[1]);
        }
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
fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// Hyperbolic tangent as `2 sigmoid(2x) - 1`, absolute error below 4e-7.
#[inline(always)]
fn tanh(x: f32) -> f32 {
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
    let n = (x * std::f32::consts::LOG2_E + ROUND) - ROUND;
    let r = x - n * LN2_HIGH - n * LN2_LOW;
    let mut p = 1.987_569_1e-4;
    p = p * r + 1.398_2e-3;
    p = p * r + 8.333_452e-3;
    p = p * r + 4.166_579_6e-2;
    p = p * r + 1.666_666_5e-1;
    p = p * r + 5e-1;
    let exp_r = p * r * r + r + 1.0;
    let scale = f32::from_bits((((n as i32) + 127) as u32) << 23);
    exp_r * scale
}

fn has_avx2() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        std::arch::is_x86_feature_detected!("avx2")
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        false
    }
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

    #[test]
    fn an_lstm_step_is_as_computed_by_hand() {
        // One input, one unit, all gates driven by the input alone: i, f, g, o = x * (1, 2, 3, 4).
        let mut lstm = Lstm::new(1, 1, &[1.0, 2.0, 3.0, 4.0], &[0.0; 4], &[0.0; 4], &[0.0; 4]);
        let s = |x: f64| 1.0 / (1.0 + (-x).exp());
        let cell = s(0.5) * 1.5f64.tanh();
        let hidden = f64::from(lstm.step(&[0.5])[0]);
        assert!((hidden - s(2.0) * cell.tanh()).abs() < 1e-6);
        let cell = s(1.0) * cell + s(0.5) * 1.5f64.tanh();
        let hidden = f64::from(lstm.step(&[0.5])[0]);
        assert!((hidden - s(2.0) * cell.tanh()).abs() < 1e-6);
        lstm.reset();
        assert!((f64::from(lstm.step(&[0.5])[0]) - s(2.0) * (s(0.5) * 1.5f64.tanh()).tanh()).abs() < 1e-6);
    }

    #[test]
    fn convolution_pooling_and_softmax_are_as_computed_by_hand() {
        let conv = Conv1d::new(2, 2, &[1.0, 1.0, 1.0, -1.0], &[0.0, 0.5]);
        let mut y = [0.0; 6];
        conv.apply_relu(&[1.0, 2.0, 4.0, 3.0], &mut y);
        assert_eq!(y, [3.0, 6.0, 7.0, 0.0, 0.0, 1.5]);
        let mut pooled = [0.0; 2];
        max_pool_2(2, &y, &mut pooled);
        assert_eq!(pooled, [6.0, 0.0], "the odd last value is dropped");
        let mut probs = [0.0, f32::ln(3.0)];
        softmax(&mut probs);
        assert!((probs[0] - 0.25).abs() < 1e-6 && (probs[1] - 0.75).abs() < 1e-6);
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
