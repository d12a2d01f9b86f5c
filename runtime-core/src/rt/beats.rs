//! Which beat is played at which moment: announced ones at their time, or foreseen ones from the timeline. AUDIO THREAD.
//!
//! An announced beat stands, so it is played exactly when it was said to fall. Where outputs are to come earlier than beats
//! are announced (a large negative offset), or where the host's transport is the source and nobody announces, the next beat
//! is read off the timeline instead. Counts only rise: a beat is played once.

use crate::rt::slew::{MAX_COORDINATE, USABLE_SPB};
use crate::state::{BeatEvent, BeatUpdate};
use crate::timeline::Timeline;
use crate::units::StreamSec;

/// Beats come this long before they fall at the least, seconds: an announced lead of 60 to 80 ms less the 25 ms until an
/// update takes effect. Outputs that are to be earlier than that are foreseen.
pub const ASSURED_LEAD_SEC: f64 = 0.035;
/// A beat that is known this late, seconds, is left out: a listener would hear it as a beat of its own.
const MAX_LATENESS_SEC: f64 = 0.1;
/// A beat this recent, beats, is not of the past: what a host's position is rounded to.
const JUST_NOW_BEATS: f64 = 1e-3;
/// Announced beats that wait: with an offset of half a second, two or three.
const N_WAITING: usize = 8;

/// The beats of one output.
#[derive(Debug, Clone, Copy)]
pub struct Beats {
    waiting: [Option<BeatEvent>; N_WAITING],
    timeline: Timeline,
    locked: bool,
    /// What bar and strength foreseen beats have: the last announced beat. Before the first one nothing is foreseen.
    pattern: Option<BeatEvent>,
    /// Number of the next beat that may be played.
    next_count: u64,
    offset_sec: f64,
    /// All beats come from the timeline.
    foresees: bool,
}

impl Default for Beats {
    fn default() -> Self {
        Self {
            waiting: [None; N_WAITING],
            timeline: Timeline::default(),
            locked: false,
            pattern: None,
            next_count: 0,
            offset_sec: 0.0,
            foresees: false,
        }
    }
}

impl Beats {
    /// Plays everything this much later, seconds; negative: earlier. `from_timeline`: nobody announces. Real-time safe: yes.
    pub fn set_output(&mut self, offset_sec: f64, from_timeline: bool) {
        self.offset_sec = offset_sec;
        self.foresees = from_timeline || offset_sec < -ASSURED_LEAD_SEC;
    }

    /// Takes over an update that takes effect at `at`. A timeline or a beat that no music can have is left out.
    /// Real-time safe: yes.
    pub fn update(&mut self, at: StreamSec, update: &BeatUpdate) {
        let could_foresee = self.can_foresee();
        let line = update.timeline;
        if USABLE_SPB.contains(&line.spb) && line.t_origin_sec.abs() < MAX_COORDINATE && line.beat_origin.abs() < MAX_COORDINATE {
            self.timeline = line;
        }
        self.locked = update.locked != 0;
        if let Some(event) = update.event.filter(|event| event.t_sec.is_finite()) {
            self.pattern = Some(event);
            if event.beat_count >= self.next_count
                && let Some(free) = self.waiting.iter_mut().find(|slot| slot.is_none())
            {
                *free = Some(event);
            }
        }
        if self.foresees && self.can_foresee() && !could_foresee {
            // Beats of the past are not made up for.
            self.skip_before(at);
        }
    }

    /// The bar and strength that foreseen beats take over, where nobody announces. Real-time safe: yes.
    pub fn set_pattern(&mut self, pattern: BeatEvent) {
        self.pattern = Some(pattern);
    }

    /// The next beat to play and the moment, at `now` or later. Real-time safe: yes.
    pub fn peek(&self, now: StreamSec) -> Option<(StreamSec, BeatEvent)> {
        let event = if self.foresees { self.foreseen() } else { self.first_waiting() }?;
        Some((StreamSec((event.t_sec + self.offset_sec).max(now.0)), event))
    }

    /// The beat `event` is played. Real-time safe: yes.
    pub fn played(&mut self, event: &BeatEvent) {
        self.next_count = self.next_count.max(event.beat_count.saturating_add(1));
        self.forget_past();
    }

    /// Leaves out beats that are too late by `now`; returns how many that were, of those that would have been played.
    /// Real-time safe: yes.
    pub fn drop_late(&mut self, now: StreamSec) -> u32 {
        let earliest_sec = now.0 - MAX_LATENESS_SEC;
        let mut n_dropped = 0;
        for slot in &mut self.waiting {
            if let Some(late) = slot.take_if(|event| event.t_sec + self.offset_sec < earliest_sec)
                && !self.foresees
            {
                self.next_count = self.next_count.max(late.beat_count.saturating_add(1));
                n_dropped += 1;
            }
        }
        if self.foresees && self.can_foresee() {
            self.skip_before(StreamSec(earliest_sec));
        }
        n_dropped
    }

    /// After a stop: nothing waits, counting goes on. Real-time safe: yes.
    pub fn clear(&mut self) {
        self.waiting = [None; N_WAITING];
        self.locked = false;
    }

    fn can_foresee(&self) -> bool {
        self.locked && self.pattern.is_some()
    }

    /// No beat of the timeline that would have had to be played before `t`.
    fn skip_before(&mut self, t: StreamSec) {
        let first = (self.timeline.beat_at(StreamSec(t.0 - self.offset_sec)) - JUST_NOW_BEATS).ceil();
        self.next_count = self.next_count.max(first.max(0.0) as u64);
        self.forget_past();
    }

    fn first_waiting(&self) -> Option<BeatEvent> {
        self.waiting.iter().flatten().min_by(|a, b| a.t_sec.total_cmp(&b.t_sec)).copied()
    }

    fn foreseen(&self) -> Option<BeatEvent> {
        let pattern = self.pattern.filter(|_| self.locked)?;
        let count = self.next_count;
        let t_sec = self.timeline.time_of(count as f64).0;
        let bar = u64::from(pattern.beats_per_bar);
        let since = count.wrapping_sub(pattern.beat_count) as i64;
        let beat_in_bar = match (bar, pattern.beat_in_bar) {
            (0, _) | (_, 0) => 0,
            (bar, from) => ((i64::from(from) - 1).wrapping_add(since).rem_euclid(bar as i64) + 1) as u8,
        };
        let downbeat_prob = match beat_in_bar {
            0 => pattern.downbeat_prob,
            position => f32::from(u8::from(position == 1)),
        };
        Some(BeatEvent { t_sec, beat_count: count, beat_in_bar, downbeat_prob, ..pattern })
    }

    fn forget_past(&mut self) {
        let next_count = self.next_count;
        for slot in &mut self.waiting {
            if slot.is_some_and(|event| event.beat_count < next_count) {
                *slot = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::hint::HintFlags;
    use crate::state::{LockReason, Outlook};
    use crate::units::SamplePos;

    fn announce(count: u64, t_sec: f64) -> BeatUpdate {
        let event = BeatEvent { t_sec, beat_count: count, beat_in_bar: (count % 4) as u8 + 1, beats_per_bar: 4, ..BeatEvent::default() };
        let timeline = Timeline { t_origin_sec: t_sec, beat_origin: count as f64, spb: 0.5 };
        BeatUpdate {
            effective_at: SamplePos(0),
            timeline,
            conf: 0.9,
            shown_spb: timeline.spb,
            locked: 1,
            reason: LockReason::default(),
            hints: HintFlags::default(),
            outlook: Outlook::default(),
            event: Some(event),
        }
    }

    #[test]
    fn an_announced_beat_is_played_once_at_its_time() {
        let mut beats = Beats::default();
        assert!(beats.peek(StreamSec(0.0)).is_none());
        beats.update(StreamSec(0.96), &announce(0, 1.0));
        beats.update(StreamSec(0.97), &announce(1, 1.5));
        let (t, event) = beats.peek(StreamSec(0.98)).unwrap();
        assert_eq!((t, event.beat_count), (StreamSec(1.0), 0));
        beats.played(&event);
        beats.update(StreamSec(1.1), &announce(0, 1.2));
        assert_eq!(beats.peek(StreamSec(1.3)).unwrap().1.beat_count, 1);
    }

    #[test]
    fn a_late_beat_comes_at_once_and_a_very_late_one_not_at_all() {
        let mut beats = Beats::default();
        beats.update(StreamSec(1.05), &announce(3, 1.0));
        assert_eq!(beats.drop_late(StreamSec(1.05)), 0);
        assert_eq!(beats.peek(StreamSec(1.05)).unwrap().0, StreamSec(1.05));
        assert_eq!(beats.drop_late(StreamSec(1.11)), 1);
        assert!(beats.peek(StreamSec(1.11)).is_none());
    }

    #[test]
    fn an_early_output_foresees_beats_with_their_place_in_the_bar() {
        let mut beats = Beats::default();
        beats.set_output(-0.3, false);
        beats.update(StreamSec(0.95), &announce(0, 1.0));
        let mut played = std::vec::Vec::new();
        for _ in 0..4 {
            let (t, event) = beats.peek(StreamSec(0.95)).unwrap();
            beats.played(&event);
            played.push((t.0, event.beat_count, event.beat_in_bar));
        }
        assert_eq!(played[0].1, 1, "beat 0 would have had to be played at 0.7 s, beat 1 at 1.2 s");
        for (t, count, beat_in_bar) in played {
            assert!((t - (1.0 + 0.5 * count as f64 - 0.3)).abs() < 1e-9);
            assert_eq!(u64::from(beat_in_bar), count % 4 + 1);
        }
    }

    #[test]
    fn nothing_is_foreseen_while_unlocked() {
        let mut beats = Beats::default();
        beats.set_output(0.0, true);
        beats.update(StreamSec(1.0), &BeatUpdate { locked: 0, event: None, ..announce(0, 1.0) });
        assert!(beats.peek(StreamSec(1.0)).is_none());
    }

    #[test]
    fn nothing_is_foreseen_before_the_first_beat_is_announced() {
        let mut beats = Beats::default();
        beats.set_output(-0.3, false);
        // The lock comes a frame before the first beat, with a timeline that is nobody's yet.
        beats.update(StreamSec(10.0), &BeatUpdate { event: None, timeline: Timeline::default(), ..announce(0, 0.0) });
        assert!(beats.peek(StreamSec(10.0)).is_none());
        beats.update(StreamSec(10.1), &announce(0, 10.15));
        let (t, event) = beats.peek(StreamSec(10.1)).unwrap();
        assert_eq!(event.beat_count, 1);
        assert!((t.0 - 10.35).abs() < 1e-9, "{t:?}");
    }

    #[test]
    fn foreseen_beats_that_a_correction_put_into_the_past_are_left_out() {
        let mut beats = Beats::default();
        beats.set_output(0.0, true);
        beats.set_pattern(BeatEvent::default());
        beats.update(StreamSec(1.0), &BeatUpdate { event: None, ..announce(2, 1.0) });
        let (_, event) = beats.peek(StreamSec(1.0)).unwrap();
        beats.played(&event);
        // Seven beats on at one stroke: beats 3 to 8 would all come at once, beat 9 is 50 ms late.
        let jumped = Timeline { t_origin_sec: 1.2, beat_origin: 9.1, spb: 0.5 };
        beats.update(StreamSec(1.2), &BeatUpdate { event: None, timeline: jumped, ..announce(0, 0.0) });
        assert_eq!(beats.drop_late(StreamSec(1.2)), 0);
        let (t, event) = beats.peek(StreamSec(1.2)).unwrap();
        assert_eq!((t, event.beat_count), (StreamSec(1.2), 9));
    }

    #[test]
    fn a_beat_that_is_just_now_counts_as_now() {
        let mut beats = Beats::default();
        beats.set_output(0.0, true);
        beats.set_pattern(BeatEvent::default());
        let line = Timeline { t_origin_sec: 1.0, beat_origin: 16.000_000_01, spb: 0.5 };
        beats.update(StreamSec(1.0), &BeatUpdate { event: None, timeline: line, ..announce(0, 0.0) });
        assert_eq!(beats.peek(StreamSec(1.0)).unwrap().1.beat_count, 16);
    }

    #[test]
    fn what_no_music_can_have_is_left_out() {
        let mut beats = Beats::default();
        beats.set_output(0.0, true);
        beats.set_pattern(BeatEvent::default());
        beats.update(StreamSec(1.0), &BeatUpdate { event: None, ..announce(2, 1.0) });
        let before = beats.timeline;
        for spb in [0.0, 1e-9, -1.0, f64::NAN, f64::INFINITY] {
            beats.update(StreamSec(1.0), &BeatUpdate { event: None, timeline: Timeline { spb, ..before }, ..announce(0, 0.0) });
        }
        beats.update(StreamSec(1.0), &BeatUpdate { timeline: before, ..announce(u64::MAX, f64::NAN) });
        assert_eq!((beats.timeline, beats.first_waiting()), (before, None));
        beats.played(&BeatEvent { beat_count: u64::MAX, ..BeatEvent::default() });
        assert!(beats.peek(StreamSec(1.0)).is_some(), "and counting does not overflow");
    }
}
