//! Which beat is played at which moment: announced ones at their time, or foreseen ones from the timeline. AUDIO THREAD.
//!
//! An announced beat stands, so it is played exactly when it was said to fall. Where outputs are to come earlier than beats
//! are announced (a large negative offset), or where the host's transport is the source and nobody announces, the next beat
//! is read off the timeline instead. Counts only rise: a beat is played once.

use crate::state::{BeatEvent, BeatUpdate};
use crate::timeline::Timeline;
use crate::units::StreamSec;

/// Beats come this long before they fall at the least, seconds: an announced lead of 60 to 80 ms less the 25 ms until an
/// update takes effect. Outputs that are to be earlier than that are foreseen.
pub const ASSURED_LEAD_SEC: f64 = 0.035;
/// A beat that is known this late, seconds, is left out: a listener would hear it as a beat of its own.
const MAX_LATENESS_SEC: f64 = 0.1;
/// Announced beats that wait: with an offset of half a second, two or three.
const N_WAITING: usize = 8;

/// The beats of one output.
#[derive(Debug, Clone, Copy)]
pub struct Beats {
    waiting: [Option<BeatEvent>; N_WAITING],
    timeline: Timeline,
    locked: bool,
    /// What bar and strength foreseen beats have: the last announced beat.
    pattern: BeatEvent,
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
            pattern: BeatEvent::default(),
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

    /// Takes over an update that takes effect at `at`. Real-time safe: yes.
    pub fn update(&mut self, at: StreamSec, update: &BeatUpdate) {
        self.timeline = update.timeline;
        let was_locked = std::mem::replace(&mut self.locked, update.locked != 0);
        if let Some(event) = update.event {
            self.pattern = event;
            if event.beat_count >= self.next_count
                && let Some(free) = self.waiting.iter_mut().find(|slot| slot.is_none())
            {
                *free = Some(event);
            }
        }
        if self.foresees && self.locked && !was_locked {
            // Beats of the past are not made up for.
            let next = self.timeline.beat_at(StreamSec(at.0 - self.offset_sec)).ceil();
            self.next_count = self.next_count.max(next.max(0.0) as u64);
        }
    }

    /// The bar and strength that foreseen beats take over, where nobody announces. Real-time safe: yes.
    pub fn set_pattern(&mut self, pattern: BeatEvent) {
        self.pattern = pattern;
    }

    /// The next beat to play and the moment, at `now` or later. Real-time safe: yes.
    pub fn peek(&self, now: StreamSec) -> Option<(StreamSec, BeatEvent)> {
        let event = if self.foresees { self.foreseen() } else { self.first_waiting() }?;
        Some((StreamSec((event.t_sec + self.offset_sec).max(now.0)), event))
    }

    /// The beat `event` is played. Real-time safe: yes.
    pub fn played(&mut self, event: &BeatEvent) {
        self.next_count = event.beat_count + 1;
        self.forget_past();
    }

    /// Leaves out beats that are too late by `now`; returns how many. Real-time safe: yes.
    pub fn drop_late(&mut self, now: StreamSec) -> u32 {
        let mut n_dropped = 0;
        while let Some(event) = self.first_waiting() {
            if event.t_sec + self.offset_sec >= now.0 - MAX_LATENESS_SEC {
                break;
            }
            self.next_count = event.beat_count + 1;
            self.forget_past();
            n_dropped += u32::from(!self.foresees);
        }
        n_dropped
    }

    /// After a stop: nothing waits, counting goes on. Real-time safe: yes.
    pub fn clear(&mut self) {
        self.waiting = [None; N_WAITING];
        self.locked = false;
    }

    fn first_waiting(&self) -> Option<BeatEvent> {
        self.waiting.iter().flatten().min_by_key(|event| event.beat_count).copied()
    }

    fn foreseen(&self) -> Option<BeatEvent> {
        if !self.locked {
            return None;
        }
        let count = self.next_count;
        let t_sec = self.timeline.time_of(count as f64).0;
        let bar = u64::from(self.pattern.beats_per_bar);
        let since = count.wrapping_sub(self.pattern.beat_count) as i64;
        let beat_in_bar = match (bar, self.pattern.beat_in_bar) {
            (0, _) | (_, 0) => 0,
            (bar, from) => ((i64::from(from) - 1 + since).rem_euclid(bar as i64) + 1) as u8,
        };
        Some(BeatEvent { t_sec, beat_count: count, beat_in_bar, ..self.pattern })
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
    use crate::units::SamplePos;

    fn announce(count: u64, t_sec: f64) -> BeatUpdate {
        let event = BeatEvent { t_sec, beat_count: count, beat_in_bar: (count % 4) as u8 + 1, beats_per_bar: 4, ..BeatEvent::default() };
        let timeline = Timeline { t_origin_sec: t_sec, beat_origin: count as f64, spb: 0.5 };
        BeatUpdate { effective_at: SamplePos(0), timeline, conf: 0.9, locked: 1, event: Some(event) }
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
}
