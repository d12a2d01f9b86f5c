//! The line that outputs follow: it goes to each new timeline without a jump and never backward. AUDIO THREAD, or any
//! thread that makes clock ticks.
//!
//! The tracker's timeline jumps whenever it is refined. `OutputLine` keeps the beat position of the outputs at that
//! moment and spreads the difference evenly over one beat, so receivers see a slightly other tempo for a beat instead
//! of a burst or a gap of ticks. It knows no clock: its state is a function of the sequence of `(at, target)`.

use crate::timeline::Timeline;
use crate::units::StreamSec;

/// Phase error, beats, above which a listener hears the beat in another place rather than a little early or late: half
/// of an eighth note, 62 ms at 120 BPM.
pub const RELOCK_BEATS: f64 = 0.125;

/// Seconds per beat of a timeline that can be followed: 1200 to 3 BPM.
pub const USABLE_SPB: std::ops::RangeInclusive<f64> = 0.05..=20.0;

/// Largest time (seconds) or beat number of a timeline that can be followed. Beyond it a double no longer resolves a tick.
pub(super) const MAX_COORDINATE: f64 = 1e9;

/// What `aim` found between the outputs and the new target.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Correction {
    /// The target is the one already followed.
    Unchanged,
    /// The outputs were this many beats behind (positive) or ahead (negative), and make it up over one beat.
    Slew {
        /// Beats, at most [`RELOCK_BEATS`] either way.
        error_beats: f64,
    },
    /// As `Slew`, but so much that a caller may prefer to stop and start again.
    Relock {
        /// Beats, more than [`RELOCK_BEATS`] and at most half a beat either way.
        error_beats: f64,
    },
    /// The target cannot be followed (not finite, or a tempo outside [`USABLE_SPB`]); nothing changed.
    Refused,
}

/// Two affine pieces: the way to the target, then the target.
///
/// The line is continuous and strictly rising. While it approaches, its rate is between 0.5 and 1.5 times the target's
/// (error over one beat); after one beat of the target it is the target, shifted by a whole number of beats. Whole beats
/// are never made up: which beat of the bar it is does not follow from the line alone (see [`OutputLine::shift_beats`]).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OutputLine {
    source: Timeline,
    since_sec: f64,
    approach: Timeline,
    /// When the line is the target, seconds of stream.
    join_sec: f64,
    target: Timeline,
    shift_beats: f64,
}

impl OutputLine {
    /// The target itself from the first moment on; `None` where it cannot be followed. Real-time safe: yes.
    pub fn new(at: StreamSec, target: Timeline) -> Option<Self> {
        if !is_usable(at, target) {
            return None;
        }
        let here = Timeline { t_origin_sec: at.0, beat_origin: target.beat_at(at), spb: target.spb };
        Some(Self { source: target, since_sec: at.0, approach: here, join_sec: at.0, target: here, shift_beats: 0.0 })
    }

    /// Follows `target` from `at` on, over one beat, and says how far off the outputs were.
    ///
    /// A moment before the last correction counts as that moment. The same target again leaves the approach as it is.
    /// Real-time safe: yes.
    pub fn aim(&mut self, at: StreamSec, target: Timeline) -> Correction {
        if !is_usable(at, target) {
            return Correction::Refused;
        }
        if target == self.source {
            return Correction::Unchanged;
        }
        let at = StreamSec(at.0.max(self.since_sec));
        let here = self.beat_at(at);
        let ahead = target.beat_at(at) - here;
        let shift_beats = -ahead.round();
        let error_beats = ahead + shift_beats;
        let join_sec = at.0 + target.spb;
        *self = Self {
            source: target,
            since_sec: at.0,
            approach: Timeline { t_origin_sec: at.0, beat_origin: here, spb: target.spb / (1.0 + error_beats) },
            join_sec,
            target: Timeline { t_origin_sec: join_sec, beat_origin: here + 1.0 + error_beats, spb: target.spb },
            shift_beats,
        };
        if error_beats.abs() > RELOCK_BEATS { Correction::Relock { error_beats } } else { Correction::Slew { error_beats } }
    }

    /// Is at the target at once: for moments at which nothing sounds, because it jumps by up to half a beat.
    ///
    /// Keeps the numbering nearest to the line so far. Returns whether the target can be followed. Real-time safe: yes.
    pub fn snap(&mut self, at: StreamSec, target: Timeline) -> bool {
        let Some(mut line) = Self::new(at, target) else { return false };
        let shift_beats = (self.beat_at(at) - line.beat_at(at)).round();
        line.shift_beats = shift_beats;
        line.approach.beat_origin += shift_beats;
        line.target.beat_origin += shift_beats;
        *self = line;
        true
    }

    /// Beat position of the outputs at `t`, with fraction. Real-time safe: yes.
    pub fn beat_at(&self, t: StreamSec) -> f64 {
        if t.0 < self.join_sec { self.approach.beat_at(t) } else { self.target.beat_at(t) }
    }

    /// When the outputs reach a beat position. Real-time safe: yes.
    pub fn time_of(&self, beat: f64) -> StreamSec {
        if beat < self.target.beat_at(StreamSec(self.join_sec)) { self.approach.time_of(beat) } else { self.target.time_of(beat) }
    }

    /// Beat number here minus beat number of the target: a whole number. Real-time safe: yes.
    pub fn shift_beats(&self) -> f64 {
        self.shift_beats
    }
}

fn is_usable(at: StreamSec, line: Timeline) -> bool {
    // `abs() <= limit` is false for NaN, which refuses it.
    [at.0, line.t_origin_sec, line.beat_origin].iter().all(|value| value.abs() <= MAX_COORDINATE) && USABLE_SPB.contains(&line.spb)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Beats that rounding may cost at coordinates of a few hours.
    const ROUNDING_BEATS: f64 = 1e-7;

    fn line(t_origin_sec: f64, beat_origin: f64, spb: f64) -> Timeline {
        Timeline { t_origin_sec, beat_origin, spb }
    }

    #[test]
    fn a_tenth_of_a_beat_is_made_up_over_one_beat() {
        let mut out = OutputLine::new(StreamSec(0.0), line(0.0, 0.0, 0.5)).unwrap();
        // The target is 0.1 beats ahead from t = 2 s (beat 4) on.
        assert!(
            matches!(out.aim(StreamSec(2.0), line(2.0, 4.1, 0.5)), Correction::Slew { error_beats } if (error_beats - 0.1).abs() < 1e-12)
        );
        assert_eq!(out.beat_at(StreamSec(2.0)), 4.0);
        assert!((out.beat_at(StreamSec(2.25)) - 4.55).abs() < 1e-12);
        assert!((out.beat_at(StreamSec(2.5)) - 5.1).abs() < 1e-12);
        assert!((out.beat_at(StreamSec(3.0)) - 6.1).abs() < 1e-12);
        assert!((out.time_of(4.55).0 - 2.25).abs() < 1e-12);
        assert!((out.time_of(6.1).0 - 3.0).abs() < 1e-12);
        assert_eq!(out.join_sec, 2.5);
    }

    #[test]
    fn whole_beats_are_renumbered_and_not_made_up() {
        let mut out = OutputLine::new(StreamSec(0.0), line(0.0, 0.0, 0.5)).unwrap();
        let correction = out.aim(StreamSec(1.0), line(1.0, 40.0, 0.5));
        assert_eq!((correction, out.shift_beats()), (Correction::Slew { error_beats: 0.0 }, -38.0));
        assert_eq!(out.beat_at(StreamSec(1.5)), 3.0);
    }

    #[test]
    fn more_than_an_eighth_of_a_beat_is_a_relock() {
        for (offset_beats, relock) in [(0.125, false), (0.126, true), (-0.2, true), (0.9, false), (0.8, true)] {
            let mut out = OutputLine::new(StreamSec(0.0), line(0.0, 0.0, 1.0)).unwrap();
            let correction = out.aim(StreamSec(0.0), line(0.0, offset_beats, 1.0));
            assert_eq!(matches!(correction, Correction::Relock { .. }), relock, "{offset_beats}: {correction:?}");
        }
    }

    #[test]
    fn the_same_target_again_does_not_prolong_the_approach() {
        let mut out = OutputLine::new(StreamSec(0.0), line(0.0, 0.0, 0.5)).unwrap();
        let target = line(0.0, 0.1, 0.5);
        out.aim(StreamSec(1.0), target);
        let before = out;
        assert_eq!(out.aim(StreamSec(1.25), target), Correction::Unchanged);
        assert_eq!(out, before);
    }

    #[test]
    fn what_cannot_be_followed_is_refused_and_changes_nothing() {
        let mut out = OutputLine::new(StreamSec(0.0), line(0.0, 0.0, 0.5)).unwrap();
        let before = out;
        let bad =
            [line(f64::NAN, 0.0, 0.5), line(0.0, f64::INFINITY, 0.5), line(0.0, 0.0, 0.0), line(0.0, 0.0, -1.0), line(1e300, 0.0, 0.5)];
        for target in bad {
            assert_eq!(out.aim(StreamSec(1.0), target), Correction::Refused, "{target:?}");
            assert!(OutputLine::new(StreamSec(0.0), target).is_none() && !out.snap(StreamSec(0.0), target));
        }
        assert_eq!(out.aim(StreamSec(f64::NAN), line(0.0, 0.3, 0.5)), Correction::Refused);
        assert_eq!(out, before);
    }

    #[test]
    fn a_snap_lands_on_the_target_with_the_nearest_numbering() {
        let mut out = OutputLine::new(StreamSec(0.0), line(0.0, 0.0, 0.5)).unwrap();
        assert!(out.snap(StreamSec(2.0), line(2.0, 100.3, 0.4)));
        assert!((out.beat_at(StreamSec(2.0)) - 4.3).abs() < 1e-12);
        assert_eq!(out.shift_beats(), -96.0);
        assert!((out.time_of(5.3).0 - 2.4).abs() < 1e-12);
    }

    /// Any jump of phase and tempo, at any distance, backward in time too.
    fn steps() -> impl Strategy<Value = Vec<(f64, Timeline)>> {
        let target = (0.0f64..2e4, -1e5f64..1e5, 0.1f64..3.0).prop_map(|(t, beat, spb)| line(t, beat, spb));
        prop::collection::vec((-0.5f64..4.0, target), 1..40)
    }

    proptest! {
        #[test]
        fn never_backward_continuous_bounded_and_at_the_target_within_one_beat(steps in steps()) {
            let mut out = OutputLine::new(StreamSec(0.0), Timeline::default()).unwrap();
            let mut at_sec = 0.0f64;
            for (wait_sec, target) in steps {
                let asked_sec = at_sec + wait_sec;
                at_sec = at_sec.max(asked_sec);
                let before = out.beat_at(StreamSec(at_sec));
                let correction = out.aim(StreamSec(asked_sec), target);
                let (Correction::Slew { error_beats } | Correction::Relock { error_beats }) = correction else {
                    prop_assert!(false, "{correction:?}");
                    unreachable!()
                };
                prop_assert!(error_beats.abs() <= 0.5 + ROUNDING_BEATS);
                prop_assert!((out.beat_at(StreamSec(at_sec)) - before).abs() < ROUNDING_BEATS, "jump at the correction");
                let mut previous = before;
                for step in 1..=40 {
                    let t = StreamSec(at_sec + f64::from(step) * target.spb / 20.0);
                    let beat = out.beat_at(t);
                    let rate = (beat - previous) * 20.0;
                    prop_assert!((0.5 - 1e-5..=1.5 + 1e-5).contains(&rate), "rate {rate} of the target's");
                    prop_assert!((out.time_of(beat).0 - t.0).abs() < 1e-6);
                    previous = beat;
                }
                let after = StreamSec(at_sec + target.spb * 1.000_001);
                prop_assert!((out.beat_at(after) - target.beat_at(after) - out.shift_beats()).abs() < ROUNDING_BEATS);
                prop_assert_eq!(out.shift_beats().fract(), 0.0);
            }
        }
    }
}
