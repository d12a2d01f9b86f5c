//! `anacrusis eval`: the command around [`crate::eval`]: our engine is what it scores. Main thread; `eval` has workers.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::analyze::analyze_reader;
use crate::decode::AudioReader;
use crate::document::{Analysis, BeatRow};
use crate::engine_args::EngineArgs;
use crate::eval::{self, EvalOptions, EvalReport, Tracked, TrackedBeat};
use crate::exit::{Exit, say, say_error, write_stdout};
use crate::model::{fallback_reason, network_names};

const EXAMPLES: &str = "\
Examples:
  anacrusis eval --corpus shared/eval
  anacrusis eval --corpus shared/eval --offline --report offline.json
  anacrusis eval --corpus shared/eval --decoder particle --baseline exact.json

Exit codes: 0 every piece was analysed, 1 some failed (they count as silence), 2 wrong usage.";

/// Score this build on a corpus with known beats
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct EvalArgs {
    /// Directory of the corpus
    #[arg(long, value_name = "DIR")]
    pub corpus: PathBuf,
    /// Write the whole report as JSON
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Print the report as JSON in place of the table
    #[arg(long)]
    pub json: bool,
    /// An earlier report to compare with, piece by piece
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Seconds at the start of each piece that are not scored
    #[arg(long, value_name = "SEC", default_value_t = eval::DEFAULT_SKIP_SEC)]
    pub skip: f64,
    /// Only pieces with this in their name
    #[arg(long, value_name = "TEXT")]
    pub only: Option<String>,
    /// Pieces at a time [default: one a core]
    #[arg(short, long, value_name = "N")]
    pub jobs: Option<NonZeroUsize>,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment on a flattened field would replace the command's own help")]
    pub engine: EngineArgs,
}

/// Runs the command.
pub fn run(args: &EvalArgs) -> Exit {
    let report = match evaluate(args) {
        Ok(report) => report,
        Err(message) => {
            say_error(message);
            return Exit::Usage;
        }
    };
    if let Err(message) = hand_over(args, &report) {
        say_error(message);
        return Exit::Failed;
    }
    if report.n_failed() == 0 { Exit::Ok } else { Exit::Failed }
}

fn evaluate(args: &EvalArgs) -> Result<EvalReport, String> {
    args.engine.config(48_000).validate().map_err(|e| e.to_string())?;
    let model = args.engine.model.load().map_err(|e| e.to_string())?;
    if let Some(reason) = fallback_reason(&model.origin) {
        say(format_args!("note: the spectral-flux activation runs in place of the networks, less accurately: {reason}"));
    }
    let options = EvalOptions {
        jobs: args.jobs,
        skip_sec: args.skip,
        only: args.only.clone(),
        baseline: args.baseline.clone(),
        configuration: configuration(&args.engine, &network_names(&model.origin)),
        ..EvalOptions::new(&args.corpus)
    };
    eval::run(&options, &|path| track(path, &args.engine)).map_err(|e| e.to_string())
}

/// What is run, in words that a later reader of the report can compare.
fn configuration(args: &EngineArgs, networks: &[String]) -> BTreeMap<String, String> {
    let config = args.config(48_000);
    let activation = if networks.is_empty() { "flux".to_owned() } else { networks.join("+") };
    let values = [
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
        ("mode", args.mode().name().to_owned()),
        ("decoder", format!("{:?}", config.decoder).to_lowercase()),
        ("activation", activation),
        ("bpm_range", format!("{}:{}", config.tempo.min_bpm, config.tempo.max_bpm)),
        ("meter", format!("{:?}", config.meter).to_lowercase()),
    ];
    values.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// Analyses one piece.
fn track(path: &Path, args: &EngineArgs) -> Result<Tracked, String> {
    let clock = CpuClock::start();
    let reader = AudioReader::open(path).map_err(|e| e.to_string())?;
    let outcome = analyze_reader(&path.display().to_string(), reader, args, |_| {}).map_err(|e| e.to_string())?;
    // A piece that breaks off is a broken corpus, and no result.
    if let Some(error) = outcome.ended_by {
        return Err(error.to_string());
    }
    let Analysis { beats, duration_sec, .. } = outcome.analysis;
    Ok(Tracked { beats: beats.iter().map(tracked_beat).collect(), duration_sec, cpu_sec: clock.elapsed_sec() })
}

fn tracked_beat(row: &BeatRow) -> TrackedBeat {
    TrackedBeat {
        time_sec: row.event.t_sec,
        announce_sec: row.announce_sec,
        beat_in_bar: row.event.beat_in_bar,
        bpm: row.bpm,
        conf: f64::from(row.event.conf),
    }
}

fn hand_over(args: &EvalArgs, report: &EvalReport) -> Result<(), String> {
    if let Some(path) = &args.report {
        report.write(path).map_err(|e| format!("cannot write {}: {e}", path.display()))?;
    }
    let text = if args.json {
        serde_json::to_string_pretty(report).map_err(|e| format!("cannot write the report as JSON: {e}"))? + "\n"
    } else {
        report.table()
    };
    write_stdout(text.as_bytes()).map_err(|e| format!("cannot write to standard output: {e}"))
}

/// CPU time of this thread where the system tells it (Linux), else the time on the wall, which is more.
struct CpuClock {
    cpu_ns: Option<u64>,
    wall: Instant,
}

impl CpuClock {
    fn start() -> Self {
        Self { cpu_ns: thread_cpu_ns(), wall: Instant::now() }
    }

    fn elapsed_sec(&self) -> f64 {
        match (self.cpu_ns, thread_cpu_ns()) {
            (Some(from), Some(to)) => to.saturating_sub(from) as f64 * 1e-9,
            _ => self.wall.elapsed().as_secs_f64(),
        }
    }
}

/// First field of `schedstat`: time spent on the CPU, nanoseconds (proc(5)).
fn thread_cpu_ns() -> Option<u64> {
    std::fs::read_to_string("/proc/thread-self/schedstat").ok()?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_counts_work() {
        let clock = CpuClock::start();
        let mut x = 1.0f64;
        while clock.wall.elapsed().as_millis() < 20 {
            x = std::hint::black_box(x.sin());
        }
        let sec = clock.elapsed_sec();
        assert!((0.0..1.0).contains(&sec), "{sec}");
    }
}
