//! `cargo xtask eval` and `cargo xtask bench`: the release binary's commands of the same name, built first.

use std::ffi::OsString;
use std::path::Path;

use crate::error::TaskError;
use crate::process;

/// Where an evaluation corpus is looked for when none is named, relative to the workspace.
pub const DEFAULT_CORPUS: &str = "../shared/eval";

/// Runs `anacrusis eval` with these arguments, on [`DEFAULT_CORPUS`] where they name no corpus.
///
/// # Errors
/// No corpus, a build that fails, or an evaluation that does.
pub fn eval(root: &Path, arguments: &[OsString]) -> Result<(), TaskError> {
    let arguments = with_corpus(root, arguments)?;
    run(root, "anacrusis eval", "eval", &arguments)
}

/// Runs `anacrusis bench` with these arguments.
///
/// # Errors
/// A build that fails, or a benchmark that does.
pub fn bench(root: &Path, arguments: &[OsString]) -> Result<(), TaskError> {
    run(root, "anacrusis bench", "bench", arguments)
}

fn run(root: &Path, tool: &'static str, command: &str, arguments: &[OsString]) -> Result<(), TaskError> {
    let binary = process::release_binary(root)?;
    process::run(tool, std::process::Command::new(binary).arg(command).args(arguments))
}

/// The arguments, with [`DEFAULT_CORPUS`] before them where they name no corpus and it is there.
///
/// # Errors
/// No corpus.
pub(crate) fn with_corpus(root: &Path, arguments: &[OsString]) -> Result<Vec<OsString>, TaskError> {
    let names_corpus = arguments.iter().any(|argument| {
        let text = argument.to_string_lossy();
        text == "--corpus" || text.starts_with("--corpus=") || text == "--help" || text == "-h"
    });
    if names_corpus {
        return Ok(arguments.to_vec());
    }
    let corpus = root.join(DEFAULT_CORPUS);
    if !corpus.is_dir() {
        return Err(TaskError::Failed("no evaluation corpus: name one with --corpus DIR (docs/accuracy.md says what it holds)".to_owned()));
    }
    Ok([OsString::from("--corpus"), corpus.into()].into_iter().chain(arguments.iter().cloned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_corpus_is_left_alone_and_a_missing_one_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let nowhere = folder.path().join("repository");
        for named in [&["--corpus", "x"][..], &["--corpus=x"], &["--help"]] {
            let arguments: Vec<OsString> = named.iter().map(OsString::from).collect();
            assert_eq!(with_corpus(&nowhere, &arguments).unwrap(), arguments);
        }
        let message = with_corpus(&nowhere, &["--offline".into()]).unwrap_err().to_string();
        assert!(message.contains("--corpus DIR"), "{message}");
    }

    #[test]
    fn the_default_corpus_comes_before_other_arguments() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("repository");
        std::fs::create_dir_all(&root).unwrap();
        std::fs::create_dir_all(root.join(DEFAULT_CORPUS)).unwrap();
        let arguments = with_corpus(&root, &["--offline".into()]).unwrap();
        assert_eq!(arguments, [OsString::from("--corpus"), root.join(DEFAULT_CORPUS).into(), "--offline".into()]);
    }
}
