//! Where messages go: the seam between the clock and a port. MIDI PORT CLOCK THREAD.

/// An open port.
pub trait ClockSink {
    /// Sends one complete MIDI message, at once.
    ///
    /// # Errors
    /// The port is gone or refused the message. It is closed and tried again later.
    fn send(&mut self, message: &[u8]) -> Result<(), SinkError>;

    /// Whether the receiver is still there, for ports that take messages to nowhere without an error. Asked about once
    /// a second, between ticks; must not take longer than a millisecond or two.
    fn is_present(&mut self) -> bool {
        true
    }
}

/// Opens a port, again after each loss. Called on the clock thread, and only while no port is open.
pub type OpenSink = Box<dyn FnMut() -> Result<Box<dyn ClockSink>, SinkError> + Send>;

/// Why there is no port, or not any more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SinkError {
    /// The system has no MIDI: no sequencer, no server.
    #[error("MIDI is not available on this system: {hint}")]
    NoMidi {
        /// What to do about it.
        hint: &'static str,
    },
    /// Virtual ports do not exist here.
    #[error("cannot make the virtual MIDI port {name:?}: this system has none; install a loopback port and choose it by name")]
    NoVirtualPorts {
        /// The port that was asked for.
        name: String,
    },
    /// No port has this name. None is taken in its place.
    #[error("no MIDI port is named {name:?}; there {}", in_words(.available))]
    Missing {
        /// The name that was asked for.
        name: String,
        /// The names of the ports that exist.
        available: Vec<String>,
    },
    /// Several ports have this name.
    #[error("{} MIDI ports are named {name:?}: {matches:?}; choose one by its full name", .matches.len())]
    Ambiguous {
        /// The name that was asked for.
        name: String,
        /// The full names of those that match.
        matches: Vec<String>,
    },
    /// The name cannot be a port's.
    #[error("{name:?} cannot be the name of a MIDI port: {reason}")]
    BadName {
        /// The name that was asked for.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The port exists and could not be opened.
    #[error("cannot open the MIDI port {name:?}: {reason}")]
    Connect {
        /// The port that was asked for.
        name: String,
        /// What the system said.
        reason: String,
    },
    /// The port was open and refused a message.
    #[error("the MIDI port {name:?} does not take messages any more: {reason}")]
    Send {
        /// The port.
        name: String,
        /// What the system said.
        reason: String,
    },
    /// The port was open and its receiver is gone.
    #[error("the MIDI port {name:?} is gone")]
    Vanished {
        /// The port.
        name: String,
    },
}

fn in_words(names: &[String]) -> String {
    if names.is_empty() { "are none at all".to_owned() } else { format!("are {names:?}") }
}

/// The cause of an error without its values, as it fits into an atomic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum ErrorCode {
    /// No error so far.
    #[default]
    None = 0,
    /// [`SinkError::NoMidi`]
    NoMidi = 1,
    /// [`SinkError::NoVirtualPorts`]
    NoVirtualPorts = 2,
    /// [`SinkError::Missing`]
    Missing = 3,
    /// [`SinkError::Ambiguous`]
    Ambiguous = 4,
    /// [`SinkError::BadName`]
    BadName = 5,
    /// [`SinkError::Connect`]
    Connect = 6,
    /// [`SinkError::Send`]
    Send = 7,
    /// [`SinkError::Vanished`]
    Vanished = 8,
}

impl ErrorCode {
    const ALL: [Self; 9] = [
        Self::None,
        Self::NoMidi,
        Self::NoVirtualPorts,
        Self::Missing,
        Self::Ambiguous,
        Self::BadName,
        Self::Connect,
        Self::Send,
        Self::Vanished,
    ];

    /// The cause with this number; an unknown number counts as `None`.
    pub fn from_u8(code: u8) -> Self {
        Self::ALL.into_iter().find(|cause| *cause as u8 == code).unwrap_or_default()
    }

    /// The cause in words for a status line.
    pub fn words(self) -> &'static str {
        match self {
            Self::None => "no error",
            Self::NoMidi => "MIDI is not available on this system",
            Self::NoVirtualPorts => "this system has no virtual MIDI ports",
            Self::Missing => "the port does not exist",
            Self::Ambiguous => "several ports have this name",
            Self::BadName => "this cannot be the name of a port",
            Self::Connect => "the port could not be opened",
            Self::Send => "the port does not take messages",
            Self::Vanished => "the port is gone",
        }
    }
}

impl SinkError {
    /// The cause alone.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::NoMidi { .. } => ErrorCode::NoMidi,
            Self::NoVirtualPorts { .. } => ErrorCode::NoVirtualPorts,
            Self::Missing { .. } => ErrorCode::Missing,
            Self::Ambiguous { .. } => ErrorCode::Ambiguous,
            Self::BadName { .. } => ErrorCode::BadName,
            Self::Connect { .. } => ErrorCode::Connect,
            Self::Send { .. } => ErrorCode::Send,
            Self::Vanished { .. } => ErrorCode::Vanished,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_port_is_named_with_those_that_exist() {
        let missing = SinkError::Missing { name: "Synth".into(), available: vec!["Drums".into()] };
        assert_eq!(missing.to_string(), "no MIDI port is named \"Synth\"; there are [\"Drums\"]");
        let alone = SinkError::Missing { name: "Synth".into(), available: vec![] };
        assert_eq!(alone.to_string(), "no MIDI port is named \"Synth\"; there are none at all");
    }

    #[test]
    fn codes_survive_the_way_through_a_byte() {
        for code in ErrorCode::ALL {
            assert_eq!(ErrorCode::from_u8(code as u8), code);
        }
        assert_eq!(ErrorCode::from_u8(200), ErrorCode::None);
        assert_eq!(SinkError::Vanished { name: "x".into() }.code(), ErrorCode::Vanished);
    }
}
