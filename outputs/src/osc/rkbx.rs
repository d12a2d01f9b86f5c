//! OSC in the words of rkbx_link, which visualizers for DJs have maps for. Pure.
//!
//! `/bpm/current`, `/beat/subdiv/<x>` and `/beat/trigger/<x>` for each x beats, `/phrase/current`, `/phrase/next`,
//! `/phrase/countin` (rkbx_link's read-me). Where we differ: its phrases come from a prepared track, ours are the section
//! that plays, the label that most often follows, and the beats until the bar counter's next phrase.

use super::dialect::Dialect;
use super::packet::{Arg, Message, message};
use super::tempo::TempoGate;
use crate::event::{Beat, Event, Moment, section_name};
use crate::view::View;

/// A trigger goes back to 0 after this share of its length.
const TRIGGER_SHARE: f64 = 0.2;

/// The words of rkbx_link.
#[derive(Debug)]
pub struct RkbxDialect {
    subdivs: Vec<Subdiv>,
    gate: TempoGate,
}

/// One length of ramps and triggers.
#[derive(Debug)]
struct Subdiv {
    beats: u16,
    /// When its trigger goes back to 0, on the monotonic clock.
    release_mono_ns: Option<u64>,
}

impl RkbxDialect {
    /// With ramps and triggers of these lengths, beats.
    pub fn new(subdiv_beats: &[u16]) -> Self {
        let subdivs = subdiv_beats.iter().map(|&beats| Subdiv { beats: beats.max(1), release_mono_ns: None }).collect();
        Self { subdivs, gate: TempoGate::default() }
    }

    fn beat(&mut self, beat: &Beat, now: Moment, out: &mut Vec<Message>) {
        if let Some(bpm) = self.gate.step(beat.bpm) {
            out.push(message("/bpm/current", &[Arg::Float(bpm)]));
        }
        for subdiv in &mut self.subdivs {
            if position_beats(beat, subdiv.beats) == 0 {
                out.push(trigger(subdiv.beats, 1.0));
                // As it is sent, so it is taken back: the moment of the beat may lie before now.
                let length_ns = beat.period_sec.clamp(0.0, 10.0) * f64::from(subdiv.beats) * TRIGGER_SHARE * 1e9;
                subdiv.release_mono_ns = Some(now.mono_ns.saturating_add(length_ns as u64));
            }
        }
        if let Some(beats) = beats_to_phrase(beat) {
            out.push(message("/phrase/countin", &[Arg::Float(f64::from(beats))]));
        }
    }
}

impl Dialect for RkbxDialect {
    fn event(&mut self, event: &Event, now: Moment, out: &mut Vec<Message>) {
        match event {
            Event::Beat(beat) => self.beat(beat, now, out),
            Event::Section(section) => out.push(message("/phrase/current", &[Arg::Text(section_name(Some(section.section)))])),
            Event::Approach(approach) if approach.next.is_some() => {
                out.push(message("/phrase/next", &[Arg::Text(section_name(approach.next))]));
            }
            Event::Lock(lock) if lock.locked => self.gate.reset(),
            Event::Approach(_) | Event::Lock(_) => {}
        }
    }

    fn frame(&mut self, view: &View, out: &mut Vec<Message>) {
        let Some(beat) = view.beat.as_ref().filter(|_| view.locked && view.has_source()) else { return };
        for subdiv in &self.subdivs {
            let position = f64::from(position_beats(beat, subdiv.beats)) + f64::from(view.phase);
            out.push(message(format!("/beat/subdiv/{}", subdiv.beats), &[Arg::Float(position / f64::from(subdiv.beats))]));
        }
    }

    fn poll(&mut self, now: Moment, out: &mut Vec<Message>) {
        for subdiv in &mut self.subdivs {
            if subdiv.release_mono_ns.take_if(|release| *release <= now.mono_ns).is_some() {
                out.push(trigger(subdiv.beats, 0.0));
            }
        }
    }

    fn forget(&mut self) {
        self.gate.reset();
    }

    fn goodbye(&mut self, out: &mut Vec<Message>) {
        self.poll(Moment { mono_ns: u64::MAX, unix_ns: 0 }, out);
    }
}

fn trigger(beats: u16, value: f64) -> Message {
    message(format!("/beat/trigger/{beats}"), &[Arg::Float(value)])
}

/// Where a beat lies within a length of `beats`: from the bar or the phrase where such lengths fill it, else by counting.
fn position_beats(beat: &Beat, beats: u16) -> u16 {
    let bar_beats = u32::from(beat.beats_per_bar);
    let length = u32::from(beats.max(1));
    let in_bar = u32::from(beat.beat_in_bar).checked_sub(1).filter(|_| bar_beats > 0);
    let in_phrase = u32::from(beat.bar_in_phrase).checked_sub(1).zip(in_bar).map(|(bar, in_bar)| bar * bar_beats + in_bar);
    let position = match (in_bar, in_phrase) {
        (Some(in_bar), _) if bar_beats % length == 0 => in_bar % length,
        (_, Some(in_phrase)) if (u32::from(beat.phrase_bars) * bar_beats) % length == 0 => in_phrase % length,
        _ => (beat.number % u64::from(length)) as u32,
    };
    position as u16
}

/// Beats until the next phrase begins by counting bars; `None` where bar or phrase is unknown.
fn beats_to_phrase(beat: &Beat) -> Option<u32> {
    let (bar_beats, beat_in_bar) = (u32::from(beat.beats_per_bar), u32::from(beat.beat_in_bar));
    let bars_after = u32::from(beat.phrase_bars).checked_sub(u32::from(beat.bar_in_phrase))?;
    let is_known = beat_in_bar > 0 && beat_in_bar <= bar_beats && beat.bar_in_phrase > 0;
    is_known.then(|| bars_after * bar_beats + bar_beats - beat_in_bar + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Approach, Section};

    const BAR_2_BEAT_1: Beat = Beat {
        at: Moment { mono_ns: 0, unix_ns: 0 },
        number: 7,
        beat_in_bar: 1,
        beats_per_bar: 4,
        bar: 2,
        bar_in_phrase: 2,
        phrase: 1,
        phrase_bars: 8,
        every_bars: Vec::new(),
        bpm: 120.0,
        period_sec: 0.5,
        confidence: 1.0,
        downbeat_prob: 1.0,
        intensity: 1.0,
        section: None,
    };

    #[test]
    fn triggers_rise_on_their_beats_and_fall_after_a_fifth() {
        let mut dialect = RkbxDialect::new(&[1, 4, 8]);
        let now = Moment { mono_ns: 1_000_000_000, unix_ns: 0 };
        let mut out = Vec::new();
        dialect.event(&Event::Beat(BAR_2_BEAT_1), now, &mut out);
        // 8 beats are two bars: bar 2 is the middle of them.
        let expected = [
            message("/bpm/current", &[Arg::Float(120.0)]),
            message("/beat/trigger/1", &[Arg::Float(1.0)]),
            message("/beat/trigger/4", &[Arg::Float(1.0)]),
            message("/phrase/countin", &[Arg::Float(28.0)]),
        ];
        assert_eq!(out, expected);
        let mut polled = |mono_ns| {
            let mut out = Vec::new();
            dialect.poll(Moment { mono_ns, unix_ns: 0 }, &mut out);
            out
        };
        assert!(polled(1_099_000_000).is_empty());
        assert_eq!(polled(1_100_000_001), [message("/beat/trigger/1", &[Arg::Float(0.0)])]);
        assert!(polled(1_399_000_000).is_empty());
        assert_eq!(polled(1_400_000_001), [message("/beat/trigger/4", &[Arg::Float(0.0)])]);
        assert!(polled(u64::MAX).is_empty());
    }

    #[test]
    fn ramps_run_from_0_to_1_over_their_beats() {
        let mut dialect = RkbxDialect::new(&[1, 2, 4]);
        let beat = Beat { beat_in_bar: 4, ..BAR_2_BEAT_1 };
        let view = View { beat: Some(beat), phase: 0.5, locked: true, ..View::default() };
        let mut out = Vec::new();
        dialect.frame(&view, &mut out);
        let expected = [("/beat/subdiv/1", 0.5), ("/beat/subdiv/2", 0.75), ("/beat/subdiv/4", 0.875)];
        assert_eq!(out, expected.map(|(address, value)| message(address, &[Arg::Float(value)])));
        out.clear();
        dialect.frame(&View { locked: false, ..view }, &mut out);
        assert!(out.is_empty());
    }

    #[test]
    fn without_a_bar_beats_are_counted() {
        let unknown = Beat { beat_in_bar: 0, beats_per_bar: 0, number: 6, ..BAR_2_BEAT_1 };
        assert_eq!(position_beats(&unknown, 4), 2);
        assert_eq!(beats_to_phrase(&unknown), None);
        let waltz = Beat { beat_in_bar: 3, beats_per_bar: 3, number: 6, ..BAR_2_BEAT_1 };
        assert_eq!((position_beats(&waltz, 3), position_beats(&waltz, 4)), (2, 1), "24 beats of the phrase: the 6th of them is 5");
    }

    #[test]
    fn sections_are_phrases() {
        let mut dialect = RkbxDialect::new(&[]);
        let mut out = Vec::new();
        dialect.event(&Event::Section(Section { section: 2, ..Section::default() }), Moment::default(), &mut out);
        dialect.event(&Event::Approach(Approach { next: Some(4), ..Approach::default() }), Moment::default(), &mut out);
        dialect.event(&Event::Approach(Approach::default()), Moment::default(), &mut out);
        assert_eq!(out, [message("/phrase/current", &[Arg::Text("verse")]), message("/phrase/next", &[Arg::Text("chorus")])]);
    }
}
