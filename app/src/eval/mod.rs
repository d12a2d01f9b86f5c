//! `anacrusis eval`: runs a tracker over a corpus and scores what it announced.
//!
//! A folder of pieces -> the tracker, piece by piece and in parallel -> scores ([`metrics`]) -> means with bootstrap
//! intervals, beside those of a deaf metronome ([`floor`]) -> table and JSON. The tracker is a closure: this module
//! knows nothing of decoders or models. Any thread.

pub mod bootstrap;
pub mod calibration;
pub mod clip;
pub mod corpus;
pub mod failure;
mod failure_table;
pub mod floor;
pub mod foreign;
pub mod genre;
mod levels;
pub mod metric_list;
pub mod metrics;
pub mod reference;
pub mod report;
pub mod report_file;
pub mod row_file;
pub mod run;
pub mod stats;
pub mod structure;
pub mod summary;
mod table;
#[cfg(test)]
mod test_data;

pub use report::EvalReport;
pub use run::{DEFAULT_SKIP_SEC, EvalError, EvalOptions, run};

/// What a tracker said of a piece.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tracked {
    /// Beats, in any order.
    pub beats: Vec<TrackedBeat>,
    /// Length of the audio, seconds.
    pub duration_sec: f64,
    /// CPU time of decoding and analysis, seconds.
    pub cpu_sec: f64,
}

/// One announced beat.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrackedBeat {
    /// When the beat falls, seconds of audio.
    pub time_sec: f64,
    /// Seconds of audio consumed when the beat was announced.
    pub announce_sec: f64,
    /// Position in the bar, from 1; 0 = unknown.
    pub beat_in_bar: u8,
    /// Tempo, BPM.
    pub bpm: f64,
    /// Confidence, `[0, 1]`.
    pub conf: f64,
}
