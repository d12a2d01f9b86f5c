//! `anacrusis bench`: what a hop costs, stage by stage, back to back and at the real pace. Main thread.
//!
//! ```text
//! file or synthetic band -> analyze (speed, memory) -> measure (times, allocations) -> report (table | JSON)
//! ```
//! `bench --live` measures the plugin's parts at the real pace instead: [`live`]. Timings live here and never in a test's
//! assertion: a busy machine is no bug.

pub mod allocator;
pub mod band;
pub mod cpu_time;
pub mod live;
pub mod machine;
pub mod measure;
pub mod report;
pub mod subject;

use std::io::Cursor;
use std::path::PathBuf;

use clap::ValueEnum as _;
use runtime_core::analysis::engine::Engine;
use runtime_core::units::{FRAME_SEC, FRAMES_PER_SEC};

use crate::analyze::analyze_reader;
use crate::decode::AudioReader;
use crate::document::Mode;
use crate::engine_args::EngineArgs;
use crate::exit::{Exit, say, say_error, write_stdout};
use crate::model::{fallback_reason, network_names};
use band::Band;
use machine::peak_resident_bytes;
use measure::{Pace, measure};
use report::{Arithmetic, FORMAT_VERSION, Report};
use subject::Subject;

/// Rate of the synthetic band, Hz.
const BAND_RATE_HZ: u32 = 44_100;
/// Length of the passes at the real pace unless chosen, seconds.
const PACED_SEC: u32 = 10;
/// Audio that the hot passes hear, seconds; also the length of the synthetic band.
const HOT_SEC: f64 = 60.0;

const EXAMPLES: &str = "\
Examples:
  anacrusis bench                              a synthetic band, default networks and decoder
  anacrusis bench --decoder particle --json
  anacrusis bench --file song.flac --seconds 60
  anacrusis bench --live --instances 20        the plugin's audio thread, many instances, age of the feed

Run it from a release build on a quiet machine. Exit codes: 0 measured, 1 the file failed, 2 wrong usage.";

/// Measure what the analysis costs on this machine
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct BenchArgs {
    /// Audio to play in place of the synthetic band
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Length of each pass at the real pace, seconds [default: 10, with --live 60]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub seconds: Option<u32>,
    /// Measure what live instances of the plugin cost, and how old their feed is
    #[arg(long, conflicts_with = "file")]
    pub live: bool,
    /// With --live: instances that run at a time
    #[arg(long, value_name = "N", default_value_t = 20, requires = "live", value_parser = clap::value_parser!(u32).range(1..=200))]
    pub instances: u32,
    /// With --live: sample rate, Hz
    #[arg(long, value_name = "HZ", default_value_t = 48_000, requires = "live")]
    pub rate: u32,
    /// With --live: samples per block
    #[arg(long, value_name = "SAMPLES", default_value_t = 512, requires = "live", value_parser = clap::value_parser!(u32).range(1..=8192))]
    pub block: u32,
    /// One JSON document in place of the table
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment on a flattened field would replace the command's own help")]
    pub engine: EngineArgs,
}

/// Runs the command.
pub fn run(args: &BenchArgs) -> Exit {
    if args.engine.mode() == Mode::Offline {
        say_error("bench measures the causal analysis: leave --offline out");
        return Exit::Usage;
    }
    if let Err(message) = check(args) {
        say_error(message);
        return Exit::Usage;
    }
    let text = if args.live {
        live::bench(args).map(|report| if args.json { report.json() } else { report.table() })
    } else {
        bench(args).map(|report| if args.json { report.json() } else { report.table() })
    };
    let written = text.and_then(|text| write_stdout(text.as_bytes()).map_err(|e| format!("cannot write to standard output: {e}")));
    match written {
        Ok(()) => Exit::Ok,
        Err(message) => {
            say_error(message);
            Exit::Failed
        }
    }
}

/// Refuses options that no file could make good.
fn check(args: &BenchArgs) -> Result<(), String> {
    args.engine.config(if args.live { args.rate } else { BAND_RATE_HZ }).validate().map_err(|e| e.to_string())?;
    let model = args.engine.model.load().map_err(|e| e.to_string())?;
    if let Some(reason) = fallback_reason(&model.origin) {
        say(format_args!("note: the spectral-flux activation runs in place of the networks: {reason}"));
    }
    Ok(())
}

fn bench(args: &BenchArgs) -> Result<Report, String> {
    let audio = match &args.file {
        Some(path) => path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
        None => "synthetic band".to_owned(),
    };
    let band_wav =
        if args.file.is_none() { wav_of(&Band::default().render(f64::from(BAND_RATE_HZ), HOT_SEC), BAND_RATE_HZ) } else { Vec::new() };
    let open = || match &args.file {
        Some(path) => AudioReader::open(path).map_err(|e| format!("{}: {e}", path.display())),
        None => AudioReader::from_seekable(Cursor::new(band_wav.clone())).map_err(|e| e.to_string()),
    };

    // First of all, before anything else is in memory: the whole way of a file.
    let outcome = analyze_reader(&audio, open()?, &args.engine, |_| {}).map_err(|e| e.to_string())?;
    let peak_resident_bytes = peak_resident_bytes();

    let mut reader = open()?;
    let sample_rate_hz = reader.info().sample_rate_hz;
    let hop_samples = (f64::from(sample_rate_hz) / FRAMES_PER_SEC).round() as usize;
    let samples = first_samples(&mut reader, (HOT_SEC * f64::from(sample_rate_hz)) as usize)?;
    if samples.len() < hop_samples {
        return Err(format!("{audio}: shorter than one hop of 20 ms"));
    }
    let model = args.engine.model.load().map_err(|e| e.to_string())?;
    let models = network_names(&model.origin);
    let mut engine = Engine::new(&args.engine.config(sample_rate_hz), model).map_err(|e| e.to_string())?;
    engine.set_anticipator(args.engine.anticipator.load().map_err(|e| e.to_string())?);
    let hops_in = |seconds: f64| (seconds / FRAME_SEC).round() as usize;
    let hot = measure(&mut engine, &samples, hop_samples, hops_in(HOT_SEC), Pace::Hot);
    engine.reset();
    let at_pace = measure(&mut engine, &samples, hop_samples, hops_in(f64::from(args.seconds.unwrap_or(PACED_SEC))), Pace::Live);

    let n_allocations = hot.n_allocations + at_pace.n_allocations;
    let are_beatnets = !models.is_empty() && models.iter().all(|name| name.starts_with("beatnet-"));
    let decoder = args.engine.decoder.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
    Ok(Report {
        format: FORMAT_VERSION,
        arithmetic: if are_beatnets { Arithmetic::of(models.len(), &hot) } else { None },
        subject: Subject::this(models),
        decoder,
        audio,
        sample_rate_hz,
        allocations_per_hop: allocator::is_installed().then(|| n_allocations as f64 / (hot.n_hops + at_pace.n_hops) as f64),
        hot,
        at_pace,
        realtime_factor: outcome.realtime_factor,
        realtime_audio_sec: outcome.analysis.duration_sec,
        peak_resident_bytes,
    })
}

/// The first `n_samples` samples of a stream, or all of a shorter one. What comes before a break counts.
fn first_samples(reader: &mut AudioReader, n_samples: usize) -> Result<Vec<f32>, String> {
    let (mut samples, mut block) = (Vec::new(), Vec::new());
    while samples.len() < n_samples {
        match reader.next_block(&mut block) {
            Ok(Some(_)) => samples.extend_from_slice(&block),
            Ok(None) => break,
            Err(error) if error.is_partial() => break,
            Err(error) => return Err(error.to_string()),
        }
    }
    samples.truncate(n_samples);
    Ok(samples)
}

/// A 16-bit mono WAV file.
fn wav_of(samples: &[f32], sample_rate_hz: u32) -> Vec<u8> {
    let n_data_bytes = 2 * samples.len() as u32;
    let mut bytes = Vec::with_capacity(44 + n_data_bytes as usize);
    bytes.extend(b"RIFF");
    bytes.extend((36 + n_data_bytes).to_le_bytes());
    bytes.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    bytes.extend(sample_rate_hz.to_le_bytes());
    bytes.extend((2 * sample_rate_hz).to_le_bytes());
    bytes.extend(b"\x02\0\x10\0data");
    bytes.extend(n_data_bytes.to_le_bytes());
    bytes.extend(samples.iter().flat_map(|v| ((v.clamp(-1.0, 1.0) * 32_767.0) as i16).to_le_bytes()));
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_band_comes_back_from_its_wav() {
        let samples = Band::default().render(8_000.0, 1.0);
        let mut reader = AudioReader::from_seekable(Cursor::new(wav_of(&samples, 8_000))).unwrap();
        assert_eq!((reader.info().sample_rate_hz, reader.info().n_channels), (8_000, 1));
        let read = first_samples(&mut reader, usize::MAX).unwrap();
        assert_eq!(read.len(), samples.len());
        assert!(read.iter().zip(&samples).all(|(a, b)| (a - b).abs() < 1e-4));
    }
}
