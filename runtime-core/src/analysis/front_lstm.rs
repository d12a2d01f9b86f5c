//! Third stage: LSTM layers behind normalised, convolved features, on our own step kernels. INFERENCE THREAD.
//!
//! As [`Crnn`](super::crnn::Crnn), with the front of the temporal convolution network in place of BeatNet's and a normalised
//! first layer. All sizes come from the weights.

use super::activation::MAX_BATCH_FRAMES;
use super::conv_front::ConvFront;
use super::crnn::lstm_layers;
use super::kernels::{Linear, Lstm, layer_norm, softmax};
use super::model_file::FrontLstmWeights;

/// A recurrent network with its state.
#[derive(Clone)]
pub struct FrontLstm {
    front: ConvFront,
    input: Linear,
    layers: Vec<Lstm>,
    output: Linear,
    n_hidden: usize,
    /// What the first dense layer gets, `[MAX_BATCH_FRAMES, n_front]`.
    seen: Vec<f32>,
    /// What goes into a layer, `[MAX_BATCH_FRAMES, n_hidden]`.
    hidden: Vec<f32>,
    /// ... and what comes out.
    next: Vec<f32>,
}

impl FrontLstm {
    /// A network with zero state. The weights' shapes agree with each other: the model reader checks them.
    pub fn new(weights: &FrontLstmWeights) -> Self {
        let n_hidden = weights.n_hidden;
        Self {
            front: ConvFront::new(&weights.front),
            input: Linear::new(n_hidden, weights.front.n_outputs, &weights.input_weight, &weights.input_bias),
            layers: lstm_layers(n_hidden, &weights.lstm),
            output: Linear::new(3, n_hidden, &weights.output_weight, &weights.output_bias),
            seen: vec![0.0; MAX_BATCH_FRAMES * weights.front.n_outputs],
            hidden: vec![0.0; MAX_BATCH_FRAMES * n_hidden],
            next: vec![0.0; MAX_BATCH_FRAMES * n_hidden],
            n_hidden,
        }
    }

    /// Features per frame that [`Self::steps`] takes.
    pub fn n_features(&self) -> usize {
        self.front.n_features()
    }

    /// Probabilities of beat, downbeat and neither after each further frame; `features` is `[n_frames, n_features]`, `probs`
    /// `[n_frames]`, at most [`MAX_BATCH_FRAMES`].
    pub fn steps(&mut self, features: &[f32], probs: &mut [[f32; 3]]) {
        let n_frames = probs.len();
        let Self { front, input, layers, output, n_hidden, seen, hidden, next } = self;
        let seen = front.apply_to_all(features, &mut seen[..n_frames * input.n_columns()]);
        let n_values = n_frames * *n_hidden;
        input.apply(seen, &mut next[..n_values]);
        for (projected, hidden) in next.chunks_exact(*n_hidden).zip(hidden.chunks_exact_mut(*n_hidden)).take(n_frames) {
            layer_norm(projected, hidden);
        }
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
