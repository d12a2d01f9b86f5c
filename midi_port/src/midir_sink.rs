//! Ports of the operating system through `midir`: ALSA sequencer, CoreMIDI, WinMM, or JACK with the feature of that name.
//! Opened and used on the MIDI PORT CLOCK THREAD; listed anywhere.

use midir::{ConnectError, MidiOutput, MidiOutputConnection, MidiOutputPort};

use crate::sink::{ClockSink, OpenSink, SinkError};

/// What other programs see of us beside the name of a port.
pub const CLIENT_NAME: &str = "Anacrusis";
/// Name of our own port where a user chose none.
pub const DEFAULT_PORT_NAME: &str = "Anacrusis clock";

/// The longest name that every system takes, bytes.
const MAX_NAME_BYTES: usize = 63;

/// How long a closing JACK client is kept so that its last message is played: one cycle of up to 2048 samples at 48 kHz.
#[cfg(all(feature = "jack", not(target_os = "windows")))]
const JACK_CYCLE: std::time::Duration = std::time::Duration::from_millis(45);

/// Which port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PortTarget {
    /// A port of our own that receivers connect to. Not on Windows.
    Virtual {
        /// Its name.
        name: String,
    },
    /// A port that exists. If it is not there, none is taken in its place.
    Existing {
        /// Its name as [`list_ports`] gives it, with or without the numeric address that ALSA appends.
        name: String,
    },
}

impl PortTarget {
    /// The name alone.
    pub fn name(&self) -> &str {
        match self {
            Self::Virtual { name } | Self::Existing { name } => name,
        }
    }

    /// What [`crate::ClockThread`] opens the port with; `client_name` is what other programs see of us.
    pub fn opener(self, client_name: &str) -> OpenSink {
        let client_name = client_name.to_owned();
        Box::new(move || Ok(Box::new(MidirSink::open(&client_name, &self)?)))
    }
}

/// Names of the ports that a clock could be sent to.
///
/// # Errors
/// [`SinkError::NoMidi`] where the system has no MIDI.
pub fn list_ports(client_name: &str) -> Result<Vec<String>, SinkError> {
    let output = client(client_name)?;
    Ok(named_ports(&output).into_iter().map(|(name, _)| name).collect())
}

/// An open port.
pub struct MidirSink {
    connection: MidiOutputConnection,
    name: String,
    /// For an existing port: a second client, because a sequencer takes messages to a port that is gone without an error.
    watch: Option<(MidiOutput, MidiOutputPort)>,
}

impl MidirSink {
    /// Opens the port.
    ///
    /// # Errors
    /// Any [`SinkError`] but `Send` and `Vanished`, with the name that was asked for.
    pub fn open(client_name: &str, target: &PortTarget) -> Result<Self, SinkError> {
        check_name(target.name())?;
        match target {
            PortTarget::Virtual { name } => open_virtual(client_name, name),
            PortTarget::Existing { name } => {
                let output = client(client_name)?;
                let port = find(name, named_ports(&output))?;
                let connection = output.connect(&port, "clock").map_err(|err| connect_error(name, &err))?;
                let watch = client(&format!("{client_name} (port watch)")).ok().map(|output| (output, port));
                Ok(Self { connection, name: name.clone(), watch })
            }
        }
    }
}

impl ClockSink for MidirSink {
    fn send(&mut self, message: &[u8]) -> Result<(), SinkError> {
        self.connection.send(message).map_err(|err| SinkError::Send { name: self.name.clone(), reason: err.to_string() })
    }

    fn is_present(&mut self) -> bool {
        self.watch.as_ref().is_none_or(|(output, port)| output.ports().contains(port))
    }
}

#[cfg(all(feature = "jack", not(target_os = "windows")))]
impl Drop for MidirSink {
    fn drop(&mut self) {
        // Messages wait for the next cycle of the server; a client that closes before takes them along.
        std::thread::sleep(JACK_CYCLE);
    }
}

#[cfg(unix)]
fn open_virtual(client_name: &str, name: &str) -> Result<MidirSink, SinkError> {
    use midir::os::unix::VirtualOutput;
    let connection = client(client_name)?.create_virtual(name).map_err(|err| connect_error(name, &err))?;
    Ok(MidirSink { connection, name: name.to_owned(), watch: None })
}

#[cfg(not(unix))]
fn open_virtual(_client_name: &str, name: &str) -> Result<MidirSink, SinkError> {
    Err(SinkError::NoVirtualPorts { name: name.to_owned() })
}

fn client(client_name: &str) -> Result<MidiOutput, SinkError> {
    check_name(client_name)?;
    // Asked first because alsa-lib writes to the standard error of the whole program at each try without the sequencer.
    if cfg!(all(target_os = "linux", not(feature = "jack"))) && !std::path::Path::new("/dev/snd/seq").exists() {
        return Err(SinkError::NoMidi { hint: NO_MIDI_HINT });
    }
    MidiOutput::new(client_name).map_err(|_| SinkError::NoMidi { hint: NO_MIDI_HINT })
}

const NO_MIDI_HINT: &str = if cfg!(feature = "jack") {
    "is the JACK server running?"
} else if cfg!(target_os = "linux") {
    "is the ALSA sequencer there (`modprobe snd-seq`, /dev/snd/seq) and may this user open it (group `audio`)?"
} else {
    "the system's MIDI service did not answer"
};

fn connect_error<T>(name: &str, err: &ConnectError<T>) -> SinkError {
    SinkError::Connect { name: name.to_owned(), reason: err.to_string() }
}

fn named_ports(output: &MidiOutput) -> Vec<(String, MidiOutputPort)> {
    // A port that vanishes between the two questions has no name and is left out.
    output.ports().into_iter().filter_map(|port| Some((output.port_name(&port).ok()?, port))).collect()
}

fn check_name(name: &str) -> Result<(), SinkError> {
    let reason = if name.trim().is_empty() {
        "it is empty"
    } else if name.len() > MAX_NAME_BYTES {
        "it is longer than 63 bytes"
    } else if name.chars().any(char::is_control) {
        "it contains a control character"
    } else {
        return Ok(());
    };
    Err(SinkError::BadName { name: name.to_owned(), reason })
}

/// The port of this full name, or the only one whose name is this without its ALSA address.
fn find<P>(name: &str, ports: Vec<(String, P)>) -> Result<P, SinkError> {
    let wanted = without_address(name);
    let is_exact = ports.iter().any(|(full, _)| full == name);
    let (matching, others): (Vec<_>, Vec<_>) =
        ports.into_iter().partition(|(full, _)| if is_exact { full == name } else { without_address(full) == wanted });
    if matching.len() > 1 {
        return Err(SinkError::Ambiguous { name: name.to_owned(), matches: matching.into_iter().map(|(full, _)| full).collect() });
    }
    matching
        .into_iter()
        .next()
        .map(|(_, port)| port)
        .ok_or_else(|| SinkError::Missing { name: name.to_owned(), available: others.into_iter().map(|(full, _)| full).collect() })
}

/// ALSA names end in ` 20:0`, client and port number, which change when a device is plugged in again.
fn without_address(name: &str) -> &str {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match name.rsplit_once(' ') {
        Some((stem, address)) if address.split_once(':').is_some_and(|(client, port)| is_number(client) && is_number(port)) => stem,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ports(names: &[&str]) -> Vec<(String, usize)> {
        names.iter().enumerate().map(|(index, name)| ((*name).to_owned(), index)).collect()
    }

    #[test]
    fn a_port_is_found_by_full_name_and_after_its_address_changed() {
        let all = || ports(&["Synth:MIDI 1 20:0", "Synth:MIDI 2 20:1"]);
        assert_eq!(find("Synth:MIDI 2 20:1", all()), Ok(1));
        assert_eq!(find("Synth:MIDI 2 32:1", all()), Ok(1));
        assert_eq!(find("Synth:MIDI 1", all()), Ok(0));
    }

    #[test]
    fn a_missing_port_is_not_replaced_by_a_similar_one() {
        let missing = find("Synth", ports(&["Synth:MIDI 1 20:0"]));
        assert_eq!(missing, Err(SinkError::Missing { name: "Synth".into(), available: vec!["Synth:MIDI 1 20:0".into()] }));
    }

    #[test]
    fn two_devices_of_one_name_must_be_told_apart() {
        let all = || ports(&["Keys:MIDI 20:0", "Keys:MIDI 24:0"]);
        assert!(matches!(find("Keys:MIDI", all()), Err(SinkError::Ambiguous { matches, .. }) if matches.len() == 2));
        assert_eq!(find("Keys:MIDI 24:0", all()), Ok(1));
    }

    #[test]
    fn only_a_numeric_address_is_taken_off() {
        assert_eq!(without_address("Bus 1"), "Bus 1");
        assert_eq!(without_address("A:B x:0"), "A:B x:0");
        assert_eq!(without_address("A:B 128:12"), "A:B");
    }

    #[test]
    fn names_that_no_port_can_have_are_refused_before_the_system_is_asked() {
        for name in ["", "  ", "a\0b", &"x".repeat(64)] {
            let opened = MidirSink::open("anacrusis test", &PortTarget::Virtual { name: name.to_owned() });
            assert!(matches!(opened.err(), Some(SinkError::BadName { .. })), "{name:?}");
        }
    }

    #[test]
    fn without_midi_the_error_says_what_to_do() {
        match list_ports("anacrusis test") {
            // A machine with MIDI: a port that nobody has is missing by name.
            Ok(_) => {
                let name = "no port has this name".to_owned();
                let opened = MidirSink::open("anacrusis test", &PortTarget::Existing { name });
                assert!(matches!(opened.err(), Some(SinkError::Missing { .. })));
            }
            Err(err) => {
                assert_eq!(err, SinkError::NoMidi { hint: NO_MIDI_HINT });
                assert!(err.to_string().contains("MIDI is not available"), "{err}");
            }
        }
    }
}
