//! Weights of a temporal convolution network. Any thread.

use super::front::FrontWeights;
use super::manifest::TcnSizes;
use super::tensors::TensorReader;
use super::{Matrix, ModelFileError, N_CLASSES};

/// Weights of a temporal convolution network; all matrices row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct TcnWeights {
    /// What comes before the first dense layer.
    pub front: FrontWeights,
    /// Channels of every block.
    pub n_channels: usize,
    /// Frames that a block's convolution sees.
    pub n_taps: usize,
    /// `[n_channels, front.n_outputs]`
    pub input_weight: Matrix,
    /// `[n_channels]`
    pub input_bias: Vec<f32>,
    /// Residual blocks in order; at least one.
    pub blocks: Vec<TcnBlockWeights>,
    /// `[3, n_channels]`
    pub output_weight: Matrix,
    /// `[3]`
    pub output_bias: Vec<f32>,
}

/// Weights of one residual block.
#[derive(Debug, Clone, PartialEq)]
pub struct TcnBlockWeights {
    /// Frames between the taps of the convolution.
    pub dilation_frames: usize,
    /// `[n_channels, n_taps * n_channels]`, oldest tap first.
    pub conv_weight: Matrix,
    /// `[n_channels]`
    pub conv_bias: Vec<f32>,
    /// `[n_channels, n_channels]`
    pub out_weight: Matrix,
    /// `[n_channels]`
    pub out_bias: Vec<f32>,
}

impl TcnWeights {
    /// Reads the tensors for frames of `n_features`.
    pub(super) fn read(reader: &TensorReader<'_>, n_features: usize, sizes: &TcnSizes) -> Result<Self, ModelFileError> {
        let front = FrontWeights::read(reader, n_features, &sizes.pool)?;
        let [n_channels, _] = reader.shape_of("input.weight", "[channels, inputs]")?;
        let n_taps = sizes.taps;
        let block = |(i, &dilation_frames): (usize, &usize)| {
            let matrix = |part: &str, n_columns: usize| reader.matrix(&format!("block.{i}.{part}"), [n_channels, n_columns]);
            let bias = |part: &str| reader.values(&format!("block.{i}.{part}"), &[n_channels]);
            Ok(TcnBlockWeights {
                dilation_frames,
                conv_weight: matrix("conv.weight", n_taps * n_channels)?,
                conv_bias: bias("conv.bias")?,
                out_weight: matrix("out.weight", n_channels)?,
                out_bias: bias("out.bias")?,
            })
        };
        Ok(Self {
            n_channels,
            n_taps,
            input_weight: reader.matrix("input.weight", [n_channels, front.n_outputs])?,
            input_bias: reader.values("input.bias", &[n_channels])?,
            blocks: sizes.dilations.iter().enumerate().map(block).collect::<Result<_, ModelFileError>>()?,
            output_weight: reader.matrix("output.weight", [N_CLASSES, n_channels])?,
            output_bias: reader.values("output.bias", &[N_CLASSES])?,
            front,
        })
    }
}
