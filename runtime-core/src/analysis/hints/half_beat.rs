//! Which of two pulses is the beat, where the user chose how fast to count: half a beat apart, they can be as good as each other.
//! INFERENCE THREAD.
//!
//! Counted half as fast, every other click of a steady pattern is a beat, and nothing that is heard says which: the decoder then
//! favours the one that it heard last, and so changes its mind at each click. The grid that is announced decides instead.

use crate::timeline::Timeline;
use crate::units::StreamSec;

/// A decoder's beat this far from the grid's, beats, is the pulse between: nearer to it than to a beat, and clear of drift.
const BETWEEN_BEATS: f64 = 0.35;
/// Beats for which the decoder must say so without a break before it is believed, where the user left the phase to it.
const PERSUADED_BEATS: f64 = 4.0;

/// Who decides between the beat and the pulse half a beat away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HalfBeatBy {
    /// The decoder, at once.
    #[default]
    Decoder,
    /// The decoder, once it has been sure for some beats: a range or a tempo by hand was chosen, but no beat.
    PersistentDecoder,
    /// The grid: the user chose the level, and with it the beats.
    Grid,
}

/// The choice, and how long the decoder has been against it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct HalfBeat {
    /// Who decides.
    pub by: HalfBeatBy,
    against_from_sec: Option<f64>,
}

impl HalfBeat {
    /// Nothing has been said against the grid yet.
    pub fn new(by: HalfBeatBy) -> Self {
        Self { by, against_from_sec: None }
    }

    /// The decoder's beat at `t_sec`, or the one that is meant: half a beat beside it, and still to come after `from_sec`. `line` is
    /// the grid that was announced until `now`. `None` where the decoder is believed against the grid: the count begins anew.
    pub fn settle(&mut self, t_sec: f64, interval_sec: f64, line: &Timeline, now: StreamSec, from_sec: f64) -> Option<f64> {
        let beat = line.beat_at(StreamSec(t_sec));
        let off_beats = beat - beat.round();
        let is_between = off_beats.abs() > BETWEEN_BEATS;
        if self.by == HalfBeatBy::Decoder || !is_between {
            self.against_from_sec = None;
            return Some(t_sec);
        }
        let against_sec = now.0 - *self.against_from_sec.get_or_insert(now.0);
        if self.by == HalfBeatBy::PersistentDecoder && against_sec > PERSUADED_BEATS * interval_sec {
            return None;
        }
        let meant_sec = t_sec - 0.5 * interval_sec * off_beats.signum();
        Some(meant_sec + ((from_sec - meant_sec) / interval_sec).ceil().max(0.0) * interval_sec)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: Timeline = Timeline { t_origin_sec: 0.0, beat_origin: 0.0, spb: 1.0 };

    fn settle(half_beat: &mut HalfBeat, t_sec: f64, now_sec: f64) -> f64 {
        half_beat.settle(t_sec, 1.0, &LINE, StreamSec(now_sec), now_sec - 0.02).unwrap_or(t_sec)
    }

    #[test]
    fn the_pulse_between_is_moved_to_the_grids_next_beat_and_others_stay() {
        let mut by_grid = HalfBeat::new(HalfBeatBy::Grid);
        assert_eq!([10.0, 10.3, 9.8].map(|t_sec| settle(&mut by_grid, t_sec, 9.95)), [10.0, 10.3, 9.8]);
        assert_eq!(settle(&mut by_grid, 9.5, 9.95), 10.0, "the one before");
        assert_eq!(settle(&mut by_grid, 10.45, 9.95), 9.95, "the one after, a little early");
        assert_eq!(settle(&mut by_grid, 9.4, 10.1), 10.9, "not one that is over");
        for beats in 0..100 {
            assert_eq!(settle(&mut by_grid, 10.5 + f64::from(beats), 10.4 + f64::from(beats)) % 1.0, 0.0, "however long");
        }
        let mut by_decoder = HalfBeat::default();
        assert_eq!(settle(&mut by_decoder, 9.5, 9.4), 9.5);
    }

    #[test]
    fn a_decoder_that_insists_is_believed_where_the_phase_was_left_to_it() {
        let mut half_beat = HalfBeat::new(HalfBeatBy::PersistentDecoder);
        // Its mind changes with each pulse: the grid stays.
        for half_beats in 0..40 {
            let now_sec = 0.5 * f64::from(half_beats);
            let meant = settle(&mut half_beat, now_sec + 0.01, now_sec);
            assert!((meant - meant.round()).abs() < 0.02, "{meant}");
        }
        settle(&mut half_beat, 30.0, 29.9);
        let stays = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0].map(|beats| settle(&mut half_beat, 30.5 + beats, 30.25 + beats) % 1.0 == 0.0);
        assert_eq!(stays, [true, true, true, true, true, false, false]);
    }
}
