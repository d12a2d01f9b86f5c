//! OS2L (Open Sound to Light): beats, sections as buttons and levels as commands to lighting programs, by TCP. Own thread.
//!
//! The lighting program is the server and announces itself; we connect. <https://os2l.org>; what servers make of it:
//! `docs/outputs/os2l.md`.

mod beat_count;
mod connection;
mod discovery;
pub mod message;

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::beat_count::CHANGED_TEMPO;
pub use self::discovery::{Reach, SERVICE_TYPE};

use self::beat_count::BeatCount;
use self::connection::Connection;
use self::discovery::Discovery;
use self::message::{ButtonState, Incoming, Message};
use crate::event::{Beat, Event, Moment, section_name};
use crate::output::{Output, OutputError};
use crate::tcp::{Dialer, connect_to, is_host_and_port};
use crate::view::View;

/// Time between looks at the levels.
const FRAME: Duration = Duration::from_millis(50);
/// How long the end waits for the last messages.
const FAREWELL: Duration = Duration::from_millis(100);
/// Index in `hazard_probs` of a boundary within 8 beats: the horizon that the plugin shows, too.
const HAZARD_8_BEATS: usize = 3;
/// The longest name of a page, bytes.
const MAX_PAGE_BYTES: usize = 64;

/// Where and what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Os2lConfig {
    /// `auto`: the first server that is announced in the network; or `host:port`, QLC+ listens on 9996.
    pub target: String,
    /// The section that plays is a button that is held, named as the section.
    pub section_buttons: bool,
    /// Page of the buttons: empty = the master page, `*` = all pages, `-` = the page that is shown.
    pub button_page: String,
    /// Id of the command that tells the input's level, percent; `None` = not told.
    pub level_command: Option<u16>,
    /// Id of the command that tells the probability of a boundary within 8 beats, percent; `None` = not told.
    pub hazard_command: Option<u16>,
}

impl Default for Os2lConfig {
    fn default() -> Self {
        Self { target: "auto".to_owned(), section_buttons: true, button_page: String::new(), level_command: None, hazard_command: None }
    }
}

impl Os2lConfig {
    /// Checks the values.
    ///
    /// # Errors
    /// The first value that cannot be used, by name.
    pub fn validate(&self) -> Result<(), Os2lConfigError> {
        if self.target != "auto" && !is_host_and_port(&self.target) {
            return Err(Os2lConfigError::Target(self.target.clone()));
        }
        if self.button_page.len() > MAX_PAGE_BYTES || self.button_page.chars().any(char::is_control) {
            return Err(Os2lConfigError::Page(self.button_page.clone()));
        }
        match (self.level_command, self.hazard_command) {
            (Some(level), Some(hazard)) if level == hazard => Err(Os2lConfigError::SameCommand(level)),
            _ => Ok(()),
        }
    }
}

/// A value that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Os2lConfigError {
    /// Not a place to connect to.
    #[error("target: expected \"auto\" or host:port such as 127.0.0.1:9996, got {0:?}")]
    Target(String),
    /// Not the name of a page.
    #[error("button_page: expected at most {MAX_PAGE_BYTES} bytes without control characters, got {0:?}")]
    Page(String),
    /// Two values for one control.
    #[error("level_command and hazard_command: expected two ids, got {0} for both")]
    SameCommand(u16),
}

/// The output.
pub struct Os2l {
    config: Os2lConfig,
    route: Route,
    connection: Option<Connection>,
    count: BeatCount,
    section: Option<u8>,
    level: Percent,
    hazard: Percent,
    /// What the server said last about a button.
    feedback: Option<String>,
}

/// How the server is reached.
enum Route {
    Fixed(Dialer),
    Found { reach: Reach, search: Option<Discovery>, n_tries: usize },
}

impl Os2l {
    /// Not connected yet.
    pub fn new(config: Os2lConfig) -> Self {
        Self::with_reach(config, Reach::Network)
    }

    /// Not connected yet; `auto` searches no further than `reach`.
    pub fn with_reach(config: Os2lConfig, reach: Reach) -> Self {
        let route = match config.target.as_str() {
            "auto" => Route::Found { reach, search: None, n_tries: 0 },
            address => Route::Fixed(Dialer::new(address)),
        };
        Self {
            config,
            route,
            connection: None,
            count: BeatCount::default(),
            section: None,
            level: Percent::default(),
            hazard: Percent::default(),
            feedback: None,
        }
    }

    fn send_beat(&mut self, beat: &Beat) -> Result<(), OutputError> {
        let (pos, change) = self.count.next(beat);
        let bpm = if beat.bpm.is_finite() { rounded(beat.bpm.clamp(0.0, 999.0), 100.0) } else { 0.0 };
        let strength = if beat.intensity.is_finite() { rounded(f64::from(beat.intensity.clamp(0.0, 1.0)), 1000.0) } else { 0.0 };
        self.open_connection()?.send_now(&Message::Beat { change, pos, bpm, strength })
    }

    /// Lets the button of the section before go and holds that of the new one.
    fn send_section(&mut self, section: u8) -> Result<(), OutputError> {
        let before = self.section.replace(section);
        if !self.config.section_buttons || before == Some(section) {
            return Ok(());
        }
        let up = before.map(|before| self.button(before, ButtonState::Off));
        let down = self.button(section, ButtonState::On);
        let connection = self.open_connection()?;
        if let Some(up) = up {
            connection.send_soon(up)?;
        }
        connection.send_soon(down)
    }

    fn button(&self, section: u8, state: ButtonState) -> Message {
        Message::Button { name: section_name(Some(section)).to_owned(), page: self.config.button_page.clone(), state }
    }

    fn open_connection(&mut self) -> Result<&mut Connection, OutputError> {
        self.connection.as_mut().ok_or_else(|| OutputError::Protocol("not connected to an OS2L server".to_owned()))
    }
}

impl Output for Os2l {
    fn name(&self) -> String {
        format!("os2l {}", self.config.target)
    }

    fn open(&mut self) -> Result<(), OutputError> {
        self.connection = None;
        self.config.validate().map_err(|error| OutputError::Unusable(error.to_string()))?;
        let mut connection = self.route.connect()?;
        // The server knows nothing of what was said before.
        self.count.restart();
        (self.level, self.hazard, self.feedback) = (Percent::default(), Percent::default(), None);
        if let Some(section) = self.section.filter(|_| self.config.section_buttons) {
            connection.send_soon(self.button(section, ButtonState::On))?;
        }
        self.connection = Some(connection);
        Ok(())
    }

    fn frame_interval(&self) -> Option<Duration> {
        (self.config.level_command.is_some() || self.config.hazard_command.is_some()).then_some(FRAME)
    }

    fn event(&mut self, event: &Event, _now: Moment) -> Result<(), OutputError> {
        match event {
            Event::Beat(beat) => self.send_beat(beat),
            Event::Section(section) => self.send_section(section.section),
            Event::Lock(_) => {
                self.count.restart();
                Ok(())
            }
            Event::Approach(_) => Ok(()),
        }
    }

    fn frame(&mut self, view: &View) -> Result<(), OutputError> {
        let told = [
            (self.config.level_command, self.level.changed_to(view.level)),
            (self.config.hazard_command, self.hazard.changed_to(view.hazard_probs[HAZARD_8_BEATS])),
        ];
        for (id, percent) in told {
            if let (Some(id), Some(param)) = (id, percent) {
                self.open_connection()?.send_soon(Message::Command { id, param })?;
            }
        }
        Ok(())
    }

    fn poll(&mut self, _now: Moment) -> Result<(), OutputError> {
        if let Route::Found { search: Some(search), .. } = &mut self.route {
            search.look();
        }
        for message in self.open_connection()?.poll()? {
            if let Incoming::Feedback { name, on } = message {
                let name: String = name.chars().filter(|character| !character.is_control()).take(32).collect();
                self.feedback = Some(format!("{name} {}", if on { "on" } else { "off" }));
            }
        }
        Ok(())
    }

    fn close(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        let up = self.section.filter(|_| self.config.section_buttons).map(|section| self.button(section, ButtonState::Off));
        // At the end nothing can be done about a server that takes no more.
        if up.is_none_or(|up| connection.send_soon(up).is_ok()) {
            connection.finish(FAREWELL);
        }
    }

    fn detail(&self) -> String {
        match (&self.connection, &self.route) {
            (Some(connection), _) => {
                let feedback = self.feedback.as_ref().map(|feedback| format!(", says {feedback}")).unwrap_or_default();
                let odd =
                    if connection.n_odd > 0 { format!(", {} odd bytes or messages from it", connection.n_odd) } else { String::new() };
                format!("{}{feedback}{odd}", connection.peer())
            }
            (None, Route::Found { search: Some(search), .. }) => format!("{} servers announced", search.servers().len()),
            (None, _) => String::new(),
        }
    }
}

impl Route {
    fn connect(&mut self) -> Result<Connection, OutputError> {
        match self {
            Self::Fixed(dialer) => Connection::new(dialer.connect()?, dialer.address().to_owned()),
            Self::Found { reach, search, n_tries } => {
                if search.as_ref().is_none_or(Discovery::has_ended) {
                    let started = Discovery::start(*reach);
                    *search = Some(started.map_err(|error| OutputError::Protocol(format!("cannot search for OS2L servers: {error}")))?);
                }
                let search = search.as_mut().expect("it was just started, or has not ended");
                search.look();
                let (server, addresses) = pick(search, *n_tries)?;
                let stream = connect_to(&addresses, *n_tries).map_err(|error| {
                    *n_tries = n_tries.wrapping_add(1);
                    OutputError::io(format!("connect to the OS2L server {server}"))(error)
                })?;
                Connection::new(stream, server)
            }
        }
    }
}

/// The server of this try, with its address in the name: the first one until it cannot be reached, then the next.
fn pick(search: &Discovery, n_tries: usize) -> Result<(String, Vec<SocketAddr>), OutputError> {
    let n_servers = search.servers().len();
    let nobody = || OutputError::Protocol(format!("no OS2L server announced yet ({})", SERVICE_TYPE.trim_end_matches(".local.")));
    let index = n_tries.checked_rem(n_servers).ok_or_else(nobody)?;
    let (name, addresses) = search.servers().nth(index).ok_or_else(nobody)?;
    let place = addresses.first().map(ToString::to_string).unwrap_or_default();
    Ok((format!("{name} at {place}"), addresses.to_vec()))
}

/// A value that is told in whole percent, and only when it changes.
#[derive(Debug, Clone, Copy, Default)]
struct Percent(Option<u8>);

impl Percent {
    /// The percent to tell, for a share in `[0, 1]`.
    fn changed_to(&mut self, share: f32) -> Option<f64> {
        // A value that is no number becomes 0.
        let percent = (share.clamp(0.0, 1.0) * 100.0).round() as u8;
        (self.0.replace(percent) != Some(percent)).then_some(f64::from(percent))
    }
}

fn rounded(value: f64, steps: f64) -> f64 {
    (value * steps).round() / steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_cannot_be_is_named() {
        assert_eq!(Os2lConfig::default().validate(), Ok(()));
        let error = Os2lConfig { target: "9996".into(), ..Os2lConfig::default() }.validate().unwrap_err();
        assert_eq!(error.to_string(), "target: expected \"auto\" or host:port such as 127.0.0.1:9996, got \"9996\"");
        let same = Os2lConfig { level_command: Some(3), hazard_command: Some(3), ..Os2lConfig::default() };
        assert_eq!(same.validate(), Err(Os2lConfigError::SameCommand(3)));
        assert!(Os2lConfig { button_page: "a\n".into(), ..Os2lConfig::default() }.validate().is_err());
        let mut output = Os2l::new(Os2lConfig { target: String::new(), ..Os2lConfig::default() });
        assert!(!output.open().unwrap_err().may_pass());
    }

    #[test]
    fn a_config_reads_from_a_part_of_its_fields_and_refuses_others() {
        let config: Os2lConfig = serde_json::from_str(r#"{"target":"desk:9996","hazard_command":8}"#).unwrap();
        assert!(config.section_buttons && config.hazard_command == Some(8));
        assert!(serde_json::from_str::<Os2lConfig>(r#"{"targt":"desk:9996"}"#).is_err());
    }

    #[test]
    fn a_percent_is_told_once() {
        let mut percent = Percent::default();
        let told: Vec<_> = [0.0, 0.004, 0.5, 0.501, 2.0, f32::NAN].map(|share| percent.changed_to(share)).to_vec();
        assert_eq!(told, [Some(0.0), None, Some(50.0), None, Some(100.0), Some(0.0)]);
    }

    #[test]
    fn nothing_is_said_before_it_is_open() {
        let mut output = Os2l::new(Os2lConfig { target: "127.0.0.1:1".into(), ..Os2lConfig::default() });
        assert!(output.event(&Event::Beat(Beat::default()), Moment::default()).unwrap_err().may_pass());
        output.close();
    }
}
