//! Third stage: a causal temporal convolution network on our own step kernels. INFERENCE THREAD.
//!
//! Residual blocks of a convolution over past frames, spread by a dilation, each adding to the sum that the output layer sees
//! (Bai, Kolter & Koltun 2018; Davies & Böck, EUSIPCO 2019, made causal). Each block keeps what it has seen in a ring; all
//! sizes come from the weights.

use super::activation::MAX_BATCH_FRAMES;
use super::conv_front::ConvFront;
use super::kernels::{Linear, elu, layer_norm, softmax};
use super::model_file::TcnWeights;

/// A temporal convolution network with its state.
#[derive(Clone)]
pub struct Tcn {
    front: ConvFront,
    input: Linear,
    blocks: Vec<Block>,
    output: Linear,
    n_channels: usize,
    /// What the first dense layer gets, `[MAX_BATCH_FRAMES, n_front]`.
    seen: Vec<f32>,
    /// What the blocks read and add to, `[MAX_BATCH_FRAMES, n_channels]`, as all that follow.
    residual: Vec<f32>,
    /// Sum of what the blocks added.
    skip: Vec<f32>,
    /// Inputs of a block's convolution, `[MAX_BATCH_FRAMES, n_taps * n_channels]`, oldest first.
    taps: Vec<f32>,
    /// Inside a block.
    convolved: Vec<f32>,
    /// What a block adds.
    added: Vec<f32>,
}

impl Tcn {
    /// A network with zero state. The weights' shapes agree with each other: the model reader checks them.
    pub fn new(weights: &TcnWeights) -> Self {
        let (n_channels, n_taps) = (weights.n_channels, weights.n_taps);
        let block = |block: &super::model_file::TcnBlockWeights| Block {
            convolution: Linear::new(n_channels, n_taps * n_channels, &block.conv_weight, &block.conv_bias),
            out: Linear::new(n_channels, n_channels, &block.out_weight, &block.out_bias),
            history: History::new(n_channels, n_taps, block.dilation_frames),
        };
        Self {
            front: ConvFront::new(&weights.front),
            input: Linear::new(n_channels, weights.front.n_outputs, &weights.input_weight, &weights.input_bias),
            blocks: weights.blocks.iter().map(block).collect(),
            output: Linear::new(3, n_channels, &weights.output_weight, &weights.output_bias),
            n_channels,
            seen: vec![0.0; MAX_BATCH_FRAMES * weights.front.n_outputs],
            residual: vec![0.0; MAX_BATCH_FRAMES * n_channels],
            skip: vec![0.0; MAX_BATCH_FRAMES * n_channels],
            taps: vec![0.0; MAX_BATCH_FRAMES * n_taps * n_channels],
            convolved: vec![0.0; MAX_BATCH_FRAMES * n_channels],
            added: vec![0.0; MAX_BATCH_FRAMES * n_channels],
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
        let Self { front, input, blocks, output, n_channels, seen, residual, skip, taps, convolved, added } = self;
        let n_values = n_frames * *n_channels;
        let [residual, skip, convolved, added] = [residual, skip, convolved, added].map(|values| &mut values[..n_values]);
        input.apply(front.apply_to_all(features, &mut seen[..n_frames * input.n_columns()]), added);
        for (added, residual) in added.chunks_exact(*n_channels).zip(residual.chunks_exact_mut(*n_channels)) {
            layer_norm(added, residual);
        }
        elu(residual);
        skip.fill(0.0);
        for block in blocks {
            let n_taps = block.convolution.n_columns();
            let taps = &mut taps[..n_frames * n_taps];
            for (residual, taps) in residual.chunks_exact(*n_channels).zip(taps.chunks_exact_mut(n_taps)) {
                layer_norm(residual, block.history.newest_mut());
                block.history.gather(taps);
            }
            block.convolution.apply(taps, convolved);
            elu(convolved);
            block.out.apply(convolved, added);
            for ((residual, skip), added) in residual.iter_mut().zip(&mut *skip).zip(&*added) {
                *residual += added;
                *skip += added;
            }
        }
        elu(skip);
        output.apply(skip, probs.as_flattened_mut());
        probs.iter_mut().for_each(|probs| softmax(probs));
    }

    /// Nothing heard yet.
    pub fn reset(&mut self) {
        self.blocks.iter_mut().for_each(|block| block.history.reset());
    }

    /// The matrices, in the order in which a frame reads them.
    pub fn matrices_mut(&mut self) -> Vec<&mut Linear> {
        let blocks = self.blocks.iter_mut().flat_map(|block| [&mut block.convolution, &mut block.out]);
        std::iter::once(&mut self.input).chain(blocks).chain(std::iter::once(&mut self.output)).collect()
    }
}

/// A residual block with its memory.
#[derive(Clone)]
struct Block {
    convolution: Linear,
    out: Linear,
    history: History,
}

/// The last frames that a block has seen, in a ring; zeros before the start.
#[derive(Clone)]
struct History {
    n_channels: usize,
    n_taps: usize,
    dilation_frames: usize,
    /// `[(n_taps - 1) * dilation_frames + 1, n_channels]`
    frames: Vec<f32>,
    /// Place of the newest frame.
    newest: usize,
}

impl History {
    fn new(n_channels: usize, n_taps: usize, dilation_frames: usize) -> Self {
        let n_frames = (n_taps - 1) * dilation_frames + 1;
        Self { n_channels, n_taps, dilation_frames, frames: vec![0.0; n_frames * n_channels], newest: 0 }
    }

    fn n_frames(&self) -> usize {
        (self.n_taps - 1) * self.dilation_frames + 1
    }

    /// Room for the frame that comes now, in place of the oldest.
    fn newest_mut(&mut self) -> &mut [f32] {
        self.newest = (self.newest + 1) % self.n_frames();
        &mut self.frames[self.newest * self.n_channels..][..self.n_channels]
    }

    /// The frames at the taps, oldest first.
    fn gather(&self, taps: &mut [f32]) {
        for (tap, out) in taps.chunks_exact_mut(self.n_channels).enumerate() {
            let age_frames = (self.n_taps - 1 - tap) * self.dilation_frames;
            let place = (self.newest + self.n_frames() - age_frames) % self.n_frames();
            out.copy_from_slice(&self.frames[place * self.n_channels..][..self.n_channels]);
        }
    }

    fn reset(&mut self) {
        self.frames.fill(0.0);
        self.newest = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::model_file::{FrontWeights, Matrix, TcnBlockWeights};
    use proptest::prelude::*;

    #[test]
    fn a_history_looks_back_by_its_dilation() {
        let mut history = History::new(1, 3, 2);
        let mut seen = Vec::new();
        for frame in 1..=7 {
            history.newest_mut()[0] = frame as f32;
            let mut taps = [0.0; 3];
            history.gather(&mut taps);
            seen.push(taps);
        }
        assert_eq!(seen[..3], [[0.0, 0.0, 1.0], [0.0, 0.0, 2.0], [0.0, 1.0, 3.0]]);
        assert_eq!(seen[4..], [[1.0, 3.0, 5.0], [2.0, 4.0, 6.0], [3.0, 5.0, 7.0]]);
        let mut alone = History::new(2, 1, 9);
        alone.newest_mut().copy_from_slice(&[1.0, 2.0]);
        let mut taps = [0.0; 2];
        alone.gather(&mut taps);
        assert_eq!(taps, [1.0, 2.0]);
    }

    fn weights(n_channels: usize, n_taps: usize, dilations: &[usize], seed: u32) -> TcnWeights {
        let mut state = seed;
        let mut random = |n: usize| -> Vec<f32> {
            let mut next = || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as f32 / (1u32 << 23) as f32 - 1.0
            };
            (0..n).map(|_| next()).collect()
        };
        TcnWeights {
            front: FrontWeights { n_features: 6, mean: None, scale: None, layers: vec![], n_outputs: 6 },
            n_channels,
            n_taps,
            input_weight: random(n_channels * 6).into(),
            input_bias: random(n_channels),
            blocks: dilations
                .iter()
                .map(|&dilation_frames| TcnBlockWeights {
                    dilation_frames,
                    conv_weight: random(n_channels * n_taps * n_channels).into(),
                    conv_bias: random(n_channels),
                    out_weight: random(n_channels * n_channels).into(),
                    out_bias: random(n_channels),
                })
                .collect(),
            output_weight: random(3 * n_channels).into(),
            output_bias: random(3),
        }
    }

    fn product(weights: &Matrix, bias: &[f32], x: &[f64]) -> Vec<f64> {
        let row = |(row, &bias): (&[f32], &f32)| f64::from(bias) + row.iter().zip(x).map(|(&w, x)| f64::from(w) * x).sum::<f64>();
        weights.to_f32().chunks_exact(x.len()).zip(bias).map(row).collect()
    }

    fn normalised(x: &[f64]) -> Vec<f64> {
        let n = x.len() as f64;
        let mean = x.iter().sum::<f64>() / n;
        let variance = x.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
        x.iter().map(|v| (v - mean) / (variance + 1e-5).sqrt()).collect()
    }

    fn rectified(x: &[f64]) -> Vec<f64> {
        x.iter().map(|&v| if v > 0.0 { v } else { v.exp() - 1.0 }).collect()
    }

    /// The definition over a whole recording, in double precision, without rings.
    fn naive(weights: &TcnWeights, frames: &[Vec<f32>]) -> Vec<[f64; 3]> {
        let first = |x: &Vec<f32>| {
            let x: Vec<f64> = x.iter().map(|&v| f64::from(v)).collect();
            rectified(&normalised(&product(&weights.input_weight, &weights.input_bias, &x)))
        };
        let mut y: Vec<Vec<f64>> = frames.iter().map(first).collect();
        let mut skip = vec![vec![0.0; weights.n_channels]; frames.len()];
        for block in &weights.blocks {
            let z: Vec<Vec<f64>> = y.iter().map(|y| normalised(y)).collect();
            for t in 0..frames.len() {
                let past = |tap: usize| t.checked_sub((weights.n_taps - 1 - tap) * block.dilation_frames).map(|at| z[at].clone());
                let taps: Vec<f64> = (0..weights.n_taps).flat_map(|tap| past(tap).unwrap_or(vec![0.0; weights.n_channels])).collect();
                let inside = rectified(&product(&block.conv_weight, &block.conv_bias, &taps));
                for (c, added) in product(&block.out_weight, &block.out_bias, &inside).into_iter().enumerate() {
                    y[t][c] += added;
                    skip[t][c] += added;
                }
            }
        }
        let softmax = |skip: &Vec<f64>| {
            let exp: Vec<f64> = product(&weights.output_weight, &weights.output_bias, &rectified(skip)).iter().map(|v| v.exp()).collect();
            let sum: f64 = exp.iter().sum();
            [exp[0] / sum, exp[1] / sum, exp[2] / sum]
        };
        skip.iter().map(softmax).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn steps_agree_with_the_definition(
            n_channels in 2usize..9, n_taps in 1usize..4, dilations in prop::collection::vec(1usize..6, 1..4), seed in 0u32..1000,
            n_at_once in 1usize..26,
        ) {
            let weights = weights(n_channels, n_taps, &dilations, seed);
            let frames: Vec<Vec<f32>> =
                (0..25).map(|t| (0..6).map(|i| ((t * 37 + i * 11) % 17) as f32 / 8.0 - 1.0).collect()).collect();
            let mut net = Tcn::new(&weights);
            let mut first = vec![[0.0; 3]; frames.len()];
            for (frame, probs) in frames.iter().zip(&mut first) {
                net.steps(frame, std::slice::from_mut(probs));
            }
            for (got, expected) in first.iter().flatten().zip(naive(&weights, &frames).iter().flatten()) {
                prop_assert!((f64::from(*got) - expected).abs() < 2e-5, "{got} {expected}");
            }
            net.reset();
            let mut second = vec![[0.0; 3]; frames.len()];
            for (frames, probs) in frames.chunks(n_at_once).zip(second.chunks_mut(n_at_once)) {
                net.steps(&frames.concat(), probs);
            }
            prop_assert_eq!(first, second, "a reset returns to the start, and frames at once are frames one by one");
        }
    }
}
