//! What a job says while it runs: beats and sections in order, each with a number, and how far it is. Written by the job's thread,
//! followed by any number of listeners on the server's threads, each at its own pace.
//!
//! The same file gives the same beats, so the numbers hold across a restart: whoever heard up to one goes on from there.

use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use runtime_core::state::StructureEvent;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use utoipa::ToSchema;

use super::record::Job;
use crate::document::BeatRow;

/// Events that are streamed of one job; the results have all.
pub const MAX_EVENTS: usize = 100_000;

/// What is streamed, `event:` and `data:`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "event", content = "data", rename_all = "lowercase")]
pub enum JobEvent {
    /// A beat.
    Beat(JobBeat),
    /// Another section.
    Section(JobSection),
}

/// A beat, as it was announced.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JobBeat {
    /// When it falls, seconds from the start of the file.
    pub time_sec: f64,
    /// How much of the file was heard when it was said, seconds; null offline, where all are said at the end.
    pub announce_sec: Option<f64>,
    /// Position in the bar, 1-based; 0 = unknown.
    pub beat_in_bar: u8,
    /// Beats per bar; 0 = unknown.
    pub beats_per_bar: u8,
    /// Tempo, BPM; 0 = unknown.
    pub bpm: f64,
    /// Probability that a true beat lies within 70 ms, `[0, 1]`.
    pub confidence: f32,
}

/// Another section.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JobSection {
    /// Since when it is known, seconds from the start of the file.
    pub time_sec: f64,
    /// Its label.
    pub label: String,
    /// Probability of the label, `[0, 1]`.
    pub prob: f32,
}

impl JobEvent {
    /// A beat of the analysis; what is not finite is not known.
    pub fn beat(row: &BeatRow) -> Self {
        let finite = |value: f64| if value.is_finite() { value } else { 0.0 };
        Self::Beat(JobBeat {
            time_sec: finite(row.event.t_sec),
            announce_sec: Some(row.announce_sec).filter(|sec| sec.is_finite()),
            beat_in_bar: row.event.beat_in_bar,
            beats_per_bar: row.event.beats_per_bar,
            bpm: finite(row.bpm),
            confidence: if row.event.conf.is_finite() { row.event.conf } else { 0.0 },
        })
    }

    /// A section of the analysis; `None` for what is none.
    pub fn section(event: &StructureEvent) -> Option<Self> {
        let StructureEvent::Section { t_sec, section, prob, .. } = event else { return None };
        let label = outputs::event::section_name(Some(*section)).to_owned();
        Some(Self::Section(JobSection { time_sec: *t_sec, label, prob: *prob }))
    }

    /// What `event:` says.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Beat(_) => "beat",
            Self::Section(_) => "section",
        }
    }

    /// What `data:` says.
    pub fn data(&self) -> String {
        let text = match self {
            Self::Beat(beat) => serde_json::to_string(beat),
            Self::Section(section) => serde_json::to_string(section),
        };
        text.expect("plain data becomes JSON")
    }
}

/// How far a job is; the newest counts.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, ToSchema)]
pub struct JobProgress {
    /// Share of the file that was read, `[0, 1]`.
    pub progress: f64,
    /// Seconds of the file that were heard.
    pub heard_sec: f64,
    /// Beats so far.
    pub n_beats: usize,
}

/// Where a job says it.
#[derive(Debug)]
pub struct Feed {
    inner: Mutex<Inner>,
    changed: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Inner {
    events: Vec<JobEvent>,
    progress: JobProgress,
    end: Option<Arc<Job>>,
}

/// What a listener finds.
#[derive(Debug, Clone, PartialEq)]
pub struct News {
    /// Events from the number it asked for on.
    pub events: Vec<JobEvent>,
    /// How far it is.
    pub progress: JobProgress,
    /// The job as it ended, where all of its events were told.
    pub end: Option<Arc<Job>>,
}

impl Default for Feed {
    fn default() -> Self {
        Self { inner: Mutex::default(), changed: watch::channel(0).0 }
    }
}

impl Feed {
    /// Says more.
    pub fn say(&self, events: impl IntoIterator<Item = JobEvent>, progress: JobProgress) {
        {
            let mut inner = self.inner();
            let room = MAX_EVENTS.saturating_sub(inner.events.len());
            inner.events.extend(events.into_iter().take(room));
            inner.progress = progress;
        }
        self.changed.send_modify(|n| *n += 1);
    }

    /// It is over.
    pub fn end(&self, job: &Job) {
        self.inner().end = Some(Arc::new(job.clone()));
        self.changed.send_modify(|n| *n += 1);
    }

    /// How far it is.
    pub fn progress(&self) -> JobProgress {
        self.inner().progress
    }

    /// At most `limit` events from number `from` on (numbers begin at 0), and how things stand.
    pub fn news(&self, from: usize, limit: usize) -> News {
        let inner = self.inner();
        let events: Vec<JobEvent> = inner.events.iter().skip(from).take(limit).cloned().collect();
        let is_all = from + events.len() >= inner.events.len();
        News { events, progress: inner.progress, end: inner.end.clone().filter(|_| is_all) }
    }

    /// Hears of changes from now on.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Writes the events as lines.
    ///
    /// # Errors
    /// The system refuses.
    pub fn write(&self, to: &mut dyn Write) -> io::Result<()> {
        for event in &self.inner().events {
            writeln!(to, "{}", serde_json::to_string(event)?)?;
        }
        Ok(())
    }

    /// The feed of a job that is over, from the lines that were written.
    ///
    /// # Errors
    /// The file cannot be read; one that is not there is empty.
    pub fn read(path: &Path, job: &Job) -> io::Result<Self> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        let events: Vec<JobEvent> = text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
        let n_beats = events.iter().filter(|event| matches!(event, JobEvent::Beat(_))).count();
        let feed = Self::default();
        feed.say(events, JobProgress { progress: job.progress, heard_sec: 0.0, n_beats });
        feed.end(job);
        Ok(feed)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::jobs::record::JobSource;
    use crate::api::jobs::store::tests::record;
    use crate::document::samples::row;

    fn beats(n: u64) -> Vec<JobEvent> {
        (0..n).map(|k| JobEvent::beat(&row(k, 0.5 * k as f64, 1, 4))).collect()
    }

    #[test]
    fn a_listener_goes_on_from_where_it_was_and_hears_the_end_last() {
        let feed = Feed::default();
        let mut changes = feed.changes();
        feed.say(beats(3), JobProgress { progress: 0.5, heard_sec: 1.0, n_beats: 3 });
        assert!(changes.has_changed().unwrap());
        changes.mark_unchanged();
        assert_eq!(feed.news(1, 9).events, beats(3)[1..]);
        let job = record("a", JobSource::Upload).job;
        feed.end(&job);
        assert!(feed.news(0, 2).end.is_none(), "more is to be told first");
        assert_eq!(feed.news(2, 2).end.as_deref(), Some(&job));
        assert_eq!(feed.news(99, 2).events, []);
    }

    #[test]
    fn what_was_written_is_what_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        let feed = Feed::default();
        let section = StructureEvent::Section { t_sec: 2.5, section: 4, before: None, prob: 0.5 };
        feed.say(beats(2).into_iter().chain(JobEvent::section(&section)), JobProgress::default());
        feed.write(&mut std::fs::File::create(&path).unwrap()).unwrap();
        let job = record("a", JobSource::Upload).job;
        let again = Feed::read(&path, &job).unwrap();
        assert_eq!(again.news(0, 9).events, feed.news(0, 9).events);
        assert_eq!(again.news(2, 1).events[0].data(), r#"{"time_sec":2.5,"label":"chorus","prob":0.5}"#);
        assert!(Feed::read(&folder.path().join("none"), &job).unwrap().news(0, 9).end.is_some());
        std::fs::write(&path, "no JSON\n").unwrap();
        assert!(Feed::read(&path, &job).is_err());
    }

    #[test]
    fn what_is_kept_has_a_bound() {
        let feed = Feed::default();
        (0..=MAX_EVENTS / 1_000).for_each(|_| feed.say(beats(1_000), JobProgress::default()));
        assert_eq!(feed.news(0, usize::MAX).events.len(), MAX_EVENTS);
    }
}
