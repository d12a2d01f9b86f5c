//! Small references and answers for the tests of this module.

use super::reference::Reference;
use super::{Tracked, TrackedBeat};

/// A reference of `(time_sec, beat_in_bar)`.
pub(super) fn reference(beats: impl IntoIterator<Item = (f64, u8)>) -> Reference {
    let rows: String = beats.into_iter().map(|(time_sec, position)| format!("{time_sec}\t{position}\n")).collect();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), rows).unwrap();
    Reference::read(file.path()).unwrap()
}

/// Beats of `(time_sec, beat_in_bar)`, each announced `latency_sec` seconds after its time, in a minute of audio.
pub(super) fn tracked(beats: impl IntoIterator<Item = (f64, u8)>, latency_sec: f64) -> Tracked {
    let beat = |(time_sec, beat_in_bar): (f64, u8)| TrackedBeat {
        time_sec,
        announce_sec: time_sec + latency_sec,
        beat_in_bar,
        bpm: 120.0,
        conf: 1.0,
    };
    Tracked { beats: beats.into_iter().map(beat).collect(), duration_sec: 60.0, cpu_sec: 0.6 }
}
