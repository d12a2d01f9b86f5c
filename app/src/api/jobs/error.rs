//! What can go wrong with jobs.

use super::store::StoreError;

/// Why a job is not taken in, found or told of.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// They cannot be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is none of this number.
    #[error("there is no job {0}")]
    Missing(u64),
    /// Enough wait.
    #[error("{0} jobs wait already; try again when some are done")]
    Full(usize),
    /// No results yet, or none at all.
    #[error("{0}")]
    NoResults(String),
    /// The file system refuses.
    #[error("cannot {what}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
}
