//! One LSTM layer: what the input does to the gates for all frames at once, the rest frame by frame. INFERENCE THREAD.

use super::super::activation::MAX_BATCH_FRAMES;
use super::super::model_file::LstmWeights;
use super::elementwise::{sigmoid, tanh};
use super::linear::Linear;

/// One LSTM layer with its state: gates in PyTorch's order i, f, g, o.
///
/// `c' = s(f) c + s(i) tanh(g)`, `h' = s(o) tanh(c')` (Hochreiter & Schmidhuber 1997, with forget gate).
#[derive(Debug, Clone)]
pub struct Lstm {
    /// `[4 n_hidden, n_input]`: what the input does to the gates.
    from_input: Linear,
    /// `[4 n_hidden, n_hidden]`: what the hidden state does to the gates.
    from_hidden: Linear,
    /// `[n_hidden]`
    hidden: Vec<f32>,
    /// `[n_hidden]`
    cell: Vec<f32>,
    /// `[MAX_BATCH_FRAMES, 4 n_hidden]`
    activations: Vec<f32>,
    use_avx2: bool,
}

impl Lstm {
    /// From PyTorch's tensors for `n_input` values a frame.
    ///
    /// # Panics
    /// Where lengths disagree; the model reader has checked them.
    pub fn new(n_input: usize, n_hidden: usize, weights: &LstmWeights) -> Self {
        let n_rows = 4 * n_hidden;
        Self {
            from_input: Linear::new(n_rows, n_input, &weights.weight_ih, &weights.bias_ih),
            from_hidden: Linear::new(n_rows, n_hidden, &weights.weight_hh, &weights.bias_hh),
            hidden: vec![0.0; n_hidden],
            cell: vec![0.0; n_hidden],
            activations: vec![0.0; MAX_BATCH_FRAMES * n_rows],
            use_avx2: super::has_avx2(),
        }
    }

    /// A step for each frame; `input` is `[n_frames, n_input]`, `output` the hidden states after each, `[n_frames, n_hidden]`, of at most
    /// [`MAX_BATCH_FRAMES`].
    pub fn steps(&mut self, input: &[f32], output: &mut [f32]) {
        let Self { from_input, from_hidden, hidden, cell, activations, use_avx2 } = self;
        let (n_hidden, n_rows) = (hidden.len(), from_input.n_rows());
        let activations = &mut activations[..output.len() / n_hidden * n_rows];
        from_input.apply(input, activations);
        for (activations, output) in activations.chunks_exact_mut(n_rows).zip(output.chunks_exact_mut(n_hidden)) {
            from_hidden.apply_onto(hidden, activations);
            update(*use_avx2, activations, cell, hidden);
            output.copy_from_slice(hidden);
        }
    }

    /// The matrices, in the order in which a step reads them.
    pub fn matrices_mut(&mut self) -> [&mut Linear; 2] {
        [&mut self.from_input, &mut self.from_hidden]
    }

    /// Hidden and cell state to zero.
    pub fn reset(&mut self) {
        self.hidden.fill(0.0);
        self.cell.fill(0.0);
    }
}

/// Cell and hidden state `[n_hidden]` after the gates' sums `[4 n_hidden]`.
fn update(use_avx2: bool, activations: &[f32], cell: &mut [f32], hidden: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    if use_avx2 {
        // SAFETY: `use_avx2` is set only where the processor reports AVX2.
        return unsafe { update_avx2(activations, cell, hidden) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = use_avx2;
    update_portable(activations, cell, hidden);
}

/// [`update_portable`] in wider registers: the same instructions on each value, so the same bits.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn update_avx2(activations: &[f32], cell: &mut [f32], hidden: &mut [f32]) {
    update_portable(activations, cell, hidden);
}

#[inline(always)]
fn update_portable(activations: &[f32], cell: &mut [f32], hidden: &mut [f32]) {
    let (input_gate, rest) = activations.split_at(hidden.len());
    let (forget_gate, rest) = rest.split_at(hidden.len());
    let (candidate, output_gate) = rest.split_at(hidden.len());
    let gates = input_gate.iter().zip(forget_gate).zip(candidate).zip(output_gate);
    for ((cell, hidden), (((input, forget), candidate), output)) in cell.iter_mut().zip(hidden).zip(gates) {
        *cell = sigmoid(*forget) * *cell + sigmoid(*input) * tanh(*candidate);
        *hidden = sigmoid(*output) * tanh(*cell);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn both_builds_agree_bit_for_bit(sums in prop::collection::vec(-30.0f32..30.0, 4..160)) {
            let n_hidden = sums.len() / 4;
            let run = |use_avx2: bool| {
                let (mut cell, mut hidden) = (vec![0.3; n_hidden], vec![0.0; n_hidden]);
                for _ in 0..3 {
                    update(use_avx2, &sums[..4 * n_hidden], &mut cell, &mut hidden);
                }
                (cell, hidden)
            };
            prop_assert_eq!(run(crate::analysis::kernels::has_avx2()), run(false));
        }
    }

    #[test]
    fn an_lstm_step_is_as_computed_by_hand() {
        // One input, one unit, all gates driven by the input alone: i, f, g, o = x * (1, 2, 3, 4).
        let zeros = || vec![0.0; 4];
        let weights =
            LstmWeights { weight_ih: vec![1.0, 2.0, 3.0, 4.0].into(), weight_hh: zeros().into(), bias_ih: zeros(), bias_hh: zeros() };
        let mut lstm = Lstm::new(1, 1, &weights);
        let s = |x: f64| 1.0 / (1.0 + (-x).exp());
        let cell = s(0.5) * 1.5f64.tanh();
        let later = s(1.0) * cell + s(0.5) * 1.5f64.tanh();
        let expected = [s(2.0) * cell.tanh(), s(2.0) * later.tanh()];
        let mut alone = [0.0; 2];
        lstm.steps(&[0.5], &mut alone[..1]);
        lstm.steps(&[0.5], &mut alone[1..]);
        for (hidden, expected) in alone.into_iter().zip(expected) {
            assert!((f64::from(hidden) - expected).abs() < 1e-6);
        }
        lstm.reset();
        let mut together = [0.0; 2];
        lstm.steps(&[0.5; 2], &mut together);
        assert_eq!(together, alone);
    }
}
