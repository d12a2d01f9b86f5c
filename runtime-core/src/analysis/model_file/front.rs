//! Weights of what comes before a network's first dense layer: normalisation and convolutions. Any thread.

use super::super::conv_front::N_FEATURE_CHANNELS;
use super::ModelFileError;
use super::tensors::TensorReader;

/// Weights of a front; its features are two channels of bands.
#[derive(Debug, Clone, PartialEq)]
pub struct FrontWeights {
    /// Features per frame.
    pub n_features: usize,
    /// Subtracted from the features, `[n_features]`.
    pub mean: Option<Vec<f32>>,
    /// Multiplied with what is left, `[n_features]`.
    pub scale: Option<Vec<f32>>,
    /// Convolutions in order.
    pub layers: Vec<ConvLayerWeights>,
    /// Values that come out.
    pub n_outputs: usize,
}

/// Weights of one convolution over the bands.
#[derive(Debug, Clone, PartialEq)]
pub struct ConvLayerWeights {
    /// Channels out, channels in, taps.
    pub shape: [usize; 3],
    /// Bands of which the largest is kept.
    pub pool: usize,
    /// `[channels out, channels in, taps]`
    pub weight: Vec<f32>,
    /// `[channels out]`
    pub bias: Vec<f32>,
}

impl FrontWeights {
    /// Reads the tensors for frames of `n_features`; one layer for each of `pool`.
    pub(super) fn read(reader: &TensorReader<'_>, n_features: usize, pool: &[usize]) -> Result<Self, ModelFileError> {
        let has_norm = reader.has("norm.mean") || reader.has("norm.scale");
        let norm = |name: &str| if has_norm { reader.values(name, &[n_features]).map(Some) } else { Ok(None) };
        let (mean, scale) = (norm("norm.mean")?, norm("norm.scale")?);
        let (mut n_channels, mut n_bands) = (N_FEATURE_CHANNELS, n_features / N_FEATURE_CHANNELS);
        let mut layers = Vec::with_capacity(pool.len());
        for (i, &pool) in pool.iter().enumerate() {
            let (weight, bias) = (format!("front.{i}.weight"), format!("front.{i}.bias"));
            let [n_out, _, kernel] = reader.shape_of(&weight, "[channels out, channels in, taps]")?;
            let n_pooled = (n_bands + 1).checked_sub(kernel).and_then(|n| n.checked_div(pool)).filter(|&n| n > 0);
            let Some(n_pooled) = n_pooled else {
                let expected = format!("taps and a pooling by {pool} that leave some of {n_bands} bands");
                return Err(reader.refused(&weight, expected, format!("{kernel} taps")));
            };
            layers.push(ConvLayerWeights {
                shape: [n_out, n_channels, kernel],
                pool,
                weight: reader.values(&weight, &[n_out, n_channels, kernel])?,
                bias: reader.values(&bias, &[n_out])?,
            });
            (n_channels, n_bands) = (n_out, n_pooled);
        }
        Ok(Self { n_features, mean, scale, layers, n_outputs: n_channels * n_bands })
    }
}
