//! Events: what is said once, and when it is to happen. Plain data; any thread.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Labels of sections, in the contract's order; index 0 to 7.
pub const SECTION_LABELS: [&str; 8] = model_contracts::v1::LABELS;

/// A moment on both clocks of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, ToSchema)]
pub struct Moment {
    /// Nanoseconds on the monotonic clock that the whole run uses; what deadlines are kept by.
    pub mono_ns: u64,
    /// Nanoseconds since the Unix epoch; what other machines are told. It may jump; `mono_ns` does not.
    pub unix_ns: u64,
}

impl Moment {
    /// The same moment, later by so many nanoseconds; negative: earlier.
    #[must_use]
    pub fn shifted_ns(self, by_ns: i64) -> Self {
        Self { mono_ns: self.mono_ns.saturating_add_signed(by_ns), unix_ns: self.unix_ns.saturating_add_signed(by_ns) }
    }
}

/// What there is to say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Event {
    /// A beat falls, or will.
    Beat(Beat),
    /// Another section plays.
    Section(Section),
    /// A boundary is probably near.
    Approach(Approach),
    /// Beats are announced from now on, or no longer, or for another reason.
    Lock(Lock),
}

impl Event {
    /// When it happens.
    pub fn at(&self) -> Moment {
        match self {
            Self::Beat(beat) => beat.at,
            Self::Section(section) => section.at,
            Self::Approach(approach) => approach.at,
            Self::Lock(lock) => lock.at,
        }
    }

    /// Which kind it is, for filters.
    pub fn kind(&self) -> EventKind {
        match self {
            Self::Beat(_) => EventKind::Beat,
            Self::Section(_) => EventKind::Section,
            Self::Approach(_) => EventKind::Approach,
            Self::Lock(_) => EventKind::Lock,
        }
    }
}

/// Kinds of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum EventKind {
    /// [`Event::Beat`].
    Beat,
    /// [`Event::Section`].
    Section,
    /// [`Event::Approach`].
    Approach,
    /// [`Event::Lock`].
    Lock,
}

/// One beat, with its place in bar and phrase.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct Beat {
    /// When it falls, with the output's offset.
    pub at: Moment,
    /// Number of the beat, from 0; rises by 1 from beat to beat and is never repeated.
    pub number: u64,
    /// Position in the bar, 1-based; 0 = unknown.
    pub beat_in_bar: u8,
    /// Beats per bar; 0 = unknown.
    pub beats_per_bar: u8,
    /// Bars begun since the first lock, from 1; 0 before the first known downbeat.
    pub bar: u64,
    /// Bar of the phrase, 1-based; 0 = unknown.
    pub bar_in_phrase: u16,
    /// Phrases begun, from 1; 0 = unknown. A phrase is `phrase_bars` long; a new section begins a new one.
    pub phrase: u64,
    /// Bars of a phrase.
    pub phrase_bars: u16,
    /// On this beat begins every so manieth bar, of those that were asked for: `[4, 8]` on the first beat of bars 1, 9, 17.
    pub every_bars: Vec<u16>,
    /// Tempo to show, beats per minute.
    pub bpm: f64,
    /// Seconds to the next beat, as the clock follows it; more exact than `bpm`.
    pub period_sec: f64,
    /// Probability that a true beat lies within 70 ms, `[0, 1]`.
    pub confidence: f32,
    /// Probability that this is a downbeat, `[0, 1]`.
    pub downbeat_prob: f32,
    /// How strongly the beats of late were played, `[0, 1]`.
    pub intensity: f32,
    /// Index of the section's label; `None` = unknown.
    pub section: Option<u8>,
}

impl Beat {
    /// Whether it is the first beat of a bar.
    pub fn is_downbeat(&self) -> bool {
        self.beat_in_bar == 1
    }

    /// Whether it is the first beat of a phrase.
    pub fn is_phrase_start(&self) -> bool {
        self.is_downbeat() && self.bar_in_phrase == 1
    }
}

/// Another section plays.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct Section {
    /// Since when it is known.
    pub at: Moment,
    /// Index of its label.
    pub section: u8,
    /// Index of the label before; `None` for the first.
    pub before: Option<u8>,
    /// Probability of the label, `[0, 1]`.
    pub prob: f32,
}

/// A boundary is probably near.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct Approach {
    /// Since when it is known.
    pub at: Moment,
    /// It comes within this many beats.
    pub within_beats: u8,
    /// Probability of that, `[0, 1]`.
    pub prob: f32,
    /// Index of the label that most often follows; `None` = unknown.
    pub next: Option<u8>,
    /// Probability of that label, `[0, 1]`.
    pub next_prob: f32,
    /// When the boundary comes at the latest, at the present tempo; `None` without a lock.
    pub latest: Option<Moment>,
}

/// Beats are announced from now on, or no longer.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct Lock {
    /// Since when.
    pub at: Moment,
    /// Whether they are announced.
    pub locked: bool,
    /// Why, or why not, in words: `locked`, `searching`, `weak pulse`, `ambiguous octave`, `silence`, `held`, or `no input`.
    pub reason: String,
}

/// Name of a section's label; `None` and an index that is none give "unknown".
pub fn section_name(section: Option<u8>) -> &'static str {
    section.and_then(|index| SECTION_LABELS.get(usize::from(index))).copied().unwrap_or("unknown")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_tagged_json_that_reads_back() {
        let beat = Beat { at: Moment { mono_ns: 5, unix_ns: 7 }, number: 3, beat_in_bar: 1, every_bars: vec![4], ..Beat::default() };
        let event = Event::Beat(beat);
        let text = serde_json::to_string(&event).unwrap();
        assert!(text.starts_with(r#"{"type":"beat","at":{"mono_ns":5,"unix_ns":7},"number":3,"#), "{text}");
        assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event);
        assert_eq!((event.at(), event.kind()), (Moment { mono_ns: 5, unix_ns: 7 }, EventKind::Beat));
    }

    #[test]
    fn a_moment_moves_on_both_clocks_and_stops_at_their_start() {
        let at = Moment { mono_ns: 10, unix_ns: 100 };
        assert_eq!(at.shifted_ns(5), Moment { mono_ns: 15, unix_ns: 105 });
        assert_eq!(at.shifted_ns(-50), Moment { mono_ns: 0, unix_ns: 50 });
    }

    #[test]
    fn sections_have_names() {
        assert_eq!([Some(4), Some(9), None].map(section_name), ["chorus", "unknown", "unknown"]);
    }
}
