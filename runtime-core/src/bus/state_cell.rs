//! One consistent [`SlowState`] for whoever shows or sends it: a seqlock of atomic words.
//!
//! Where: behind the engine. The inference thread holds the [`StateWriter`]; editor, MIDI port clock and anybody else hold
//! [`StateReader`]s. Separate atomics per field would tear; a lock would let a reader stop the writer. The protocol is
//! that of [`seqlock`], the words are those of [`words`](super::words).

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::seqlock;
use super::words::{Record, STATE_WORDS};
use crate::state::SlowState;

/// Tries of [`StateReader::read`] before it offers its time slice to the writer. A write takes tens of nanoseconds.
const SPINS: usize = 128;

/// Alone on its cache lines, so that a busy neighbour does not slow the readers down.
#[repr(align(64))]
struct Cell {
    sequence: AtomicU64,
    body: [AtomicU64; STATE_WORDS],
}

/// The writing end: one a cell, on the inference thread.
pub struct StateWriter {
    cell: Arc<Cell>,
}

/// A reading end; clone it for each thread that reads.
#[derive(Clone)]
pub struct StateReader {
    cell: Arc<Cell>,
}

/// A cell that holds `SlowState::default()`, as its two ends.
///
/// ```
/// use runtime_core::bus::state_cell::state_cell;
/// use runtime_core::state::SlowState;
///
/// let (mut writer, reader) = state_cell();
/// writer.write(&SlowState { frame: 7, ..SlowState::default() });
/// assert_eq!(reader.read().frame, 7);
/// ```
pub fn state_cell() -> (StateWriter, StateReader) {
    let words = SlowState::default().to_words();
    let cell = Arc::new(Cell { sequence: AtomicU64::new(0), body: words.map(AtomicU64::new) });
    (StateWriter { cell: Arc::clone(&cell) }, StateReader { cell })
}

impl StateWriter {
    /// Publishes a state. Wait-free, whatever readers do. Real-time safe: yes.
    pub fn write(&mut self, state: &SlowState) {
        seqlock::write(&self.cell.sequence, &self.cell.body, &state.to_words());
    }
}

impl StateReader {
    /// The newest state. Waits while a write is in progress: not for a thread that the writer's core prefers to the writer,
    /// such as one of real-time priority; that one uses [`try_read`](Self::try_read). Real-time safe: no.
    pub fn read(&self) -> SlowState {
        loop {
            for _ in 0..SPINS {
                if let Some(state) = self.try_read() {
                    return state;
                }
                std::hint::spin_loop();
            }
            // The writer was interrupted in the middle of a write: let it finish.
            std::thread::yield_now();
        }
    }

    /// The newest state, or `None` while a write is in progress: keep the one before. Wait-free. Real-time safe: yes.
    pub fn try_read(&self) -> Option<SlowState> {
        let mut words = [0; STATE_WORDS];
        seqlock::try_read(&self.cell.sequence, &self.cell.body, &mut words)?;
        Some(SlowState::from_words(&words))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

    use super::*;

    /// Enough for thousands of collisions; Miri checks the same code on few.
    const WRITES: u64 = if cfg!(miri) { 40 } else { 100_000 };
    const READERS: usize = 3;

    /// A state whose every word follows from `frame`.
    fn state_of(frame: u64) -> SlowState {
        let mut state = SlowState { frame, wall_ns: frame.wrapping_mul(3), ..SlowState::default() };
        state.beat.beat_count = frame / 2;
        state.beat.t_sec = frame as f64;
        state.structure.t_sec = frame as f64 + 0.5;
        state.health.lost_samples = !frame;
        state.health.late_updates = frame as u32;
        state
    }

    #[test]
    fn a_new_cell_holds_the_default_state() {
        let (_writer, reader) = state_cell();
        assert_eq!(reader.read(), SlowState::default());
    }

    #[test]
    fn every_reader_sees_the_newest_state() {
        let (mut writer, reader) = state_cell();
        let other = reader.clone();
        writer.write(&state_of(1));
        writer.write(&state_of(2));
        assert_eq!((reader.read(), other.try_read()), (state_of(2), Some(state_of(2))));
    }

    #[test]
    fn a_reader_outlives_its_writer() {
        let (mut writer, reader) = state_cell();
        writer.write(&state_of(9));
        drop(writer);
        assert_eq!(reader.read(), state_of(9));
    }

    #[test]
    fn no_read_is_torn_or_goes_back_while_the_writer_writes() {
        let (mut writer, reader) = state_cell();
        writer.write(&state_of(0));
        let done = AtomicBool::new(false);
        let n_changes: usize = thread::scope(|scope| {
            let readers: Vec<_> = (0..READERS)
                .map(|_| {
                    let (reader, done) = (reader.clone(), &done);
                    scope.spawn(move || {
                        let (mut newest, mut n_changes) = (0, 0);
                        while !done.load(Ordering::Acquire) {
                            let state = reader.read();
                            assert_eq!(state, state_of(state.frame));
                            assert!(state.frame >= newest, "frame {} after {newest}", state.frame);
                            n_changes += usize::from(state.frame > newest);
                            newest = state.frame;
                        }
                        assert_eq!(reader.read(), state_of(WRITES));
                        n_changes
                    })
                })
                .collect();
            for frame in 1..=WRITES {
                writer.write(&state_of(frame));
                if frame % 64 == 0 {
                    // Lets readers in on a machine with fewer cores than threads.
                    thread::yield_now();
                }
            }
            done.store(true, Ordering::Release);
            readers.into_iter().map(|reader| reader.join().expect("a reader's assertion failed")).sum()
        });
        assert!(cfg!(miri) || n_changes > 0, "no reader ran beside the writer");
    }
}
