//! A global allocator that counts, so that "allocates nothing" is measured. Any thread.
//!
//! The system allocator with a counter per thread: one thread-local addition for each allocation and nothing else, so it
//! stays in the released binary. A thread's count is its own; other threads do not disturb it.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;

thread_local! {
    // A constant start value and no destructor: reading it allocates nothing, also while a thread ends.
    static N_ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

/// The system allocator, counting.
///
/// ```
/// use anacrusis::bench::allocator::{CountingAllocator, allocations_of};
///
/// #[global_allocator]
/// static ALLOCATOR: CountingAllocator = CountingAllocator;
///
/// let (numbers, n_allocations) = allocations_of(|| vec![1, 2, 3]);
/// assert_eq!((numbers.len(), n_allocations), (3, 1));
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct CountingAllocator;

// SAFETY: every call goes to the system allocator with the arguments that came in, so its guarantees are ours; counting
// touches a thread-local integer only and can neither allocate nor unwind.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract of `realloc`; the block came from `System`.
        unsafe { System.realloc(pointer, layout, new_size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // Freeing blocks like allocating does, so it counts too.
        count();
        // SAFETY: the caller keeps the contract of `dealloc`; the block came from `System`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

fn count() {
    // Fails only while the thread's storage is being torn down, when nobody measures any more.
    let _ = N_ALLOCATIONS.try_with(|n| n.set(n.get() + 1));
}

/// Runs `work`; returns its result and how often it allocated, reallocated or freed on this thread.
///
/// Always 0 where [`CountingAllocator`] is not the global allocator, see [`is_installed`].
pub fn allocations_of<T>(work: impl FnOnce() -> T) -> (T, u64) {
    let before = N_ALLOCATIONS.get();
    let result = work();
    (result, N_ALLOCATIONS.get() - before)
}

/// Whether this process counts allocations.
pub fn is_installed() -> bool {
    allocations_of(|| drop(black_box(Box::new(black_box(1u8))))).1 == 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_without_the_allocator_says_so() {
        assert!(!is_installed(), "the unit tests run on the standard allocator");
        assert_eq!(allocations_of(|| vec![1u8; 100]).1, 0);
    }

    #[test]
    fn memory_goes_round_and_every_step_counts() {
        let layout = Layout::array::<u64>(4).unwrap();
        let ((), n) = allocations_of(|| {
            // SAFETY: sizes are not 0, and each block is used and freed with the layout it was made with.
            unsafe {
                let block = CountingAllocator.alloc_zeroed(layout);
                assert_eq!(block.cast::<u64>().read(), 0);
                let block = CountingAllocator.realloc(block, layout, 64);
                CountingAllocator.dealloc(block, Layout::from_size_align(64, layout.align()).unwrap());
                let block = CountingAllocator.alloc(layout);
                CountingAllocator.dealloc(block, layout);
            }
        });
        assert_eq!(n, 5);
    }
}
