//! A Python virtual environment with what a `requirements.txt` names: made when it is missing and again when the requirements have
//! changed. A stamp in it, written last, says for which requirements it is whole.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::TaskError;
use crate::process::{self, hash_of_file};

/// The system's Python, from which environments are made.
pub const SYSTEM_PYTHON: &str = "python3";
/// Environment variable in which Python code looks for the binary.
pub const BINARY_VARIABLE: &str = "ANACRUSIS_BIN";
/// File in the environment with the hash of its requirements.
const STAMP: &str = "requirements.sha256";

/// An environment, made or not.
#[derive(Debug, Clone)]
pub struct PythonEnvironment {
    folder: PathBuf,
    requirements: PathBuf,
}

impl PythonEnvironment {
    /// The environment in `folder` for a file of requirements.
    pub fn new(folder: PathBuf, requirements: PathBuf) -> Self {
        Self { folder, requirements }
    }

    /// Whether it is there and whole.
    ///
    /// # Errors
    /// Unreadable requirements.
    pub fn is_ready(&self) -> Result<bool, TaskError> {
        let expected = hash_of_file(&self.requirements)?;
        Ok(std::fs::read_to_string(self.folder.join(STAMP)).is_ok_and(|stamp| stamp == expected))
    }

    /// Its Python, made first where it is missing.
    ///
    /// # Errors
    /// No Python of the system, or packages that cannot be installed.
    pub fn python(&self) -> Result<Command, TaskError> {
        if !self.is_ready()? {
            self.make()?;
        }
        let mut command = Command::new(self.interpreter());
        // Compiled as it is first imported, and not all of it.
        command.env_remove("PYTHONDONTWRITEBYTECODE");
        Ok(command)
    }

    fn make(&self) -> Result<(), TaskError> {
        let Self { folder, requirements } = self;
        eprintln!("installing {} into {} (once)", requirements.display(), folder.display());
        if folder.exists() {
            std::fs::remove_dir_all(folder).map_err(|e| TaskError::io(folder, e))?;
        }
        process::run("python3 -m venv", Command::new(SYSTEM_PYTHON).args(["-m", "venv"]).arg(folder))?;
        let mut pip = Command::new(self.interpreter());
        pip.args(["-m", "pip", "install", "--quiet", "--no-compile", "--disable-pip-version-check", "--requirement"]).arg(requirements);
        process::run("pip install", &mut pip)?;
        let stamp = folder.join(STAMP);
        std::fs::write(&stamp, hash_of_file(requirements)?).map_err(|e| TaskError::io(&stamp, e))
    }

    fn interpreter(&self) -> PathBuf {
        self.folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" })
    }
}

/// The environment for the training package, gigabytes of libraries.
pub fn training(root: &Path) -> PythonEnvironment {
    PythonEnvironment::new(root.join("training/.venv"), root.join("training/requirements.txt"))
}

/// The environment with programs of others that read what we write.
pub fn foreign(root: &Path) -> PythonEnvironment {
    PythonEnvironment::new(root.join("target/foreign-venv"), root.join("tests/python/requirements.txt"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_is_whole_for_its_own_requirements_only() {
        let root = tempfile::tempdir().unwrap();
        let environment = PythonEnvironment::new(root.path().join("venv"), root.path().join("requirements.txt"));
        assert!(environment.is_ready().unwrap_err().to_string().contains("requirements.txt"));
        std::fs::create_dir_all(&environment.folder).unwrap();
        std::fs::write(&environment.requirements, "numpy==1\n").unwrap();
        assert!(!environment.is_ready().unwrap());
        std::fs::write(environment.folder.join(STAMP), hash_of_file(&environment.requirements).unwrap()).unwrap();
        assert!(environment.is_ready().unwrap());
        std::fs::write(&environment.requirements, "numpy==2\n").unwrap();
        assert!(!environment.is_ready().unwrap());
    }
}
