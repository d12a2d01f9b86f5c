//! What the outputs play in a block: updates applied at their sample, clock messages and beats in time order. AUDIO THREAD.
//!
//! The block is cut at each update's `effective_at`, so that what comes out depends on sample positions alone and not on
//! where blocks begin. An update that arrives too late is applied at the block's first sample and counted.

use super::beats::Beats;
use super::midi_clock::{BarInfo, ClockPolicy, MidiClock, MidiMessage};
use crate::bus::counters::Counters;
use crate::bus::updates::UpdateReceiver;
use crate::state::{BeatEvent, BeatUpdate};
use crate::timeline::Timeline;
use crate::units::{SamplePos, StreamSec};

/// How long a beat's note and pulse last, seconds: long enough for every receiver's poll, short against the fastest beat.
pub const PULSE_SEC: f64 = 0.05;
/// Updates that wait for their sample position: some seconds' worth.
const N_PENDING: usize = 64;
/// The host's line counts as the one already followed while it is this near, beats.
const SAME_LINE_BEATS: f64 = 1e-3;

/// One thing to put out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Output {
    /// A message of the MIDI clock.
    Clock(MidiMessage),
    /// A beat, with the tempo of the moment in BPM.
    Beat(BeatEvent, f64),
    /// The pulse of the beat before is over.
    BeatEnd,
    /// Beats are no longer announced.
    Unlocked,
}

/// Where the beat comes from.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Source {
    /// The analysis of the audio.
    #[default]
    Audio,
    /// The host's transport; `None` while it stands.
    Host(Option<HostTime>),
}

/// The host's transport at the first sample of a block.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HostTime {
    /// Position in the song, beats (quarter notes) from 0.
    pub beat: f64,
    /// Tempo, BPM.
    pub tempo_bpm: f64,
    /// Position at which the bar began, beats.
    pub bar_start_beat: f64,
    /// Beats (quarter notes) per bar; 0 = not a whole number.
    pub beats_per_bar: u8,
}

/// The outputs of one instance.
pub struct Follower {
    updates: UpdateReceiver,
    counters: Counters,
    sample_rate_hz: f64,
    pending: [Option<BeatUpdate>; N_PENDING],
    n_pending: usize,
    clock: MidiClock,
    beats: Beats,
    /// The update in force.
    current: Option<BeatUpdate>,
    source: Source,
    offset_sec: f64,
    pulse_ends: Option<SamplePos>,
}

impl Follower {
    /// Outputs at the start of a stream.
    pub fn new(updates: UpdateReceiver, counters: Counters, sample_rate_hz: f64) -> Self {
        Self {
            updates,
            counters,
            sample_rate_hz,
            pending: [None; N_PENDING],
            n_pending: 0,
            clock: MidiClock::new(ClockPolicy::default()),
            beats: Beats::default(),
            current: None,
            source: Source::Audio,
            offset_sec: 0.0,
            pulse_ends: None,
        }
    }

    /// What the user chose; holds from `at`, the first sample of the next block. Real-time safe: yes.
    pub fn set_output(&mut self, at: SamplePos, policy: ClockPolicy, offset_sec: f64) {
        self.clock.set_policy(policy);
        if offset_sec != self.offset_sec {
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
            Source::Audio if was_host => {
                self.beats.set_output(self.offset_sec, false);
                self.beats.clear();
                self.current = None;
            }
            Source::Audio => {}
            Source::Host(time) => {
                if !was_host {
                    self.beats.clear();
                }
                self.beats.set_output(self.offset_sec, true);
                self.follow_host(at, time);
            }
        }
    }

    /// Plays the block `[start, start + n_samples)`: calls `put` with each output and its offset in samples, in time order.
    /// Real-time safe: as `put`.
    pub fn block(&mut self, start: SamplePos, n_samples: u32, mut put: impl FnMut(u32, Output)) {
        self.take_updates();
        let end = SamplePos(start.0 + u64::from(n_samples));
        let mut from = start;
        while let Some(update) = self.next_update(end) {
            if update.effective_at < start {
                self.counters.add_late_update();
            }
            let at = SamplePos(update.effective_at.0.max(from.0));
            self.play(start, from, at, &mut put);
            from = at;
            let was_locked = self.current.is_some_and(|current| current.locked != 0);
            self.apply(at, &update);
            if was_locked && update.locked == 0 {
                put((at.0 - start.0) as u32, Output::Unlocked);
            }
        }
        self.play(start, from, end, &mut put);
    }

    /// Ends everything that sounds at sample `offset` of a block: the clock stops and starts again with the next lock.
    /// Real-time safe: as `put`.
    pub fn stop(&mut self, at: SamplePos, mut put: impl FnMut(Output)) {
        if self.pulse_ends.take().is_some() {
            put(Output::BeatEnd);
        }
        let now = at.to_stream_sec(self.sample_rate_hz);
        self.clock.stop(now);
        while let Some((_, message)) = self.clock.next_before(StreamSec(now.0 + f64::EPSILON.max(now.0 * 1e-12))) {
            put(Output::Clock(message));
        }
        self.clock.resume();
        self.beats.clear();
        if self.current.take().is_some_and(|current| current.locked != 0) {
            put(Output::Unlocked);
        }
    }

    fn take_updates(&mut self) {
        while self.n_pending < N_PENDING {
            let Some(update) = self.updates.take() else { break };
            if self.source == Source::Audio
                && let Some(free) = self.pending.get_mut(self.n_pending)
            {
                *free = Some(update);
                self.n_pending += 1;
            }
        }
        self.counters.note_pending_updates(self.n_pending as u32);
    }

    /// The oldest pending update that takes effect before `end`.
    fn next_update(&mut self, end: SamplePos) -> Option<BeatUpdate> {
        let update = self.pending.first().copied().flatten().filter(|update| update.effective_at < end)?;
        self.pending.rotate_left(1);
        self.pending.iter_mut().last().into_iter().for_each(|slot| *slot = None);
        self.n_pending -= 1;
        Some(update)
    }

    fn apply(&mut self, at: SamplePos, update: &BeatUpdate) {
        self.beats.update(at.to_stream_sec(self.sample_rate_hz), update);
        self.apply_to_clock(at, update);
        let event = update.event.or(self.current.and_then(|current| current.event));
        self.current = Some(BeatUpdate { event, ..*update });
    }

    fn apply_to_clock(&mut self, at: SamplePos, update: &BeatUpdate) {
        let event = update.event.or(self.current.and_then(|current| current.event)).unwrap_or_default();
        let bar = BarInfo {
            beat: event.beat_count,
            beat_in_bar: event.beat_in_bar,
            beats_per_bar: event.beats_per_bar,
            locked: update.locked != 0,
        };
        let line = Timeline { t_origin_sec: update.timeline.t_origin_sec + self.offset_sec, ..update.timeline };
        self.clock.set_timeline(at.to_stream_sec(self.sample_rate_hz), line, bar);
    }

    fn follow_host(&mut self, at: SamplePos, time: Option<HostTime>) {
        let now = at.to_stream_sec(self.sample_rate_hz);
        // Before bar 1 the host counts in negative beats: the clock waits for 0.
        let time = time.filter(|time| time.beat >= 0.0 && time.tempo_bpm > 0.0 && time.tempo_bpm.is_finite());
        let Some(time) = time else {
            if let Some(current) = self.current.filter(|current| current.locked != 0) {
                self.apply(at, &BeatUpdate { locked: 0, event: None, conf: 0.0, ..current });
            }
            return;
        };
        let timeline = Timeline { t_origin_sec: now.0, beat_origin: time.beat, spb: 60.0 / time.tempo_bpm };
        let is_same = self.current.is_some_and(|current| {
            current.locked != 0
                && (current.timeline.beat_at(now) - time.beat).abs() < SAME_LINE_BEATS
                && (current.timeline.spb / timeline.spb - 1.0).abs() < 1e-6
        });
        if is_same {
            return;
        }
        let bar_start = time.bar_start_beat.max(0.0);
        let is_whole = time.beats_per_bar > 0 && (bar_start - bar_start.round()).abs() < SAME_LINE_BEATS;
        let (beat_in_bar, beats_per_bar) = if is_whole { (1, time.beats_per_bar) } else { (0, 0) };
        let event = BeatEvent {
            t_sec: timeline.time_of(bar_start).0,
            beat_count: bar_start.round() as u64,
            beat_in_bar,
            beats_per_bar,
            downbeat_prob: f32::from(beat_in_bar),
            intensity: 1.0,
            conf: 1.0,
        };
        let jumped = self.current.is_some_and(|current| (current.timeline.beat_at(now) - time.beat).abs() > 0.5);
        if jumped {
            // The host's own count is the one that holds; the beats before the jump are over.
            self.beats = Beats::default();
            self.beats.set_output(self.offset_sec, true);
        }
        let update = BeatUpdate { effective_at: at, timeline, conf: 1.0, locked: 1, event: None };
        self.beats.set_pattern(event);
        self.apply(at, &update);
        self.current = Some(BeatUpdate { event: Some(event), ..update });
        self.apply_to_clock(at, &BeatUpdate { event: Some(event), ..update });
    }

    /// Puts out what falls into `[from, to)`.
    fn play(&mut self, start: SamplePos, from: SamplePos, to: SamplePos, put: &mut impl FnMut(u32, Output)) {
        // Half a sample earlier, so that the nearest sample of everything before it is one of this stretch.
        let end_sec = StreamSec((to.0 as f64 - 0.5) / self.sample_rate_hz);
        let now = from.to_stream_sec(self.sample_rate_hz);
        for _ in 0..self.beats.drop_late(now) {
            self.counters.add_late_update();
        }
        let sample = |t: StreamSec, rate_hz: f64| SamplePos(t.to_sample_pos(rate_hz).0.max(from.0));
        loop {
            let tick = self.clock.peek().filter(|(t, _)| *t < end_sec).map(|(t, _)| sample(t, self.sample_rate_hz));
            let beat = self.beats.peek(now).map(|(t, event)| (sample(t, self.sample_rate_hz), event)).filter(|(at, _)| *at < to);
            let pulse = self.pulse_ends.filter(|at| *at < to).map(|at| SamplePos(at.0.max(from.0)));
            // At equal samples: the end of the last beat, then the clock, then the beat.
            let first = [pulse, tick, beat.map(|(at, _)| at)].into_iter().flatten().min();
            let Some(at) = first else { break };
            let offset = (at.0 - start.0) as u32;
            if pulse == Some(at) {
                self.pulse_ends = None;
                put(offset, Output::BeatEnd);
            } else if tick == Some(at) {
                let Some((_, message)) = self.clock.next_before(end_sec) else { break };
                put(offset, Output::Clock(message));
            } else if let Some((_, event)) = beat {
                if self.pulse_ends.take().is_some() {
                    put(offset, Output::BeatEnd);
                }
                self.beats.played(&event);
                self.pulse_ends = Some(SamplePos(at.0 + (PULSE_SEC * self.sample_rate_hz) as u64));
                put(offset, Output::Beat(event, self.tempo_bpm()));
            }
        }
        // Moves the clock's floor on, so that nothing of a later update falls before this stretch.
        let none = self.clock.next_before(end_sec);
        debug_assert!(none.is_none(), "everything before the end was played");
    }

    fn tempo_bpm(&self) -> f64 {
        self.current.map_or(0.0, |current| current.timeline.tempo_bpm())
    }
}
