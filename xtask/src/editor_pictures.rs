//! `cargo xtask editor-pictures`: the plugin's window as it is seen, for the documents and for the test that compares.
//!
//! The test itself makes them: the bundle in a host renders our clip to the same moment every time, so that the pictures change
//! with what is painted and with nothing else.

use std::path::Path;

use crate::error::TaskError;
use crate::process;

/// Environment variable that has the test write pictures in place of comparing them.
pub const FOLDER_VARIABLE: &str = "ANACRUSIS_PICTURES";
/// Where the test looks for them.
const GOLDEN: &str = "tests/golden/editor";
/// Where documents do.
const IMAGES: &str = "docs/images";
/// The test program.
const TEST: &str = "editor_window";

/// Writes the pictures.
///
/// # Errors
/// A test that fails, a display that cannot be had, or a folder that cannot be written.
pub fn run(root: &Path) -> Result<(), TaskError> {
    let golden = root.join(GOLDEN);
    std::fs::create_dir_all(&golden).map_err(|e| TaskError::io(&golden, e))?;
    let mut command = process::cargo(root, &["test", "-p", "integration-tests", "--test", TEST, "as_stored", "--", "--test-threads=1"]);
    command.env(FOLDER_VARIABLE, &golden);
    process::run("cargo test", &mut command)?;
    for name in ["editor.png", "editor-200.png", "editor-stopped.png"] {
        let (from, to) = (golden.join(name), root.join(IMAGES).join(name));
        std::fs::copy(&from, &to).map_err(|e| TaskError::io(&from, e))?;
    }
    Ok(())
}
