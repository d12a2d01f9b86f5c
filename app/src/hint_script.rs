//! What a user would have said while a file played: hints with their times, from the command line or a file. Main thread.
//!
//! A line is `TIME HINT`, the time in seconds from the start of the audio, the hint as [`Hint`] reads it; what follows a `#` is a
//! comment, as in `12.5 half  # it counted eighths`.

use std::io;
use std::path::{Path, PathBuf};

use runtime_core::bus::hint::{Hint, HintParseError};

/// A word and its moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TimedHint {
    /// Seconds from the start of the audio.
    pub at_sec: f64,
    /// The word.
    pub hint: Hint,
}

/// What became of a word.
#[derive(Debug, Clone, PartialEq)]
pub struct GivenHint {
    /// The word.
    pub said: TimedHint,
    /// Why it was not taken.
    pub refused: Option<String>,
}

/// Hints in order of time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HintScript {
    hints: Vec<TimedHint>,
}

/// What is no script.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A line of the file is no hint.
    #[error("{}, line {line}: {source}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong with it.
        source: TimedHintError,
    },
}

/// What is no hint with a time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimedHintError {
    /// The first word is no time.
    #[error("`{0}`: expected TIME HINT, the time in seconds from 0, as in `12.5 half`")]
    Time(String),
    /// The rest is no hint.
    #[error(transparent)]
    Hint(#[from] HintParseError),
}

/// `12.5 half`.
///
/// # Errors
/// [`TimedHintError`], with the text.
pub fn parse_timed_hint(text: &str) -> Result<TimedHint, TimedHintError> {
    let (time, hint) = text.trim().split_once(char::is_whitespace).unwrap_or((text.trim(), ""));
    let at_sec = time.parse().ok().filter(|at_sec: &f64| at_sec.is_finite() && *at_sec >= 0.0);
    let at_sec = at_sec.ok_or_else(|| TimedHintError::Time(text.trim().to_owned()))?;
    Ok(TimedHint { at_sec, hint: hint.parse()? })
}

impl HintScript {
    /// The hints in order of time; those of one moment in the order given.
    pub fn new(mut hints: Vec<TimedHint>) -> Self {
        hints.sort_by(|a, b| a.at_sec.total_cmp(&b.at_sec));
        Self { hints }
    }

    /// The hints of the command line, and those of a file.
    ///
    /// # Errors
    /// A file that cannot be read or holds something else; the first line that is wrong is named.
    pub fn of(given: &[TimedHint], file: Option<&Path>) -> Result<Self, ScriptError> {
        let mut hints = given.to_vec();
        if let Some(path) = file {
            let text = std::fs::read_to_string(path).map_err(|source| ScriptError::Unreadable { path: path.to_owned(), source })?;
            for (idx, line) in text.lines().enumerate() {
                let line = line.split('#').next().unwrap_or_default().trim();
                if !line.is_empty() {
                    let error = |source| ScriptError::Line { path: path.to_owned(), line: idx + 1, source };
                    hints.push(parse_timed_hint(line).map_err(error)?);
                }
            }
        }
        Ok(Self::new(hints))
    }

    /// They, in order of time.
    pub fn hints(&self) -> &[TimedHint] {
        &self.hints
    }

    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        self.hints.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_lines_with_comments_in_any_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("song.hints");
        std::fs::write(&path, "# a song\n\n20 hold on\n  3.25\tnudge -5  # late\n").unwrap();
        let given = [TimedHint { at_sec: 10.0, hint: Hint::Half }];
        let script = HintScript::of(&given, Some(&path)).unwrap();
        let expected = [(3.25, Hint::Nudge { by_us: -5_000 }), (10.0, Hint::Half), (20.0, Hint::Hold(true))];
        assert_eq!(script.hints().iter().map(|said| (said.at_sec, said.hint)).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bad.hints");
        for (text, part) in [
            ("1 tap\nhalf\n", "line 2: `half`: expected TIME HINT"),
            ("-1 tap", "line 1: `-1 tap`: expected TIME HINT"),
            ("nan tap", "`nan tap`: expected TIME HINT"),
            ("1 faster", "line 1: hint `faster`: expected tap"),
            ("1", "line 1: hint ``: expected tap"),
        ] {
            std::fs::write(&path, text).unwrap();
            let message = HintScript::of(&[], Some(&path)).unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        }
        let missing = HintScript::of(&[], Some(&folder.path().join("gone"))).unwrap_err().to_string();
        assert!(missing.contains("gone: "), "{missing}");
    }
}
