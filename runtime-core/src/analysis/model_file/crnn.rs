//! Weights of recurrent networks: BeatNet's, and LSTM layers behind a convolution front. Any thread.

use super::front::FrontWeights;
use super::tensors::TensorReader;
use super::{Matrix, ModelFileError, N_CLASSES};

/// Weights of BeatNet's convolutional recurrent network; all matrices row-major, gates in the order i, f, g, o.
#[derive(Debug, Clone, PartialEq)]
pub struct CrnnWeights {
    /// Features per frame.
    pub n_features: usize,
    /// Channels of the convolution.
    pub n_channels: usize,
    /// Taps of the convolution.
    pub kernel: usize,
    /// Units of the dense layer before the LSTM and of each LSTM layer.
    pub n_hidden: usize,
    /// `[n_channels, 1, kernel]`
    pub conv_weight: Vec<f32>,
    /// `[n_channels]`
    pub conv_bias: Vec<f32>,
    /// `[n_hidden, n_channels * ((n_features - kernel + 1) / 2)]`
    pub input_weight: Matrix,
    /// `[n_hidden]`
    pub input_bias: Vec<f32>,
    /// LSTM layers in order; at least one.
    pub lstm: Vec<LstmWeights>,
    /// `[3, n_hidden]`
    pub output_weight: Matrix,
    /// `[3]`
    pub output_bias: Vec<f32>,
}

/// Weights of one LSTM layer.
#[derive(Debug, Clone, PartialEq)]
pub struct LstmWeights {
    /// `[4 * n_hidden, n_hidden]`
    pub weight_ih: Matrix,
    /// `[4 * n_hidden, n_hidden]`
    pub weight_hh: Matrix,
    /// `[4 * n_hidden]`
    pub bias_ih: Vec<f32>,
    /// `[4 * n_hidden]`
    pub bias_hh: Vec<f32>,
}

/// Weights of LSTM layers behind a convolution front; as in [`CrnnWeights`].
#[derive(Debug, Clone, PartialEq)]
pub struct FrontLstmWeights {
    /// What comes before the first dense layer.
    pub front: FrontWeights,
    /// Units of the dense layer before the LSTM and of each LSTM layer.
    pub n_hidden: usize,
    /// `[n_hidden, front.n_outputs]`
    pub input_weight: Matrix,
    /// `[n_hidden]`
    pub input_bias: Vec<f32>,
    /// LSTM layers in order; at least one.
    pub lstm: Vec<LstmWeights>,
    /// `[3, n_hidden]`
    pub output_weight: Matrix,
    /// `[3]`
    pub output_bias: Vec<f32>,
}

impl CrnnWeights {
    /// Reads the tensors for frames of `n_features`.
    pub(super) fn read(reader: &TensorReader<'_>, n_features: usize) -> Result<Self, ModelFileError> {
        let [n_channels, n_inputs, kernel] = reader.shape_of("conv.weight", "[channels, 1, taps]")?;
        if n_inputs != 1 {
            return Err(reader.refused("conv.weight", "shape [channels, 1, taps]", format!("{:?}", [n_channels, n_inputs, kernel])));
        }
        let n_hidden = read_n_hidden(reader)?;
        let Some(n_pooled) = (n_features + 1).checked_sub(kernel).map(|n| n / 2).filter(|&n| n > 0) else {
            return Err(reader.refused("conv.weight", format!("fewer taps than {n_features} features"), kernel));
        };
        Ok(Self {
            n_features,
            n_channels,
            kernel,
            n_hidden,
            conv_weight: reader.values("conv.weight", &[n_channels, 1, kernel])?,
            conv_bias: reader.values("conv.bias", &[n_channels])?,
            input_weight: reader.matrix("input.weight", [n_hidden, n_channels * n_pooled])?,
            input_bias: reader.values("input.bias", &[n_hidden])?,
            lstm: read_lstm(reader, n_hidden)?,
            output_weight: reader.matrix("output.weight", [N_CLASSES, n_hidden])?,
            output_bias: reader.values("output.bias", &[N_CLASSES])?,
        })
    }
}

impl FrontLstmWeights {
    /// Reads the tensors for frames of `n_features`; `pool` are the bands that each layer of the front makes one.
    pub(super) fn read(reader: &TensorReader<'_>, n_features: usize, pool: &[usize]) -> Result<Self, ModelFileError> {
        let front = FrontWeights::read(reader, n_features, pool)?;
        let n_hidden = read_n_hidden(reader)?;
        Ok(Self {
            n_hidden,
            input_weight: reader.matrix("input.weight", [n_hidden, front.n_outputs])?,
            input_bias: reader.values("input.bias", &[n_hidden])?,
            lstm: read_lstm(reader, n_hidden)?,
            output_weight: reader.matrix("output.weight", [N_CLASSES, n_hidden])?,
            output_bias: reader.values("output.bias", &[N_CLASSES])?,
            front,
        })
    }
}

/// Units of every LSTM layer.
fn read_n_hidden(reader: &TensorReader<'_>) -> Result<usize, ModelFileError> {
    let [_, n_hidden] = reader.shape_of("lstm.0.weight_hh", "[4 * hidden, hidden]")?;
    Ok(n_hidden)
}

/// As many layers as there are.
fn read_lstm(reader: &TensorReader<'_>, n_hidden: usize) -> Result<Vec<LstmWeights>, ModelFileError> {
    let n_gates = 4 * n_hidden;
    let layer = |layer: usize| {
        let matrix = |part: &str| reader.matrix(&format!("lstm.{layer}.{part}"), [n_gates, n_hidden]);
        let bias = |part: &str| reader.values(&format!("lstm.{layer}.{part}"), &[n_gates]);
        Ok(LstmWeights {
            weight_ih: matrix("weight_ih")?,
            weight_hh: matrix("weight_hh")?,
            bias_ih: bias("bias_ih")?,
            bias_hh: bias("bias_hh")?,
        })
    };
    (0..).take_while(|layer| reader.has(&format!("lstm.{layer}.weight_hh"))).map(layer).collect()
}
