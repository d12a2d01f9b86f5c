//! The interposers through the real C ABI of each format: a probe plugin between nice-plug, the shim and a small host.
//!
//! One binary, so that one counting allocator serves all tests; calls are counted per thread, so tests may run in parallel.

mod clap;
mod clap_host;
mod heap;
mod probe;
mod vst3;
mod vst3_host;
mod vst3_lists;

#[global_allocator]
static ALLOCATOR: heap::CountingAllocator = heap::CountingAllocator;
