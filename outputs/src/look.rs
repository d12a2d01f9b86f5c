//! What a source says of the music, whole and at one moment, and the board on which the newest look hangs for all outputs.
//!
//! One thread writes, each output's thread reads; a reader copies and lets go, so nobody waits for an output.

use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::event::Moment;
use crate::view::N_BANDS;

/// Why beats are announced, or why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Nothing reaches us: no device, no feed.
    #[default]
    NoInput,
    /// Sound, but not for long enough to tell.
    Searching,
    /// Beats are announced.
    Locked,
    /// No pulse is heard.
    WeakPulse,
    /// Beats are announced, but another metrical level is nearly as probable.
    AmbiguousOctave,
    /// Nothing is audible.
    Silence,
    /// The user holds the grid.
    Held,
}

impl Reason {
    /// In words, for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoInput => "no input",
            Self::Searching => "searching",
            Self::Locked => "locked",
            Self::WeakPulse => "weak pulse",
            Self::AmbiguousOctave => "ambiguous octave",
            Self::Silence => "silence",
            Self::Held => "held",
        }
    }
}

/// Where beats fall on the monotonic clock: an affine map.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// A moment, monotonic nanoseconds.
    pub origin_mono_ns: u64,
    /// The source's beat number at that moment, with fraction.
    pub beat_origin: f64,
    /// Nanoseconds per beat, above 0.
    pub period_ns: f64,
}

impl Default for Line {
    /// 120 BPM from the clock's start.
    fn default() -> Self {
        Self { origin_mono_ns: 0, beat_origin: 0.0, period_ns: 5e8 }
    }
}

impl Line {
    /// Beat number at a moment.
    pub fn beat_at(&self, mono_ns: u64) -> f64 {
        self.beat_origin + (mono_ns as i128 - i128::from(self.origin_mono_ns)) as f64 / self.period_ns
    }

    /// Moment of a beat number, monotonic nanoseconds.
    pub fn time_of(&self, beat: f64) -> u64 {
        self.origin_mono_ns.saturating_add_signed(((beat - self.beat_origin) * self.period_ns) as i64)
    }
}

/// What was last said of a section.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct SectionLook {
    /// Rises with each change; 0 before the first.
    pub change: u64,
    /// Index of the label.
    pub section: Option<u8>,
    /// Index of the label before.
    pub before: Option<u8>,
    /// Probability of the label when it was said, `[0, 1]`.
    pub prob: f32,
    /// Since when it is known, monotonic nanoseconds.
    pub since_mono_ns: u64,
}

/// What was last said of a boundary that is near.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct ApproachLook {
    /// Rises with each; 0 before the first.
    pub change: u64,
    /// It comes within this many beats.
    pub within_beats: u8,
    /// Probability of that, `[0, 1]`.
    pub prob: f32,
    /// Index of the label that most often follows.
    pub next: Option<u8>,
    /// Probability of that label, `[0, 1]`.
    pub next_prob: f32,
    /// Since when it is known, monotonic nanoseconds.
    pub since_mono_ns: u64,
}

/// Everything that is known at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Look {
    /// When it was taken, on both clocks: what translates the one into the other.
    pub taken: Moment,
    /// Changes where the source counts its beats anew.
    pub session: u64,
    /// When the source last said something, monotonic nanoseconds.
    pub said_mono_ns: u64,
    /// Whether beats are announced.
    pub locked: bool,
    /// Why, or why not.
    pub reason: Reason,
    /// Where beats fall.
    pub line: Line,
    /// The source's number of the beat that the bar is told of.
    pub number: u64,
    /// Position of that beat in its bar, 1-based; 0 = unknown.
    pub beat_in_bar: u8,
    /// Beats per bar; 0 = unknown.
    pub beats_per_bar: u8,
    /// Tempo to show, beats per minute.
    pub bpm: f64,
    /// Probability that a true beat lies within 70 ms of the last one, `[0, 1]`.
    pub confidence: f32,
    /// Probability that the last beat was a downbeat, `[0, 1]`.
    pub downbeat_prob: f32,
    /// How strongly the beats of late were played, `[0, 1]`.
    pub intensity: f32,
    /// The section.
    pub section: SectionLook,
    /// The boundary that is near.
    pub approach: ApproachLook,
    /// Probabilities of the labels.
    pub section_probs: [f32; 8],
    /// Probability of a boundary within 1, 2, 4, 8, 16 beats.
    pub hazard_probs: [f32; 5],
    /// Level, `[0, 1]`.
    pub level: f32,
    /// Spectrum in 16 bands, `[0, 1]`.
    pub bands: [f32; N_BANDS],
    /// What the network sees in the newest frame: a beat, downbeat or not, `[0, 1]`.
    #[serde(default)]
    pub beat_activation: f32,
    /// The same, a downbeat.
    #[serde(default)]
    pub downbeat_activation: f32,
}

/// A source that has said nothing for longer than this is gone, nanoseconds.
pub const GONE_NS: u64 = 1_000_000_000;

impl Look {
    /// Since the source said anything, nanoseconds.
    pub fn age_ns(&self) -> u64 {
        self.taken.mono_ns.saturating_sub(self.said_mono_ns)
    }

    /// Whether nobody says anything any more.
    pub fn is_gone(&self) -> bool {
        self.age_ns() > GONE_NS
    }

    /// A moment of the monotonic clock on both.
    pub fn moment(&self, mono_ns: u64) -> Moment {
        let by_ns = i128::from(mono_ns) - i128::from(self.taken.mono_ns);
        self.taken.shifted_ns(by_ns.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64)
    }

    /// Position in the bar of another beat than the one it is told of, 1-based; 0 = unknown.
    pub fn beat_in_bar_of(&self, number: u64) -> u8 {
        let meter = i128::from(self.beats_per_bar);
        if meter == 0 || self.beat_in_bar == 0 {
            return 0;
        }
        let since = i128::from(number) - i128::from(self.number) + i128::from(self.beat_in_bar) - 1;
        (since.rem_euclid(meter) + 1) as u8
    }
}

/// Where the newest look hangs.
#[derive(Debug, Default)]
pub struct Board {
    newest: Mutex<Look>,
}

impl Board {
    /// Hangs up a look.
    pub fn put(&self, look: &Look) {
        *self.newest.lock().unwrap_or_else(PoisonError::into_inner) = *look;
    }

    /// The newest look; without an input before the first one.
    pub fn look(&self) -> Look {
        *self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beats_lie_where_the_line_says_also_before_its_origin() {
        let line = Line { origin_mono_ns: 1_000_000_000, beat_origin: 4.0, period_ns: 5e8 };
        assert_eq!([line.time_of(4.0), line.time_of(5.5), line.time_of(3.0)], [1_000_000_000, 1_750_000_000, 500_000_000]);
        assert_eq!([line.beat_at(1_250_000_000), line.beat_at(0)], [4.5, 2.0]);
        assert_eq!(line.time_of(-100.0), 0, "no wrap");
    }

    #[test]
    fn the_bar_goes_on_in_both_directions() {
        let look = Look { number: 10, beat_in_bar: 2, beats_per_bar: 3, ..Look::default() };
        assert_eq!([8, 9, 10, 11, 12, 13].map(|n| look.beat_in_bar_of(n)), [3, 1, 2, 3, 1, 2]);
        assert_eq!(Look { beat_in_bar: 0, ..look }.beat_in_bar_of(10), 0);
    }

    #[test]
    fn a_moment_keeps_the_distance_of_the_clocks() {
        let look = Look { taken: Moment { mono_ns: 100, unix_ns: 5_000 }, ..Look::default() };
        assert_eq!([look.moment(150), look.moment(50)], [(150, 5_050), (50, 4_950)].map(|(mono_ns, unix_ns)| Moment { mono_ns, unix_ns }));
    }

    #[test]
    fn a_source_is_gone_after_a_second() {
        let look =
            |age_ns| Look { taken: Moment { mono_ns: 5 * GONE_NS, unix_ns: 0 }, said_mono_ns: 5 * GONE_NS - age_ns, ..Look::default() };
        assert_eq!([look(GONE_NS), look(GONE_NS + 1)].map(|look| look.is_gone()), [false, true]);
        assert_eq!(Look { said_mono_ns: 7, ..Look::default() }.age_ns(), 0, "said after it was looked at");
    }

    #[test]
    fn a_look_is_json_that_reads_back() {
        let look = Look { reason: Reason::AmbiguousOctave, bpm: 128.5, ..Look::default() };
        let text = serde_json::to_string(&look).unwrap();
        assert!(text.contains(r#""reason":"ambiguous-octave""#), "{text}");
        assert_eq!(serde_json::from_str::<Look>(&text).unwrap(), look);
    }
}
