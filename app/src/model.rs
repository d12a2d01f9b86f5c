//! Which activation runs: the embedded networks, networks from directories, or the spectral flux. Any thread.

use std::path::PathBuf;

use runtime_core::analysis::beat_model::{BeatModel, BeatModelError, ModelOrigin};

/// What may turn sound into beat activations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum ActivationChoice {
    /// Networks, or the spectral flux where there are none
    #[default]
    Auto,
    /// Spectral flux: no model needed, less accurate
    Flux,
}

/// Options that choose the activation.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ModelArgs {
    /// What turns sound into beat activations
    #[arg(long, value_enum, default_value_t)]
    pub activation: ActivationChoice,
    /// Directory with a beat model (manifest.json, model.safetensors); repeat to average several
    #[arg(long = "model", value_name = "DIR", conflicts_with = "activation")]
    pub model_dirs: Vec<PathBuf>,
}

impl ModelArgs {
    /// A model at the start of a stream.
    ///
    /// # Errors
    /// A directory that was named and cannot be used. The embedded networks never fail: the spectral flux takes over.
    pub fn load(&self) -> Result<BeatModel, BeatModelError> {
        match self.activation {
            ActivationChoice::Flux => Ok(BeatModel::flux(None)),
            ActivationChoice::Auto if self.model_dirs.is_empty() => Ok(BeatModel::load_default()),
            ActivationChoice::Auto => BeatModel::from_dirs(&self.model_dirs),
        }
    }
}

/// Names of the networks that run; empty for the spectral flux.
pub fn network_names(origin: &ModelOrigin) -> Vec<String> {
    match origin {
        ModelOrigin::Networks(names) => names.clone(),
        ModelOrigin::Fallback { .. } => Vec::new(),
    }
}

/// Why the spectral flux runs although networks were wanted.
pub fn fallback_reason(origin: &ModelOrigin) -> Option<&str> {
    match origin {
        ModelOrigin::Fallback { reason } => reason.as_deref(),
        ModelOrigin::Networks(_) => None,
    }
}
