//! One input from first byte to last beat. Worker thread; bounded memory, whatever the length.

use std::io;
use std::time::Instant;

use runtime_core::analysis::beat_model::BeatModel;
use runtime_core::analysis::config::ConfigError;

use super::inputs::Input;
use crate::analyzer::Analyzer;
use crate::decode::{AudioReader, DecodeError, DecodeStats};
use crate::document::Analysis;
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
}

/// Opens an input.
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
    analyze_hinted(name, reader, args.model.load()?, args, &HintScript::default(), on_progress)
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
    on_progress: impl FnMut(u64),
) -> Result<Outcome, FileError> {
    analyze_hinted(name, reader, model, args, &HintScript::default(), on_progress)
}

/// [`analyze_with_model`] with somebody who says something while it plays.
///
/// # Errors
/// As there.
pub fn analyze_hinted(
    name: &str,
    mut reader: AudioReader,
    model: BeatModel,
    args: &EngineArgs,
    script: &HintScript,
    mut on_progress: impl FnMut(u64),
) -> Result<Outcome, FileError> {
    let started = Instant::now();
    let sample_rate_hz = reader.info().sample_rate_hz;
    let model_names = network_names(&model.origin);
    let mut analyzer = Analyzer::new(&args.config(sample_rate_hz), model, args.mode())?;
    analyzer.set_anticipator(args.anticipator.load().map_err(ModelArgsError::from)?);
    analyzer.follow_script(script);
    let mut mono = Vec::new();
    let ended_by = loop {
        match reader.next_block(&mut mono) {
            Ok(Some(_)) => analyzer.process(&mono),
            Ok(None) => break None,
            Err(error) if error.is_partial() => break Some(error),
            Err(error) => return Err(error.into()),
        }
        on_progress(reader.bytes_read());
    };
    let duration_sec = reader.decoded_sec();
    let (candidates, in_force, lock) = (analyzer.candidates(), analyzer.hints(), analyzer.lock().to_vec());
    let structure = analyzer.structure();
    let (beats, hints) = analyzer.finish_hinted();
    let (file, mode) = (name.to_owned(), args.mode());
    let analysis = Analysis { file, duration_sec, sample_rate_hz, mode, model_names, beats, candidates, lock, structure, hints, in_force };
    let realtime_factor = duration_sec / started.elapsed().as_secs_f64().max(1e-9);
    Ok(Outcome { analysis, ended_by, stats: reader.stats(), realtime_factor })
}
