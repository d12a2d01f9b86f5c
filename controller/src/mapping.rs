//! The hand-written mapping: micro features, beat, section and hazard to a target for each control. What the net is measured against,
//! and what plays where there is none. `visualizer/controller/mapping.js` is the same, line by line.

use model_contracts::v1::controller::mapping as contract;

use crate::input::{Known, N_LABELS, wrapped};
use crate::numbers::{clamp, exp, sin_turns};
use crate::{N_CONTROLS, N_MICRO};

/// Indices of the micro features that are used.
const LOW: usize = 16;
const MID: usize = 17;
const HIGH: usize = 18;
const ONSET_LOW: usize = 4;
const ONSET_MID: usize = 5;
const ONSET_HIGH: usize = 6;
const SLOW_LEVEL: usize = 15;
const CENTROID: usize = 19;
const ONSET_RATE: usize = 21;
const RELATIVE_LEVEL: usize = 22;

/// The 12 targets.
pub(crate) fn targets(micro: &[f64; N_MICRO], known: &Known) -> [f64; N_CONTROLS] {
    let home = Home::of(&known.sections);
    let tension = clamp((known.hazards[3] - contract::HAZARD_REST) / (contract::HAZARD_FULL - contract::HAZARD_REST), 0.0, 1.0);
    // The phase that holds when what is asked for now is seen.
    let ahead = if known.period_sec > 0.0 { wrapped(known.phase + contract::LEAD_SEC / known.period_sec) } else { 0.0 };
    let pulse = known.trust * exp(-contract::GLOW_FADE_PER_BEAT * ahead);
    [
        home.path + 0.02 * (micro[RELATIVE_LEVEL] - 0.5),
        0.7 - 1.3 * tension - 0.3 * micro[LOW],
        0.6 * known.trust * (if known.has_bar { sin_turns(known.bar) } else { 0.0 }) + 0.4 * (micro[ONSET_LOW] - micro[ONSET_HIGH]),
        0.15 + 0.35 * micro[SLOW_LEVEL] + 0.4 * tension,
        home.turn * (0.4 + 0.6 * micro[RELATIVE_LEVEL]),
        home.palette + 0.08 * tension,
        0.2 + 0.5 * micro[CENTROID] + 0.3 * micro[ONSET_RATE],
        0.35 * micro[LOW] + 0.45 * micro[ONSET_LOW] + 0.2 * pulse,
        0.4 * micro[MID] + 0.6 * micro[ONSET_MID],
        0.4 * micro[HIGH] + 0.6 * micro[ONSET_HIGH],
        tension,
        pulse,
    ]
}

/// Where a section has the controls.
struct Home {
    path: f64,
    palette: f64,
    turn: f64,
}

impl Home {
    /// Means of the sections' homes; squared, so that the likely ones outweigh the rest.
    fn of(sections: &[f64; N_LABELS]) -> Self {
        let mut total = 0.0;
        let mut home = Self { path: 0.0, palette: 0.0, turn: 0.0 };
        for (k, prob) in sections.iter().enumerate() {
            let weight = prob * prob;
            total += weight;
            home.path += weight * contract::SECTION_PATH[k];
            home.palette += weight * contract::SECTION_PALETTE[k];
            home.turn += weight * contract::SECTION_TURN[k];
        }
        if total > 0.0 {
            return Self { path: home.path / total, palette: home.palette / total, turn: home.turn / total };
        }
        // Nothing known: the home of an intro.
        Self { path: contract::SECTION_PATH[1], palette: contract::SECTION_PALETTE[1], turn: contract::SECTION_TURN[1] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Input;

    #[test]
    fn sections_have_homes() {
        let targets = |label: usize| {
            let mut input = Input::default();
            input.section_probs[label] = 1.0;
            targets(&[0.0; N_MICRO], &Known::of(&input))
        };
        assert_eq!(targets(4)[5], contract::SECTION_PALETTE[4]);
        assert_eq!(targets(2)[0], contract::SECTION_PATH[2] - 0.01);
        assert_eq!(self::targets(&[0.0; N_MICRO], &Known::of(&Input::default()))[5], contract::SECTION_PALETTE[1]);
    }

    #[test]
    fn the_beat_is_foreseen_by_the_lead() {
        let at = |phase: f64| {
            let input = Input { phase, period_sec: 0.5, confidence: 1.0, locked: true, ..Input::default() };
            targets(&[0.0; N_MICRO], &Known::of(&input))[11]
        };
        assert!(at(0.945) > 0.97 && at(0.93) < 0.05, "{} {}", at(0.945), at(0.93));
    }
}
