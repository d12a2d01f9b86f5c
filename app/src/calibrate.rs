//! `anacrusis calibrate`: how late an output is, measured with clicks, and the offset that makes up for it. Main thread.
//!
//! ```text
//! clicks (irregular, seeded) -> live: played into a device, recorded or tapped    -> detect (recording) or taps -> delays
//!                            -> or files of an earlier run, or a simulated one   ->                             -> estimate
//!    -> report -> with --write: config_edit
//! ```

pub mod clicks;
pub mod config_edit;
pub mod detect;
pub mod estimate;
mod live;
pub mod played;
mod report;
mod simulate;
pub mod taps;

use std::fs;
use std::path::{Path, PathBuf};

use crate::audio_device::{DeviceChoice, DeviceError};
use crate::decode::{AudioReader, DecodeError};
use crate::exit::{Exit, say, say_error, write_stdout};
use config_edit::{ConfigEditError, config_path, write_offset};
use estimate::{EstimateError, Limits};
use played::{Played, wav_bytes};
use report::{Method, Report};
use simulate::Room;

/// What is enough where clicks are recorded.
const RECORDED: Limits = Limits { n_least: 6, spread_ms: 6.0, near_ms: 1.0 };
/// What is enough where a person taps.
const TAPPED: Limits = Limits { n_least: 8, spread_ms: 50.0, near_ms: 25.0 };
/// Rate of a simulated recording, Hz.
const SIMULATED_RATE_HZ: u32 = 48_000;
/// A longer recording is not one of clicks, seconds.
const MAX_RECORDING_SEC: f64 = 1_800.0;

const EXAMPLES: &str = "\
Examples:
  anacrusis calibrate                         clicks through the default output, heard by the default input
  anacrusis calibrate --input \"USB mic\" --output \"Living room\" --write wled
  anacrusis calibrate --tap --write osc       press Enter when you hear a click
  anacrusis calibrate --save DIR              keep what was played and heard, to attach to a bug report
  anacrusis calibrate --recording DIR/recording.wav --played DIR/played.json

Turn the volume up and be quiet for half a minute. The offset is negative: the output has to be told earlier by its delay. If it
is the sound that is late and your lights are not (Bluetooth speakers), use --later.
Exit codes: 0 done, 1 nothing certain was measured or written, 2 wrong usage, 3 a device failed.";

/// Measure how late an output is with clicks, and write the offset that makes up for it
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct CalibrateArgs {
    /// Press Enter at each click in place of recording them
    #[arg(long, conflicts_with_all = ["input", "loopback", "recording"])]
    pub tap: bool,
    /// The input that hears the clicks: its id, its name or a part of it
    #[arg(long, value_name = "NAME", conflicts_with = "loopback")]
    pub input: Option<String>,
    /// Record what this machine plays: its own delay, without speakers and room
    #[arg(long)]
    pub loopback: bool,
    /// The audio output that plays the clicks
    #[arg(long, value_name = "NAME")]
    pub output: Option<String>,
    /// How many clicks
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u16).range(8..=500))]
    pub clicks: u16,
    /// Seed of the times between clicks
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Longest delay that is looked for, ms
    #[arg(long, value_name = "MS", default_value_t = 1500.0, value_parser = parse_max_delay)]
    pub max_delay_ms: f64,
    /// With --tap: how long you take from hearing to tapping, ms
    #[arg(long, value_name = "MS", default_value_t = 160.0, value_parser = parse_reaction)]
    pub reaction_ms: f64,
    /// Make the output later by the delay, not earlier: it is the sound that is late
    #[arg(long)]
    pub later: bool,
    /// Write the offset for this output into the configuration
    #[arg(long, value_name = "OUTPUT")]
    pub write: Option<String>,
    /// The configuration, if not the user's own
    #[arg(long, value_name = "FILE", requires = "write")]
    pub config: Option<PathBuf>,
    /// JSON instead of text
    #[arg(long)]
    pub json: bool,
    /// Keep what was played and recorded in this folder
    #[arg(long, value_name = "DIR")]
    pub save: Option<PathBuf>,
    /// Measure a recording that was made earlier
    #[arg(long, value_name = "FILE", requires = "played")]
    pub recording: Option<PathBuf>,
    /// What was played in it, or what was played and tapped
    #[arg(long, value_name = "FILE", conflicts_with_all = ["input", "loopback", "output", "tap"])]
    pub played: Option<PathBuf>,
    /// Try the command without devices: simulate an output with this delay, ms
    #[arg(long, value_name = "MS", conflicts_with_all = ["input", "loopback", "output", "recording", "played"], value_parser = parse_simulated)]
    pub simulate_delay: Option<f64>,
}

fn parse_max_delay(text: &str) -> Result<f64, String> {
    in_range(text, 1.0, 5_000.0)
}

fn parse_reaction(text: &str) -> Result<f64, String> {
    in_range(text, 0.0, 1_000.0)
}

fn parse_simulated(text: &str) -> Result<f64, String> {
    in_range(text, 0.0, 5_000.0)
}

fn in_range(text: &str, low: f64, high: f64) -> Result<f64, String> {
    match text.parse() {
        Ok(value) if (low..=high).contains(&value) => Ok(value),
        _ => Err(format!("expected ms from {low} to {high}")),
    }
}

/// Why nothing was measured or written.
#[derive(Debug, thiserror::Error)]
pub enum CalibrateError {
    /// A device cannot be opened.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// A device went away.
    #[error("{device:?} went away, or plays nothing: look for it with `anacrusis devices`, and try again")]
    Lost {
        /// The device.
        device: String,
    },
    /// An input gives nothing.
    #[error("{device:?} gives no sound at all: may this program record? See `anacrusis devices --meter`")]
    Deaf {
        /// The device.
        device: String,
    },
    /// Samples were lost, so that times are not certain.
    #[error("{device:?} lost samples {n_xruns} times: close other programs, and try again")]
    Xruns {
        /// The device.
        device: String,
        /// How often.
        n_xruns: u32,
    },
    /// What was measured is not certain.
    #[error("{error}. {advice}")]
    Uncertain {
        /// What is wrong with it.
        error: EstimateError,
        /// What to do about it.
        advice: &'static str,
    },
    /// A file of what was played cannot be used.
    #[error("{} does not say what was played: {reason}", .path.display())]
    Played {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A recording cannot be read.
    #[error("{}: {source}", .path.display())]
    Recording {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: DecodeError,
    },
    /// A recording is too long.
    #[error("{}: expected at most {MAX_RECORDING_SEC} s", .path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
    },
    /// A file cannot be written.
    #[error("cannot write {}: {source}", .path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The configuration was not written.
    #[error(transparent)]
    Config(#[from] ConfigEditError),
    /// Nobody takes the answer.
    #[error("cannot write to standard output: {0}")]
    Stdout(#[from] std::io::Error),
}

impl CalibrateError {
    fn exit(&self) -> Exit {
        match self {
            Self::Device(error) => error.exit(),
            Self::Lost { .. } | Self::Deaf { .. } | Self::Xruns { .. } => Exit::Device,
            _ => Exit::Failed,
        }
    }
}

/// Runs the command.
pub fn run(args: &CalibrateArgs) -> Exit {
    match calibrate(args) {
        Ok(()) => Exit::Ok,
        Err(error) => {
            say_error(&error);
            error.exit()
        }
    }
}

fn calibrate(args: &CalibrateArgs) -> Result<(), CalibrateError> {
    let report = measure(args)?;
    let text = if args.json { report.as_json() } else { report.as_text() };
    write_stdout(text.as_bytes())?;
    match &args.write {
        Some(output) => write(args, output, report.offset_ms),
        None if !args.json => {
            say("nothing was written: `--write OUTPUT` puts the offset into the configuration");
            Ok(())
        }
        None => Ok(()),
    }
}

fn write(args: &CalibrateArgs, output: &str, offset_ms: f64) -> Result<(), CalibrateError> {
    let path = match &args.config {
        Some(path) => path.clone(),
        None => config_path()?,
    };
    let edit = write_offset(&path, output, offset_ms)?;
    let before = edit.before_ms.map_or_else(String::new, |before_ms| format!(", was {before_ms}"));
    say(format_args!("{}: outputs.{output}.offset_ms = {offset_ms}{before}", path.display()));
    if edit.is_new_output {
        let others = if edit.other_outputs.is_empty() { "no other".to_owned() } else { edit.other_outputs.join(", ") };
        say(format_args!("note: {output:?} was not in the configuration and was added; there is {others}"));
    }
    Ok(())
}

/// Measures by whatever way was chosen.
fn measure(args: &CalibrateArgs) -> Result<Report, CalibrateError> {
    let max_delay_sec = 1e-3 * args.max_delay_ms;
    if let Some(path) = &args.played {
        let played = Played::load(path)?;
        return match &args.recording {
            Some(recording) => {
                let (samples, rate_hz) = read_recording(recording)?;
                of_recording(args, &samples, rate_hz, &played, None)
            }
            None => of_taps(args, &played, None),
        };
    }
    let clicks_sec = clicks::schedule_sec(usize::from(args.clicks), args.seed);
    if let Some(delay_ms) = args.simulate_delay {
        return simulated(args, clicks_sec, delay_ms);
    }
    let device = |name: &Option<String>| name.clone().map_or(DeviceChoice::Default, DeviceChoice::Name);
    let length_sec = clicks_sec.last().copied().unwrap_or(0.0);
    if args.tap {
        say(format_args!("press Enter at each click: {} of them, {length_sec:.0} s", clicks_sec.len()));
        let (played, stated_ms) = live::tap(&clicks_sec, &device(&args.output), max_delay_sec)?;
        save(args, None, &played)?;
        return of_taps(args, &played, Some(stated_ms));
    }
    let input = if args.loopback { DeviceChoice::Loopback } else { device(&args.input) };
    say(format_args!("{} clicks, {length_sec:.0} s: turn the volume up, and be quiet", clicks_sec.len()));
    let recorded = live::record(&clicks_sec, &device(&args.output), &input, max_delay_sec)?;
    save(args, Some((&recorded.samples, recorded.rate_hz)), &recorded.played)?;
    of_recording(args, &recorded.samples, recorded.rate_hz, &recorded.played, Some(recorded.stated_ms))
}

/// What the command would say of an output with this delay.
fn simulated(args: &CalibrateArgs, clicks_sec: Vec<f64>, delay_ms: f64) -> Result<Report, CalibrateError> {
    if args.tap {
        let taps_sec = clicks_sec.iter().map(|click_sec| click_sec + 1e-3 * (delay_ms + args.reaction_ms)).collect();
        let played = Played::new(clicks_sec, taps_sec);
        save(args, None, &played)?;
        return of_taps(args, &played, None);
    }
    let recording = simulate::record(&clicks_sec, SIMULATED_RATE_HZ, Room::new(delay_ms), args.seed);
    let played = Played::new(clicks_sec, Vec::new());
    save(args, Some((&recording, SIMULATED_RATE_HZ)), &played)?;
    of_recording(args, &recording, SIMULATED_RATE_HZ, &played, None)
}

fn of_recording(
    args: &CalibrateArgs,
    samples: &[f32],
    rate_hz: u32,
    played: &Played,
    stated_ms: Option<f64>,
) -> Result<Report, CalibrateError> {
    const ADVICE: &str = "Turn the volume up, move the microphone closer, and switch off what improves speech (echo cancelling, noise \
                          suppression); `anacrusis devices --meter` shows what it hears";
    let heard = detect::detect(samples, rate_hz, &played.clicks_sec, 1e-3 * args.max_delay_ms);
    let delays_ms: Vec<f64> = heard.iter().map(|heard| heard.delay_ms).collect();
    let limits = Limits { n_least: RECORDED.n_least.max(played.clicks_sec.len().div_ceil(2)), ..RECORDED };
    let estimate = estimate::estimate(&delays_ms, limits).map_err(|error| CalibrateError::Uncertain { error, advice: ADVICE })?;
    Ok(Report::new(Method::Recording, played.clicks_sec.len(), delays_ms.len(), estimate, 0.0, args.later, stated_ms))
}

fn of_taps(args: &CalibrateArgs, played: &Played, stated_ms: Option<f64>) -> Result<Report, CalibrateError> {
    const ADVICE: &str = "Press Enter at each click as soon as you hear it, and do not try to guess the next one";
    let paired = taps::pair(&played.clicks_sec, &played.taps_sec, 1e-3 * (args.max_delay_ms + args.reaction_ms));
    let limits = Limits { n_least: TAPPED.n_least.max(played.clicks_sec.len().div_ceil(2)), ..TAPPED };
    let estimate = estimate::estimate(&paired.delays_ms, limits).map_err(|error| CalibrateError::Uncertain { error, advice: ADVICE })?;
    let n_answered = paired.delays_ms.len();
    Ok(Report::new(Method::Taps, played.clicks_sec.len(), n_answered, estimate, args.reaction_ms, args.later, stated_ms))
}

/// Keeps what was played and heard, where that was asked for.
fn save(args: &CalibrateArgs, recording: Option<(&[f32], u32)>, played: &Played) -> Result<(), CalibrateError> {
    let Some(folder) = &args.save else { return Ok(()) };
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| CalibrateError::Write { path, source }
    };
    fs::create_dir_all(folder).map_err(failed(folder))?;
    let path = folder.join("played.json");
    played.save(&path).map_err(failed(&path))?;
    if let Some((samples, rate_hz)) = recording {
        let path = folder.join("recording.wav");
        fs::write(&path, wav_bytes(samples, rate_hz)).map_err(failed(&path))?;
    }
    Ok(())
}

/// Mono samples and their rate.
fn read_recording(path: &Path) -> Result<(Vec<f32>, u32), CalibrateError> {
    let failed = |source| CalibrateError::Recording { path: path.to_owned(), source };
    let mut reader = AudioReader::open(path).map_err(failed)?;
    let rate_hz = reader.info().sample_rate_hz;
    let (mut samples, mut block) = (Vec::new(), Vec::new());
    while reader.next_block(&mut block).map_err(failed)?.is_some() {
        samples.extend_from_slice(&block);
        if samples.len() as f64 > MAX_RECORDING_SEC * f64::from(rate_hz) {
            return Err(CalibrateError::TooLong { path: path.to_owned() });
        }
    }
    Ok((samples, rate_hz))
}
