//! `cargo xtask train ARGS...`: the Python package in `training/`, in a virtual environment of its own, with the runtime built
//! for its features.
//!
//! The environment is made when it is missing and again when `requirements.txt` has changed; a stamp in it, written last, says for
//! which requirements it is whole.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use crate::error::TaskError;
use crate::process;
use crate::test_counts::TestCounts;

/// The system's Python, from which the environment is made.
const SYSTEM_PYTHON: &str = "python3";
/// The package.
const PACKAGE: &str = "anacrusis_training";
/// Environment variable in which the package looks for the runtime.
const BINARY_VARIABLE: &str = "ANACRUSIS_BIN";
/// File in the environment with the hash of its requirements.
const STAMP: &str = "requirements.sha256";
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
    process::run(PACKAGE, package_command(root)?.args(["-m", PACKAGE]).args(arguments))
}

/// Runs the package's lints and tests, and trains the smallest network end to end.
///
/// # Errors
/// As [`run`], or a test that fails.
pub fn test(root: &Path, counts: &mut TestCounts) -> Result<(), TaskError> {
    let folder = root.join("training");
    process::run("ruff", package_command(root)?.args(["-m", "ruff", "check"]).arg(&folder))?;
    let mut command = package_command(root)?;
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
    let mut command = package_command(root)?;
    command.args(["-m", PACKAGE]).args(TINY_ARGUMENTS).arg("--work").arg(&folder).arg("--out").arg(folder.join("model"));
    process::run(PACKAGE, &mut command)
}

/// Whether the environment is there and whole.
///
/// # Errors
/// Unreadable requirements.
pub fn is_ready(root: &Path) -> Result<bool, TaskError> {
    let expected = requirements_hash(root)?;
    Ok(std::fs::read_to_string(environment(root).join(STAMP)).is_ok_and(|stamp| stamp == expected))
}

/// The environment's Python with the package and the runtime at hand.
fn package_command(root: &Path) -> Result<Command, TaskError> {
    if !is_ready(root)? {
        make_environment(root)?;
    }
    let mut command = Command::new(python(&environment(root)));
    command.env(BINARY_VARIABLE, process::release_binary(root)?);
    with_package(root, &mut command);
    Ok(command)
}

fn with_package<'a>(root: &Path, command: &'a mut Command) -> &'a mut Command {
    // Paths in the arguments are the caller's: the folder stays as it is.
    command.env("PYTHONPATH", root.join("training"))
}

fn make_environment(root: &Path) -> Result<(), TaskError> {
    let folder = environment(root);
    eprintln!("train: installing training/requirements.txt into {} (several gigabytes, once)", folder.display());
    if folder.exists() {
        std::fs::remove_dir_all(&folder).map_err(|e| TaskError::io(&folder, e))?;
    }
    process::run("python3 -m venv", Command::new(SYSTEM_PYTHON).args(["-m", "venv"]).arg(&folder))?;
    let mut pip = Command::new(python(&folder));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(requirements(root));
    process::run("pip install", &mut pip)?;
    let stamp = folder.join(STAMP);
    std::fs::write(&stamp, requirements_hash(root)?).map_err(|e| TaskError::io(&stamp, e))
}

fn requirements_hash(root: &Path) -> Result<String, TaskError> {
    let path = requirements(root);
    let bytes = std::fs::read(&path).map_err(|e| TaskError::io(&path, e))?;
    Ok(Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect())
}

fn requirements(root: &Path) -> PathBuf {
    root.join("training/requirements.txt")
}

fn environment(root: &Path) -> PathBuf {
    root.join("training/.venv")
}

fn python(environment: &Path) -> PathBuf {
    environment.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_is_whole_for_its_own_requirements_only() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(environment(root.path())).unwrap();
        assert!(is_ready(root.path()).unwrap_err().to_string().contains("requirements.txt"));
        std::fs::write(requirements(root.path()), "numpy==1\n").unwrap();
        assert!(!is_ready(root.path()).unwrap());
        std::fs::write(environment(root.path()).join(STAMP), requirements_hash(root.path()).unwrap()).unwrap();
        assert!(is_ready(root.path()).unwrap());
        std::fs::write(requirements(root.path()), "numpy==2\n").unwrap();
        assert!(!is_ready(root.path()).unwrap());
    }
}
