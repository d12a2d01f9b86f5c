//! One GRU layer, one step at a time. INFERENCE THREAD.

use super::super::model_file::GruWeights;
use super::elementwise::{sigmoid, tanh};
use super::linear::Linear;

/// One GRU layer with its state: gates in PyTorch's order r, z, n.
///
/// `n = tanh(W_n x + b_n + s(r) (U_n h + c_n))`, `h' = (1 - s(z)) n + s(z) h` (Cho et al. 2014, in the form of PyTorch's
/// `nn.GRU`, where r gates the product and not the state).
#[derive(Debug, Clone)]
pub struct Gru {
    /// `[3 n_hidden, n_input]`: what the input does to the gates.
    from_input: Linear,
    /// `[3 n_hidden, n_hidden]`: what the hidden state does to the gates.
    from_hidden: Linear,
    /// `[n_hidden]`
    hidden: Vec<f32>,
    /// `[3 n_hidden]` each.
    input_sums: Vec<f32>,
    hidden_sums: Vec<f32>,
}

impl Gru {
    /// From PyTorch's tensors for `n_input` values a step.
    ///
    /// # Panics
    /// Where lengths disagree; the model reader has checked them.
    pub fn new(n_input: usize, n_hidden: usize, weights: &GruWeights) -> Self {
        let n_rows = 3 * n_hidden;
        Self {
            from_input: Linear::new(n_rows, n_input, &weights.weight_ih, &weights.bias_ih),
            from_hidden: Linear::new(n_rows, n_hidden, &weights.weight_hh, &weights.bias_hh),
            hidden: vec![0.0; n_hidden],
            input_sums: vec![0.0; n_rows],
            hidden_sums: vec![0.0; n_rows],
        }
    }

    /// One step; returns the new hidden state `[n_hidden]`.
    pub fn step(&mut self, input: &[f32]) -> &[f32] {
        let Self { from_input, from_hidden, hidden, input_sums, hidden_sums } = self;
        from_input.apply(input, input_sums);
        from_hidden.apply(hidden, hidden_sums);
        let n_hidden = hidden.len();
        let (input_r, rest) = input_sums.split_at(n_hidden);
        let (input_z, input_n) = rest.split_at(n_hidden);
        let (hidden_r, rest) = hidden_sums.split_at(n_hidden);
        let (hidden_z, hidden_n) = rest.split_at(n_hidden);
        let from_input = input_r.iter().zip(input_z).zip(input_n);
        let from_hidden = hidden_r.iter().zip(hidden_z).zip(hidden_n);
        for (hidden, (((input_r, input_z), input_n), ((hidden_r, hidden_z), hidden_n))) in
            hidden.iter_mut().zip(from_input.zip(from_hidden))
        {
            let keep = sigmoid(input_z + hidden_z);
            let new = tanh(input_n + sigmoid(input_r + hidden_r) * hidden_n);
            *hidden = (1.0 - keep) * new + keep * *hidden;
        }
        hidden
    }

    /// The hidden state `[n_hidden]`.
    pub fn hidden(&self) -> &[f32] {
        &self.hidden
    }

    /// The matrices, in the order in which a step reads them.
    pub fn matrices_mut(&mut self) -> [&mut Linear; 2] {
        [&mut self.from_input, &mut self.from_hidden]
    }

    /// Hidden state to zero.
    pub fn reset(&mut self) {
        self.hidden.fill(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gru_step_is_as_computed_by_hand() {
        // One input, one unit: the input drives r, z, n by 1, 2, 3, the state by 0.5, -1, 2; n has biases 0.1 and 0.2.
        let weights = GruWeights {
            weight_ih: vec![1.0, 2.0, 3.0].into(),
            weight_hh: vec![0.5, -1.0, 2.0].into(),
            bias_ih: vec![0.0, 0.0, 0.1],
            bias_hh: vec![0.0, 0.0, 0.2],
        };
        let mut gru = Gru::new(1, 1, &weights);
        let s = |x: f64| 1.0 / (1.0 + (-x).exp());
        let step = |x: f64, h: f64| {
            let (r, z) = (s(x + 0.5 * h), s(2.0 * x - h));
            let n = (3.0 * x + 0.1 + r * (2.0 * h + 0.2)).tanh();
            (1.0 - z) * n + z * h
        };
        let mut expected = 0.0;
        for x in [0.3, -0.7, 1.2] {
            expected = step(x, expected);
            assert!((f64::from(gru.step(&[x as f32])[0]) - expected).abs() < 1e-6);
        }
        gru.reset();
        assert!((f64::from(gru.step(&[0.3])[0]) - step(0.3, 0.0)).abs() < 1e-6);
    }
}
