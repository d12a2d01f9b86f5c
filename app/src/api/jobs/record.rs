//! One job as a value: what is asked, where its sound lies, what became of it. Plain data; any thread.

use runtime_core::analysis::config::{Meter, TempoRange};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::anticipator::AnticipatorArgs;
use crate::engine_args::{DecoderChoice, EngineArgs};
use crate::hint_script::{HintScript, parse_timed_hint};
use crate::model::ModelArgs;

/// Any rate at which a configuration can be checked, Hz.
const CHECKED_RATE_HZ: u32 = 48_000;
/// Hints of one job; more were not said by a person.
const MAX_HINTS: usize = 10_000;

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum JobStatus {
    /// It waits for its turn.
    Queued,
    /// It is worked on.
    Running,
    /// Its results are there.
    Done,
    /// It came to nothing, or the file broke off.
    Failed,
    /// Somebody did not want it any more.
    Cancelled,
}

impl JobStatus {
    /// Whether nothing more will happen to it.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled)
    }
}

/// How the beats are found: the options of `anacrusis analyze`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct JobOptions {
    /// With the whole file known: better beats, no announce times.
    pub offline: bool,
    /// Tempi considered, slowest and fastest, BPM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bpm_range: Option<[f64; 2]>,
    /// Beats per bar, 2 to 7; by evidence where it is not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 2, maximum = 7)]
    pub meter: Option<u8>,
    /// The tempo, BPM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tempo: Option<f64>,
    /// What is said while it plays: `12.5 half`, seconds and a hint.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
}

impl JobOptions {
    /// The same as `analyze` takes it.
    ///
    /// # Errors
    /// The first value that cannot be used, in words.
    pub fn engine(&self) -> Result<(EngineArgs, HintScript), String> {
        if self.offline && !self.hints.is_empty() {
            return Err("offline knows the whole file at once and takes no hints with times".to_owned());
        }
        if self.hints.len() > MAX_HINTS {
            return Err(format!("expected at most {MAX_HINTS} hints, got {}", self.hints.len()));
        }
        let hints: Result<Vec<_>, _> = self.hints.iter().map(|hint| parse_timed_hint(hint)).collect();
        let script = HintScript::new(hints.map_err(|error| error.to_string())?);
        let engine = EngineArgs {
            causal: false,
            offline: self.offline,
            bpm_range: self.bpm_range.map(|[min_bpm, max_bpm]| TempoRange { min_bpm, max_bpm }),
            meter: self.meter.map_or(Meter::Auto, Meter::Fixed),
            tempo: self.tempo,
            decoder: DecoderChoice::default(),
            model: ModelArgs::default(),
            anticipator: AnticipatorArgs::default(),
        };
        engine.config(CHECKED_RATE_HZ).validate().map_err(|error| error.to_string())?;
        Ok((engine, script))
    }
}

/// A job, as it is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Job {
    /// What it is asked for by; never given twice.
    pub id: u64,
    /// The file as whoever asked named it.
    pub name: String,
    /// How far it is.
    pub status: JobStatus,
    /// Share of the file that was read, `[0, 1]`.
    pub progress: f64,
    /// Why it failed; empty = it did not.
    pub error: String,
    /// Whether there are results: also those of a file that broke off.
    pub has_results: bool,
    /// How the beats are found.
    pub options: JobOptions,
    /// Length of the file, bytes.
    pub n_bytes: u64,
    /// When it was asked for, ms since the Unix epoch.
    pub created_unix_ms: u64,
    /// When it was over; null before.
    pub ended_unix_ms: Option<u64>,
}

/// Where the sound lies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobSource {
    /// It was uploaded, and is ours to remove.
    Upload,
    /// A file of the user's, as its path was allowed.
    File(std::path::PathBuf),
}

/// A job, as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobRecord {
    /// What is told of it.
    pub job: Job,
    /// Where the sound lies.
    pub source: JobSource,
    /// Times that it was begun: a file that ends the program each time is given up.
    pub n_runs: u32,
    /// Length of its results, bytes.
    pub n_result_bytes: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_those_of_analyze() {
        let options: JobOptions = serde_json::from_str(r#"{"bpm_range":[70,180],"meter":3,"hints":["4 half","1 tap"]}"#).unwrap();
        let (engine, script) = options.engine().unwrap();
        assert_eq!((engine.bpm_range, engine.meter), (Some(TempoRange { min_bpm: 70.0, max_bpm: 180.0 }), Meter::Fixed(3)));
        assert_eq!(script.hints().len(), 2);
        assert!(JobOptions::default().engine().is_ok());
        assert_eq!(serde_json::to_string(&JobOptions::default()).unwrap(), r#"{"offline":false}"#);
    }

    #[test]
    fn what_cannot_be_is_refused_in_words() {
        for (text, part) in [
            (r#"{"offline":true,"hints":["1 tap"]}"#, "takes no hints"),
            (r#"{"hints":["tap"]}"#, "expected TIME HINT"),
            (r#"{"meter":9}"#, "9"),
            (r#"{"bpm_range":[180,70]}"#, "180"),
            (r#"{"tempo":1000}"#, "1000"),
        ] {
            let options: JobOptions = serde_json::from_str(text).unwrap();
            let message = options.engine().unwrap_err();
            assert!(message.contains(part), "{text}: {message}");
        }
        assert!(serde_json::from_str::<JobOptions>(r#"{"colour":1}"#).is_err());
    }
}
