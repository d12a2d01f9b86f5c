//! `anacrusis analyze`: audio files in, beat files out. Main thread; one worker thread a file at a time.
//!
//! ```text
//! options -> inputs (search directories) -> outputs (plan, refuse collisions) -> workers: file (decode, engine)
//!         -> formats -> write (whole or not at all) -> index, where there are reports
//! ```

mod failure;
mod file;
mod index;
pub(crate) mod inputs;
mod job;
mod options;
mod outputs;
mod progress;
pub(crate) mod write;

pub use file::{FileError, Outcome, Progress, Request, analyze_reader, analyze_stream, analyze_with_model};
pub use options::AnalyzeArgs;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use self::failure::{Failure, Failures};
use self::inputs::Input;
use self::outputs::{Destination, Job};
use self::progress::Bar;
use crate::exit::{Exit, say, say_error};
use crate::formats::Format;
use crate::hint_script::HintScript;
use crate::model::fallback_reason;

/// Runs the command.
pub fn run(args: &AnalyzeArgs) -> Exit {
    match prepare(args) {
        Ok((jobs, script, failures)) => work(args, jobs, &script, failures),
        Err(message) => {
            say_error(message);
            Exit::Usage
        }
    }
}

/// Everything that can be refused before the first file is opened, and what failed already.
fn prepare(args: &AnalyzeArgs) -> Result<(Vec<Job>, HintScript, Failures), String> {
    args.engine.config(args.raw_rate.unwrap_or(48_000)).validate().map_err(|e| e.to_string())?;
    let script = HintScript::of(&args.hint, args.hints.as_deref()).map_err(|e| e.to_string())?;
    let (inputs, errors) = inputs::expand(&args.inputs);
    if args.raw_rate.is_some() && !inputs.iter().any(Input::is_stdin) {
        return Err("--raw-rate describes standard input: name it as -".to_owned());
    }
    let formats = args.formats();
    if args.embed_audio && !formats.contains(&Format::Report) {
        return Err("--embed-audio puts the audio into a report: ask for one with --report".to_owned());
    }
    let jobs = outputs::plan(inputs, &formats, &args.destination()).map_err(|e| e.to_string())?;
    let model = args.engine.model.load().map_err(|e| e.to_string())?;
    if let Some(reason) = fallback_reason(&model.origin) {
        say(format_args!("note: the spectral-flux activation runs in place of the networks, less accurately: {reason}"));
    }
    write::exit_between_writes().map_err(|e| format!("cannot handle Ctrl-C: {e}"))?;
    errors.iter().for_each(say_error);
    let failures = Failures::default();
    errors.iter().for_each(|error| failures.add(Failure::of_folder(error)));
    Ok((jobs, script, failures))
}

/// Works through the jobs with several threads.
fn work(args: &AnalyzeArgs, jobs: Vec<Job>, script: &HintScript, failures: Failures) -> Exit {
    let (todo, done): (Vec<Job>, Vec<Job>) = jobs.into_iter().partition(|job| !(args.skip_existing && job.is_done()));
    let n_done = AtomicUsize::new(0);
    let bar = Bar::new(&todo, args.quiet);
    let n_threads = args.jobs.or_else(|| thread::available_parallelism().ok()).map_or(1, |n| n.get()).min(todo.len());
    let next_idx = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..n_threads {
            scope.spawn(|| {
                while let Some(job) = todo.get(next_idx.fetch_add(1, Ordering::Relaxed)) {
                    match job::run(job, args, script, &bar) {
                        Ok(()) => drop(n_done.fetch_add(1, Ordering::Relaxed)),
                        Err(reason) => {
                            bar.say(format_args!("error: {}: {reason}", job.input.name()));
                            failures.add(Failure::of_file(job, reason));
                        }
                    }
                }
            });
        }
    });
    bar.finish();
    let failures = failures.in_order();
    let is_one_tree = args.output.is_some();
    let told = |folder: &Path| failures.iter().filter(|failure| is_one_tree || failure.is_below(folder)).cloned().collect::<Vec<_>>();
    let n_unwritten = index_folders(args).iter().filter(|folder| !write_index(folder, &told(folder), args.quiet)).count();
    let (n_done, n_skipped, n_failed) = (n_done.into_inner(), done.len(), failures.len());
    if !args.quiet && n_done + n_skipped + n_failed > 1 {
        say(format_args!("{n_done} done, {n_skipped} skipped, {n_failed} failed"));
        failures.iter().for_each(|failure| say(format_args!("failed: {}: {}", failure.name, failure.reason)));
    }
    if n_failed + n_unwritten == 0 { Exit::Ok } else { Exit::Failed }
}

/// The folders that get an index: where the reports go, or each one that was named.
fn index_folders(args: &AnalyzeArgs) -> Vec<PathBuf> {
    match args.destination() {
        _ if !args.formats().contains(&Format::Report) => Vec::new(),
        Destination::Stdout => Vec::new(),
        Destination::Folder(folder) => vec![folder],
        Destination::Beside => args.inputs.iter().filter(|input| input.is_dir()).cloned().collect(),
    }
}

/// True if all went well.
fn write_index(folder: &Path, failures: &[Failure], is_quiet: bool) -> bool {
    match index::write(folder, failures) {
        Ok(path) => {
            if !is_quiet {
                say(format_args!("index: {}", path.display()));
            }
            true
        }
        Err(error) => {
            say_error(format_args!("{}: cannot write the index: {error}", folder.display()));
            false
        }
    }
}
