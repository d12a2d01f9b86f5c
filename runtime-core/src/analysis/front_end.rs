//! What a model's features look like: window, filterbank, length. Comes from the model file. Any thread.

use model_contracts::v1::features::logfb;
use serde::{Deserialize, Serialize};

/// Parameters of the logarithmic-filterbank features with their positive difference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FrontEnd {
    /// Window length, samples of the 22 050 Hz stream.
    pub window_samples: usize,
    /// Transform length, samples.
    pub fft_samples: usize,
    /// Bins kept, from 0.
    pub fft_bins: usize,
    /// The length that bin frequencies are computed with: `f_k = k * rate / this` (madmom divides by twice the kept bins).
    pub bin_hz_divisor_samples: usize,
    /// Bands per octave.
    pub bands_per_octave: u32,
    /// Lowest centre frequency, Hz.
    pub fmin_hz: f64,
    /// Highest centre frequency, Hz (centres above Nyquist fall on the last bin).
    pub fmax_hz: f64,
    /// Reference frequency of the band grid, Hz.
    pub fref_hz: f64,
    /// Bands after duplicate centres are removed.
    pub bands: usize,
    /// Length of a feature frame: bands, then their positive differences.
    pub len: usize,
}

impl Default for FrontEnd {
    /// The contract's standard filterbank.
    fn default() -> Self {
        Self {
            window_samples: logfb::WINDOW_SAMPLES as usize,
            fft_samples: logfb::FFT_SAMPLES as usize,
            fft_bins: logfb::FFT_BINS as usize,
            bin_hz_divisor_samples: logfb::BIN_HZ_DIVISOR_SAMPLES as usize,
            bands_per_octave: logfb::BANDS_PER_OCTAVE,
            fmin_hz: f64::from(logfb::FMIN_HZ),
            fmax_hz: f64::from(logfb::FMAX_HZ),
            fref_hz: f64::from(logfb::FREF_HZ),
            bands: logfb::BANDS as usize,
            len: logfb::LEN as usize,
        }
    }
}
