//! A model of the seqlock protocol: loom tries every interleaving and every value that the memory model lets a load return.
//!
//! The protocol under test is `runtime_core::bus::seqlock` itself, over loom's atomics. A model that finds nothing proves
//! little unless it would have found something, so each ordering of the protocol is taken away in turn and loom must then
//! find the torn read.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, Ordering, fence};
use loom::thread;
use runtime_core::bus::seqlock::{Word, try_read, write};

/// The protocol as it is.
const FAITHFUL: u8 = 0;
/// The writer's fence behind the odd sequence removed.
const NO_WRITER_FENCE: u8 = 1;
/// The writer's last store relaxed.
const RELAXED_PUBLICATION: u8 = 2;
/// The reader's fence behind the first load removed.
const NO_FIRST_READER_FENCE: u8 = 3;
/// The reader's fence before the second load removed.
const NO_SECOND_READER_FENCE: u8 = 4;

const N_WRITES: u64 = 2;

thread_local! {
    /// Acquire fences passed in this execution. Loom runs all threads of a model on one thread of the system, and only the
    /// reader, which reads once, has acquire fences.
    static ACQUIRE_FENCES: Cell<u32> = const { Cell::new(0) };
    /// Bit k is set once a read returned what write k wrote; bit 0 is the state before the first.
    static SEQUENCES_READ: Cell<u32> = const { Cell::new(0) };
}

/// A word of loom's memory, under a protocol with one ordering taken away.
struct ModelWord<const MUTANT: u8>(AtomicU64);

impl<const MUTANT: u8> Word for ModelWord<MUTANT> {
    fn load_relaxed(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn store_relaxed(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    fn store_release(&self, value: u64) {
        self.0.store(value, if MUTANT == RELAXED_PUBLICATION { Ordering::Relaxed } else { Ordering::Release });
    }

    fn fence_acquire() {
        let idx = ACQUIRE_FENCES.replace(ACQUIRE_FENCES.get() + 1);
        if (MUTANT, idx) != (NO_FIRST_READER_FENCE, 0) && (MUTANT, idx) != (NO_SECOND_READER_FENCE, 1) {
            fence(Ordering::Acquire);
        }
    }

    fn fence_release() {
        if MUTANT != NO_WRITER_FENCE {
            fence(Ordering::Release);
        }
    }
}

/// One writer writes `[k, k]` for k = 1, 2; one reader reads once. What it reads must be one of these, and the one that its
/// sequence names.
///
/// NB: the reader is the spawned thread. With the writer spawned, loom 0.7.2 never let it run before the reader's first load,
/// and two of the four mutants passed.
fn model<const MUTANT: u8>() {
    loom::model(|| {
        ACQUIRE_FENCES.set(0);
        let word = || ModelWord::<MUTANT>(AtomicU64::new(0));
        let shared = Arc::new((word(), [word(), word()]));
        let reader = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let mut words = [u64::MAX; 2];
                if let Some(sequence) = try_read(&shared.0, &shared.1, &mut words) {
                    assert_eq!(words, [sequence / 2; 2], "torn");
                    SEQUENCES_READ.set(SEQUENCES_READ.get() | 1 << (sequence / 2));
                }
            })
        };
        for k in 1..=N_WRITES {
            write(&shared.0, &shared.1, &[k, k]);
        }
        reader.join().expect("a panic of the reader ends the model");
    });
}

/// Whether loom finds a torn read in a mutant.
fn is_caught<const MUTANT: u8>() -> bool {
    match catch_unwind(AssertUnwindSafe(model::<MUTANT>)) {
        Ok(()) => false,
        Err(panic) => {
            let message = panic.downcast_ref::<String>().cloned().unwrap_or_default();
            assert!(message.contains("torn"), "the mutant failed, but not by a torn read: {message}");
            true
        }
    }
}

#[test]
fn no_interleaving_tears_the_protocol() {
    model::<FAITHFUL>();
    assert_eq!(SEQUENCES_READ.get(), (1 << (N_WRITES + 1)) - 1, "a state that no read returned was not tested");
}

#[test]
fn without_the_writers_fence_a_read_tears() {
    assert!(is_caught::<NO_WRITER_FENCE>());
}

#[test]
fn with_a_relaxed_publication_a_read_tears() {
    assert!(is_caught::<RELAXED_PUBLICATION>());
}

#[test]
fn without_the_readers_first_fence_a_read_tears() {
    assert!(is_caught::<NO_FIRST_READER_FENCE>());
}

#[test]
fn without_the_readers_second_fence_a_read_tears() {
    assert!(is_caught::<NO_SECOND_READER_FENCE>());
}
