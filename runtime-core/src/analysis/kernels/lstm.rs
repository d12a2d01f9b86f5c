//! One LSTM layer, one frame at a time. INFERENCE THREAD.

use super::elementwise::{sigmoid, tanh};
use super::linear::Linear;

/// One LSTM layer with its state: gates in PyTorch's order i, f, g, o.
///
/// `c' = s(f) c + s(i) tanh(g)`, `h' = s(o) tanh(c')` (Hochreiter & Schmidhuber 1997, with forget gate).
#[derive(Debug, Clone)]
pub struct Lstm {
    n_hidden: usize,
    /// `[4 n_hidden, n_input + n_hidden]`, both bias vectors summed.
    gates: Linear,
    /// `[n_input + n_hidden]`: the input and the hidden state side by side.
    input_and_hidden: Vec<f32>,
    cell: Vec<f32>,
    activations: Vec<f32>,
}

impl Lstm {
    /// From PyTorch's tensors: `weight_ih` `[4H, n_input]`, `weight_hh` `[4H, H]`, biases `[4H]`.
    ///
    /// # Panics
    /// Where lengths disagree; the model reader has checked them.
    pub fn new(n_input: usize, n_hidden: usize, weight_ih: &[f32], weight_hh: &[f32], bias_ih: &[f32], bias_hh: &[f32]) -> Self {
        let n_rows = 4 * n_hidden;
        let mut weights = Vec::with_capacity(n_rows * (n_input + n_hidden));
        for row in 0..n_rows {
            weights.extend_from_slice(&weight_ih[row * n_input..][..n_input]);
            weights.extend_from_slice(&weight_hh[row * n_hidden..][..n_hidden]);
        }
        let bias: Vec<f32> = bias_ih.iter().zip(bias_hh).map(|(a, b)| a + b).collect();
        Self {
            n_hidden,
            gates: Linear::new(n_rows, n_input + n_hidden, &weights, &bias),
            input_and_hidden: vec![0.0; n_input + n_hidden],
            cell: vec![0.0; n_hidden],
            activations: vec![0.0; n_rows],
        }
    }

    /// One step; returns the new hidden state `[n_hidden]`.
    pub fn step(&mut self, input: &[f32]) -> &[f32] {
        let n_input = self.input_and_hidden.len() - self.n_hidden;
        self.input_and_hidden[..n_input].copy_from_slice(input);
        self.gates.apply(&self.input_and_hidden, &mut self.activations);
        let hidden = &mut self.input_and_hidden[n_input..];
        let (input_gate, rest) = self.activations.split_at_mut(self.n_hidden);
        let (forget_gate, rest) = rest.split_at_mut(self.n_hidden);
        let (candidate, output_gate) = rest.split_at_mut(self.n_hidden);
        for i in 0..self.n_hidden {
            let cell = sigmoid(forget_gate[i]) * self.cell[i] + sigmoid(input_gate[i]) * tanh(candidate[i]);
            self.cell[i] = cell;
            hidden[i] = sigmoid(output_gate[i]) * tanh(cell);
        }
        hidden
    }

    /// The matrix of all gates.
    pub fn gates_mut(&mut self) -> &mut Linear {
        &mut self.gates
    }

    /// Hidden and cell state to zero.
    pub fn reset(&mut self) {
        self.input_and_hidden.fill(0.0);
        self.cell.fill(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_lstm_step_is_as_computed_by_hand() {
        // One input, one unit, all gates driven by the input alone: i, f, g, o = x * (1, 2, 3, 4).
        let mut lstm = Lstm::new(1, 1, &[1.0, 2.0, 3.0, 4.0], &[0.0; 4], &[0.0; 4], &[0.0; 4]);
        let s = |x: f64| 1.0 / (1.0 + (-x).exp());
        let cell = s(0.5) * 1.5f64.tanh();
        let hidden = f64::from(lstm.step(&[0.5])[0]);
        assert!((hidden - s(2.0) * cell.tanh()).abs() < 1e-6);
        let cell = s(1.0) * cell + s(0.5) * 1.5f64.tanh();
        let hidden = f64::from(lstm.step(&[0.5])[0]);
        assert!((hidden - s(2.0) * cell.tanh()).abs() < 1e-6);
        lstm.reset();
        assert!((f64::from(lstm.step(&[0.5])[0]) - s(2.0) * (s(0.5) * 1.5f64.tanh()).tanh()).abs() < 1e-6);
    }
}
