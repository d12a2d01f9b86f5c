//! `anacrusis live`: listens to an input and says what it hears through every output, ahead of time. Main thread.
//!
//! ```text
//! input (device, loopback, file) -> instance (ring, engine, feed) -> feed_source -> look -> outputs::runner
//!    -> registry: OSC, WebSocket, WLED, OS2L, Link, DDP, MIDI, NDJSON, session file;  screen: what people see
//! ```
//! `bridge` begins at the feed of another program, `replay` at a recorded session; from there on the three are one.

pub mod args;
pub mod errand;
pub mod feed_source;
pub mod file_input;
pub mod hint_desk;
pub mod listen;
pub mod look;
pub mod midi;
pub mod midi_clock;
pub mod registry;
pub mod screen;
pub mod show;
pub mod system_clock;

use std::path::PathBuf;

use runtime_core::bus::shm::FeedClock;
use runtime_core::bus::shm::{feed_directory, prepare_directory, sweep};
use toml::{Table, Value};

use self::args::OutputArgs;
use self::feed_source::{FeedChoice, FeedSlot, FeedSource};
use self::file_input::FileInput;
use self::hint_desk::HintDesk;
use self::listen::{Input, Listener, Recipe};
use self::show::Show;
use crate::api::state::SourceKind;
use crate::audio_device::{ChannelChoice, DeviceChoice, InputPlan, InputRequest};
use crate::config::{Config, InputConfig};
use crate::engine_args::EngineArgs;
use crate::exit::{Exit, say, say_error, write_stdout};

const EXAMPLES: &str = "\
Examples:
  anacrusis live                                   the default input, on the terminal
  anacrusis live --loopback --web --osc 127.0.0.1:7000 --osc-preset resolume
  anacrusis live --device Scarlett --channels 3,4 --midi-clock --wled
  anacrusis live --file song.flac --json           a file as if it were played
  anacrusis live --web --print-config > show.toml  settings to keep, for --config show.toml

`anacrusis devices` lists inputs; docs/outputs.md has a receiver for each output.
Ctrl-C ends it. Exit codes: 0 ended, 1 a file or an output failed, 2 wrong usage, 3 no such input.";

/// Listen to an input and tell other programs and devices where the music is
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct LiveArgs {
    /// Play a file as live input, at the pace of the clock
    #[arg(long, value_name = "FILE", conflicts_with_all = ["device", "loopback"], help_heading = "Input")]
    pub file: Option<PathBuf>,
    /// Begin the file again at its end
    #[arg(long, requires = "file", help_heading = "Input")]
    pub repeat: bool,
    /// An input by its name, or part of it
    #[arg(long, value_name = "NAME", conflicts_with = "loopback", help_heading = "Input")]
    pub device: Option<String>,
    /// What this machine plays, in place of what it hears
    #[arg(long, help_heading = "Input")]
    pub loopback: bool,
    /// Channels of the device that are mixed, from 1 [default: all]
    #[arg(long, value_name = "N,N", value_delimiter = ',', conflicts_with = "file", help_heading = "Input")]
    pub channels: Vec<u16>,
    /// Gain, dB
    #[arg(long, value_name = "DB", allow_hyphen_values = true, conflicts_with = "file", help_heading = "Input")]
    pub gain: Option<f64>,
    /// No feed for other programs on this machine
    #[arg(long, help_heading = "Input")]
    pub no_feed: bool,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment on a flattened field would replace the command's own help")]
    pub outputs: OutputArgs,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment on a flattened field would replace the command's own help")]
    pub engine: EngineArgs,
}

impl LiveArgs {
    /// What the options say of the input, as settings.
    fn input_table(&self) -> Table {
        let mut input = Table::new();
        let device = if self.loopback { Some("loopback".to_owned()) } else { self.device.clone() };
        if let Some(device) = device {
            input.insert("device".to_owned(), Value::String(device));
        }
        if !self.channels.is_empty() {
            let channels = self.channels.iter().map(|&channel| Value::Integer(channel.into())).collect();
            input.insert("channels".to_owned(), Value::Array(channels));
        }
        if let Some(gain_db) = self.gain {
            input.insert("gain_db".to_owned(), Value::Float(gain_db));
        }
        Table::from_iter([("input".to_owned(), Value::Table(input))])
    }
}

/// Runs the command.
pub fn run(args: &LiveArgs) -> Exit {
    if args.engine.offline {
        say_error("--offline needs the whole file: live is always causal");
        return Exit::Usage;
    }
    let config = match settings(&args.outputs, args.input_table()) {
        Ok(config) => config,
        Err(exit) => return exit,
    };
    match try_run(args, &config) {
        Ok(exit) => exit,
        Err((exit, message)) => {
            say_error(message);
            exit
        }
    }
}

/// The settings of a run, or how it ends: printed, or refused.
pub(crate) fn settings(args: &OutputArgs, over: Table) -> Result<Config, Exit> {
    let config = args.settings(over).map_err(|error| {
        say_error(error);
        Exit::Usage
    })?;
    if !args.print_config {
        return Ok(config);
    }
    let printed = registry::filled_in(&config).map_err(|error| error.to_string());
    Err(match printed.and_then(|text| write_stdout(text.as_bytes()).map_err(|error| error.to_string())) {
        Ok(()) => Exit::Ok,
        Err(message) => {
            say_error(message);
            Exit::Usage
        }
    })
}

fn try_run(args: &LiveArgs, config: &Config) -> Result<Exit, (Exit, String)> {
    let input = input(args, &config.input)?;
    // Named models and settings that cannot be used are refused before anything sounds.
    args.engine.model.load().map_err(|error| (Exit::Usage, error.to_string()))?;
    args.engine.anticipator.load().map_err(|error| (Exit::Usage, error.to_string()))?;
    args.engine.config(44_100).validate().map_err(|error| (Exit::Usage, error.to_string()))?;
    let folder = feed_folder(args.no_feed).map_err(|message| (Exit::Failed, message))?;
    let slot = FeedSlot::default();
    let hints = HintDesk::default();
    let recipe = Recipe { engine: args.engine.clone(), feed_folder: folder.path.clone(), hints: hints.clone() };
    let listener = Listener::start(input, recipe, slot.clone()).map_err(|e| (Exit::Failed, format!("cannot start a thread: {e}")))?;
    let input = listener.report();
    let mut is_over = || {
        let report = input.read();
        report.is_over.then(|| {
            if report.last_error.is_empty() {
                return Exit::Ok;
            }
            say_error(&report.last_error);
            if args.file.is_some() { Exit::Failed } else { Exit::Device }
        })
    };
    let source = Box::new(FeedSource::new(FeedChoice::Own(slot)));
    let (kind, input) = (SourceKind::Live, Some(listener.report()));
    let show = Show { source, kind, input, hints, description: String::new(), is_over: &mut is_over };
    Ok(show::run(show, config, &args.outputs))
}

/// The input that is meant, as far as it can be checked now.
fn input(args: &LiveArgs, config: &InputConfig) -> Result<Input, (Exit, String)> {
    if let Some(path) = &args.file {
        let file = FileInput::open(path, args.repeat).map_err(|error| (Exit::Failed, format!("{}: {error}", path.display())))?;
        return Ok(Input::File(file, path.clone()));
    }
    let device = match config.device.as_str() {
        "default" => DeviceChoice::Default,
        "loopback" => DeviceChoice::Loopback,
        name => DeviceChoice::Name(name.to_owned()),
    };
    let channels = if config.channels.is_empty() { ChannelChoice::All } else { ChannelChoice::Pick(config.channels.clone()) };
    let request = InputRequest { device, channels, gain_db: config.gain_db as f32, rate_hz: None };
    // Later it may go and come back; at the start a wrong name is told at once.
    InputPlan::new(&request).map_err(|error| (error.exit(), error.to_string()))?;
    Ok(Input::Device(request))
}

/// Where our feed goes; a folder of its own is removed at the end.
struct FeedFolder {
    path: PathBuf,
    _own: Option<tempfile::TempDir>,
}

/// The user's folder for feeds, where other programs look for them, or one that nobody knows.
fn feed_folder(is_private: bool) -> Result<FeedFolder, String> {
    let usual =
        if is_private { None } else { feed_directory().and_then(|path| prepare_directory(&path).map(|()| path)).map_err(say_no_feed).ok() };
    if let Some(path) = usual {
        // What killed programs left behind is nobody's.
        let _ = sweep(&path, FeedClock::now());
        return Ok(FeedFolder { path, _own: None });
    }
    let own = tempfile::tempdir().map_err(|e| format!("no folder for the feed: {e}"))?;
    Ok(FeedFolder { path: own.path().join("feeds"), _own: Some(own) })
}

fn say_no_feed(error: impl std::fmt::Display) {
    say(format_args!("note: other programs cannot read the feed: {error}"));
}
