//! OSC: beats, bars, phrases and sections as messages over UDP, in our own words or in those that known programs read.
//!
//! Open Sound Control 1.0 (opensoundcontrol.org, spec-1_0). What is said is a dialect's business ([`dialect`]); when it is
//! said, the runner's. With time tags each event is a bundle that carries its moment, and is sent ahead of it; without, a
//! message is sent at its moment.

pub mod dialect;
pub mod own;
pub mod packet;
pub mod rkbx;
pub mod tempo;
pub mod tempo_only;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use self::dialect::Dialect;
use self::own::OwnDialect;
use self::packet::{Message, encode, encode_at};
use self::rkbx::RkbxDialect;
use self::tempo_only::TempoOnlyDialect;
use crate::datagram::{Datagrams, Fate, parse_target};
use crate::event::{Event, Moment};
use crate::output::{Output, OutputError, TuningError};
use crate::view::View;

/// Longest lead, ms: beats are hardly known earlier.
pub const MAX_LEAD_MS: f64 = 1000.0;
/// Fastest ramps, messages a second.
pub const MAX_RAMP_HZ: f64 = 120.0;
/// Without ramps, how often hazards are looked at, times a second.
const HAZARD_HZ: f64 = 10.0;

/// Whose words are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OscPreset {
    /// Ours: everything there is.
    #[default]
    Anacrusis,
    /// Resolume Arena and Avenue: tempo, and a resync where it is armed.
    Resolume,
    /// REAPER's default map: tempo.
    Reaper,
    /// AbletonOSC, a remote script of Ableton Live: tempo.
    AbletonOsc,
    /// The words of rkbx_link, which many visualizers of DJs have maps for.
    Rkbx,
}

impl OscPreset {
    /// What it is called in settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Anacrusis => "anacrusis",
            Self::Resolume => "resolume",
            Self::Reaper => "reaper",
            Self::AbletonOsc => "abletonosc",
            Self::Rkbx => "rkbx",
        }
    }

    /// Where its receivers listen unless told otherwise; for REAPER and ours, where people put it most often.
    pub fn usual_port(self) -> u16 {
        match self {
            Self::Anacrusis => 9000,
            Self::Resolume => 7000,
            Self::Reaper => 8000,
            Self::AbletonOsc => 11000,
            Self::Rkbx => 4460,
        }
    }
}

/// Settings of an OSC output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OscConfig {
    /// Receiver, `IP:port`; an IP alone takes the preset's usual port.
    pub target: String,
    /// Whose words are sent.
    pub preset: OscPreset,
    /// Goes before each address of ours: `/anacrusis` makes `/anacrusis/beat`. Empty: nothing.
    pub prefix: String,
    /// Send each event as a bundle with its moment in NTP time, `lead_ms` ahead. Ours only.
    pub time_tags: bool,
    /// How far ahead with time tags, ms.
    pub lead_ms: f64,
    /// Ramps (`/phase`, `/beat/subdiv/4`), messages a second each; 0 = off.
    pub ramp_hz: f64,
    /// Lengths of the rkbx preset's ramps and triggers, beats.
    pub subdiv_beats: Vec<u16>,
    /// Whether Resolume is told to begin its bar anew on the first beat of each phrase. It jumps; so it must be armed.
    pub resync: bool,
}

impl Default for OscConfig {
    fn default() -> Self {
        Self {
            target: "127.0.0.1".to_owned(),
            preset: OscPreset::default(),
            prefix: String::new(),
            time_tags: false,
            lead_ms: 100.0,
            ramp_hz: 0.0,
            subdiv_beats: vec![1, 2, 4],
            resync: false,
        }
    }
}

impl OscConfig {
    /// Checks the values.
    ///
    /// # Errors
    /// The first value that cannot be used, by name.
    pub fn validate(&self) -> Result<(), TuningError> {
        let bad = |name, value: String, expected| Err(TuningError { name, value, expected });
        parse_target("target", &self.target, self.preset.usual_port())?;
        if !packet::is_prefix(&self.prefix) {
            return bad("prefix", format!("{:?}", self.prefix), "empty, or like /anacrusis: letters, digits and _ - . between slashes");
        }
        if self.preset != OscPreset::Anacrusis {
            if !self.prefix.is_empty() {
                return bad("prefix", format!("{:?}", self.prefix), "empty, because this preset's addresses are fixed");
            }
            if self.time_tags {
                return bad("time_tags", "true".to_owned(), "false, because this preset's receivers act at once");
            }
        }
        if !(0.0..=MAX_LEAD_MS).contains(&self.lead_ms) {
            return bad("lead_ms", self.lead_ms.to_string(), "0 to 1000");
        }
        if !(self.ramp_hz == 0.0 || (1.0..=MAX_RAMP_HZ).contains(&self.ramp_hz)) {
            return bad("ramp_hz", self.ramp_hz.to_string(), "0, or 1 to 120");
        }
        if self.subdiv_beats.contains(&0) {
            return bad("subdiv_beats", "0".to_owned(), "1 or more");
        }
        if self.subdiv_beats.len() > 16 {
            return bad("subdiv_beats", format!("{} lengths", self.subdiv_beats.len()), "at most 16 lengths");
        }
        Ok(())
    }
}

/// Messages over UDP.
pub struct OscOutput {
    config: OscConfig,
    way: Option<Datagrams>,
    dialect: Box<dyn Dialect>,
    messages: Vec<Message>,
}

impl OscOutput {
    /// Makes it; nothing is opened yet.
    pub fn new(config: OscConfig) -> Self {
        let dialect: Box<dyn Dialect> = match config.preset {
            OscPreset::Anacrusis => Box::new(OwnDialect::new(&config.prefix, config.ramp_hz > 0.0)),
            OscPreset::Resolume => Box::new(TempoOnlyDialect::resolume(config.resync)),
            OscPreset::Reaper => Box::new(TempoOnlyDialect::reaper()),
            OscPreset::AbletonOsc => Box::new(TempoOnlyDialect::ableton_osc()),
            OscPreset::Rkbx => Box::new(RkbxDialect::new(&config.subdiv_beats)),
        };
        Self { config, way: None, dialect, messages: Vec::new() }
    }

    /// Sends what the dialect said, each message by itself or all in a bundle for `at`.
    fn send(&mut self, at: Option<Moment>) -> Result<(), OutputError> {
        if self.messages.is_empty() {
            return Ok(());
        }
        let messages = std::mem::take(&mut self.messages);
        let packets = match at {
            Some(at) => vec![encode_at(at, messages)?],
            None => messages.into_iter().map(encode).collect::<Result<_, _>>()?,
        };
        let Some(way) = &mut self.way else { return Err(OutputError::Protocol("osc is not open".to_owned())) };
        for packet in packets {
            if way.send(&packet)? != Fate::Sent {
                self.dialect.forget();
            }
        }
        Ok(())
    }
}

impl Output for OscOutput {
    fn name(&self) -> String {
        match self.config.preset {
            OscPreset::Anacrusis => format!("osc {}", self.config.target),
            preset => format!("osc {} {}", preset.name(), self.config.target),
        }
    }

    fn open(&mut self) -> Result<(), OutputError> {
        self.config.validate().map_err(|error| OutputError::Unusable(error.to_string()))?;
        let target = parse_target("target", &self.config.target, self.config.preset.usual_port())
            .map_err(|error| OutputError::Unusable(error.to_string()))?;
        self.dialect.forget();
        self.way.insert(Datagrams::new(target, None)).open()
    }

    fn lead(&self) -> Duration {
        if self.config.time_tags { Duration::from_secs_f64(self.config.lead_ms.clamp(0.0, MAX_LEAD_MS) / 1000.0) } else { Duration::ZERO }
    }

    fn frame_interval(&self) -> Option<Duration> {
        let ramp_hz = (self.config.ramp_hz > 0.0).then_some(self.config.ramp_hz);
        let rate_hz = match self.config.preset {
            OscPreset::Anacrusis => ramp_hz.or(Some(HAZARD_HZ)),
            OscPreset::Rkbx => ramp_hz,
            OscPreset::Resolume | OscPreset::Reaper | OscPreset::AbletonOsc => None,
        };
        rate_hz.map(|rate_hz| Duration::from_secs_f64(1.0 / rate_hz.clamp(1.0, MAX_RAMP_HZ)))
    }

    fn event(&mut self, event: &Event, now: Moment) -> Result<(), OutputError> {
        self.dialect.event(event, now, &mut self.messages);
        self.send(self.config.time_tags.then(|| event.at()))
    }

    fn frame(&mut self, view: &View) -> Result<(), OutputError> {
        self.dialect.frame(view, &mut self.messages);
        self.send(None)
    }

    fn poll(&mut self, now: Moment) -> Result<(), OutputError> {
        if self.way.as_mut().is_some_and(Datagrams::heard_nobody) {
            // What is said only once must be said again to whoever comes.
            self.dialect.forget();
        }
        self.dialect.poll(now, &mut self.messages);
        self.send(None)
    }

    fn close(&mut self) {
        self.dialect.goodbye(&mut self.messages);
        // The program ends: whether anybody hears it does not matter any more.
        let _ = self.send(None);
        self.way = None;
    }

    fn detail(&self) -> String {
        self.way.as_ref().map(Datagrams::detail).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_checked_by_name() {
        assert_eq!(OscConfig::default().validate(), Ok(()));
        let preset = OscPreset::Resolume;
        for (config, message) in [
            (OscConfig { target: "x".into(), ..OscConfig::default() }, "target: expected an IP address"),
            (OscConfig { prefix: "beat".into(), ..OscConfig::default() }, "prefix: expected empty, or like /anacrusis"),
            (OscConfig { prefix: "/a".into(), preset, ..OscConfig::default() }, "prefix: expected empty, because"),
            (OscConfig { time_tags: true, preset, ..OscConfig::default() }, "time_tags: expected false"),
            (OscConfig { lead_ms: f64::NAN, ..OscConfig::default() }, "lead_ms: expected 0 to 1000, got NaN"),
            (OscConfig { ramp_hz: 0.5, ..OscConfig::default() }, "ramp_hz: expected 0, or 1 to 120, got 0.5"),
            (OscConfig { subdiv_beats: vec![0], ..OscConfig::default() }, "subdiv_beats: expected 1 or more, got 0"),
        ] {
            let error = config.validate().unwrap_err().to_string();
            assert!(error.starts_with(message), "{error}");
            let mut output = OscOutput::new(config);
            assert!(!output.open().unwrap_err().may_pass());
        }
    }

    #[test]
    fn events_come_ahead_only_with_time_tags() {
        let tagged = OscConfig { time_tags: true, lead_ms: 80.0, ..OscConfig::default() };
        assert_eq!(OscOutput::new(tagged).lead(), Duration::from_millis(80));
        assert_eq!(OscOutput::new(OscConfig { lead_ms: 80.0, ..OscConfig::default() }).lead(), Duration::ZERO);
    }

    #[test]
    fn frames_come_only_where_something_is_drawn() {
        let interval = |preset, ramp_hz| OscOutput::new(OscConfig { preset, ramp_hz, ..OscConfig::default() }).frame_interval();
        assert_eq!(interval(OscPreset::Anacrusis, 0.0), Some(Duration::from_millis(100)));
        assert_eq!(interval(OscPreset::Anacrusis, 50.0), Some(Duration::from_millis(20)));
        assert_eq!(interval(OscPreset::Rkbx, 0.0), None);
        assert_eq!(interval(OscPreset::Resolume, 50.0), None);
    }

    #[test]
    fn an_output_that_is_not_open_says_so() {
        let event = Event::Beat(crate::event::Beat::default());
        assert!(OscOutput::new(OscConfig::default()).event(&event, Moment::default()).is_err());
    }

    #[test]
    fn presets_are_written_as_they_are_called() {
        let presets = [OscPreset::Anacrusis, OscPreset::Resolume, OscPreset::Reaper, OscPreset::AbletonOsc, OscPreset::Rkbx];
        for preset in presets {
            assert_eq!(serde_json::to_string(&preset).unwrap(), format!("{:?}", preset.name()));
        }
    }
}
