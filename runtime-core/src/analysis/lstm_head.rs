//! What both recurrent networks of the third stage end with: LSTM layers, a dense layer, softmax. INFERENCE THREAD.

use super::activation::MAX_BATCH_FRAMES;
use super::kernels::{Linear, Lstm, softmax};
use super::model_file::LstmWeights;

/// LSTM layers of one width with their state, and probabilities from the last.
#[derive(Clone)]
pub(super) struct LstmHead {
    n_hidden: usize,
    layers: Vec<Lstm>,
    output: Linear,
    /// What goes into a layer, `[MAX_BATCH_FRAMES, n_hidden]`.
    hidden: Vec<f32>,
    /// ... and what comes out.
    next: Vec<f32>,
}

impl LstmHead {
    /// Layers at their initial state. `output` takes `n_hidden` values a frame and gives three.
    pub(super) fn new(n_hidden: usize, layers: &[LstmWeights], output: Linear) -> Self {
        Self {
            n_hidden,
            layers: layers.iter().map(|layer| Lstm::new(n_hidden, n_hidden, layer)).collect(),
            output,
            hidden: vec![0.0; MAX_BATCH_FRAMES * n_hidden],
            next: vec![0.0; MAX_BATCH_FRAMES * n_hidden],
        }
    }

    /// Where the values of further frames are written before [`Self::steps`], `[n_frames, n_hidden]`, at most [`MAX_BATCH_FRAMES`].
    pub(super) fn input(&mut self, n_frames: usize) -> &mut [f32] {
        &mut self.hidden[..n_frames * self.n_hidden]
    }

    /// Probabilities of beat, downbeat and neither after each of the frames in [`Self::input`], `[n_frames]`.
    pub(super) fn steps(&mut self, probs: &mut [[f32; 3]]) {
        let n_values = probs.len() * self.n_hidden;
        for layer in &mut self.layers {
            layer.steps(&self.hidden[..n_values], &mut self.next[..n_values]);
            std::mem::swap(&mut self.hidden, &mut self.next);
        }
        self.output.apply(&self.hidden[..n_values], probs.as_flattened_mut());
        probs.iter_mut().for_each(|probs| softmax(probs));
    }

    /// Nothing heard yet.
    pub(super) fn reset(&mut self) {
        self.layers.iter_mut().for_each(Lstm::reset);
    }

    /// The matrices, in the order in which a frame reads them.
    pub(super) fn matrices_mut(&mut self) -> impl Iterator<Item = &mut Linear> {
        self.layers.iter_mut().flat_map(Lstm::matrices_mut).chain(std::iter::once(&mut self.output))
    }
}

#[cfg(test)]
mod tests {
    use super::super::model_file::Matrix;
    use super::*;

    /// A head without layers: the dense layer and softmax alone, to be computed by hand.
    #[test]
    fn without_layers_the_dense_layer_and_softmax_are_left() {
        let output = Linear::new(3, 2, &Matrix::Float(vec![1.0, 0.0, 0.0, 1.0, 0.0, 0.0]), &[0.0; 3]);
        let mut head = LstmHead::new(2, &[], output);
        head.input(2).copy_from_slice(&[2.0f32.ln(), 0.0, 0.0, 0.0]);
        let mut probs = [[0.0; 3]; 2];
        head.steps(&mut probs);
        // e^ln 2 = 2 against 1 and 1; then three ones.
        let expected = [[0.5, 0.25, 0.25], [1.0 / 3.0; 3]];
        for (prob, expected) in probs.as_flattened().iter().zip(expected.as_flattened()) {
            assert!((prob - expected).abs() < 1e-6, "{probs:?}");
        }
        assert_eq!(head.matrices_mut().count(), 1);
    }
}
