//! From settings to outputs: which protocols there are, and what each takes. Main thread.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use midi_port::{ClockConfig, DEFAULT_PORT_NAME, PortTarget};
use outputs::carabiner::{Carabiner, CarabinerConfig};
use outputs::ddp::{DdpConfig, DdpOutput};
use outputs::drive::Drive;
use outputs::look::Board;
use outputs::ndjson::{NdjsonConfig, NdjsonOutput};
use outputs::os2l::{Os2l, Os2lConfig};
use outputs::osc::{OscConfig, OscOutput};
use outputs::output::Output;
use outputs::session::Recorder;
use outputs::wled::{WledConfig, WledOutput};
use serde::{Deserialize, Serialize};
use toml::{Table, Value};
use web::{Log, WebConfig, WebOutput};

use super::midi::{MidiNotes, MidiNotesConfig};
use super::midi_clock::MidiClockOutput;
use crate::api::jobs::config::JobsConfig;
use crate::api::{self, Api};
use crate::config::{Config, ConfigError, InputConfig, OutputSettings, of_value};

/// Protocols, by the names that settings use.
pub const KINDS: [&str; 10] = ["ddp", "json", "link", "midi", "midi-clock", "os2l", "osc", "record", "web", "wled"];

/// What is a MIDI clock's own.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct MidiClockConfig {
    /// A port that exists; empty = a port of our own.
    port: String,
}

/// What is a recording's own.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordConfig {
    /// The file, which must not exist.
    path: PathBuf,
}

impl RecordConfig {
    /// What was recorded before is not written over.
    fn validate(&self) -> Result<(), String> {
        if self.path.exists() { Err(format!("path: {} exists: choose another file", self.path.display())) } else { Ok(()) }
    }
}

/// What outputs of one run have in common.
#[derive(Default)]
pub struct Shared {
    /// Where the newest look hangs.
    pub board: Arc<Board>,
    /// Whether to ask for real-time priority.
    pub asks_priority: bool,
    /// What the server answers beside its own pages.
    pub api: Option<Arc<Api>>,
}

impl Shared {
    fn web(&self, config: WebConfig) -> WebOutput {
        let Some(api) = &self.api else { return WebOutput::new(config) };
        let log = Arc::<Log>::default();
        WebOutput::with_router(config, api::router(Arc::clone(api), Arc::clone(&log)), log)
    }
}

/// One kind of output: its own settings, filled up, and how it is made of them.
struct Made {
    own: Table,
    output: Box<dyn Output>,
}

fn made<C: Serialize>(config: C, output: impl FnOnce(C) -> Box<dyn Output>) -> Result<Made, ConfigError> {
    let own =
        Table::try_from(&config).map_err(|error| ConfigError::Setting { setting: "outputs".to_owned(), reason: error.to_string() })?;
    Ok(Made { own, output: output(config) })
}

/// Reads what is an output's own, and checks it.
fn read<C: for<'de> Deserialize<'de>, E: ToString>(
    settings: &OutputSettings,
    validate: impl FnOnce(&C) -> Result<(), E>,
) -> Result<C, ConfigError> {
    let path = format!("outputs.{}", settings.name);
    let config: C = of_value(&path, Value::Table(settings.own.clone()))?;
    validate(&config).map_err(|error| ConfigError::Setting { setting: path, reason: error.to_string() })?;
    Ok(config)
}

/// A port that exists, or one of our own.
fn target(port: &str) -> PortTarget {
    if port.is_empty() {
        PortTarget::Virtual { name: DEFAULT_PORT_NAME.to_owned() }
    } else {
        PortTarget::Existing { name: port.to_owned() }
    }
}

fn make(settings: &OutputSettings, shared: &Shared) -> Result<Made, ConfigError> {
    let board = Arc::clone(&shared.board);
    match settings.kind.as_str() {
        "osc" => made(read(settings, OscConfig::validate)?, |config| Box::new(OscOutput::new(config))),
        "wled" => made(read(settings, WledConfig::validate)?, |config| Box::new(WledOutput::new(config))),
        "ddp" => made(read(settings, DdpConfig::validate)?, |config| Box::new(DdpOutput::new(config))),
        "os2l" => made(read(settings, Os2lConfig::validate)?, |config| Box::new(Os2l::new(config))),
        "link" => made(read(settings, CarabinerConfig::validate)?, |config| Box::new(Carabiner::new(config))),
        "web" => made(read(settings, WebConfig::validate)?, |config| Box::new(shared.web(config))),
        "json" => made(read(settings, NdjsonConfig::validate)?, |config| Box::new(NdjsonOutput::new(config, io::stdout()))),
        "midi" => made(read(settings, MidiNotesConfig::validate)?, |config| Box::new(MidiNotes::new(config))),
        "midi-clock" => {
            let clock = ClockConfig { offset_ms: settings.tuning.offset_ms, ask_priority: shared.asks_priority, ..ClockConfig::default() };
            made(read(settings, |_: &MidiClockConfig| Ok::<(), String>(()))?, |config| {
                Box::new(MidiClockOutput::new(target(&config.port), clock, board))
            })
        }
        "record" => made(read(settings, RecordConfig::validate)?, |config| Box::new(Recorder::new(config.path, board))),
        unknown => Err(ConfigError::Setting {
            setting: format!("outputs.{}.kind", settings.name),
            reason: format!("expected one of {}, got {unknown}", KINDS.join(", ")),
        }),
    }
}

/// The outputs of a configuration, ready to be driven.
///
/// # Errors
/// The first setting that cannot be.
pub fn drives(config: &Config, shared: &Shared) -> Result<Vec<Drive>, ConfigError> {
    let drive = |settings: &OutputSettings| {
        let Made { output, .. } = make(settings, shared)?;
        Drive::new(output, &settings.tuning)
            .map(|drive| drive.identified(&settings.name, &settings.kind))
            .map_err(|error| ConfigError::Setting { setting: format!("outputs.{}", settings.name), reason: error.to_string() })
    };
    config.outputs.iter().map(drive).collect()
}

/// The settings with every default filled in, as TOML that can be used again.
///
/// # Errors
/// The first setting that cannot be.
pub fn filled_in(config: &Config) -> Result<String, ConfigError> {
    #[derive(Serialize)]
    struct Whole<'a> {
        input: &'a InputConfig,
        jobs: &'a JobsConfig,
        outputs: Table,
    }
    let shared = Shared::default();
    let failed = |error: toml::ser::Error| ConfigError::Setting { setting: "outputs".to_owned(), reason: error.to_string() };
    let mut outputs = Table::new();
    for settings in &config.outputs {
        let mut table = Table::from_iter([("kind".to_owned(), Value::String(settings.kind.clone()))]);
        table.extend(Table::try_from(&settings.tuning).map_err(failed)?);
        table.extend(make(settings, &shared)?.own);
        table.iter_mut().for_each(|(_, value)| as_written(value));
        outputs.insert(settings.name.clone(), Value::Table(table));
    }
    toml::to_string_pretty(&Whole { input: &config.input, jobs: &config.jobs, outputs }).map_err(failed)
}

/// Writes what was a number of 32 bits as people wrote it: 0.6 and not 0.6000000238418579.
fn as_written(value: &mut Value) {
    match value {
        Value::Float(number) if f64::from(*number as f32) == *number => {
            *number = (*number as f32).to_string().parse().unwrap_or(*number);
        }
        Value::Array(values) => values.iter_mut().for_each(as_written),
        Value::Table(table) => table.iter_mut().for_each(|(_, value)| as_written(value)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Config {
        Config::from_table(text.parse().unwrap()).unwrap()
    }

    const ALL: &str = "[outputs.osc]\ntarget = \"127.0.0.1:9000\"\n[outputs.wled]\n[outputs.ddp]\ntarget = \"127.0.0.1\"\npixels = 30\n[outputs.os2l]\n\
                       [outputs.link]\n[outputs.web]\n[outputs.json]\n[outputs.midi]\n[outputs.midi-clock]\n[outputs.record]\npath = \"x.jsonl\"\n";

    #[test]
    fn numbers_are_printed_as_they_were_written() {
        let text = "[outputs.ddp]\ntarget = \"127.0.0.1\"\npixels = 30\nbrightness = 0.6\noffset_ms = -12.3\n";
        let printed = filled_in(&config(text)).unwrap();
        assert!(printed.contains("brightness = 0.6\n") && printed.contains("offset_ms = -12.3\n"), "{printed}");
    }

    #[test]
    fn every_kind_can_be_made_and_its_filled_in_settings_make_it_again() {
        let config = config(ALL);
        let names: Vec<&str> = config.outputs.iter().map(|output| output.kind.as_str()).collect();
        assert_eq!(names, KINDS);
        assert_eq!(drives(&config, &Shared::default()).unwrap().len(), KINDS.len());
        let text = filled_in(&config).unwrap();
        assert!(text.contains("offset_ms = 0.0") && text.contains("device = \"default\""), "{text}");
        let again = Config::from_table(text.parse().unwrap()).unwrap();
        assert_eq!(filled_in(&again).unwrap(), text);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let error = |text: &str| drives(&config(text), &Shared::default()).err().unwrap().to_string();
        assert!(error("[outputs.lights]").starts_with("outputs.lights.kind: expected one of ddp, json"), "{}", error("[outputs.lights]"));
        assert!(error("[outputs.osc]\ntarget = \"127.0.0.1:9000\"\ncolour = 3").contains("unknown field `colour`"));
        assert!(error("[outputs.osc]\ntarget = \"nonsense\"").contains("nonsense"));
        assert!(error("[outputs.record]").contains("missing field `path`"));
    }
}
