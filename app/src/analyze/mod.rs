//! `anacrusis analyze`: audio files in, beat files out. Main thread; one worker thread a file at a time.
//!
//! ```text
//! options -> inputs (search directories) -> outputs (plan, refuse collisions) -> workers: file (decode, engine)
//!         -> formats -> write (whole or not at all)
//! ```

mod file;
pub(crate) mod inputs;
mod options;
mod outputs;
mod progress;
pub(crate) mod write;

pub use file::{FileError, Outcome, analyze_hinted, analyze_reader, analyze_with_model};
pub use options::AnalyzeArgs;

use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use self::inputs::Input;
use self::outputs::Job;
use self::progress::Progress;
use crate::exit::{Exit, say, say_error, write_stdout};
use crate::hint_script::HintScript;
use crate::model::fallback_reason;

/// Another tempo is worth a word where it is this probable.
const DOUBT_PROB: f64 = 0.1;

/// Runs the command.
pub fn run(args: &AnalyzeArgs) -> Exit {
    match prepare(args) {
        Ok((jobs, script, n_failed)) => work(args, jobs, &script, n_failed),
        Err(message) => {
            say_error(message);
            Exit::Usage
        }
    }
}

/// Everything that can be refused before the first file is opened. Also counts what failed already.
fn prepare(args: &AnalyzeArgs) -> Result<(Vec<Job>, HintScript, usize), String> {
    args.engine.config(args.raw_rate.unwrap_or(48_000)).validate().map_err(|e| e.to_string())?;
    let script = HintScript::of(&args.hint, args.hints.as_deref()).map_err(|e| e.to_string())?;
    let (inputs, errors) = inputs::expand(&args.inputs);
    if args.raw_rate.is_some() && !inputs.iter().any(Input::is_stdin) {
        return Err("--raw-rate describes standard input: name it as -".to_owned());
    }
    let jobs = outputs::plan(inputs, &args.formats(), &args.destination()).map_err(|e| e.to_string())?;
    let model = args.engine.model.load().map_err(|e| e.to_string())?;
    if let Some(reason) = fallback_reason(&model.origin) {
        say(format_args!("note: the spectral-flux activation runs in place of the networks, less accurately: {reason}"));
    }
    write::exit_between_writes().map_err(|e| format!("cannot handle Ctrl-C: {e}"))?;
    errors.iter().for_each(say_error);
    Ok((jobs, script, errors.len()))
}

/// Counts of what became of the inputs.
#[derive(Default)]
struct Tally {
    n_done: AtomicUsize,
    n_skipped: AtomicUsize,
    n_failed: AtomicUsize,
}

/// Works through the jobs with several threads.
fn work(args: &AnalyzeArgs, jobs: Vec<Job>, script: &HintScript, n_failed: usize) -> Exit {
    let (todo, done): (Vec<Job>, Vec<Job>) = jobs.into_iter().partition(|job| !(args.skip_existing && job.is_done()));
    let tally = Tally { n_skipped: done.len().into(), n_failed: n_failed.into(), ..Tally::default() };
    let progress = Progress::new(&todo, args.quiet);
    let n_threads = args.jobs.or_else(|| thread::available_parallelism().ok()).map_or(1, |n| n.get()).min(todo.len());
    let next_idx = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..n_threads {
            scope.spawn(|| {
                while let Some(job) = todo.get(next_idx.fetch_add(1, Ordering::Relaxed)) {
                    let is_good = run_job(job, args, script, &progress);
                    let count = if is_good { &tally.n_done } else { &tally.n_failed };
                    count.fetch_add(1, Ordering::Relaxed);
                    progress.file_done();
                }
            });
        }
    });
    progress.finish();
    let [n_done, n_skipped, n_failed] = [tally.n_done, tally.n_skipped, tally.n_failed].map(AtomicUsize::into_inner);
    if !args.quiet && n_done + n_skipped + n_failed > 1 {
        say(format_args!("{n_done} done, {n_skipped} skipped, {n_failed} failed"));
    }
    if n_failed == 0 { Exit::Ok } else { Exit::Failed }
}

/// One file; says what became of it. True if all went well. A panic is this file's failure, and no other's.
fn run_job(job: &Job, args: &AnalyzeArgs, script: &HintScript, progress: &Progress) -> bool {
    let name = job.input.name();
    let fail = |message: String| {
        progress.say(format_args!("error: {name}: {message}"));
        false
    };
    let mut n_bytes_before = 0;
    let on_progress = |n_bytes: u64| {
        progress.add_bytes(n_bytes.saturating_sub(n_bytes_before));
        n_bytes_before = n_bytes;
    };
    let analyze = || {
        let reader = file::open(&job.input, args.raw_rate)?;
        analyze_hinted(&name, reader, args.engine.model.load()?, &args.engine, script, on_progress)
    };
    let outcome = match panic::catch_unwind(AssertUnwindSafe(analyze)) {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(error)) => return fail(error.to_string()),
        Err(_) => return fail("our fault: the analysis panicked (the message is above); please report it with the file".to_owned()),
    };
    for (format, path) in &job.outputs {
        let bytes = format.render(&outcome.analysis);
        let written = match path {
            Some(path) => write::write_whole(path, &bytes).map_err(|e| format!("cannot write {}: {e}", path.display())),
            None => write_stdout(&bytes).map_err(|e| format!("cannot write to standard output: {e}")),
        };
        if let Err(message) = written {
            return fail(message);
        }
    }
    if !args.quiet {
        say_summary(&name, &outcome, progress);
    }
    match outcome.ended_by {
        Some(error) => fail(format!("{error}; the beats up to there are written")),
        None => true,
    }
}

/// A line for people, and one for each oddity.
fn say_summary(name: &str, outcome: &Outcome, progress: &Progress) {
    let Outcome { analysis, stats, realtime_factor, .. } = outcome;
    let mut tempo = analysis.tempo_bpm().map_or("no tempo".to_owned(), |bpm| format!("{bpm:.1} BPM"));
    if let Some(other) = analysis.candidates.as_slice().get(1).filter(|other| other.prob >= DOUBT_PROB) {
        tempo += &format!(" (or {:.1}, {:.0} %)", other.bpm, 100.0 * other.prob);
    }
    let meter = match analysis.beats_per_bar() {
        0 => "unknown meter".to_owned(),
        n => format!("{n} beats per bar"),
    };
    let (n_beats, duration_sec) = (analysis.beats.len(), analysis.duration_sec);
    progress.say(format_args!("{name}: {tempo}, {meter}, {n_beats} beats in {duration_sec:.1} s, {realtime_factor:.0}x real time"));
    for hint in &analysis.hints {
        if let Some(refused) = &hint.refused {
            progress.say(format_args!("warning: {name}: {} at {} s was not taken: {refused}", hint.said.hint, hint.said.at_sec));
        }
    }
    if stats.n_bad_packets > 0 {
        progress.say(format_args!("warning: {name}: {} broken packets, silence in their place", stats.n_bad_packets));
    }
    if stats.n_not_finite > 0 {
        progress.say(format_args!("warning: {name}: {} samples are not finite and count as 0", stats.n_not_finite));
    }
}
