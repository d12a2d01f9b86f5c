//! Project tasks, one file each. The library part exists so that tests and fuzz targets can reach the readers.

pub mod accuracy;
pub mod bundle;
pub mod codegen;
pub mod demo;
pub mod demo_clip;
pub mod dependencies;
pub mod dist;
pub mod editor_pictures;
pub mod error;
pub mod feed_header;
pub mod figures;
pub mod file_map;
pub mod folders;
pub mod foreign;
pub mod fuzz;
pub mod install;
pub mod licence;
pub mod marked;
pub mod models;
pub mod process;
pub mod python_environment;
pub mod rt_lints;
pub mod rtsan;
pub mod run_command;
pub mod test_counts;
pub mod test_task;
pub mod train;
pub mod view_test;

use std::path::{Path, PathBuf};

/// The root of the workspace.
pub fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace root").to_owned()
}
