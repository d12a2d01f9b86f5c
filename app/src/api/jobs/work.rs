//! One job from its sound to its results. A job's thread, below all others in priority.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::time::{Duration, Instant};

use clap::ValueEnum;

use super::feed::{Feed, JobEvent, JobProgress};
use super::record::JobRecord;
use crate::analyze::{FileError, Progress, Request, analyze_stream};
use crate::decode::AudioReader;
use crate::document::Analysis;
use crate::formats::{Format, Origin};

/// Between two words about progress where there is no beat.
const TELL: Duration = Duration::from_millis(100);

/// Why a job is to end before it is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Stop {
    /// It goes on.
    No = 0,
    /// Somebody does not want it any more.
    Cancelled = 1,
    /// The program ends; it is begun again by the next one.
    Ending = 2,
}

/// A job that is worked on.
#[derive(Debug, Default)]
pub struct Run {
    stop: AtomicU8,
    /// What it says.
    pub feed: Feed,
}

impl Run {
    /// One that has said something already.
    pub fn with(feed: Feed) -> Self {
        Self { feed, ..Self::default() }
    }

    /// Ends it soon.
    pub fn stop(&self, why: Stop) {
        self.stop.store(why as u8, Relaxed);
    }

    /// Whether it is to end, and why.
    pub fn stopped(&self) -> Stop {
        match self.stop.load(Relaxed) {
            0 => Stop::No,
            1 => Stop::Cancelled,
            _ => Stop::Ending,
        }
    }
}

/// Why there are no results, or not of the whole file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WorkError {
    /// [`Stop`].
    #[error("stopped")]
    Stopped,
    /// There are none.
    #[error("{0}")]
    Failed(String),
    /// There are some, of what was read.
    #[error("{0}")]
    Partial(String),
}

/// Analyses a file and writes every format into `results`, which is made.
///
/// # Errors
/// [`WorkError`].
pub fn work(record: &JobRecord, sound: &Path, results: &Path, events: &Path, time_limit: Duration, run: &Run) -> Result<(), WorkError> {
    let analyse = || analyse(record, sound, time_limit, run);
    let outcome = catch_unwind(AssertUnwindSafe(analyse));
    let ours = || WorkError::Failed("our fault: the analysis panicked; please report it with the file".to_owned());
    let (analysis, ended_by) = outcome.unwrap_or_else(|_| Err(ours()))?;
    let origin = Origin { audio: Some(sound.to_owned()), ..Origin::default() };
    let written = catch_unwind(AssertUnwindSafe(|| write_results(&analysis, &origin, results, events, run)));
    written.unwrap_or_else(|_| Err(ours()))?;
    ended_by.map_or(Ok(()), |reason| Err(WorkError::Partial(format!("{reason}; the beats up to there are in the results"))))
}

/// What was found, and why the file was not read to its end.
fn analyse(record: &JobRecord, sound: &Path, time_limit: Duration, run: &Run) -> Result<(Analysis, Option<String>), WorkError> {
    let failed = |error: &dyn std::fmt::Display| WorkError::Failed(error.to_string());
    let deadline = Instant::now() + time_limit;
    let job = &record.job;
    let (engine, script) = job.options.engine().map_err(WorkError::Failed)?;
    let reader = AudioReader::open(sound).map_err(|error| failed(&error))?;
    let model = engine.model.load().map_err(|error| failed(&error))?;
    let mut teller = Teller { n_bytes: job.n_bytes, n_rows: 0, n_structure: 0, next: Instant::now() };
    let request = Request { name: &job.name, model, engine: &engine, script: &script, wants_detail: true };
    let outcome = analyze_stream(reader, request, &mut |progress| {
        teller.tell(&progress, &run.feed);
        if run.stopped() != Stop::No || Instant::now() > deadline { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    let outcome = outcome.map_err(|error| match error {
        FileError::Cancelled if run.stopped() != Stop::No => WorkError::Stopped,
        FileError::Cancelled => WorkError::Failed(format!("stopped after {} s: jobs.time_limit_sec", time_limit.as_secs())),
        other => failed(&other),
    })?;
    let rows = &outcome.analysis.beats;
    // What was announced beyond the end is left out of the results; what is said at the end is said now.
    let rest = rows.iter().skip(teller.n_rows).map(JobEvent::beat);
    let progress = JobProgress { progress: 1.0, heard_sec: outcome.analysis.duration_sec, n_beats: rows.len() };
    run.feed.say(rest, progress);
    Ok((outcome.analysis, outcome.ended_by.map(|error| error.to_string())))
}

/// Says what is new, and how far it is.
struct Teller {
    n_bytes: u64,
    n_rows: usize,
    n_structure: usize,
    next: Instant,
}

impl Teller {
    fn tell(&mut self, progress: &Progress<'_>, feed: &Feed) {
        // Offline, beats have neither announce time nor tempo before the end: they are said then.
        let known = progress.rows.iter().take_while(|row| row.announce_sec.is_finite()).count();
        let (rows, structure) = (&progress.rows[self.n_rows.min(known)..known], &progress.structure_events[self.n_structure..]);
        if rows.is_empty() && structure.is_empty() && Instant::now() < self.next {
            return;
        }
        self.next = Instant::now() + TELL;
        let events = rows.iter().map(JobEvent::beat).chain(structure.iter().filter_map(JobEvent::section));
        let share = if self.n_bytes == 0 { 0.0 } else { (progress.n_bytes as f64 / self.n_bytes as f64).min(1.0) };
        feed.say(events, JobProgress { progress: share, heard_sec: progress.decoded_sec, n_beats: known });
        (self.n_rows, self.n_structure) = (known, progress.structure_events.len());
    }
}

/// Writes every format, and what was streamed.
fn write_results(analysis: &Analysis, origin: &Origin, results: &Path, events: &Path, run: &Run) -> Result<(), WorkError> {
    let failed = |error: io::Error| WorkError::Failed(format!("the results cannot be written: {error}"));
    fs::create_dir_all(results).map_err(failed)?;
    for format in Format::value_variants() {
        if run.stopped() != Stop::No {
            return Err(WorkError::Stopped);
        }
        let mut file = BufWriter::new(fs::File::create(results.join(format.suffix())).map_err(failed)?);
        let written = format.write(analysis, origin, &mut file).and_then(|()| Ok(file.flush()?));
        written.map_err(|error| WorkError::Failed(format!("the results cannot be written: {error}")))?;
    }
    let mut file = BufWriter::new(fs::File::create(events).map_err(failed)?);
    run.feed.write(&mut file).and_then(|()| file.flush()).map_err(failed)
}
