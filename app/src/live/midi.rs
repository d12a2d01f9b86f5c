//! Beats as MIDI notes, and section, hazard and confidence as controllers, through a port of the system. Own thread.
//!
//! The notes are the plugin's (`midi_port::notes`). The MIDI clock is another thing with a thread of its own
//! (`midi_port::ClockThread`); both may have the same receiver. What is sent when: `docs/outputs/midi.md`.

use std::time::Duration;

use midi_port::notes::{BEAT_NOTE, DOWNBEAT_NOTE, beat_velocity, seven_bits};
use midi_port::{CLIENT_NAME, ClockSink, MidirSink, PortTarget, SinkError};
use outputs::event::{Beat, Event, Moment, section_name};
use outputs::output::{Output, OutputError};
use outputs::view::View;
use runtime_core::rt::follower::PULSE_SEC;
use serde::{Deserialize, Serialize};

/// Name of our own port where a user chose none.
pub const DEFAULT_NOTES_PORT: &str = "Anacrusis notes";
/// Time between looks at the controllers' values.
const FRAME: Duration = Duration::from_millis(50);
/// How long a note lasts, nanoseconds.
const NOTE_NS: u64 = (PULSE_SEC * 1e9) as u64;
/// Time between questions whether the receiver is still there, nanoseconds.
const PRESENCE_NS: u64 = 1_000_000_000;
/// Index in `hazard_probs` of a boundary within 8 beats: the horizon that the plugin shows, too.
const HAZARD_8_BEATS: usize = 3;
/// The first controller number that is a mode message and no controller.
const FIRST_MODE_MESSAGE: u8 = 120;

const NOTE_OFF: u8 = 0x80;
const NOTE_ON: u8 = 0x90;
const CONTROL_CHANGE: u8 = 0xb0;

/// Which port and which numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MidiNotesConfig {
    /// Name of the port.
    pub port: String,
    /// Whether it is a port that exists, as `anacrusis port list` names it; otherwise it is one of our own (not on Windows).
    pub existing: bool,
    /// Channel, 1 to 16.
    pub channel: u8,
    /// Note of a downbeat, 0 to 127; `None` = none.
    pub downbeat_note: Option<u8>,
    /// Note of another beat, 0 to 127; `None` = none.
    pub beat_note: Option<u8>,
    /// Controller of the section, 0 to 119: 0 = unknown, 1 silence, 2 intro and so on; `None` = none.
    pub section_cc: Option<u8>,
    /// Controller of the probability of a boundary within 8 beats, 0 to 119; `None` = none.
    pub hazard_cc: Option<u8>,
    /// Controller of the confidence, 0 to 119, 0 while not locked; `None` = none.
    pub confidence_cc: Option<u8>,
}

impl Default for MidiNotesConfig {
    fn default() -> Self {
        // Controllers 20 to 31 have no meaning of their own in MIDI 1.0.
        Self {
            port: DEFAULT_NOTES_PORT.to_owned(),
            existing: false,
            channel: 1,
            downbeat_note: Some(DOWNBEAT_NOTE),
            beat_note: Some(BEAT_NOTE),
            section_cc: Some(20),
            hazard_cc: Some(21),
            confidence_cc: Some(22),
        }
    }
}

impl MidiNotesConfig {
    /// Checks the values; a name that no port can have is found when it is opened.
    ///
    /// # Errors
    /// The first value that cannot be used, by name.
    pub fn validate(&self) -> Result<(), MidiNotesError> {
        let bad = |name, value, expected| Err(MidiNotesError::Value { name, value, expected });
        if !(1..=16).contains(&self.channel) {
            return bad("channel", self.channel, "1 to 16");
        }
        for (name, note) in [("downbeat_note", self.downbeat_note), ("beat_note", self.beat_note)] {
            if let Some(note) = note.filter(|&note| note > 127) {
                return bad(name, note, "0 to 127");
            }
        }
        let controllers = [("section_cc", self.section_cc), ("hazard_cc", self.hazard_cc), ("confidence_cc", self.confidence_cc)];
        for (index, &(name, number)) in controllers.iter().enumerate() {
            let Some(number) = number else { continue };
            if number >= FIRST_MODE_MESSAGE {
                return bad(name, number, "0 to 119");
            }
            if let Some((other, _)) = controllers[..index].iter().find(|(_, other)| *other == Some(number)) {
                return Err(MidiNotesError::SameController { name, other, number });
            }
        }
        Ok(())
    }

    fn target(&self) -> PortTarget {
        let name = self.port.clone();
        if self.existing { PortTarget::Existing { name } } else { PortTarget::Virtual { name } }
    }
}

/// A value that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MidiNotesError {
    /// Beyond what MIDI has.
    #[error("{name}: expected {expected}, got {value}")]
    Value {
        /// The field.
        name: &'static str,
        /// What was given.
        value: u8,
        /// What can be.
        expected: &'static str,
    },
    /// Two values for one controller.
    #[error("{name}: expected a controller of its own, got {number}, which is also {other}")]
    SameController {
        /// The field.
        name: &'static str,
        /// The field with the same number.
        other: &'static str,
        /// The number.
        number: u8,
    },
}

/// Opens the port, again after each loss.
pub type OpenPort = Box<dyn FnMut() -> Result<Box<dyn ClockSink + Send>, SinkError> + Send>;

/// The output.
pub struct MidiNotes {
    config: MidiNotesConfig,
    opener: OpenPort,
    sink: Option<Box<dyn ClockSink + Send>>,
    /// The note that sounds, and until when on the run's monotonic clock.
    sounding: Option<(u8, u64)>,
    section: Option<u8>,
    /// The values that the receiver has: of section, hazard and confidence.
    shown: [Option<u8>; 3],
    /// When it was last asked whether the receiver is there.
    asked_ns: u64,
}

impl MidiNotes {
    /// Not open yet; the port is one of the system.
    pub fn new(config: MidiNotesConfig) -> Self {
        let target = config.target();
        Self::with_opener(config, Box::new(move || Ok(Box::new(MidirSink::open(CLIENT_NAME, &target)?))))
    }

    /// Not open yet; the port is whatever `opener` opens.
    pub fn with_opener(config: MidiNotesConfig, opener: OpenPort) -> Self {
        Self { config, opener, sink: None, sounding: None, section: None, shown: [None; 3], asked_ns: 0 }
    }

    fn play(&mut self, beat: &Beat, now: Moment) -> Result<(), OutputError> {
        self.end_note()?;
        let note = if beat.is_downbeat() { self.config.downbeat_note } else { self.config.beat_note };
        let Some(note) = note else { return Ok(()) };
        // Before it is sent: a note that may have begun is ended in any case. Without a port none can have.
        self.sounding = self.sink.is_some().then(|| (note, now.mono_ns.saturating_add(NOTE_NS)));
        // 1 at least: a velocity of 0 is the end of a note.
        self.send(NOTE_ON, note, seven_bits(beat_velocity(beat.intensity)).max(1))
    }

    fn end_note(&mut self) -> Result<(), OutputError> {
        let Some((note, _)) = self.sounding else { return Ok(()) };
        self.send(NOTE_OFF, note, 0)?;
        self.sounding = None;
        Ok(())
    }

    /// Shows a value on a controller if it has one and shows another.
    fn show(&mut self, which: Control, value: u8) -> Result<(), OutputError> {
        let number = match which {
            Control::Section => self.config.section_cc,
            Control::Hazard => self.config.hazard_cc,
            Control::Confidence => self.config.confidence_cc,
        };
        let Some(number) = number.filter(|_| self.shown[which as usize] != Some(value)) else { return Ok(()) };
        self.send(CONTROL_CHANGE, number, value)?;
        self.shown[which as usize] = Some(value);
        Ok(())
    }

    fn show_section(&mut self) -> Result<(), OutputError> {
        self.show(Control::Section, self.section.map_or(0, |section| section.saturating_add(1).min(127)))
    }

    fn send(&mut self, status: u8, first: u8, second: u8) -> Result<(), OutputError> {
        let sink = self.sink.as_mut().ok_or_else(|| OutputError::Protocol("the MIDI port is not open".to_owned()))?;
        sink.send(&[status | (self.config.channel - 1), first, second]).map_err(port_error)
    }

    /// Ends what sounds and shows nothing any more.
    fn fall_silent(&mut self) -> Result<(), OutputError> {
        self.end_note()?;
        self.section = None;
        self.show_section()?;
        self.show(Control::Hazard, 0)?;
        self.show(Control::Confidence, 0)
    }
}

/// The controllers, by their place in `shown`.
#[derive(Debug, Clone, Copy)]
enum Control {
    Section,
    Hazard,
    Confidence,
}

fn port_error(error: SinkError) -> OutputError {
    match error {
        SinkError::NoVirtualPorts { .. } | SinkError::BadName { .. } => OutputError::Unusable(error.to_string()),
        _ => OutputError::Protocol(error.to_string()),
    }
}

impl Output for MidiNotes {
    fn name(&self) -> String {
        format!("midi {}", self.config.port)
    }

    fn open(&mut self) -> Result<(), OutputError> {
        self.sink = None;
        self.config.validate().map_err(|error| OutputError::Unusable(error.to_string()))?;
        self.sink = Some((self.opener)().map_err(port_error)?);
        self.shown = [None; 3];
        // A note that sounded when the port was lost may still do so.
        self.end_note()?;
        self.show_section()
    }

    fn frame_interval(&self) -> Option<Duration> {
        (self.config.hazard_cc.is_some() || self.config.confidence_cc.is_some()).then_some(FRAME)
    }

    fn event(&mut self, event: &Event, now: Moment) -> Result<(), OutputError> {
        match event {
            Event::Beat(beat) => self.play(beat, now),
            Event::Section(section) => {
                self.section = Some(section.section);
                self.show_section()
            }
            Event::Lock(_) | Event::Approach(_) => Ok(()),
        }
    }

    fn frame(&mut self, view: &View) -> Result<(), OutputError> {
        self.show(Control::Hazard, seven_bits(view.hazard_probs[HAZARD_8_BEATS]))?;
        self.show(Control::Confidence, seven_bits(view.confidence))
    }

    fn poll(&mut self, now: Moment) -> Result<(), OutputError> {
        if self.sounding.is_some_and(|(_, until_ns)| now.mono_ns >= until_ns) {
            self.end_note()?;
        }
        if now.mono_ns.saturating_sub(self.asked_ns) >= PRESENCE_NS {
            self.asked_ns = now.mono_ns;
            if self.sink.as_mut().is_some_and(|sink| !sink.is_present()) {
                return Err(port_error(SinkError::Vanished { name: self.config.port.clone() }));
            }
        }
        Ok(())
    }

    fn close(&mut self) {
        if self.sink.is_some() {
            // A port that is gone has no note left to end.
            let _ = self.fall_silent();
            self.sink = None;
        }
    }

    fn detail(&self) -> String {
        if self.sink.is_none() {
            return String::new();
        }
        let kind = if self.config.existing { "existing port" } else { "own port" };
        format!("{kind}, channel {}, section {}", self.config.channel, section_name(self.section))
    }
}

impl Drop for MidiNotes {
    fn drop(&mut self) {
        self.close();
    }
}

#[cfg(test)]
#[path = "midi_tests.rs"]
mod tests;
