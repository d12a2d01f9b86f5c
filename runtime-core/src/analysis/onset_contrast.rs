//! Are there onsets at all? How much the spectral flux of the last seconds varies. INFERENCE THREAD.
//!
//! This looks at the signal and not at the network, because a network fed with steady noise can fall into a periodic
//! cycle of its own that looks just like a pulse. The flux (the mean positive band difference) of steady noise is an average
//! over some hundred bands and hardly varies; that of music jumps at onsets. The coefficient of variation (standard
//! deviation over mean) does not depend on the level.

/// Memory of mean and variance, frames (4 s: a few beats of the slowest tempo).
const MEMORY_FRAMES: f64 = 200.0;
/// Coefficient of variation above which there are onsets. White and pink noise stay below 0.22 at any level; the densest
/// distorted guitars and organs of the corpus stay above 0.32 (docs/accuracy.md).
const ON_VARIATION: f64 = 0.30;
/// ... and below which there are none any more.
const OFF_VARIATION: f64 = 0.26;
/// A mean flux that counts as none, log10 units: keeps rounding noise in silence from mattering.
const FLUX_FLOOR: f64 = 1e-3;

/// Running variation of the flux.
#[derive(Debug, Clone, Default)]
pub struct OnsetContrast {
    n_seen: f64,
    mean: f64,
    variance: f64,
    is_on: bool,
}

impl OnsetContrast {
    /// Adds a frame's mean positive band difference; returns whether there are onsets.
    pub fn step(&mut self, flux: f32) -> bool {
        let flux = f64::from(flux);
        if flux.is_finite() {
            // A plain average until the memory is full.
            let rate = (1.0 / MEMORY_FRAMES).max(1.0 / (self.n_seen + 1.0));
            let deviation = flux - self.mean;
            self.n_seen += 1.0;
            self.mean += rate * deviation;
            self.variance += rate * (deviation * deviation - self.variance);
        }
        let threshold = if self.is_on { OFF_VARIATION } else { ON_VARIATION };
        self.is_on = self.variance.sqrt() > threshold * (self.mean + FLUX_FLOOR);
        self.is_on
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(n_frames: usize, flux: impl Fn(usize) -> f32) -> bool {
        let mut contrast = OnsetContrast::default();
        (0..n_frames).map(|n| contrast.step(flux(n))).last().unwrap_or(false)
    }

    #[test]
    fn steady_flux_is_no_onset_whatever_its_level() {
        for level in [0.0, 0.001, 0.05, 0.5] {
            assert!(!run(1000, |n| level * if n % 2 == 0 { 0.8 } else { 1.2 }), "{level}");
        }
    }

    #[test]
    fn one_clear_onset_a_second_is_enough() {
        assert!(run(1001, |n| if n % 50 == 0 { 0.2 } else { 0.01 }));
        assert!(run(1001, |n| if n % 50 == 0 { 0.02 } else { 0.001 }), "quiet music too");
    }

    #[test]
    fn the_contrast_fades_when_noise_follows_music() {
        assert!(!run(3000, |n| if n < 1000 && n % 25 == 0 { 0.3 } else { 0.05 }));
    }

    #[test]
    fn what_is_not_finite_is_ignored() {
        assert!(!run(100, |_| f32::NAN));
    }
}
