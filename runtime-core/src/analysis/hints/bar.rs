//! What the user fixed about the bar: where 1 is, and how many beats there are. INFERENCE THREAD.
//!
//! "This is 1" is kept as the number of a beat, so that no evidence moves it; where the count itself changes (half, double, a tap,
//! another metrical level), it is carried over to the beat nearest to where the next 1 would have come.

use crate::state::BeatEvent;
use crate::timeline::Timeline;
use crate::units::StreamSec;

/// The bar that "this is 1" means while nothing else has been found.
const USUAL_BEATS_PER_BAR: u8 = 4;
/// "This is 1" before the first beat counts for beats that come within this time, seconds: over longer spans the first tempo is
/// not exact enough to count back.
const EARLY_ONE_SEC: f64 = 8.0;
/// A tempo that changes by more than this ratio at a beat is another way of counting, not a change of the music.
const LEVEL_RATIO: f64 = 1.3;

/// The place of 1 and the length of the bar, as far as the user fixed them.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct BarLock {
    /// Beats per bar.
    pub beats_per_bar: Option<u8>,
    one: Option<One>,
    /// Said before there were beats, seconds of stream.
    early_one: Option<StreamSec>,
}

/// A beat that is the first of its bar.
#[derive(Debug, Clone, Copy, PartialEq)]
struct One {
    /// Its number; below 0 for a beat before the first.
    count: i64,
    /// Beats per bar when it was said.
    beats_per_bar: u8,
}

impl BarLock {
    /// Whether the place of 1 is fixed.
    pub fn has_one(&self) -> bool {
        self.one.is_some() || self.early_one.is_some()
    }

    /// The beat of `line` nearest to `now` is the first of a bar of `beats_per_bar` beats (0: not known).
    pub fn set_one(&mut self, now: StreamSec, line: &Timeline, beats_per_bar: u8) {
        self.early_one = None;
        let beats_per_bar = if beats_per_bar == 0 { USUAL_BEATS_PER_BAR } else { beats_per_bar };
        self.one = Some(One { count: line.beat_at(now).round() as i64, beats_per_bar });
    }

    /// The same before any beat is known.
    pub fn set_one_early(&mut self, now: StreamSec) {
        self.early_one = Some(now);
    }

    /// The first beat of the stream is announced: what was said before it is counted back from it.
    pub fn first_beat(&mut self, line: &Timeline, event: &BeatEvent) {
        if let Some(at) = self.early_one.take()
            && event.t_sec - at.0 <= EARLY_ONE_SEC
        {
            self.set_one(at, line, self.beats_per_bar.unwrap_or(event.beats_per_bar));
        }
    }

    /// Forgets where 1 is, not the length of the bar.
    pub fn forget_one(&mut self) {
        (self.one, self.early_one) = (None, None);
    }

    /// Writes what is fixed into a beat.
    pub fn mark(&self, event: &mut BeatEvent) {
        let Some(one) = self.one else { return };
        event.beats_per_bar = self.beats_per_bar.unwrap_or(one.beats_per_bar);
        let since = (event.beat_count as i64).saturating_sub(one.count);
        event.beat_in_bar = since.rem_euclid(i64::from(event.beats_per_bar.max(1))) as u8 + 1;
        event.downbeat_prob = f32::from(u8::from(event.beat_in_bar == 1));
    }

    /// Beats are counted along `line` from now on, along `before` until now: 1 comes on the beat nearest to where it would have
    /// come, and the last beat that was announced, `last`, gets the position that fits.
    pub fn carry_over(&mut self, before: &Timeline, line: &Timeline, last: &mut BeatEvent) {
        if last.beat_in_bar == 0 || last.beats_per_bar == 0 {
            return;
        }
        let n_beats = i64::from(last.beats_per_bar);
        let next_one = last.beat_count as i64 + n_beats + 1 - i64::from(last.beat_in_bar);
        let count = line.beat_at(before.time_of(next_one as f64)).round() as i64;
        last.beat_in_bar = (last.beat_count as i64).saturating_sub(count).rem_euclid(n_beats) as u8 + 1;
        if let Some(one) = &mut self.one {
            one.count = count;
        }
    }

    /// [`carry_over`](Self::carry_over) where the decoder changed its mind about how to count; nothing while 1 is not fixed.
    pub fn follow_level(&mut self, before: &Timeline, line: &Timeline, last: &BeatEvent) {
        let ratio = (line.spb / before.spb).max(before.spb / line.spb);
        if self.one.is_some() && ratio > LEVEL_RATIO {
            self.carry_over(before, line, &mut { *last });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: Timeline = Timeline { t_origin_sec: 10.0, beat_origin: 20.0, spb: 0.5 };

    fn event(beat_count: u64) -> BeatEvent {
        BeatEvent { beat_count, t_sec: LINE.time_of(beat_count as f64).0, ..BeatEvent::default() }
    }

    fn in_bar(lock: &BarLock, beat_count: u64) -> (u8, u8) {
        let mut event = event(beat_count);
        lock.mark(&mut event);
        (event.beat_in_bar, event.beats_per_bar)
    }

    #[test]
    fn one_is_the_nearest_beat_and_a_meter_counts_from_it() {
        let mut lock = BarLock::default();
        assert_eq!(in_bar(&lock, 21), (0, 0), "nothing is fixed");
        lock.set_one(StreamSec(10.7), &LINE, 3);
        assert_eq!([20, 21, 22, 23, 24].map(|count| in_bar(&lock, count)), [(3, 3), (1, 3), (2, 3), (3, 3), (1, 3)]);
        lock.beats_per_bar = Some(5);
        assert_eq!([21, 25, 26].map(|count| in_bar(&lock, count)), [(1, 5), (5, 5), (1, 5)]);
        lock.forget_one();
        assert_eq!((in_bar(&lock, 21), lock.has_one()), ((0, 0), false));
    }

    #[test]
    fn an_early_one_is_counted_back_from_the_first_beat() {
        let mut lock = BarLock::default();
        lock.set_one_early(StreamSec(8.51));
        lock.first_beat(&LINE, &event(20));
        // Three beats before beat 20.
        assert_eq!([20, 21].map(|count| in_bar(&lock, count)), [(4, 4), (1, 4)]);
        lock.forget_one();
        lock.set_one_early(StreamSec(1.0));
        lock.first_beat(&LINE, &event(20));
        assert!(!lock.has_one(), "too long ago");
    }

    #[test]
    fn one_stays_on_its_beat_when_the_count_changes() {
        // Beat 21 is 1; the next 1 is beat 25 at 12.5 s.
        for (line, first_new) in [
            // Twice as fast from beat 23 at 11.25 s on: 12.5 s is beat 28.
            (Timeline { t_origin_sec: 11.25, beat_origin: 23.0, spb: 0.25 }, 28),
            // Half as fast from beat 23 at 11.5 s on: 12.5 s is beat 24.
            (Timeline { t_origin_sec: 11.5, beat_origin: 23.0, spb: 1.0 }, 24),
        ] {
            let mut lock = BarLock::default();
            lock.set_one(StreamSec(10.5), &LINE, 4);
            let mut last = event(22);
            lock.mark(&mut last);
            lock.follow_level(&LINE, &line, &last);
            lock.carry_over(&LINE, &line, &mut last);
            assert_eq!(in_bar(&lock, first_new).0, 1, "{line:?}");
            assert_eq!(in_bar(&lock, 22).0, last.beat_in_bar);
        }
    }
}
