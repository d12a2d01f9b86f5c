//! MIDI clock from a timeline: which message falls when. AUDIO THREAD of the plugin, clock thread of a MIDI port.
//!
//! A state machine on top of [`OutputLine`], with no clock and no port of its own: updates go in with their time, messages
//! come out with theirs. Rules: nothing before the first lock; song position 0, start and the first tick together on a
//! downbeat; 24 ticks a beat from there, never a burst, a gap or a step back; never a second start without a stop between.

mod message;
#[cfg(test)]
mod tests;

pub use message::{MidiMessage, N_SONG_POSITIONS, TICKS_PER_BEAT, TICKS_PER_SIXTEENTH};

use crate::rt::slew::{Correction, OutputLine};
use crate::timeline::Timeline;
use crate::units::StreamSec;

/// How long, in beats, the clock waits for a downbeat to be known before it starts on any beat.
pub const UNKNOWN_BAR_BEATS: f64 = 8.0;

/// How late, in beats, a start may still fall: half a tick. Without it a downbeat that a last refinement moved into the past
/// would cost a whole bar.
const LATE_START_BEATS: f64 = 0.5 / TICKS_PER_BEAT as f64;

/// What to do while nothing is locked, once the clock runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnSilence {
    /// Tick on at the last tempo.
    #[default]
    Hold,
    /// Stop at once; on the next lock continue on the next downbeat.
    Stop,
}

/// What to do about a phase error above [`crate::rt::slew::RELOCK_BEATS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Relock {
    /// Make it up over one beat, as small errors.
    #[default]
    Slew,
    /// Stop at once and start from position 0 on the next downbeat.
    RestartOnDownbeat,
}

/// The choices that a user has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClockPolicy {
    /// While nothing is locked.
    pub on_silence: OnSilence,
    /// After a large phase error.
    pub relock: Relock,
}

/// Where the bar is, as the state says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BarInfo {
    /// A beat number of the timeline.
    pub beat: u64,
    /// Position of that beat in its bar, 1-based; 0 = unknown.
    pub beat_in_bar: u8,
    /// Beats per bar; 0 = unknown.
    pub beats_per_bar: u8,
    /// Whether beats are being announced.
    pub locked: bool,
}

impl BarInfo {
    fn is_known(&self) -> bool {
        (1..=self.beats_per_bar).contains(&self.beat_in_bar)
    }
}

/// How the clock comes in on a downbeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entry {
    Start,
    Continue,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Transport {
    /// Stopped by the user.
    Off,
    /// Comes in on line beat `at_beat` once that is known.
    Waiting { entry: Entry, locked_since_beat: Option<f64>, at_beat: Option<f64> },
    /// The song position is out; start or continue follows at the same moment.
    Entering { entry: Entry },
    /// Ticking.
    Running,
}

const WAITING_TO_START: Transport = Transport::Waiting { entry: Entry::Start, locked_since_beat: None, at_beat: None };

/// The clock. Call [`MidiClock::next_before`] up to the time of an update until it gives `None`, then apply the update.
#[derive(Debug, Clone, PartialEq)]
pub struct MidiClock {
    policy: ClockPolicy,
    line: Option<OutputLine>,
    bar: BarInfo,
    transport: Transport,
    pending_stop_sec: Option<f64>,
    /// No message falls before this: the last message, update or question.
    floor_sec: f64,
    /// Line beat of song position 0.
    origin_beat: f64,
    next_tick: u64,
}

impl MidiClock {
    /// A clock that starts on the first downbeat that it hears of.
    pub fn new(policy: ClockPolicy) -> Self {
        Self {
            policy,
            line: None,
            bar: BarInfo::default(),
            transport: WAITING_TO_START,
            pending_stop_sec: None,
            floor_sec: f64::NEG_INFINITY,
            origin_beat: 0.0,
            next_tick: 0,
        }
    }

    /// Back to the state after `new`, with the same policy and without a message: call [`MidiClock::stop`] and take its
    /// message first where a receiver is running. Real-time safe: yes.
    pub fn reset(&mut self) {
        *self = Self::new(self.policy);
    }

    /// Changes the policy; it holds from the next update on. Real-time safe: yes.
    pub fn set_policy(&mut self, policy: ClockPolicy) {
        self.policy = policy;
    }

    /// Follows `timeline` from `at` on. A time before what was already asked for counts as that.
    ///
    /// A timeline that cannot be followed is [`Correction::Refused`] and changes nothing. Real-time safe: yes.
    pub fn set_timeline(&mut self, at: StreamSec, timeline: Timeline, bar: BarInfo) -> Correction {
        if at.0.is_nan() {
            return Correction::Refused;
        }
        let at = StreamSec(at.0.max(self.floor_sec));
        let correction = match &mut self.line {
            None => {
                self.line = OutputLine::new(at, timeline);
                if self.line.is_some() { Correction::Unchanged } else { Correction::Refused }
            }
            Some(line) if matches!(self.transport, Transport::Running | Transport::Entering { .. }) => line.aim(at, timeline),
            Some(line) => {
                if line.snap(at, timeline) {
                    Correction::Unchanged
                } else {
                    Correction::Refused
                }
            }
        };
        if correction == Correction::Refused {
            return correction;
        }
        self.floor_sec = at.0;
        self.bar = bar;
        if !bar.locked && self.policy.on_silence == OnSilence::Stop {
            self.halt(at, Entry::Continue);
        }
        if bar.locked && self.policy.relock == Relock::RestartOnDownbeat && matches!(correction, Correction::Relock { .. }) {
            self.halt(at, Entry::Start);
            if let Some(line) = &mut self.line {
                line.snap(at, timeline);
            }
        }
        self.plan_entry(at);
        correction
    }

    /// The next message and its time, whenever that is. Real-time safe: yes.
    pub fn peek(&self) -> Option<(StreamSec, MidiMessage)> {
        if let Some(stop_sec) = self.pending_stop_sec {
            return Some((StreamSec(stop_sec), MidiMessage::Stop));
        }
        let line = self.line.as_ref()?;
        let no_earlier = |t: StreamSec| StreamSec(t.0.max(self.floor_sec));
        match self.transport {
            Transport::Off => None,
            Transport::Waiting { entry, at_beat, .. } => {
                let at_beat = at_beat?;
                Some((no_earlier(line.time_of(at_beat)), MidiMessage::song_position_of(self.entry_tick(entry, at_beat))))
            }
            Transport::Entering { entry: Entry::Start } => Some((StreamSec(self.floor_sec), MidiMessage::Start)),
            Transport::Entering { entry: Entry::Continue } => Some((StreamSec(self.floor_sec), MidiMessage::Continue)),
            Transport::Running => {
                let beat = self.origin_beat + self.next_tick as f64 / TICKS_PER_BEAT as f64;
                Some((no_earlier(line.time_of(beat)), MidiMessage::Tick))
            }
        }
    }

    /// The next message that falls before `end`, or `None`. Real-time safe: yes.
    ///
    /// Which messages come, and when, does not depend on how the time is cut by such calls.
    pub fn next_before(&mut self, end: StreamSec) -> Option<(StreamSec, MidiMessage)> {
        if self.peek().is_some_and(|(t, _)| t < end) {
            return self.pop();
        }
        // `max` keeps the floor where `end` is not a number.
        self.floor_sec = self.floor_sec.max(end.0);
        None
    }

    /// Takes the message that [`Self::peek`] shows. Real-time safe: yes.
    pub fn pop(&mut self) -> Option<(StreamSec, MidiMessage)> {
        let (t, message) = self.peek()?;
        self.floor_sec = t.0;
        if self.pending_stop_sec.take().is_some() {
            return Some((t, message));
        }
        match self.transport {
            Transport::Off => {}
            Transport::Waiting { entry, at_beat, .. } => {
                if let Some(at_beat) = at_beat {
                    self.next_tick = self.entry_tick(entry, at_beat);
                    self.origin_beat = at_beat - (self.next_tick / TICKS_PER_BEAT) as f64;
                }
                self.transport = Transport::Entering { entry };
            }
            Transport::Entering { .. } => self.transport = Transport::Running,
            Transport::Running => self.next_tick = self.next_tick.saturating_add(1),
        }
        Some((t, message))
    }

    /// Stops at `at` and stays silent until [`MidiClock::resume`] or [`MidiClock::reset`]. Real-time safe: yes.
    pub fn stop(&mut self, at: StreamSec) {
        self.halt(at, Entry::Start);
        self.transport = Transport::Off;
    }

    /// After a stop: starts from position 0 on the next downbeat that an update names. Real-time safe: yes.
    pub fn resume(&mut self) {
        if self.transport == Transport::Off {
            self.transport = WAITING_TO_START;
        }
    }

    /// Stops at `at` and continues on the next downbeat that an update names: for a receiver that missed ticks.
    /// Real-time safe: yes.
    pub fn interrupt(&mut self, at: StreamSec) {
        self.halt(at, Entry::Continue);
    }

    /// Whether receivers are running: a start or continue is out and no stop since. Real-time safe: yes.
    pub fn is_running(&self) -> bool {
        self.transport == Transport::Running
    }

    /// The index of the next tick, counted from song position 0. Real-time safe: yes.
    pub fn next_tick(&self) -> u64 {
        self.next_tick
    }

    /// From running to waiting, with a stop at `at`. A clock that has not come in yet keeps what it waits for.
    fn halt(&mut self, at: StreamSec, entry: Entry) {
        let at_sec = at.0.max(self.floor_sec);
        match self.transport {
            Transport::Running => {
                self.pending_stop_sec = Some(at_sec);
                self.floor_sec = at_sec;
                self.transport = Transport::Waiting { entry, locked_since_beat: None, at_beat: None };
            }
            Transport::Entering { entry } => self.transport = Transport::Waiting { entry, locked_since_beat: None, at_beat: None },
            Transport::Off | Transport::Waiting { .. } => {}
        }
    }

    /// Where a waiting clock comes in: the next downbeat, or any beat once the bar has stayed unknown for long.
    fn plan_entry(&mut self, at: StreamSec) {
        let (Transport::Waiting { locked_since_beat, at_beat, .. }, Some(line)) = (&mut self.transport, &self.line) else { return };
        if !self.bar.locked {
            (*locked_since_beat, *at_beat) = (None, None);
            return;
        }
        let now_beat = line.beat_at(at);
        let since_beat = *locked_since_beat.get_or_insert(now_beat);
        let earliest_beat = now_beat - LATE_START_BEATS;
        *at_beat = Some(if self.bar.is_known() {
            let bar_beats = f64::from(self.bar.beats_per_bar);
            let a_downbeat = self.bar.beat as f64 - f64::from(self.bar.beat_in_bar - 1) + line.shift_beats();
            a_downbeat + ((earliest_beat - a_downbeat) / bar_beats).ceil() * bar_beats
        } else {
            earliest_beat.max(since_beat + UNKNOWN_BAR_BEATS).ceil()
        });
    }

    /// The index of the tick on line beat `at_beat`. On a start 0; on a continue the beats since position 0, also those that
    /// passed in silence, rounded up to a whole bar (so that the receiver's downbeat is the music's) and never one that was sent.
    fn entry_tick(&self, entry: Entry, at_beat: f64) -> u64 {
        match entry {
            Entry::Start => 0,
            Entry::Continue => {
                let passed_beats = (at_beat - self.origin_beat).max(0.0) as u64;
                let beats = passed_beats.max(self.next_tick.div_ceil(TICKS_PER_BEAT));
                let whole = if self.bar.is_known() { u64::from(self.bar.beats_per_bar) } else { 1 };
                beats.div_ceil(whole).saturating_mul(whole).saturating_mul(TICKS_PER_BEAT)
            }
        }
    }
}
