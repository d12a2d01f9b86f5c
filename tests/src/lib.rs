//! What the integration tests share: generated audio, golden data and its readers. Tests only.

use std::path::PathBuf;

pub mod npy;

/// Folder of the golden data, one folder per stage.
pub fn golden_dir() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden")
}
