//! `anacrusis port`: which MIDI port of the system the plugin's clock goes to on this machine. Main thread.
//!
//! The choice is one file per user and machine and never part of a project (`midi_port::PortChoice`); running instances
//! read it when their port is switched on. stdout is the answer, stderr is for people.

use std::path::Path;

use midi_port::{CLIENT_NAME, ChoiceError, DEFAULT_PORT_NAME, ErrorCode, MidirSink, PortChoice, PortTarget, SinkError, list_ports};

use crate::exit::{Exit, say, say_error, write_stdout};

const EXAMPLES: &str = "\
Examples:
  anacrusis port list                      ports that exist
  anacrusis port use \"Synth:MIDI 1\"        send the clock there
  anacrusis port virtual                   a port of our own, that receivers connect to
  anacrusis port off                       no clock through a port, whatever a project says

In the plugin, switch on \"MIDI clock to OS port\"; switch it off and on again after a new choice.
Exit codes: 0 done, 1 the choice could not be read or written, 2 wrong usage, 3 no such port, or no MIDI.";

/// Choose the MIDI port that the plugin's clock goes to on this machine
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct PortArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: PortAction,
}

/// What to do about the port.
#[derive(Debug, Clone, PartialEq, Eq, clap::Subcommand)]
pub enum PortAction {
    /// Print the names of the ports that exist, one a line
    List,
    /// Send the clock to a port that exists
    Use {
        /// Name as `port list` prints it; ALSA's number at its end may be left out
        name: String,
        /// Choose it although it is not there now: the clock waits for it
        #[arg(long)]
        absent: bool,
    },
    /// Send the clock to a port of our own, that receivers connect to (not on Windows)
    Virtual {
        /// Its name
        #[arg(default_value = DEFAULT_PORT_NAME)]
        name: String,
    },
    /// Send no clock to any port
    Off,
    /// Print what is chosen
    Show,
}

/// Why a port was not chosen.
#[derive(Debug, thiserror::Error)]
enum PortError {
    #[error(transparent)]
    Choice(#[from] ChoiceError),
    #[error(transparent)]
    Port(#[from] SinkError),
    #[error("cannot write to standard output: {0}")]
    Stdout(#[from] std::io::Error),
}

impl PortError {
    fn exit(&self) -> Exit {
        match self {
            Self::Choice(_) | Self::Stdout(_) => Exit::Failed,
            Self::Port(error) if error.code() == ErrorCode::BadName => Exit::Usage,
            Self::Port(_) => Exit::Device,
        }
    }
}

/// Runs the command.
pub fn run(args: &PortArgs) -> Exit {
    let open = |target: &PortTarget| MidirSink::open(CLIENT_NAME, target).map(drop);
    match PortChoice::default_path().map_err(PortError::from).and_then(|path| act(&args.action, &path, open)) {
        Ok(()) => Exit::Ok,
        Err(error) => {
            say_error(&error);
            if let PortError::Port(SinkError::Missing { .. }) = error {
                say("`anacrusis port use NAME --absent` chooses a port that is not there yet");
            }
            error.exit()
        }
    }
}

/// Does it, with the choice at `path`; `open` tries a port as the plugin will.
fn act(action: &PortAction, path: &Path, open: impl Fn(&PortTarget) -> Result<(), SinkError>) -> Result<(), PortError> {
    match action {
        PortAction::List => {
            let names = list_ports(CLIENT_NAME)?;
            if names.is_empty() {
                say("there is no MIDI port; `anacrusis port virtual` makes one of our own");
            }
            let lines: String = names.iter().map(|name| format!("{name}\n")).collect();
            Ok(write_stdout(lines.as_bytes())?)
        }
        PortAction::Show => {
            let choice = PortChoice::load(path)?;
            say(format_args!("kept in {}", path.display()));
            Ok(write_stdout(format!("{}\n", in_words(choice.as_ref())).as_bytes())?)
        }
        PortAction::Use { name, absent } => {
            let target = PortTarget::Existing { name: name.clone() };
            choose(&target, path, open(&target), |error| *absent && is_absence(error))
        }
        PortAction::Virtual { name } => {
            let target = PortTarget::Virtual { name: name.clone() };
            // Without MIDI now there may be some when the plugin asks, which tries again every second.
            choose(&target, path, open(&target), |error| error.code() == ErrorCode::NoMidi)
        }
        PortAction::Off => save(&PortChoice::Off, path),
    }
}

/// Whether the port may only be missing for now.
fn is_absence(error: &SinkError) -> bool {
    matches!(error.code(), ErrorCode::Missing | ErrorCode::NoMidi)
}

/// Saves a choice whose port opened, or whose error is one that may pass.
fn choose(target: &PortTarget, path: &Path, opened: Result<(), SinkError>, may_pass: impl Fn(&SinkError) -> bool) -> Result<(), PortError> {
    match opened {
        Ok(()) => {}
        Err(error) if may_pass(&error) => say(format_args!("note: not now: {error}; the clock tries again every second")),
        Err(error) => return Err(error.into()),
    }
    save(&PortChoice::Port(target.clone()), path)
}

fn save(choice: &PortChoice, path: &Path) -> Result<(), PortError> {
    choice.save(path)?;
    say(format_args!("chosen: {}", in_words(Some(choice))));
    Ok(())
}

/// A choice as `port show` prints it.
fn in_words(choice: Option<&PortChoice>) -> String {
    match choice {
        None => format!("nothing chosen: the clock goes to the virtual port {DEFAULT_PORT_NAME:?} where the system has such ports"),
        Some(PortChoice::Off) => "off".to_owned(),
        Some(PortChoice::Port(PortTarget::Virtual { name })) => format!("virtual {name:?}"),
        Some(PortChoice::Port(PortTarget::Existing { name })) => format!("existing {name:?}"),
    }
}

/// The choice of this machine in words, for `doctor`.
///
/// # Errors
/// The choice cannot be read.
pub(crate) fn chosen() -> Result<String, ChoiceError> {
    Ok(in_words(PortChoice::load(&PortChoice::default_path()?)?.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const THERE: &str = "Synth:MIDI 1 20:0";

    fn system(target: &PortTarget) -> Result<(), SinkError> {
        match target {
            PortTarget::Existing { name } if name == THERE => Ok(()),
            PortTarget::Existing { name } => Err(SinkError::Missing { name: name.clone(), available: vec![THERE.to_owned()] }),
            PortTarget::Virtual { name } if name.is_empty() => Err(SinkError::BadName { name: name.clone(), reason: "it is empty" }),
            PortTarget::Virtual { .. } => Err(SinkError::NoMidi { hint: "none" }),
        }
    }

    fn choose_port(name: &str, absent: bool) -> PortAction {
        PortAction::Use { name: name.to_owned(), absent }
    }

    #[test]
    fn a_port_that_is_there_is_kept_and_one_that_is_not_leaves_the_choice_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("midi-port.json");
        act(&choose_port(THERE, false), &path, system).unwrap();
        let kept = || PortChoice::load(&path).unwrap().unwrap();
        assert_eq!(in_words(Some(&kept())), format!("existing {THERE:?}"));
        let refused = act(&choose_port("Snyth", false), &path, system).unwrap_err();
        assert!(refused.to_string().contains("Snyth") && refused.exit() == Exit::Device, "{refused}");
        assert_eq!(in_words(Some(&kept())), format!("existing {THERE:?}"));
        act(&choose_port("Snyth", true), &path, system).unwrap();
        assert_eq!(kept(), PortChoice::Port(PortTarget::Existing { name: "Snyth".to_owned() }));
        act(&PortAction::Off, &path, system).unwrap();
        assert_eq!(kept(), PortChoice::Off);
    }

    #[test]
    fn a_virtual_port_can_be_chosen_before_midi_is_there_but_not_under_a_bad_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("midi-port.json");
        let virtual_port = |name: &str| PortAction::Virtual { name: name.to_owned() };
        assert_eq!(act(&virtual_port(""), &path, system).unwrap_err().exit(), Exit::Usage);
        assert_eq!(PortChoice::load(&path).unwrap(), None);
        act(&virtual_port("Clock"), &path, system).unwrap();
        assert_eq!(in_words(PortChoice::load(&path).unwrap().as_ref()), "virtual \"Clock\"");
    }

    #[test]
    fn a_broken_choice_is_an_error_with_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("midi-port.json");
        std::fs::write(&path, "{}").unwrap();
        let refused = act(&PortAction::Show, &path, system).unwrap_err();
        assert!(refused.to_string().contains("midi-port.json") && refused.exit() == Exit::Failed, "{refused}");
    }
}
