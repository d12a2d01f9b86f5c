//! Settings of `live`, `bridge` and `replay`: one TOML file, overridden by the environment, then by the command line. Main thread.
//!
//! ```text
//! defaults < file (--config, $ANACRUSIS_CONFIG, or anacrusis.toml in the user's folder for settings)
//!          < $ANACRUSIS__OUTPUTS__OSC__OFFSET_MS=-20 < options of the command line, --set outputs.osc.offset_ms=-20
//! ```
//! All layers are tables until the end, so that every value can be given in each of them, and a wrong one is refused by its name.

pub mod data;
mod layers;

use std::path::{Path, PathBuf};

use outputs::output::{Tuning, TuningError};
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::api::jobs::config::JobsConfig;

pub use layers::{merge, set};

/// Names another file.
pub const FILE_VARIABLE: &str = "ANACRUSIS_CONFIG";
/// Overrides the folder for settings, as for the MIDI port's choice.
pub const FOLDER_VARIABLE: &str = "ANACRUSIS_CONFIG_DIR";
/// The file's name in that folder.
pub const FILE_NAME: &str = "anacrusis.toml";
/// Fields of [`Tuning`], which stand beside an output's own.
const TUNING_KEYS: [&str; 6] = ["offset_ms", "only", "every_beats", "every_bars", "phrase_bars", "max_per_sec"];

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is no TOML.
    #[error("{}: {reason}", .path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where and why.
        reason: String,
    },
    /// A setting that does not exist, or has a value that cannot be.
    #[error("{setting}: {reason}")]
    Setting {
        /// Its path, as in `outputs.osc.offset_ms`.
        setting: String,
        /// What is wrong.
        reason: String,
    },
}

impl ConfigError {
    fn setting(setting: impl Into<String>, reason: impl ToString) -> Self {
        // The parser's messages end with a line break.
        Self::Setting { setting: setting.into(), reason: reason.to_string().trim().replace('\n', " ") }
    }
}

/// Where sound comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InputConfig {
    /// `default`, `loopback` (what this machine plays), or part of a device's name.
    pub device: String,
    /// Channels that are mixed, from 1; empty = all.
    pub channels: Vec<u16>,
    /// Added to the level, dB.
    pub gain_db: f64,
}

impl Default for InputConfig {
    fn default() -> Self {
        Self { device: "default".to_owned(), channels: Vec::new(), gain_db: 0.0 }
    }
}

impl InputConfig {
    /// Largest gain to either side, dB.
    const MAX_GAIN_DB: f64 = 60.0;

    fn validate(&self) -> Result<(), ConfigError> {
        if !self.gain_db.is_finite() || self.gain_db.abs() > Self::MAX_GAIN_DB {
            return Err(ConfigError::setting("input.gain_db", format_args!("expected -60 to 60, got {}", self.gain_db)));
        }
        if self.channels.contains(&0) {
            return Err(ConfigError::setting("input.channels", "channels count from 1, got 0"));
        }
        Ok(())
    }
}

/// One output as it is set.
#[derive(Debug, Clone, PartialEq)]
pub struct OutputSettings {
    /// Name of its table.
    pub name: String,
    /// Which protocol.
    pub kind: String,
    /// Offset, filters, triggers.
    pub tuning: Tuning,
    /// What is the protocol's own.
    pub own: Table,
}

/// All settings.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Config {
    /// Where sound comes from.
    pub input: InputConfig,
    /// What the analysis of files by the API may cost.
    pub jobs: JobsConfig,
    /// The outputs that are on, in the order of their names.
    pub outputs: Vec<OutputSettings>,
}

impl Config {
    /// Reads the layers' sum.
    ///
    /// # Errors
    /// The first setting that does not exist or cannot be.
    pub fn from_table(mut table: Table) -> Result<Self, ConfigError> {
        let input = table.remove("input").map_or_else(|| Ok(InputConfig::default()), |value| of_value("input", value))?;
        input.validate()?;
        let jobs = table.remove("jobs").map_or_else(|| Ok(JobsConfig::default()), |value| of_value("jobs", value))?;
        jobs.validate().map_err(|(name, reason)| ConfigError::setting(format!("jobs.{name}"), reason))?;
        let outputs = match table.remove("outputs") {
            None => Table::new(),
            Some(Value::Table(outputs)) => outputs,
            Some(other) => return Err(ConfigError::setting("outputs", format_args!("expected tables, got {other}"))),
        };
        if let Some(unknown) = table.keys().next() {
            return Err(ConfigError::setting(unknown, "there is no such setting; known are input, jobs and outputs"));
        }
        let mut settings = Vec::new();
        for (name, value) in outputs {
            let Value::Table(output) = value else {
                return Err(ConfigError::setting(format!("outputs.{name}"), "expected a table"));
            };
            settings.extend(output_settings(name, output)?);
        }
        Ok(Self { input, jobs, outputs: settings })
    }
}

/// One output's table; `None` where it is off.
fn output_settings(name: String, mut table: Table) -> Result<Option<OutputSettings>, ConfigError> {
    let path = |key: &str| format!("outputs.{name}.{key}");
    let is_on = match table.remove("enabled") {
        None => true,
        Some(Value::Boolean(is_on)) => is_on,
        Some(other) => return Err(ConfigError::setting(path("enabled"), format_args!("expected true or false, got {other}"))),
    };
    let kind = match table.remove("kind") {
        None => name.clone(),
        Some(Value::String(kind)) => kind,
        Some(other) => return Err(ConfigError::setting(path("kind"), format_args!("expected text, got {other}"))),
    };
    let mut tuning = Table::new();
    for key in TUNING_KEYS {
        if let Some(value) = table.remove(key) {
            tuning.insert(key.to_owned(), whole_as_float(key, value));
        }
    }
    let tuning: Tuning = of_value(&format!("outputs.{name}"), Value::Table(tuning))?;
    tuning.validate().map_err(|TuningError { name: key, value, expected }| {
        ConfigError::setting(path(key), format_args!("expected {expected}, got {value}"))
    })?;
    Ok(is_on.then_some(OutputSettings { name, kind, tuning, own: table }))
}

/// `offset_ms = -20` is meant as `-20.0`.
fn whole_as_float(key: &str, value: Value) -> Value {
    match value {
        Value::Integer(whole) if key.ends_with("_ms") => Value::Float(whole as f64),
        other => other,
    }
}

/// Reads a table into a type, an error naming the table.
///
/// # Errors
/// A field that does not exist or has a value that cannot be.
pub fn of_value<T: for<'de> Deserialize<'de>>(path: &str, value: Value) -> Result<T, ConfigError> {
    value.try_into().map_err(|error| ConfigError::setting(path, error))
}

/// The file and the environment as one table. `file`: what the command line names.
///
/// # Errors
/// A file that cannot be read or is no TOML. Without a file of the user's there are no settings.
pub fn layers(file: Option<&Path>, environment: impl Iterator<Item = (String, String)>) -> Result<Table, ConfigError> {
    let environment: Vec<_> = environment.collect();
    let variable =
        |name: &str| environment.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| PathBuf::from(value));
    let named = file.map(Path::to_owned).or_else(|| variable(FILE_VARIABLE));
    let mut table = match (&named, user_file(variable(FOLDER_VARIABLE))) {
        (Some(path), _) => read(path)?,
        (None, Some(path)) if path.is_file() => read(&path)?,
        (None, _) => Table::new(),
    };
    layers::set_from_environment(&mut table, &environment)?;
    Ok(table)
}

/// The user's own file, which need not exist; `None` on a system without a folder for settings.
pub fn user_file(folder: Option<PathBuf>) -> Option<PathBuf> {
    folder.or_else(|| midi_port::settings_folder().ok()).map(|folder| folder.join(FILE_NAME))
}

fn read(path: &Path) -> Result<Table, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Io { path: path.to_owned(), source })?;
    text.parse()
        .map_err(|error: toml::de::Error| ConfigError::Syntax { path: path.to_owned(), reason: error.to_string().trim().to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use outputs::event::EventKind;

    fn config(text: &str) -> Result<Config, ConfigError> {
        Config::from_table(text.parse().unwrap())
    }

    #[test]
    fn an_empty_file_is_the_default() {
        assert_eq!(config("").unwrap(), Config::default());
    }

    #[test]
    fn outputs_have_a_tuning_and_their_own() {
        let text = "[input]\ndevice = \"loopback\"\nchannels = [3, 4]\n[outputs.osc]\ntarget = \"127.0.0.1:9000\"\noffset_ms = -20\nonly = [\"beat\"]\n\
                    [outputs.left]\nkind = \"ddp\"\nenabled = false\n[outputs.stage]\nkind = \"ddp\"\npixels = 60\n";
        let config = config(text).unwrap();
        assert_eq!((config.input.device.as_str(), &config.input.channels[..]), ("loopback", &[3, 4][..]));
        let named: Vec<_> = config.outputs.iter().map(|o| (o.name.as_str(), o.kind.as_str())).collect();
        assert_eq!(named, [("osc", "osc"), ("stage", "ddp")]);
        assert_eq!((config.outputs[0].tuning.offset_ms, &config.outputs[0].tuning.only[..]), (-20.0, &[EventKind::Beat][..]));
        assert_eq!(config.outputs[0].own.keys().collect::<Vec<_>>(), ["target"]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let error = |text: &str| config(text).unwrap_err().to_string();
        assert_eq!(error("[outputs.osc]\noffset_ms = 501"), "outputs.osc.offset_ms: expected -500 to 500, got 501");
        assert_eq!(error("[sound]"), "sound: there is no such setting; known are input, jobs and outputs");
        assert_eq!(error("[input]\ngain_db = 90.0"), "input.gain_db: expected -60 to 60, got 90");
        assert_eq!(error("[input]\nchannels = [0]"), "input.channels: channels count from 1, got 0");
        assert!(error("[input]\nvolume = 3").starts_with("input: unknown field `volume`"), "{}", error("[input]\nvolume = 3"));
        assert!(error("outputs = 3").starts_with("outputs: expected tables"));
        assert!(error("[outputs.osc]\nonly = [\"bar\"]").contains("outputs.osc: unknown variant `bar`"));
    }

    #[test]
    fn later_layers_win() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("set.toml");
        std::fs::write(&path, "[outputs.osc]\noffset_ms = -20\ntarget = \"a:1\"\n").unwrap();
        let environment =
            |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<Vec<_>>().into_iter();
        let none = environment(&[(FOLDER_VARIABLE, folder.path().to_str().unwrap())]);
        assert!(layers(None, none).unwrap().is_empty(), "no file is no setting");
        let table =
            layers(Some(&path), environment(&[("ANACRUSIS__OUTPUTS__OSC__OFFSET_MS", "-30.5"), ("ANACRUSIS__INPUT__DEVICE", "loopback")]));
        let config = Config::from_table(table.unwrap()).unwrap();
        assert_eq!((config.outputs[0].tuning.offset_ms, config.input.device.as_str()), (-30.5, "loopback"));
        let named = layers(None, environment(&[(FILE_VARIABLE, path.to_str().unwrap())])).unwrap();
        assert!(named.contains_key("outputs"));
        std::fs::write(&path, "[outputs").unwrap();
        assert!(layers(Some(&path), environment(&[])).unwrap_err().to_string().contains("set.toml"));
        let missing = layers(Some(Path::new("no/such.toml")), environment(&[])).unwrap_err().to_string();
        assert!(missing.starts_with("cannot read no/such.toml"), "{missing}");
    }
}
