//! The metrical levels at which a piece can be tapped, rightly or wrongly, and which of them a stretch of beats follows.
//! Any thread.
//!
//! More than those that continuity allows ([`variations`](super::metrics)): also threes against twos, which a tracker falls
//! into in compound meter.

use super::failure::between;
use super::metrics::{WINDOW_SEC, f_measure};

/// What a level is to the piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LevelKind {
    /// The reference.
    Whole,
    /// The reference's tempo, half a beat off.
    OffBeat,
    /// Every second or fourth beat.
    Half,
    /// Two or four for one.
    Double,
    /// Three for two, two for three, three for one or one for three.
    Compound,
}

/// Kind, distance of its beats and place of the first, in beats of the reference. The reference comes first: it wins ties.
const LEVELS: [(LevelKind, f64, f64); 21] = [
    (LevelKind::Whole, 1.0, 0.0),
    (LevelKind::OffBeat, 1.0, 0.5),
    (LevelKind::Half, 2.0, 0.0),
    (LevelKind::Half, 2.0, 1.0),
    (LevelKind::Half, 2.0, 0.5),
    (LevelKind::Half, 2.0, 1.5),
    (LevelKind::Half, 4.0, 0.0),
    (LevelKind::Half, 4.0, 1.0),
    (LevelKind::Half, 4.0, 2.0),
    (LevelKind::Half, 4.0, 3.0),
    (LevelKind::Double, 0.5, 0.0),
    (LevelKind::Double, 0.25, 0.0),
    (LevelKind::Compound, 2.0 / 3.0, 0.0),
    (LevelKind::Compound, 2.0 / 3.0, 1.0 / 3.0),
    (LevelKind::Compound, 1.5, 0.0),
    (LevelKind::Compound, 1.5, 0.5),
    (LevelKind::Compound, 1.5, 1.0),
    (LevelKind::Compound, 1.0 / 3.0, 0.0),
    (LevelKind::Compound, 3.0, 0.0),
    (LevelKind::Compound, 3.0, 1.0),
    (LevelKind::Compound, 3.0, 2.0),
];

/// Every level of one reference.
pub(super) struct Levels {
    levels: Vec<(LevelKind, Vec<f64>)>,
}

impl Levels {
    /// The levels of reference beats at these times, seconds, increasing.
    pub(super) fn of(reference_sec: &[f64]) -> Self {
        Self { levels: LEVELS.iter().map(|(kind, step, first)| (*kind, places(reference_sec, *step, *first))).collect() }
    }

    /// The level that beats at `said_sec`, all in `[from_sec, until_sec)`, fit best there; `None` where none reaches an
    /// F-measure of `least` at 70 ms, or fewer than two beats were said.
    pub(super) fn best(&self, said_sec: &[f64], from_sec: f64, until_sec: f64, least: f64) -> Option<LevelKind> {
        if said_sec.len() < 2 {
            return None;
        }
        let mut best: Option<(LevelKind, f64)> = None;
        for (kind, times_sec) in &self.levels {
            let score = f_measure(between(times_sec, from_sec, until_sec), said_sec, WINDOW_SEC);
            if score >= least && best.is_none_or(|(_, best)| score > best) {
                best = Some((*kind, score));
            }
        }
        best.map(|(kind, _)| kind)
    }
}

/// Times of the places `first`, `first + step`, ... beats after the first beat, as far as the reference goes; seconds.
fn places(reference_sec: &[f64], step: f64, first: f64) -> Vec<f64> {
    let Some(last) = reference_sec.len().checked_sub(1) else { return Vec::new() };
    let n_places = ((last as f64 - first) / step + 1e-9).floor();
    // Rounded to a thousandth of a beat, so that three thirds are one.
    let place = |idx: u32| ((first + f64::from(idx) * step) * 1e3).round() / 1e3;
    let time_sec = |place: f64| {
        let before = (place.floor() as usize).min(last);
        let after = (before + 1).min(last);
        reference_sec[before] + (place - before as f64) * (reference_sec[after] - reference_sec[before])
    };
    if n_places < 0.0 { Vec::new() } else { (0..=n_places as u32).map(|idx| time_sec(place(idx))).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_lie_between_the_beats() {
        let beats = [1.0, 2.0, 4.0];
        assert_eq!(places(&beats, 1.0, 0.0), beats);
        assert_eq!(places(&beats, 1.0, 0.5), [1.5, 3.0]);
        assert_eq!(places(&beats, 0.5, 0.0), [1.0, 1.5, 2.0, 3.0, 4.0]);
        assert_eq!(places(&beats, 2.0, 1.0), [2.0]);
        assert_eq!((places(&[], 1.0, 0.0), places(&[1.0], 2.0, 1.0)), (vec![], vec![]));
        let threes = places(&beats, 2.0 / 3.0, 0.0);
        assert_eq!(threes.len(), 4);
        assert!((threes[1] - 1.667).abs() < 1e-3 && threes[3] == 4.0, "{threes:?}");
    }

    #[test]
    fn the_best_level_wins_and_the_reference_wins_ties() {
        let beats: Vec<f64> = (0..12).map(|idx| f64::from(idx) * 0.6).collect();
        let levels = Levels::of(&beats);
        let best = |said: &[f64]| levels.best(said, 0.0, 7.0, 0.7);
        assert_eq!(best(&beats), Some(LevelKind::Whole));
        assert_eq!(best(&places(&beats, 0.5, 0.0)), Some(LevelKind::Double));
        assert_eq!(best(&places(&beats, 2.0, 1.0)), Some(LevelKind::Half));
        assert_eq!(best(&places(&beats, 1.0, 0.5)), Some(LevelKind::OffBeat));
        assert_eq!(best(&places(&beats, 1.5, 0.5)), Some(LevelKind::Compound));
        assert_eq!((best(&[]), best(&[0.6]), best(&[0.1, 0.2, 0.3, 0.4])), (None, None, None));
    }
}
