//! `cargo xtask train ARGS...`: the Python package in `training/`, in a virtual environment of its own, with the runtime built
//! for its features.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use crate::error::TaskError;
use crate::process;
use crate::python_environment::{self, BINARY_VARIABLE, SYSTEM_PYTHON};
use crate::test_counts::TestCounts;

/// The package.
const PACKAGE: &str = "anacrusis_training";
/// Recipe of the smallest network, trained end to end by the tests.
const TINY_ARGUMENTS: [&str; 3] = ["model", "make", "tiny"];
/// Where the smallest network is made, below the workspace's root.
const TINY_FOLDER: &str = "target/training-tiny";

/// Runs the package with these arguments.
///
/// # Errors
/// No Python, an environment that cannot be made, a build that fails, or the package's own failure.
pub fn run(root: &Path, arguments: &[OsString]) -> Result<(), TaskError> {
    let asks_for_help = arguments.first().is_none_or(|first| first == "--help" || first == "-h");
    if asks_for_help {
        // The list of commands needs nothing but Python itself: gigabytes of libraries can wait.
        let mut command = Command::new(SYSTEM_PYTHON);
        return process::run(PACKAGE, with_package(root, &mut command).args(["-m", PACKAGE, "--help"]));
    }
    process::run(PACKAGE, package_command(root, &process::release_binary(root)?)?.args(["-m", PACKAGE]).args(arguments))
}

/// Runs the package's lints and tests, and trains the smallest network end to end, with this binary as the runtime.
///
/// # Errors
/// As [`run`], or a test that fails.
pub fn test(root: &Path, binary: &Path, counts: &mut TestCounts) -> Result<(), TaskError> {
    let folder = root.join("training");
    process::run("ruff", package_command(root, binary)?.args(["-m", "ruff", "check"]).arg(&folder))?;
    let mut command = package_command(root, binary)?;
    command.args(["-m", "pytest"]).current_dir(&folder);
    let succeeded = process::run_lines("pytest", &mut command, |line| {
        println!("{line}");
        if let Some(more) = TestCounts::parse_pytest(line) {
            *counts += more;
        }
    })?;
    if !succeeded {
        return Err(TaskError::Tool { tool: "pytest", message: "see above".to_owned() });
    }
    // From nothing each time: stages that are done already are skipped.
    let folder = root.join(TINY_FOLDER);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).map_err(|e| TaskError::io(&folder, e))?;
    }
    let mut command = package_command(root, binary)?;
    command.args(["-m", PACKAGE]).args(TINY_ARGUMENTS).arg("--work").arg(&folder).arg("--out").arg(folder.join("model"));
    process::run(PACKAGE, &mut command)
}

/// The environment's Python with the package and the runtime at hand.
fn package_command(root: &Path, binary: &Path) -> Result<Command, TaskError> {
    let mut command = python_environment::training(root).python()?;
    command.env(BINARY_VARIABLE, binary);
    with_package(root, &mut command);
    Ok(command)
}

fn with_package<'a>(root: &Path, command: &'a mut Command) -> &'a mut Command {
    // Paths in the arguments are the caller's: the folder stays as it is.
    command.env("PYTHONPATH", root.join("training"))
}
