//! Second stage: the 22 050 Hz stream to feature frames, one every 441 samples. INFERENCE THREAD.
//!
//! Logarithmic filterbank magnitudes, `y = log10(1 + |X| F)`, and their positive first difference, as madmom computes
//! them for BeatNet (mjhydri/BeatNet `log_spect.py`; CPJKU/madmom `audio/{signal,stft,filters,spectrogram}.py`): frame n
//! is centred on sample 441 n, with zeros before the first sample. The window is not a power of two and is not padded.
//! Transform in f32: within 1e-5 of the f64 reference.

use std::sync::Arc;

use realfft::num_complex::Complex32;
use realfft::{RealFftPlanner, RealToComplex};

use super::filterbank::Filterbank;
use super::front_end::FrontEnd;
use crate::units::HOP_SAMPLES;

/// One frame of features with the level of the samples that completed it.
#[derive(Debug, Clone, Copy)]
pub struct FeatureFrame<'a> {
    /// `[2 * bands]`: log magnitudes, then their positive differences to the frame before.
    pub features: &'a [f32],
    /// Root mean square of the newest 441 samples, full scale = 1.
    pub rms: f32,
}

/// Turns a stream of samples into feature frames.
pub struct FeatureExtractor {
    front_end: FrontEnd,
    window: Vec<f32>,
    filterbank: Filterbank,
    fft: Arc<dyn RealToComplex<f32>>,
    /// The newest `window_samples` samples and what has arrived since the last frame; oldest first.
    buffer: Vec<f32>,
    windowed: Vec<f32>,
    spectrum: Vec<Complex32>,
    scratch: Vec<Complex32>,
    magnitudes: Vec<f32>,
    /// `[2 * bands]`, as handed over.
    features: Vec<f32>,
    has_previous: bool,
}

impl FeatureExtractor {
    /// An extractor at the start of a stream.
    pub fn new(front_end: &FrontEnd) -> Self {
        let fft = RealFftPlanner::<f32>::new().plan_fft_forward(front_end.fft_samples);
        let filterbank = Filterbank::new(front_end);
        let mut extractor = Self {
            window: hann_symmetric(front_end.window_samples),
            windowed: fft.make_input_vec(),
            spectrum: fft.make_output_vec(),
            scratch: fft.make_scratch_vec(),
            magnitudes: vec![0.0; front_end.fft_bins],
            features: vec![0.0; 2 * filterbank.n_bands()],
            buffer: Vec::with_capacity(front_end.window_samples + HOP_SAMPLES),
            has_previous: false,
            front_end: front_end.clone(),
            filterbank,
            fft,
        };
        extractor.reset();
        extractor
    }

    /// Samples after its centre that a frame waits for.
    pub fn look_ahead_samples(&self) -> usize {
        self.front_end.window_samples - self.front_end.window_samples / 2
    }

    /// Consumes samples at 22 050 Hz and hands over each frame that they complete. Allocates nothing.
    pub fn process(&mut self, mut samples: &[f32], mut on_frame: impl FnMut(FeatureFrame<'_>)) {
        let window_samples = self.front_end.window_samples;
        while !samples.is_empty() {
            let n = samples.len().min(window_samples - self.buffer.len());
            self.buffer.extend_from_slice(&samples[..n]);
            samples = &samples[n..];
            if self.buffer.len() == window_samples {
                let rms = self.compute_frame();
                on_frame(FeatureFrame { features: &self.features, rms });
                self.buffer.copy_within(HOP_SAMPLES.., 0);
                self.buffer.truncate(window_samples - HOP_SAMPLES);
            }
        }
    }

    /// Features of a frame: its bands and their differences.
    pub fn n_features(&self) -> usize {
        2 * self.n_bands()
    }

    /// Bands of a frame: half of its features.
    pub fn n_bands(&self) -> usize {
        self.filterbank.n_bands()
    }

    /// Returns to the exact state after construction.
    pub fn reset(&mut self) {
        self.buffer.clear();
        self.buffer.resize(self.front_end.window_samples / 2, 0.0);
        self.features.fill(0.0);
        self.windowed.fill(0.0);
        self.has_previous = false;
    }

    fn compute_frame(&mut self) -> f32 {
        for ((out, &sample), &weight) in self.windowed.iter_mut().zip(&self.buffer).zip(&self.window) {
            *out = sample * weight;
        }
        // The transform uses its input as scratch; what lies behind the window must be zero again.
        self.windowed[self.buffer.len()..].fill(0.0);
        self.fft
            .process_with_scratch(&mut self.windowed, &mut self.spectrum, &mut self.scratch)
            .expect("buffers were made by this transform");
        for (out, bin) in self.magnitudes.iter_mut().zip(&self.spectrum) {
            *out = bin.norm_sqr().sqrt();
        }
        let n_bands = self.filterbank.n_bands();
        let (bands, differences) = self.features.split_at_mut(n_bands);
        // `differences` holds the previous bands for a moment, so that no third buffer is needed.
        differences.copy_from_slice(bands);
        self.filterbank.apply(&self.magnitudes, bands);
        for (band, difference) in bands.iter_mut().zip(differences) {
            *band = (1.0 + *band).log10();
            *difference = if self.has_previous { (*band - *difference).max(0.0) } else { 0.0 };
        }
        self.has_previous = true;
        let newest = &self.buffer[self.buffer.len().saturating_sub(HOP_SAMPLES)..];
        (newest.iter().map(|v| v * v).sum::<f32>() / newest.len() as f32).sqrt()
    }
}

/// Symmetric Hann window of `n_samples` values: `0.5 - 0.5 cos(2 pi n / (N - 1))`.
pub fn hann_symmetric(n_samples: usize) -> Vec<f32> {
    let step = std::f64::consts::TAU / (n_samples as f64 - 1.0);
    (0..n_samples).map(|n| (0.5 - 0.5 * (step * n as f64).cos()) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(samples: &[f32], block: usize) -> Vec<Vec<f32>> {
        let mut extractor = FeatureExtractor::new(&FrontEnd::default());
        let mut out = Vec::new();
        for chunk in samples.chunks(block) {
            extractor.process(chunk, |frame| out.push(frame.features.to_vec()));
        }
        out
    }

    #[test]
    fn silence_is_all_zero() {
        let out = frames(&[0.0; 4410], 441);
        assert!(out.iter().flatten().all(|&v| v == 0.0));
    }

    #[test]
    fn frame_n_needs_the_sample_705_after_its_centre() {
        assert_eq!(frames(&[0.0; 705], 705).len(), 0);
        assert_eq!(frames(&[0.0; 706], 706).len(), 1);
        assert_eq!(frames(&[0.0; 706 + 441], 100).len(), 2);
    }

    #[test]
    fn an_impulse_is_seen_by_the_frames_around_it() {
        let mut samples = vec![0.0; 441 * 12];
        samples[441 * 5] = 1.0;
        let energy: Vec<f32> = frames(&samples, 4096).iter().map(|f| f[..136].iter().sum()).collect();
        let loudest = energy.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).unwrap().0;
        assert_eq!(loudest, 5);
        assert_eq!(energy[2], 0.0);
        assert_eq!(energy[8], 0.0);
    }

    #[test]
    fn the_first_frame_has_no_difference() {
        let samples: Vec<f32> = (0..3000).map(|i| (i as f32 * 0.3).sin()).collect();
        let out = frames(&samples, 3000);
        assert!(out[0][136..].iter().all(|&v| v == 0.0));
        assert!(out[1][136..].iter().any(|&v| v > 0.0));
    }

    #[test]
    fn the_block_size_does_not_matter() {
        let samples: Vec<f32> = (0..9000).map(|i| ((i * i) as f32 * 1e-3).sin()).collect();
        let whole = frames(&samples, 9000);
        for block in [1, 64, 441, 1000, 4096] {
            assert_eq!(frames(&samples, block), whole, "block {block}");
        }
    }

    #[test]
    fn the_level_is_the_rms_of_the_newest_hop() {
        let mut extractor = FeatureExtractor::new(&FrontEnd::default());
        let mut levels = Vec::new();
        extractor.process(&[0.5; 2000], |frame| levels.push(frame.rms));
        assert!(levels.iter().all(|&rms| (rms - 0.5).abs() < 1e-6), "{levels:?}");
    }

    #[test]
    fn reset_is_a_fresh_start() {
        let samples: Vec<f32> = (0..3000).map(|i| (i as f32 * 0.3).sin()).collect();
        let mut extractor = FeatureExtractor::new(&FrontEnd::default());
        let run = |extractor: &mut FeatureExtractor| {
            let mut out = Vec::new();
            extractor.process(&samples, |frame| out.push(frame.features.to_vec()));
            out
        };
        let first = run(&mut extractor);
        extractor.reset();
        assert_eq!(first, run(&mut extractor));
    }
}
