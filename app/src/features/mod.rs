//! `anacrusis features`: audio files in, what a network sees of them out, for training. Main thread; one worker a file at a
//! time.
//!
//! ```text
//! options -> plan (one .npz an input, no collision) -> workers: file (decode, FeaturePipe) -> npz -> write whole
//!                                                  with --structure: steps (decode, Engine)
//! ```

mod file;
mod options;
mod plan;
mod steps;

pub use options::FeaturesArgs;

use std::panic::{self, AssertUnwindSafe};

use model_contracts::{Contract, ModelKind};
use runtime_core::analysis::anticipator_model::AnticipatorModel;
use serde::Serialize;

use self::file::frames;
use self::plan::Job;
use self::steps::steps;
use crate::analyze::inputs;
use crate::analyze::write::{exit_between_writes, write_whole};
use crate::anticipator::AnticipatorName;
use crate::exit::{Exit, say, say_error, write_stdout};
use crate::parallel::in_parallel;

/// What `--json` says.
#[derive(Debug, Serialize)]
struct Report {
    /// Hash of the contract's part that the features depend on.
    contract_hash: String,
    /// Inputs in the order named.
    files: Vec<FileReport>,
}

/// What became of one input.
#[derive(Debug, Serialize)]
struct FileReport {
    /// As named.
    file: String,
    /// The `.npz`, where one was written.
    output: Option<String>,
    /// Frames; with `--structure`, steps.
    n_frames: usize,
    /// Length of what was decoded, seconds.
    duration_sec: f64,
    /// Why there is no output, or why the file was not read to its end.
    error: Option<String>,
}

/// Runs the command.
pub fn run(args: &FeaturesArgs) -> Exit {
    let (jobs, n_unusable, anticipator) = match prepare(args) {
        Ok(prepared) => prepared,
        Err(message) => {
            say_error(message);
            return Exit::Usage;
        }
    };
    let kind = if args.structure { ModelKind::Anticipator } else { ModelKind::BeatModel };
    let contract_hash = Contract::current().scope_hash(kind).expect("the contract of this build has its scopes");
    let files = in_parallel(&jobs, args.jobs, |job| run_job(job, args, &contract_hash, anticipator.as_ref()));
    let n_failed = n_unusable + files.iter().filter(|file| file.error.is_some()).count();
    if !args.quiet && files.len() + n_unusable > 1 {
        say(format_args!("{} done, {n_failed} failed", files.len() + n_unusable - n_failed));
    }
    if args.json {
        let text = serde_json::to_string_pretty(&Report { contract_hash, files }).expect("strings and finite numbers") + "\n";
        if let Err(e) = write_stdout(text.as_bytes()) {
            say_error(format_args!("cannot write to standard output: {e}"));
            return Exit::Failed;
        }
    }
    if n_failed == 0 { Exit::Ok } else { Exit::Failed }
}

/// Everything that can be refused before the first file is opened. Also counts what failed already.
fn prepare(args: &FeaturesArgs) -> Result<(Vec<Job>, usize, Option<AnticipatorModel>), String> {
    // Only one that was named is asked; all files share its weights.
    let asked = args.anticipator.anticipator.as_ref().filter(|name| **name != AnticipatorName::None);
    let anticipator = asked.map(|_| args.anticipator.load()).transpose().map_err(|e| e.to_string())?;
    let (inputs, errors) = inputs::expand(&args.inputs);
    let jobs = plan::plan(inputs, &args.destination()).map_err(|e| e.to_string())?;
    exit_between_writes().map_err(|e| format!("cannot handle Ctrl-C: {e}"))?;
    errors.iter().for_each(say_error);
    Ok((jobs, errors.len(), anticipator))
}

/// One file; says what became of it. A panic is this file's failure, and no other's.
fn run_job(job: &Job, args: &FeaturesArgs, contract_hash: &str, anticipator: Option<&AnticipatorModel>) -> FileReport {
    let name = job.input.name();
    let mut report = FileReport { file: name.clone(), output: None, n_frames: 0, duration_sec: 0.0, error: None };
    let extract = || match args.structure {
        true => steps(&job.input.path, contract_hash, anticipator.cloned()).map_err(|e| e.to_string()),
        false => frames(&job.input.path, contract_hash).map_err(|e| e.to_string()),
    };
    let extracted = match panic::catch_unwind(AssertUnwindSafe(extract)) {
        Ok(extracted) => extracted,
        Err(_) => Err("our fault: it panicked (the message is above); please report it with the file".to_owned()),
    };
    let written = extracted.and_then(|extracted| {
        write_whole(&job.output, &extracted.npz).map_err(|e| format!("cannot write {}: {e}", job.output.display()))?;
        Ok(extracted)
    });
    let rows = if args.structure { "steps" } else { "frames" };
    match written {
        Ok(extracted) => {
            report.output = Some(job.output.display().to_string());
            report.n_frames = extracted.n_rows;
            report.duration_sec = extracted.duration_sec;
            if !args.quiet {
                let output = job.output.display();
                say(format_args!("{name}: {} {rows} of {:.1} s in {output}", report.n_frames, report.duration_sec));
            }
            report.error = extracted.ended_by.map(|error| format!("{error}; the {rows} up to there are written"));
        }
        Err(error) => report.error = Some(error),
    }
    if let Some(error) = &report.error {
        say_error(format_args!("{name}: {error}"));
    }
    report
}
