//! Third stage, the default: the native network of a model file, of any architecture, or the weighted mean of several.
//! INFERENCE THREAD.
//!
//! Every member sees the same features; their probabilities are averaged, then calibrated.

use super::activation::{Activation, StepError, StepModel};
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
        }
    }

    /// Puts the weights of all `networks` into one mapping, in the order in which a frame reads them; copies made afterwards
    /// share it.
    pub fn gather(networks: &mut [Self]) {
        gather_weights(networks.iter_mut().flat_map(|network| &mut network.members).flat_map(|member| member.net.matrices_mut()));
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
        if features.len() != self.n_features() {
            return Err(StepError::WrongLength { model: self.name.clone(), expected: self.n_features(), got: features.len() });
        }
        let mut mean = [0.0; 3];
        for Member { net, weight } in &mut self.members {
            for (mean, prob) in mean.iter_mut().zip(net.step(features)) {
                *mean += *weight * prob;
            }
        }
        if let Some(value) = mean.into_iter().find(|prob| !prob.is_finite()) {
            return Err(StepError::NotFinite { model: self.name.clone(), value });
        }
        let [beat, downbeat, none] = mean;
        let activation = Activation { beat, downbeat, none };
        Ok(self.calibration.map_or(activation, |calibration| calibration.apply(activation)))
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

    fn step(&mut self, features: &[f32]) -> [f32; 3] {
        match self {
            Self::Crnn(net) => net.step(features),
            Self::Tcn(net) => net.step(features),
            Self::FrontLstm(net) => net.step(features),
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
