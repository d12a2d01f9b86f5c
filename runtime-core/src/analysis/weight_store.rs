//! Where the weights of the native networks lie: 24 bits each, one mapping on large pages, shared by every copy. Any thread
//! reads.
//!
//! Weights are read once a frame, front to back, and have left the inner caches when the next frame comes 20 ms later. On
//! pages of 4 kB the processor then walks its page table about 1200 times a frame for BeatNet's three sets; on pages of
//! 2 MB three times. NB: a hop at the real pace took 0.77, 0.82 and 0.90 of its time with the weights on small pages, in
//! three paired runs of `anacrusis bench`; back to back there is no difference.
//!
//! Copies of a network share the mapping: twenty plugin instances hold the weights once.

use std::ops::{Deref, Range};
use std::sync::Arc;

use memmap2::{MmapMut, MmapOptions};

/// Rows that a kernel accumulates together in registers.
pub(super) const BLOCK_ROWS: usize = 32;
/// Size and alignment of a large page on x86-64 and on ARM64 with 4 kB pages, bytes.
const LARGE_PAGE_BYTES: usize = 2 << 20;

/// Bytes of a weight: a whole number of 24 bits in units of its row's scale, two's complement, little-endian.
///
/// A frame reads all weights once and does two operations with each, so it costs what the reading costs; these take a quarter
/// less than `f32` and are as exact: the unit is at most 2^-22 of the row's largest weight, and a power of two, so that scaling
/// rounds nothing.
pub(super) const WEIGHT_BYTES: usize = 3;
/// Largest magnitude of a stored weight.
const LARGEST: f32 = ((1 << 23) - 1) as f32;
/// What [`Column::get`] is too large by: the bytes are read as the upper three of four.
const SHIFT: f32 = 256.0;
/// Binary exponents of a row's largest weight for which scale and its inverse are ordinary numbers.
const EXPONENTS: std::ops::RangeInclusive<i32> = -60..=60;

/// The scale of a row: a weight is [`Column::get`] times this. `weights` are finite.
pub(super) fn row_scale(weights: impl Iterator<Item = f32>) -> f32 {
    let largest = weights.fold(0.0, |a: f32, w| a.max(w.abs()));
    // The power of two above it.
    let exponent = (largest.max(f32::MIN_POSITIVE).log2().floor() as i32 + 1).clamp(*EXPONENTS.start(), *EXPONENTS.end());
    2f32.powi(exponent) / ((1 << 23) as f32 * SHIFT)
}

/// One column of a block of rows.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C)]
pub(super) struct Column(pub(super) [u8; BLOCK_ROWS * WEIGHT_BYTES]);

impl Column {
    /// All rows 0.
    pub(super) const ZERO: Self = Self([0; BLOCK_ROWS * WEIGHT_BYTES]);

    /// Rounds a weight to its row's unit and puts it into the row.
    pub(super) fn set(&mut self, row: usize, weight: f32, scale: f32) {
        let units = (weight / (scale * SHIFT)).round().clamp(-LARGEST, LARGEST) as i32;
        self.0[row * WEIGHT_BYTES..][..WEIGHT_BYTES].copy_from_slice(&units.to_le_bytes()[..WEIGHT_BYTES]);
    }

    /// The weight of a row over the row's scale.
    #[inline(always)]
    pub(super) fn get(&self, row: usize) -> f32 {
        let bytes = &self.0[row * WEIGHT_BYTES..][..WEIGHT_BYTES];
        // 24 significant bits: the conversion is exact.
        i32::from_le_bytes([0, bytes[0], bytes[1], bytes[2]]) as f32
    }
}

/// The columns of one matrix: owned by it, or a part of a shared store.
#[derive(Debug, Clone)]
pub(super) enum Columns {
    /// On the heap.
    Own(Vec<Column>),
    /// In a store.
    Shared(Arc<WeightStore>, Range<usize>),
}

impl Deref for Columns {
    type Target = [Column];

    fn deref(&self) -> &[Column] {
        match self {
            Self::Own(columns) => columns,
            Self::Shared(store, range) => &store.columns()[range.clone()],
        }
    }
}

/// Moves all matrices, in the order given, into one store. Where the system gives no memory for it they stay where they are.
pub(super) fn gather(matrices: &mut [&mut Columns]) {
    let n_columns = matrices.iter().map(|matrix| matrix.len()).sum();
    let Some(mut store) = WeightStore::zeroed(n_columns) else { return };
    let mut first = 0;
    let ranges: Vec<Range<usize>> = matrices
        .iter()
        .map(|matrix| {
            let range = first..first + matrix.len();
            store.columns_mut()[range.clone()].copy_from_slice(matrix);
            first = range.end;
            range
        })
        .collect();
    let store = Arc::new(store);
    for (matrix, range) in matrices.iter_mut().zip(ranges) {
        **matrix = Columns::Shared(Arc::clone(&store), range);
    }
}

/// Columns in anonymous memory that begins at a large page.
#[derive(Debug)]
pub(super) struct WeightStore {
    mapping: MmapMut,
    first_byte: usize,
    n_columns: usize,
}

impl WeightStore {
    /// `n_columns` columns of zeros, or `None` where the system gives no memory.
    fn zeroed(n_columns: usize) -> Option<Self> {
        let n_bytes = n_columns.checked_mul(size_of::<Column>())?.checked_add(LARGE_PAGE_BYTES)?;
        let mapping = MmapOptions::new().len(n_bytes).map_anon().ok()?;
        // A hint, given before the first touch: a kernel without large pages uses small ones.
        #[cfg(target_os = "linux")]
        let _ = mapping.advise(memmap2::Advice::HugePage);
        let first_byte = mapping.as_ptr().align_offset(LARGE_PAGE_BYTES);
        (first_byte <= LARGE_PAGE_BYTES).then_some(Self { mapping, first_byte, n_columns })
    }

    fn columns(&self) -> &[Column] {
        let first = self.mapping[self.first_byte..].as_ptr().cast::<Column>();
        // SAFETY: `zeroed` asked for room for `n_columns` columns from `first_byte` on; they are bytes, so any address and any
        // value will do; nothing writes while a shared reference lives.
        unsafe { std::slice::from_raw_parts(first, self.n_columns) }
    }

    fn columns_mut(&mut self) -> &mut [Column] {
        let first = self.mapping[self.first_byte..].as_mut_ptr().cast::<Column>();
        // SAFETY: as in `columns`; `&mut self` makes this the only reference.
        unsafe { std::slice::from_raw_parts_mut(first, self.n_columns) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(value: f32) -> Column {
        let mut column = Column::ZERO;
        (0..BLOCK_ROWS).for_each(|row| column.set(row, value, row_scale([2.0].into_iter())));
        column
    }

    fn matrix(n_columns: usize, value: f32) -> Columns {
        Columns::Own(vec![column(value); n_columns])
    }

    #[test]
    fn weights_are_as_exact_as_their_row_s_largest() {
        for magnitude in [1e-6f32, 0.03, 1.0, 1.999_999_9, 2.0, 77.0, 1e6] {
            let weights: Vec<f32> = (0..BLOCK_ROWS).map(|k| (k as f32 * 1.7).sin() * magnitude).collect();
            let scale = row_scale(weights.iter().copied());
            assert_eq!(scale.to_bits() & 0x7F_FFFF, 0, "a power of two");
            let mut column = Column::ZERO;
            for (row, &weight) in weights.iter().enumerate() {
                column.set(row, weight, scale);
                assert!((column.get(row) * scale - weight).abs() <= magnitude * 2f32.powi(-22), "{weight}");
            }
        }
    }

    #[test]
    fn rows_of_zeros_and_of_extremes_stay_finite() {
        for weight in [0.0, -0.0, f32::MIN_POSITIVE, f32::MAX, -f32::MAX] {
            let scale = row_scale([weight].into_iter());
            let mut column = Column::ZERO;
            column.set(0, weight, scale);
            assert!(scale > 0.0 && scale.is_finite() && (column.get(0) * scale).is_finite());
        }
        let mut column = Column::ZERO;
        column.set(31, -1.0, row_scale([1.0].into_iter()));
        assert_eq!(column.get(31) * row_scale([1.0].into_iter()), -1.0);
    }

    #[test]
    fn gathered_matrices_keep_their_values_and_share_one_store() {
        let (mut a, mut b, mut none) = (matrix(3, 1.5), matrix(20_000, -2.0), matrix(0, 0.0));
        gather(&mut [&mut a, &mut none, &mut b]);
        assert_eq!((a.len(), none.len(), b.len()), (3, 0, 20_000));
        assert!(a.iter().all(|c| *c == column(1.5)) && b.iter().all(|c| *c == column(-2.0)));
        let (Columns::Shared(store_a, _), Columns::Shared(store_b, _)) = (&a, &b) else { panic!("both are shared") };
        assert!(Arc::ptr_eq(store_a, store_b));
        assert_eq!(a.as_ptr().align_offset(LARGE_PAGE_BYTES), 0);
        let copy = b.clone();
        assert_eq!(copy.as_ptr(), b.as_ptr(), "a copy shares the weights");
    }

    #[test]
    fn nothing_to_gather_is_no_error() {
        gather(&mut []);
    }
}
