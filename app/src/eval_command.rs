//! `anacrusis eval`: the command around [`crate::eval`]: our engine is what it scores. Main thread; `eval` has workers.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Instant;

use runtime_core::analysis::beat_model::BeatModel;

use crate::activations::{self, Capture, Playback};
use crate::analyze::analyze_with_model;
use crate::decode::AudioReader;
use crate::document::{Analysis, BeatRow};
use crate::engine_args::EngineArgs;
use crate::eval::corpus::Corpus;
use crate::eval::{self, EvalOptions, EvalReport, Tracked, TrackedBeat};
use crate::exit::{Exit, say, say_error, write_stdout};
use crate::model::{fallback_reason, network_names};

const EXAMPLES: &str = "\
Examples:
  anacrusis eval --corpus shared/eval
  anacrusis eval --corpus shared/eval --offline --report offline.json
  anacrusis eval --corpus shared/eval --decoder particle --baseline exact.json
  anacrusis eval --corpus shared/eval --activations DIR    a network that was run elsewhere

Activations of the audio file STEM are in DIR/STEM.npz: array `activations`, float32 [n_frames, 3], columns beat, downbeat
and none, a row for each frame of `anacrusis features`; and, of a network that looks ahead, `delay_frames`, int64: how many
frames it hears after a frame before it knows the row. Beats and announce times are those of a run with that network.

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
    /// Score these activations in place of a network's, one DIR/STEM.npz a piece (below)
    #[arg(long, value_name = "DIR", conflicts_with_all = ["ModelArgs", "save_activations"])]
    pub activations: Option<PathBuf>,
    /// Write the activations of each piece to DIR/STEM.npz; made if missing
    #[arg(long, value_name = "DIR")]
    pub save_activations: Option<PathBuf>,
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
    let activation = match &args.activations {
        // The name of the folder says which network it was; the rest of the path says where somebody keeps it.
        Some(folder) => format!("recorded: {}", folder.file_name().unwrap_or(folder.as_os_str()).to_string_lossy()),
        None => name_of_model(args)?,
    };
    check_folders(args)?;
    let options = EvalOptions {
        jobs: args.jobs,
        skip_sec: args.skip,
        only: args.only.clone(),
        baseline: args.baseline.clone(),
        configuration: configuration(&args.engine, activation),
        ..EvalOptions::new(&args.corpus)
    };
    eval::run(&options, &|path| track(path, args)).map_err(|e| e.to_string())
}

/// Loads the model once, so that one that cannot be used is refused before the first piece.
fn name_of_model(args: &EvalArgs) -> Result<String, String> {
    let model = args.engine.model.load().map_err(|e| e.to_string())?;
    if let Some(reason) = fallback_reason(&model.origin) {
        say(format_args!("note: the spectral-flux activation runs in place of the networks, less accurately: {reason}"));
    }
    let networks = network_names(&model.origin);
    Ok(if networks.is_empty() { "flux".to_owned() } else { networks.join("+") })
}

/// Refuses folders of activations that cannot serve every piece.
fn check_folders(args: &EvalArgs) -> Result<(), String> {
    let Some(folder) = args.activations.as_ref().or(args.save_activations.as_ref()) else { return Ok(()) };
    let corpus = Corpus::read(&args.corpus, args.only.as_deref()).map_err(|e| e.to_string())?;
    let audio = corpus.pieces.iter().map(|piece| piece.audio.as_path());
    activations::check_folder(folder, audio, args.activations.is_some()).map_err(|e| e.to_string())
}

/// What is run, in words that a later reader of the report can compare.
fn configuration(args: &EngineArgs, activation: String) -> BTreeMap<String, String> {
    let config = args.config(48_000);
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
fn track(path: &Path, args: &EvalArgs) -> Result<Tracked, String> {
    if let Some(folder) = &args.activations {
        let (model, playback) = Playback::open(folder, path).map_err(|e| e.to_string())?;
        let tracked = track_with(model, path, &args.engine)?;
        playback.check_length().map_err(|e| e.to_string())?;
        return Ok(tracked);
    }
    let model = args.engine.model.load().map_err(|e| e.to_string())?;
    let Some(folder) = &args.save_activations else { return track_with(model, path, &args.engine) };
    let (model, capture) = Capture::start(folder, path, model);
    let tracked = track_with(model, path, &args.engine)?;
    capture.write().map_err(|e| e.to_string())?;
    Ok(tracked)
}

fn track_with(model: BeatModel, path: &Path, args: &EngineArgs) -> Result<Tracked, String> {
    let clock = CpuClock::start();
    let reader = AudioReader::open(path).map_err(|e| e.to_string())?;
    let outcome = analyze_with_model(&path.display().to_string(), reader, model, args, |_| {}).map_err(|e| e.to_string())?;
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
