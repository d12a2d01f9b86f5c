//! What a user can say about the beat while it plays, as a value and as text; and what of it is in force, as flags.
//!
//! Where: from the adapters (a plugin's parameters, a command line, a controller) to the analysis, each word at its sample
//! position: a tap or "this is 1" means the moment at which it stands in the stream. Meaning, precedence and lifetime:
//! `analysis::hints` and docs/hints.md. Values any thread; text not on the audio thread.

use std::fmt;
use std::str::FromStr;

/// Microseconds in a millisecond.
const US_PER_MS: f64 = 1e3;
/// Largest nudge in one word, milliseconds: longer than the slowest beat.
const MAX_NUDGE_MS: f64 = 2_000.0;

/// One word of the user.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Hint {
    /// A beat is now. Four of them give a tempo.
    Tap,
    /// The tempo is half of what you say.
    Half,
    /// The tempo is twice what you say.
    Double,
    /// The beat comes this much later (negative: earlier), microseconds; adds up.
    Nudge {
        /// Microseconds.
        by_us: i32,
    },
    /// The beat that is nearest to now is the first of its bar.
    ThisIsOne,
    /// Bars have this many beats; `None`: decided by evidence.
    Meter(Option<u8>),
    /// Tempi considered, slowest and fastest, BPM; `None`: all that can be followed.
    TempoRange(Option<(f64, f64)>),
    /// The tempo is this, BPM; the beats still follow what is heard. `None`: it is heard again.
    ManualTempo(Option<f64>),
    /// On: keep to the present tempo and phase whatever is heard; off: listen again.
    Hold(bool),
    /// Forget all of the above.
    Clear,
}

/// A text that is no hint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("hint `{text}`: expected {expected}")]
pub struct HintParseError {
    /// What was given.
    pub text: String,
    /// What it could have been.
    pub expected: &'static str,
}

/// The words, for messages.
const WORDS: &str = "tap, half, double, nudge MS, this-is-1, meter N|auto, range MIN:MAX|auto, tempo BPM|auto, hold on|off, or clear";

impl FromStr for Hint {
    type Err = HintParseError;

    /// ```
    /// use runtime_core::bus::hint::Hint;
    ///
    /// assert_eq!("tap".parse(), Ok(Hint::Tap));
    /// assert_eq!("nudge -5".parse(), Ok(Hint::Nudge { by_us: -5_000 }));
    /// assert_eq!("tempo 123.4".parse(), Ok(Hint::ManualTempo(Some(123.4))));
    /// assert_eq!("meter auto".parse(), Ok(Hint::Meter(None)));
    /// assert!("faster".parse::<Hint>().is_err());
    /// ```
    fn from_str(text: &str) -> Result<Self, HintParseError> {
        let error = |expected| HintParseError { text: text.to_owned(), expected };
        let mut words = text.split_whitespace();
        let (name, value) = (words.next().unwrap_or_default(), words.next());
        if words.next().is_some() {
            return Err(error(WORDS));
        }
        match (name, value) {
            ("tap", None) => Ok(Self::Tap),
            ("half", None) => Ok(Self::Half),
            ("double", None) => Ok(Self::Double),
            ("this-is-1", None) => Ok(Self::ThisIsOne),
            ("clear", None) => Ok(Self::Clear),
            ("hold", Some("on")) => Ok(Self::Hold(true)),
            ("hold", Some("off")) => Ok(Self::Hold(false)),
            ("meter", Some("auto")) => Ok(Self::Meter(None)),
            ("range", Some("auto")) => Ok(Self::TempoRange(None)),
            ("tempo", Some("auto")) => Ok(Self::ManualTempo(None)),
            ("nudge", Some(value)) => {
                let by_ms = value.trim_end_matches("ms").parse::<f64>().ok().filter(|by_ms| by_ms.abs() <= MAX_NUDGE_MS);
                let by_us = by_ms.map(|by_ms| (by_ms * US_PER_MS).round() as i32);
                by_us.map(|by_us| Self::Nudge { by_us }).ok_or_else(|| error("nudge and milliseconds from -2000 to 2000"))
            }
            ("meter", Some(value)) => {
                value.parse().map(|beats| Self::Meter(Some(beats))).map_err(|_| error("meter and a number of beats, or auto"))
            }
            ("range", Some(value)) => {
                let range = value.split_once(':').and_then(|(min, max)| Some((number(min)?, number(max)?)));
                range.map(|range| Self::TempoRange(Some(range))).ok_or_else(|| error("range and MIN:MAX in BPM, or auto"))
            }
            ("tempo", Some(value)) => {
                number(value).map(|bpm| Self::ManualTempo(Some(bpm))).ok_or_else(|| error("tempo and a number of BPM, or auto"))
            }
            ("hold", _) => Err(error("hold on or hold off")),
            _ => Err(error(WORDS)),
        }
    }
}

impl fmt::Display for Hint {
    /// As [`FromStr`] reads it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tap => f.write_str("tap"),
            Self::Half => f.write_str("half"),
            Self::Double => f.write_str("double"),
            Self::Nudge { by_us } => write!(f, "nudge {}", f64::from(*by_us) / US_PER_MS),
            Self::ThisIsOne => f.write_str("this-is-1"),
            Self::Meter(Some(beats)) => write!(f, "meter {beats}"),
            Self::Meter(None) => f.write_str("meter auto"),
            Self::TempoRange(Some((min_bpm, max_bpm))) => write!(f, "range {min_bpm}:{max_bpm}"),
            Self::TempoRange(None) => f.write_str("range auto"),
            Self::ManualTempo(Some(bpm)) => write!(f, "tempo {bpm}"),
            Self::ManualTempo(None) => f.write_str("tempo auto"),
            Self::Hold(true) => f.write_str("hold on"),
            Self::Hold(false) => f.write_str("hold off"),
            Self::Clear => f.write_str("clear"),
        }
    }
}

/// A finite number.
fn number(text: &str) -> Option<f64> {
    text.trim().parse::<f64>().ok().filter(|value| value.is_finite())
}

/// Which hints are in force: a bit each, so that they cross threads and fit a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(transparent)]
pub struct HintFlags(pub u8);

impl HintFlags {
    /// [`Hint::Hold`].
    pub const HOLD: Self = Self(1);
    /// [`Hint::ManualTempo`].
    pub const MANUAL_TEMPO: Self = Self(2);
    /// A tempo that taps, [`Hint::Half`] or [`Hint::Double`] left.
    pub const LEVEL: Self = Self(4);
    /// A tempo range narrower than what can be followed.
    pub const TEMPO_RANGE: Self = Self(8);
    /// [`Hint::Meter`].
    pub const METER: Self = Self(16);
    /// [`Hint::ThisIsOne`].
    pub const ONE: Self = Self(32);
    /// [`Hint::Nudge`].
    pub const NUDGE: Self = Self(64);
    /// Every flag with its name for people, the strongest first.
    pub const ALL: [(Self, &'static str); 7] = [
        (Self::HOLD, "hold"),
        (Self::MANUAL_TEMPO, "tempo"),
        (Self::LEVEL, "level"),
        (Self::TEMPO_RANGE, "range"),
        (Self::METER, "meter"),
        (Self::ONE, "one"),
        (Self::NUDGE, "nudge"),
    ];
    /// All of them at once.
    pub const MAX: u8 = 127;

    /// These and, where `is_set`, another. Real-time safe: yes.
    #[must_use]
    pub fn with(self, flag: Self, is_set: bool) -> Self {
        if is_set { Self(self.0 | flag.0) } else { self }
    }

    /// Whether this one is among them. Real-time safe: yes.
    pub fn has(self, flag: Self) -> bool {
        self.0 & flag.0 != 0
    }

    /// Names of those that are set, the strongest first.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::ALL.into_iter().filter(move |(flag, _)| self.has(*flag)).map(|(_, name)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_read() {
        let hints = [
            Hint::Tap,
            Hint::Half,
            Hint::Double,
            Hint::Nudge { by_us: -12_345 },
            Hint::ThisIsOne,
            Hint::Meter(Some(7)),
            Hint::Meter(None),
            Hint::TempoRange(Some((70.5, 180.0))),
            Hint::TempoRange(None),
            Hint::ManualTempo(Some(123.45)),
            Hint::ManualTempo(None),
            Hint::Hold(true),
            Hint::Hold(false),
            Hint::Clear,
        ];
        for hint in hints {
            assert_eq!(hint.to_string().parse(), Ok(hint));
        }
        assert_eq!(" nudge  15ms ".parse(), Ok(Hint::Nudge { by_us: 15_000 }));
    }

    #[test]
    fn what_is_no_hint_is_named_with_what_it_could_have_been() {
        for (text, part) in [
            ("", "this-is-1"),
            ("tap tap", "this-is-1"),
            ("Tap", "this-is-1"),
            ("hold", "hold on or hold off"),
            ("hold 1", "hold on or hold off"),
            ("nudge", "this-is-1"),
            ("nudge x", "milliseconds"),
            ("nudge 5000", "from -2000 to 2000"),
            ("nudge nan", "milliseconds"),
            ("meter 3/4", "a number of beats"),
            ("meter 300", "a number of beats"),
            ("range 70", "MIN:MAX"),
            ("range a:b", "MIN:MAX"),
            ("tempo inf", "a number of BPM"),
            ("tempo 120 now", "this-is-1"),
        ] {
            let message = text.parse::<Hint>().unwrap_err().to_string();
            assert!(message.starts_with(&format!("hint `{text}`: expected ")) && message.contains(part), "{message}");
        }
    }

    #[test]
    fn flags_have_a_bit_each_and_names_in_order() {
        assert_eq!(HintFlags::ALL.iter().fold(0, |sum, (flag, _)| sum + u32::from(flag.0)), u32::from(HintFlags::MAX));
        let flags = HintFlags::default().with(HintFlags::NUDGE, true).with(HintFlags::HOLD, true).with(HintFlags::ONE, false);
        assert_eq!(flags.names().collect::<Vec<_>>(), ["hold", "nudge"]);
    }
}
