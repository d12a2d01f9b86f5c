//! What one can say of the next boundary without having heard anything but the bar: a table. INFERENCE THREAD.
//!
//! How often a boundary came within each horizon, by bars since the piece began and beats to the next bar, counted in human
//! annotations (urinieto/harmonixset; `models/structure_prior/prior.json`, made by the training package). It runs where there is
//! no anticipator, and it is the floor that one has to clear.

use std::sync::OnceLock;

use model_contracts::v1;
use serde::Deserialize;

use super::structure_features::StructureStep;

/// The table as it is committed.
const JSON: &str = include_str!("../../../models/structure_prior/prior.json");
/// Horizons of the boundary.
const N_HORIZONS: usize = v1::HORIZONS_BEATS.len();
/// Beats to the next bar that are told apart; more count as so many.
const MAX_TO_BAR: usize = 4;

/// Probability of a boundary within each horizon, by place.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct StructurePrior {
    format: u32,
    horizons_beats: Vec<u32>,
    /// Bars that each have a row.
    lead_bars: usize,
    /// Rows that all later bars share by turns.
    cycle_bars: usize,
    /// `[lead_bars + cycle_bars][4][5]`
    prob: Vec<[[f32; N_HORIZONS]; MAX_TO_BAR]>,
    /// Where the bar is not known.
    unknown_bar: [f32; N_HORIZONS],
}

impl StructurePrior {
    /// The table of this build.
    ///
    /// # Panics
    /// Never in a build whose tests passed: the text is compiled in and validated by them.
    pub fn embedded() -> &'static Self {
        static PRIOR: OnceLock<StructurePrior> = OnceLock::new();
        PRIOR.get_or_init(|| Self::parse(JSON).expect("prior.json is valid: checked by the tests of this file"))
    }

    /// Reads a table.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let prior: Self = serde_json::from_str(text).map_err(|e| e.to_string())?;
        let n_rows = prior.lead_bars.checked_add(prior.cycle_bars);
        let rule = |holds: bool, message: &str| if holds { Ok(()) } else { Err(message.to_owned()) };
        rule(prior.format == 1, "format: expected 1")?;
        rule(prior.horizons_beats == v1::HORIZONS_BEATS, "horizons_beats: expected those of the contract")?;
        rule(prior.cycle_bars > 0 && n_rows == Some(prior.prob.len()), "prob: expected lead_bars + cycle_bars rows")?;
        let is_good = |probs: &[f32; N_HORIZONS]| probs.iter().all(|prob| (0.0..=1.0).contains(prob)) && probs.is_sorted();
        rule(prior.prob.iter().flatten().chain([&prior.unknown_bar]).all(is_good), "prob: expected probabilities that never fall")?;
        Ok(prior)
    }

    /// Probability of a boundary within each horizon at a step. Allocates nothing.
    pub fn hazard_probs(&self, step: &StructureStep<'_>) -> [f32; N_HORIZONS] {
        let beat = &step.beat;
        let to_bar = usize::from(beat.beats_per_bar) + 1;
        match to_bar.checked_sub(usize::from(beat.beat_in_bar)) {
            Some(to_bar @ 1..) if beat.beat_in_bar > 0 => self.at(step.n_bars.saturating_sub(1) as usize, to_bar),
            _ => self.unknown_bar,
        }
    }

    /// Probability after `n_bars` whole bars, `to_bar` beats before the next.
    fn at(&self, n_bars: usize, to_bar: usize) -> [f32; N_HORIZONS] {
        let row = if n_bars < self.lead_bars { n_bars } else { self.lead_bars + n_bars % self.cycle_bars };
        self.prob[row][to_bar.min(MAX_TO_BAR) - 1]
    }
}

#[cfg(test)]
mod tests {
    use super::super::structure_features::N_STEP;
    use super::super::structure_features::beat_line::BeatPosition;
    use super::*;

    const UNKNOWN: BeatPosition = BeatPosition {
        n_begun: 0,
        n_bars_begun: 0,
        phase: 0.0,
        spb: 0.5,
        conf: 0.0,
        downbeat_prob: 0.25,
        beat_in_bar: 0,
        beats_per_bar: 0,
        is_virtual: true,
    };

    fn said(prior: &StructurePrior, n_bars: u32, beat_in_bar: u8, beats_per_bar: u8) -> [f32; N_HORIZONS] {
        let beat = BeatPosition { beat_in_bar, beats_per_bar, ..UNKNOWN };
        let row = &[0.0; N_STEP];
        prior.hazard_probs(&StructureStep { row, t_sec: 0.0, beat, n_beats: 0.0, n_bars, is_silent: false, is_new_piece: false })
    }

    #[test]
    fn the_table_is_read_by_bar_and_beat() {
        let prior = StructurePrior::embedded();
        // The first bar and the pick-up before it, the second, the last with a row, and those that share rows.
        for (n_bars, row) in [(0, 0), (1, 0), (2, 1), (32, 31), (33, 32), (40, 39), (41, 32), (1000, 32 + 999 % 8)] {
            for (beat_in_bar, column) in [(1, 3), (2, 2), (4, 0)] {
                assert_eq!(said(prior, n_bars, beat_in_bar, 4), prior.prob[row][column], "{n_bars} {beat_in_bar}");
            }
        }
        assert_eq!(said(prior, 9, 1, 6), prior.prob[8][3], "six beats to the bar");
        assert_eq!(said(prior, 9, 3, 3), prior.prob[8][0]);
    }

    #[test]
    fn without_a_bar_the_base_rates_are_said() {
        let prior = StructurePrior::embedded();
        for (beat_in_bar, beats_per_bar) in [(0, 0), (0, 4), (9, 4), (255, 0)] {
            assert_eq!(said(prior, 5, beat_in_bar, beats_per_bar), prior.unknown_bar);
        }
    }

    #[test]
    fn tables_that_cannot_be_used_are_refused() {
        let altered = |pointer: &str, value: serde_json::Value| {
            let mut table: serde_json::Value = serde_json::from_str(JSON).unwrap();
            *table.pointer_mut(pointer).unwrap() = value;
            StructurePrior::parse(&table.to_string()).unwrap_err()
        };
        assert!(altered("/format", 2.into()).contains("format"));
        assert!(altered("/horizons_beats/0", 3.into()).contains("horizons"));
        assert!(altered("/lead_bars", 31.into()).contains("rows"));
        assert!(altered("/prob/3/2/4", 1.5.into()).contains("never fall"));
        assert!(altered("/prob/3/2/4", 0.0.into()).contains("never fall"));
        assert!(StructurePrior::parse("[]").is_err());
    }
}
