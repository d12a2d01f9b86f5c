//! Third stage: LSTM layers behind normalised, convolved features, on our own step kernels. INFERENCE THREAD.
//!
//! As [`Crnn`](super::crnn::Crnn), with the front of the temporal convolution network in place of BeatNet's and a normalised
//! first layer. All sizes come from the weights.

use super::activation::MAX_BATCH_FRAMES;
use super::conv_front::ConvFront;
use super::kernels::{Linear, layer_norm};
use super::lstm_head::LstmHead;
use super::model_file::FrontLstmWeights;

/// A recurrent network with its state.
#[derive(Clone)]
pub struct FrontLstm {
    front: ConvFront,
    input: Linear,
    head: LstmHead,
    /// What the first dense layer gets, `[MAX_BATCH_FRAMES, n_front]`.
    seen: Vec<f32>,
    /// What it gives, before it is normalised, `[MAX_BATCH_FRAMES, n_hidden]`.
    projected: Vec<f32>,
}

impl FrontLstm {
    /// A network with zero state. The weights' shapes agree with each other: the model reader checks them.
    pub fn new(weights: &FrontLstmWeights) -> Self {
        let n_hidden = weights.n_hidden;
        let output = Linear::new(3, n_hidden, &weights.output_weight, &weights.output_bias);
        Self {
            front: ConvFront::new(&weights.front),
            input: Linear::new(n_hidden, weights.front.n_outputs, &weights.input_weight, &weights.input_bias),
            head: LstmHead::new(n_hidden, &weights.lstm, output),
            seen: vec![0.0; MAX_BATCH_FRAMES * weights.front.n_outputs],
            projected: vec![0.0; MAX_BATCH_FRAMES * n_hidden],
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
        let Self { front, input, head, seen, projected } = self;
        let n_hidden = input.n_rows();
        let seen = front.apply_to_all(features, &mut seen[..n_frames * input.n_columns()]);
        let projected = &mut projected[..n_frames * n_hidden];
        input.apply(seen, projected);
        for (projected, normalised) in projected.chunks_exact(n_hidden).zip(head.input(n_frames).chunks_exact_mut(n_hidden)) {
            layer_norm(projected, normalised);
        }
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
