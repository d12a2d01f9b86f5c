//! What the user fixed: the one answer to "what counts, what was heard or what was said?". INFERENCE THREAD.
//!
//! | word | fixes | outranks | lasts until |
//! |---|---|---|---|
//! | hold | tempo and phase: nothing heard counts | all that is heard | released |
//! | manual tempo | the tempo; the phase follows what is heard within 4 % of it | level, range, evidence | released, half or double (which change it) |
//! | tap, half, double | the metrical level: tempi within 12 % | range, evidence | the next of the three, a manual tempo's release does not end it; a range that leaves it out |
//! | tempo range | which tempi are considered | evidence | the next range |
//! | meter | beats per bar | evidence | the next meter |
//! | this is 1 | where bars begin | evidence | the next one, a jump |
//! | nudge | how much later all beats come | nothing: it is added to whatever counts | the end; adds up |
//!
//! All of them last through silence and breaks of any length, all but "this is 1" through jumps of the host, and all end with
//! `clear`. Of two words about the same thing the later counts. A word that cannot be taken changes nothing and is kept as
//! [`HintStatus::refused`]. For users: docs/hints.md. Half, double and tap as a tempo and a beat are [`Pulse`]s here; what
//! the tracker does with all this is in `tracker/hints.rs`.

pub mod bar;
pub mod half_beat;
mod taps;

pub use taps::Taps;

use half_beat::HalfBeatBy;

use super::config::{EngineConfig, Meter, TempoRange};
use super::tracker::{GridHints, Tracker};
use crate::bus::hint::HintFlags;
use crate::units::StreamSec;

/// A hinted level holds within this ratio: a player's drift, but no other metrical level and no 4 against 3.
const LEVEL_RATIO: f64 = 1.12;
/// A tempo by hand is followed within this ratio: what a player strays from a click, and in the decoder's steps of 10 ms
/// still a neighbour on either side at the fastest tempo, so that the phase can follow.
const MANUAL_RATIO: f64 = 1.04;
/// Largest sum of nudges, seconds: longer than the slowest beat.
const MAX_NUDGE_SEC: f64 = 2.0;

/// Who decides about the tempo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TempoBy {
    /// What is heard.
    Evidence,
    /// What is heard, within a range of the user's.
    Range,
    /// What is heard, near the level that the user chose.
    Level,
    /// The user.
    Manual,
    /// The user, who holds it.
    Hold,
}

impl TempoBy {
    /// In a word, for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Evidence => "evidence",
            Self::Range => "range",
            Self::Level => "level",
            Self::Manual => "manual",
            Self::Hold => "hold",
        }
    }
}

/// A word that was not taken; everything stays as it was.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum HintRefusal {
    /// Half or double of nothing.
    #[error("no beat was found yet that could be counted half or twice as fast")]
    NoBeatYet,
    /// Outside what decoders hold.
    #[error("{0:.1} BPM is outside {slowest}:{fastest} BPM", slowest = TempoRange::SLOWEST_BPM, fastest = TempoRange::FASTEST_BPM)]
    Tempo(f64),
    /// Outside what decoders hold, or too narrow.
    #[error("tempo range {min_bpm}:{max_bpm} BPM must lie within {slowest}:{fastest} and span a factor of {ratio} or more",
        slowest = TempoRange::SLOWEST_BPM, fastest = TempoRange::FASTEST_BPM, ratio = TempoRange::MIN_RATIO)]
    Range {
        /// Slowest, BPM.
        min_bpm: f64,
        /// Fastest, BPM.
        max_bpm: f64,
    },
    /// Not 2 to 7.
    #[error("meter of {0} beats per bar: must be 2 to 7")]
    Meter(u8),
    /// The sum of all nudges would be this, seconds.
    #[error("nudges of {0:.3} s in all: at most {max} s", max = MAX_NUDGE_SEC)]
    Nudge(f64),
}

/// What is in force: all that a user said, readable.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HintStatus {
    /// Who decides about the tempo.
    pub tempo_by: TempoBy,
    /// The grid goes on, whatever is heard.
    pub is_held: bool,
    /// Tempo by hand, BPM.
    pub manual_bpm: Option<f64>,
    /// The level that taps, half or double left, BPM when it was said.
    pub level_bpm: Option<f64>,
    /// Tempi considered while neither of the above is said.
    pub range: TempoRange,
    /// Beats per bar.
    pub meter: Meter,
    /// Whether the place of 1 is fixed.
    pub has_one: bool,
    /// Added to the time of every beat, seconds.
    pub nudge_sec: f64,
    /// Why the last word was not taken; `None` if it was.
    pub refused: Option<HintRefusal>,
}

impl HintStatus {
    /// A flag for each that is in force.
    pub fn flags(&self) -> HintFlags {
        HintFlags::default()
            .with(HintFlags::HOLD, self.is_held)
            .with(HintFlags::MANUAL_TEMPO, self.manual_bpm.is_some())
            .with(HintFlags::LEVEL, self.level_bpm.is_some())
            .with(HintFlags::TEMPO_RANGE, self.range != TempoRange::default())
            .with(HintFlags::METER, self.meter != Meter::Auto)
            .with(HintFlags::ONE, self.has_one)
            .with(HintFlags::NUDGE, self.nudge_sec != 0.0)
    }
}

/// What the user said about tempo and meter, with its precedence. The grid's part is the tracker's [`GridHints`].
#[derive(Debug, Clone, Copy)]
pub struct HintState {
    /// Tempo by hand, BPM.
    pub manual_bpm: Option<f64>,
    /// The level that taps, half or double left, BPM.
    pub level_bpm: Option<f64>,
    /// Beats per bar.
    pub meter: Meter,
    /// The taps of late.
    pub taps: Taps,
    /// Why the last word was not taken.
    pub refused: Option<HintRefusal>,
    range: TempoRange,
}

impl HintState {
    /// What a configuration says.
    pub fn new(config: &EngineConfig) -> Self {
        let EngineConfig { tempo, meter, manual_bpm, .. } = *config;
        Self { manual_bpm, level_bpm: None, meter, taps: Taps::default(), refused: None, range: tempo }
    }

    /// Another range. One that leaves the chosen level out is the newer word, and ends it.
    pub fn set_range(&mut self, range: TempoRange) {
        self.range = range;
        self.level_bpm = self.level_bpm.filter(|&bpm| range.holds(bpm));
    }

    /// The tempi that a decoder may believe: here is the precedence.
    pub fn decoder_range(&self) -> TempoRange {
        match (self.manual_bpm, self.level_bpm) {
            (Some(bpm), _) => around(bpm, MANUAL_RATIO),
            (None, Some(bpm)) => around(bpm, LEVEL_RATIO),
            (None, None) => self.range,
        }
    }

    /// Who says which of two pulses is the beat, where both would do.
    pub fn half_beat_by(&self) -> HalfBeatBy {
        match (self.manual_bpm, self.level_bpm) {
            (None, Some(_)) => HalfBeatBy::Grid,
            (None, None) if self.range == TempoRange::default() => HalfBeatBy::Decoder,
            _ => HalfBeatBy::PersistentDecoder,
        }
    }

    /// What is in force, with what the tracker keeps.
    pub fn status(&self, grid: &GridHints) -> HintStatus {
        let Self { manual_bpm, level_bpm, meter, refused, range, .. } = *self;
        let tempo_by = if grid.is_held {
            TempoBy::Hold
        } else if manual_bpm.is_some() {
            TempoBy::Manual
        } else if level_bpm.is_some() {
            TempoBy::Level
        } else if range != TempoRange::default() {
            TempoBy::Range
        } else {
            TempoBy::Evidence
        };
        let GridHints { nudge_sec, is_held, bar, .. } = *grid;
        HintStatus { tempo_by, is_held, manual_bpm, level_bpm, range, meter, has_one: bar.has_one(), nudge_sec, refused }
    }
}

/// A tempo that a decoder can hold.
///
/// # Errors
/// [`HintRefusal::Tempo`].
pub fn usable_tempo(bpm: f64) -> Result<f64, HintRefusal> {
    if TempoRange::default().holds(bpm) { Ok(bpm) } else { Err(HintRefusal::Tempo(bpm)) }
}

/// A sum of nudges that is not absurd, seconds.
///
/// # Errors
/// [`HintRefusal::Nudge`].
pub fn usable_nudge(sum_sec: f64) -> Result<f64, HintRefusal> {
    if sum_sec.abs() <= MAX_NUDGE_SEC { Ok(sum_sec) } else { Err(HintRefusal::Nudge(sum_sec)) }
}

/// Tempi within a ratio of `bpm`, as far as decoders hold them.
fn around(bpm: f64, ratio: f64) -> TempoRange {
    TempoRange { min_bpm: (bpm / ratio).max(TempoRange::SLOWEST_BPM), max_bpm: (bpm * ratio).min(TempoRange::FASTEST_BPM) }
}

/// A tempo and a moment at which a beat falls.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pulse {
    /// Seconds per beat.
    pub spb: f64,
    /// A beat, seconds of stream, after the last one that was announced.
    pub beat_sec: f64,
}

impl Pulse {
    /// Beats per minute.
    pub fn bpm(&self) -> f64 {
        60.0 / self.spb
    }
}

/// The present pulse, or that of every other beat, or of twice as many: the first that `allowed` holds.
pub fn present(tracker: &Tracker, now: StreamSec, allowed: TempoRange) -> Option<Pulse> {
    let as_it_is = Pulse { spb: tracker.timeline().spb, beat_sec: tracker.next_beat(now).t_sec };
    let levels = [as_it_is, half(tracker, now), double(tracker, now)];
    levels.into_iter().find(|pulse| allowed.holds(pulse.bpm()))
}

/// Every other beat: those that the next 1 is among, where the bar is known.
pub fn half(tracker: &Tracker, now: StreamSec) -> Pulse {
    let spb = tracker.timeline().spb;
    let next = tracker.next_beat(now);
    let beats_to_one = if next.in_bar == 0 { 0 } else { (next.beats_per_bar + 1 - next.in_bar) % next.beats_per_bar };
    let beat_sec = if beats_to_one % 2 == 0 { next.t_sec } else { next.t_sec + spb };
    Pulse { spb: 2.0 * spb, beat_sec }
}

/// A beat between each two.
pub fn double(tracker: &Tracker, now: StreamSec) -> Pulse {
    let spb = 0.5 * tracker.timeline().spb;
    let next_sec = tracker.next_beat(now).t_sec;
    // The new beat before the next old one, where there is still time to say it.
    let beat_sec = if next_sec - spb > now.0 { next_sec - spb } else { next_sec };
    Pulse { spb, beat_sec }
}

/// One beat after a tap.
pub fn tapped(spb: f64, now: StreamSec) -> Pulse {
    Pulse { spb, beat_sec: now.0 + spb }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> HintState {
        HintState::new(&EngineConfig { tempo: TempoRange { min_bpm: 70.0, max_bpm: 180.0 }, ..EngineConfig::new(48_000.0) })
    }

    fn status(state: &HintState) -> (TempoBy, TempoRange) {
        (state.status(&GridHints::default()).tempo_by, state.decoder_range())
    }

    #[test]
    fn manual_outranks_level_outranks_range_outranks_evidence() {
        let mut state = state();
        let range = TempoRange { min_bpm: 70.0, max_bpm: 180.0 };
        assert_eq!(status(&state), (TempoBy::Range, range));
        state.level_bpm = Some(100.0);
        assert_eq!(status(&state), (TempoBy::Level, TempoRange { min_bpm: 100.0 / LEVEL_RATIO, max_bpm: 100.0 * LEVEL_RATIO }));
        state.manual_bpm = Some(123.0);
        assert_eq!(status(&state), (TempoBy::Manual, TempoRange { min_bpm: 123.0 / MANUAL_RATIO, max_bpm: 123.0 * MANUAL_RATIO }));
        let held = state.status(&GridHints { is_held: true, ..GridHints::default() });
        assert_eq!((held.tempo_by, held.manual_bpm), (TempoBy::Hold, Some(123.0)));
        state.manual_bpm = None;
        assert_eq!(status(&state).0, TempoBy::Level, "what was said before counts again");
        state.level_bpm = None;
        state.set_range(TempoRange::default());
        assert_eq!(status(&state), (TempoBy::Evidence, TempoRange::default()));
    }

    #[test]
    fn a_range_ends_a_level_that_it_leaves_out_and_no_other() {
        let mut state = state();
        state.level_bpm = Some(100.0);
        state.set_range(TempoRange { min_bpm: 90.0, max_bpm: 110.0 });
        assert_eq!(state.level_bpm, Some(100.0));
        state.manual_bpm = Some(100.0);
        state.set_range(TempoRange { min_bpm: 120.0, max_bpm: 150.0 });
        assert_eq!((state.level_bpm, state.manual_bpm), (None, Some(100.0)));
    }

    #[test]
    fn ranges_stay_within_what_decoders_hold() {
        let mut state = state();
        for bpm in [40.0, 239.0] {
            for is_manual in [false, true] {
                (state.level_bpm, state.manual_bpm) = (Some(bpm), Some(bpm).filter(|_| is_manual));
                let range = state.decoder_range();
                assert!(range.holds(bpm) && TempoRange::default().holds(range.min_bpm) && TempoRange::default().holds(range.max_bpm));
                // Two of the decoder's half frames at the least.
                assert!(6_000.0 / range.min_bpm - 6_000.0 / range.max_bpm >= 1.0, "{range:?}");
            }
        }
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_value() {
        assert_eq!((usable_tempo(100.0), usable_nudge(-1.9)), (Ok(100.0), Ok(-1.9)));
        for bpm in [39.9, 240.1, -1.0, f64::NAN, f64::INFINITY] {
            assert!(usable_tempo(bpm).unwrap_err().to_string().contains("is outside 40:240 BPM"));
        }
        assert!(usable_nudge(f64::NAN).is_err());
        assert_eq!(usable_nudge(2.5).unwrap_err().to_string(), "nudges of 2.500 s in all: at most 2 s");
    }

    #[test]
    fn every_hint_has_its_flag() {
        let grid = GridHints { nudge_sec: 0.01, is_held: true, ..GridHints::default() };
        let mut state = state();
        (state.manual_bpm, state.level_bpm, state.meter) = (Some(100.0), Some(100.0), Meter::Fixed(3));
        assert_eq!(state.status(&grid).flags().names().collect::<Vec<_>>(), ["hold", "tempo", "level", "range", "meter", "nudge"]);
        let fresh = HintState::new(&EngineConfig::new(48_000.0));
        assert_eq!(fresh.status(&GridHints::default()).flags(), HintFlags::default());
    }
}
