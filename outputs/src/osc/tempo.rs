//! When a tempo is worth saying: at first, and when it moved. Pure.
//!
//! A tempo that wobbles in its last digits makes every clip that follows it wobble too.

/// A tempo is said again when it moved by this much, BPM.
pub const TEMPO_STEP_BPM: f64 = 0.1;

/// Lets a tempo through when it is worth saying.
#[derive(Debug, Clone, Copy, Default)]
pub struct TempoGate {
    said_bpm: Option<f64>,
}

impl TempoGate {
    /// The tempo, if it is to be said. What is no tempo is not.
    pub fn step(&mut self, bpm: f64) -> Option<f64> {
        let is_tempo = bpm.is_finite() && bpm > 0.0;
        let has_moved = self.said_bpm.is_none_or(|said_bpm| (bpm - said_bpm).abs() >= TEMPO_STEP_BPM);
        (is_tempo && has_moved).then(|| *self.said_bpm.insert(bpm))
    }

    /// The next one is said, whatever it is.
    pub fn reset(&mut self) {
        self.said_bpm = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tempo_is_said_at_first_and_when_it_moved() {
        let mut gate = TempoGate::default();
        let said: Vec<_> =
            [120.0, 120.05, 120.099, 120.15, 120.1, 119.0, f64::NAN, 0.0].map(|bpm| gate.step(bpm)).into_iter().flatten().collect();
        assert_eq!(said, [120.0, 120.15, 119.0]);
        gate.reset();
        assert_eq!(gate.step(119.0), Some(119.0));
    }

    #[test]
    fn a_slow_drift_is_not_missed() {
        let mut gate = TempoGate::default();
        let n_said = (0..1001).filter_map(|step| gate.step(120.0 + f64::from(step) * 0.01)).count();
        assert!((91..=101).contains(&n_said), "{n_said}");
    }
}
