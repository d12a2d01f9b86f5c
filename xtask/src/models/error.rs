//! What can go wrong while models are fetched and converted, each cause with its value and its remedy.

use std::path::{Path, PathBuf};

use super::pickle::PickleError;
use crate::error::TaskError;

/// Why a model was not written.
#[derive(Debug, thiserror::Error)]
pub enum ModelsError {
    /// Reading or writing a file failed.
    #[error("{path}: {source}", path = .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// No Python on the search path.
    #[error("python3 was not found ({message}); remedy: install Python 3 with pip, or put {wheel} into {cache}", cache = .cache.display())]
    NoPython {
        /// What the system said.
        message: String,
        /// File that pip would have brought.
        wheel: &'static str,
        /// Where it belongs.
        cache: PathBuf,
    },
    /// pip ran and failed.
    #[error(
        "`{command}` failed with {status}: {message}\nremedy: check the network and that `python3 -m pip` works, or put {wheel} into {cache}",
        cache = .cache.display()
    )]
    Pip {
        /// The command.
        command: String,
        /// Its exit status.
        status: String,
        /// End of its error output.
        message: String,
        /// File that pip would have brought.
        wheel: &'static str,
        /// Where it belongs.
        cache: PathBuf,
    },
    /// The wheel is not the pinned one.
    #[error(
        "{wheel}: expected {expected_bytes} bytes with SHA-256 {expected_sha256}, got {got_bytes} bytes with SHA-256 {got_sha256}; \
         the file was deleted and nothing was written; remedy: run again to fetch it afresh"
    )]
    Wheel {
        /// Name of the wheel.
        wheel: &'static str,
        /// Pinned length, bytes.
        expected_bytes: u64,
        /// Pinned hash.
        expected_sha256: &'static str,
        /// Length found, bytes.
        got_bytes: u64,
        /// Hash found.
        got_sha256: String,
    },
    /// A member of an archive is not the pinned one.
    #[error("{member}: expected SHA-256 {expected}, got {got}")]
    Member {
        /// Path in the archive.
        member: String,
        /// Pinned hash.
        expected: &'static str,
        /// Hash found.
        got: String,
    },
    /// An archive cannot be read.
    #[error("{archive}: {message}")]
    Archive {
        /// Which archive.
        archive: String,
        /// What is wrong.
        message: String,
    },
    /// The pickle in a weight file was refused.
    #[error("{file}: {source}")]
    Pickle {
        /// The weight file.
        file: String,
        /// Why.
        source: PickleError,
    },
    /// The tensors do not make a network of the known kind.
    #[error("{file}: tensor {tensor}: expected {expected}, got {got}")]
    Network {
        /// The weight file.
        file: String,
        /// The tensor.
        tensor: String,
        /// What was expected.
        expected: String,
        /// What was there.
        got: String,
    },
    /// The contract was refused.
    #[error(transparent)]
    Contract(#[from] model_contracts::ContractError),
    /// There is no pinned file for this machine.
    #[error("no ONNX Runtime is pinned for {os} on {arch}; remedy: use the native step kernels, which need none")]
    Platform {
        /// Operating system.
        os: &'static str,
        /// Processor.
        arch: &'static str,
    },
}

impl ModelsError {
    /// An I/O error with its path.
    pub fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }

    /// An unreadable archive.
    pub fn archive(archive: &str, message: impl ToString) -> Self {
        Self::Archive { archive: archive.to_owned(), message: message.to_string() }
    }
}

impl From<ModelsError> for TaskError {
    fn from(error: ModelsError) -> Self {
        Self::Failed(error.to_string())
    }
}
