//! Third stage, the default: the native network of a model file, of any architecture, or the weighted mean of several.
//! INFERENCE THREAD.
//!
//! Every member sees the same features; their probabilities are averaged, then calibrated. Several frames at once go through one member
//! after the other, and in each through one layer after the other: the weights are read once for all of them, and each sum is the same
//! to the bit.

use super::activation::{Activation, FrameBatch, MAX_BATCH_FRAMES, StepError, StepModel};
use super::calibration::Calibration;
use super::crnn::Crnn;
use super::front_lstm::FrontLstm;
use super::kernels::{Linear, gather_weights};
use super::model_file::{ModelFile, NetworkWeights};
use super::tcn::Tcn;

/// A model on the step kernels, with its state.
#[derive(Clone)]
pub struct Network {
    name: String,
    members: Vec<Member>,
    calibration: Option<Calibration>,
    delay_frames: usize,
    /// What the members say together, `[MAX_BATCH_FRAMES]`.
    means: Vec<[f32; 3]>,
    /// What one of them says, `[MAX_BATCH_FRAMES]`.
    probs: Vec<[f32; 3]>,
}

#[derive(Clone)]
struct Member {
    net: Net,
    /// Share in the mean.
    weight: f32,
}

#[derive(Clone)]
enum Net {
    Crnn(Crnn),
    Tcn(Tcn),
    FrontLstm(FrontLstm),
}

impl Network {
    /// The network of a model file at its initial state.
    pub fn new(file: &ModelFile) -> Self {
        let net = |weights: &NetworkWeights| match weights {
            NetworkWeights::Crnn(weights) => Net::Crnn(Crnn::new(weights)),
            NetworkWeights::Tcn(weights) => Net::Tcn(Tcn::new(weights)),
            NetworkWeights::FrontLstm(weights) => Net::FrontLstm(FrontLstm::new(weights)),
        };
        Self {
            name: file.name.clone(),
            members: file.members.iter().map(|member| Member { net: net(&member.network), weight: member.weight }).collect(),
            calibration: file.calibration,
            delay_frames: file.delay_frames,
            means: vec![[0.0; 3]; MAX_BATCH_FRAMES],
            probs: vec![[0.0; 3]; MAX_BATCH_FRAMES],
        }
    }

    /// Puts the weights of all `networks` into one mapping, in the order in which a frame reads them; copies made afterwards
    /// share it.
    pub fn gather(networks: &mut [Self]) {
        gather_weights(networks.iter_mut().flat_map(|network| &mut network.members).flat_map(|member| member.net.matrices_mut()));
    }

    /// Shows frames of `n_given` features each to every member; `features` is `[n_frames, n_given]`.
    fn look(&mut self, features: &[f32], n_given: usize) -> Result<(), StepError> {
        if n_given != self.n_features() {
            return Err(StepError::WrongLength { model: self.name.clone(), expected: self.n_features(), got: n_given });
        }
        let n_frames = features.len() / n_given;
        let (means, probs) = (&mut self.means[..n_frames], &mut self.probs[..n_frames]);
        means.fill([0.0; 3]);
        for Member { net, weight } in &mut self.members {
            net.steps(features, probs);
            for (mean, prob) in means.as_flattened_mut().iter_mut().zip(probs.as_flattened()) {
                *mean += *weight * prob;
            }
        }
        Ok(())
    }

    /// What was seen in one of the frames.
    fn answer(&self, frame: usize) -> Result<Activation, StepError> {
        let [beat, downbeat, none] = self.means[frame];
        if let Some(value) = [beat, downbeat, none].into_iter().find(|prob| !prob.is_finite()) {
            return Err(StepError::NotFinite { model: self.name.clone(), value });
        }
        let activation = Activation { beat, downbeat, none };
        Ok(self.calibration.map_or(activation, |calibration| calibration.apply(activation)))
    }
}

impl StepModel for Network {
    fn name(&self) -> &str {
        &self.name
    }

    fn n_features(&self) -> usize {
        self.members[0].net.n_features()
    }

    fn delay_frames(&self) -> usize {
        self.delay_frames
    }

    fn step(&mut self, features: &[f32]) -> Result<Activation, StepError> {
        self.look(features, features.len())?;
        self.answer(0)
    }

    fn steps(&mut self, batch: FrameBatch<'_>, activations: &mut Vec<Activation>) -> Result<(), StepError> {
        self.look(batch.features(), batch.n_features())?;
        for frame in 0..batch.frames().len() {
            activations.push(self.answer(frame)?);
        }
        Ok(())
    }

    fn reset(&mut self) {
        self.members.iter_mut().for_each(|member| member.net.reset());
    }
}

impl Net {
    fn n_features(&self) -> usize {
        match self {
            Self::Crnn(net) => net.n_features(),
            Self::Tcn(net) => net.n_features(),
            Self::FrontLstm(net) => net.n_features(),
        }
    }

    fn steps(&mut self, features: &[f32], probs: &mut [[f32; 3]]) {
        match self {
            Self::Crnn(net) => net.steps(features, probs),
            Self::Tcn(net) => net.steps(features, probs),
            Self::FrontLstm(net) => net.steps(features, probs),
        }
    }

    fn reset(&mut self) {
        match self {
            Self::Crnn(net) => net.reset(),
            Self::Tcn(net) => net.reset(),
            Self::FrontLstm(net) => net.reset(),
        }
    }

    fn matrices_mut(&mut self) -> Vec<&mut Linear> {
        match self {
            Self::Crnn(net) => net.matrices_mut(),
            Self::Tcn(net) => net.matrices_mut(),
            Self::FrontLstm(net) => net.matrices_mut(),
        }
    }
}
