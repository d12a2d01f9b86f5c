//! A beat model ready to run: its front end and its network. INFERENCE THREAD builds, any thread reads.
//!
//! Loading never fails silently: [`BeatModel::origin`] says what runs, and why where it is the fallback.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::OnceLock;

use super::activation::{Ensemble, StepError, StepModel};
use super::embedded::{EmbeddedModel, Family};
use super::flux::FluxModel;
use super::front_end::FrontEnd;
use super::model_file::{ModelFile, ModelFileError};
use super::network::Network;
use crate::bus::marks::ModelChoice;

/// Where the activation comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum ModelOrigin {
    /// Networks, by name.
    Networks(Vec<String>),
    /// The spectral-flux fallback, and why.
    Fallback {
        /// Why no network runs; `None` where the user chose it.
        reason: Option<String>,
    },
}

/// A network (or an ensemble, or the fallback) with the front end that it needs.
pub struct BeatModel {
    /// Parameters of the features.
    pub front_end: FrontEnd,
    /// The network.
    pub net: Box<dyn StepModel>,
    /// What it is.
    pub origin: ModelOrigin,
}

/// Why models cannot run together.
#[derive(Debug, thiserror::Error)]
pub enum BeatModelError {
    /// A model file was refused.
    #[error(transparent)]
    File(#[from] ModelFileError),
    /// The models of an ensemble share one feature stage.
    #[error("models {first} and {other} need different front ends and cannot be averaged")]
    FrontEndsDiffer {
        /// Name of the first model.
        first: String,
        /// Name of the model that differs.
        other: String,
    },
    /// The models of an ensemble do not go together in another respect.
    #[error("models cannot be averaged: {0}")]
    Ensemble(#[from] StepError),
    /// No model was named.
    #[error("no model given")]
    NoModel,
}

impl BeatModel {
    /// What runs where nothing was chosen: [`ModelChoice::Auto`]. The models are read once per process; every call after the
    /// first shares their weights.
    pub fn load_default() -> Self {
        Self::load(ModelChoice::Auto)
    }

    /// The embedded networks that are chosen, or the spectral-flux fallback with the reason.
    pub fn load(choice: ModelChoice) -> Self {
        match choice {
            ModelChoice::Auto => {
                let family = [Family::Pulse, Family::BeatNet].into_iter().find(|family| !family.models().is_empty());
                let nothing =
                    || Self::flux(Some("no beat model is embedded in this build: run `cargo xtask models` and build again".to_owned()));
                family.map_or_else(nothing, |family| Self::load_family(family, None))
            }
            ModelChoice::Pulse => Self::load_family(Family::Pulse, None),
            ModelChoice::BeatNet => Self::load_family(Family::BeatNet, None),
            ModelChoice::One(idx) => Self::load_family(Family::BeatNet, Some(usize::from(idx))),
            ModelChoice::Flux => Self::flux(None),
        }
    }

    /// The model, or the mean of the models, of an embedded family, or one of them alone.
    fn load_family(family: Family, idx: Option<usize>) -> Self {
        static PULSE: OnceLock<Result<Networks, String>> = OnceLock::new();
        static BEATNET: OnceLock<Result<Networks, String>> = OnceLock::new();
        let networks = match family {
            Family::Pulse => &PULSE,
            Family::BeatNet => &BEATNET,
        };
        match networks.get_or_init(|| Networks::embedded(family)) {
            Ok(networks) => networks.instance(idx.map_or(0..networks.nets.len(), |idx| idx..idx + 1)),
            Err(reason) => Self::flux(Some(reason.clone())),
        }
    }

    /// An embedded model by itself, read anew.
    ///
    /// # Errors
    /// A model that cannot be read.
    pub fn from_embedded(model: &EmbeddedModel) -> Result<Self, BeatModelError> {
        Self::from_files(&[ModelFile::parse(model.manifest, model.safetensors)?])
    }

    /// The mean of the models in these directories (each with `manifest.json` and `model.safetensors`).
    ///
    /// # Errors
    /// A model that is missing, corrupt, of another contract or shape, or that needs another front end than the first or
    /// answers with another delay.
    pub fn from_dirs(dirs: &[PathBuf]) -> Result<Self, BeatModelError> {
        let files: Vec<ModelFile> = dirs.iter().map(|dir| ModelFile::read_dir(dir)).collect::<Result<_, _>>()?;
        Self::from_files(&files)
    }

    /// The mean of models that were read.
    ///
    /// # Errors
    /// None given, or front ends or delays that differ.
    pub fn from_files(files: &[ModelFile]) -> Result<Self, BeatModelError> {
        let networks = Networks::build(files)?;
        Ok(networks.instance(0..files.len()))
    }

    /// A network of another backend, with the front end that it was trained on.
    pub fn from_network(front_end: FrontEnd, net: Box<dyn StepModel>) -> Self {
        let origin = ModelOrigin::Networks(vec![net.name().to_owned()]);
        Self { front_end, net, origin }
    }

    /// The spectral-flux activation, which needs no model. `reason` says why, or `None` where the user chose it.
    pub fn flux(reason: Option<String>) -> Self {
        let front_end = FrontEnd::default();
        Self { net: Box::new(FluxModel::new(&front_end)), front_end, origin: ModelOrigin::Fallback { reason } }
    }
}

/// Networks at their initial state, to be copied: the copies share the weights.
struct Networks {
    front_end: FrontEnd,
    nets: Vec<Network>,
    names: Vec<String>,
}

impl Networks {
    /// The models of an embedded family, or why there are none.
    fn embedded(family: Family) -> Result<Self, String> {
        let models = family.models();
        if models.is_empty() {
            return Err(family.missing());
        }
        let files: Result<Vec<ModelFile>, _> = models.iter().map(|m| ModelFile::parse(m.manifest, m.safetensors)).collect();
        files.map_err(BeatModelError::from).and_then(|files| Self::build(&files)).map_err(|e| e.to_string())
    }

    /// From models that were read.
    fn build(files: &[ModelFile]) -> Result<Self, BeatModelError> {
        let first = files.first().ok_or(BeatModelError::NoModel)?;
        if let Some(other) = files.iter().find(|file| file.front_end != first.front_end) {
            return Err(BeatModelError::FrontEndsDiffer { first: first.name.clone(), other: other.name.clone() });
        }
        let mut nets: Vec<Network> = files.iter().map(Network::new).collect();
        Network::gather(&mut nets);
        // Tried once here, so that making instances cannot fail.
        Ensemble::new(boxed(&nets))?;
        Ok(Self { front_end: first.front_end.clone(), nets, names: files.iter().map(|f| f.name.clone()).collect() })
    }

    /// The networks of these places, with a state of their own; the fallback where there is none.
    fn instance(&self, which: Range<usize>) -> BeatModel {
        let (Some(nets), Some(names)) = (self.nets.get(which.clone()), self.names.get(which.clone())) else {
            let reason = format!("network {} is not in this build, which has {}", which.start + 1, self.nets.len());
            return BeatModel::flux(Some(reason));
        };
        let mut members = boxed(nets);
        let net = match members.len() {
            1 => members.swap_remove(0),
            _ => Box::new(Ensemble::new(members).expect("an ensemble of these was made when they were read")),
        };
        BeatModel { front_end: self.front_end.clone(), net, origin: ModelOrigin::Networks(names.to_vec()) }
    }
}

/// Copies with a state of their own.
fn boxed(nets: &[Network]) -> Vec<Box<dyn StepModel>> {
    nets.iter().map(|net| Box::new(net.clone()) as _).collect()
}
