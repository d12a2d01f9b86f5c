//! Where the weights of the native networks lie: one mapping on large pages, shared by every copy. Any thread reads.
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

/// One column of a block of rows; aligned so that no vector straddles two cache lines.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Column(pub(super) [f32; BLOCK_ROWS]);

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
        // SAFETY: `zeroed` asked for room for `n_columns` columns from `first_byte` on, which lies on a page and so is
        // aligned; every bit pattern is a valid `f32`; nothing writes while a shared reference lives.
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

    fn matrix(n_columns: usize, value: f32) -> Columns {
        Columns::Own(vec![Column([value; BLOCK_ROWS]); n_columns])
    }

    #[test]
    fn gathered_matrices_keep_their_values_and_share_one_store() {
        let (mut a, mut b, mut none) = (matrix(3, 1.5), matrix(20_000, -2.0), matrix(0, 0.0));
        gather(&mut [&mut a, &mut none, &mut b]);
        assert_eq!((a.len(), none.len(), b.len()), (3, 0, 20_000));
        assert!(a.iter().all(|c| c.0 == [1.5; BLOCK_ROWS]) && b.iter().all(|c| c.0 == [-2.0; BLOCK_ROWS]));
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
