//! What the outputs play in a block: updates applied at their sample, clock messages and beats in time order. AUDIO THREAD.
//!
//! The block is cut at each update's `effective_at`, so that what comes out depends on sample positions alone and not on
//! where blocks begin. An update that arrives too late is applied at the block's first sample and counted.

mod host;
mod pending;
#[cfg(test)]
mod tests;

pub use host::{HostTime, Source};

use super::beats::Beats;
use super::midi_clock::{BarInfo, ClockPolicy, MidiClock, MidiMessage};
use crate::bus::counters::Counters;
use crate::bus::hint::HintFlags;
use crate::bus::updates::UpdateReceiver;
use crate::state::{BeatEvent, BeatUpdate, LockReason, Outlook};
use crate::timeline::Timeline;
use crate::units::{SamplePos, StreamSec};
use pending::Pending;

/// How long a beat's note and pulse last, seconds: long enough for every receiver's poll, short against the fastest beat.
pub const PULSE_SEC: f64 = 0.05;
/// Outputs come at most this much earlier or later than the beat, seconds.
pub const MAX_OFFSET_SEC: f64 = 0.5;

/// One thing to put out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Output {
    /// A message of the MIDI clock.
    Clock(MidiMessage),
    /// A beat, with the tempo to show in BPM.
    Beat(BeatEvent, f64),
    /// The pulse of the beat before is over.
    BeatEnd,
    /// Beats are no longer announced.
    Unlocked,
    /// Other hints are in force than were said last; none at the start.
    Hints(HintFlags),
    /// Beats are announced, or not, for another reason than was said last; [`LockReason::Searching`] at the start.
    Reason(LockReason),
    /// With a beat: section and boundary are others than were said last; unknown and 0 at the start and once nothing is locked.
    Outlook(Outlook),
}

/// The outputs of one instance.
pub struct Follower {
    updates: UpdateReceiver,
    counters: Counters,
    sample_rate_hz: f64,
    pending: Pending,
    clock: MidiClock,
    beats: Beats,
    /// The update in force, with the last beat that was announced.
    current: Option<BeatUpdate>,
    /// What the analysis said last while the host is the source.
    heard: Option<BeatUpdate>,
    source: Source,
    offset_sec: f64,
    pulse_ends: Option<SamplePos>,
    /// The lock was lost between two blocks.
    must_say_unlocked: bool,
    /// The hints in force, and those that were said last.
    hints: HintFlags,
    said_hints: HintFlags,
    /// The same for the reason of the lock.
    reason: LockReason,
    said_reason: LockReason,
    /// Sections and boundaries, and what was said of them last.
    outlook: Outlook,
    said_outlook: Outlook,
}

impl Follower {
    /// Outputs at the start of a stream.
    pub fn new(updates: UpdateReceiver, counters: Counters, sample_rate_hz: f64) -> Self {
        Self {
            updates,
            counters,
            sample_rate_hz,
            pending: Pending::default(),
            clock: MidiClock::new(ClockPolicy::default()),
            beats: Beats::default(),
            current: None,
            heard: None,
            source: Source::Audio,
            offset_sec: 0.0,
            pulse_ends: None,
            must_say_unlocked: false,
            hints: HintFlags::default(),
            said_hints: HintFlags::default(),
            reason: LockReason::default(),
            said_reason: LockReason::default(),
            outlook: Outlook::default(),
            said_outlook: Outlook::default(),
        }
    }

    /// What the user chose; holds from `at`, the first sample of the next block. An offset beyond [`MAX_OFFSET_SEC`] counts as
    /// that, one that is not a number changes nothing. Real-time safe: yes.
    pub fn set_output(&mut self, at: SamplePos, policy: ClockPolicy, offset_sec: f64) {
        self.clock.set_policy(policy);
        let offset_sec = offset_sec.clamp(-MAX_OFFSET_SEC, MAX_OFFSET_SEC);
        if !offset_sec.is_nan() && offset_sec != self.offset_sec {
            self.offset_sec = offset_sec;
            self.beats.set_output(offset_sec, self.source != Source::Audio);
            if let Some(current) = self.current {
                self.apply_to_clock(at, &current);
            }
        }
    }

    /// Where the beat comes from, as of `at`, the first sample of the next block. Real-time safe: yes.
    pub fn set_source(&mut self, at: SamplePos, source: Source) {
        let was_host = matches!(self.source, Source::Host(_));
        self.source = source;
        match source {
            Source::Audio if was_host => self.return_to_audio(at),
            Source::Audio => {}
            Source::Host(time) => {
                if !was_host {
                    // The analysis goes on unheard; what it says last holds when it is asked again.
                    self.heard = self.current;
                    while let Some(update) = self.pending.take_before(SamplePos(u64::MAX)) {
                        self.heard = Some(with_last_event(update, self.heard));
                    }
                }
                self.follow_host(at, time, !was_host);
            }
        }
    }

    /// Plays the block `[start, start + n_samples)`: calls `put` with each output and its offset in samples, in time order.
    /// Real-time safe: as `put`.
    pub fn block(&mut self, start: SamplePos, n_samples: u32, mut put: impl FnMut(u32, Output)) {
        self.take_updates();
        if n_samples == 0 {
            return;
        }
        if std::mem::take(&mut self.must_say_unlocked) {
            self.say_unlocked(0, &mut put);
        }
        self.say_status(0, &mut put);
        let end = SamplePos(start.0 + u64::from(n_samples));
        let mut from = start;
        while let Some(update) = self.pending.take_before(end) {
            if update.effective_at < from {
                self.counters.add_late_update();
            }
            let at = SamplePos(update.effective_at.0.max(from.0));
            self.play(start, from, at, &mut put);
            from = at;
            let was_locked = is_locked(self.current);
            self.beats.update(at.to_stream_sec(self.sample_rate_hz), &update);
            self.apply(at, update);
            if was_locked && !is_locked(self.current) {
                self.say_unlocked((at.0 - start.0) as u32, &mut put);
            }
            self.say_status((at.0 - start.0) as u32, &mut put);
            // A long block may hold more updates than can wait.
            self.take_updates();
        }
        self.play(start, from, end, &mut put);
    }

    /// Ends everything that sounds at sample `at`, the first of the next block: the clock stops and starts again with the next
    /// update that says that beats are announced. Real-time safe: as `put`.
    pub fn stop(&mut self, at: SamplePos, mut put: impl FnMut(Output)) {
        if self.pulse_ends.take().is_some() {
            put(Output::BeatEnd);
        }
        self.clock.stop(at.to_stream_sec(self.sample_rate_hz));
        if let Some((_, message)) = self.clock.pop() {
            put(Output::Clock(message));
        }
        self.clock.resume();
        self.beats.clear();
        if is_locked(self.current.take()) || std::mem::take(&mut self.must_say_unlocked) {
            self.say_unlocked(0, &mut |_, output| put(output));
        }
    }

    fn take_updates(&mut self) {
        while !self.pending.is_full() {
            let Some(update) = self.updates.take() else { break };
            match self.source {
                Source::Audio => self.pending.push(update),
                Source::Host(_) => {
                    self.heard = Some(with_last_event(update, self.heard));
                    (self.hints, self.outlook) = (update.hints, update.outlook);
                }
            }
        }
        self.counters.note_pending_updates(self.pending.len() as u32);
    }

    /// `update` is in force from `at` on.
    fn apply(&mut self, at: SamplePos, update: BeatUpdate) {
        let update = with_last_event(update, self.current);
        (self.hints, self.reason, self.outlook) = (update.hints, update.reason, update.outlook);
        self.apply_to_clock(at, &update);
        self.current = Some(update);
    }

    fn apply_to_clock(&mut self, at: SamplePos, update: &BeatUpdate) {
        let event = update.event.unwrap_or_default();
        let bar = BarInfo {
            beat: event.beat_count,
            beat_in_bar: event.beat_in_bar,
            beats_per_bar: event.beats_per_bar,
            locked: update.locked != 0,
        };
        let line = Timeline { t_origin_sec: update.timeline.t_origin_sec + self.offset_sec, ..update.timeline };
        self.clock.set_timeline(at.to_stream_sec(self.sample_rate_hz), line, bar);
    }

    /// `is_new`: what was followed until now is not this host.
    fn follow_host(&mut self, at: SamplePos, time: Option<HostTime>, is_new: bool) {
        let now = at.to_stream_sec(self.sample_rate_hz);
        let Some((time, line)) = time.and_then(|time| Some((time, time.line_at(now)?))) else {
            self.stand(at);
            return;
        };
        let downbeat = time.downbeat(line);
        let followed = self.current.filter(|current| current.locked != 0 && !is_new);
        let same_line = followed.map(|followed| followed.timeline).filter(|&followed| host::is_same_line(followed, line, now));
        let has_same_bar = followed.and_then(|followed| followed.event).is_some_and(|event| host::is_same_bar(&event, &downbeat));
        if same_line.is_some() && has_same_bar {
            return;
        }
        if followed.is_none_or(|followed| host::is_jump(followed.timeline, line, now)) {
            // The host's own count is the one that holds; the beats before the jump are over.
            self.beats = Beats::default();
            self.beats.set_output(self.offset_sec, true);
        }
        let timeline = same_line.unwrap_or(line);
        let update = BeatUpdate {
            effective_at: at,
            timeline,
            conf: 1.0,
            shown_spb: timeline.spb,
            locked: 1,
            reason: LockReason::Locked,
            hints: self.hints,
            outlook: self.outlook,
            event: Some(downbeat),
        };
        self.beats.set_pattern(downbeat);
        self.beats.update(now, &BeatUpdate { event: None, ..update });
        self.apply(at, update);
    }

    /// The host stands: so does everything else.
    fn stand(&mut self, at: SamplePos) {
        self.beats.clear();
        self.clock.stop(at.to_stream_sec(self.sample_rate_hz));
        self.clock.resume();
        if let Some(current) = &mut self.current {
            self.must_say_unlocked |= current.locked != 0;
            (current.locked, current.conf) = (0, 0.0);
            (current.reason, self.reason) = Default::default();
        }
    }

    /// The analysis holds again, from what it said last.
    fn return_to_audio(&mut self, at: SamplePos) {
        let now = at.to_stream_sec(self.sample_rate_hz);
        self.beats = Beats::default();
        self.beats.set_output(self.offset_sec, false);
        let was_locked = is_locked(self.current);
        let unlocked = self.current.map(|current| BeatUpdate { conf: 0.0, locked: 0, event: None, ..current });
        self.current = None;
        let Some(update) = self.heard.take().or(unlocked) else { return };
        if let Some(event) = update.event {
            self.beats.set_pattern(event);
        }
        let event = update.event.filter(|event| event.t_sec + self.offset_sec >= now.0);
        self.beats.update(now, &BeatUpdate { event, ..update });
        self.apply(at, update);
        self.must_say_unlocked |= was_locked && update.locked == 0;
    }

    /// Says which hints are in force and why beats are announced, where that is other than was said last.
    fn say_status(&mut self, offset: u32, put: &mut impl FnMut(u32, Output)) {
        if self.hints != self.said_hints {
            self.said_hints = self.hints;
            put(offset, Output::Hints(self.hints));
        }
        if self.reason != self.said_reason {
            self.said_reason = self.reason;
            put(offset, Output::Reason(self.reason));
        }
    }

    fn say_unlocked(&mut self, offset: u32, put: &mut impl FnMut(u32, Output)) {
        self.said_outlook = Outlook::default();
        put(offset, Output::Unlocked);
    }

    /// Puts out what falls into `[from, to)`.
    fn play(&mut self, start: SamplePos, from: SamplePos, to: SamplePos, put: &mut impl FnMut(u32, Output)) {
        if from >= to {
            return;
        }
        let rate_hz = self.sample_rate_hz;
        let now = from.to_stream_sec(rate_hz);
        for _ in 0..self.beats.drop_late(now) {
            self.counters.add_late_update();
        }
        let mut earliest = from;
        loop {
            // What falls nearest to a sample of this stretch belongs to it; what is overdue comes at once.
            let sample = |t: StreamSec| Some(t.to_sample_pos(rate_hz).max(earliest)).filter(|at| *at < to);
            let tick = self.clock.peek().and_then(|(t, _)| sample(t));
            let beat = self.beats.peek(now).and_then(|(t, event)| Some((sample(t)?, event)));
            let pulse = self.pulse_ends.filter(|at| *at < to).map(|at| at.max(earliest));
            // At equal samples: the end of the last beat, then the clock, then the beat.
            let first = [pulse, tick, beat.map(|(at, _)| at)].into_iter().flatten().min();
            let Some(at) = first else { break };
            earliest = at;
            let offset = (at.0 - start.0) as u32;
            if pulse == Some(at) {
                self.pulse_ends = None;
                put(offset, Output::BeatEnd);
            } else if tick == Some(at) {
                let Some((_, message)) = self.clock.pop() else { break };
                put(offset, Output::Clock(message));
            } else if let Some((_, event)) = beat {
                if self.pulse_ends.take().is_some() {
                    put(offset, Output::BeatEnd);
                }
                self.beats.played(&event);
                self.pulse_ends = Some(SamplePos(at.0 + (PULSE_SEC * rate_hz) as u64));
                put(offset, Output::Beat(event, self.current.map_or(0.0, |current| 60.0 / current.shown_spb)));
                if self.outlook != self.said_outlook {
                    self.said_outlook = self.outlook;
                    put(offset, Output::Outlook(self.outlook));
                }
            }
        }
        // Moves the clock's floor on, so that nothing of a later update falls before this stretch's last sample. What comes
        // next is asked first: rounding may have put it just before that moment, and it must not be taken here.
        let end_sec = StreamSec((to.0 as f64 - 0.5) / rate_hz);
        if self.clock.peek().is_none_or(|(t, _)| t >= end_sec) {
            self.clock.next_before(end_sec);
        }
    }
}

/// `update`, with the beat that was announced before it where it announces none.
fn with_last_event(update: BeatUpdate, before: Option<BeatUpdate>) -> BeatUpdate {
    BeatUpdate { event: update.event.or(before.and_then(|before| before.event)), ..update }
}

fn is_locked(update: Option<BeatUpdate>) -> bool {
    update.is_some_and(|update| update.locked != 0)
}
