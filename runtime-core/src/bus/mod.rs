//! CROSSING: the only types that go from one thread, or one process, to another.
//!
//! Two ends, two types: whatever is here has a writer for one thread and a reader for another.

pub mod audio_ring;
pub mod counters;
mod fields;
pub mod hint;
pub mod marks;
pub mod scope;
pub mod seqlock;
pub mod shm;
pub mod state_cell;
pub mod updates;
pub mod words;
