//! Why a device was not opened: what was asked for, and what there is in its place.

use std::fmt::Write as _;

use super::catalogue::LOOPBACK_ADVICE;
use crate::exit::Exit;

/// Devices that a message lists at most.
const MAX_LISTED: usize = 12;

/// Why a device was not opened.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DeviceError {
    /// No audio system can be reached.
    #[error("no audio system can be reached: {reason}")]
    NoHost {
        /// What the system said.
        reason: String,
    },
    /// No device has this name.
    #[error("no audio {direction} is called {asked:?}; {}", there_is(.available))]
    NoSuchDevice {
        /// `input` or `output`.
        direction: &'static str,
        /// What was asked for.
        asked: String,
        /// The names that there are.
        available: Vec<String>,
    },
    /// Several devices have this name, or a part of theirs is it.
    #[error("{asked:?} fits several audio {direction}s: {}; use more of the name, or the id", .fitting.join(", "))]
    Ambiguous {
        /// `input` or `output`.
        direction: &'static str,
        /// What was asked for.
        asked: String,
        /// What it fits, names with ids.
        fitting: Vec<String>,
    },
    /// The system names no default.
    #[error("there is no default audio {direction}; {}", there_is(.available))]
    NoDefault {
        /// `input` or `output`.
        direction: &'static str,
        /// The names that there are.
        available: Vec<String>,
    },
    /// Nothing records what this machine plays.
    #[error("nothing here records what this machine plays; {}. {LOOPBACK_ADVICE}", there_is(.available))]
    NoLoopback {
        /// The names of the inputs that there are.
        available: Vec<String>,
    },
    /// A channel was asked for that the device does not have.
    #[error("expected channels from 1 to {n_channels} of {device:?}, got {asked}")]
    Channel {
        /// The device.
        device: String,
        /// Channels that it has.
        n_channels: u16,
        /// The channel that was asked for, from 1.
        asked: u16,
    },
    /// No channel at all was asked for.
    #[error("expected at least one channel, got none")]
    NoChannel,
    /// The device does not run at this rate.
    #[error("{device:?} does not run at {asked_hz} Hz; it has {available}")]
    Rate {
        /// The device.
        device: String,
        /// What was asked for, Hz.
        asked_hz: u32,
        /// What it has, for people.
        available: String,
    },
    /// The device speaks a sample format that is no PCM.
    #[error("{device:?} gives samples as {format}, expected PCM")]
    Format {
        /// The device.
        device: String,
        /// The format.
        format: String,
    },
    /// The gain is no number of a sensible size.
    #[error("expected a gain from -60 to 60 dB, got {gain_db}")]
    Gain {
        /// What was asked for, dB.
        gain_db: f32,
    },
    /// The device went away while it was open.
    #[error("the audio input {device:?} went away: {reason}; {}", there_is(.available))]
    Lost {
        /// The device.
        device: String,
        /// What the system said.
        reason: String,
        /// The names that there are.
        available: Vec<String>,
    },
    /// The system refused to open the device.
    #[error("cannot open the audio {direction} {device:?}: {reason}; {}", there_is(.available))]
    Open {
        /// `input` or `output`.
        direction: &'static str,
        /// The device.
        device: String,
        /// What the system said.
        reason: String,
        /// The names that there are.
        available: Vec<String>,
    },
}

impl DeviceError {
    /// How a command ends that cannot go on without the device.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Gain { .. } | Self::NoChannel => Exit::Usage,
            _ => Exit::Device,
        }
    }

    /// Whether it makes sense to try again: the device may be plugged in, or let go by another program.
    pub fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::NoHost { .. }
                | Self::NoSuchDevice { .. }
                | Self::NoDefault { .. }
                | Self::NoLoopback { .. }
                | Self::Lost { .. }
                | Self::Open { .. }
        )
    }
}

/// The end of a message: which devices there are.
fn there_is(available: &[String]) -> String {
    if available.is_empty() {
        return "there is none".to_owned();
    }
    let mut text = String::from("there is ");
    for (idx, name) in available.iter().take(MAX_LISTED).enumerate() {
        let _ = write!(text, "{}{name:?}", if idx == 0 { "" } else { ", " });
    }
    if available.len() > MAX_LISTED {
        let _ = write!(text, " and {} more (`anacrusis devices`)", available.len() - MAX_LISTED);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_names_what_was_asked_for_and_what_is_there() {
        let available = vec!["Built-in".to_owned(), "Scarlett 2i2".to_owned()];
        let error = DeviceError::NoSuchDevice { direction: "input", asked: "Scarlet 4i4".into(), available };
        assert_eq!(error.to_string(), "no audio input is called \"Scarlet 4i4\"; there is \"Built-in\", \"Scarlett 2i2\"");
        assert_eq!((error.exit(), error.may_pass()), (Exit::Device, true));
        let none = DeviceError::NoDefault { direction: "output", available: vec![] };
        assert_eq!(none.to_string(), "there is no default audio output; there is none");
    }

    #[test]
    fn a_long_list_is_cut() {
        let names: Vec<String> = (0..40).map(|n| format!("hw:{n}")).collect();
        assert!(there_is(&names).ends_with("\"hw:11\" and 28 more (`anacrusis devices`)"));
    }

    #[test]
    fn what_no_device_can_do_is_wrong_usage() {
        assert_eq!(DeviceError::Gain { gain_db: f32::NAN }.exit(), Exit::Usage);
        assert!(!DeviceError::NoChannel.may_pass());
    }
}
