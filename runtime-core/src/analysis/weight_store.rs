//! Where the weights of the native networks lie: in one mapping on large pages, shared by every copy. Any thread reads.
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

/// Size and alignment of a large page on x86-64 and on ARM64 with 4 kB pages, bytes.
const LARGE_PAGE_BYTES: usize = 2 << 20;
/// A matrix begins at a multiple of this many bytes: a line of the caches, so that no line holds two matrices.
const ALIGNMENT_BYTES: usize = 64;

/// The stored weights of one matrix: owned by it, or a part of a shared store.
#[derive(Debug, Clone)]
pub(super) enum WeightBytes {
    /// On the heap.
    Own(Vec<u8>),
    /// In a store.
    Shared(Arc<WeightStore>, Range<usize>),
}

impl Deref for WeightBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Own(bytes) => bytes,
            Self::Shared(store, range) => &store.mapping[range.clone()],
        }
    }
}

/// Moves all matrices, in the order given, into one store. Where the system gives no memory for it they stay where they are.
pub(super) fn gather(matrices: &mut [&mut WeightBytes]) {
    let n_bytes = matrices.iter().map(|matrix| matrix.len().next_multiple_of(ALIGNMENT_BYTES)).sum();
    let Some(mut store) = WeightStore::zeroed(n_bytes) else { return };
    let mut first = store.first_byte;
    let ranges: Vec<Range<usize>> = matrices
        .iter()
        .map(|matrix| {
            let range = first..first + matrix.len();
            store.mapping[range.clone()].copy_from_slice(matrix);
            first = range.end.next_multiple_of(ALIGNMENT_BYTES);
            range
        })
        .collect();
    let store = Arc::new(store);
    for (matrix, range) in matrices.iter_mut().zip(ranges) {
        **matrix = WeightBytes::Shared(Arc::clone(&store), range);
    }
}

/// Anonymous memory that is used from a large page on.
#[derive(Debug)]
pub(super) struct WeightStore {
    mapping: MmapMut,
    /// Where the first large page begins in the mapping.
    first_byte: usize,
}

impl WeightStore {
    /// Room for `n_bytes`, all 0, or `None` where the system gives no memory.
    fn zeroed(n_bytes: usize) -> Option<Self> {
        // Whole large pages from the first one on: the system makes none of a part.
        let n_mapped = n_bytes.checked_next_multiple_of(LARGE_PAGE_BYTES)?.checked_add(LARGE_PAGE_BYTES)?;
        let mapping = MmapOptions::new().len(n_mapped).map_anon().ok()?;
        // A hint, given before the first touch: a kernel without large pages uses small ones.
        #[cfg(target_os = "linux")]
        let _ = mapping.advise(memmap2::Advice::HugePage);
        let first_byte = mapping.as_ptr().align_offset(LARGE_PAGE_BYTES);
        (first_byte <= LARGE_PAGE_BYTES).then_some(Self { mapping, first_byte })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gathered_matrices_keep_their_values_and_share_one_store() {
        let [mut a, mut b, mut none] = [vec![1; 99], vec![2; 2_000_000], vec![]].map(WeightBytes::Own);
        gather(&mut [&mut a, &mut none, &mut b]);
        assert_eq!((a.len(), none.len(), b.len()), (99, 0, 2_000_000));
        assert!(a.iter().all(|&byte| byte == 1) && b.iter().all(|&byte| byte == 2));
        let (WeightBytes::Shared(store_a, _), WeightBytes::Shared(store_b, _)) = (&a, &b) else { panic!("both are shared") };
        assert!(Arc::ptr_eq(store_a, store_b));
        assert_eq!((a.as_ptr().align_offset(LARGE_PAGE_BYTES), b.as_ptr().align_offset(ALIGNMENT_BYTES)), (0, 0));
        assert!(store_a.mapping.len() - store_a.first_byte >= LARGE_PAGE_BYTES, "the large page is all there");
        let copy = b.clone();
        assert_eq!(copy.as_ptr(), b.as_ptr(), "a copy shares the weights");
    }

    #[test]
    fn nothing_to_gather_is_no_error() {
        gather(&mut []);
    }
}
