//! Fifth stage: what the decoder believes becomes beats announced ahead of time and a timeline. INFERENCE THREAD.
//!
//! A beat is announced once it is no more than [`ANNOUNCE_LEAD_SEC`] away from the newest sample; until then its time is
//! refined, afterwards it stands. The timeline goes through the announced beat with a tempo fitted to the recent beats,
//! so that the readout is not quantised to the decoder's grid. Nothing is announced in silence or while the decoder has
//! no evidence of a pulse; the timeline then free-runs.

use super::decoder::BeatPosterior;
use super::lock::Lock;
use super::pipe::ActivationFrame;
use super::tempo_fit::TempoFit;
use crate::state::{BeatClockState, BeatEvent};
use crate::timeline::Timeline;
use crate::units::{FRAME_SEC, StreamSec};

/// A beat is announced this long before it falls, counted from the newest sample, seconds. Longer leads let receivers
/// schedule; shorter ones see more evidence. Must exceed the 43 ms by which a
/// frame trails the newest sample, less a hop, for a beat to be said in time (docs/latency.md).
pub const ANNOUNCE_LEAD_SEC: f64 = 0.080;
/// The networks' labels are one frame wide at `floor(50 t)`, so a beat lies half a frame after its frame's centre.
pub const LABEL_OFFSET_SEC: f64 = 0.5 * FRAME_SEC;
/// No beat within this share of an interval after the last one: a hypothesis may change, but not count a beat twice.
const REFRACTORY_BEATS: f64 = 0.55;
/// A beat that fell longer ago than this, seconds, is not said any more: at the lock, or when the decoder changes its mind, the
/// nearest beat may be a past one, and what comes later is heard as a beat of its own. One frame. NB: costs .004 of F70 on the
/// annotated pieces, where a late word counts as a good one, and gains .003 of live0, where it does not.
const MAX_LATENESS_SEC: f64 = FRAME_SEC;
/// The bar that "this is 1" means while the evidence has found none.
const USUAL_BEATS_PER_BAR: u8 = 4;
/// Beats over which the intensity is averaged (exponentially).
const INTENSITY_MEMORY_BEATS: f32 = 4.0;

/// The next beat by the timeline.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NextBeat {
    /// When it falls, seconds of stream.
    pub t_sec: f64,
    /// Its number.
    pub count: u64,
    /// Its position in the bar, 1-based; 0 = unknown.
    pub in_bar: u8,
}

/// Turns posteriors into events and a timeline.
#[derive(Debug, Clone)]
pub struct Tracker {
    timeline: Timeline,
    tempo: TempoFit,
    last_event: Option<BeatEvent>,
    next_count: u64,
    locked: bool,
    lock: Lock,
    peak_activation: f32,
    intensity: f32,
    conf: f32,
    /// Added to the time of every beat, seconds.
    nudge_sec: f64,
    /// Beats come from the timeline, whatever is heard.
    held: bool,
    /// The beat that the user called the first of its bar, and the beats per bar then.
    one: Option<(u64, u8)>,
}

impl Default for Tracker {
    fn default() -> Self {
        Self {
            timeline: Timeline::default(),
            tempo: TempoFit::default(),
            last_event: None,
            next_count: 0,
            locked: false,
            lock: Lock::default(),
            peak_activation: 0.0,
            intensity: 0.0,
            conf: 0.0,
            nudge_sec: 0.0,
            held: false,
            one: None,
        }
    }
}

impl Tracker {
    /// Consumes what is believed after one frame; returns the beat that is announced now, if any.
    ///
    /// `now` is the time of the newest sample, later than the frame's own time by the analysis look-ahead.
    pub fn step(&mut self, frame: &ActivationFrame, posterior: &BeatPosterior, now: StreamSec) -> Option<BeatEvent> {
        self.locked = self.lock.step(frame, posterior) && posterior.interval_frames > 0.0;
        self.conf = if self.locked { posterior.conf } else { 0.0 };
        self.peak_activation = self.peak_activation.max(frame.activation.beat + frame.activation.downbeat);
        if self.held && self.last_event.is_some() {
            return self.announce_from_timeline(now);
        }
        if !self.locked {
            return None;
        }
        let t_beat = frame.time.0 + LABEL_OFFSET_SEC + posterior.frames_to_beat * FRAME_SEC + self.nudge_sec;
        let interval_sec = posterior.interval_frames * FRAME_SEC;
        let since_last_sec = self.last_event.map_or(f64::INFINITY, |last| t_beat - last.t_sec);
        let is_due = t_beat <= now.0 + ANNOUNCE_LEAD_SEC && t_beat >= (now.0 - MAX_LATENESS_SEC).max(0.0);
        if !is_due || since_last_sec <= REFRACTORY_BEATS * interval_sec {
            return None;
        }
        Some(self.announce(t_beat, interval_sec, posterior))
    }

    /// The map between time and beats.
    pub fn timeline(&self) -> Timeline {
        self.timeline
    }

    /// The beat clock at `now`.
    pub fn clock_at(&self, now: StreamSec) -> BeatClockState {
        let beat = self.timeline.beat_at(now).max(0.0);
        let (beats_per_bar, beat_in_bar, downbeat_prob) = self.last_event.map_or((0, 0, 0.0), |last| {
            // The last announced beat may still be to come: then the one before it is playing.
            let behind = last.beat_count as i64 - beat.floor() as i64;
            (last.beats_per_bar, bar_position(last.beat_in_bar, last.beats_per_bar, -behind), last.downbeat_prob)
        });
        BeatClockState {
            t_sec: now.0,
            spb: self.timeline.spb,
            beat_count: beat.floor() as u64,
            phase: self.timeline.phase_at(now) as f32,
            conf: self.conf,
            downbeat_prob,
            beats_per_bar,
            beat_in_bar,
            locked: u8::from(self.locked),
        }
    }

    /// After a jump of the host: the count and tempo go on, the phase is found anew.
    pub fn forget_phase(&mut self) {
        self.tempo.clear();
        self.locked = false;
        self.one = None;
        // The beats before the jump say nothing about when the next one may come.
        if let Some(last) = &mut self.last_event {
            last.t_sec = f64::NEG_INFINITY;
        }
    }

    /// All beats come this much later from now on, seconds; adds up.
    pub fn nudge(&mut self, by_sec: f64) {
        self.nudge_sec += by_sec;
        self.timeline.t_origin_sec += by_sec;
    }

    /// The beat nearest to `now` is the first of its bar, until a jump.
    pub fn this_is_one(&mut self, now: StreamSec) {
        let Some(last) = &mut self.last_event else { return };
        let beats_per_bar = if last.beats_per_bar == 0 { USUAL_BEATS_PER_BAR } else { last.beats_per_bar };
        let nearest = self.timeline.beat_at(now).round().max(0.0) as u64;
        self.one = Some((nearest, beats_per_bar));
        last.beats_per_bar = beats_per_bar;
        last.beat_in_bar = bar_position(1, beats_per_bar, last.beat_count as i64 - nearest as i64);
        last.downbeat_prob = f32::from(u8::from(last.beat_in_bar == 1));
    }

    /// On: the tempo and phase of now go on, whatever is heard. Off: beats are taken from the decoder again.
    pub fn hold(&mut self, on: bool) {
        self.held = on;
    }

    /// Takes over a tempo of `spb` seconds per beat with a beat at `beat_sec`, which is the next to be counted.
    pub fn follow(&mut self, spb: f64, beat_sec: f64) {
        self.tempo.clear();
        self.timeline = Timeline { t_origin_sec: beat_sec, beat_origin: self.next_count as f64, spb };
        // The refractory time belongs to the old tempo.
        if let Some(last) = &mut self.last_event {
            last.t_sec = last.t_sec.min(beat_sec - spb);
        }
    }

    /// The next beat to be counted, by the timeline: those that fell before `now` unsaid, in a break, are passed over.
    pub fn next_beat(&self, now: StreamSec) -> NextBeat {
        let unsaid = self.timeline.beat_at(now).ceil();
        // Written so that NaN fails.
        let count = if unsaid > self.next_count as f64 { unsaid as u64 } else { self.next_count };
        let in_bar = self.last_event.map_or(0, |last| {
            let since = count as i64 - last.beat_count as i64;
            bar_position(last.beat_in_bar, last.beats_per_bar, since)
        });
        NextBeat { t_sec: self.timeline.time_of(count as f64).0, count, in_bar }
    }

    /// What is added to the time of every beat that the decoder finds, seconds.
    pub fn nudge_sec(&self) -> f64 {
        self.nudge_sec
    }

    /// While held: the next beat of the timeline, once it is due.
    fn announce_from_timeline(&mut self, now: StreamSec) -> Option<BeatEvent> {
        self.locked = true;
        let last = self.last_event?;
        self.conf = last.conf;
        let NextBeat { t_sec, count, in_bar } = self.next_beat(now);
        if t_sec > now.0 + ANNOUNCE_LEAD_SEC {
            return None;
        }
        let downbeat_prob = if in_bar == 0 { last.downbeat_prob } else { f32::from(u8::from(in_bar == 1)) };
        let event = BeatEvent { t_sec, beat_count: count, beat_in_bar: in_bar, downbeat_prob, ..last };
        self.next_count = count + 1;
        self.last_event = Some(event);
        Some(event)
    }

    fn announce(&mut self, t_sec: f64, interval_sec: f64, posterior: &BeatPosterior) -> BeatEvent {
        // Beats that nobody announced, in a break, are counted all the same.
        let by_time = self.timeline.beat_at(StreamSec(t_sec)).round();
        if self.last_event.is_some() && by_time.is_finite() && by_time > self.next_count as f64 {
            self.next_count = by_time as u64;
        }
        let spb = self.tempo.push(t_sec, interval_sec);
        self.intensity += (self.peak_activation.min(1.0) - self.intensity) / INTENSITY_MEMORY_BEATS;
        self.peak_activation = 0.0;
        let mut event = BeatEvent {
            t_sec,
            beat_count: self.next_count,
            beat_in_bar: posterior.beat_in_bar,
            beats_per_bar: posterior.beats_per_bar,
            downbeat_prob: posterior.downbeat_prob,
            intensity: self.intensity,
            conf: posterior.conf,
        };
        if let Some((one, beats_per_bar)) = self.one {
            event.beats_per_bar = beats_per_bar;
            event.beat_in_bar = bar_position(1, beats_per_bar, event.beat_count as i64 - one as i64);
            event.downbeat_prob = f32::from(u8::from(event.beat_in_bar == 1));
        }
        self.timeline = Timeline { t_origin_sec: t_sec, beat_origin: self.next_count as f64, spb };
        self.next_count += 1;
        self.last_event = Some(event);
        event
    }
}

/// The 1-based position `offset` beats after position `from` in a bar; 0 (unknown) stays 0.
fn bar_position(from: u8, beats_per_bar: u8, offset: i64) -> u8 {
    if from == 0 || beats_per_bar == 0 {
        return 0;
    }
    let position = (i64::from(from) - 1 + offset).rem_euclid(i64::from(beats_per_bar));
    position as u8 + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::activation::Activation;
    use crate::units::FrameIdx;

    /// Frames of music with a known beat grid, and a decoder that is always right.
    fn run(tracker: &mut Tracker, frames: std::ops::Range<u64>, period_frames: f64, rms: f32, pulse_nats: f32) -> Vec<(BeatEvent, f64)> {
        let mut events = Vec::new();
        for n in frames {
            let frame = ActivationFrame {
                frame: FrameIdx(n),
                time: StreamSec(n as f64 * FRAME_SEC),
                activation: Activation::default(),
                flux: if n % 25 == 0 { 0.3 } else { 0.01 },
                rms,
            };
            let beat = (n as f64 / period_frames).round();
            let posterior = BeatPosterior {
                interval_frames: period_frames,
                frames_to_beat: beat * period_frames - n as f64,
                conf: 0.9,
                beats_per_bar: 4,
                beat_in_bar: (beat as i64).rem_euclid(4) as u8 + 1,
                downbeat_prob: 0.1,
                pulse_nats,
            };
            let now = StreamSec(n as f64 * FRAME_SEC + 0.04);
            events.extend(tracker.step(&frame, &posterior, now).map(|event| (event, now.0)));
        }
        events
    }

    #[test]
    fn every_beat_is_announced_once_ahead_and_counted() {
        let events = run(&mut Tracker::default(), 0..1000, 25.0, 0.1, 10.0);
        assert!(events.len() >= 40, "{}", events.len());
        let first = ((events[0].0.t_sec - LABEL_OFFSET_SEC) / 0.5).round() as usize;
        for (k, (event, now)) in events.iter().enumerate() {
            assert_eq!(event.beat_count, k as u64);
            assert!((event.t_sec - ((first + k) as f64 * 0.5 + LABEL_OFFSET_SEC)).abs() < 1e-9);
            assert_eq!(usize::from(event.beat_in_bar), (first + k) % 4 + 1);
            assert!(k == 0 || (event.t_sec - now > 0.05 && event.t_sec - now <= ANNOUNCE_LEAD_SEC + 1e-9), "{}", event.t_sec - now);
        }
    }

    #[test]
    fn nothing_is_announced_in_silence_and_the_timeline_runs_on() {
        let mut tracker = Tracker::default();
        assert!(run(&mut tracker, 0..500, 25.0, 0.0, 10.0).is_empty(), "digital silence from the start");
        run(&mut tracker, 500..1000, 25.0, 0.1, 10.0);
        let line = tracker.timeline();
        let late = run(&mut tracker, 1000..2000, 25.0, 0.0, 10.0);
        assert!(late.iter().all(|(event, _)| event.t_sec < 22.0), "{late:?}");
        assert_eq!(tracker.timeline().spb, line.spb);
        assert_eq!(tracker.clock_at(StreamSec(40.0)).locked, 0);
        assert!(tracker.clock_at(StreamSec(40.0)).beat_count > 30);
    }

    #[test]
    fn a_changed_mind_does_not_count_a_beat_twice() {
        let mut tracker = Tracker::default();
        run(&mut tracker, 0..500, 25.0, 0.1, 10.0);
        let events = run(&mut tracker, 500..1000, 24.0, 0.1, 10.0);
        for pair in events.windows(2) {
            assert!(pair[1].0.t_sec - pair[0].0.t_sec > REFRACTORY_BEATS * 24.0 * FRAME_SEC);
        }
    }

    #[test]
    fn the_clock_shows_the_beat_that_is_playing() {
        let mut tracker = Tracker::default();
        let events = run(&mut tracker, 0..1000, 25.0, 0.1, 10.0);
        let (last, now) = *events.last().unwrap();
        let clock = tracker.clock_at(StreamSec(now));
        assert_eq!(clock.beat_count, last.beat_count - 1, "the announced beat is still to come");
        assert_eq!(clock.beat_in_bar, bar_position(last.beat_in_bar, 4, -1));
        assert!((f64::from(clock.phase) - (1.0 - (last.t_sec - now) / 0.5)).abs() < 1e-5);
    }

    #[test]
    fn beats_of_a_break_are_counted() {
        let mut tracker = Tracker::default();
        let before = run(&mut tracker, 0..500, 25.0, 0.1, 10.0).last().unwrap().0;
        run(&mut tracker, 500..900, 25.0, 0.0, 10.0);
        let after = run(&mut tracker, 900..1200, 25.0, 0.1, 10.0)[0].0;
        assert_eq!((after.beat_count - before.beat_count) as f64, ((after.t_sec - before.t_sec) / 0.5).round());
    }

    #[test]
    fn a_held_grid_goes_on_in_silence_and_listens_again_afterwards() {
        let mut tracker = Tracker::default();
        let before = run(&mut tracker, 0..500, 25.0, 0.1, 10.0).last().unwrap().0;
        tracker.hold(true);
        let held = run(&mut tracker, 500..1000, 24.0, 0.0, 0.0);
        assert!(held.len() >= 19, "{}", held.len());
        for (k, (event, now)) in held.iter().enumerate() {
            assert_eq!(event.beat_count, before.beat_count + 1 + k as u64);
            assert!((event.t_sec - before.t_sec - 0.5 * (k + 1) as f64).abs() < 1e-6 && event.t_sec > *now);
            assert_eq!(event.beat_in_bar, bar_position(before.beat_in_bar, 4, k as i64 + 1));
        }
        tracker.hold(false);
        assert!(run(&mut tracker, 1000..1400, 25.0, 0.0, 0.0).is_empty());
    }

    #[test]
    fn a_hold_after_a_break_does_not_make_up_for_its_beats() {
        let mut tracker = Tracker::default();
        let before = run(&mut tracker, 0..500, 25.0, 0.1, 10.0).last().unwrap().0;
        // 8 s of silence, then a hold, as of a drummer who comes in again.
        run(&mut tracker, 500..900, 25.0, 0.0, 0.0);
        tracker.hold(true);
        let held = run(&mut tracker, 900..1100, 25.0, 0.0, 0.0);
        assert_eq!(held.len(), 8, "{held:?}");
        for (event, now) in held {
            assert!(event.t_sec > now && event.t_sec <= now + ANNOUNCE_LEAD_SEC, "{} said at {now}", event.t_sec);
            let since = ((event.t_sec - before.t_sec) / 0.5).round() as i64;
            assert_eq!(event.beat_count as i64 - before.beat_count as i64, since);
            assert_eq!(event.beat_in_bar, bar_position(before.beat_in_bar, 4, since));
        }
    }

    #[test]
    fn a_nudge_moves_all_later_beats() {
        let mut tracker = Tracker::default();
        run(&mut tracker, 0..500, 25.0, 0.1, 10.0);
        tracker.nudge(0.005);
        tracker.nudge(0.005);
        for (event, _) in run(&mut tracker, 500..700, 25.0, 0.1, 10.0) {
            assert!((event.t_sec - LABEL_OFFSET_SEC - 0.01).rem_euclid(0.5).min(0.5) < 1e-9, "{}", event.t_sec);
        }
    }

    #[test]
    fn this_is_one_outlives_other_evidence_until_a_jump() {
        let mut tracker = Tracker::default();
        let last = run(&mut tracker, 0..500, 25.0, 0.1, 10.0).last().unwrap().0;
        // The decoder says `beat mod 4 + 1`; the user says that the last beat was 1.
        tracker.this_is_one(StreamSec(last.t_sec));
        for (event, _) in run(&mut tracker, 500..800, 25.0, 0.1, 10.0) {
            assert_eq!(u64::from(event.beat_in_bar), (event.beat_count - last.beat_count) % 4 + 1);
        }
        tracker.forget_phase();
        let (event, _) = run(&mut tracker, 800..1200, 25.0, 0.1, 10.0)[0];
        assert_eq!(i64::from(event.beat_in_bar), ((event.t_sec - LABEL_OFFSET_SEC) / 0.5).round() as i64 % 4 + 1);
    }

    #[test]
    fn bar_positions_wrap_and_unknown_stays_unknown() {
        assert_eq!([bar_position(1, 4, -1), bar_position(4, 4, 1), bar_position(2, 3, 7), bar_position(0, 4, 3)], [4, 1, 3, 0]);
    }
}
