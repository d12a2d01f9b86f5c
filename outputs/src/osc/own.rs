//! OSC in our own words: everything there is, each kind at an address of its own. Pure. Table in `docs/outputs/osc.md`.

use super::dialect::Dialect;
use super::packet::{Arg, Message, counter, message};
use super::tempo::TempoGate;
use crate::event::{Approach, Beat, Event, Moment, section_name};
use crate::view::View;

/// Hazards are said again when one of them moved by this much.
pub const HAZARD_STEP: f32 = 0.01;

/// Our own words.
#[derive(Debug)]
pub struct OwnDialect {
    prefix: String,
    has_ramps: bool,
    gate: TempoGate,
    said_hazard_probs: Option<[f32; 5]>,
    is_locked: bool,
}

impl OwnDialect {
    /// With `prefix` before each address, and with `/phase` in each frame or not.
    pub fn new(prefix: &str, has_ramps: bool) -> Self {
        Self { prefix: prefix.to_owned(), has_ramps, gate: TempoGate::default(), said_hazard_probs: None, is_locked: false }
    }

    fn message(&self, address: &str, args: &[Arg<'_>]) -> Message {
        message(format!("{}{address}", self.prefix), args)
    }

    fn beat(&mut self, beat: &Beat, out: &mut Vec<Message>) {
        let confidence = Arg::Float(f64::from(beat.confidence));
        out.push(self.message("/beat", &[counter(beat.number), Arg::Float(beat.bpm), confidence]));
        if beat.is_downbeat() {
            out.push(self.message("/downbeat", &[counter(beat.number)]));
            let args = [counter(beat.bar), Arg::Int(i64::from(beat.bar_in_phrase)), Arg::Int(i64::from(beat.beats_per_bar))];
            out.push(self.message("/bar", &args));
        }
        if beat.is_phrase_start() {
            out.push(self.message("/phrase", &[counter(beat.phrase)]));
        }
        for &n_bars in &beat.every_bars {
            out.push(self.message("/every", &[Arg::Int(i64::from(n_bars)), counter(beat.bar)]));
        }
        if let Some(bpm) = self.gate.step(beat.bpm) {
            out.push(self.message("/bpm", &[Arg::Float(bpm)]));
        }
    }

    fn approach(&self, approach: &Approach) -> Message {
        let (within, prob) = (Arg::Int(i64::from(approach.within_beats)), Arg::Float(f64::from(approach.prob)));
        self.message("/approach", &[within, prob, Arg::Text(section_name(approach.next))])
    }
}

impl Dialect for OwnDialect {
    fn event(&mut self, event: &Event, _now: Moment, out: &mut Vec<Message>) {
        match event {
            Event::Beat(beat) => self.beat(beat, out),
            Event::Section(section) => {
                let args = [Arg::Text(section_name(Some(section.section))), Arg::Float(f64::from(section.prob))];
                out.push(self.message("/section", &args));
            }
            Event::Approach(approach) => out.push(self.approach(approach)),
            Event::Lock(lock) => {
                if lock.locked {
                    self.gate.reset();
                }
                self.is_locked = lock.locked;
                out.push(self.message("/lock", &[Arg::Int(i64::from(lock.locked)), Arg::Text(&lock.reason)]));
            }
        }
    }

    fn frame(&mut self, view: &View, out: &mut Vec<Message>) {
        if !view.has_source() {
            return;
        }
        if self.has_ramps && view.locked {
            out.push(self.message("/phase", &[Arg::Float(f64::from(view.phase))]));
        }
        let has_moved = |said: [f32; 5]| said.iter().zip(&view.hazard_probs).any(|(said, now)| (said - now).abs() >= HAZARD_STEP);
        if self.said_hazard_probs.is_none_or(has_moved) {
            self.said_hazard_probs = Some(view.hazard_probs);
            out.push(self.message("/hazard", &view.hazard_probs.map(|prob| Arg::Float(f64::from(prob)))));
        }
    }

    fn forget(&mut self) {
        self.gate.reset();
        self.said_hazard_probs = None;
    }

    fn goodbye(&mut self, out: &mut Vec<Message>) {
        if std::mem::take(&mut self.is_locked) {
            out.push(self.message("/lock", &[Arg::Int(0), Arg::Text("closed")]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Lock, Section};

    fn said(dialect: &mut OwnDialect, event: Event) -> Vec<String> {
        let mut out = Vec::new();
        dialect.event(&event, Moment::default(), &mut out);
        out.iter().map(ToString::to_string).collect()
    }

    fn words(messages: &[Message]) -> Vec<String> {
        messages.iter().map(|message| message.addr.clone()).collect()
    }

    #[test]
    fn the_first_beat_of_a_phrase_says_everything_that_begins() {
        let mut dialect = OwnDialect::new("", false);
        let beat = Beat {
            number: 32,
            beat_in_bar: 1,
            beats_per_bar: 4,
            bar: 9,
            bar_in_phrase: 1,
            phrase: 2,
            phrase_bars: 8,
            every_bars: vec![4, 8],
            bpm: 128.0,
            confidence: 0.5,
            ..Beat::default()
        };
        let mut out = Vec::new();
        dialect.event(&Event::Beat(beat.clone()), Moment::default(), &mut out);
        let expected = [
            message("/beat", &[Arg::Int(32), Arg::Float(128.0), Arg::Float(0.5)]),
            message("/downbeat", &[Arg::Int(32)]),
            message("/bar", &[Arg::Int(9), Arg::Int(1), Arg::Int(4)]),
            message("/phrase", &[Arg::Int(2)]),
            message("/every", &[Arg::Int(4), Arg::Int(9)]),
            message("/every", &[Arg::Int(8), Arg::Int(9)]),
            message("/bpm", &[Arg::Float(128.0)]),
        ];
        assert_eq!(out, expected);
        let next = Beat { number: 33, beat_in_bar: 2, every_bars: Vec::new(), ..beat };
        assert_eq!(said(&mut dialect, Event::Beat(next)).len(), 1, "within the bar, at the same tempo: only the beat");
    }

    #[test]
    fn sections_approaches_and_locks_are_said_in_words() {
        let mut dialect = OwnDialect::new("/stage", false);
        let mut out = Vec::new();
        for event in [
            Event::Section(Section { section: 4, prob: 0.75, ..Section::default() }),
            Event::Approach(Approach { within_beats: 8, prob: 0.5, next: None, ..Approach::default() }),
            Event::Lock(Lock { locked: true, reason: "locked".into(), ..Lock::default() }),
        ] {
            dialect.event(&event, Moment::default(), &mut out);
        }
        dialect.goodbye(&mut out);
        dialect.goodbye(&mut out);
        let expected = [
            message("/stage/section", &[Arg::Text("chorus"), Arg::Float(0.75)]),
            message("/stage/approach", &[Arg::Int(8), Arg::Float(0.5), Arg::Text("unknown")]),
            message("/stage/lock", &[Arg::Int(1), Arg::Text("locked")]),
            message("/stage/lock", &[Arg::Int(0), Arg::Text("closed")]),
        ];
        assert_eq!(out, expected);
    }

    #[test]
    fn hazards_are_said_when_they_moved_and_ramps_only_while_locked() {
        let mut dialect = OwnDialect::new("", true);
        let mut view = View { hazard_probs: [0.0, 0.1, 0.2, 0.3, 0.4], ..View::default() };
        let mut frame = |view: &View| {
            let mut out = Vec::new();
            dialect.frame(view, &mut out);
            words(&out)
        };
        assert_eq!(frame(&view), ["/hazard"]);
        view.hazard_probs[4] = 0.405;
        view.locked = true;
        assert_eq!(frame(&view), ["/phase"]);
        view.hazard_probs[4] = 0.42;
        assert_eq!(frame(&view), ["/phase", "/hazard"]);
        view.age_sec = 2.0;
        assert!(frame(&view).is_empty());
        view.age_sec = f64::NAN;
        assert!(frame(&view).is_empty());
    }
}
