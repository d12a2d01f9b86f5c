//! Which file each input's frames go to, decided before anything is decoded. Main thread.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::analyze::inputs::Input;

/// Where frames go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Destination {
    /// Beside each input.
    Beside,
    /// Into one directory, by stem.
    Folder(PathBuf),
    /// Into this file, for one input.
    File(PathBuf),
}

/// One input with its output file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Job {
    /// The input.
    pub(super) input: Input,
    /// The `.npz`.
    pub(super) output: PathBuf,
}

/// A command line that cannot be carried out.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum PlanError {
    /// Two inputs, one output.
    #[error("{first} and {second} would both be written to {}: write them into two --out directories", output.display())]
    Collision {
        /// The input that comes first.
        first: String,
        /// The input that comes second.
        second: String,
        /// The file.
        output: PathBuf,
    },
    /// More than a file can hold.
    #[error("-o takes the frames of one file, not of {0}: use --out DIR")]
    FileTakesOne(usize),
    /// `-o` names a directory.
    #[error("{} is a directory: -o takes a file, use --out", .0.display())]
    IsDirectory(PathBuf),
    /// `--out` names a file.
    #[error("{} is a file: --out takes a directory", .0.display())]
    NotADirectory(PathBuf),
    /// Only files have a stem and can be read again.
    #[error("standard input is not taken: name a file")]
    StandardInput,
}

/// One job an input.
///
/// # Errors
/// [`PlanError`], before anything is written.
pub(super) fn plan(inputs: Vec<Input>, destination: &Destination) -> Result<Vec<Job>, PlanError> {
    match destination {
        _ if inputs.iter().any(Input::is_stdin) => return Err(PlanError::StandardInput),
        Destination::Folder(folder) if folder.exists() && !folder.is_dir() => return Err(PlanError::NotADirectory(folder.clone())),
        Destination::File(file) if file.is_dir() => return Err(PlanError::IsDirectory(file.clone())),
        Destination::File(_) if inputs.len() > 1 => return Err(PlanError::FileTakesOne(inputs.len())),
        _ => {}
    }
    let mut taken: BTreeMap<PathBuf, String> = BTreeMap::new();
    let mut jobs = Vec::with_capacity(inputs.len());
    for input in inputs {
        let output = output_path(&input, destination);
        if let Some(first) = taken.insert(output.clone(), input.name()) {
            return Err(PlanError::Collision { first, second: input.name(), output });
        }
        jobs.push(Job { input, output });
    }
    Ok(jobs)
}

/// `song.v2.wav` becomes `song.v2.npz`.
fn output_path(input: &Input, destination: &Destination) -> PathBuf {
    let mut name = input.path.file_stem().unwrap_or(input.path.as_os_str()).to_owned();
    name.push(".npz");
    match destination {
        Destination::Beside => input.path.with_file_name(name),
        Destination::Folder(folder) => folder.join(name),
        Destination::File(file) => file.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(path: &str) -> Input {
        Input { path: path.into(), below: path.into() }
    }

    fn outputs(paths: &[&str], destination: &Destination) -> Result<Vec<String>, String> {
        let jobs = plan(paths.iter().map(|path| input(path)).collect(), destination).map_err(|e| e.to_string())?;
        Ok(jobs.iter().map(|job| job.output.to_str().unwrap().replace('\\', "/")).collect())
    }

    #[test]
    fn outputs_are_beside_the_input_in_a_directory_or_the_file_named() {
        assert_eq!(outputs(&["a/x.v2.wav", "b/x.wav"], &Destination::Beside).unwrap(), ["a/x.v2.npz", "b/x.npz"]);
        assert_eq!(outputs(&["a/x.v2.wav", "b/x.wav"], &Destination::Folder("out".into())).unwrap(), ["out/x.v2.npz", "out/x.npz"]);
        assert_eq!(outputs(&["a/x.wav"], &Destination::File("y.npz".into())).unwrap(), ["y.npz"]);
        assert!(outputs(&[], &Destination::Beside).unwrap().is_empty());
    }

    #[test]
    fn what_cannot_be_carried_out_is_named() {
        let error = outputs(&["a/x.wav", "b/x.mp3"], &Destination::Folder("out".into())).unwrap_err();
        assert!(error.starts_with("a/x.wav and b/x.mp3 would both be written to out"), "{error}");
        assert!(outputs(&["x.wav", "x.mp3"], &Destination::Beside).is_err());
        let error = outputs(&["x.wav", "y.wav"], &Destination::File("z.npz".into())).unwrap_err();
        assert!(error.contains("one file, not of 2"), "{error}");
        assert!(outputs(&["-"], &Destination::Beside).unwrap_err().contains("standard input"));
        let folder = tempfile::tempdir().unwrap();
        assert!(outputs(&["x.wav"], &Destination::File(folder.path().into())).unwrap_err().contains("is a directory"));
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(outputs(&["x.wav"], &Destination::Folder(file.path().into())).unwrap_err().contains("is a file"));
    }
}
