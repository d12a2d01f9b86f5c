//! What the audio thread has to say besides samples: gaps, jumps, hints and settings, each at its sample position.
//!
//! Where: from `rt::tap` to `analysis::worker`, in a queue beside the audio ring. A mark is pushed before the samples that
//! it precedes, so whoever sees those samples sees the mark: the analysis applies it at exactly that position, whatever the
//! block size and the timing of the threads.

pub use super::hint::Hint;
use crate::units::SamplePos;

/// Something that happened at a position of the stream.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mark {
    /// The first sample that comes after it.
    pub at: SamplePos,
    /// What happened.
    pub kind: MarkKind,
}

/// What can happen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MarkKind {
    /// This many samples were dropped; `at` is the position of the first of them.
    Gap {
        /// Samples.
        n_samples: u64,
    },
    /// The host jumped, looped, stopped or started: the music goes on elsewhere.
    Jump,
    /// The user said something about the beat.
    Hint(Hint),
    /// The user changed what is tracked.
    Settings(Settings),
}

/// What is tracked, as the user chose it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Slowest tempo, BPM.
    pub min_bpm: f64,
    /// Fastest tempo, BPM.
    pub max_bpm: f64,
    /// Beats per bar; 0 = decided by evidence.
    pub beats_per_bar: u8,
    /// Which activation.
    pub model: ModelChoice,
}

/// Which of the models of this build runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ModelChoice {
    /// Our own model, else the mean of BeatNet's weight sets, else the fallback.
    #[default]
    Auto,
    /// Our own model.
    Pulse,
    /// The mean of BeatNet's weight sets.
    BeatNet,
    /// One of BeatNet's weight sets, from 0.
    One(u8),
    /// The spectral flux, without any network.
    Flux,
}
