//! From looks to events: which beat is said when, each once, ahead of time and with the output's offset. On the output's thread.
//!
//! Beats are foreseen from the line, so an output may be told of one as long before it falls as it likes; the longer, the more
//! the tempo may still change. Numbers rise by one from beat to beat, also when the source begins to count anew.

use std::collections::VecDeque;

use crate::event::{Approach, Beat, Event, Lock, Moment, Section};
use crate::look::{Look, Reason};
use crate::output::Tuning;
use crate::place::{Place, Places};
use crate::view::View;

/// A beat that would be said this late is left out: a listener would take it for a beat of its own.
pub const MAX_LATENESS_NS: u64 = 100_000_000;
/// Two beats are at least this share of a beat apart: where the line moved, the beat that it leaves behind is left out.
const LEAST_GAP_BEATS: f64 = 0.3;
/// The next beat is never farther ahead than this, beats beyond the lead: one, and what a tempo may change.
const FARTHEST_BEATS: f64 = 1.5;
/// Beats that are passed over one by one for the sake of their bars; beyond, the process slept, and bars are counted on from there.
const MAX_PASSED: u64 = 256;
/// Beats that are remembered for views: said, and not fallen yet, or just fallen.
const N_RECENT: usize = 16;
/// Beats that stay usable: 10 to 1000 BPM.
const USABLE_PERIOD_NS: std::ops::RangeInclusive<f64> = 6e7..=6e9;
/// Beat numbers beyond are of no music: numbers must stay countable.
const LAST_BEAT: f64 = 1e12;

/// What one output has been told, and will be.
#[derive(Debug)]
pub struct Schedule {
    tuning: Tuning,
    offset_ns: i64,
    /// By how much the offset was turned later since the last beat: so much farther ahead the next one may be, nanoseconds.
    turned_ns: u64,
    lead_ns: u64,
    session: Option<u64>,
    /// The source's number of the next beat.
    next: Option<u64>,
    /// Our number of the next beat.
    number: u64,
    places: Places,
    recent: VecDeque<Beat>,
    last_at_ns: Option<u64>,
    said_lock: Option<(bool, Reason)>,
    section_change: u64,
    approach_change: u64,
    /// Others than beats in the present second.
    others: (u64, u32),
    n_left_out: u64,
}

impl Schedule {
    /// Nothing said yet. `lead` before its moment an event is handed over, nanoseconds.
    pub fn new(tuning: &Tuning, lead_ns: u64) -> Self {
        Self {
            places: Places::new(tuning.phrase_bars),
            offset_ns: (tuning.offset_ms * 1e6) as i64,
            turned_ns: 0,
            tuning: tuning.clone(),
            lead_ns,
            session: None,
            next: None,
            number: 0,
            recent: VecDeque::with_capacity(N_RECENT),
            last_at_ns: None,
            said_lock: None,
            section_change: 0,
            approach_change: 0,
            others: (0, 0),
            n_left_out: 0,
        }
    }

    /// Everything this much later from now on, ms; negative: earlier. A beat that is moved into the past is left out.
    pub fn set_offset_ms(&mut self, offset_ms: f64) {
        let offset_ns = (offset_ms * 1e6) as i64;
        self.turned_ns = self.turned_ns.saturating_add_signed(offset_ns - self.offset_ns);
        self.offset_ns = offset_ns;
    }

    /// Beats that were left out because they would have come too late.
    pub fn n_left_out(&self) -> u64 {
        self.n_left_out
    }

    /// When the next beat has to be handed over, monotonic nanoseconds; `None` while none is foreseen.
    pub fn next_due_ns(&self, look: &Look) -> Option<u64> {
        let next = self.next.filter(|_| look.locked && self.session == Some(look.session))?;
        Some(self.time_of(look, next).saturating_sub(self.lead_ns))
    }

    /// Adds the events that are to be handed over by `look.taken`.
    pub fn take(&mut self, look: &Look, out: &mut Vec<Event>) {
        let now = look.taken;
        let is_gone = look.is_gone();
        let is_usable = USABLE_PERIOD_NS.contains(&look.line.period_ns) && look.line.beat_at(now.mono_ns).abs() < LAST_BEAT;
        let locked = look.locked && !is_gone && is_usable;
        if self.session != Some(look.session) {
            self.session = Some(look.session);
            (self.section_change, self.approach_change) = (0, 0);
            self.next = None;
        }
        self.take_lock(locked, if is_gone { Reason::NoInput } else { look.reason }, now, out);
        self.take_section(look, out);
        if locked {
            self.take_beats(look, out);
        } else {
            // Where the grid is lost, beats that fall meanwhile are nobody's.
            self.next = None;
        }
        self.take_approach(look, locked, out);
    }

    fn take_lock(&mut self, locked: bool, reason: Reason, now: Moment, out: &mut Vec<Event>) {
        if self.said_lock != Some((locked, reason)) {
            self.said_lock = Some((locked, reason));
            self.say_other(Event::Lock(Lock { at: now, locked, reason: reason.name().to_owned() }), now, out);
        }
    }

    fn take_section(&mut self, look: &Look, out: &mut Vec<Event>) {
        let said = &look.section;
        let Some(section) = said.section.filter(|_| said.change != self.section_change) else { return };
        self.section_change = said.change;
        self.places.section();
        let at = look.moment(said.since_mono_ns).shifted_ns(self.offset_ns.max(0));
        self.say_other(Event::Section(Section { at, section, before: said.before, prob: said.prob }), look.taken, out);
    }

    fn take_approach(&mut self, look: &Look, locked: bool, out: &mut Vec<Event>) {
        let said = &look.approach;
        if said.change == self.approach_change {
            return;
        }
        self.approach_change = said.change;
        let beats_ns = f64::from(said.within_beats) * look.line.period_ns;
        let latest = locked.then(|| look.moment(said.since_mono_ns).shifted_ns(beats_ns as i64 + self.offset_ns));
        let &crate::look::ApproachLook { within_beats, prob, next, next_prob, .. } = said;
        let event = Approach { at: look.moment(said.since_mono_ns), within_beats, prob, next, next_prob, latest };
        self.say_other(Event::Approach(event), look.taken, out);
    }

    /// Says an event that is no beat, unless it is filtered out or there were too many in this second.
    fn say_other(&mut self, event: Event, now: Moment, out: &mut Vec<Event>) {
        let second = now.mono_ns / 1_000_000_000;
        if self.others.0 != second {
            self.others = (second, 0);
        }
        let has_room = self.tuning.max_per_sec == 0 || self.others.1 < self.tuning.max_per_sec;
        if self.is_wanted(&event) && has_room {
            self.others.1 += 1;
            out.push(event);
        }
    }

    fn is_wanted(&self, event: &Event) -> bool {
        self.tuning.only.is_empty() || self.tuning.only.contains(&event.kind())
    }

    fn take_beats(&mut self, look: &Look, out: &mut Vec<Event>) {
        let now_ns = look.taken.mono_ns;
        // Where the source counts from 0 again, the next beat would seem to be far ahead.
        let horizon_ns = now_ns + self.lead_ns + self.turned_ns + (FARTHEST_BEATS * look.line.period_ns) as u64;
        let next = self.next.filter(|&next| self.time_of(look, next) <= horizon_ns);
        let first = next.unwrap_or_else(|| self.first_number(look, now_ns));
        let mut number = first;
        while self.time_of(look, number).saturating_sub(self.lead_ns) <= now_ns {
            if number - first > MAX_PASSED {
                // The process slept, or the clock jumped: what fell meanwhile is not made up for.
                number = self.first_number(look, now_ns).max(number);
                break;
            }
            self.take_beat(look, number, out);
            number += 1;
        }
        if self.next != Some(number) {
            (self.next, self.turned_ns) = (Some(number), 0);
        }
    }

    /// The first beat that is not in the past.
    fn first_number(&self, look: &Look, now_ns: u64) -> u64 {
        let heard_ns = now_ns.saturating_add_signed(-self.offset_ns);
        look.line.beat_at(heard_ns).ceil().max(0.0) as u64
    }

    fn take_beat(&mut self, look: &Look, number: u64, out: &mut Vec<Event>) {
        let at_ns = self.time_of(look, number);
        let least_gap_ns = (LEAST_GAP_BEATS * look.line.period_ns) as u64;
        let is_late = at_ns.saturating_add(MAX_LATENESS_NS) < look.taken.mono_ns;
        let is_close = self.last_at_ns.is_some_and(|last_ns| at_ns < last_ns.saturating_add(least_gap_ns));
        let beat_in_bar = look.beat_in_bar_of(number);
        let place = self.places.beat(beat_in_bar);
        if is_late || is_close {
            self.n_left_out += u64::from(is_late);
            return;
        }
        self.last_at_ns = Some(at_ns);
        let beat = self.beat(look, look.moment(at_ns), beat_in_bar, place);
        self.number += 1;
        if self.recent.len() == N_RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(beat.clone());
        let phase_of_grid = if beat_in_bar > 0 { u64::from(beat_in_bar) - 1 } else { beat.number };
        let event = Event::Beat(beat);
        if phase_of_grid.is_multiple_of(u64::from(self.tuning.every_beats.max(1))) && self.is_wanted(&event) {
            out.push(event);
        }
    }

    fn beat(&self, look: &Look, at: Moment, beat_in_bar: u8, place: Place) -> Beat {
        Beat {
            at,
            number: self.number,
            beat_in_bar,
            beats_per_bar: look.beats_per_bar,
            bar: place.bar,
            bar_in_phrase: place.bar_in_phrase,
            phrase: place.phrase,
            phrase_bars: self.tuning.phrase_bars,
            every_bars: self.tuning.every_bars.iter().copied().filter(|&n_bars| place.begins_every(n_bars)).collect(),
            bpm: look.bpm,
            period_sec: look.line.period_ns * 1e-9,
            confidence: look.confidence,
            downbeat_prob: look.downbeat_prob,
            intensity: look.intensity,
            section: look.section.section,
        }
    }

    /// When this output's beat falls, monotonic nanoseconds.
    fn time_of(&self, look: &Look, number: u64) -> u64 {
        look.line.time_of(number as f64).saturating_add_signed(self.offset_ns)
    }

    /// The picture at `look.taken`.
    pub fn view(&self, look: &Look) -> View {
        let now_ns = look.taken.mono_ns;
        let heard_ns = now_ns.saturating_add_signed(-self.offset_ns);
        let beat = look.line.beat_at(heard_ns);
        let phase = (beat - beat.floor()) as f32;
        let is_gone = look.is_gone();
        View {
            now: look.taken,
            beat: self.recent.iter().rev().find(|beat| beat.at.mono_ns <= now_ns).cloned(),
            // Rounding a phase just below 1 to a float may give 1.
            phase: if (0.0..1.0).contains(&phase) { phase } else { 0.0 },
            locked: look.locked && !is_gone,
            reason: if is_gone { Reason::NoInput } else { look.reason }.name(),
            bpm: look.bpm,
            period_sec: look.line.period_ns * 1e-9,
            confidence: if look.locked && !is_gone { look.confidence } else { 0.0 },
            section: look.section.section,
            section_beats: if look.section.change == 0 { 0.0 } else { (beat - look.line.beat_at(look.section.since_mono_ns)).max(0.0) },
            section_probs: look.section_probs,
            hazard_probs: look.hazard_probs,
            level: look.level,
            bands: look.bands,
            beat_activation: look.beat_activation,
            downbeat_activation: look.downbeat_activation,
            age_sec: look.age_ns() as f64 * 1e-9,
        }
    }
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
