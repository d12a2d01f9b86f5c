//! What a network does to a frame of features before its first dense layer: normalisation, convolutions. INFERENCE THREAD.
//!
//! The features are two channels of bands, the log bands and their differences. Either part may be absent. No state.

use super::kernels::{BandConvolution, Planes};
use super::model_file::FrontWeights;

/// Channels of the features: log bands and their differences.
pub const N_FEATURE_CHANNELS: usize = 2;

/// Normalisation and convolutions with their buffers.
#[derive(Debug, Clone)]
pub struct ConvFront {
    /// Subtracted from the features, `[n_features]`.
    mean: Vec<f32>,
    /// Multiplied with what is left, `[n_features]`.
    scale: Vec<f32>,
    layers: Vec<BandConvolution>,
    /// What goes into each layer, then what comes out of the last.
    planes: Vec<Planes>,
}

impl ConvFront {
    /// From weights whose shapes the model reader has checked.
    pub fn new(weights: &FrontWeights) -> Self {
        let n_features = weights.n_features;
        let mut n_bands = n_features / N_FEATURE_CHANNELS;
        let mut planes = Vec::new();
        let mut layers: Vec<BandConvolution> = Vec::new();
        for layer in &weights.layers {
            let [_, n_in, kernel] = layer.shape;
            planes.push(Planes::for_kernel(n_in, n_bands, kernel));
            let convolution = BandConvolution::new(layer.shape, layer.pool, n_bands, &layer.weight, &layer.bias);
            n_bands = convolution.n_pooled();
            layers.push(convolution);
        }
        planes.push(Planes::dense(layers.last().map_or(N_FEATURE_CHANNELS, BandConvolution::n_out), n_bands));
        Self {
            mean: weights.mean.clone().unwrap_or_else(|| vec![0.0; n_features]),
            scale: weights.scale.clone().unwrap_or_else(|| vec![1.0; n_features]),
            layers,
            planes,
        }
    }

    /// Features per frame that [`Self::apply`] takes.
    pub fn n_features(&self) -> usize {
        self.mean.len()
    }

    /// Each of several frames, `[n_frames, n_features]`, into a row of `out`, which is returned.
    pub fn apply_to_all<'out>(&mut self, features: &[f32], out: &'out mut [f32]) -> &'out [f32] {
        let n_frames = features.len() / self.n_features();
        let n_outputs = out.len() / n_frames;
        for (features, out) in features.chunks_exact(self.n_features()).zip(out.chunks_exact_mut(n_outputs)) {
            out.copy_from_slice(self.apply(features));
        }
        out
    }

    /// One frame, `[n_features]`; what comes out is channel-major.
    pub fn apply(&mut self, features: &[f32]) -> &[f32] {
        let n_bands = features.len() / N_FEATURE_CHANNELS;
        let first = self.planes[0].rows_mut();
        for (((row, features), mean), scale) in
            first.zip(features.chunks_exact(n_bands)).zip(self.mean.chunks_exact(n_bands)).zip(self.scale.chunks_exact(n_bands))
        {
            for (((out, feature), mean), scale) in row.iter_mut().zip(features).zip(mean).zip(scale) {
                *out = (feature - mean) * scale;
            }
        }
        for (i, layer) in self.layers.iter_mut().enumerate() {
            let (before, after) = self.planes.split_at_mut(i + 1);
            layer.apply(&before[i], &mut after[0]);
        }
        self.planes[self.layers.len()].values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::model_file::ConvLayerWeights;

    #[test]
    fn without_weights_features_pass() {
        let mut front = ConvFront::new(&FrontWeights { n_features: 4, mean: None, scale: None, layers: vec![], n_outputs: 4 });
        assert_eq!(front.apply(&[1.0, -2.0, 3.0, 0.5]), [1.0, -2.0, 3.0, 0.5]);
        assert_eq!(front.n_features(), 4);
    }

    #[test]
    fn features_are_normalised_and_then_convolved() {
        // Both channels added; the second lags by one band.
        let layer = ConvLayerWeights { shape: [1, 2, 2], pool: 1, weight: vec![1.0, 0.0, 0.0, 1.0], bias: vec![0.0] };
        let weights = FrontWeights {
            n_features: 6,
            mean: Some(vec![1.0, 1.0, 1.0, 0.0, 0.0, 0.0]),
            scale: Some(vec![2.0, 2.0, 2.0, 1.0, 1.0, 10.0]),
            layers: vec![layer],
            n_outputs: 2,
        };
        let mut front = ConvFront::new(&weights);
        for _ in 0..2 {
            assert_eq!(front.apply(&[2.0, 3.0, 4.0, 5.0, 6.0, 7.0]), [2.0 + 6.0, 4.0 + 70.0]);
        }
    }
}
