//! From probabilities to words: which section plays, and that a boundary is near. INFERENCE THREAD.
//!
//! A section is the most probable label, kept until another is clearly more probable. That a boundary is near is said once for
//! each horizon, when it has become more probable than not.

use model_contracts::v1;

use crate::state::{StructureEvent, StructureState};

/// A label must be this much more probable than the one that is shown, to be shown in its place.
const LABEL_MARGIN: f32 = 0.1;
/// A boundary is near that is as probable as not.
const NEAR_PROB: f32 = 0.5;
/// It is far again at half of that.
const FAR_PROB: f32 = 0.25;
/// Longest horizon that is said, beats: that of 16 beats is hardly better known than by chance.
const LONGEST_SAID_BEATS: u32 = 8;
const N_LABELS: usize = v1::LABELS.len();
const N_HORIZONS: usize = v1::HORIZONS_BEATS.len();

/// How often one section follows another, at a boundary: rows and columns in the order of the contract's labels. Counted in the
/// 9,677 segments of urinieto/harmonixset at e35da7a (MIT); of silence, which it hardly has, nothing is said.
pub const FOLLOWS: [[f32; N_LABELS]; N_LABELS] = [
    [0.0; N_LABELS],
    [0.00, 0.03, 0.68, 0.02, 0.20, 0.01, 0.06, 0.00],
    [0.00, 0.00, 0.13, 0.26, 0.52, 0.03, 0.04, 0.01],
    [0.00, 0.00, 0.04, 0.03, 0.88, 0.02, 0.02, 0.00],
    [0.00, 0.01, 0.26, 0.01, 0.27, 0.15, 0.11, 0.09],
    [0.00, 0.01, 0.15, 0.06, 0.56, 0.07, 0.10, 0.02],
    [0.00, 0.01, 0.39, 0.02, 0.20, 0.10, 0.14, 0.05],
    [0.00, 0.00, 0.00, 0.00, 0.01, 0.00, 0.01, 0.05],
];

/// What was said of the piece so far.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Sections {
    section: Option<u8>,
    /// Horizons within which the boundary has been said to be.
    said: [bool; N_HORIZONS],
}

impl Sections {
    /// The label that is shown.
    pub fn section(&self) -> Option<u8> {
        self.section
    }

    /// After a step; returns what there is to say, the section before the boundary.
    pub fn step(&mut self, state: &StructureState) -> Option<StructureEvent> {
        self.change(state).or_else(|| self.approach(state))
    }

    fn change(&mut self, state: &StructureState) -> Option<StructureEvent> {
        let probs = &state.section_probs;
        let best = (0..N_LABELS).max_by(|&a, &b| probs[a].total_cmp(&probs[b]))?;
        let shown_prob = self.section.map_or(0.0, |section| probs[usize::from(section)]);
        let is_known = probs[best] > 0.0;
        let is_clear = self.section.is_none() || probs[best] > shown_prob + LABEL_MARGIN;
        if !is_known || !is_clear || self.section == Some(best as u8) {
            return None;
        }
        let before = self.section.replace(best as u8);
        self.said = [false; N_HORIZONS];
        Some(StructureEvent::Section { t_sec: state.t_sec, section: best as u8, before, prob: probs[best] })
    }

    fn approach(&mut self, state: &StructureState) -> Option<StructureEvent> {
        let mut nearest = None;
        for (horizon, &prob) in state.hazard_probs.iter().enumerate().rev() {
            if prob < FAR_PROB {
                self.said[horizon] = false;
            }
            if prob >= NEAR_PROB && !self.said[horizon] && v1::HORIZONS_BEATS[horizon] <= LONGEST_SAID_BEATS {
                self.said[horizon] = true;
                nearest = Some((horizon, prob));
            }
        }
        let (horizon, prob) = nearest?;
        let next = likely_next(&state.section_probs);
        Some(StructureEvent::Approach {
            t_sec: state.t_sec,
            within_beats: v1::HORIZONS_BEATS[horizon] as u8,
            prob,
            next: next.map(|(label, _)| label),
            next_prob: next.map_or(0.0, |(_, prob)| prob),
        })
    }
}

/// The label that most probably follows a boundary, where it is known what plays.
fn likely_next(section_probs: &[f32; N_LABELS]) -> Option<(u8, f32)> {
    let prob = |label: usize| section_probs.iter().zip(&FOLLOWS).map(|(now, follows)| now * follows[label]).sum::<f32>();
    let best = (0..N_LABELS).map(|label| (label as u8, prob(label))).max_by(|a, b| a.1.total_cmp(&b.1))?;
    (best.1 > 0.0).then_some(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERSE: usize = 2;
    const PRE_CHORUS: usize = 3;
    const CHORUS: usize = 4;

    fn state(labels: &[(usize, f32)], hazard_probs: [f32; N_HORIZONS]) -> StructureState {
        let mut state = StructureState { t_sec: 1.0, hazard_probs, ..StructureState::default() };
        labels.iter().for_each(|&(label, prob)| state.section_probs[label] = prob);
        state
    }

    const FAR: [f32; N_HORIZONS] = [0.0, 0.0, 0.1, 0.2, 0.4];

    #[test]
    fn a_section_changes_when_another_is_clearly_more_probable() {
        let mut sections = Sections::default();
        let said = sections.step(&state(&[(VERSE, 0.6), (CHORUS, 0.4)], FAR));
        assert_eq!(said, Some(StructureEvent::Section { t_sec: 1.0, section: 2, before: None, prob: 0.6 }));
        assert_eq!(sections.step(&state(&[(VERSE, 0.46), (CHORUS, 0.54)], FAR)), None, "hardly");
        let said = sections.step(&state(&[(VERSE, 0.4), (CHORUS, 0.6)], FAR));
        assert_eq!(said, Some(StructureEvent::Section { t_sec: 1.0, section: 4, before: Some(2), prob: 0.6 }));
        assert_eq!(sections.step(&state(&[(VERSE, 0.54), (CHORUS, 0.46)], FAR)), None);
        assert_eq!(sections.section(), Some(4));
    }

    #[test]
    fn without_probabilities_nothing_is_shown() {
        let mut sections = Sections::default();
        assert_eq!(sections.step(&state(&[], FAR)), None);
        assert_eq!(sections.section(), None);
    }

    #[test]
    fn that_a_boundary_is_near_is_said_once_for_each_horizon() {
        let mut sections = Sections::default();
        let labels = [(PRE_CHORUS, 1.0)];
        sections.step(&state(&labels, FAR));
        let approach = |within_beats, prob| {
            Some(StructureEvent::Approach { t_sec: 1.0, within_beats, prob, next: Some(CHORUS as u8), next_prob: 0.88 })
        };
        assert_eq!(sections.step(&state(&labels, [0.0, 0.1, 0.3, 0.49, 0.9])), None);
        assert_eq!(sections.step(&state(&labels, [0.0, 0.1, 0.3, 0.5, 0.9])), approach(8, 0.5));
        assert_eq!(sections.step(&state(&labels, [0.0, 0.1, 0.3, 0.6, 0.9])), None);
        assert_eq!(sections.step(&state(&labels, [0.2, 0.7, 0.8, 0.9, 0.9])), approach(2, 0.7), "the nearest, at one stroke");
        assert_eq!(sections.step(&state(&labels, [0.2, 0.7, 0.8, 0.9, 0.9])), None);
        assert_eq!(sections.step(&state(&labels, [0.1, 0.1, 0.1, 0.1, 0.4])), None, "it did not come");
        assert_eq!(sections.step(&state(&labels, [0.1, 0.1, 0.1, 0.6, 0.6])), approach(8, 0.6));
    }

    #[test]
    fn a_new_section_forgets_what_was_said() {
        let mut sections = Sections::default();
        sections.step(&state(&[(VERSE, 1.0)], FAR));
        let near = [0.9; N_HORIZONS];
        assert!(matches!(sections.step(&state(&[(VERSE, 1.0)], near)), Some(StructureEvent::Approach { within_beats: 1, .. })));
        assert!(matches!(sections.step(&state(&[(CHORUS, 1.0)], near)), Some(StructureEvent::Section { .. })));
        assert!(matches!(sections.step(&state(&[(CHORUS, 1.0)], near)), Some(StructureEvent::Approach { .. })));
    }

    #[test]
    fn rows_of_the_table_are_shares() {
        assert!(FOLLOWS.iter().all(|row| row.iter().sum::<f32>() <= 1.001), "what is missing is the end of the song");
        assert_eq!(likely_next(&[0.0; N_LABELS]), None);
    }
}
