//! Why a file could not be read, or not to its end: one variant per cause, each with its value. Any thread.

use model_contracts::v1;

/// Containers that can be read, as messages name them.
pub const KNOWN_CONTAINERS: &str = "WAV, AIFF, FLAC, MP1/2/3, Ogg, AAC (ADTS), MP4/M4A, Matroska/WebM";
/// Codecs that can be read, as messages name them.
pub const KNOWN_CODECS: &str = "PCM, ADPCM, FLAC, ALAC, MP1/2/3, Vorbis, AAC-LC";

/// Why a file could not be read, or not to its end. The path is the caller's to name.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// No such file.
    #[error("no such file")]
    NotFound,
    /// A directory where a file is needed.
    #[error("is a directory")]
    IsDirectory,
    /// 0 bytes.
    #[error("is empty (0 bytes)")]
    Empty,
    /// The system refused.
    #[error("cannot be read: {0}")]
    Io(#[from] std::io::Error),
    /// No known container begins in what was read.
    #[error("is no audio file that we know ({KNOWN_CONTAINERS})")]
    UnknownContainer,
    /// A known container that is broken before its first sample.
    #[error("is a broken file: {cause}")]
    Malformed {
        /// What the reader said.
        cause: String,
    },
    /// A codec that we cannot decode.
    #[error("has the codec {codec}, which we cannot decode (we can: {KNOWN_CODECS})")]
    UnsupportedCodec {
        /// Name or number of the codec.
        codec: String,
    },
    /// A container without audio.
    #[error("has no audio track ({container})")]
    NoAudioTrack {
        /// Name of the container.
        container: String,
    },
    /// An audio track of length 0.
    #[error("has an audio track without a single sample")]
    NoSamples,
    /// Every packet was refused by its codec.
    #[error("cannot be decoded: all of its {n_packets} packets are broken (first: {cause})")]
    Undecodable {
        /// Packets tried.
        n_packets: u64,
        /// What the codec said about the first.
        cause: String,
    },
    /// Outside the contract's range.
    #[error("has a sample rate of {rate_hz} Hz, outside {min}..{max} Hz", min = v1::audio::HOST_RATE_MIN_HZ, max = v1::audio::HOST_RATE_MAX_HZ)]
    SampleRate {
        /// The rate, Hz.
        rate_hz: u32,
    },
    /// Truncated: what there is was decoded.
    #[error("ended early at {at_sec:.1} s{}", expected_sec.map(|e| format!(" of {e:.1} s")).unwrap_or_default())]
    EndedEarly {
        /// Where the samples end, seconds.
        at_sec: f64,
        /// Where they should end according to the container, seconds.
        expected_sec: Option<f64>,
    },
    /// The container broke off in the middle: what came before was decoded.
    #[error("is broken from {at_sec:.1} s on: {cause}")]
    Corrupt {
        /// Where the samples end, seconds.
        at_sec: f64,
        /// What the reader said.
        cause: String,
    },
    /// Sample rate or channel count changed in the middle: what came before was decoded.
    #[error("changes at {at_sec:.1} s from {from_rate_hz} Hz, {from_channels} channels to {to_rate_hz} Hz, {to_channels} channels")]
    FormatChanged {
        /// Where, seconds.
        at_sec: f64,
        /// Rate before, Hz.
        from_rate_hz: u32,
        /// Channels before.
        from_channels: usize,
        /// Rate after, Hz.
        to_rate_hz: u32,
        /// Channels after.
        to_channels: usize,
    },
}

impl DecodeError {
    /// True where the samples before the error are good: what they gave is worth keeping.
    pub fn is_partial(&self) -> bool {
        match self {
            Self::EndedEarly { at_sec, .. } | Self::Corrupt { at_sec, .. } | Self::FormatChanged { at_sec, .. } => *at_sec > 0.0,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_the_value() {
        assert_eq!(DecodeError::EndedEarly { at_sec: 12.34, expected_sec: None }.to_string(), "ended early at 12.3 s");
        assert_eq!(DecodeError::EndedEarly { at_sec: 12.34, expected_sec: Some(60.0) }.to_string(), "ended early at 12.3 s of 60.0 s");
        assert!(DecodeError::SampleRate { rate_hz: 4_000 }.to_string().contains("4000 Hz, outside 8000..384000 Hz"));
    }

    #[test]
    fn only_an_error_after_samples_is_partial() {
        assert!(DecodeError::EndedEarly { at_sec: 1.0, expected_sec: None }.is_partial());
        assert!(!DecodeError::EndedEarly { at_sec: 0.0, expected_sec: None }.is_partial());
        assert!(!DecodeError::NotFound.is_partial());
    }
}
