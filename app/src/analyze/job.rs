//! One file: analysed, written, and summed up in a line. Worker thread.

use std::io::{self, BufWriter, Write as _};
use std::ops::ControlFlow;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;

use super::options::AnalyzeArgs;
use super::outputs::Job;
use super::progress::Bar;
use super::{Outcome, Request, analyze_stream, file, write};
use crate::formats::{Format, Origin, WriteError};
use crate::hint_script::HintScript;

/// Runs a job to its end; moves the bar on.
///
/// # Errors
/// Why it failed, in words. A panic is this file's failure, and no other's.
pub(super) fn run(job: &Job, args: &AnalyzeArgs, script: &HintScript, bar: &Bar) -> Result<(), String> {
    let mut n_bytes_read = 0;
    let result = analyze(job, args, script, |n_bytes: u64| {
        bar.add_bytes(n_bytes.saturating_sub(n_bytes_read));
        n_bytes_read = n_bytes_read.max(n_bytes);
    })
    .and_then(|outcome| {
        write_outputs(job, args, &outcome)?;
        if !args.quiet {
            say_summary(&job.input.name(), &outcome, bar);
        }
        match outcome.ended_by {
            Some(error) => Err(format!("{error}; the beats up to there are written")),
            None => Ok(()),
        }
    });
    bar.file_done(job, n_bytes_read);
    result
}

fn analyze(job: &Job, args: &AnalyzeArgs, script: &HintScript, mut on_bytes: impl FnMut(u64)) -> Result<Outcome, String> {
    let name = job.input.name();
    let wants_detail = job.outputs.iter().any(|(format, _)| format.needs_detail());
    let analyze = || {
        let reader = file::open(&job.input, args.raw_rate)?;
        let request = Request { name: &name, model: args.engine.model.load()?, engine: &args.engine, script, wants_detail };
        analyze_stream(reader, request, &mut |progress| {
            on_bytes(progress.n_bytes);
            ControlFlow::Continue(())
        })
    };
    match panic::catch_unwind(AssertUnwindSafe(analyze)) {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(_) => Err("our fault: the analysis panicked (the message is above); please report it with the file".to_owned()),
    }
}

fn write_outputs(job: &Job, args: &AnalyzeArgs, outcome: &Outcome) -> Result<(), String> {
    for (format, path) in &job.outputs {
        let origin = job.origin(path.as_deref(), args.embed_audio);
        let Some(path) = path else {
            write_to_stdout(*format, outcome, &origin)?;
            continue;
        };
        let failed = |error: &dyn std::fmt::Display| format!("cannot write {}: {error}", path.display());
        write::write_whole_with(path, |out| format.write(&outcome.analysis, &origin, out)).map_err(|e| failed(&e))?;
        if outcome.ended_by.is_some() {
            mark_stale(path, &job.input.path).map_err(|e| failed(&e))?;
        }
    }
    Ok(())
}

/// What is not whole will be tried again. Where the input has no date (a pipe), nothing is.
fn mark_stale(output: &Path, input: &Path) -> io::Result<()> {
    if input.is_file() { write::mark_stale(output, input) } else { Ok(()) }
}

/// Straight into the pipe. A reader that has gone away (`| head`) is the end of the work and not an error.
fn write_to_stdout(format: Format, outcome: &Outcome, origin: &Origin) -> Result<(), String> {
    let mut out = BufWriter::new(io::stdout().lock());
    match format.write(&outcome.analysis, origin, &mut out).and_then(|()| Ok(out.flush()?)) {
        Err(WriteError::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(|e| format!("cannot write to standard output: {e}")),
    }
}

/// A line for people, and one for each oddity.
fn say_summary(name: &str, outcome: &Outcome, bar: &Bar) {
    let Outcome { analysis, realtime_factor, .. } = outcome;
    let mut tempo = analysis.tempo_bpm().map_or("no tempo".to_owned(), |bpm| format!("{bpm:.1} BPM"));
    if let Some(other) = analysis.other_tempo() {
        tempo += &format!(" (or {:.1}, {:.0} %)", other.bpm, 100.0 * other.prob);
    }
    let meter = match analysis.beats_per_bar() {
        0 => "unknown meter".to_owned(),
        n => format!("{n} beats per bar"),
    };
    let (n_beats, duration_sec) = (analysis.beats.len(), analysis.duration_sec);
    bar.say(format_args!("{name}: {tempo}, {meter}, {n_beats} beats in {duration_sec:.1} s, {realtime_factor:.0}x real time"));
    for hint in &analysis.hints {
        if let Some(refused) = &hint.refused {
            bar.say(format_args!("warning: {name}: {} at {} s was not taken: {refused}", hint.said.hint, hint.said.at_sec));
        }
    }
    for warning in &analysis.warnings {
        bar.say(format_args!("warning: {name}: {warning}"));
    }
}
