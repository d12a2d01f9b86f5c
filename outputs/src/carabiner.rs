//! Ableton Link through Carabiner, a program of its own that speaks Link and is led by text over TCP. Own thread.
//!
//! ```text
//! events -> follower (what to tell the session) -> Carabiner -> Link session
//! answers -> clock (Link's microseconds against ours), follower (the session as it is)
//! ```
//! Joining changes nothing: until it is armed, the output listens. Protocol: README of Deep-Symmetry/carabiner; what is told
//! when: `docs/outputs/link.md`.

pub mod answer;
mod clock;
mod connection;
pub mod follower;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use self::answer::Answer;
use self::clock::LinkClock;
use self::connection::Connection;
use self::follower::{Command, Follower};
use crate::event::{Event, Moment};
use crate::output::{Output, OutputError};
use crate::tcp::{Dialer, is_host_and_port};

/// Where Carabiner listens unless it is told otherwise.
pub const DEFAULT_ADDRESS: &str = "127.0.0.1:17000";

/// Time between questions for the status while the clocks are being compared, and after.
const ASK: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(400));
/// How many questions are asked at the quicker pace.
const QUICK_QUESTIONS: u32 = 12;
/// How long a question is waited for before the next one is asked.
const ANSWER: Duration = Duration::from_secs(1);
/// Without an answer for so long, it is no Carabiner, or one that hangs.
const SILENCE: Duration = Duration::from_secs(4);
/// How uncertain the difference of the clocks may be for anything to be told, microseconds. Carabiner's `--poll` is 20 ms.
const MAX_UNCERTAINTY_US: i64 = 60_000;
/// Answers that are none, in a row, after which it is no Carabiner.
const MAX_ODD: u32 = 16;

/// Where, and whether it leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CarabinerConfig {
    /// Where Carabiner listens.
    pub address: String,
    /// Whether the session is led from the start. Off: it is only listened to.
    pub armed: bool,
    /// Beats of a bar in the session, 2 to 16; 0 = as many as the music's.
    pub quantum: u8,
    /// Bars and beats of the session are moved to those of the music; off: its tempo alone.
    pub align_phase: bool,
}

impl Default for CarabinerConfig {
    fn default() -> Self {
        Self { address: DEFAULT_ADDRESS.to_owned(), armed: false, quantum: 0, align_phase: true }
    }
}

impl CarabinerConfig {
    /// Checks the values.
    ///
    /// # Errors
    /// The first value that cannot be used, by name.
    pub fn validate(&self) -> Result<(), CarabinerConfigError> {
        if !is_host_and_port(&self.address) {
            return Err(CarabinerConfigError::Address(self.address.clone()));
        }
        match self.quantum {
            0 | 2..=16 => Ok(()),
            other => Err(CarabinerConfigError::Quantum(other)),
        }
    }
}

/// A value that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CarabinerConfigError {
    /// Not a place to connect to.
    #[error("address: expected host:port such as {DEFAULT_ADDRESS}, got {0:?}")]
    Address(String),
    /// Not a bar that Carabiner takes.
    #[error("quantum: expected 0 or 2 to 16, got {0}")]
    Quantum(u8),
}

/// Arms and disarms a running output, from any thread.
#[derive(Debug, Clone)]
pub struct ArmSwitch(Arc<AtomicBool>);

impl ArmSwitch {
    /// Leads the session from now on, or no longer.
    pub fn set(&self, armed: bool) {
        self.0.store(armed, Ordering::Relaxed);
    }

    /// Whether the session is led.
    pub fn is_armed(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The output.
pub struct Carabiner {
    config: CarabinerConfig,
    arm: ArmSwitch,
    dialer: Dialer,
    follower: Follower,
    open: Option<Open>,
    /// When our clock shows 0.
    epoch: Instant,
}

/// What is known over one connection.
struct Open {
    connection: Connection,
    clock: LinkClock,
    /// When the last answer arrived, or the connection began.
    heard: Instant,
    /// The question that waits for its answer, and when the last one was asked.
    asked: Option<Instant>,
    last_asked: Option<Instant>,
    n_asked: u32,
    n_odd: u32,
    version: Option<String>,
    refused: Option<String>,
}

impl Carabiner {
    /// Not connected yet.
    pub fn new(config: CarabinerConfig) -> Self {
        Self {
            arm: ArmSwitch(Arc::new(AtomicBool::new(config.armed))),
            dialer: Dialer::new(config.address.clone()),
            follower: Follower::new(config.quantum, config.align_phase),
            open: None,
            epoch: Instant::now(),
            config,
        }
    }

    /// The switch that arms and disarms it while it runs.
    pub fn arm_switch(&self) -> ArmSwitch {
        self.arm.clone()
    }

    fn ns(&self, at: Instant) -> i64 {
        i64::try_from(at.saturating_duration_since(self.epoch).as_nanos()).unwrap_or(i64::MAX)
    }

    fn not_open() -> OutputError {
        OutputError::Protocol("not connected to Carabiner".to_owned())
    }

    fn take_in(&mut self, at: Instant, answer: Answer) -> Result<(), OutputError> {
        let at_ns = self.ns(at);
        // What arrived before we asked is no answer to it: Carabiner also speaks by itself.
        let asked = self.open.as_ref().and_then(|open| open.asked).filter(|asked| *asked <= at);
        let asked_ns = asked.map(|asked| self.ns(asked));
        let open = self.open.as_mut().ok_or_else(Self::not_open)?;
        match answer {
            Answer::Status(status) => {
                open.asked = open.asked.filter(|_| asked.is_none());
                if let Some(now_us) = status.now_us() {
                    open.clock.add(asked_ns, at_ns, now_us);
                }
                self.follower.on_status(status);
            }
            Answer::BeatAtTime { when_us, beat, .. } => {
                if let Some(command) = self.follower.on_beat_at_time(when_us, beat, self.arm.is_armed()) {
                    open.connection.send(&command.to_string())?;
                }
            }
            Answer::Refused(what) => {
                self.follower.on_refusal();
                open.refused = Some(what);
            }
            Answer::Version(version) => open.version = Some(version),
            Answer::Unsupported(_) | Answer::PhaseAtTime { .. } | Answer::Other(_) => {}
        }
        Ok(())
    }

    /// A moment of the run on Link's clock, microseconds; `None` while the clocks have not been compared well enough.
    fn link_us(&self, at: Moment, now: Moment) -> Option<i64> {
        let open = self.open.as_ref()?;
        open.clock.uncertainty_us().filter(|&uncertainty_us| uncertainty_us <= MAX_UNCERTAINTY_US)?;
        let ahead_ns = i64::try_from(i128::from(at.mono_ns) - i128::from(now.mono_ns)).ok()?;
        open.clock.link_us(self.ns(Instant::now()).checked_add(ahead_ns)?)
    }

    fn tell(&mut self, commands: &[Command]) -> Result<(), OutputError> {
        let open = self.open.as_mut().ok_or_else(Self::not_open)?;
        commands.iter().try_for_each(|command| open.connection.send(&command.to_string()))
    }
}

impl Open {
    fn is_time_to_ask(&self, now: Instant) -> bool {
        if self.asked.is_some_and(|asked| now.saturating_duration_since(asked) < ANSWER) {
            return false;
        }
        let pause = if self.n_asked < QUICK_QUESTIONS { ASK.0 } else { ASK.1 };
        self.last_asked.is_none_or(|asked| now.saturating_duration_since(asked) >= pause)
    }

    fn ask(&mut self) -> Result<(), OutputError> {
        // Before it is sent: a moment too early widens the bound, one too late would make it wrong.
        let now = Instant::now();
        (self.asked, self.last_asked) = (Some(now), Some(now));
        self.n_asked = self.n_asked.saturating_add(1);
        self.connection.send("status")
    }
}

impl Output for Carabiner {
    fn name(&self) -> String {
        format!("link {}", self.config.address)
    }

    fn open(&mut self) -> Result<(), OutputError> {
        self.open = None;
        self.follower.forget_session();
        self.config.validate().map_err(|error| OutputError::Unusable(error.to_string()))?;
        let connection = Connection::new(self.dialer.connect()?, self.config.address.clone())?;
        let mut open = Open {
            connection,
            clock: LinkClock::default(),
            heard: Instant::now(),
            asked: None,
            last_asked: None,
            n_asked: 0,
            n_odd: 0,
            version: None,
            refused: None,
        };
        open.connection.send("version")?;
        self.open = Some(open);
        Ok(())
    }

    fn event(&mut self, event: &Event, now: Moment) -> Result<(), OutputError> {
        if self.open.is_none() {
            return Err(Self::not_open());
        }
        match event {
            Event::Beat(beat) => {
                let Some(when_us) = self.link_us(beat.at, now) else { return Ok(()) };
                let commands = self.follower.on_beat(beat, when_us, self.arm.is_armed());
                self.tell(&commands)
            }
            Event::Lock(_) => {
                self.follower.on_lock();
                Ok(())
            }
            Event::Section(_) | Event::Approach(_) => Ok(()),
        }
    }

    fn poll(&mut self, _now: Moment) -> Result<(), OutputError> {
        let open = self.open.as_mut().ok_or_else(Self::not_open)?;
        for (at, answer) in open.connection.arrived()? {
            let open = self.open.as_mut().ok_or_else(Self::not_open)?;
            match answer {
                Ok(answer) => {
                    (open.heard, open.n_odd) = (at, 0);
                    self.take_in(at, answer)?;
                }
                Err(error) => {
                    open.n_odd += 1;
                    if open.n_odd >= MAX_ODD || open.version.is_none() && self.follower.session().is_none() {
                        return Err(OutputError::Protocol(format!("{} does not speak as Carabiner does: {error}", self.config.address)));
                    }
                }
            }
        }
        let open = self.open.as_mut().ok_or_else(Self::not_open)?;
        let now = Instant::now();
        if now.saturating_duration_since(open.heard) > SILENCE {
            return Err(OutputError::Protocol(format!("{} has not answered for {} s", self.config.address, SILENCE.as_secs())));
        }
        if open.is_time_to_ask(now) {
            open.ask()?;
        }
        Ok(())
    }

    fn close(&mut self) {
        self.open = None;
    }

    fn detail(&self) -> String {
        let Some(open) = &self.open else { return String::new() };
        let role = if self.arm.is_armed() { "armed" } else { "listening" };
        let Some(session) = self.follower.session() else { return format!("{role}, no answer yet") };
        let peers = match session.peers {
            1 => "1 peer".to_owned(),
            n_peers => format!("{n_peers} peers"),
        };
        let phase = match (session.beat, self.follower.phase_error_sec()) {
            (None, _) => ", cannot lead: Carabiner is older than 1.1.0".to_owned(),
            (_, Some(error_sec)) if self.config.align_phase => format!(", {:+.0} ms", error_sec * 1000.0),
            _ => String::new(),
        };
        let refused = open.refused.as_ref().map(|what| format!(", refused {what}")).unwrap_or_default();
        let version = open.version.as_ref().map(|version| format!(", Carabiner {version}")).unwrap_or_default();
        format!("{role}, {peers}, {:.2} BPM{phase}{refused}{version}", session.bpm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_cannot_be_is_named() {
        let config = CarabinerConfig::default();
        assert_eq!(config.validate(), Ok(()));
        assert!(!config.armed, "joining must not change a session");
        let error = CarabinerConfig { quantum: 17, ..config.clone() }.validate().unwrap_err();
        assert_eq!(error.to_string(), "quantum: expected 0 or 2 to 16, got 17");
        let error = CarabinerConfig { address: "17000".into(), ..config }.validate().unwrap_err();
        assert_eq!(error.to_string(), "address: expected host:port such as 127.0.0.1:17000, got \"17000\"");
        assert!(serde_json::from_str::<CarabinerConfig>(r#"{"armd":true}"#).is_err());
    }

    #[test]
    fn the_switch_reaches_the_output() {
        let output = Carabiner::new(CarabinerConfig::default());
        let switch = output.arm_switch();
        switch.set(true);
        assert!(output.arm_switch().is_armed());
    }

    #[test]
    fn nothing_is_told_before_it_is_open() {
        let mut output = Carabiner::new(CarabinerConfig::default());
        let beat = Event::Beat(crate::event::Beat::default());
        assert!(output.event(&beat, Moment::default()).unwrap_err().may_pass());
        assert!(output.poll(Moment::default()).unwrap_err().may_pass());
        output.close();
    }
}
