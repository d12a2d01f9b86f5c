//! BeatNet's convolution over the feature axis: one input channel, rectifier, pooling by two. INFERENCE THREAD.

/// One-dimensional convolution of a single input channel, stride 1, no padding.
#[derive(Debug, Clone)]
pub struct Conv1d {
    n_channels: usize,
    kernel: usize,
    weights: Vec<f32>,
    bias: Vec<f32>,
}

impl Conv1d {
    /// From `[n_channels, 1, kernel]` weights and `[n_channels]` biases.
    ///
    /// # Panics
    /// Where lengths disagree; the model reader has checked them.
    pub fn new(n_channels: usize, kernel: usize, weights: &[f32], bias: &[f32]) -> Self {
        assert_eq!((weights.len(), bias.len()), (n_channels * kernel, n_channels), "shapes are checked when a model is read");
        Self { n_channels, kernel, weights: weights.to_vec(), bias: bias.to_vec() }
    }

    /// Outputs per channel for an input of `n_input` values.
    pub fn n_outputs(&self, n_input: usize) -> usize {
        (n_input + 1).saturating_sub(self.kernel)
    }

    /// `y[c][i] = bias[c] + sum_k w[c][k] x[i + k]`, then ReLU; `y` is channel-major.
    pub fn apply_relu(&self, x: &[f32], y: &mut [f32]) {
        let n_outputs = self.n_outputs(x.len());
        debug_assert_eq!(y.len(), self.n_channels * n_outputs);
        for (channel, out) in y.chunks_exact_mut(n_outputs).enumerate() {
            out.fill(self.bias[channel]);
            for (k, weight) in self.weights[channel * self.kernel..][..self.kernel].iter().enumerate() {
                for (sum, value) in out.iter_mut().zip(&x[k..]) {
                    *sum += weight * value;
                }
            }
            out.iter_mut().for_each(|v| *v = v.max(0.0));
        }
    }
}

/// Maximum of pairs along each channel; an odd last value is dropped. `x` is `[n_channels, n]`, `y` `[n_channels, n / 2]`.
pub fn max_pool_2(n_channels: usize, x: &[f32], y: &mut [f32]) {
    let (n_in, n_out) = (x.len() / n_channels, y.len() / n_channels);
    for (input, output) in x.chunks_exact(n_in).zip(y.chunks_exact_mut(n_out)) {
        for (pair, out) in input.chunks_exact(2).zip(output) {
            *out = pair[0].max(pair[1]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn convolution_and_pooling_are_as_computed_by_hand() {
        let conv = Conv1d::new(2, 2, &[1.0, 1.0, 1.0, -1.0], &[0.0, 0.5]);
        let mut y = [0.0; 6];
        conv.apply_relu(&[1.0, 2.0, 4.0, 3.0], &mut y);
        assert_eq!(y, [3.0, 6.0, 7.0, 0.0, 0.0, 1.5]);
        let mut pooled = [0.0; 2];
        max_pool_2(2, &y, &mut pooled);
        assert_eq!(pooled, [6.0, 0.0], "the odd last value is dropped");
    }
}
