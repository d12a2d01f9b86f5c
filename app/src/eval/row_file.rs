//! Annotations as text: a row a line that begins with its time; blank lines and lines that begin with `#` are skipped. Any thread.

use std::path::{Path, PathBuf};

use super::metrics::MAX_TIME_SEC;

/// An annotation that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RowFileError {
    /// Not readable.
    #[error("{path}: cannot be read: {source}", path = path.display())]
    Unreadable {
        /// File.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A row that is not what it should be.
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

/// Reads a file with `parse`, whose error is the line, from 1, and what is wrong with it.
///
/// # Errors
/// [`RowFileError`], with path and line.
pub fn read<T>(path: &Path, parse: impl FnOnce(&str) -> Result<T, (usize, String)>) -> Result<T, RowFileError> {
    let bytes = std::fs::read(path).map_err(|source| RowFileError::Unreadable { path: path.to_owned(), source })?;
    let row_error = |(line, problem)| RowFileError::Row { path: path.to_owned(), line, problem };
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        row_error((valid.iter().filter(|byte| **byte == b'\n').count() + 1, "not UTF-8 text".to_owned()))
    })?;
    parse(&text).map_err(row_error)
}

/// The rows of a text, trimmed, each with its line, from 1.
pub fn rows(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let rows = text.lines().enumerate().map(|(idx, row)| (idx + 1, row.trim()));
    rows.filter(|(_, row)| !row.is_empty() && !row.starts_with('#'))
}

/// The time that a row begins with, seconds.
///
/// # Errors
/// What was expected and what is there.
pub fn parse_time_sec(time: &str) -> Result<f64, String> {
    // `f64::from_str` also reads `nan` and `inf`; neither lies in the range.
    let time_sec = time.parse::<f64>().ok().filter(|time_sec| (0.0..=MAX_TIME_SEC).contains(time_sec));
    time_sec.ok_or_else(|| format!("expected seconds from 0 to {MAX_TIME_SEC}, got `{time}`"))
}
