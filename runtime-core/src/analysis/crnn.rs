//! Third stage: BeatNet's CRNN on our own step kernels. INFERENCE THREAD.
//!
//! Convolution over the feature axis, ReLU, pooling, a dense layer, any number of LSTM layers, a dense layer, softmax
//! (Heydari, Cwitkowitz & Duan, ISMIR 2021; mjhydri/BeatNet `model.py`, class BDA). Every size comes from the weights,
//! so a deeper or wider net of the same kind drops in.

use super::activation::MAX_BATCH_FRAMES;
use super::kernels::{Conv1d, Linear, max_pool_2};
use super::lstm_head::LstmHead;
use super::model_file::CrnnWeights;

/// A convolutional recurrent network with its state.
#[derive(Clone)]
pub struct Crnn {
    n_features: usize,
    n_channels: usize,
    n_pooled: usize,
    conv: Conv1d,
    input: Linear,
    head: LstmHead,
    /// Of one frame.
    convolved: Vec<f32>,
    /// `[MAX_BATCH_FRAMES, n_pooled]`
    pooled: Vec<f32>,
}

impl Crnn {
    /// A network with zero state. The weights' shapes agree with each other: the model reader checks them.
    pub fn new(weights: &CrnnWeights) -> Self {
        let conv = Conv1d::new(weights.n_channels, weights.kernel, &weights.conv_weight, &weights.conv_bias);
        let n_convolved = conv.n_outputs(weights.n_features);
        let n_pooled = weights.n_channels * (n_convolved / 2);
        let n_hidden = weights.n_hidden;
        let output = Linear::new(3, n_hidden, &weights.output_weight, &weights.output_bias);
        Self {
            n_features: weights.n_features,
            n_channels: weights.n_channels,
            convolved: vec![0.0; weights.n_channels * n_convolved],
            pooled: vec![0.0; MAX_BATCH_FRAMES * n_pooled],
            n_pooled,
            conv,
            input: Linear::new(n_hidden, n_pooled, &weights.input_weight, &weights.input_bias),
            head: LstmHead::new(n_hidden, &weights.lstm, output),
        }
    }

    /// Features per frame that [`Self::steps`] takes.
    pub fn n_features(&self) -> usize {
        self.n_features
    }

    /// Probabilities of beat, downbeat and neither after each further frame; `features` is `[n_frames, n_features]`, `probs`
    /// `[n_frames]`, at most [`MAX_BATCH_FRAMES`].
    pub fn steps(&mut self, features: &[f32], probs: &mut [[f32; 3]]) {
        let Self { n_channels, n_pooled, conv, input, head, convolved, pooled, .. } = self;
        let pooled = &mut pooled[..probs.len() * *n_pooled];
        for (features, pooled) in features.chunks_exact(self.n_features).zip(pooled.chunks_exact_mut(*n_pooled)) {
            conv.apply_relu(features, convolved);
            max_pool_2(*n_channels, convolved, pooled);
        }
        input.apply(pooled, head.input(probs.len()));
        head.steps(probs);
    }

    /// Nothing heard yet.
    pub fn reset(&mut self) {
        self.head.reset();
    }

    /// The matrices, in the order in which a frame reads them.
    pub fn matrices_mut(&mut self) -> Vec<&mut Linear> {
        std::iter::once(&mut self.input).chain(self.head.matrices_mut()).collect()
    }
}
