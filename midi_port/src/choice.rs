//! Which port this machine sends its clock to: one small JSON file per user. Main thread.
//!
//! Not part of a project's state: port names differ from machine to machine. A port that is not there is never replaced
//! by another; the file stays as it is until the user chooses again.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use serde::{Deserialize, Serialize};

use crate::midir_sink::PortTarget;

/// Version of the file's layout.
const VERSION: u32 = 1;
/// A larger file is not ours, bytes.
const MAX_BYTES: u64 = 64 * 1024;
const FILE_NAME: &str = "midi-port.json";
/// Overrides the folder that the file lies in.
const DIR_VARIABLE: &str = "ANACRUSIS_CONFIG_DIR";

/// What a user chose on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PortChoice {
    /// No clock through a port.
    Off,
    /// This port.
    Port(PortTarget),
}

/// Why a choice was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum ChoiceError {
    /// Neither the override nor the usual variables say where settings go.
    #[error("cannot tell where settings are kept: set ANACRUSIS_CONFIG_DIR to a folder")]
    NoFolder,
    /// The file system refused.
    #[error("cannot {what} {}: {source}", .path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not a choice.
    #[error("{} is no MIDI port choice: {reason}; delete it and choose the port again", .path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    kind: Kind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    port: Option<String>,
}

#[derive(Serialize, Deserialize, Clone, Copy, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Off,
    Virtual,
    Existing,
}

impl PortChoice {
    /// Where the choice of this user lies: `$ANACRUSIS_CONFIG_DIR`, else the system's folder for settings.
    ///
    /// # Errors
    /// No variable names a folder.
    pub fn default_path() -> Result<PathBuf, ChoiceError> {
        path_from(variable)
    }

    /// Reads a choice; `None` where nothing was chosen yet.
    ///
    /// # Errors
    /// The file cannot be read, or is not a choice of this version.
    pub fn load(path: &Path) -> Result<Option<Self>, ChoiceError> {
        let io = |source| ChoiceError::Io { what: "read", path: path.to_owned(), source };
        let malformed = |reason: String| ChoiceError::Malformed { path: path.to_owned(), reason };
        let file = match fs::File::open(path) {
            Ok(file) => file,
            Err(err) if err.kind() == ErrorKind::NotFound => return Ok(None),
            Err(err) => return Err(io(err)),
        };
        let mut bytes = Vec::new();
        file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(io)?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(malformed(format!("expected at most {MAX_BYTES} bytes, got more")));
        }
        let File { version, kind, port } = serde_json::from_slice(&bytes).map_err(|err| malformed(err.to_string()))?;
        if version != VERSION {
            return Err(malformed(format!("expected version {VERSION}, got {version}")));
        }
        match (kind, port) {
            (Kind::Off, _) => Ok(Some(Self::Off)),
            (Kind::Virtual, Some(name)) => Ok(Some(Self::Port(PortTarget::Virtual { name }))),
            (Kind::Existing, Some(name)) => Ok(Some(Self::Port(PortTarget::Existing { name }))),
            (Kind::Virtual | Kind::Existing, None) => Err(malformed("expected the name of a port, got none".to_owned())),
        }
    }

    /// Writes the choice: whole or not at all, also when two programs write at once. Makes the folder.
    ///
    /// # Errors
    /// The file system refuses; the old choice then stands.
    pub fn save(&self, path: &Path) -> Result<(), ChoiceError> {
        let io = |what, path: &Path| {
            let path = path.to_owned();
            move |source| ChoiceError::Io { what, path, source }
        };
        let (kind, port) = match self {
            Self::Off => (Kind::Off, None),
            Self::Port(PortTarget::Virtual { name }) => (Kind::Virtual, Some(name.clone())),
            Self::Port(PortTarget::Existing { name }) => (Kind::Existing, Some(name.clone())),
        };
        let mut text = serde_json::to_string_pretty(&File { version: VERSION, kind, port }).expect("numbers and strings are JSON");
        text.push('\n');
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder).map_err(io("make the folder", folder))?;
        }
        let beside = beside(path);
        let written = fs::File::create_new(&beside).and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        });
        written.and_then(|()| fs::rename(&beside, path)).map_err(|err| {
            // The error that matters is the first one.
            let _ = fs::remove_file(&beside);
            io("write", path)(err)
        })
    }
}

/// A name in the same folder that no other writer uses.
fn beside(path: &Path) -> PathBuf {
    static N_SAVED: AtomicU32 = AtomicU32::new(0);
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}-{}.tmp", std::process::id(), N_SAVED.fetch_add(1, Relaxed)));
    path.with_file_name(name)
}

/// The user's folder for our settings: `$ANACRUSIS_CONFIG_DIR`, else `anacrusis` in the system's folder; it need not exist.
///
/// # Errors
/// [`ChoiceError::NoFolder`]: no variable names a folder.
pub fn settings_folder() -> Result<PathBuf, ChoiceError> {
    folder_from(variable)
}

/// A variable of the environment that says something.
fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

fn folder_from(variable: impl Fn(&str) -> Option<PathBuf>) -> Result<PathBuf, ChoiceError> {
    let folder = variable(DIR_VARIABLE).or_else(|| {
        let folder = if cfg!(target_os = "windows") {
            variable("APPDATA")
        } else if cfg!(target_os = "macos") {
            variable("HOME").map(|home| home.join("Library/Application Support"))
        } else {
            // A relative XDG path is to be ignored (XDG Base Directory Specification 0.8).
            let xdg = variable("XDG_CONFIG_HOME").filter(|path| path.is_absolute());
            xdg.or_else(|| variable("HOME").map(|home| home.join(".config")))
        };
        folder.map(|folder| folder.join("anacrusis"))
    });
    folder.ok_or(ChoiceError::NoFolder)
}

fn path_from(variable: impl Fn(&str) -> Option<PathBuf>) -> Result<PathBuf, ChoiceError> {
    folder_from(variable).map(|folder| folder.join(FILE_NAME))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    #[test]
    fn a_choice_comes_back_as_it_was_saved_and_leaves_no_other_file() {
        let folder = folder();
        let path = folder.path().join("new/folder/midi-port.json");
        assert_eq!(PortChoice::load(&path).unwrap(), None);
        let synth = PortTarget::Existing { name: "Synth \"1\" é:MIDI 20:0".into() };
        for choice in [PortChoice::Off, PortChoice::Port(synth), PortChoice::Port(PortTarget::Virtual { name: "Anacrusis".into() })] {
            choice.save(&path).unwrap();
            assert_eq!(PortChoice::load(&path).unwrap(), Some(choice));
        }
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_no_choice_is_refused_with_the_reason_and_left_alone() {
        let folder = folder();
        let path = folder.path().join("midi-port.json");
        let large = " ".repeat(70_000);
        let cases = [
            ("", "EOF"),
            ("{\"version\":2,\"kind\":\"off\"}", "expected version 1, got 2"),
            ("{\"version\":1,\"kind\":\"existing\"}", "expected the name of a port"),
            ("{\"version\":1,\"kind\":\"loud\"}", "unknown variant"),
            ("{\"version\":1,\"kind\":\"off\",\"x\":1}", "unknown field"),
            (large.as_str(), "65536"),
        ];
        for (text, reason) in cases {
            fs::write(&path, text).unwrap();
            let err = PortChoice::load(&path).unwrap_err().to_string();
            assert!(err.contains(reason) && err.contains("midi-port.json"), "{err}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[test]
    fn a_save_that_fails_keeps_the_old_choice() {
        let folder = folder();
        let path = folder.path().join("taken");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("inside"), "x").unwrap();
        assert!(matches!(PortChoice::Off.save(&path), Err(ChoiceError::Io { what: "write", .. })));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no file is left beside it");
    }

    #[test]
    fn the_override_names_the_folder_and_nothing_at_all_is_an_error() {
        let only = |wanted: &'static str, value: &'static str| move |name: &str| (name == wanted).then(|| PathBuf::from(value));
        assert_eq!(path_from(only(DIR_VARIABLE, "/x")).unwrap(), PathBuf::from("/x/midi-port.json"));
        assert!(matches!(path_from(|_| None), Err(ChoiceError::NoFolder)));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn on_linux_a_relative_xdg_folder_is_ignored() {
        let variable = |name: &str| match name {
            "XDG_CONFIG_HOME" => Some(PathBuf::from("relative")),
            "HOME" => Some(PathBuf::from("/home/me")),
            _ => None,
        };
        assert_eq!(path_from(variable).unwrap(), PathBuf::from("/home/me/.config/anacrusis/midi-port.json"));
    }
}
