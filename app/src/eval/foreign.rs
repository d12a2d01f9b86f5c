//! Beats that another program found, read from its files, so that one scorer serves all trackers. Worker threads.
//!
//! `DIR/STEM.events.tsv` belongs to the audio file STEM: a line a beat, `beat_time_sec<TAB>announce_time_sec<TAB>beat_in_bar`,
//! columns after them ignored: what `anacrusis analyze --format events` and `tools/peers/run.py` write. In its place
//! `DIR/STEM.beats` may be there, `time_sec<TAB>beat_in_bar`, which says nothing of when a beat was announced: its beats count as
//! announced when the audio has ended.

use std::io;
use std::path::{Path, PathBuf};

use super::TrackedBeat;
use super::corpus::REFERENCE_EXTENSION;
use super::metrics::MAX_TIME_SEC;
use super::reference::MAX_BEAT_IN_BAR;

/// What follows the stem of a file with announce times.
pub const EVENTS_SUFFIX: &str = "events.tsv";

/// Beats that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ForeignError {
    /// A piece without beats.
    #[error("no beats for {audio}: neither {events} nor {beats} is there", events = events.display(), beats = beats.display())]
    Missing {
        /// Audio of the piece.
        audio: String,
        /// File looked for first.
        events: PathBuf,
        /// File looked for then.
        beats: PathBuf,
    },
    /// Not readable.
    #[error("{path}: cannot be read: {source}", path = path.display())]
    Unreadable {
        /// File.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A row that is not a beat.
    #[error("{path}:{line}: {problem}", path = path.display())]
    Row {
        /// File.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// What was expected and what is there.
        problem: String,
    },
}

/// The file with the beats of a piece, and whether it has announce times.
///
/// # Errors
/// [`ForeignError::Missing`].
pub fn file_of(folder: &Path, audio: &Path) -> Result<(PathBuf, bool), ForeignError> {
    let stem = audio.file_stem().unwrap_or(audio.as_os_str()).to_string_lossy();
    let (events, beats) = (folder.join(format!("{stem}.{EVENTS_SUFFIX}")), folder.join(format!("{stem}.{REFERENCE_EXTENSION}")));
    match (events.is_file(), beats.is_file()) {
        (true, _) => Ok((events, true)),
        (false, true) => Ok((beats, false)),
        (false, false) => Err(ForeignError::Missing { audio: audio.display().to_string(), events, beats }),
    }
}

/// The beats of a piece that lasts `duration_sec` seconds.
///
/// # Errors
/// [`ForeignError`].
pub fn read(folder: &Path, audio: &Path, duration_sec: f64) -> Result<Vec<TrackedBeat>, ForeignError> {
    let (path, has_announce_times) = file_of(folder, audio)?;
    let text = std::fs::read_to_string(&path).map_err(|source| ForeignError::Unreadable { path: path.clone(), source })?;
    let rows = text.lines().enumerate().filter(|(_, row)| !row.trim().is_empty() && !row.starts_with('#'));
    let parse = |(idx, row): (usize, &str)| {
        parse_row(row, has_announce_times, duration_sec).map_err(|problem| ForeignError::Row { path: path.clone(), line: idx + 1, problem })
    };
    rows.map(parse).collect()
}

fn parse_row(row: &str, has_announce_times: bool, duration_sec: f64) -> Result<TrackedBeat, String> {
    let mut columns = row.split_whitespace();
    let mut seconds = |what: &str| {
        let text = columns.next().unwrap_or_default();
        // NaN lies outside the range. A beat may be placed, or be announced, a little before the first sample.
        let value = text.parse::<f64>().ok().filter(|sec| (-MAX_TIME_SEC..=MAX_TIME_SEC).contains(sec));
        value.ok_or_else(|| format!("expected {what}, seconds, got `{text}`"))
    };
    let time_sec = seconds("the time of a beat")?;
    let announce_sec = if has_announce_times { seconds("the time of its announcement")? } else { duration_sec };
    let place = columns.next().unwrap_or("0");
    let beat_in_bar = place.parse::<u8>().ok().filter(|place| *place <= MAX_BEAT_IN_BAR);
    let beat_in_bar =
        beat_in_bar.ok_or_else(|| format!("expected a position in the bar from 0 (unknown) to {MAX_BEAT_IN_BAR}, got `{place}`"))?;
    Ok(TrackedBeat { time_sec, announce_sec, beat_in_bar, bpm: 0.0, conf: 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beats(name: &str, text: &str) -> Result<Vec<TrackedBeat>, String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(name), text).unwrap();
        read(folder.path(), Path::new("music/a.ogg"), 30.0).map_err(|e| e.to_string())
    }

    #[test]
    fn events_have_announce_times_and_beats_are_announced_at_the_end() {
        let row = |time_sec, announce_sec, beat_in_bar| TrackedBeat { time_sec, announce_sec, beat_in_bar, bpm: 0.0, conf: 0.0 };
        assert_eq!(beats("a.events.tsv", "# x\n1.0\t0.5\t1\t120\t.9\n\n1.5\t1.52\n"), Ok(vec![row(1.0, 0.5, 1), row(1.5, 1.52, 0)]));
        assert_eq!(beats("a.beats", "1.0\t1\n1.5\n"), Ok(vec![row(1.0, 30.0, 1), row(1.5, 30.0, 0)]));
        assert_eq!(beats("a.events.tsv", ""), Ok(vec![]), "a tracker may say nothing");
    }

    #[test]
    fn what_is_no_beat_is_named_with_its_line() {
        for (name, text, problem) in [
            ("a.events.tsv", "1\t1\nx\t1", "a.events.tsv:2: expected the time of a beat, seconds, got `x`"),
            ("a.events.tsv", "1", "expected the time of its announcement, seconds, got ``"),
            ("a.events.tsv", "nan\t1", "got `nan`"),
            ("a.beats", "1\t-1", "expected a position in the bar"),
            ("a.beats", "1\t65", "got `65`"),
        ] {
            let message = beats(name, text).unwrap_err();
            assert!(message.contains(problem), "{message}");
        }
        let message = beats("b.beats", "").unwrap_err();
        assert!(message.contains("no beats for music/a.ogg") && message.contains("a.events.tsv"), "{message}");
    }
}
