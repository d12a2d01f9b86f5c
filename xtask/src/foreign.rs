//! `cargo xtask foreign`: what we write, read back by software of others (`tests/python/`), in a virtual environment of its own.

use std::path::Path;

use crate::error::TaskError;
use crate::process;
use crate::python_environment::{self, BINARY_VARIABLE};
use crate::test_counts::TestCounts;

/// Runs the tests on what this binary writes; makes the environment where it is missing.
///
/// # Errors
/// No Python, an environment that cannot be made, or a test that fails.
pub fn run(root: &Path, binary: &Path, counts: &mut TestCounts) -> Result<(), TaskError> {
    let mut command = python_environment::foreign(root).python()?;
    command.args(["-m", "pytest", "-q", "-p", "no:cacheprovider"]).arg(root.join("tests/python"));
    command.env(BINARY_VARIABLE, binary).env("PYTHONDONTWRITEBYTECODE", "1").current_dir(root);
    let succeeded = process::run_lines("pytest", &mut command, |line| {
        println!("{line}");
        if let Some(more) = TestCounts::parse_pytest(line) {
            *counts += more;
        }
    })?;
    if succeeded { Ok(()) } else { Err(TaskError::Tool { tool: "pytest", message: "see above".to_owned() }) }
}
