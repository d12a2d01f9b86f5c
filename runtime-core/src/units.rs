//! Positions on the three axes of time: host samples, analysis frames, seconds of stream.
//!
//! A point on an axis is a newtype; a length is a plain number with its unit in the name. Time is never accumulated:
//! seconds are computed from a sample or frame index each time. Real-time safe: yes.

use model_contracts::v1;

/// Samples of the stream at the model's rate per frame.
pub const HOP_SAMPLES: usize = v1::audio::HOP_SAMPLES as usize;
/// Rate of the stream that the models hear, Hz.
pub const MODEL_RATE_HZ: f64 = v1::audio::MODEL_RATE_HZ as f64;
/// Analysis frames per second.
pub const FRAMES_PER_SEC: f64 = v1::clocks::SLOW_HZ as f64;
/// Length of one frame, seconds.
pub const FRAME_SEC: f64 = 1.0 / FRAMES_PER_SEC;

/// Index of a sample (one value per channel) at the host's rate, counted from the start of the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
#[repr(transparent)]
pub struct SamplePos(pub u64);

impl SamplePos {
    /// The time of this sample, seconds of stream. Real-time safe: yes.
    pub fn to_stream_sec(self, sample_rate_hz: f64) -> StreamSec {
        StreamSec(self.0 as f64 / sample_rate_hz)
    }
}

/// Index of a 20 ms analysis frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
#[repr(transparent)]
pub struct FrameIdx(pub u64);

/// Seconds since the first sample of the stream.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
#[repr(transparent)]
pub struct StreamSec(pub f64);

impl StreamSec {
    /// The nearest sample at or after 0. Real-time safe: yes.
    pub fn to_sample_pos(self, sample_rate_hz: f64) -> SamplePos {
        SamplePos((self.0 * sample_rate_hz).round().max(0.0) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_twenty_milliseconds_of_the_model_stream() {
        assert_eq!(HOP_SAMPLES as f64 / MODEL_RATE_HZ, FRAME_SEC);
        assert_eq!(FRAME_SEC, 0.02);
    }

    #[test]
    fn samples_and_seconds_round_trip() {
        for pos in [0, 1, 44_099, 44_100, 10_000_000_019] {
            assert_eq!(SamplePos(pos).to_stream_sec(44_100.0).to_sample_pos(44_100.0), SamplePos(pos));
        }
    }

    #[test]
    fn a_time_before_the_stream_is_its_first_sample() {
        assert_eq!(StreamSec(-0.5).to_sample_pos(48_000.0), SamplePos(0));
    }
}
