//! Looks to lines, and the output that does it while it listens. The output's thread.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{MAGIC_KEY, VERSION};
use crate::event::{Event, Moment};
use crate::look::{Board, Look};
use crate::output::{Output, OutputError};
use crate::view::View;

/// The source says something new every 20 ms.
const INTERVAL: Duration = Duration::from_millis(20);
/// Written out this often at least, so that a crash loses little.
const FLUSH_NS: u64 = 1_000_000_000;
/// Level, bands and activations are kept to a hundredth: what lights show.
const HUNDREDTHS: f32 = 100.0;

/// Writes looks as lines.
pub struct SessionWriter<W: Write> {
    to: W,
    last: Map<String, Value>,
}

impl<W: Write> SessionWriter<W> {
    /// Writes the first line.
    ///
    /// # Errors
    /// The system refuses.
    pub fn new(mut to: W) -> io::Result<Self> {
        writeln!(to, "{}", json!({ MAGIC_KEY: VERSION, "program": env!("CARGO_PKG_VERSION") }))?;
        Ok(Self { to, last: Map::new() })
    }

    /// Writes what changed since the look before.
    ///
    /// # Errors
    /// The system refuses.
    pub fn look(&mut self, look: &Look) -> io::Result<()> {
        let rounded = Look {
            level: round(look.level),
            bands: look.bands.map(round),
            beat_activation: round(look.beat_activation),
            downbeat_activation: round(look.downbeat_activation),
            ..*look
        };
        let Value::Object(fields) = serde_json::to_value(rounded)? else { unreachable!("a struct is an object") };
        let changed: Map<String, Value> = fields.iter().filter(|(key, value)| self.last.get(*key) != Some(value)).map(own).collect();
        self.last = fields;
        writeln!(self.to, "{}", Value::Object(changed))
    }

    /// What was written to.
    pub fn into_inner(self) -> W {
        self.to
    }

    /// Hands everything to the system.
    ///
    /// # Errors
    /// The system refuses.
    pub fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

fn own((key, value): (&String, &Value)) -> (String, Value) {
    (key.clone(), value.clone())
}

fn round(value: f32) -> f32 {
    (value * HUNDREDTHS).round() / HUNDREDTHS
}

/// The output that records.
pub struct Recorder {
    path: PathBuf,
    board: Arc<Board>,
    file: Option<SessionWriter<BufWriter<File>>>,
    /// Whether a file was begun: opened again after an error, it goes on in a new one beside it.
    n_begun: u32,
    said_mono_ns: u64,
    flush_due_ns: u64,
    n_looks: u64,
}

impl Recorder {
    /// Records what hangs on `board` into a file, which must not exist.
    pub fn new(path: PathBuf, board: Arc<Board>) -> Self {
        Self { path, board, file: None, n_begun: 0, said_mono_ns: 0, flush_due_ns: 0, n_looks: 0 }
    }

    /// The file of the present part: after an error recording goes on in `name.2.jsonl`.
    fn part(&self) -> PathBuf {
        if self.n_begun == 0 {
            return self.path.clone();
        }
        let stem = self.path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let extension = self.path.extension().map(|extension| format!(".{}", extension.to_string_lossy())).unwrap_or_default();
        self.path.with_file_name(format!("{stem}.{}{extension}", self.n_begun + 1))
    }

    fn error(&self, what: &str) -> impl FnOnce(io::Error) -> OutputError + use<> {
        OutputError::io(format!("{what} {}", self.path.display()))
    }
}

impl Output for Recorder {
    fn name(&self) -> String {
        format!("record {}", self.path.display())
    }

    fn open(&mut self) -> Result<(), OutputError> {
        let path = self.part();
        let file = match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && self.n_begun == 0 => {
                return Err(OutputError::Unusable(format!("{} exists: choose another file", path.display())));
            }
            Err(error) => return Err(OutputError::io(format!("make {}", path.display()))(error)),
        };
        self.file = Some(SessionWriter::new(BufWriter::new(file)).map_err(self.error("write"))?);
        self.n_begun += 1;
        self.said_mono_ns = 0;
        Ok(())
    }

    fn frame_interval(&self) -> Option<Duration> {
        Some(INTERVAL)
    }

    fn event(&mut self, _event: &Event, _now: Moment) -> Result<(), OutputError> {
        Ok(())
    }

    fn frame(&mut self, view: &View) -> Result<(), OutputError> {
        let look = self.board.look();
        let Some(file) = &mut self.file else { return Ok(()) };
        if look.said_mono_ns != self.said_mono_ns {
            self.said_mono_ns = look.said_mono_ns;
            file.look(&look).map_err(OutputError::io(format!("write {}", self.path.display())))?;
            self.n_looks += 1;
        }
        if view.now.mono_ns >= self.flush_due_ns {
            self.flush_due_ns = view.now.mono_ns + FLUSH_NS;
            file.flush().map_err(OutputError::io(format!("write {}", self.path.display())))?;
        }
        Ok(())
    }

    fn close(&mut self) {
        if let Some(mut file) = self.file.take() {
            // The last second is lost where the disk is full; the run ends in any case.
            let _ = file.flush();
        }
    }

    fn detail(&self) -> String {
        format!("{} states", self.n_looks)
    }
}
