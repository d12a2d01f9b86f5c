//! The logarithmic filterbank of the feature stage. INFERENCE THREAD.
//!
//! madmom's `LogarithmicFilterbank` (CPJKU/madmom `audio/filters.py`) with `norm_filters` and `unique_filters`,
//! including its bin frequencies, which divide by twice the number of kept bins and not by the transform length.

use super::front_end::FrontEnd;
use crate::units::MODEL_RATE_HZ;

/// Overlapping triangular bands over transform bins; each band's weights sum to 1.
#[derive(Debug, Clone)]
pub struct Filterbank {
    bands: Vec<Band>,
    /// Weights of all bands, one after another.
    weights: Vec<f32>,
}

#[derive(Debug, Clone, Copy)]
struct Band {
    first_bin: usize,
    first_weight: usize,
    n_bins: usize,
}

impl Filterbank {
    /// The bank that a front end describes.
    pub fn new(front_end: &FrontEnd) -> Self {
        let centres = centre_bins(front_end);
        let mut bank = Self { bands: Vec::new(), weights: Vec::new() };
        for corner in centres.windows(3) {
            bank.push_triangle(corner[0], corner[1], corner[2]);
        }
        bank
    }

    /// Number of bands.
    pub fn n_bands(&self) -> usize {
        self.bands.len()
    }

    /// `bands[b] = sum of magnitude * weight`. Allocates nothing.
    ///
    /// `magnitudes` is `[fft_bins]`, `bands` is `[n_bands]`.
    pub fn apply(&self, magnitudes: &[f32], bands: &mut [f32]) {
        for (out, band) in bands.iter_mut().zip(&self.bands) {
            let bins = &magnitudes[band.first_bin..band.first_bin + band.n_bins];
            let weights = &self.weights[band.first_weight..band.first_weight + band.n_bins];
            *out = bins.iter().zip(weights).map(|(magnitude, weight)| magnitude * weight).sum();
        }
    }

    /// The weights as a dense matrix, `[fft_bins][n_bands]`, for comparison with references.
    pub fn to_dense(&self, fft_bins: usize) -> Vec<Vec<f32>> {
        let mut dense = vec![vec![0.0; self.bands.len()]; fft_bins];
        for (column, band) in self.bands.iter().enumerate() {
            for i in 0..band.n_bins {
                dense[band.first_bin + i][column] = self.weights[band.first_weight + i];
            }
        }
        dense
    }

    fn push_triangle(&mut self, start: usize, centre: usize, stop: usize) {
        let first_weight = self.weights.len();
        if stop - start < 2 {
            self.weights.push(1.0);
        } else {
            let rise = (centre - start) as f64;
            let fall = (stop - centre) as f64;
            let triangle =
                (start..stop).map(|bin| if bin < centre { (bin - start) as f64 / rise } else { 1.0 - (bin - centre) as f64 / fall });
            let triangle: Vec<f32> = triangle.map(|w| w as f32).collect();
            let sum: f32 = triangle.iter().sum();
            self.weights.extend(triangle.iter().map(|w| w / sum));
        }
        self.bands.push(Band { first_bin: start, first_weight, n_bins: self.weights.len() - first_weight });
    }
}

/// Where each band of the bank that a front end describes has its centre, Hz.
pub fn centre_hz(front_end: &FrontEnd) -> Vec<f64> {
    let bins = centre_bins(front_end);
    let inner = bins.get(1..bins.len().saturating_sub(1)).unwrap_or_default();
    inner.iter().map(|&bin| bin as f64 * MODEL_RATE_HZ / front_end.bin_hz_divisor_samples as f64).collect()
}

/// Unique bins nearest to the centres `fref * 2^(j / bands_per_octave)` within `[fmin, fmax]`.
fn centre_bins(front_end: &FrontEnd) -> Vec<usize> {
    let per_octave = f64::from(front_end.bands_per_octave);
    let octave_of = |hz: f64| (hz / front_end.fref_hz).log2() * per_octave;
    let (lowest, highest) = (octave_of(front_end.fmin_hz).floor() as i64, octave_of(front_end.fmax_hz).ceil() as i64);
    let bin_hz = |bin: usize| bin as f64 * MODEL_RATE_HZ / front_end.bin_hz_divisor_samples as f64;
    let mut bins = Vec::new();
    for j in lowest..=highest {
        let centre_hz = front_end.fref_hz * (j as f64 / per_octave).exp2();
        if centre_hz < front_end.fmin_hz || centre_hz > front_end.fmax_hz {
            continue;
        }
        // The first bin at or above the centre, then whichever neighbour is nearer (the upper one on a tie).
        let above = (0..front_end.fft_bins).find(|&bin| bin_hz(bin) >= centre_hz).unwrap_or(front_end.fft_bins);
        let above = above.clamp(1, front_end.fft_bins - 1);
        let nearest = if centre_hz - bin_hz(above - 1) < bin_hz(above) - centre_hz { above - 1 } else { above };
        if bins.last() != Some(&nearest) {
            bins.push(nearest);
        }
    }
    bins
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_bank_has_136_bands_of_unit_sum() {
        let front_end = FrontEnd::default();
        let bank = Filterbank::new(&front_end);
        assert_eq!(bank.n_bands(), front_end.bands);
        let mut bands = vec![0.0; 136];
        bank.apply(&vec![1.0; front_end.fft_bins], &mut bands);
        assert!(bands.iter().all(|&sum| (sum - 1.0).abs() < 1e-6));
    }

    #[test]
    fn centres_are_138_unique_bins_from_2_to_704() {
        let bins = centre_bins(&FrontEnd::default());
        assert_eq!((bins.len(), bins[0], bins[1], bins[2]), (138, 2, 3, 4));
        assert_eq!(bins[135..], [675, 694, 704]);
        let hz = centre_hz(&FrontEnd::default());
        let bin_hz = MODEL_RATE_HZ / 1410.0;
        assert_eq!((hz.len(), hz[0], hz[135]), (136, 3.0 * bin_hz, 694.0 * bin_hz));
    }

    #[test]
    fn a_triangle_is_as_computed_by_hand() {
        let mut bank = Filterbank { bands: vec![], weights: vec![] };
        bank.push_triangle(4, 6, 10);
        // 0, 1/2, 1, 3/4, 1/2, 1/4 over bins 4 to 9, sum 3.
        let expected = [0.0, 0.5, 1.0, 0.75, 0.5, 0.25].map(|w: f32| w / 3.0);
        assert_eq!(bank.weights, expected);
        bank.push_triangle(7, 7, 8);
        assert_eq!(bank.weights[6..], [1.0]);
    }

    #[test]
    fn other_front_ends_give_other_banks() {
        let coarse = FrontEnd { bands_per_octave: 12, ..FrontEnd::default() };
        assert!(Filterbank::new(&coarse).n_bands() < 136);
    }
}
