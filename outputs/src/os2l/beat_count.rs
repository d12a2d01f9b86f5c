//! The `pos` and `change` of OS2L's beats: a count whose bar lines lie where receivers expect them. Pure; thread of the output.

use crate::event::Beat;

/// A tempo that is this much off the last one is said to have changed, share of it. VirtualDJ says so of any change of its
/// pitch; the tempo of a tracker is never quite still.
pub const CHANGED_TEMPO: f64 = 0.005;

/// Counts beats so that the first of each bar is a multiple of the beats per bar.
#[derive(Debug, Clone, Default)]
pub(super) struct BeatCount {
    last: Option<Last>,
    is_fresh: bool,
}

#[derive(Debug, Clone, Copy)]
struct Last {
    number: u64,
    pos: u64,
    /// Tempo that was last said to be a change, beats per minute.
    bpm: f64,
}

impl BeatCount {
    /// The receiver is new or the music starts again: the next beat is a change, whatever it is.
    pub(super) fn restart(&mut self) {
        self.is_fresh = true;
    }

    /// The next beat's `pos`, and whether it is a `change`: the first one, one of another tempo, or one whose bar line lies
    /// elsewhere than the beat before let expect. A count never goes back: where the bar line moved, it skips ahead.
    pub(super) fn next(&mut self, beat: &Beat) -> (u64, bool) {
        let is_first = std::mem::take(&mut self.is_fresh) || self.last.is_none();
        let expected = self.last.map_or(0, |last| last.pos + beat.number.saturating_sub(last.number).max(1));
        let pos = expected + beats_to_bar_line(expected, beat);
        let has_moved = pos != expected;
        let has_tempo_changed = self.last.is_some_and(|last| (beat.bpm - last.bpm).abs() > CHANGED_TEMPO * last.bpm);
        let change = is_first || has_moved || has_tempo_changed;
        let bpm = self.last.filter(|_| !change).map_or(beat.bpm, |last| last.bpm);
        self.last = Some(Last { number: beat.number, pos, bpm });
        (pos, change)
    }
}

/// How many beats `pos` must be raised by to be at the beat's place in its bar.
fn beats_to_bar_line(pos: u64, beat: &Beat) -> u64 {
    let per_bar = u64::from(beat.beats_per_bar);
    match u64::from(beat.beat_in_bar).checked_sub(1) {
        Some(in_bar) if in_bar < per_bar => (in_bar + per_bar - pos % per_bar) % per_bar,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn beat(number: u64, beat_in_bar: u8, beats_per_bar: u8, bpm: f64) -> Beat {
        Beat { number, beat_in_bar, beats_per_bar, bpm, ..Beat::default() }
    }

    #[test]
    fn the_first_beat_of_a_bar_is_a_multiple_of_four() {
        let mut count = BeatCount::default();
        let said: Vec<_> = (0..6).map(|index| count.next(&beat(10 + index, (index as u8 + 2) % 4 + 1, 4, 120.0))).collect();
        assert_eq!(said, [(2, true), (3, false), (4, false), (5, false), (6, false), (7, false)]);
    }

    #[test]
    fn a_bar_line_that_moves_skips_ahead_and_is_a_change() {
        let mut count = BeatCount::default();
        count.next(&beat(0, 1, 4, 120.0));
        assert_eq!(count.next(&beat(1, 2, 4, 120.0)), (1, false));
        // The tracker now takes this one for the first.
        assert_eq!(count.next(&beat(2, 1, 4, 120.0)), (4, true));
        assert_eq!(count.next(&beat(3, 2, 4, 120.0)), (5, false));
    }

    #[test]
    fn left_out_beats_are_counted_and_an_unknown_bar_is_counted_through() {
        let mut count = BeatCount::default();
        count.next(&beat(0, 0, 0, 120.0));
        assert_eq!(count.next(&beat(4, 0, 0, 120.0)), (4, false));
        // The same number twice, which never happens, does not repeat a count.
        assert_eq!(count.next(&beat(4, 0, 0, 120.0)), (5, false));
    }

    #[test]
    fn a_slow_drift_of_tempo_is_a_change_once_it_is_large() {
        let mut count = BeatCount::default();
        let changes: Vec<_> =
            [120.0, 120.3, 120.5, 120.7, 120.9].iter().zip(0..).map(|(&bpm, n)| count.next(&beat(n, 0, 0, bpm)).1).collect();
        assert_eq!(changes, [true, false, false, true, false]);
        count.restart();
        assert!(count.next(&beat(9, 0, 0, 120.9)).1);
    }

    proptest! {
        #[test]
        fn a_count_only_rises_and_keeps_to_the_bar(beats in proptest::collection::vec((0u8..9, 0u8..9, 1u64..4), 1..60)) {
            let mut count = BeatCount::default();
            let (mut number, mut before) = (0, None);
            for (beat_in_bar, beats_per_bar, step) in beats {
                number += step;
                let (pos, _) = count.next(&beat(number, beat_in_bar, beats_per_bar, 120.0));
                prop_assert!(before.is_none_or(|before| pos > before));
                if beat_in_bar >= 1 && beat_in_bar <= beats_per_bar {
                    prop_assert_eq!(pos % u64::from(beats_per_bar), u64::from(beat_in_bar - 1));
                }
                before = Some(pos);
            }
        }
    }
}
