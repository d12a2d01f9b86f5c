//! Counts heap calls of each thread, and the bytes of the whole process that live.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicI64, Ordering};

thread_local! {
    static N_CALLS: Cell<u64> = const { Cell::new(0) };
}

/// Heap bytes of this process that live.
pub(crate) static N_LIVE_BYTES: AtomicI64 = AtomicI64::new(0);

/// The system allocator, counting.
pub(crate) struct CountingAllocator;

fn count(n_bytes: i64) {
    // Fails only while the thread's storage is torn down, when nobody measures any more.
    let _ = N_CALLS.try_with(|n| n.set(n.get() + 1));
    N_LIVE_BYTES.fetch_add(n_bytes, Ordering::Relaxed);
}

// SAFETY: every call goes to the system allocator with the arguments that came in; counting touches thread-local integers only.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as i64);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as i64));
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, n_bytes: usize) -> *mut u8 {
        count(n_bytes as i64 - layout.size() as i64);
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(pointer, layout, n_bytes) }
    }
}

/// Heap calls of this thread so far.
pub(crate) fn n_calls() -> u64 {
    N_CALLS.get()
}

#[test]
fn the_allocator_counts() {
    let before = n_calls();
    drop(std::hint::black_box(Box::new(1u8)));
    assert_eq!(n_calls() - before, 2);
}
