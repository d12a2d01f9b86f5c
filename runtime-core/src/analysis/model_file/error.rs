//! What can be wrong with a model file, each cause with what was expected and what was there. Any thread.

use std::path::PathBuf;

use model_contracts::ContractError;

use super::SAFETENSORS_FILE;

/// Why a model file was refused.
#[derive(Debug, thiserror::Error)]
pub enum ModelFileError {
    /// A file cannot be read.
    #[error("{path}: {source}", path = .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The manifest is not JSON, or a field is missing or of another type.
    #[error("manifest is not readable: {0}")]
    Manifest(String),
    /// A field of the manifest has a value that this build does not know.
    #[error("model {model}: manifest field {field}: expected {expected}, got {got}")]
    Field {
        /// Name of the model.
        model: String,
        /// The field.
        field: String,
        /// What this build knows.
        expected: String,
        /// What is there.
        got: String,
    },
    /// The model was made for another contract.
    #[error("model {model}: {source}")]
    Contract {
        /// Name of the model.
        model: String,
        /// The difference.
        source: ContractError,
    },
    /// The weights' file has another length than the manifest says: truncated, or another file.
    #[error("model {model}: {SAFETENSORS_FILE}: expected {expected} bytes, got {got}")]
    Length {
        /// Name of the model.
        model: String,
        /// Length in the manifest, bytes.
        expected: u64,
        /// Length found, bytes.
        got: u64,
    },
    /// The weights' file has another hash than the manifest says.
    #[error("model {model}: {SAFETENSORS_FILE}: expected SHA-256 {expected}, got {got}")]
    Hash {
        /// Name of the model.
        model: String,
        /// Hash in the manifest.
        expected: String,
        /// Hash found.
        got: String,
    },
    /// The weights' file is not in the safetensors format.
    #[error("model {model}: {SAFETENSORS_FILE} is not readable: {message}")]
    Safetensors {
        /// Name of the model.
        model: String,
        /// What is wrong.
        message: String,
    },
    /// The metadata in the weights' file says something else than the manifest.
    #[error("model {model}: metadata {key} of {SAFETENSORS_FILE}: expected {expected}, got {got}")]
    Metadata {
        /// Name of the model.
        model: String,
        /// Key of the metadata, with the first differing field.
        key: String,
        /// Value in the manifest.
        expected: String,
        /// Value in the weights' file.
        got: String,
    },
    /// A tensor is missing, unknown, or of another type, shape or value.
    #[error("model {model}: tensor {tensor}: expected {expected}, got {got}")]
    Tensor {
        /// Name of the model.
        model: String,
        /// The tensor.
        tensor: String,
        /// What was expected.
        expected: String,
        /// What is there.
        got: String,
    },
}

impl ModelFileError {
    /// [`Self::Field`].
    pub(super) fn field(model: &str, field: &str, expected: impl ToString, got: impl ToString) -> Self {
        Self::Field { model: model.to_owned(), field: field.to_owned(), expected: expected.to_string(), got: got.to_string() }
    }
}
