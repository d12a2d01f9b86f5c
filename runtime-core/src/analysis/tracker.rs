//! Fifth stage: what the decoder believes becomes beats announced ahead of time and a timeline. INFERENCE THREAD.
//!
//! A beat is announced once it is no more than [`ANNOUNCE_LEAD_SEC`] away from the newest sample; until then its time is
//! refined, afterwards it stands. The timeline goes through the announced beat with a tempo fitted to the recent beats,
//! so that it is not quantised to the decoder's grid. Where no onset is heard the timeline goes on as it is and beats are
//! announced from it for some bars ([`super::flywheel`]). Nothing is announced in silence; the timeline then free-runs.

mod hints;
#[cfg(test)]
mod tests;

pub use hints::{GridHints, NextBeat};

use super::candidates::TempoCandidates;
use super::confidence::{BeatEvidence, HeardBeats};
use super::decoder::BeatPosterior;
use super::flywheel::{Flywheel, Situation, Source};
use super::lock::{LevelDoubt, Lock};
use super::pipe::ActivationFrame;
use super::tempo_fit::{TempoFit, TempoLine};
use super::tempo_readout::TempoReadout;
use crate::state::{BeatClockState, BeatEvent, LockReason};
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
/// Beats over which the intensity is averaged (exponentially).
const INTENSITY_MEMORY_BEATS: f32 = 4.0;

/// A grid can be continued that this many beats lie on, ...
const GRID_BEATS: usize = 8;
/// ... at most this far from a straight line, beats, median: music played to a click or by a steady drummer.
const GRID_SCATTER_BEATS: f64 = 0.03;

/// Turns posteriors into events and a timeline.
#[derive(Debug, Clone)]
pub struct Tracker {
    timeline: Timeline,
    tempo: TempoFit,
    /// The line through the recent beats, as of the last one that the decoder found.
    line: Option<TempoLine>,
    readout: TempoReadout,
    last_event: Option<BeatEvent>,
    next_count: u64,
    locked: bool,
    reason: LockReason,
    doubt: LevelDoubt,
    lock: Lock,
    flywheel: Flywheel,
    heard: HeardBeats,
    /// What was known of the last announced beat.
    evidence: BeatEvidence,
    peak_activation: f32,
    intensity: f32,
    conf: f32,
    /// What the user fixed.
    user: GridHints,
}

impl Default for Tracker {
    fn default() -> Self {
        Self {
            timeline: Timeline::default(),
            tempo: TempoFit::default(),
            line: None,
            readout: TempoReadout::default(),
            last_event: None,
            next_count: 0,
            locked: false,
            reason: LockReason::default(),
            doubt: LevelDoubt::default(),
            lock: Lock::default(),
            flywheel: Flywheel::default(),
            heard: HeardBeats::default(),
            evidence: BeatEvidence::default(),
            peak_activation: 0.0,
            intensity: 0.0,
            conf: 0.0,
            user: GridHints::default(),
        }
    }
}

impl Tracker {
    /// Consumes what is believed after one frame; returns the beat that is announced now, if any.
    ///
    /// `now` is the time of the newest sample, later than the frame's own time by the analysis look-ahead.
    pub fn step(&mut self, frame: &ActivationFrame, posterior: &BeatPosterior, now: StreamSec) -> Option<BeatEvent> {
        let has_evidence = self.lock.step(frame, posterior) && posterior.interval_frames > 0.0;
        let onset_sec = frame.time.0 + LABEL_OFFSET_SEC + self.user.nudge_sec;
        self.flywheel.hear(frame, onset_sec, &self.timeline, self.lock.is_audible());
        self.heard.hear(frame, onset_sec);
        self.peak_activation = self.peak_activation.max(frame.activation.beat + frame.activation.downbeat);
        let event = if self.is_free_running() {
            self.reason = LockReason::Held;
            self.flywheel.forget();
            self.announce_from_timeline(now)
        } else {
            self.announce_what_is_heard(frame, posterior, has_evidence, now)
        };
        if let Some(event) = event {
            self.flywheel.announced(&self.timeline, now);
            self.heard.announce(event.t_sec);
        }
        self.conf = self.last_event.filter(|_| self.locked).map_or(0.0, |last| last.conf);
        event
    }

    /// The next beat by the decoder or by the grid, once it is due.
    fn announce_what_is_heard(
        &mut self,
        frame: &ActivationFrame,
        posterior: &BeatPosterior,
        has_evidence: bool,
        now: StreamSec,
    ) -> Option<BeatEvent> {
        let interval_sec = posterior.interval_frames * FRAME_SEC;
        let heard_sec = frame.time.0 + LABEL_OFFSET_SEC + posterior.frames_to_beat * FRAME_SEC;
        let (t_beat, posterior) = self.nudged(heard_sec, interval_sec, posterior, now);
        let t_beat = self.settled(t_beat, interval_sec, now);
        let situation =
            Situation { has_evidence, is_audible: self.lock.is_audible(), has_grid: self.has_grid(), found_sec: t_beat, interval_sec, now };
        let source = self.flywheel.choose(&self.timeline, &situation);
        let since_last_sec = self.last_event.map_or(f64::INFINITY, |last| t_beat - last.t_sec);
        let is_due = t_beat <= now.0 + ANNOUNCE_LEAD_SEC && t_beat >= (now.0 - MAX_LATENESS_SEC).max(0.0);
        let is_due = is_due && since_last_sec > REFRACTORY_BEATS * interval_sec;
        // A lock is said with its first beat: until then the timeline is still the one from before.
        self.locked = match source {
            Source::Nothing => false,
            Source::Grid => true,
            Source::Decoder => self.locked || is_due,
        };
        self.reason = self.reason_of(source);
        match source {
            Source::Nothing => None,
            Source::Grid => self.announce_from_grid(&posterior, now),
            Source::Decoder => is_due.then(|| self.announce(t_beat, interval_sec, &posterior)),
        }
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
            spb: self.shown_spb(),
            beat_count: beat.floor() as u64,
            phase: self.timeline.phase_at(now) as f32,
            conf: self.conf,
            downbeat_prob,
            beats_per_bar,
            beat_in_bar,
            locked: u8::from(self.locked),
            reason: self.reason,
        }
    }

    /// Seconds per beat to show to people: still while the music is steady.
    pub fn shown_spb(&self) -> f64 {
        self.user.manual_spb.or(self.readout.shown_spb()).unwrap_or(self.timeline.spb)
    }

    /// What was known of the last announced beat.
    pub fn evidence(&self) -> &BeatEvidence {
        &self.evidence
    }

    /// Hears which tempi are possible: where two levels of them are nearly as probable, the state says so.
    pub fn weigh_levels(&mut self, candidates: &TempoCandidates) {
        self.doubt.step(candidates);
    }

    /// After a jump of the host: the count and tempo go on, the phase is found anew.
    pub fn forget_phase(&mut self) {
        self.forget_grid();
        self.locked = false;
        self.user.bar.forget_one();
        // The beats before the jump say nothing about when the next one may come.
        if let Some(last) = &mut self.last_event {
            last.t_sec = f64::NEG_INFINITY;
        }
    }

    fn announce(&mut self, t_sec: f64, interval_sec: f64, posterior: &BeatPosterior) -> BeatEvent {
        // Beats that nobody announced, in a break, are counted all the same.
        let by_time = self.timeline.beat_at(StreamSec(t_sec)).round();
        if self.last_event.is_some() && by_time.is_finite() && by_time > self.next_count as f64 {
            self.next_count = by_time as u64;
        }
        self.evidence = self.evidence_of(posterior);
        let fitted_spb = self.tempo.push(self.next_count, t_sec, interval_sec);
        self.line = self.tempo.line();
        self.readout.push(self.next_count, t_sec, fitted_spb);
        let spb = self.user.manual_spb.unwrap_or(fitted_spb);
        self.take_intensity();
        let mut event = BeatEvent {
            t_sec,
            beat_count: self.next_count,
            beat_in_bar: posterior.beat_in_bar,
            beats_per_bar: posterior.beats_per_bar,
            downbeat_prob: posterior.downbeat_prob,
            intensity: self.intensity,
            conf: self.evidence.conf(),
        };
        let line = Timeline { t_origin_sec: t_sec, beat_origin: self.next_count as f64, spb };
        match &self.last_event {
            Some(last) => self.user.bar.follow_level(&self.timeline, &line, last),
            None => self.user.bar.first_beat(&line, &event),
        }
        self.user.bar.mark(&mut event);
        self.timeline = line;
        self.next_count += 1;
        self.last_event = Some(event);
        event
    }

    /// The next beat of the timeline, once it is due, with what the decoder thinks of it.
    fn announce_from_grid(&mut self, posterior: &BeatPosterior, now: StreamSec) -> Option<BeatEvent> {
        if self.next_beat(now).t_sec > now.0 + ANNOUNCE_LEAD_SEC {
            return None;
        }
        self.settle_grid();
        let mut event = self.announce_from_timeline(now)?;
        self.evidence = self.evidence_of(posterior);
        self.take_intensity();
        (event.conf, event.intensity) = (self.evidence.conf(), self.intensity);
        self.last_event = Some(event);
        Some(event)
    }

    /// Puts the timeline on the line through all beats of late, in place of the last one alone.
    fn settle_grid(&mut self) {
        let last_count = self.last_event.map(|last| last.beat_count);
        let Some(line) = self.line.filter(|line| Some(line.last_count) == last_count) else { return };
        // With the tempo of more beats, where they are the same tempo, the grid stays in place for longer.
        let spb = self.user.manual_spb.or(self.readout.long_spb()).unwrap_or(line.spb);
        self.timeline = Timeline { t_origin_sec: line.last_sec, beat_origin: line.last_count as f64, spb };
    }

    /// Whether the beats until now lie on a line that can be continued.
    fn has_grid(&self) -> bool {
        let is_straight = |line: TempoLine| line.n_beats >= GRID_BEATS && line.residual_sec <= GRID_SCATTER_BEATS * line.spb;
        self.last_event.is_some() && self.line.is_some_and(is_straight)
    }

    fn forget_grid(&mut self) {
        self.tempo.clear();
        self.line = None;
        self.readout.clear();
        self.flywheel.forget();
    }

    fn evidence_of(&self, posterior: &BeatPosterior) -> BeatEvidence {
        BeatEvidence { mode_prob: posterior.conf, heard_prob: self.heard.prob(), n_unheard: self.flywheel.n_unheard() as f32 }
    }

    fn reason_of(&self, source: Source) -> LockReason {
        match source {
            _ if !self.lock.is_audible() => LockReason::Silence,
            Source::Grid if self.flywheel.is_coasting() => LockReason::WeakPulse,
            Source::Grid | Source::Decoder if !self.locked => LockReason::Searching,
            Source::Grid | Source::Decoder if self.doubt.is_open() => LockReason::AmbiguousOctave,
            Source::Grid | Source::Decoder => LockReason::Locked,
            Source::Nothing if self.lock.has_heard_enough() => LockReason::WeakPulse,
            Source::Nothing => LockReason::Searching,
        }
    }

    fn take_intensity(&mut self) {
        self.intensity += (self.peak_activation.min(1.0) - self.intensity) / INTENSITY_MEMORY_BEATS;
        self.peak_activation = 0.0;
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
