//! `cargo xtask foreign`: what we write, read back by software of others (`tests/python/`), in a virtual environment of its own.
//!
//! The environment is made when it is missing and again when `requirements.txt` has changed; a stamp in it, written last, says for
//! which requirements it is whole.

use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use crate::error::TaskError;
use crate::process;
use crate::test_counts::TestCounts;

/// The system's Python, from which the environment is made.
const SYSTEM_PYTHON: &str = "python3";
/// Environment variable in which the tests look for the binary.
const BINARY_VARIABLE: &str = "ANACRUSIS_BIN";
/// File in the environment with the hash of its requirements.
const STAMP: &str = "requirements.sha256";

/// Makes the environment where it is missing, builds the binary, and runs the tests.
///
/// # Errors
/// No Python, an environment that cannot be made, a build that fails, or a test that does.
pub fn run(root: &Path, counts: &mut TestCounts) -> Result<(), TaskError> {
    if !is_ready(root)? {
        make_environment(root)?;
    }
    let mut command = Command::new(python(&environment(root)));
    command.args(["-m", "pytest", "-q", "-p", "no:cacheprovider"]).arg(folder(root));
    command.env(BINARY_VARIABLE, process::release_binary(root)?).env("PYTHONDONTWRITEBYTECODE", "1").current_dir(root);
    let succeeded = process::run_lines("pytest", &mut command, |line| {
        println!("{line}");
        if let Some(more) = TestCounts::parse_pytest(line) {
            *counts += more;
        }
    })?;
    if succeeded { Ok(()) } else { Err(TaskError::Tool { tool: "pytest", message: "see above".to_owned() }) }
}

/// Whether the environment is there and whole.
///
/// # Errors
/// Unreadable requirements.
pub fn is_ready(root: &Path) -> Result<bool, TaskError> {
    let expected = requirements_hash(root)?;
    Ok(std::fs::read_to_string(environment(root).join(STAMP)).is_ok_and(|stamp| stamp == expected))
}

fn make_environment(root: &Path) -> Result<(), TaskError> {
    let environment = environment(root);
    eprintln!("foreign: installing tests/python/requirements.txt into {}", environment.display());
    if environment.exists() {
        std::fs::remove_dir_all(&environment).map_err(|e| TaskError::io(&environment, e))?;
    }
    process::run("python3 -m venv", Command::new(SYSTEM_PYTHON).args(["-m", "venv"]).arg(&environment))?;
    let mut pip = Command::new(python(&environment));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(requirements(root));
    process::run("pip install", &mut pip)?;
    let stamp = environment.join(STAMP);
    std::fs::write(&stamp, requirements_hash(root)?).map_err(|e| TaskError::io(&stamp, e))
}

fn requirements_hash(root: &Path) -> Result<String, TaskError> {
    let path = requirements(root);
    let bytes = std::fs::read(&path).map_err(|e| TaskError::io(&path, e))?;
    Ok(Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect())
}

fn folder(root: &Path) -> PathBuf {
    root.join("tests/python")
}

fn requirements(root: &Path) -> PathBuf {
    folder(root).join("requirements.txt")
}

fn environment(root: &Path) -> PathBuf {
    root.join("target/foreign-venv")
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
        assert!(is_ready(root.path()).unwrap_err().to_string().contains("requirements.txt"));
        std::fs::create_dir_all(environment(root.path())).unwrap();
        std::fs::create_dir_all(folder(root.path())).unwrap();
        std::fs::write(requirements(root.path()), "mido==1\n").unwrap();
        assert!(!is_ready(root.path()).unwrap());
        std::fs::write(environment(root.path()).join(STAMP), requirements_hash(root.path()).unwrap()).unwrap();
        assert!(is_ready(root.path()).unwrap());
        std::fs::write(requirements(root.path()), "mido==2\n").unwrap();
        assert!(!is_ready(root.path()).unwrap());
    }
}
