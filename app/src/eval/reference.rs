//! Reads one file of reference beats: a line a beat, `time_sec<TAB>beat_in_bar`. Any thread.
//!
//! The position in the bar may be missing or 0 for unknown, columns after it are ignored. Anything else that cannot be used is an
//! error with its line: a score against half a reference is worse than none.

use std::path::Path;

use super::row_file::{self, RowFileError};

/// Most beats per bar that a reference may count to.
pub const MAX_BEAT_IN_BAR: u8 = 64;

/// The true beats of a piece.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reference {
    times_sec: Vec<f64>,
    downbeats_sec: Vec<f64>,
}

impl Reference {
    /// Reads a file.
    ///
    /// # Errors
    /// [`RowFileError`], with path and line.
    pub fn read(path: &Path) -> Result<Self, RowFileError> {
        row_file::read(path, Self::parse)
    }

    /// Reads text; an error is the line, from 1, and what is wrong with it.
    fn parse(text: &str) -> Result<Self, (usize, String)> {
        let mut reference = Self::default();
        for (line, row) in row_file::rows(text) {
            let (time_sec, beat_in_bar) = parse_row(row).map_err(|problem| (line, problem))?;
            if let Some(previous_sec) = reference.times_sec.last().filter(|previous_sec| **previous_sec >= time_sec) {
                return Err((line, format!("{time_sec} s does not come after the beat before it, {previous_sec} s")));
            }
            reference.times_sec.push(time_sec);
            if beat_in_bar == Some(1) {
                reference.downbeats_sec.push(time_sec);
            }
        }
        Ok(reference)
    }

    /// All beats, seconds, increasing.
    pub fn times_sec(&self) -> &[f64] {
        &self.times_sec
    }

    /// The beats at position 1 of their bar, seconds, increasing.
    pub fn downbeats_sec(&self) -> &[f64] {
        &self.downbeats_sec
    }
}

/// Time in seconds and, where given, position in the bar, from 1; 0 = unknown.
fn parse_row(row: &str) -> Result<(f64, Option<u8>), String> {
    let mut columns = row.split_whitespace();
    let time_sec = row_file::parse_time_sec(columns.next().unwrap_or_default())?;
    let position = |column: &str| {
        let position = column.parse::<u8>().ok().filter(|position| *position <= MAX_BEAT_IN_BAR);
        position.ok_or_else(|| format!("expected a position in the bar from 0 (unknown) to {MAX_BEAT_IN_BAR}, got `{column}`"))
    };
    Ok((time_sec, columns.next().map(position).transpose()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_times_and_positions() {
        let reference = Reference::parse("# made up\n0.5\t2\r\n\n1.25 1 extra\n2\n").unwrap();
        assert_eq!(reference.times_sec(), [0.5, 1.25, 2.0]);
        assert_eq!(reference.downbeats_sec(), [1.25]);
    }

    #[test]
    fn no_rows_are_no_beats() {
        assert_eq!(Reference::parse("").unwrap(), Reference::default());
        assert_eq!(Reference::parse("# silence\n\n").unwrap(), Reference::default());
    }

    #[test]
    fn a_bad_row_is_named_by_line_and_content() {
        for (text, line, part) in [
            ("0.5\t1\nhalf\t2\n", 2, "`half`"),
            ("nan\t1\n", 1, "`nan`"),
            ("inf\t1\n", 1, "`inf`"),
            ("-0.5\t1\n", 1, "`-0.5`"),
            ("512000\t1\n", 1, "`512000`"),
            ("0.5\t-1\n", 1, "`-1`"),
            ("0.5\t65\n", 1, "`65`"),
            ("0.5\tone\n", 1, "`one`"),
            ("0.5\t1\n\n0.5\t2\n", 3, "does not come after"),
            ("0.5\t1\n0.4\t2\n", 2, "0.4 s does not come after the beat before it, 0.5 s"),
        ] {
            let (got, problem) = Reference::parse(text).unwrap_err();
            assert!(got == line && problem.contains(part), "{text:?}: {got}: {problem}");
        }
    }

    #[test]
    fn bytes_that_are_not_text_are_named_by_line() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"0.5\t1\n\xff\xfe\n").unwrap();
        let message = Reference::read(file.path()).unwrap_err().to_string();
        assert!(message.contains(":2: not UTF-8"), "{message}");
    }
}
