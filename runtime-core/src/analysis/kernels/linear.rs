//! The dense layer: a matrix with a bias, its columns streamed once a frame, or once for several frames. INFERENCE THREAD.
//!
//! Matrices are stored in blocks of [`BLOCK_ROWS`] rows, column by column, so that one pass streams the weights once
//! (they do not fit the inner caches at the real pace of one frame every 20 ms) and every row sums its columns in the
//! same order on every machine: multiplication and addition stay separate instructions, so the SSE2 and the AVX2 build
//! of a kernel agree bit for bit. One kernel for every [form of the weights](super::column).
//!
//! Of several frames a few are summed side by side, so that a weight is read and converted once for them. What is summed for a frame,
//! and in which order, does not depend on the frames beside it.

use super::super::model_file::Matrix;
use super::super::weight_store::{self, WeightBytes};
use super::column::{BLOCK_ROWS, Column, Column8, Column24, row_scale_24, stored_24};
#[cfg(target_arch = "x86_64")]
use super::column::{LANES, WIDE_LANES};

/// How far ahead of the arithmetic weights are asked for, bytes: enough to span the memory's latency and the page boundaries
/// at which the hardware's own prefetching stops. NB: at the real pace, where the weights have left the inner caches between
/// frames, a hop took 0.64 and 0.91 of what it takes without, in two paired runs of `anacrusis bench` on a busy machine with
/// weights of 24 bits, and a step with weights of 8 bits 0.63; hot it makes no difference, and half or four times as far is no
/// better.
#[cfg(target_arch = "x86_64")]
const PREFETCH_BYTES: usize = 12 << 10;
/// Frames that are summed side by side with AVX2: sums of eight registers of the sixteen.
const FRAMES_AVX2: usize = 2;
/// ... and with AVX-512: sums of sixteen registers of the thirty-two.
const FRAMES_AVX512: usize = 8;
/// Bytes that a processor fetches at once.
#[cfg(target_arch = "x86_64")]
const CACHE_LINE_BYTES: usize = 64;

/// A dense matrix with a bias: `y = W x + b`.
#[derive(Debug, Clone)]
pub struct Linear {
    n_rows: usize,
    n_columns: usize,
    form: Form,
    /// `[n_blocks][n_columns]` columns, rows beyond `n_rows` zero.
    weights: WeightBytes,
    /// `[n_rows]`: what one of the stored numbers is worth.
    scales: Vec<f32>,
    /// `[n_rows]`
    bias: Vec<f32>,
    kernel: Kernel,
}

/// Which instructions sum the columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kernel {
    Portable,
    Avx2,
    /// For groups of [`FRAMES_AVX512`] frames; the others are summed with AVX2.
    Avx512,
}

impl Kernel {
    /// The best that this processor has.
    fn best() -> Self {
        [Self::Avx512, Self::Avx2].into_iter().find(|kernel| kernel.is_here()).unwrap_or(Self::Portable)
    }

    /// Whether this processor has the instructions.
    fn is_here(self) -> bool {
        match self {
            Self::Portable => true,
            Self::Avx2 => super::has_avx2(),
            Self::Avx512 => super::has_avx2() && super::has_avx512(),
        }
    }
}

/// Which [`Column`] the weights are.
#[derive(Debug, Clone, Copy)]
enum Form {
    Bits24,
    Bits8,
}

impl Linear {
    /// From weights `[n_rows, n_columns]` and biases `[n_rows]`.
    ///
    /// # Panics
    /// Where lengths disagree; the model reader has checked them.
    pub fn new(n_rows: usize, n_columns: usize, weights: &Matrix, bias: &[f32]) -> Self {
        assert_eq!((weights.n_weights(), bias.len()), (n_rows * n_columns, n_rows), "shapes are checked when a model is read");
        let (form, weights, scales) = match weights {
            Matrix::Float(weights) => {
                let rows = || (0..n_rows).map(|row| &weights[row * n_columns..][..n_columns]);
                let scales: Vec<f32> = rows().map(|row| row_scale_24(row.iter().copied())).collect();
                let stored = rows().zip(&scales).flat_map(|(row, &scale)| row.iter().map(move |&weight| stored_24(weight, scale)));
                (Form::Bits24, blocked(n_rows, n_columns, stored), scales)
            }
            Matrix::Int8 { units, scales } => {
                assert_eq!(scales.len(), n_rows, "shapes are checked when a model is read");
                let stored = units.iter().map(|unit| unit.to_le_bytes());
                (Form::Bits8, blocked(n_rows, n_columns, stored), scales.clone())
            }
        };
        let (weights, bias) = (WeightBytes::Own(weights), bias.to_vec());
        Self { n_rows, n_columns, form, weights, scales, bias, kernel: Kernel::best() }
    }

    /// Length of `y`.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Length of `x`.
    pub fn n_columns(&self) -> usize {
        self.n_columns
    }

    /// `y = W x + b` for each of some frames; `x` is `[n_frames, n_columns]`, `y` is `[n_frames, n_rows]`. Real-time safe: yes.
    pub fn apply(&self, x: &[f32], y: &mut [f32]) {
        y.chunks_exact_mut(self.n_rows).for_each(|y| y.copy_from_slice(&self.bias));
        self.add_product(x, y);
    }

    /// `y += W x + b`; lengths as in [`Self::apply`]. Real-time safe: yes.
    pub fn apply_onto(&self, x: &[f32], y: &mut [f32]) {
        for y in y.chunks_exact_mut(self.n_rows) {
            y.iter_mut().zip(&self.bias).for_each(|(y, bias)| *y += bias);
        }
        self.add_product(x, y);
    }

    /// `y += W x`
    fn add_product(&self, x: &[f32], y: &mut [f32]) {
        debug_assert_eq!(x.len() / self.n_columns, y.len() / self.n_rows);
        match self.form {
            Form::Bits24 => self.add_columns::<Column24>(self.weights.as_chunks().0, x, y),
            Form::Bits8 => self.add_columns::<Column8>(self.weights.as_chunks().0, x, y),
        }
    }

    fn add_columns<C: Column>(&self, columns: &[C], x: &[f32], y: &mut [f32]) {
        let blocks = columns.chunks_exact(self.n_columns).zip(self.scales.chunks(BLOCK_ROWS));
        for ((columns, scales), first_row) in blocks.zip((0..).step_by(BLOCK_ROWS)) {
            let block = Block { kernel: self.kernel, columns, scales, first_row, n_rows: self.n_rows };
            let (mut x, mut y) = (x, &mut *y);
            if self.kernel == Kernel::Avx512 {
                (x, y) = block.add_groups::<FRAMES_AVX512>(x, y);
            }
            if self.kernel != Kernel::Portable {
                (x, y) = block.add_groups::<FRAMES_AVX2>(x, y);
            }
            block.add_groups::<1>(x, y);
        }
    }
}

/// Some rows of the matrix.
struct Block<'a, C> {
    kernel: Kernel,
    /// `[n_columns]`
    columns: &'a [C],
    /// Of the rows that there are, at most [`BLOCK_ROWS`].
    scales: &'a [f32],
    first_row: usize,
    /// Of the whole matrix.
    n_rows: usize,
}

impl<C: Column> Block<'_, C> {
    /// Adds these rows' sums for as many frames as make groups of `N_FRAMES`; returns `x` and `y` of the other frames.
    fn add_groups<'x, 'y, const N_FRAMES: usize>(&self, x: &'x [f32], y: &'y mut [f32]) -> (&'x [f32], &'y mut [f32]) {
        let n_columns = self.columns.len();
        let n_grouped = y.len() / (N_FRAMES * self.n_rows) * N_FRAMES;
        let (x, x_rest) = x.split_at(n_grouped * n_columns);
        let (y, y_rest) = y.split_at_mut(n_grouped * self.n_rows);
        for (x, y) in x.chunks_exact(N_FRAMES * n_columns).zip(y.chunks_exact_mut(N_FRAMES * self.n_rows)) {
            let sums = sum_columns::<C, N_FRAMES>(self.kernel, self.columns, x);
            for (y, sums) in y.chunks_exact_mut(self.n_rows).zip(sums) {
                for ((out, sum), scale) in y[self.first_row..].iter_mut().zip(sums).zip(self.scales) {
                    *out += sum * scale;
                }
            }
        }
        (x_rest, y_rest)
    }
}

/// The rows' weights, one behind the other, as columns of blocks. Each of `stored` is one weight, `[n_rows, n_columns]`.
fn blocked<const N_BYTES: usize>(n_rows: usize, n_columns: usize, stored: impl Iterator<Item = [u8; N_BYTES]>) -> Vec<u8> {
    let mut bytes = vec![0; n_rows.div_ceil(BLOCK_ROWS) * n_columns * BLOCK_ROWS * N_BYTES];
    for (i, weight) in stored.enumerate() {
        let (row, column) = (i / n_columns, i % n_columns);
        let place = (row / BLOCK_ROWS * n_columns + column) * BLOCK_ROWS + row % BLOCK_ROWS;
        bytes[place * N_BYTES..][..N_BYTES].copy_from_slice(&weight);
    }
    bytes
}

/// Sums of a block's rows in units of their scales, for each frame; `columns` is `[n_columns]`, `x` is `[N_FRAMES, n_columns]`.
fn sum_columns<C: Column, const N_FRAMES: usize>(kernel: Kernel, columns: &[C], x: &[f32]) -> [[f32; BLOCK_ROWS]; N_FRAMES] {
    let frames: [&[f32]; N_FRAMES] = std::array::from_fn(|frame| &x[frame * columns.len()..][..columns.len()]);
    match kernel {
        // SAFETY: this kernel is chosen only where the processor reports what it needs.
        #[cfg(target_arch = "x86_64")]
        Kernel::Avx512 if N_FRAMES == FRAMES_AVX512 => unsafe { sum_columns_avx512(columns, frames) },
        // SAFETY: as above; where there is AVX-512 there is AVX2.
        #[cfg(target_arch = "x86_64")]
        Kernel::Avx512 | Kernel::Avx2 => unsafe { sum_columns_avx2(columns, frames) },
        _ => frames.map(|frame| sum_columns_portable(columns, frame)),
    }
}

/// [`sum_columns_portable`] with the registers spelled out.
///
/// NB: left to itself, the release build (thin link-time optimisation) turns the loop into scalar code: 169 us per net
/// and frame where this took 59 us, with weights of 24 bits.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn sum_columns_avx2<C: Column, const N_FRAMES: usize>(columns: &[C], frames: [&[f32]; N_FRAMES]) -> [[f32; BLOCK_ROWS]; N_FRAMES] {
    use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch, _mm256_add_ps, _mm256_mul_ps, _mm256_set1_ps, _mm256_setzero_ps, _mm256_storeu_ps};
    let mut sums = [[_mm256_setzero_ps(); BLOCK_ROWS / LANES]; N_FRAMES];
    for (i, column) in columns.iter().enumerate() {
        // NB: two short columns share a line; asking for it twice made a step 1.06 of what it takes, at the real pace.
        if N_FRAMES == 1 && i % (CACHE_LINE_BYTES / size_of::<C>()).max(1) == 0 {
            let ahead = std::ptr::from_ref(column).cast::<i8>().wrapping_add(PREFETCH_BYTES);
            for line in (0..size_of::<C>()).step_by(CACHE_LINE_BYTES) {
                _mm_prefetch::<_MM_HINT_T1>(ahead.wrapping_add(line));
            }
        }
        let values = frames.map(|frame| _mm256_set1_ps(frame[i]));
        for part in 0..BLOCK_ROWS / LANES {
            // SAFETY: this function runs only where there is AVX2.
            let weights = unsafe { column.load(part) };
            for (sums, value) in sums.iter_mut().zip(values) {
                sums[part] = _mm256_add_ps(sums[part], _mm256_mul_ps(weights, value));
            }
        }
    }
    let mut out = [[0.0; BLOCK_ROWS]; N_FRAMES];
    for (lanes, sum) in out.as_flattened_mut().as_chunks_mut::<LANES>().0.iter_mut().zip(sums.as_flattened()) {
        // SAFETY: the chunk holds the eight values that are written; no alignment is asked for.
        unsafe { _mm256_storeu_ps(lanes.as_mut_ptr(), *sum) };
    }
    out
}

/// [`sum_columns_avx2`] in registers of twice the width: the same multiplications and additions of each row, so the same bits.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
fn sum_columns_avx512<C: Column, const N_FRAMES: usize>(columns: &[C], frames: [&[f32]; N_FRAMES]) -> [[f32; BLOCK_ROWS]; N_FRAMES] {
    use std::arch::x86_64::{_mm512_add_ps, _mm512_mul_ps, _mm512_set1_ps, _mm512_setzero_ps, _mm512_storeu_ps};
    let mut sums = [[_mm512_setzero_ps(); BLOCK_ROWS / WIDE_LANES]; N_FRAMES];
    for (i, column) in columns.iter().enumerate() {
        for part in 0..BLOCK_ROWS / WIDE_LANES {
            // SAFETY: this function runs only where there is AVX-512 with the parts that are named above.
            let weights = unsafe { column.load_wide(part) };
            for (sums, frame) in sums.iter_mut().zip(frames) {
                sums[part] = _mm512_add_ps(sums[part], _mm512_mul_ps(weights, _mm512_set1_ps(frame[i])));
            }
        }
    }
    let mut out = [[0.0; BLOCK_ROWS]; N_FRAMES];
    for (lanes, sum) in out.as_flattened_mut().as_chunks_mut::<WIDE_LANES>().0.iter_mut().zip(sums.as_flattened()) {
        // SAFETY: the chunk holds the sixteen values that are written; no alignment is asked for.
        unsafe { _mm512_storeu_ps(lanes.as_mut_ptr(), *sum) };
    }
    out
}

#[inline(always)]
fn sum_columns_portable<C: Column>(columns: &[C], x: &[f32]) -> [f32; BLOCK_ROWS] {
    let mut sums = [0.0; BLOCK_ROWS];
    for (column, &value) in columns.iter().zip(x) {
        for (row, sum) in sums.iter_mut().enumerate() {
            *sum += column.get(row) * value;
        }
    }
    sums
}

/// Moves the weights of these matrices, in the order in which a step reads them, into one mapping that their copies share.
pub fn gather_weights<'a>(matrices: impl IntoIterator<Item = &'a mut Linear>) {
    let mut weights: Vec<&mut WeightBytes> = matrices.into_iter().map(|matrix| &mut matrix.weights).collect();
    weight_store::gather(&mut weights);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn int8(units: &[i8], scales: &[f32]) -> Matrix {
        Matrix::Int8 { units: units.to_vec(), scales: scales.to_vec() }
    }

    #[test]
    fn a_small_product_is_as_computed_by_hand() {
        let float = Matrix::Float(vec![1.0, 2.0, 3.0, -1.0, 0.0, 1.0]);
        for weights in [float, int8(&[2, 4, 6, -4, 0, 4], &[0.5, 0.25])] {
            let linear = Linear::new(2, 3, &weights, &[0.5, 0.0]);
            let mut y = [0.0; 2];
            linear.apply(&[1.0, 1.0, 2.0], &mut y);
            assert_eq!(y, [9.5, 1.0]);
            linear.apply_onto(&[0.0, 1.0, 0.0], &mut y);
            assert_eq!(y, [12.0, 1.0]);
        }
    }

    #[test]
    fn a_row_of_scale_zero_is_its_bias() {
        let linear = Linear::new(2, 1, &int8(&[100, -128], &[0.0, 1.0]), &[0.75, 0.5]);
        let mut y = [0.0; 2];
        linear.apply(&[2.0], &mut y);
        assert_eq!(y, [0.75, -255.5]);
    }

    #[test]
    fn a_value_that_is_no_number_comes_out() {
        for weights in [Matrix::Float(vec![1.0, 2.0]), int8(&[1, 2], &[0.5])] {
            let mut y = [0.0];
            Linear::new(1, 2, &weights, &[0.0]).apply(&[f32::NAN, 1.0], &mut y);
            assert!(y[0].is_nan());
        }
    }

    proptest! {
        #[test]
        fn the_product_agrees_with_double_precision(
            n_rows in 1usize..70, n_columns in 1usize..40, n_frames in 1usize..23, in_8_bits: bool, seed in 0u32..1000,
        ) {
            let number = |i: usize| (i as u32).wrapping_mul(2_654_435_761).wrapping_add(seed * 7919) % 2001;
            let value = |i: usize| number(i) as f32 / 1000.0 - 1.0;
            let weights = if in_8_bits {
                let units = (0..n_rows * n_columns).map(|i| number(i).to_le_bytes()[0].cast_signed()).collect();
                Matrix::Int8 { units, scales: (0..n_rows).map(|row| number(row + 99) as f32 / 128_000.0).collect() }
            } else {
                Matrix::Float((0..n_rows * n_columns).map(value).collect())
            };
            let x: Vec<f32> = (0..n_frames * n_columns).map(|i| value(i + 12_345)).collect();
            let mut linear = Linear::new(n_rows, n_columns, &weights, &vec![0.25; n_rows]);
            let mut y = vec![0.0; n_frames * n_rows];
            linear.apply(&x, &mut y);
            let mut alone = vec![0.0; n_frames * n_rows];
            x.chunks_exact(n_columns).zip(alone.chunks_exact_mut(n_rows)).for_each(|(x, y)| linear.apply(x, y));
            prop_assert_eq!(&y, &alone, "frames side by side are frames one by one");
            let mut shared = vec![0.0; n_frames * n_rows];
            gather_weights([&mut linear]);
            linear.apply(&x, &mut shared);
            prop_assert_eq!(&y, &shared, "the store changes nothing");
            for kernel in [Kernel::Portable, Kernel::Avx2, Kernel::Avx512].into_iter().filter(|kernel| kernel.is_here()) {
                linear.kernel = kernel;
                let mut same = vec![0.0; n_frames * n_rows];
                linear.apply(&x, &mut same);
                prop_assert_eq!(&y, &same, "all kernels agree bit for bit: {:?}", kernel);
            }
            let weights = weights.to_f32();
            for (place, got) in y.iter().enumerate() {
                let (frame, row) = (place / n_rows, place % n_rows);
                let terms = weights[row * n_columns..][..n_columns].iter().zip(&x[frame * n_columns..]);
                let expected: f64 = 0.25 + terms.map(|(&w, &x)| f64::from(w) * f64::from(x)).sum::<f64>();
                // At most 40 terms up to 2, each rounded to 2^-24 of the sum.
                prop_assert!((f64::from(*got) - expected).abs() < 2e-5, "{got} {expected}");
            }
        }
    }
}
