//! The tracker's part of what the user said: hold, nudge, tempo by hand, the bar. INFERENCE THREAD.
//!
//! What each word means, what it outranks and how long it lasts: [`hints`](crate::analysis::hints). Allocates nothing.

use super::{ANNOUNCE_LEAD_SEC, MAX_LATENESS_SEC, Tracker, bar_position};
use crate::analysis::decoder::BeatPosterior;
use crate::analysis::hints::bar::BarLock;
use crate::analysis::hints::half_beat::{HalfBeat, HalfBeatBy};
use crate::state::BeatEvent;
use crate::timeline::Timeline;
use crate::units::StreamSec;

/// What the user fixed about the grid that is announced.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct GridHints {
    /// Added to the time of every beat, seconds.
    pub nudge_sec: f64,
    /// Beats come from the timeline, whatever is heard.
    pub is_held: bool,
    /// The tempo by hand, seconds per beat.
    pub manual_spb: Option<f64>,
    /// The place of 1, and the bar's length.
    pub bar: BarLock,
    /// Which of two pulses is the beat.
    pub half_beat: HalfBeat,
}

/// The next beat by the timeline.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NextBeat {
    /// When it falls, seconds of stream.
    pub t_sec: f64,
    /// Its number.
    pub count: u64,
    /// Its position in the bar, 1-based; 0 = unknown.
    pub in_bar: u8,
    /// Beats per bar; 0 = unknown.
    pub beats_per_bar: u8,
}

impl Tracker {
    /// What the user fixed about the grid.
    pub fn grid_hints(&self) -> &GridHints {
        &self.user
    }

    /// Whether a beat was announced since the start of the stream.
    pub fn has_beats(&self) -> bool {
        self.last_event.is_some()
    }

    /// All beats come this much later from now on, seconds; adds up.
    pub fn nudge(&mut self, by_sec: f64) {
        self.user.nudge_sec += by_sec;
        self.shift(by_sec);
    }

    /// The beat nearest to `now` is the first of its bar. Before the first beat it is remembered for a while.
    pub fn this_is_one(&mut self, now: StreamSec) {
        match &mut self.last_event {
            Some(last) => {
                self.user.bar.set_one(now, &self.timeline, last.beats_per_bar);
                self.user.bar.mark(last);
            }
            None => self.user.bar.set_one_early(now),
        }
    }

    /// Bars have this many beats; `None`: as many as the decoder says. A 1 that is known stays where it is.
    pub fn set_meter(&mut self, beats_per_bar: Option<u8>) {
        self.user.bar.beats_per_bar = beats_per_bar;
        if let (Some(last), Some(beats)) = (&mut self.last_event, beats_per_bar) {
            // The bar that is playing began where it did.
            last.beat_in_bar = bar_position(last.beat_in_bar, beats, 0);
            last.beats_per_bar = beats;
            self.user.bar.mark(last);
        }
    }

    /// On: the tempo and phase of now go on, whatever is heard. Off: beats are taken from the decoder again.
    pub fn hold(&mut self, on: bool) {
        self.user.is_held = on;
    }

    /// The tempo is this many seconds per beat from now on, whatever the beats say; `None`: theirs again.
    pub fn set_manual(&mut self, spb: Option<f64>) {
        self.user.manual_spb = spb;
    }

    /// Who says which of two pulses is the beat, where both would do.
    pub fn set_half_beat_by(&mut self, by: HalfBeatBy) {
        self.user.half_beat = HalfBeat::new(by);
    }

    /// Forgets all that the user said. The grid goes on where it would be without.
    pub fn forget_hints(&mut self) {
        self.shift(-self.user.nudge_sec);
        self.user = GridHints::default();
    }

    /// Takes over a tempo of `spb` seconds per beat with a beat at `beat_sec`, which is the next to be counted. Bar lines stay
    /// as near as they can to where they were.
    pub fn follow(&mut self, spb: f64, beat_sec: f64) {
        self.forget_grid();
        self.readout.set(spb);
        let line = Timeline { t_origin_sec: beat_sec, beat_origin: self.next_count as f64, spb };
        let before = std::mem::replace(&mut self.timeline, line);
        let Some(last) = &mut self.last_event else { return };
        self.user.bar.carry_over(&before, &line, last);
        // The refractory time belongs to the old tempo.
        last.t_sec = last.t_sec.min(beat_sec - spb);
    }

    /// The grid as it is, and the beats that it was fitted to, come this much later, seconds, but for whole beats: those would only
    /// change the count.
    fn shift(&mut self, by_sec: f64) {
        let spb = self.timeline.spb;
        let by_sec = by_sec - (by_sec / spb).round() * spb;
        self.timeline.t_origin_sec += by_sec;
        self.tempo.shift(by_sec);
        self.readout.shift(by_sec);
        self.line = self.tempo.line();
    }

    /// The next beat to be counted, by the timeline: those that fell before `now` unsaid, in a break, are passed over.
    pub fn next_beat(&self, now: StreamSec) -> NextBeat {
        let unsaid = self.timeline.beat_at(now).ceil();
        // Written so that NaN fails.
        let count = if unsaid > self.next_count as f64 { unsaid as u64 } else { self.next_count };
        let (in_bar, beats_per_bar) = self.last_event.map_or((0, 0), |last| {
            let since = count as i64 - last.beat_count as i64;
            (bar_position(last.beat_in_bar, last.beats_per_bar, since), last.beats_per_bar)
        });
        NextBeat { t_sec: self.timeline.time_of(count as f64).0, count, in_bar, beats_per_bar }
    }

    /// What is added to the time of every beat that the decoder finds, seconds.
    pub fn nudge_sec(&self) -> f64 {
        self.user.nudge_sec
    }

    /// Whether beats come from the timeline: held, and there is a tempo to hold.
    pub(super) fn is_free_running(&self) -> bool {
        self.user.is_held && (self.last_event.is_some() || self.user.manual_spb.is_some())
    }

    /// While held: the next beat of the timeline, once it is due.
    pub(super) fn announce_from_timeline(&mut self, now: StreamSec) -> Option<BeatEvent> {
        self.locked = true;
        let last = self.last_event.unwrap_or_default();
        self.conf = last.conf;
        let NextBeat { t_sec, count, in_bar, beats_per_bar } = self.next_beat(now);
        if t_sec > now.0 + ANNOUNCE_LEAD_SEC {
            return None;
        }
        let downbeat_prob = if in_bar == 0 { last.downbeat_prob } else { f32::from(u8::from(in_bar == 1)) };
        let mut event = BeatEvent { t_sec, beat_count: count, beat_in_bar: in_bar, beats_per_bar, downbeat_prob, ..last };
        if self.last_event.is_none() {
            self.user.bar.first_beat(&self.timeline, &event);
            self.user.bar.mark(&mut event);
        }
        self.next_count = count + 1;
        self.last_event = Some(event);
        Some(event)
    }

    /// A decoder's beat, or the one half a beat beside it that is meant. After a jump, where no beat has been announced yet, it is
    /// the decoder's.
    pub(super) fn settled(&mut self, t_sec: f64, interval_sec: f64, now: StreamSec) -> f64 {
        if self.last_event.is_none_or(|last| !last.t_sec.is_finite()) {
            return t_sec;
        }
        self.user.half_beat.settle(t_sec, interval_sec, &self.timeline, now, now.0 - MAX_LATENESS_SEC).unwrap_or_else(|| {
            self.tempo.clear();
            t_sec
        })
    }

    /// The decoder's nearest beat at `t_sec`, nudged: where that is over, or more than a beat ahead, the one of its grid that
    /// comes next, so that no nudge is so large that beats are missed.
    pub(super) fn nudged(&self, t_sec: f64, interval_sec: f64, posterior: &BeatPosterior, now: StreamSec) -> (f64, BeatPosterior) {
        let t_sec = t_sec + self.user.nudge_sec;
        let n_beats = ((now.0 - MAX_LATENESS_SEC - t_sec) / interval_sec).ceil();
        if self.user.nudge_sec == 0.0 || n_beats == 0.0 || !n_beats.is_finite() {
            return (t_sec, *posterior);
        }
        let beat_in_bar = bar_position(posterior.beat_in_bar, posterior.beats_per_bar, n_beats as i64);
        // What the decoder says of another beat of the bar is not known here.
        let downbeat_prob = f32::from(u8::from(beat_in_bar == 1));
        (t_sec + n_beats * interval_sec, BeatPosterior { beat_in_bar, downbeat_prob, ..*posterior })
    }
}
