//! Which activation runs: an embedded model by name, models from folders, an ONNX file, or the spectral flux. Any thread.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use runtime_core::analysis::beat_model::{BeatModel, BeatModelError, ModelOrigin};
use runtime_core::analysis::embedded::{EMBEDDED, EmbeddedModel, Family};
use runtime_core::analysis::model_file::{ModelFile, ModelFileError};
use runtime_core::bus::marks::ModelChoice;

/// What may turn sound into beat activations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum ActivationChoice {
    /// Networks, or the spectral flux where there are none
    #[default]
    Auto,
    /// Spectral flux: no model needed, less accurate
    Flux,
}

/// A model as it is named on the command line.
#[derive(Debug, Clone)]
pub enum ModelName {
    /// `pulse`: our own; `beatnet`: the mean of BeatNet's weight sets.
    Family(Family),
    /// `flux`: the spectral flux.
    Flux,
    /// One embedded model, e.g. `beatnet-1`.
    Embedded(&'static EmbeddedModel),
    /// A folder, or an ONNX file.
    Path(PathBuf),
}

/// Options that choose the activation.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ModelArgs {
    /// `flux` is what `--model flux` is
    #[arg(long, value_enum, default_value_t, hide = true)]
    pub activation: ActivationChoice,
    /// What turns sound into beat activations: pulse, beatnet, flux (no network, less accurate), the name of an embedded model,
    /// a folder with manifest.json and model.safetensors, or an ONNX file; repeat to average several [default: the first of
    /// pulse, beatnet, flux that this build has]
    #[arg(long = "model", value_name = "MODEL", conflicts_with = "activation")]
    pub models: Vec<ModelName>,
    /// ONNX Runtime's library, for a model that is an ONNX file
    #[cfg(feature = "ort")]
    #[arg(long, value_name = "FILE", requires = "models")]
    pub ort_library: Option<PathBuf>,
}

/// Why what was named cannot run.
#[derive(Debug, thiserror::Error)]
pub enum ModelArgsError {
    /// The models cannot be used, or not together.
    #[error(transparent)]
    Model(#[from] BeatModelError),
    /// The model is not in this build, or was refused.
    #[error("{0}")]
    NotEmbedded(String),
    /// Only networks on the native kernels are averaged.
    #[error("--model {0} cannot be averaged with others: name it alone")]
    NotAveraged(String),
    /// This build runs no ONNX files.
    #[cfg(not(feature = "ort"))]
    #[error("{path} is an ONNX file, which this build cannot run: name the model's folder, or build with `--features ort`", path = .0.display())]
    NoOnnx(PathBuf),
    /// ONNX Runtime is loaded from where the user says.
    #[cfg(feature = "ort")]
    #[error("{path} is an ONNX file: say where ONNX Runtime's library is with --ort-library (`cargo xtask ort-runtime` fetches it)", path = .0.display())]
    NoOrtLibrary(PathBuf),
    /// ONNX Runtime or the file was refused.
    #[cfg(feature = "ort")]
    #[error(transparent)]
    Ort(#[from] runtime_core::analysis::ort_model::OrtModelError),
}

impl From<ModelFileError> for ModelArgsError {
    fn from(error: ModelFileError) -> Self {
        Self::Model(error.into())
    }
}

impl FromStr for ModelName {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let family = [Family::Pulse, Family::BeatNet].into_iter().find(|family| family.label() == text);
        let embedded = || EMBEDDED.iter().find(|model| model.name == text).map(Self::Embedded);
        Ok(match text {
            "flux" => Self::Flux,
            _ => family.map(Self::Family).or_else(embedded).unwrap_or_else(|| Self::Path(text.into())),
        })
    }
}

impl ModelArgs {
    /// A model at the start of a stream.
    ///
    /// # Errors
    /// A model that was named and cannot be used. Without a name this never fails: the spectral flux takes over.
    pub fn load(&self) -> Result<BeatModel, ModelArgsError> {
        match (self.activation, &self.models[..]) {
            (ActivationChoice::Flux, _) => Ok(BeatModel::flux(None)),
            (ActivationChoice::Auto, []) => Ok(BeatModel::load_default()),
            (ActivationChoice::Auto, [name]) => self.load_one(name),
            (ActivationChoice::Auto, names) => load_mean(names),
        }
    }

    fn load_one(&self, name: &ModelName) -> Result<BeatModel, ModelArgsError> {
        let choice = match name {
            ModelName::Family(Family::Pulse) => ModelChoice::Pulse,
            ModelName::Family(Family::BeatNet) => ModelChoice::BeatNet,
            ModelName::Flux => ModelChoice::Flux,
            ModelName::Embedded(model) => return Ok(BeatModel::from_embedded(model)?),
            ModelName::Path(path) if is_onnx(path) => return self.load_onnx(path),
            ModelName::Path(path) => return Ok(BeatModel::from_files(&[ModelFile::read_dir(path)?])?),
        };
        let model = BeatModel::load(choice);
        match fallback_reason(&model.origin) {
            Some(reason) => Err(ModelArgsError::NotEmbedded(reason.to_owned())),
            None => Ok(model),
        }
    }

    #[cfg(feature = "ort")]
    fn load_onnx(&self, path: &Path) -> Result<BeatModel, ModelArgsError> {
        use runtime_core::analysis::ort_model::OrtModel;
        let library = self.ort_library.as_ref().ok_or_else(|| ModelArgsError::NoOrtLibrary(path.to_owned()))?;
        // Paths on the command line are relative to the current folder.
        let library = std::path::absolute(library).unwrap_or_else(|_| library.clone());
        let net = OrtModel::load_file(path, &library)?;
        Ok(BeatModel::from_network(net.front_end().clone(), Box::new(net)))
    }

    #[cfg(not(feature = "ort"))]
    fn load_onnx(&self, path: &Path) -> Result<BeatModel, ModelArgsError> {
        Err(ModelArgsError::NoOnnx(path.to_owned()))
    }
}

/// The mean of all networks that are named.
fn load_mean(names: &[ModelName]) -> Result<BeatModel, ModelArgsError> {
    let parse = |model: &EmbeddedModel| ModelFile::parse(model.manifest, model.safetensors);
    let mut files: Vec<ModelFile> = Vec::new();
    for name in names {
        match name {
            ModelName::Flux => return Err(ModelArgsError::NotAveraged("flux".to_owned())),
            ModelName::Path(path) if is_onnx(path) => return Err(ModelArgsError::NotAveraged(path.display().to_string())),
            ModelName::Path(path) => files.push(ModelFile::read_dir(path)?),
            ModelName::Embedded(model) => files.push(parse(model)?),
            ModelName::Family(family) if family.models().is_empty() => {
                return Err(ModelArgsError::NotEmbedded(family.missing()));
            }
            ModelName::Family(family) => {
                for model in family.models() {
                    files.push(parse(&model)?);
                }
            }
        }
    }
    Ok(BeatModel::from_files(&files)?)
}

fn is_onnx(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("onnx"))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn load(names: &[&str]) -> Result<BeatModel, String> {
        let models = names.iter().map(|name| name.parse().unwrap_or_else(|never: Infallible| match never {})).collect();
        ModelArgs { models, ..ModelArgs::default() }.load().map_err(|e| e.to_string())
    }

    #[test]
    fn a_family_runs_where_it_is_embedded_and_is_refused_elsewhere() {
        for (name, family) in [("pulse", Family::Pulse), ("beatnet", Family::BeatNet)] {
            let embedded: Vec<String> = family.models().iter().map(|model| model.name.to_owned()).collect();
            match load(&[name]) {
                Ok(model) => assert_eq!(network_names(&model.origin), embedded),
                Err(message) => assert!(embedded.is_empty() && message.contains(name), "{message}"),
            }
        }
    }

    #[test]
    fn every_embedded_model_has_its_name_and_can_be_averaged_with_itself() {
        for model in EMBEDDED {
            assert_eq!(load(&[model.name]).map(|m| network_names(&m.origin)), Ok(vec![model.name.to_owned()]));
            assert_eq!(load(&[model.name; 2]).map(|m| network_names(&m.origin).len()), Ok(2));
        }
    }

    #[test]
    fn the_flux_runs_alone() {
        assert!(matches!(load(&["flux"]).map(|m| m.origin), Ok(ModelOrigin::Fallback { reason: None })));
        let message = load(&["flux", "flux"]).err().unwrap_or_default();
        assert!(message.contains("--model flux cannot be averaged"), "{message}");
    }

    #[test]
    fn a_path_that_is_no_model_is_named() {
        for names in [&["no/such/folder"][..], &["no/such/folder", "no/such/other"]] {
            let message = load(names).err().unwrap_or_default();
            assert!(message.contains("no/such/folder"), "{message}");
        }
        let message = load(&["x/net.ONNX"]).err().unwrap_or_default();
        assert!(message.contains("net.ONNX is an ONNX file"), "{message}");
        let message = load(&["x/net.onnx", "x"]).err().unwrap_or_default();
        assert!(message.contains("net.onnx cannot be averaged"), "{message}");
    }
}
