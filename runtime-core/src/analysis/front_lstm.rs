//! Third stage: LSTM layers behind normalised, convolved features, on our own step kernels. INFERENCE THREAD.
//!
//! As [`Crnn`](super::crnn::Crnn), with the front of the temporal convolution network in place of BeatNet's and a normalised
//! first layer. All sizes come from the weights.

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
    /// `[n_hidden]`
    projected: Vec<f32>,
    /// `[n_hidden]`
    hidden: Vec<f32>,
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
            projected: vec![0.0; n_hidden],
            hidden: vec![0.0; n_hidden],
        }
    }

    /// Features per frame that [`Self::step`] takes.
    pub fn n_features(&self) -> usize {
        self.front.n_features()
    }

    /// Probabilities of beat, downbeat and neither after one more frame.
    pub fn step(&mut self, features: &[f32]) -> [f32; 3] {
        self.input.apply(self.front.apply(features), &mut self.projected);
        layer_norm(&self.projected, &mut self.hidden);
        for layer in &mut self.layers {
            let hidden = layer.step(&self.hidden);
            self.hidden.copy_from_slice(hidden);
        }
        let mut probs = [0.0; 3];
        self.output.apply(&self.hidden, &mut probs);
        softmax(&mut probs);
        probs
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
