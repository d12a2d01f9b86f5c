//! Lines to looks. Any bytes give a session or an error that names the line. Any thread.

use std::io::{self, BufRead};

use serde_json::{Map, Value};

use super::{MAGIC_KEY, VERSION};
use crate::look::Look;

/// A longer line is not ours, bytes.
const MAX_LINE_BYTES: u64 = 64 * 1024;

/// A recorded session.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Session {
    /// In the order in which they were said.
    pub looks: Vec<Look>,
    /// The last line was cut, as a crash leaves it.
    pub is_cut: bool,
}

/// Why a file is no session.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The system refused.
    #[error("cannot read: {0}")]
    Io(#[from] io::Error),
    /// The first line is not that of a session.
    #[error("expected a session of this program, got {got:?} in line 1")]
    NotASession {
        /// The beginning of what is there.
        got: String,
    },
    /// Made by another version.
    #[error("expected a session of version {VERSION}, got {got}")]
    Version {
        /// What the file says.
        got: String,
    },
    /// A line that is none of a session.
    #[error("line {line}: {reason}")]
    Line {
        /// From 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
}

impl Session {
    /// Reads a session whole.
    ///
    /// # Errors
    /// [`SessionError`]; a last line that was cut is none.
    pub fn read(mut from: impl BufRead) -> Result<Self, SessionError> {
        check_head(&read_line(&mut from, 1)?.unwrap_or_default().0)?;
        let mut session = Self::default();
        let mut fields = Map::new();
        let mut said = (0, 0);
        for line in 2.. {
            let Some((text, is_whole)) = read_line(&mut from, line)? else { break };
            let bad = |reason: String| SessionError::Line { line, reason };
            let changed = match serde_json::from_str::<Map<String, Value>>(&text) {
                Ok(changed) => changed,
                Err(_) if !is_whole => {
                    session.is_cut = true;
                    break;
                }
                Err(error) => return Err(bad(error.to_string())),
            };
            fields.extend(changed);
            let look: Look = serde_json::from_value(Value::Object(fields.clone())).map_err(|error| bad(error.to_string()))?;
            check(&look).map_err(bad)?;
            let now = (look.taken.mono_ns, look.said_mono_ns);
            if now.0 < said.0 {
                return Err(bad(format!("time goes back from {} to {} ns", said.0, now.0)));
            }
            said = now;
            session.looks.push(look);
        }
        Ok(session)
    }

    /// From the first look to the last, seconds.
    pub fn duration_sec(&self) -> f64 {
        let ends = (self.looks.first(), self.looks.last());
        if let (Some(first), Some(last)) = ends { (last.taken.mono_ns - first.taken.mono_ns) as f64 * 1e-9 } else { 0.0 }
    }
}

fn check_head(text: &str) -> Result<(), SessionError> {
    let head = serde_json::from_str::<Map<String, Value>>(text).ok();
    match head.as_ref().and_then(|head| head.get(MAGIC_KEY)) {
        None => Err(SessionError::NotASession { got: text.chars().take(40).collect() }),
        Some(version) if version.as_u64() == Some(u64::from(VERSION)) => Ok(()),
        Some(version) => Err(SessionError::Version { got: version.to_string() }),
    }
}

/// Values that no source says, and that would be passed on.
fn check(look: &Look) -> Result<(), String> {
    let period_ns = look.line.period_ns;
    if !(period_ns.is_finite() && period_ns > 0.0) {
        return Err(format!("line.period_ns: expected a number above 0, got {period_ns}"));
    }
    if !look.line.beat_origin.is_finite() {
        return Err(format!("line.beat_origin: expected a finite number, got {}", look.line.beat_origin));
    }
    if look.section.section.is_some_and(|section| section >= 8) {
        return Err(format!("section.section: expected 0 to 7, got {}", look.section.section.unwrap_or_default()));
    }
    Ok(())
}

/// The next line and whether it has its end; `None` at the end of the file.
fn read_line(from: &mut impl BufRead, line: usize) -> Result<Option<(String, bool)>, SessionError> {
    let mut bytes = Vec::new();
    io::Read::take(&mut *from, MAX_LINE_BYTES).read_until(b'\n', &mut bytes)?;
    if bytes.is_empty() {
        return Ok(None);
    }
    let is_whole = bytes.last() == Some(&b'\n');
    if !is_whole && bytes.len() as u64 == MAX_LINE_BYTES {
        return Err(SessionError::Line { line, reason: format!("expected at most {MAX_LINE_BYTES} bytes, got more") });
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Some((text, is_whole))),
        Err(_) => Err(SessionError::Line { line, reason: "expected text, got bytes that are none".to_owned() }),
    }
}
