//! What can go wrong in a task, each cause with its value.

use std::path::{Path, PathBuf};

/// Why a task failed.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// Reading or writing a file failed.
    #[error("{path}: {source}", path = .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The contract was refused.
    #[error(transparent)]
    Contract(#[from] model_contracts::ContractError),
    /// A generated file does not match its source.
    #[error("{path} is stale: run `{remedy}`", path = .path.display())]
    Stale {
        /// The file.
        path: PathBuf,
        /// What to run.
        remedy: &'static str,
    },
    /// A program that the task needs failed or is missing.
    #[error("{tool} failed: {message}")]
    Tool {
        /// The program.
        tool: &'static str,
        /// What happened.
        message: String,
    },
    /// Several checks ran and some failed.
    #[error("{0}")]
    Failed(String),
}

impl TaskError {
    /// An I/O error with its path.
    pub fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }
}
