//! An anticipator ready to run, or why there is none. INFERENCE THREAD builds, any thread reads.

use std::path::Path;
use std::sync::OnceLock;

use super::anticipator::Anticipator;
use super::embedded::{EMBEDDED_ANTICIPATORS, newest};
use super::model_file::{AnticipatorFile, ModelFileError};

/// What says how near a boundary is.
#[derive(Debug, Clone, PartialEq)]
pub enum AnticipatorOrigin {
    /// A network, by name.
    Network(String),
    /// The table of what is usual, and why.
    Prior {
        /// Why no network runs; `None` where the user chose it.
        reason: Option<String>,
    },
}

/// A network, or none.
#[derive(Debug, Clone)]
pub struct AnticipatorModel {
    /// The network; `None` where only the table is asked.
    pub net: Option<Anticipator>,
    /// What it is.
    pub origin: AnticipatorOrigin,
}

impl AnticipatorModel {
    /// The newest embedded anticipator, or none, with the reason. It is read once per process; every call after the first shares
    /// its weights.
    pub fn load_default() -> Self {
        static EMBEDDED: OnceLock<Result<Anticipator, String>> = OnceLock::new();
        let embedded = EMBEDDED.get_or_init(|| {
            let model = newest(EMBEDDED_ANTICIPATORS, "anticipator_v")
                .ok_or("no anticipator is embedded in this build: restore models/anticipator_v1 from the repository and build again")?;
            let file = AnticipatorFile::parse(model.manifest, model.safetensors).map_err(|e| e.to_string())?;
            Ok(Anticipator::new(&file.name, &file.weights))
        });
        match embedded {
            Ok(net) => Self::of(net.clone()),
            Err(reason) => Self { net: None, origin: AnticipatorOrigin::Prior { reason: Some(reason.clone()) } },
        }
    }

    /// The anticipator in a folder.
    ///
    /// # Errors
    /// A model that is missing, corrupt, of another contract or shape.
    pub fn read_dir(dir: &Path) -> Result<Self, ModelFileError> {
        let file = AnticipatorFile::read_dir(dir)?;
        Ok(Self::of(Anticipator::new(&file.name, &file.weights)))
    }

    /// A network of the caller's.
    pub fn of(net: Anticipator) -> Self {
        let origin = AnticipatorOrigin::Network(net.name().to_owned());
        Self { net: Some(net), origin }
    }

    /// None, as the user chose.
    pub fn none() -> Self {
        Self { net: None, origin: AnticipatorOrigin::Prior { reason: None } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_is_named_and_what_does_not_has_a_reason() {
        let model = AnticipatorModel::load_default();
        match (&model.net, &model.origin) {
            (Some(net), AnticipatorOrigin::Network(name)) => assert_eq!(net.name(), name),
            (None, AnticipatorOrigin::Prior { reason: Some(reason) }) => assert!(EMBEDDED_ANTICIPATORS.is_empty(), "{reason}"),
            other => panic!("{other:?}"),
        }
        assert_eq!(AnticipatorModel::none().origin, AnticipatorOrigin::Prior { reason: None });
        let error = AnticipatorModel::read_dir(Path::new("no/such/folder")).unwrap_err().to_string();
        assert!(error.contains("manifest.json"), "{error}");
    }
}
