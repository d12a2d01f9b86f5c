//! Third stage, the fallback: an activation from spectral flux alone, with no model at all. INFERENCE THREAD.
//!
//! The positive band differences of the feature stage are a log-compressed spectral flux (Dixon, DAFx 2006). Its mean over
//! bands, standardised against its own recent past, goes through a logistic curve to the probability of an onset; the
//! share of the lowest bands (bass and kick) decides how much of that goes to "downbeat". No constant is fitted to music
//! beyond "an onset stands out by about one standard deviation".

use super::activation::{Activation, StepError, StepModel};
use super::front_end::FrontEnd;
use super::running::RunningMoments;

/// Memory of the running mean and variance, frames (4 s: longer than a bar of most music).
const MEMORY_FRAMES: f64 = 200.0;
/// Standard deviation, in units of the mean band difference, below which fluctuations count as none. It keeps steady
/// noise and silence from being blown up to onsets.
const DEVIATION_FLOOR: f64 = 0.02;
/// Standard score at which an onset is as probable as not.
const THRESHOLD_SD: f64 = 1.0;
/// Steepness of the logistic curve, per standard deviation.
const SLOPE_PER_SD: f64 = 2.0;
/// Largest probability given to an onset: flux alone is never certain.
const MAX_PROB: f64 = 0.95;
/// Share of the bands that counts as low (below about 400 Hz with the standard front end).
const LOW_BANDS_SHARE: f64 = 0.3;
/// Weight of a certain low onset against the even odds of a plain one, in the share that goes to "downbeat".
const LOW_ONSET_WEIGHT: f64 = 0.35;

/// Spectral flux as a beat model.
#[derive(Debug, Clone)]
pub struct FluxModel {
    n_bands: usize,
    n_low_bands: usize,
    all: RunningMoments,
    low: RunningMoments,
}

impl FluxModel {
    /// The name that reports show.
    pub const NAME: &'static str = "spectral-flux";

    /// A model for features of this front end.
    pub fn new(front_end: &FrontEnd) -> Self {
        let n_low_bands = ((front_end.bands as f64 * LOW_BANDS_SHARE) as usize).clamp(1, front_end.bands.max(1));
        Self { n_bands: front_end.bands, n_low_bands, all: RunningMoments::new(MEMORY_FRAMES), low: RunningMoments::new(MEMORY_FRAMES) }
    }
}

impl StepModel for FluxModel {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn n_features(&self) -> usize {
        2 * self.n_bands
    }

    fn step(&mut self, features: &[f32]) -> Result<Activation, StepError> {
        if features.len() != 2 * self.n_bands {
            return Err(StepError::WrongLength { model: Self::NAME.to_owned(), expected: 2 * self.n_bands, got: features.len() });
        }
        let differences = &features[self.n_bands..];
        let onset = MAX_PROB * logistic(score(&mut self.all, mean(differences)));
        let low = LOW_ONSET_WEIGHT * logistic(score(&mut self.low, mean(&differences[..self.n_low_bands])));
        let downbeat = onset * low / (low + 0.5);
        Ok(Activation { beat: (onset - downbeat) as f32, downbeat: downbeat as f32, none: (1.0 - onset) as f32 })
    }

    fn reset(&mut self) {
        self.all = RunningMoments::new(MEMORY_FRAMES);
        self.low = RunningMoments::new(MEMORY_FRAMES);
    }
}

/// Standard score of a value against what came before it; the value joins the moments afterwards.
fn score(moments: &mut RunningMoments, value: f64) -> f64 {
    let score = (value - moments.mean()) / (moments.variance() + DEVIATION_FLOOR * DEVIATION_FLOOR).sqrt();
    moments.push(value);
    score
}

fn logistic(score_sd: f64) -> f64 {
    1.0 / (1.0 + (-SLOPE_PER_SD * (score_sd - THRESHOLD_SD)).exp())
}

fn mean(values: &[f32]) -> f64 {
    values.iter().map(|&v| f64::from(v)).sum::<f64>() / values.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(level: f32, low_level: f32) -> Vec<f32> {
        let mut features = vec![0.0; 272];
        features[136..].fill(level);
        features[136..176].fill(low_level);
        features
    }

    #[test]
    fn a_regular_onset_stands_out() {
        let mut model = FluxModel::new(&FrontEnd::default());
        let mut peaks = Vec::new();
        let mut rest = Vec::new();
        for n in 0..1000 {
            let onset = n % 25 == 0;
            let a = model.step(&frame(if onset { 0.4 } else { 0.01 }, if onset { 0.4 } else { 0.01 })).unwrap();
            assert!((a.beat + a.downbeat + a.none - 1.0).abs() < 1e-6);
            if n > 250 {
                if onset { peaks.push(a.none) } else { rest.push(a.none) }
            }
        }
        assert!(peaks.iter().all(|&none| none < 0.1), "{peaks:?}");
        assert!(rest.iter().all(|&none| none > 0.8));
    }

    #[test]
    fn low_onsets_lean_to_the_downbeat() {
        let mut model = FluxModel::new(&FrontEnd::default());
        for n in 0..500 {
            model.step(&frame(if n % 25 == 0 { 0.3 } else { 0.01 }, 0.01)).unwrap();
        }
        let mut other = model.clone();
        let high = model.step(&frame(0.3, 0.01)).unwrap();
        let low = other.step(&frame(0.3, 0.6)).unwrap();
        assert!(low.downbeat / (low.beat + low.downbeat) > high.downbeat / (high.beat + high.downbeat));
    }

    #[test]
    fn silence_has_no_onsets() {
        let mut model = FluxModel::new(&FrontEnd::default());
        for _ in 0..500 {
            assert!(model.step(&[0.0; 272]).unwrap().none > 0.85);
        }
    }

    #[test]
    fn a_frame_of_another_length_is_refused() {
        let mut model = FluxModel::new(&FrontEnd::default());
        assert!(matches!(model.step(&[0.0; 271]), Err(StepError::WrongLength { expected: 272, got: 271, .. })));
    }

    #[test]
    fn reset_is_a_fresh_start() {
        let mut model = FluxModel::new(&FrontEnd::default());
        let first = model.step(&frame(0.2, 0.1)).unwrap();
        model.step(&frame(0.5, 0.1)).unwrap();
        model.reset();
        assert_eq!(model.step(&frame(0.2, 0.1)).unwrap(), first);
    }
}
