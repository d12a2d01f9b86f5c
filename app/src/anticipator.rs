//! Which anticipator runs: the embedded one, one from a folder, or none. Any thread.

use std::convert::Infallible;
use std::path::PathBuf;
use std::str::FromStr;

use runtime_core::analysis::anticipator_model::{AnticipatorModel, AnticipatorOrigin};
use runtime_core::analysis::model_file::{MANIFEST_FILE, ModelFileError, SAFETENSORS_FILE};

/// An anticipator as it is named on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnticipatorName {
    /// `none`: the table of what is usual.
    None,
    /// A folder with manifest and weights.
    Folder(PathBuf),
}

/// Options that choose the anticipator.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct AnticipatorArgs {
    /// What says which section plays and when the next one comes: a folder with manifest.json and model.safetensors (or one of the
    /// two files), or none [default: the one of this build]
    #[arg(long, value_name = "FOLDER|none")]
    pub anticipator: Option<AnticipatorName>,
}

impl FromStr for AnticipatorName {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        if text == "none" {
            return Ok(Self::None);
        }
        let path = PathBuf::from(text);
        let is_a_file_of_it = path.file_name().is_some_and(|name| name == MANIFEST_FILE || name == SAFETENSORS_FILE);
        let folder = path.parent().filter(|_| is_a_file_of_it && path.is_file());
        // The parent of a bare name is empty.
        let folder = folder.map(|folder| if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder.to_owned() });
        Ok(Self::Folder(folder.unwrap_or(path)))
    }
}

impl AnticipatorArgs {
    /// An anticipator at the start of a stream.
    ///
    /// # Errors
    /// A model that was named and cannot be used. Without a name this never fails: the table speaks where none is embedded.
    pub fn load(&self) -> Result<AnticipatorModel, ModelFileError> {
        match &self.anticipator {
            None => Ok(AnticipatorModel::load_default()),
            Some(AnticipatorName::None) => Ok(AnticipatorModel::none()),
            Some(AnticipatorName::Folder(folder)) => AnticipatorModel::read_dir(folder),
        }
    }
}

/// Name of the network that runs; `None` where only the table speaks.
pub fn network_name(origin: &AnticipatorOrigin) -> Option<&str> {
    match origin {
        AnticipatorOrigin::Network(name) => Some(name),
        AnticipatorOrigin::Prior { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(text: &str) -> AnticipatorName {
        text.parse().unwrap_or_else(|never: Infallible| match never {})
    }

    #[test]
    fn names_are_folders_files_of_them_or_none() {
        assert_eq!(named("none"), AnticipatorName::None);
        assert_eq!(named("a/b"), AnticipatorName::Folder("a/b".into()));
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(SAFETENSORS_FILE);
        assert_eq!(named(file.to_str().unwrap()), AnticipatorName::Folder(file.clone()), "it is not there");
        std::fs::write(&file, b"").unwrap();
        assert_eq!(named(file.to_str().unwrap()), AnticipatorName::Folder(folder.path().into()));
    }

    #[test]
    fn what_cannot_be_used_is_named_and_none_is_none() {
        let of = |text: &str| AnticipatorArgs { anticipator: Some(named(text)) }.load();
        assert!(of("no/such/folder").unwrap_err().to_string().contains("no/such/folder"));
        assert_eq!(network_name(&of("none").unwrap().origin), None);
        assert!(AnticipatorArgs::default().load().is_ok());
    }
}
