//! Instances come and go and leave nothing behind. Alone in its process: what is counted is all of it.

#![allow(dead_code, reason = "the hosts and the probe have more than this needs")]

#[path = "../interposer/clap_host.rs"]
mod clap_host;
#[path = "../interposer/heap.rs"]
mod heap;
#[path = "../interposer/probe.rs"]
mod probe;
#[path = "../interposer/vst3_host.rs"]
mod vst3_host;
#[path = "../interposer/vst3_lists.rs"]
mod vst3_lists;

use std::sync::atomic::Ordering;

use probe::{CLAP_NOTES, Probe};

#[global_allocator]
static ALLOCATOR: heap::CountingAllocator = heap::CountingAllocator;

type Plain = Probe<CLAP_NOTES>;

/// Growth that is no leak: what nice-plug's own thread happens to hold when it is looked at. A leaked allocation
/// of each instance would be more over the cycles below.
const MAX_GROWTH_BYTES: i64 = 1024;
const N_WARM_UP: usize = 10;

/// One instance of each format, in half of the cycles with some audio.
fn cycle(with_audio: bool) {
    let mut clap = clap_host::Host::create::<Plain>().expect("a plugin");
    if with_audio {
        clap.start();
        clap.play(4800, 480);
        clap.stop();
        let mut vst3 = vst3_host::Host::started::<Plain>();
        vst3.play(4800, 480);
        vst3.stop();
    } else {
        vst3_host::Host::create::<Plain>().expect("a plugin");
    }
}

/// Create/destroy cycles: 100, or as many as the environment says.
fn n_cycles() -> usize {
    std::env::var("INTERPOSER_CYCLES").ok().and_then(|n| n.parse().ok()).unwrap_or(100)
}

#[test]
fn instances_leave_nothing_behind() {
    // Keeps nice-plug's background thread, which all instances of a format share.
    let _kept = (clap_host::Host::create::<Plain>(), vst3_host::Host::create::<Plain>());
    (0..N_WARM_UP).for_each(|i| cycle(i % 2 == 0));
    let (before, rss_before) = (n_live_bytes(), rss_pages());
    (0..n_cycles()).for_each(|i| cycle(i % 2 == 0));
    let growth = n_live_bytes() - before;
    println!("{} cycles: {growth} bytes, {} pages", n_cycles(), rss_pages() - rss_before);
    assert!(growth.abs() <= MAX_GROWTH_BYTES, "{growth} bytes after {} cycles", n_cycles());
}

fn n_live_bytes() -> i64 {
    heap::N_LIVE_BYTES.load(Ordering::Relaxed)
}

/// Resident pages of this process where the system says it; printed, as it varies with the allocator.
fn rss_pages() -> i64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0)
}
