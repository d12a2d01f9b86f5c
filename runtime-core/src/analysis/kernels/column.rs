//! How weights are stored: one column of a block of rows, in 24 or in 8 bits a weight. INFERENCE THREAD.
//!
//! A frame reads all weights once and does two operations with each, so it costs what the reading costs. Either form holds whole
//! numbers, two's complement, and each row has one scale, applied to its sum at the end: a weight is number times scale.
//!
//! - 24 bits, for weights that a model file has as `f32`: as exact as those for sums, at three quarters of their cost. The scale is
//!   a power of two, so that it rounds nothing, and the unit at most 2^-22 of the row's largest weight.
//! - 8 bits, for weights that a model file has so: number and scale as they are in the file.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{__m256, __m512, _mm256_cvtepi32_ps, _mm512_cvtepi32_ps};

/// Rows that a kernel accumulates together in registers.
pub(super) const BLOCK_ROWS: usize = 32;
/// Rows in one register of AVX2.
#[cfg(target_arch = "x86_64")]
pub(super) const LANES: usize = 8;
/// Rows in one register of AVX-512.
#[cfg(target_arch = "x86_64")]
pub(super) const WIDE_LANES: usize = 16;

/// One column of a block of rows in 24 bits a weight, little-endian.
pub(super) type Column24 = [u8; BLOCK_ROWS * WEIGHT_24_BYTES];
/// One column of a block of rows in 8 bits a weight.
pub(super) type Column8 = [u8; BLOCK_ROWS];

const WEIGHT_24_BYTES: usize = 3;
/// Largest magnitude of a weight in 24 bits.
const LARGEST_24: f32 = ((1 << 23) - 1) as f32;
/// What [`Column24::get`] is too large by: the bytes are read as the upper three of four.
const SHIFT_24: f32 = 256.0;
/// Binary exponents of a row's largest weight for which scale and its inverse are ordinary numbers.
const EXPONENTS_24: std::ops::RangeInclusive<i32> = -60..=60;

/// What the kernels read of a column, whatever its form.
pub(super) trait Column {
    /// The weight of a row over the row's scale: a whole number, exactly.
    fn get(&self, row: usize) -> f32;

    /// [`Self::get`] of the [`LANES`] rows from `part * LANES` on.
    ///
    /// # Safety
    /// The processor has AVX2.
    #[cfg(target_arch = "x86_64")]
    unsafe fn load(&self, part: usize) -> __m256;

    /// [`Self::get`] of the [`WIDE_LANES`] rows from `part * WIDE_LANES` on.
    ///
    /// # Safety
    /// The processor has AVX-512 with F, BW and VBMI.
    #[cfg(target_arch = "x86_64")]
    unsafe fn load_wide(&self, part: usize) -> __m512;
}

impl Column for Column24 {
    #[inline(always)]
    fn get(&self, row: usize) -> f32 {
        let bytes = &self[row * WEIGHT_24_BYTES..][..WEIGHT_24_BYTES];
        // 24 significant bits: the conversion is exact.
        i32::from_le_bytes([0, bytes[0], bytes[1], bytes[2]]) as f32
    }

    /// Bytes 0 to 11 of 24 go into the lower half, 12 to 23 into the upper, each three above a zero byte.
    #[cfg(target_arch = "x86_64")]
    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn load(&self, part: usize) -> __m256 {
        use std::arch::x86_64::{_mm_loadu_si128, _mm256_castsi128_si256, _mm256_inserti128_si256, _mm256_setr_epi8, _mm256_shuffle_epi8};
        const HALF: usize = 8;
        // -1 gives a zero byte. The upper half begins with byte 12, which is the fourth of those loaded from byte 8 on.
        let spread = _mm256_setr_epi8(
            -1, 0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1, 4, 5, 6, -1, 7, 8, 9, -1, 10, 11, 12, -1, 13, 14, 15,
        );
        let bytes = &self[part * LANES * WEIGHT_24_BYTES..][..LANES * WEIGHT_24_BYTES];
        // SAFETY: bytes 0 to 15 and 8 to 23 of the 24 of the slice; no alignment is asked for.
        let (low, high) = unsafe { (_mm_loadu_si128(bytes.as_ptr().cast()), _mm_loadu_si128(bytes.as_ptr().add(HALF).cast())) };
        let both = _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(low), high);
        _mm256_cvtepi32_ps(_mm256_shuffle_epi8(both, spread))
    }

    /// Bytes 0 to 47, each three above a zero byte.
    #[cfg(target_arch = "x86_64")]
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
    unsafe fn load_wide(&self, part: usize) -> __m512 {
        use std::arch::x86_64::{_mm512_loadu_si512, _mm512_maskz_loadu_epi8, _mm512_maskz_permutexvar_epi8};
        const N_BYTES: usize = WIDE_LANES * WEIGHT_24_BYTES;
        /// The byte that comes to each place; nothing comes to every fourth.
        const SPREAD: [u8; 64] = {
            let (mut from, mut to) = ([0; 64], 0);
            while to < from.len() {
                from[to] = (to / 4 * WEIGHT_24_BYTES + (to % 4).saturating_sub(1)) as u8;
                to += 1;
            }
            from
        };
        const FILLED: u64 = 0xEEEE_EEEE_EEEE_EEEE;
        let bytes = &self[part * N_BYTES..][..N_BYTES];
        // SAFETY: the 48 bytes of the slice, the others are not touched; no alignment is asked for.
        let bytes = unsafe { _mm512_maskz_loadu_epi8((1 << N_BYTES) - 1, bytes.as_ptr().cast()) };
        // SAFETY: the 64 bytes of the table; no alignment is asked for.
        let spread = unsafe { _mm512_loadu_si512(SPREAD.as_ptr().cast()) };
        _mm512_cvtepi32_ps(_mm512_maskz_permutexvar_epi8(FILLED, spread, bytes))
    }
}

impl Column for Column8 {
    #[inline(always)]
    fn get(&self, row: usize) -> f32 {
        f32::from(self[row].cast_signed())
    }

    #[cfg(target_arch = "x86_64")]
    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn load(&self, part: usize) -> __m256 {
        use std::arch::x86_64::{_mm_loadl_epi64, _mm256_cvtepi8_epi32};
        let bytes = &self[part * LANES..][..LANES];
        // SAFETY: the eight bytes of the slice; no alignment is asked for.
        let bytes = unsafe { _mm_loadl_epi64(bytes.as_ptr().cast()) };
        _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes))
    }

    #[cfg(target_arch = "x86_64")]
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
    unsafe fn load_wide(&self, part: usize) -> __m512 {
        use std::arch::x86_64::{_mm_loadu_si128, _mm512_cvtepi8_epi32};
        let bytes = &self[part * WIDE_LANES..][..WIDE_LANES];
        // SAFETY: the sixteen bytes of the slice; no alignment is asked for.
        let bytes = unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) };
        _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes))
    }
}

/// The scale of a row in 24 bits. `weights` are finite.
pub(super) fn row_scale_24(weights: impl Iterator<Item = f32>) -> f32 {
    let largest = weights.fold(0.0, |a: f32, w| a.max(w.abs()));
    // The power of two above it.
    let exponent = (largest.max(f32::MIN_POSITIVE).log2().floor() as i32 + 1).clamp(*EXPONENTS_24.start(), *EXPONENTS_24.end());
    2f32.powi(exponent) / ((1 << 23) as f32 * SHIFT_24)
}

/// A weight as it is stored in 24 bits in a row of this scale.
pub(super) fn stored_24(weight: f32, scale: f32) -> [u8; WEIGHT_24_BYTES] {
    let units = (weight / (scale * SHIFT_24)).round().clamp(-LARGEST_24, LARGEST_24) as i32;
    let [low, middle, high, _] = units.to_le_bytes();
    [low, middle, high]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A column of these weights in 24 bits, the rest zero.
    fn column_24(weights: &[f32], scale: f32) -> Column24 {
        let mut column = [0; BLOCK_ROWS * WEIGHT_24_BYTES];
        for (bytes, &weight) in column.as_chunks_mut::<WEIGHT_24_BYTES>().0.iter_mut().zip(weights) {
            *bytes = stored_24(weight, scale);
        }
        column
    }

    #[test]
    fn weights_in_24_bits_are_as_exact_as_their_row_s_largest() {
        for magnitude in [1e-6f32, 0.03, 1.0, 1.999_999_9, 2.0, 77.0, 1e6] {
            let weights: Vec<f32> = (0..BLOCK_ROWS).map(|k| (k as f32 * 1.7).sin() * magnitude).collect();
            let scale = row_scale_24(weights.iter().copied());
            assert_eq!(scale.to_bits() & 0x7F_FFFF, 0, "a power of two");
            let column = column_24(&weights, scale);
            for (row, &weight) in weights.iter().enumerate() {
                assert!((column.get(row) * scale - weight).abs() <= magnitude * 2f32.powi(-22), "{weight}");
            }
        }
    }

    #[test]
    fn rows_of_zeros_and_of_extremes_stay_finite() {
        for weight in [0.0, -0.0, f32::MIN_POSITIVE, f32::MAX, -f32::MAX] {
            let scale = row_scale_24([weight].into_iter());
            assert!(scale > 0.0 && scale.is_finite() && (column_24(&[weight], scale).get(0) * scale).is_finite());
        }
        let scale = row_scale_24([1.0].into_iter());
        assert_eq!(column_24(&[-1.0; BLOCK_ROWS], scale).get(31) * scale, -1.0);
    }

    #[test]
    fn bytes_are_signed_numbers() {
        let column: Column8 = std::array::from_fn(|row| [0, 1, 127, 128, 255][row % 5]);
        assert_eq!([0, 1, 2, 3, 4, 9].map(|row| column.get(row)), [0.0, 1.0, 127.0, -128.0, -1.0, -1.0]);
    }
}
