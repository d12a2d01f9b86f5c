//! NDJSON: one JSON object a line, ahead of time, for scripts and programs of any language.
//!
//! Lines are written by a thread of their own, so that a reader that stalls holds up nobody: what it does not take is
//! dropped after [`QUEUE_LINES`], and a `dropped` line says how many. A reader that goes away (`| head -1`) is an ordinary
//! end: the output becomes [`OutputError::Unusable`] with [`READER_GONE`], and whoever holds
//! [`NdjsonOutput::reader_gone`] may end the program. Schema in `docs/outputs/ndjson.md`.

use std::io::{ErrorKind, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::event::{Event, Moment, section_name};
use crate::output::{Output, OutputError, TuningError};
use crate::view::View;

/// Version of the lines, their `v`. New fields may come within a version; fields go or change only with a new one.
pub const NDJSON_VERSION: u8 = 1;
/// Lines that wait for a reader.
pub const QUEUE_LINES: usize = 1024;
/// What is said when the reader went away.
pub const READER_GONE: &str = "the reader of the lines has gone";
/// How long the end waits for lines that are still to be written.
const CLOSE_PATIENCE: Duration = Duration::from_millis(400);
const POLL: Duration = Duration::from_millis(5);

/// Settings of an NDJSON output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NdjsonConfig {
    /// How far ahead of their moment events are written, ms.
    pub lead_ms: f64,
    /// `state` lines a second; 0 = none.
    pub state_hz: f64,
}

impl Default for NdjsonConfig {
    fn default() -> Self {
        Self { lead_ms: 100.0, state_hz: 0.0 }
    }
}

impl NdjsonConfig {
    /// Checks the values.
    ///
    /// # Errors
    /// The first value that cannot be used, by name.
    pub fn validate(&self) -> Result<(), TuningError> {
        let bad = |name, value: f64, expected| Err(TuningError { name, value: value.to_string(), expected });
        if !(0.0..=2000.0).contains(&self.lead_ms) {
            return bad("lead_ms", self.lead_ms, "0 to 2000");
        }
        if !(self.state_hz == 0.0 || (0.1..=100.0).contains(&self.state_hz)) {
            return bad("state_hz", self.state_hz, "0, or 0.1 to 100");
        }
        Ok(())
    }
}

/// A line of an event.
#[derive(Serialize)]
struct EventLine<'a> {
    v: u8,
    #[serde(flatten)]
    event: &'a Event,
    /// When the line was made.
    now: Moment,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_label: Option<&'static str>,
}

/// A line of the state.
#[derive(Serialize)]
struct StateLine<'a> {
    v: u8,
    r#type: &'static str,
    now: Moment,
    locked: bool,
    reason: &'a str,
    bpm: f64,
    period_sec: f64,
    phase: f32,
    beat: Option<u64>,
    beat_in_bar: u8,
    beats_per_bar: u8,
    bar: u64,
    confidence: f32,
    section: Option<u8>,
    label: &'static str,
    section_beats: f64,
    section_probs: [f32; 8],
    hazard_probs: [f32; 5],
    level: f32,
    bands: [f32; crate::view::N_BANDS],
    age_sec: f64,
}

/// A line that says that others are missing.
#[derive(Serialize)]
struct DroppedLine {
    v: u8,
    r#type: &'static str,
    now: Moment,
    n_lines: u64,
}

/// The line of an event, with its newline.
pub fn event_line(event: &Event, now: Moment) -> Vec<u8> {
    let (label, next_label) = match event {
        Event::Beat(beat) => (Some(section_name(beat.section)), None),
        Event::Section(section) => (Some(section_name(Some(section.section))), None),
        Event::Approach(approach) => (None, Some(section_name(approach.next))),
        Event::Lock(_) => (None, None),
    };
    line(&EventLine { v: NDJSON_VERSION, event, now, label, next_label })
}

/// The line of a picture, with its newline.
pub fn state_line(view: &View) -> Vec<u8> {
    let beat = view.beat.as_ref();
    line(&StateLine {
        v: NDJSON_VERSION,
        r#type: "state",
        now: view.now,
        locked: view.locked,
        reason: view.reason,
        bpm: view.bpm,
        period_sec: view.period_sec,
        phase: view.phase,
        beat: beat.map(|beat| beat.number),
        beat_in_bar: beat.map_or(0, |beat| beat.beat_in_bar),
        beats_per_bar: beat.map_or(0, |beat| beat.beats_per_bar),
        bar: beat.map_or(0, |beat| beat.bar),
        confidence: view.confidence,
        section: view.section,
        label: section_name(view.section),
        section_beats: view.section_beats,
        section_probs: view.section_probs,
        hazard_probs: view.hazard_probs,
        level: view.level,
        bands: view.bands,
        age_sec: view.age_sec,
    })
}

fn line(content: &impl Serialize) -> Vec<u8> {
    let mut bytes = serde_json::to_vec(content).expect("plain data with text keys is always JSON");
    bytes.push(b'\n');
    bytes
}

/// Lines to a writer: standard output, a file, a socket.
pub struct NdjsonOutput<W> {
    config: NdjsonConfig,
    writer: Option<W>,
    lines: Option<SyncSender<Vec<u8>>>,
    thread: Option<JoinHandle<()>>,
    shared: Arc<Shared>,
    /// Lines that the reader did not take, and has not been told of.
    n_untold: u64,
    n_dropped: u64,
    n_written: u64,
}

/// What the writing thread tells.
#[derive(Default)]
struct Shared {
    reader_gone: Arc<AtomicBool>,
    /// Why the last line could not be written.
    error: Mutex<Option<std::io::Error>>,
}

impl<W: Write + Send + 'static> NdjsonOutput<W> {
    /// Makes it; nothing is written yet.
    pub fn new(config: NdjsonConfig, writer: W) -> Self {
        let shared = Arc::new(Shared::default());
        Self { config, writer: Some(writer), lines: None, thread: None, shared, n_untold: 0, n_dropped: 0, n_written: 0 }
    }

    /// Becomes true when the reader went away, for whoever ends the program then.
    pub fn reader_gone(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.shared.reader_gone)
    }

    fn write(&mut self, bytes: Vec<u8>, now: Moment) -> Result<(), OutputError> {
        self.check()?;
        let Some(lines) = &self.lines else { return Err(OutputError::Protocol("ndjson is not open".to_owned())) };
        if self.n_untold > 0 {
            let told = line(&DroppedLine { v: NDJSON_VERSION, r#type: "dropped", now, n_lines: self.n_untold });
            if lines.try_send(told).is_ok() {
                self.n_untold = 0;
            }
        }
        match lines.try_send(bytes) {
            Ok(()) => self.n_written += 1,
            // The other end is gone only after an error, which the next call reports.
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.n_untold += 1;
                self.n_dropped += 1;
            }
        }
        Ok(())
    }

    fn check(&self) -> Result<(), OutputError> {
        if self.shared.reader_gone.load(Ordering::Acquire) {
            return Err(OutputError::Unusable(READER_GONE.to_owned()));
        }
        let error = self.shared.error.lock().unwrap_or_else(PoisonError::into_inner).take();
        error.map_or(Ok(()), |error| Err(OutputError::io("write lines")(error)))
    }
}

impl<W: Write + Send + 'static> Output for NdjsonOutput<W> {
    fn name(&self) -> String {
        "ndjson".to_owned()
    }

    fn open(&mut self) -> Result<(), OutputError> {
        self.config.validate().map_err(|error| OutputError::Unusable(error.to_string()))?;
        // After an error the same thread goes on: it holds the writer.
        if let Some(writer) = self.writer.take() {
            let (lines, queue) = sync_channel(QUEUE_LINES);
            let shared = Arc::clone(&self.shared);
            let spawned = std::thread::Builder::new().name("ndjson".to_owned()).spawn(move || write_lines(writer, &queue, &shared));
            self.thread = Some(spawned.map_err(OutputError::io("start the thread that writes lines"))?);
            self.lines = Some(lines);
        }
        self.check()
    }

    fn lead(&self) -> Duration {
        Duration::from_secs_f64(self.config.lead_ms.clamp(0.0, 2000.0) / 1000.0)
    }

    fn frame_interval(&self) -> Option<Duration> {
        (self.config.state_hz > 0.0).then(|| Duration::from_secs_f64(1.0 / self.config.state_hz.clamp(0.1, 100.0)))
    }

    fn event(&mut self, event: &Event, now: Moment) -> Result<(), OutputError> {
        self.write(event_line(event, now), now)
    }

    fn frame(&mut self, view: &View) -> Result<(), OutputError> {
        self.write(state_line(view), view.now)
    }

    fn poll(&mut self, _now: Moment) -> Result<(), OutputError> {
        self.check()
    }

    fn close(&mut self) {
        self.lines = None;
        // A reader that has stalled is not waited for: the thread ends with the program.
        if let Some(thread) = self.thread.take() {
            let until = Instant::now() + CLOSE_PATIENCE;
            while !thread.is_finished() && Instant::now() < until {
                std::thread::sleep(POLL);
            }
        }
    }

    fn detail(&self) -> String {
        match self.n_dropped {
            0 => format!("{} lines", self.n_written),
            n_dropped => format!("{} lines, {n_dropped} dropped: the reader is too slow", self.n_written),
        }
    }
}

/// The writing thread: until there are no more lines, or no reader.
fn write_lines(mut writer: impl Write, queue: &Receiver<Vec<u8>>, shared: &Shared) {
    let mut is_torn = false;
    loop {
        let bytes = match queue.recv_timeout(Duration::from_secs(1)) {
            Ok(bytes) => bytes,
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        match write_line(&mut writer, &bytes, &mut is_torn) {
            Ok(()) => {}
            Err(error) if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::WriteZero) => {
                shared.reader_gone.store(true, Ordering::Release);
                return;
            }
            Err(error) => *shared.error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error),
        }
    }
}

/// Writes a line whole and flushes it; the rest of a line that an error tore is ended first.
fn write_line(writer: &mut impl Write, bytes: &[u8], is_torn: &mut bool) -> std::io::Result<()> {
    if std::mem::take(is_torn) {
        write_counted(writer, b"\n", is_torn)?;
        *is_torn = false;
    }
    write_counted(writer, bytes, is_torn)?;
    *is_torn = false;
    writer.flush()
}

/// As `write_all`, and says whether an error came in the middle.
fn write_counted(writer: &mut impl Write, mut bytes: &[u8], is_torn: &mut bool) -> std::io::Result<()> {
    while !bytes.is_empty() {
        match writer.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(n_bytes) => {
                *is_torn = true;
                bytes = &bytes[n_bytes..];
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "ndjson_tests.rs"]
mod tests;
