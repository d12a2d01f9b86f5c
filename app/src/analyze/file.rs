//! One input from first byte to last beat. Worker thread; bounded memory, whatever the length.

use std::io;
use std::ops::ControlFlow;
use std::time::Instant;

use runtime_core::analysis::beat_model::BeatModel;
use runtime_core::analysis::config::ConfigError;
use runtime_core::state::StructureEvent;

use super::inputs::Input;
use crate::analyzer::{Analyzer, Finished};
use crate::decode::{AudioReader, DecodeError, DecodeStats, SPAN_SEC};
use crate::document::{Analysis, BeatRow};
use crate::engine_args::EngineArgs;
use crate::hint_script::HintScript;
use crate::model::{ModelArgsError, network_names};

/// What came of one input.
pub struct Outcome {
    /// What was found.
    pub analysis: Analysis,
    /// Why the input was not read to its end; the analysis covers what comes before.
    pub ended_by: Option<DecodeError>,
    /// What decoding met.
    pub stats: DecodeStats,
    /// Seconds of audio per second of work.
    pub realtime_factor: f64,
}

/// Why an input gave nothing at all.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It could not be decoded.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The model could not be loaded.
    #[error(transparent)]
    Model(#[from] ModelArgsError),
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Who asked for it wants it no more.
    #[error("cancelled")]
    Cancelled,
}

/// Opens an input.
///
/// # Errors
/// What keeps its first sample from being decoded.
pub(super) fn open(input: &Input, raw_rate_hz: Option<u32>) -> Result<AudioReader, DecodeError> {
    match (input.is_stdin(), raw_rate_hz) {
        (true, Some(rate_hz)) => AudioReader::from_raw_f32(io::stdin(), rate_hz),
        (true, None) => AudioReader::from_stream(io::stdin()),
        (false, _) => AudioReader::open(&input.path),
    }
}

/// Analyses an open stream to its end with the model that `args` choose. `on_progress` hears the bytes read so far.
///
/// # Errors
/// [`FileError`]; an input that breaks off is no error here but [`Outcome::ended_by`].
pub fn analyze_reader(name: &str, reader: AudioReader, args: &EngineArgs, on_progress: impl FnMut(u64)) -> Result<Outcome, FileError> {
    analyze_with_model(name, reader, args.model.load()?, args, on_progress)
}

/// [`analyze_reader`] with a model of the caller's.
///
/// # Errors
/// As there.
pub fn analyze_with_model(
    name: &str,
    reader: AudioReader,
    model: BeatModel,
    args: &EngineArgs,
    mut on_progress: impl FnMut(u64),
) -> Result<Outcome, FileError> {
    let request = Request { name, model, engine: args, script: &HintScript::default(), wants_detail: false };
    analyze_stream(reader, request, &mut |progress| {
        on_progress(progress.n_bytes);
        ControlFlow::Continue(())
    })
}

/// What is asked about a stream.
pub struct Request<'a> {
    /// The input, for people.
    pub name: &'a str,
    /// The model, at its initial state.
    pub model: BeatModel,
    /// How beats are found.
    pub engine: &'a EngineArgs,
    /// What is said while it plays.
    pub script: &'a HintScript,
    /// Keep what a picture needs.
    pub wants_detail: bool,
}

/// How far an analysis is.
#[derive(Debug, Clone, Copy)]
pub struct Progress<'a> {
    /// Bytes of the input read so far.
    pub n_bytes: u64,
    /// Time of the samples decoded so far, seconds.
    pub decoded_sec: f64,
    /// The beats so far; offline, without their announce times and tempi.
    pub rows: &'a [BeatRow],
    /// What was said of sections and boundaries so far.
    pub structure_events: &'a [StructureEvent],
}

/// Analyses an open stream to its end. `on_progress` hears after each block how far it is, and may end it.
///
/// # Errors
/// As [`analyze_reader`]; [`FileError::Cancelled`] where `on_progress` says so.
pub fn analyze_stream(
    mut reader: AudioReader,
    request: Request<'_>,
    on_progress: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
) -> Result<Outcome, FileError> {
    let Request { name, model, engine: args, script, wants_detail } = request;
    let started = Instant::now();
    let sample_rate_hz = reader.info().sample_rate_hz;
    let model_names = network_names(&model.origin);
    let mut analyzer = Analyzer::new(&args.config(sample_rate_hz), model, args.mode())?;
    analyzer.set_anticipator(args.anticipator.load().map_err(ModelArgsError::from)?);
    analyzer.follow_script(script);
    if wants_detail {
        analyzer.keep_detail();
    }
    let mut mono = Vec::new();
    let ended_by = loop {
        match reader.next_span(&mut mono, SPAN_SEC) {
            Ok(Some(_)) => analyzer.process(&mono),
            Ok(None) => break None,
            Err(error) if error.is_partial() => break Some(error),
            Err(error) => return Err(error.into()),
        }
        let (rows, structure_events) = (analyzer.rows(), analyzer.structure_events());
        let progress = Progress { n_bytes: reader.bytes_read(), decoded_sec: reader.decoded_sec(), rows, structure_events };
        if on_progress(progress).is_break() {
            return Err(FileError::Cancelled);
        }
    };
    let duration_sec = reader.decoded_sec();
    let (candidates, in_force, lock) = (analyzer.candidates(), analyzer.hints(), analyzer.lock().to_vec());
    let structure = analyzer.structure();
    let Finished { rows: beats, said: hints, detail } = analyzer.finish_whole();
    let (file, mode) = (name.to_owned(), args.mode());
    let analysis = Analysis {
        file,
        duration_sec,
        sample_rate_hz,
        mode,
        model_names,
        beats,
        candidates,
        lock,
        structure,
        hints,
        in_force,
        ended_by: ended_by.as_ref().map(DecodeError::to_string),
        warnings: warnings(&reader.stats()),
        detail,
    };
    let realtime_factor = duration_sec / started.elapsed().as_secs_f64().max(1e-9);
    Ok(Outcome { analysis, ended_by, stats: reader.stats(), realtime_factor })
}

/// What decoding met, in words.
fn warnings(stats: &DecodeStats) -> Vec<String> {
    let mut warnings = Vec::new();
    if stats.n_bad_packets > 0 {
        warnings.push(format!("{} broken packets, silence in their place", stats.n_bad_packets));
    }
    if stats.n_not_finite > 0 {
        warnings.push(format!("{} samples are not finite and count as 0", stats.n_not_finite));
    }
    warnings
}
