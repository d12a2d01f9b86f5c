//! The network that says which section is playing and how near the next boundary is, one step of 80 ms at a time. INFERENCE
//! THREAD.
//!
//! ```text
//! audio 290 -> normalised, clipped -> dense, rectified -+
//! beat 5, memory 40 ------------------------------------+-> dense, rectified -> GRU layers -+-> sections: softmax of 8
//!                                                                                           +-> boundary: softmax of 6 bins
//!                                                                                           +-> embedding: 16
//! ```
//! The boundary is a discrete-time survival model: the bins are where in beats it lies, and their running sum is the
//! probability that it comes within each horizon, which so never falls with the horizon. Allocates nothing per step.

use model_contracts::v1;

use super::kernels::{Gru, Linear, gather_weights, softmax};
use super::model_file::{AnticipatorWeights, DenseWeights, N_MACRO};
use super::structure_features::pool::N_AUDIO;
use super::structure_features::{N_BEAT, N_STEP, N_STRUCT};

/// Sections.
pub const N_LABELS: usize = v1::LABELS.len();
/// Horizons of the boundary.
pub const N_HORIZONS: usize = v1::HORIZONS_BEATS.len();
/// Bins of the boundary: one a horizon, and what lies beyond.
const N_BINS: usize = v1::anticipator::HAZARD_BINS_FROM_BEATS.len();
/// Normalised audio beyond this says no more.
const AUDIO_CLIP: f32 = v1::anticipator::AUDIO_CLIP as f32;

const _: () = assert!(N_BINS == N_HORIZONS + 1);

/// What a step brought.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Anticipation {
    /// Probabilities of the contract's labels; sum 1.
    pub section_probs: [f32; N_LABELS],
    /// Probability of a boundary within each horizon; never falling.
    pub hazard_probs: [f32; N_HORIZONS],
    /// The embedding for who draws.
    pub embedding: [f32; N_MACRO],
}

/// A dense layer with room for what comes out.
#[derive(Debug, Clone)]
struct Dense {
    linear: Linear,
    out: Vec<f32>,
}

/// The network with its state. Copies share the weights.
#[derive(Debug, Clone)]
pub struct Anticipator {
    name: String,
    audio_mean: Vec<f32>,
    audio_inv_std: Vec<f32>,
    /// `[290]`: normalised audio.
    audio: Vec<f32>,
    audio_in: Dense,
    /// What goes into [`Self::mix`]: the dense layer's, the beat's and the memory's.
    mixed: Vec<f32>,
    mix: Dense,
    gru: Vec<Gru>,
    label: Linear,
    hazard: Linear,
    embedding: Linear,
}

impl Anticipator {
    /// The network of a model that was read, at its initial state.
    pub fn new(name: &str, weights: &AnticipatorWeights) -> Self {
        let n_mixed = weights.audio_in.bias.len() + N_BEAT + N_STRUCT;
        let n_hidden = weights.n_hidden;
        let layer = |(layer, gru)| Gru::new(if layer == 0 { weights.mix.bias.len() } else { n_hidden }, n_hidden, gru);
        let mut network = Self {
            name: name.to_owned(),
            audio_mean: weights.audio_mean.clone(),
            audio_inv_std: weights.audio_inv_std.clone(),
            audio: vec![0.0; N_AUDIO],
            audio_in: Dense::new(&weights.audio_in, N_AUDIO),
            mixed: vec![0.0; n_mixed],
            mix: Dense::new(&weights.mix, n_mixed),
            gru: weights.gru.iter().enumerate().map(layer).collect(),
            label: linear(&weights.label, n_hidden),
            hazard: linear(&weights.hazard, n_hidden),
            embedding: linear(&weights.embedding, n_hidden),
        };
        network.share_weights();
        network
    }

    /// Name of the model.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// One step; `row` is what the contract calls audio, beat and struct. `None` where numbers that are not finite came out,
    /// which weights of a trained network do not make of a finite row; the state is then the initial one. Allocates nothing.
    pub fn step(&mut self, row: &[f32; N_STEP]) -> Option<Anticipation> {
        let (audio, rest) = row.split_at(N_AUDIO);
        for ((out, value), (mean, inv_std)) in self.audio.iter_mut().zip(audio).zip(self.audio_mean.iter().zip(&self.audio_inv_std)) {
            *out = ((value - mean) * inv_std).clamp(-AUDIO_CLIP, AUDIO_CLIP);
        }
        let dense = self.audio_in.step(&self.audio);
        let (from_audio, from_rest) = self.mixed.split_at_mut(dense.len());
        from_audio.copy_from_slice(dense);
        from_rest.copy_from_slice(rest);
        let mut hidden = self.mix.step(&self.mixed);
        for gru in &mut self.gru {
            hidden = gru.step(hidden);
        }
        let mut section_probs = [0.0; N_LABELS];
        let mut bins = [0.0; N_BINS];
        let mut embedding = [0.0; N_MACRO];
        self.label.apply(hidden, &mut section_probs);
        self.hazard.apply(hidden, &mut bins);
        self.embedding.apply(hidden, &mut embedding);
        let is_finite = section_probs.iter().chain(&bins).chain(&embedding).chain(hidden).all(|value| value.is_finite());
        if !is_finite {
            self.reset();
            return None;
        }
        softmax(&mut section_probs);
        softmax(&mut bins);
        Some(Anticipation { section_probs, hazard_probs: within(&bins), embedding })
    }

    /// Returns to the initial state.
    pub fn reset(&mut self) {
        self.gru.iter_mut().for_each(Gru::reset);
    }

    fn share_weights(&mut self) {
        let mut matrices = vec![&mut self.audio_in.linear, &mut self.mix.linear];
        self.gru.iter_mut().for_each(|gru| matrices.extend(gru.matrices_mut()));
        matrices.extend([&mut self.label, &mut self.hazard, &mut self.embedding]);
        gather_weights(matrices);
    }
}

impl Dense {
    fn new(weights: &DenseWeights, n_inputs: usize) -> Self {
        Self { linear: linear(weights, n_inputs), out: vec![0.0; weights.bias.len()] }
    }

    fn step(&mut self, input: &[f32]) -> &[f32] {
        self.linear.apply(input, &mut self.out);
        self.out.iter_mut().for_each(|value| *value = value.max(0.0));
        &self.out
    }
}

fn linear(weights: &DenseWeights, n_inputs: usize) -> Linear {
    Linear::new(weights.bias.len(), n_inputs, &weights.weight, &weights.bias)
}

/// Probability that the boundary lies within each horizon, of the probabilities of its bins.
fn within(bins: &[f32; N_BINS]) -> [f32; N_HORIZONS] {
    let mut sum = 0.0f32;
    std::array::from_fn(|horizon| {
        sum = (sum + bins[horizon]).min(1.0);
        sum
    })
}

#[cfg(test)]
mod tests {
    use super::super::model_file::samples::anticipator_weights;
    use super::*;
    use proptest::prelude::*;

    fn network(scale: f32) -> Anticipator {
        Anticipator::new("tiny", &anticipator_weights(6, 7, 5, 2, scale))
    }

    #[test]
    fn horizons_are_the_running_sum_of_the_bins() {
        let within = within(&[0.1, 0.2, 0.05, 0.15, 0.25, 0.25]);
        for (got, expected) in within.into_iter().zip([0.1, 0.3, 0.35, 0.5, 0.75]) {
            assert!((got - expected).abs() < 1e-6);
        }
    }

    #[test]
    fn a_network_without_weights_says_what_its_biases_say() {
        let mut weights = anticipator_weights(6, 7, 5, 1, 0.0);
        weights.label.bias = vec![0.0, 0.0, 0.0, 0.0, 3f32.ln(), 0.0, 0.0, 0.0];
        weights.hazard.bias = vec![0.0, 0.0, 0.0, 0.0, 0.0, 5f32.ln()];
        weights.embedding.bias = (0..16).map(|k| k as f32 - 8.0).collect();
        let said = Anticipator::new("biases", &weights).step(&[1.0; N_STEP]).unwrap();
        assert!((said.section_probs[4] - 0.3).abs() < 1e-6 && (said.section_probs[0] - 0.1).abs() < 1e-6);
        assert!((said.hazard_probs[4] - 0.5).abs() < 1e-6 && (said.hazard_probs[0] - 0.1).abs() < 1e-6);
        assert_eq!((said.embedding[0], said.embedding[15]), (-8.0, 7.0));
    }

    #[test]
    fn reset_is_a_fresh_start_and_a_copy_has_a_state_of_its_own() {
        let row = |k: usize| std::array::from_fn(|i| ((i * 7 + k * 13) % 29) as f32 / 10.0 - 1.4);
        let run = |network: &mut Anticipator| (0..20).map(|k| network.step(&row(k)).unwrap()).collect::<Vec<_>>();
        let mut network = network(0.5);
        let mut copy = network.clone();
        let first = run(&mut network);
        assert_ne!(first[0], first[19]);
        assert_ne!(run(&mut network), first, "it has a memory");
        network.reset();
        assert_eq!(run(&mut network), first);
        assert_eq!(run(&mut copy), first);
    }

    #[test]
    fn weights_that_overflow_say_nothing_and_do_no_lasting_harm() {
        let mut weights = anticipator_weights(6, 7, 5, 1, 0.1);
        weights.embedding.bias.fill(f32::INFINITY);
        let mut network = Anticipator::new("overflow", &weights);
        (0..3).for_each(|_| assert_eq!(network.step(&[1.0; N_STEP]), None));
        assert!(network.gru[0].hidden().iter().all(|&value| value == 0.0));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn probabilities_are_probabilities(
            values in prop::collection::vec(-1e6f32..1e6, 40),
            scale in 0.0f32..30.0,
        ) {
            let mut network = network(scale);
            for k in 0..30 {
                let row = std::array::from_fn(|i| values[(i * 3 + k) % values.len()]);
                let said = network.step(&row).unwrap();
                prop_assert!((said.section_probs.iter().sum::<f32>() - 1.0).abs() < 1e-5);
                prop_assert!(said.section_probs.iter().chain(&said.hazard_probs).all(|prob| (0.0..=1.0).contains(prob)));
                prop_assert!(said.hazard_probs.is_sorted());
                prop_assert!(said.embedding.iter().all(|value| value.is_finite()));
            }
        }
    }
}
