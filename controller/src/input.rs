//! What a step of the controller is given, made safe: numbers that are none become 0, probabilities lie in [0, 1], and a beat that is
//! not known is no beat. `visualizer/controller/input.js` is the same.

use crate::numbers::{clamp, cos_turns, finite, sin_turns};

/// Number of bands of a spectrum.
pub const N_BANDS: usize = 16;
/// Number of section labels.
pub const N_LABELS: usize = model_contracts::v1::LABELS.len();
/// Number of hazard horizons.
pub const N_HORIZONS: usize = model_contracts::v1::HORIZONS_BEATS.len();
/// Number of beat features of the net.
pub(crate) const N_BEAT: usize = model_contracts::v1::controller::BEAT_NAMES.len();
/// The longest beat that is foreseen, seconds; a period beyond it is none.
const MAX_PERIOD_SEC: f64 = 10.0;

/// What is known at one step. Whatever stands in it, a step gives controls within their ranges.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Input {
    /// Spectrum, low to high, `[0, 1]`, as in a `Look`.
    pub bands: [f64; N_BANDS],
    /// Level, `[0, 1]`, as in a `Look`.
    pub level: f64,
    /// Position within the beat now, `[0, 1)`.
    pub phase: f64,
    /// Position within the bar now, `[0, 1)`.
    pub bar_phase: f64,
    /// Beats per bar; 0 = unknown.
    pub beats_per_bar: u8,
    /// Seconds per beat.
    pub period_sec: f64,
    /// Probability that beats are where they are said to be, `[0, 1]`.
    pub confidence: f64,
    /// Whether beats are announced.
    pub locked: bool,
    /// Probability of each label.
    pub section_probs: [f64; N_LABELS],
    /// Probability of a boundary within 1, 2, 4, 8, 16 beats.
    pub hazard_probs: [f64; N_HORIZONS],
}

/// An input that has been made safe.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known {
    pub(crate) phase: f64,
    pub(crate) bar: f64,
    pub(crate) has_bar: bool,
    pub(crate) period_sec: f64,
    /// Confidence, 0 without a beat.
    pub(crate) trust: f64,
    pub(crate) sections: [f64; N_LABELS],
    pub(crate) hazards: [f64; N_HORIZONS],
    /// In the order of the contract's `beat_names`.
    pub(crate) beat: [f64; N_BEAT],
}

impl Known {
    pub(crate) fn of(input: &Input) -> Self {
        let period_sec = clamp(finite(input.period_sec), 0.0, MAX_PERIOD_SEC);
        let is_known = input.locked && period_sec > 0.0;
        let trust = if is_known { clamp(input.confidence, 0.0, 1.0) } else { 0.0 };
        let phase = wrapped(finite(input.phase));
        let has_bar = is_known && input.beats_per_bar > 0;
        let bar = if has_bar { wrapped(finite(input.bar_phase)) } else { 0.0 };
        let beat = [
            if is_known { sin_turns(phase) } else { 0.0 },
            if is_known { cos_turns(phase) } else { 0.0 },
            if has_bar { sin_turns(bar) } else { 0.0 },
            if has_bar { cos_turns(bar) } else { 0.0 },
            trust,
        ];
        let probability = |value: f64| clamp(value, 0.0, 1.0);
        let (sections, hazards) = (input.section_probs.map(probability), input.hazard_probs.map(probability));
        Self { phase, bar, has_bar, period_sec, trust, sections, hazards, beat }
    }
}

/// Into `[0, 1)`.
pub(crate) fn wrapped(turns: f64) -> f64 {
    let part = turns - turns.floor();
    if part < 1.0 { part } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_wrap_at_one() {
        assert_eq!([wrapped(0.25), wrapped(1.0), wrapped(-0.25), wrapped(-1e-18)], [0.25, 0.0, 0.75, 0.0]);
    }

    #[test]
    fn a_beat_that_is_not_known_is_no_beat() {
        let input = Input { phase: 0.25, bar_phase: 0.5, beats_per_bar: 4, period_sec: 0.5, confidence: 0.8, ..Input::default() };
        assert_eq!((Known::of(&input).beat, Known::of(&input).trust), ([0.0; 5], 0.0));
        let known = Known::of(&Input { locked: true, ..input });
        assert!((known.beat[0] - 1.0).abs() < 1e-15 && (known.beat[3] + 1.0).abs() < 1e-15 && known.trust == 0.8);
        assert!(!Known::of(&Input { locked: true, beats_per_bar: 0, ..input }).has_bar);
    }
}
