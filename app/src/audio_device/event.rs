//! What happens to an open device: it goes, its rate changes, it loses samples.

use cpal::ErrorKind;

/// What happened. Said on a thread of the system, maybe the audio thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamEvent {
    /// The device is gone, or gives nothing any more: open it again.
    Gone {
        /// What the system said.
        reason: String,
    },
    /// The device runs otherwise than it was opened, in another rate or format: open it again.
    RateChanged {
        /// What the system said.
        reason: String,
    },
    /// Samples were lost; the stream goes on.
    Xrun,
    /// The system moved the stream to another device; it goes on.
    Rerouted,
    /// The system gave the audio thread no real-time priority; the stream goes on and may lose samples under load.
    RealTimeRefused {
        /// What the system said.
        reason: String,
    },
}

impl StreamEvent {
    /// Whether nothing more comes until the device is opened again.
    pub fn needs_reopen(&self) -> bool {
        matches!(self, Self::Gone { .. } | Self::RateChanged { .. })
    }

    /// What an error of a running stream means.
    pub(super) fn of(error: &cpal::Error) -> Self {
        match error.kind() {
            ErrorKind::Xrun => Self::Xrun,
            ErrorKind::DeviceChanged => Self::Rerouted,
            ErrorKind::RealtimeDenied => Self::RealTimeRefused { reason: error.to_string() },
            ErrorKind::StreamInvalidated | ErrorKind::UnsupportedConfig => Self::RateChanged { reason: error.to_string() },
            // What is not known is taken for the worst: opening again does no harm.
            _ => Self::Gone { reason: error.to_string() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_stream_that_ended_is_opened_again() {
        let of = |kind| StreamEvent::of(&cpal::Error::new(kind));
        for kind in [ErrorKind::Xrun, ErrorKind::DeviceChanged, ErrorKind::RealtimeDenied] {
            assert!(!of(kind).needs_reopen(), "{kind:?}");
        }
        for kind in [ErrorKind::DeviceNotAvailable, ErrorKind::HostUnavailable, ErrorKind::BackendError, ErrorKind::Other] {
            assert!(matches!(of(kind), StreamEvent::Gone { .. }) && of(kind).needs_reopen(), "{kind:?}");
        }
        assert!(matches!(of(ErrorKind::StreamInvalidated), StreamEvent::RateChanged { .. }));
    }

    #[test]
    fn the_reason_is_what_the_system_said() {
        let error = cpal::Error::with_message(ErrorKind::DeviceNotAvailable, "unplugged");
        assert_eq!(StreamEvent::of(&error), StreamEvent::Gone { reason: "unplugged".to_owned() });
    }
}
