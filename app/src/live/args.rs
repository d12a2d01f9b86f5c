//! The options that `live`, `bridge` and `replay` share: which outputs are on, how they are tuned, where settings come from. Each
//! option is one or two values of the settings' table, so that file, environment and command line mean the same. Main thread.

use std::path::PathBuf;

use clap::Args;
use toml::{Table, Value};

use crate::config::{self, Config, ConfigError};

/// Outputs and settings.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Outputs")]
pub struct OutputArgs {
    /// Serve WebSocket and web view [default address: 127.0.0.1:7770]
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, default_missing_value = "127.0.0.1:7770")]
    pub web: Option<String>,
    /// What WebSocket clients must show; needed beyond this machine
    #[arg(long, value_name = "TOKEN", requires = "web")]
    pub web_token: Option<String>,
    /// Send OSC to a receiver
    #[arg(long, value_name = "HOST:PORT")]
    pub osc: Option<String>,
    /// In whose words: anacrusis, resolume, reaper, abletonosc, rkbx
    #[arg(long, value_name = "NAME", requires = "osc")]
    pub osc_preset: Option<String>,
    /// Send WLED audio sync, to all or to one receiver [default address: 239.0.0.1:11988]
    #[arg(long, value_name = "HOST:PORT", num_args = 0..=1, default_missing_value = "239.0.0.1:11988")]
    pub wled: Option<String>,
    /// Send beats to a lighting program by OS2L [default: the one that announces itself]
    #[arg(long, value_name = "HOST:PORT", num_args = 0..=1, default_missing_value = "auto")]
    pub os2l: Option<String>,
    /// Join an Ableton Link session through the Carabiner daemon, as a listener [default address: 127.0.0.1:17000]
    #[arg(long, value_name = "HOST:PORT", num_args = 0..=1, default_missing_value = "127.0.0.1:17000")]
    pub link: Option<String>,
    /// Lead the Link session: its tempo and beat follow ours
    #[arg(long, requires = "link")]
    pub link_arm: bool,
    /// Send LED colours by DDP
    #[arg(long, value_name = "HOST:PORT", requires = "pixels")]
    pub ddp: Option<String>,
    /// LEDs of the DDP receiver
    #[arg(long, value_name = "N", requires = "ddp")]
    pub pixels: Option<u32>,
    /// Send beats, sections and boundaries as MIDI notes and controllers [default: a port of our own]
    #[arg(long, value_name = "PORT", num_args = 0..=1, default_missing_value = "")]
    pub midi: Option<String>,
    /// Send MIDI clock [default: a port of our own]
    #[arg(long, value_name = "PORT", num_args = 0..=1, default_missing_value = "")]
    pub midi_clock: Option<String>,
    /// Write events as lines of JSON to stdout
    #[arg(long)]
    pub json: bool,
    /// Record the session, for `anacrusis replay`
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// An output's offset, ms, -500 to 500; negative: earlier; repeatable
    #[arg(long, value_name = "OUTPUT=MS", value_parser = parse_pair, allow_hyphen_values = true)]
    pub offset: Vec<(String, String)>,
    /// Ask the system for real-time priority for the outputs
    #[arg(long)]
    pub realtime: bool,

    /// Settings file [default: anacrusis.toml in your folder for settings]
    #[arg(long, value_name = "FILE", help_heading = "Settings")]
    pub config: Option<PathBuf>,
    /// One setting, as in outputs.osc.every_beats=4; repeatable
    #[arg(long, value_name = "SETTING=VALUE", value_parser = parse_pair, allow_hyphen_values = true, help_heading = "Settings")]
    pub set: Vec<(String, String)>,
    /// Print the settings that result, and end
    #[arg(long, help_heading = "Settings")]
    pub print_config: bool,
    /// No status on the terminal
    #[arg(long, short, help_heading = "Settings")]
    pub quiet: bool,
}

/// An output's name, whether it is on, and what is said of it.
type OfOption<'a> = (&'a str, bool, &'a [(&'a str, Option<Value>)]);

/// `name=value`.
fn parse_pair(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
    pair.map(|(name, value)| (name.to_owned(), value.to_owned())).ok_or_else(|| "expected NAME=VALUE".to_owned())
}

impl OutputArgs {
    /// All layers of settings as one table, `over` last but for `--set`.
    ///
    /// # Errors
    /// A file that cannot be read, or a path that leads nowhere.
    pub fn table(&self, over: Table) -> Result<Table, ConfigError> {
        let mut table = config::layers(self.config.as_deref(), std::env::vars())?;
        config::merge(&mut table, self.options());
        config::merge(&mut table, over);
        for (path, value) in &self.set {
            config::set(&mut table, path, value)?;
        }
        for (output, offset_ms) in &self.offset {
            // A table switches its output on: an offset alone is a slip of the name.
            let on: Vec<&str> =
                table.get("outputs").and_then(Value::as_table).into_iter().flat_map(Table::keys).map(String::as_str).collect();
            if !on.contains(&output.as_str()) {
                let reason = format!("expected the name of an output that is set up ({}), got {output}", on.join(", "));
                return Err(ConfigError::Setting { setting: "--offset".to_owned(), reason });
            }
            config::set(&mut table, &format!("outputs.{output}.offset_ms"), offset_ms)?;
        }
        Ok(table)
    }

    /// The settings of a run.
    ///
    /// # Errors
    /// As [`Self::table`], and the first setting that cannot be.
    pub fn settings(&self, over: Table) -> Result<Config, ConfigError> {
        Config::from_table(self.table(over)?)
    }

    /// What the options say, as a table.
    fn options(&self) -> Table {
        let mut outputs = Table::new();
        let text = |value: &Option<String>| value.clone().map(Value::String);
        let flag = |is_on: bool| is_on.then_some(Value::Boolean(true));
        // An empty name stands for a port of our own, which each output names itself.
        let port = |value: &Option<String>| value.clone().filter(|name| !name.is_empty());
        let path = self.record.as_ref().map(|path| Value::String(path.to_string_lossy().into_owned()));
        let of: [OfOption<'_>; 9] = [
            ("web", self.web.is_some(), &[("listen", text(&self.web)), ("token", text(&self.web_token))]),
            ("osc", self.osc.is_some(), &[("target", text(&self.osc)), ("preset", text(&self.osc_preset))]),
            ("wled", self.wled.is_some(), &[("target", text(&self.wled))]),
            ("os2l", self.os2l.is_some(), &[("target", text(&self.os2l))]),
            ("link", self.link.is_some(), &[("address", text(&self.link)), ("armed", flag(self.link_arm))]),
            ("ddp", self.ddp.is_some(), &[("target", text(&self.ddp)), ("pixels", self.pixels.map(|n| Value::Integer(n.into())))]),
            ("midi", self.midi.is_some(), &[("port", text(&port(&self.midi))), ("existing", flag(port(&self.midi).is_some()))]),
            ("midi-clock", self.midi_clock.is_some(), &[("port", text(&port(&self.midi_clock)))]),
            ("record", self.record.is_some(), &[("path", path)]),
        ];
        for (name, is_on, values) in of {
            if is_on {
                let mut table: Table = values.iter().filter_map(|(key, value)| Some(((*key).to_owned(), value.clone()?))).collect();
                table.insert("enabled".to_owned(), Value::Boolean(true));
                outputs.insert(name.to_owned(), Value::Table(table));
            }
        }
        if self.json {
            outputs.insert("json".to_owned(), Value::Table(Table::from_iter([("enabled".to_owned(), Value::Boolean(true))])));
        }
        Table::from_iter([("outputs".to_owned(), Value::Table(outputs))])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        outputs: OutputArgs,
    }

    fn config(line: &str) -> Config {
        try_config(line).unwrap()
    }

    fn try_config(line: &str) -> Result<Config, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let empty = folder.path().join("none.toml");
        std::fs::write(&empty, "").unwrap();
        let args = Line::parse_from(["x", "--config", empty.to_str().unwrap()].into_iter().chain(line.split_whitespace())).outputs;
        args.settings(Table::new())
    }

    #[test]
    fn an_option_is_a_table() {
        let config = config(
            "--osc 127.0.0.1:9000 --osc-preset reaper --web --offset osc=-30 --json --link --link-arm --set outputs.osc.every_beats=4",
        );
        let names: Vec<_> = config.outputs.iter().map(|output| output.name.as_str()).collect();
        assert_eq!(names, ["json", "link", "osc", "web"]);
        let osc = &config.outputs[2];
        assert_eq!((osc.tuning.offset_ms, osc.tuning.every_beats), (-30.0, 4));
        assert_eq!(osc.own, "preset = \"reaper\"\ntarget = \"127.0.0.1:9000\"".parse().unwrap());
        assert_eq!(config.outputs[1].own["armed"], Value::Boolean(true));
        assert_eq!(config.outputs[3].own["listen"].as_str(), Some("127.0.0.1:7770"));
    }

    #[test]
    fn an_offset_switches_nothing_on() {
        let error = try_config("--web --json --offset osc=-30").unwrap_err().to_string();
        assert_eq!(error, "--offset: expected the name of an output that is set up (json, web), got osc");
        assert_eq!(config("--set outputs.osc.target=127.0.0.1:9000 --offset osc=-30").outputs[0].tuning.offset_ms, -30.0);
    }

    #[test]
    fn a_line_without_outputs_has_none() {
        assert!(config("").outputs.is_empty());
        assert!(Line::try_parse_from(["x", "--offset", "osc"]).is_err());
        assert!(Line::try_parse_from(["x", "--pixels", "30"]).is_err(), "pixels of what?");
    }
}
