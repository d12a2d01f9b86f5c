//! Project tasks, one file each. The library part exists so that tests and fuzz targets can reach the readers.

pub mod codegen;
pub mod error;
pub mod fuzz;
pub mod models;

use std::path::{Path, PathBuf};

/// The root of the workspace.
pub fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace root").to_owned()
}
