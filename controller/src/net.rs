//! The net: eight frames of micro features reduced by a dense layer, then a GRU of 32 over these, beat, section, hazard and the last
//! controls, and a dense layer to a target each. Weights are 32-bit, sums 64-bit and in order, so that the bits are those of
//! `visualizer/controller/net.js`.

use model_contracts::v1::controller as contract;
use safetensors::tensor::Dtype;
use safetensors::{SafeTensorError, SafeTensors};

use crate::input::{Known, N_BEAT, N_HORIZONS, N_LABELS};
use crate::numbers::{sigmoid, tanh};
use crate::{N_CONTROLS, N_MICRO, range};

const N_FRAMES: usize = contract::micro::HISTORY as usize * N_MICRO;
const REDUCED: usize = contract::REDUCED as usize;
const HIDDEN: usize = contract::HIDDEN as usize;
const N_INPUT: usize = REDUCED + N_BEAT + N_LABELS + N_HORIZONS + N_CONTROLS;
/// Name and shape of each tensor, in the order of the page's file.
const TENSORS: [(&str, &[usize]); 8] = [
    ("reduce.weight", &[REDUCED, N_FRAMES]),
    ("reduce.bias", &[REDUCED]),
    ("gru.weight_ih", &[3 * HIDDEN, N_INPUT]),
    ("gru.weight_hh", &[3 * HIDDEN, HIDDEN]),
    ("gru.bias_ih", &[3 * HIDDEN]),
    ("gru.bias_hh", &[3 * HIDDEN]),
    ("head.weight", &[N_CONTROLS, HIDDEN]),
    ("head.bias", &[N_CONTROLS]),
];
/// Number of weights.
pub const N_WEIGHTS: usize = {
    let rows = 3 * HIDDEN;
    REDUCED * (N_FRAMES + 1) + rows * (N_INPUT + HIDDEN + 2) + N_CONTROLS * (HIDDEN + 1)
};

/// The weights that ship.
const SHIPPED: &[u8] = include_bytes!("../../models/controller_v1/model.safetensors");

/// Why a file holds no weights of this net.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// Not a safetensors file, or one without a tensor of the net.
    #[error("the controller's weights cannot be read: {0}")]
    Unreadable(#[from] SafeTensorError),
    /// Another shape or type.
    #[error("tensor `{name}` is {got_type:?} {got:?}, expected F32 {expected:?}")]
    Tensor {
        /// Its name.
        name: &'static str,
        /// Element type in the file.
        got_type: Dtype,
        /// Shape in the file.
        got: Vec<usize>,
        /// Shape of the net's.
        expected: &'static [usize],
    },
    /// A weight that is no number.
    #[error("tensor `{name}` has a weight that is not finite: {value}")]
    NotFinite {
        /// Its name.
        name: &'static str,
        /// The weight.
        value: f32,
    },
}

/// Weights of the net, in the order of its tensors, each tensor row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights(Vec<f64>);

impl Weights {
    /// The net of this build, `models/controller_v1`.
    ///
    /// # Panics
    /// Never in a build whose tests passed: the file is compiled in and read by them.
    pub fn shipped() -> Self {
        Self::from_safetensors(SHIPPED).expect("the embedded weights are whole: checked by the tests of this crate")
    }

    /// Reads a safetensors file.
    ///
    /// # Errors
    /// [`WeightsError`], naming the tensor.
    pub fn from_safetensors(bytes: &[u8]) -> Result<Self, WeightsError> {
        let file = SafeTensors::deserialize(bytes)?;
        let mut values = Vec::with_capacity(N_WEIGHTS);
        for (name, expected) in TENSORS {
            let tensor = file.tensor(name)?;
            if tensor.dtype() != Dtype::F32 || tensor.shape() != expected {
                return Err(WeightsError::Tensor { name, got_type: tensor.dtype(), got: tensor.shape().to_vec(), expected });
            }
            for bytes in tensor.data().chunks_exact(4) {
                let value = f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
                if !value.is_finite() {
                    return Err(WeightsError::NotFinite { name, value });
                }
                values.push(f64::from(value));
            }
        }
        Ok(Self(values))
    }

    /// Made-up weights, the same for the same `seed`: for tests and for the golden trace, which no training changes.
    pub fn sample(seed: u32) -> Self {
        let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(12_345);
        let mut next = || {
            // Numerical Recipes' generator; its high 16 bits make a multiple of 2^-16, exact in 32 bits.
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (f64::from(state >> 16) / 65_536.0 - 0.5) * 0.5
        };
        Self((0..N_WEIGHTS).map(|_| next()).collect())
    }

    /// All weights in order.
    pub fn values(&self) -> &[f64] {
        &self.0
    }

    /// Tensor `k` of [`TENSORS`].
    fn tensor(&self, k: usize) -> &[f64] {
        let len = |k: usize| TENSORS[k].1.iter().product::<usize>();
        let from: usize = (0..k).map(len).sum();
        &self.0[from..from + len(k)]
    }
}

/// The net with its state.
#[derive(Debug, Clone)]
pub(crate) struct Net {
    weights: Weights,
    /// Micro features of the last steps, oldest first.
    frames: [f64; N_FRAMES],
    hidden: [f64; HIDDEN],
}

impl Net {
    pub(crate) fn new(weights: Weights) -> Self {
        Self { weights, frames: [0.0; N_FRAMES], hidden: [0.0; HIDDEN] }
    }

    pub(crate) fn reset(&mut self) {
        self.frames = [0.0; N_FRAMES];
        self.hidden = [0.0; HIDDEN];
    }

    /// The 12 targets; `last` are the controls of the step before.
    pub(crate) fn step(&mut self, micro: &[f64; N_MICRO], known: &Known, last: &[f64; N_CONTROLS]) -> [f64; N_CONTROLS] {
        let w = &self.weights;
        self.frames.copy_within(N_MICRO.., 0);
        self.frames[N_FRAMES - N_MICRO..].copy_from_slice(micro);
        let reduced: [f64; REDUCED] = dense(w.tensor(0), w.tensor(1), &self.frames);
        let mut input = [0.0; N_INPUT];
        let parts = reduced.iter().map(|value| tanh(*value));
        let parts = parts.chain(known.beat).chain(known.sections).chain(known.hazards).chain(*last);
        input.iter_mut().zip(parts).for_each(|(place, value)| *place = value);
        let from_input: [f64; 3 * HIDDEN] = dense(w.tensor(2), w.tensor(4), &input);
        let from_hidden: [f64; 3 * HIDDEN] = dense(w.tensor(3), w.tensor(5), &self.hidden);
        for k in 0..HIDDEN {
            let reset = sigmoid(from_input[k] + from_hidden[k]);
            let keep = sigmoid(from_input[HIDDEN + k] + from_hidden[HIDDEN + k]);
            let fresh = tanh(from_input[2 * HIDDEN + k] + reset * from_hidden[2 * HIDDEN + k]);
            self.hidden[k] = (1.0 - keep) * fresh + keep * self.hidden[k];
        }
        let head: [f64; N_CONTROLS] = dense(w.tensor(6), w.tensor(7), &self.hidden);
        std::array::from_fn(|k| {
            let (low, high) = range(k);
            low + (high - low) * sigmoid(head[k])
        })
    }
}

/// Rows whose sums go on side by side: each waits for its own last addition only.
const ROWS: usize = 4;

/// Bias plus matrix times input, each sum from the first column to the last; `OUT` is a multiple of [`ROWS`].
fn dense<const OUT: usize>(matrix: &[f64], bias: &[f64], input: &[f64]) -> [f64; OUT] {
    let n = input.len();
    let mut out: [f64; OUT] = std::array::from_fn(|row| bias[row]);
    for (sums, rows) in out.chunks_exact_mut(ROWS).zip(matrix.chunks_exact(ROWS * n)) {
        let [a, b, c, d] = [0, 1, 2, 3].map(|row| &rows[row * n..(row + 1) * n]);
        let mut sum = [sums[0], sums[1], sums[2], sums[3]];
        for k in 0..n {
            let value = input[k];
            sum = [sum[0] + a[k] * value, sum[1] + b[k] * value, sum[2] + c[k] * value, sum[3] + d[k] * value];
        }
        sums.copy_from_slice(&sum);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Input;
    use safetensors::tensor::TensorView;

    fn file(change: impl Fn(&'static str, &mut Vec<usize>, &mut Vec<u8>)) -> Vec<u8> {
        let made: Vec<(&str, Vec<usize>, Vec<u8>)> = TENSORS
            .iter()
            .map(|(name, shape)| {
                let (mut shape, n) = (shape.to_vec(), shape.iter().product::<usize>());
                let mut data = 0.5f32.to_le_bytes().repeat(n);
                change(name, &mut shape, &mut data);
                (*name, shape, data)
            })
            .collect();
        let views = made.iter().map(|(name, shape, data)| (*name, TensorView::new(Dtype::F32, shape.clone(), data).unwrap()));
        safetensors::serialize(views, None).unwrap()
    }

    #[test]
    fn the_tensors_add_up() {
        assert_eq!(N_WEIGHTS, TENSORS.iter().map(|(_, shape)| shape.iter().product::<usize>()).sum::<usize>());
        assert!((8_000..12_000).contains(&N_WEIGHTS), "{N_WEIGHTS}");
        assert_eq!(Weights::from_safetensors(&file(|_, _, _| {})).unwrap().values(), [0.5; N_WEIGHTS]);
    }

    #[test]
    fn the_shipped_weights_are_whole() {
        assert_eq!(Weights::shipped().values().len(), N_WEIGHTS);
    }

    #[test]
    fn weights_of_another_net_are_refused_by_name() {
        let error = |bytes: &[u8]| Weights::from_safetensors(bytes).unwrap_err().to_string();
        assert!(error(b"").contains("cannot be read"));
        let turned = file(|name, shape, _| {
            if name == "head.weight" {
                shape.reverse()
            }
        });
        assert_eq!(error(&turned), "tensor `head.weight` is F32 [32, 12], expected F32 [12, 32]");
        let none = file(|name, _, data| {
            if name == "gru.bias_hh" {
                data[..4].copy_from_slice(&f32::NAN.to_le_bytes())
            }
        });
        assert_eq!(error(&none), "tensor `gru.bias_hh` has a weight that is not finite: NaN");
    }

    #[test]
    fn without_weights_every_target_is_the_middle_of_its_range() {
        let mut net = Net::new(Weights(vec![0.0; N_WEIGHTS]));
        let targets = net.step(&[0.7; N_MICRO], &Known::of(&Input::default()), &[0.0; N_CONTROLS]);
        assert_eq!(targets, std::array::from_fn(|k| 0.5 * (range(k).0 + range(k).1)));
    }

    #[test]
    fn a_gru_step_is_as_computed_by_hand() {
        // Only the bias of the candidate and the head's first column are not 0: h = (1 - 1/2) tanh(1).
        let mut weights = Weights(vec![0.0; N_WEIGHTS]);
        let bias_ih = REDUCED * (N_FRAMES + 1) + 3 * HIDDEN * (N_INPUT + HIDDEN);
        weights.0[bias_ih + 2 * HIDDEN] = 1.0;
        let head = N_WEIGHTS - N_CONTROLS * (HIDDEN + 1);
        weights.0[head] = 2.0;
        let mut net = Net::new(weights);
        let targets = net.step(&[0.0; N_MICRO], &Known::of(&Input::default()), &[0.0; N_CONTROLS]);
        assert!((targets[0] - 1.0 / (1.0 + (-1.0f64.tanh()).exp())).abs() < 1e-15, "{targets:?}");
    }
}
