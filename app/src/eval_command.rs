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
use crate::eval::reference::Reference;
use crate::eval::{self, EvalOptions, EvalReport, Tracked, TrackedBeat, foreign};
use crate::eval_output;
use crate::exit::{Exit, say};
use crate::model::{fallback_reason, network_names};
use crate::oracle::{self, OracleChoice};
use crate::saved_beats;
use crate::structure_eval;
use crate::upstream::{self, CascadeChoice};

const EXAMPLES: &str = "\
Examples:
  anacrusis eval --corpus shared/eval
  anacrusis eval --corpus shared/eval --offline --report offline.json
  anacrusis eval --corpus shared/eval --decoder particle --baseline exact.json
  anacrusis eval --corpus shared/eval --failures           which pieces fail, and why
  anacrusis eval --corpus shared/eval --oracle all         what the decoder makes of a perfect network
  anacrusis eval --corpus shared/eval --activations DIR    a network that was run elsewhere
  anacrusis eval --corpus shared/eval --beats DIR          another program's beats
  anacrusis eval --corpus shared/eval --structure          sections and boundaries, of the pieces that have them

Activations of the audio file STEM are in DIR/STEM.npz: array `activations`, float32 [n_frames, 3], columns beat, downbeat
and none, a row for each frame of `anacrusis features`; and, of a network that looks ahead, `delay_frames`, int64: how many
frames it hears after a frame before it knows the row. Beats and announce times are those of a run with that network.

Beats of the audio file STEM are in DIR/STEM.events.tsv (seconds of the beat, seconds of audio at its announcement, position
in the bar or 0; what `anacrusis analyze --format events` writes) or DIR/STEM.beats (no announce times: live scores are 0).

With --structure, the sections of a piece are in STEM.sections (start_sec<TAB>label, the last line may be end_sec<TAB>end), which
the manifest names or which lies in the folder. What the anticipator says at each annotated beat is scored beside who heard
nothing, who heard another piece, and who was told the past (docs/structure.md).

Exit codes: 0 every piece was analysed, 1 some failed (they count as silence), 2 wrong usage.";

/// Options that say nothing where no decoder of ours runs.
const NOT_FOR_OTHER_DECODERS: [&str; 8] =
    ["causal", "offline", "bpm_range", "meter", "tempo", "decoder", "activations", "save_activations"];

/// Options that score beats.
const NOT_FOR_STRUCTURE: [&str; 9] =
    ["baseline", "activations", "save_activations", "save_beats", "beats", "oracle", "cascade", "failures", "offline"];

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
    /// Write every announced beat, with what was known of it, to DIR/STEM.csv; made if missing
    #[arg(long, value_name = "DIR", conflicts_with_all = ["beats", "cascade"])]
    pub save_beats: Option<PathBuf>,
    /// Score these beats in place of a run, one DIR/STEM.events.tsv or DIR/STEM.beats a piece (below)
    #[arg(long, value_name = "DIR", conflicts_with = "ModelArgs", conflicts_with_all = NOT_FOR_OTHER_DECODERS)]
    pub beats: Option<PathBuf>,
    /// Replace what the network says by the truth: the bound of what a better network gains
    #[arg(long, value_enum, value_name = "WHAT", conflicts_with_all = ["beats", "activations", "save_activations"])]
    pub oracle: Option<OracleChoice>,
    /// Decode with BeatNet's own particle filter cascade; with `--model beatnet-1` that is BeatNet
    #[arg(long, value_enum, value_name = "FORM", conflicts_with_all = ["beats", "oracle"], conflicts_with_all = NOT_FOR_OTHER_DECODERS)]
    pub cascade: Option<CascadeChoice>,
    /// Print which pieces fail, by cause, after the table
    #[arg(long, conflicts_with = "json")]
    pub failures: bool,
    /// Score sections and boundaries in place of beats
    #[arg(long, conflicts_with_all = NOT_FOR_STRUCTURE)]
    pub structure: bool,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment on a flattened field would replace the command's own help")]
    pub engine: EngineArgs,
}

/// Runs the command.
pub fn run(args: &EvalArgs) -> Exit {
    if args.structure {
        return structure_eval::run(args);
    }
    let table = |report: &EvalReport| {
        if args.failures { format!("{}\n{}", report.table(), report.failures_table()) } else { report.table() }
    };
    eval_output::finish(args, evaluate(args), table, EvalReport::n_failed)
}

fn evaluate(args: &EvalArgs) -> Result<EvalReport, String> {
    args.engine.config(48_000).validate().map_err(|e| e.to_string())?;
    // The name of the folder says which network or tracker it was; the rest of the path says where somebody keeps it.
    let name_of = |folder: &Path| folder.file_name().unwrap_or(folder.as_os_str()).to_string_lossy().into_owned();
    let configuration = match (&args.beats, &args.activations) {
        (Some(folder), _) => [("mode".to_owned(), "foreign".to_owned()), ("tracker".to_owned(), name_of(folder))].into(),
        (None, Some(folder)) => configuration(args, format!("recorded: {}", name_of(folder))),
        (None, None) => configuration(args, name_of_model(args)?),
    };
    check_folders(args)?;
    let references = if args.oracle.is_some() { references(args)? } else { BTreeMap::new() };
    let options = EvalOptions {
        jobs: args.jobs,
        skip_sec: args.skip,
        only: args.only.clone(),
        baseline: args.baseline.clone(),
        configuration,
        ..EvalOptions::new(&args.corpus)
    };
    eval::run(&options, &|path| track(path, args, &references)).map_err(|e| e.to_string())
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

/// The truth of each piece, by its audio file.
fn references(args: &EvalArgs) -> Result<BTreeMap<PathBuf, Reference>, String> {
    let corpus = Corpus::read(&args.corpus, args.only.as_deref()).map_err(|e| e.to_string())?;
    Ok(corpus.pieces.into_iter().map(|piece| (piece.audio, piece.reference)).collect())
}

/// Refuses folders of activations or beats that cannot serve every piece.
fn check_folders(args: &EvalArgs) -> Result<(), String> {
    if let Some(folder) = &args.beats {
        let corpus = Corpus::read(&args.corpus, args.only.as_deref()).map_err(|e| e.to_string())?;
        return corpus.pieces.iter().try_for_each(|piece| foreign::file_of(folder, &piece.audio).map(drop).map_err(|e| e.to_string()));
    }
    let Some(folder) = args.activations.as_ref().or(args.save_activations.as_ref()) else { return Ok(()) };
    let corpus = Corpus::read(&args.corpus, args.only.as_deref()).map_err(|e| e.to_string())?;
    let audio = corpus.pieces.iter().map(|piece| piece.audio.as_path());
    activations::check_folder(folder, audio, args.activations.is_some()).map_err(|e| e.to_string())
}

/// What is run, in words that a later reader of the report can compare.
fn configuration(args: &EvalArgs, activation: String) -> BTreeMap<String, String> {
    let config = args.engine.config(48_000);
    let decoder = match args.cascade {
        Some(cascade) => format!("BeatNet's cascade, {}", cascade.name()),
        None => format!("{:?}", config.decoder).to_lowercase(),
    };
    let activation = match args.oracle {
        Some(oracle) => format!("{activation}, oracle: {}", oracle.name()),
        None => activation,
    };
    let values = [
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
        ("mode", args.engine.mode().name().to_owned()),
        ("decoder", decoder),
        ("activation", activation),
        ("bpm_range", format!("{}:{}", config.tempo.min_bpm, config.tempo.max_bpm)),
        ("tempo", config.manual_bpm.map_or("heard".to_owned(), |bpm| bpm.to_string())),
        ("meter", format!("{:?}", config.meter).to_lowercase()),
    ];
    values.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// Analyses one piece, or reads what another program said of it.
fn track(path: &Path, args: &EvalArgs, references: &BTreeMap<PathBuf, Reference>) -> Result<Tracked, String> {
    if let Some(folder) = &args.beats {
        let duration_sec = duration_sec(path)?;
        let beats = foreign::read(folder, path, duration_sec).map_err(|e| e.to_string())?;
        return Ok(Tracked { beats, duration_sec, cpu_sec: 0.0 });
    }
    if let Some(folder) = &args.activations {
        let (model, playback) = Playback::open(folder, path).map_err(|e| e.to_string())?;
        let tracked = track_with(model, path, args)?;
        playback.check_length().map_err(|e| e.to_string())?;
        return Ok(tracked);
    }
    let model = args.engine.model.load().map_err(|e| e.to_string())?;
    if let Some(cascade) = args.cascade {
        let clock = CpuClock::start();
        let tracked = upstream::track(path, model, cascade)?;
        return Ok(Tracked { cpu_sec: clock.elapsed_sec(), ..tracked });
    }
    if let (Some(oracle), Some(reference)) = (args.oracle, references.get(path)) {
        let rate_hz = AudioReader::open(path).map_err(|e| e.to_string())?.info().sample_rate_hz;
        return track_with(oracle::with_truth(model, oracle, reference, f64::from(rate_hz)), path, args);
    }
    let Some(folder) = &args.save_activations else { return track_with(model, path, args) };
    let (model, capture) = Capture::start(folder, path, model);
    let tracked = track_with(model, path, args)?;
    capture.write().map_err(|e| e.to_string())?;
    Ok(tracked)
}

/// Length of a file, seconds, decoded to its end: what containers say is not always so.
fn duration_sec(path: &Path) -> Result<f64, String> {
    let mut reader = AudioReader::open(path).map_err(|e| e.to_string())?;
    let mut mono = Vec::new();
    while reader.next_block(&mut mono).map_err(|e| e.to_string())?.is_some() {}
    Ok(reader.decoded_sec())
}

fn track_with(model: BeatModel, path: &Path, args: &EvalArgs) -> Result<Tracked, String> {
    let clock = CpuClock::start();
    let reader = AudioReader::open(path).map_err(|e| e.to_string())?;
    let outcome = analyze_with_model(&path.display().to_string(), reader, model, &args.engine, |_| {}).map_err(|e| e.to_string())?;
    // A piece that breaks off is a broken corpus, and no result.
    if let Some(error) = outcome.ended_by {
        return Err(error.to_string());
    }
    let cpu_sec = clock.elapsed_sec();
    let Analysis { beats, duration_sec, .. } = outcome.analysis;
    if let Some(folder) = &args.save_beats {
        saved_beats::save(folder, path, &beats).map_err(|e| format!("cannot write the beats to {}: {e}", folder.display()))?;
    }
    Ok(Tracked { beats: beats.iter().map(tracked_beat).collect(), duration_sec, cpu_sec })
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
