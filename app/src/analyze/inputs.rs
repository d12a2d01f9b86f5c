//! What the user named, as a list of files: directories are searched, twice the same file is once. Main thread.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use crate::decode::EXTENSIONS;

/// The name that stands for standard input.
pub(crate) const STDIN: &str = "-";

/// One input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Input {
    /// The file; `-` is standard input.
    pub(crate) path: PathBuf,
    /// The path below the directory that was named, or the file's own name: where `-o` puts its outputs.
    pub(crate) below: PathBuf,
}

impl Input {
    /// True for standard input.
    pub(crate) fn is_stdin(&self) -> bool {
        self.path.as_os_str() == STDIN
    }

    /// For messages.
    pub(crate) fn name(&self) -> String {
        if self.is_stdin() { "stdin".to_owned() } else { self.path.display().to_string() }
    }
}

/// What could not be turned into a file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InputError {
    /// A directory could not be read.
    #[error("{}: cannot be searched: {source}", path.display())]
    Unreadable {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A directory without audio.
    #[error("{}: no audio file in this directory (looked for {})", path.display(), EXTENSIONS.join(", "))]
    NoAudio {
        /// The directory.
        path: PathBuf,
    },
}

/// All files, in the order named; those of a directory by name. Files that do not exist stay in: decoding says so.
pub(crate) fn expand(named: &[PathBuf]) -> (Vec<Input>, Vec<InputError>) {
    let mut inputs: Vec<Input> = Vec::new();
    let mut errors = Vec::new();
    for path in named {
        if !path.is_dir() {
            let below = path.file_name().map_or_else(|| path.clone(), PathBuf::from);
            inputs.push(Input { path: path.clone(), below });
            continue;
        }
        let n_before = inputs.len();
        let n_errors_before = errors.len();
        search(path, path, &mut BTreeSet::new(), &mut inputs, &mut errors);
        if inputs.len() == n_before && errors.len() == n_errors_before {
            errors.push(InputError::NoAudio { path: path.clone() });
        }
    }
    let mut seen = BTreeSet::new();
    inputs.retain(|input| seen.insert(input.path.canonicalize().unwrap_or_else(|_| input.path.clone())));
    (inputs, errors)
}

/// Adds the audio files below `folder`. A directory is entered once, so links that lead back end.
fn search(root: &Path, folder: &Path, entered: &mut BTreeSet<PathBuf>, inputs: &mut Vec<Input>, errors: &mut Vec<InputError>) {
    let unreadable = |source| InputError::Unreadable { path: folder.to_owned(), source };
    let paths = folder.canonicalize().and_then(|real| {
        if !entered.insert(real) {
            return Ok(Vec::new());
        }
        std::fs::read_dir(folder)?.map(|entry| entry.map(|e| e.path())).collect::<io::Result<Vec<_>>>()
    });
    let mut paths = match paths {
        Ok(paths) => paths,
        Err(source) => return errors.push(unreadable(source)),
    };
    paths.sort();
    for path in paths {
        if path.is_dir() {
            search(root, &path, entered, inputs, errors);
        } else if has_known_extension(&path) {
            let below = path.strip_prefix(root).unwrap_or(&path).to_owned();
            inputs.push(Input { path, below });
        }
    }
}

fn has_known_extension(path: &Path) -> bool {
    let extension = path.extension().and_then(|e| e.to_str()).map(str::to_lowercase);
    // macOS writes `._song.wav` beside each file on foreign disks: no audio in it.
    let is_shadow = path.file_name().and_then(|n| n.to_str()).is_some_and(|name| name.starts_with("._"));
    !is_shadow && extension.is_some_and(|e| EXTENSIONS.contains(&e.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, b"").unwrap();
        }
        folder
    }

    #[test]
    fn a_directory_is_its_audio_files_by_name() {
        let folder = tree(&["b.WAV", "a/x.flac", "a/notes.txt", "a/._x.flac", "cover.jpg"]);
        let (inputs, errors) = expand(&[folder.path().to_owned()]);
        let below: Vec<_> = inputs.iter().map(|i| i.below.to_str().unwrap().replace('\\', "/")).collect();
        assert_eq!(below, ["a/x.flac", "b.WAV"]);
        assert!(errors.is_empty());
    }

    #[test]
    fn a_file_named_twice_is_once_and_one_that_is_missing_stays() {
        let folder = tree(&["x.wav"]);
        let path = folder.path().join("x.wav");
        let (inputs, _) = expand(&[path.clone(), folder.path().join("./x.wav"), folder.path().to_owned(), folder.path().join("gone.wav")]);
        assert_eq!(inputs.len(), 2);
        assert_eq!(inputs[0].path, path);
    }

    #[test]
    fn a_directory_without_audio_is_an_error() {
        let folder = tree(&["notes.txt"]);
        let (inputs, errors) = expand(&[folder.path().to_owned()]);
        assert!(inputs.is_empty());
        assert!(errors[0].to_string().contains("no audio file in this directory"), "{}", errors[0]);
    }

    #[cfg(unix)]
    #[test]
    fn links_that_lead_back_end() {
        let folder = tree(&["x.wav"]);
        std::os::unix::fs::symlink(folder.path(), folder.path().join("loop")).unwrap();
        assert_eq!(expand(&[folder.path().to_owned()]).0.len(), 1);
    }
}
