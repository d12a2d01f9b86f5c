//! The shared truth: an affine map between stream time and beats.
//!
//! Phase, beat count, clock ticks and "when is beat k + 1" all derive from it, at any sample, so nobody accumulates
//! time. The shape is Ableton Link's (`include/ableton/link/Timeline.hpp`). Plain data; any thread.

use crate::units::StreamSec;

/// `beat(t) = beat_origin + (t - t_origin_sec) / spb`.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C)]
pub struct Timeline {
    /// A moment, seconds of stream.
    pub t_origin_sec: f64,
    /// The beat number at that moment; beat 0 is the first announced beat.
    pub beat_origin: f64,
    /// Seconds per beat, above 0.
    pub spb: f64,
}

impl Default for Timeline {
    /// 120 BPM from time 0: what is shown until something is known.
    fn default() -> Self {
        Self { t_origin_sec: 0.0, beat_origin: 0.0, spb: 0.5 }
    }
}

impl Timeline {
    /// Beat number at `t`, with fraction. Real-time safe: yes.
    pub fn beat_at(&self, t: StreamSec) -> f64 {
        self.beat_origin + (t.0 - self.t_origin_sec) / self.spb
    }

    /// Time of a beat number. Real-time safe: yes.
    pub fn time_of(&self, beat: f64) -> StreamSec {
        StreamSec(self.t_origin_sec + (beat - self.beat_origin) * self.spb)
    }

    /// Position within the beat at `t`, in `[0, 1)`. Real-time safe: yes.
    pub fn phase_at(&self, t: StreamSec) -> f64 {
        let beat = self.beat_at(t);
        let phase = beat - beat.floor();
        // `floor` of a tiny negative number leaves a difference that rounds up to 1.
        if phase >= 1.0 { 0.0 } else { phase }
    }

    /// Beats per minute. Real-time safe: yes.
    pub fn tempo_bpm(&self) -> f64 {
        60.0 / self.spb
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LINE: Timeline = Timeline { t_origin_sec: 10.0, beat_origin: 4.0, spb: 0.5 };

    #[test]
    fn beats_and_times_are_as_computed_by_hand() {
        assert_eq!(LINE.beat_at(StreamSec(11.25)), 6.5);
        assert_eq!(LINE.time_of(8.0), StreamSec(12.0));
        assert_eq!(LINE.tempo_bpm(), 120.0);
        assert_eq!(LINE.phase_at(StreamSec(9.875)), 0.75);
    }

    #[test]
    fn phase_wraps_at_one() {
        assert_eq!(LINE.phase_at(StreamSec(10.5)), 0.0);
        assert_eq!(Timeline { t_origin_sec: 0.0, beat_origin: -1e-18, spb: 1.0 }.phase_at(StreamSec(0.0)), 0.0);
    }

    proptest! {
        #[test]
        fn time_of_inverts_beat_at(t in -1e5f64..1e5, origin in 0.0f64..1e5, beat in 0.0f64..1e6, spb in 0.2f64..2.0) {
            let line = Timeline { t_origin_sec: origin, beat_origin: beat, spb };
            prop_assert!((line.time_of(line.beat_at(StreamSec(t))).0 - t).abs() < 1e-6);
            let phase = line.phase_at(StreamSec(t));
            prop_assert!((0.0..1.0).contains(&phase));
        }
    }
}
