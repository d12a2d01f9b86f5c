//! Third stage: BeatNet's CRNN on our own step kernels. INFERENCE THREAD.
//!
//! Convolution over the feature axis, ReLU, pooling, a dense layer, any number of LSTM layers, a dense layer, softmax
//! (Heydari, Cwitkowitz & Duan, ISMIR 2021; mjhydri/BeatNet `model.py`, class BDA). Every size comes from the weights,
//! so a deeper or wider net of the same kind drops in.

use super::activation::MAX_BATCH_FRAMES;
use super::kernels::{Conv1d, Linear, Lstm, max_pool_2, softmax};
use super::model_file::{CrnnWeights, LstmWeights};

/// A convolutional recurrent network with its state.
#[derive(Clone)]
pub struct Crnn {
    n_features: usize,
    n_channels: usize,
    n_pooled: usize,
    n_hidden: usize,
    conv: Conv1d,
    input: Linear,
    layers: Vec<Lstm>,
    output: Linear,
    /// Of one frame.
    convolved: Vec<f32>,
    /// `[MAX_BATCH_FRAMES, n_pooled]`
    pooled: Vec<f32>,
    /// What goes into a layer, `[MAX_BATCH_FRAMES, n_hidden]`.
    hidden: Vec<f32>,
    /// ... and what comes out.
    next: Vec<f32>,
}

impl Crnn {
    /// A network with zero state. The weights' shapes agree with each other: the model reader checks them.
    pub fn new(weights: &CrnnWeights) -> Self {
        let conv = Conv1d::new(weights.n_channels, weights.kernel, &weights.conv_weight, &weights.conv_bias);
        let n_convolved = conv.n_outputs(weights.n_features);
        let n_pooled = weights.n_channels * (n_convolved / 2);
        let n_hidden = weights.n_hidden;
        let input = Linear::new(n_hidden, n_pooled, &weights.input_weight, &weights.input_bias);
        Self {
            n_features: weights.n_features,
            n_channels: weights.n_channels,
            convolved: vec![0.0; weights.n_channels * n_convolved],
            pooled: vec![0.0; MAX_BATCH_FRAMES * n_pooled],
            hidden: vec![0.0; MAX_BATCH_FRAMES * n_hidden],
            next: vec![0.0; MAX_BATCH_FRAMES * n_hidden],
            n_pooled,
            n_hidden,
            output: Linear::new(3, n_hidden, &weights.output_weight, &weights.output_bias),
            conv,
            input,
            layers: lstm_layers(n_hidden, &weights.lstm),
        }
    }

    /// Features per frame that [`Self::steps`] takes.
    pub fn n_features(&self) -> usize {
        self.n_features
    }

    /// Probabilities of beat, downbeat and neither after each further frame; `features` is `[n_frames, n_features]`, `probs`
    /// `[n_frames]`, at most [`MAX_BATCH_FRAMES`].
    pub fn steps(&mut self, features: &[f32], probs: &mut [[f32; 3]]) {
        let n_frames = probs.len();
        let Self { n_channels, n_pooled, n_hidden, conv, input, layers, output, convolved, pooled, hidden, next, .. } = self;
        let pooled = &mut pooled[..n_frames * *n_pooled];
        for (features, pooled) in features.chunks_exact(self.n_features).zip(pooled.chunks_exact_mut(*n_pooled)) {
            conv.apply_relu(features, convolved);
            max_pool_2(*n_channels, convolved, pooled);
        }
        let n_values = n_frames * *n_hidden;
        input.apply(pooled, &mut hidden[..n_values]);
        for layer in layers {
            layer.steps(&hidden[..n_values], &mut next[..n_values]);
            std::mem::swap(hidden, next);
        }
        output.apply(&hidden[..n_values], probs.as_flattened_mut());
        probs.iter_mut().for_each(|probs| softmax(probs));
    }

    /// Nothing heard yet.
    pub fn reset(&mut self) {
        self.layers.iter_mut().for_each(Lstm::reset);
    }

    /// The matrices, in the order in which a frame reads them.
    pub fn matrices_mut(&mut self) -> Vec<&mut Linear> {
        let gates = self.layers.iter_mut().flat_map(Lstm::matrices_mut);
        std::iter::once(&mut self.input).chain(gates).chain(std::iter::once(&mut self.output)).collect()
    }
}

/// LSTM layers of one width at their initial state.
pub(super) fn lstm_layers(n_hidden: usize, layers: &[LstmWeights]) -> Vec<Lstm> {
    layers.iter().map(|layer| Lstm::new(n_hidden, n_hidden, layer)).collect()
}
