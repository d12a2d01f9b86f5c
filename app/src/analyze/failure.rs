//! What failed and why, collected by the workers and told at the end. Shared by the workers.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::inputs::InputError;
use super::outputs::Job;

/// One input that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    /// The input, for people.
    pub(super) name: String,
    /// Why.
    pub(super) reason: String,
    /// The input.
    pub(super) path: PathBuf,
    /// Where its report is, or would have been.
    pub(super) report: Option<PathBuf>,
}

impl Failure {
    /// A file.
    pub(super) fn of_file(job: &Job, reason: String) -> Self {
        Self { name: job.input.name(), reason, path: job.input.path.clone(), report: job.report().map(PathBuf::from) }
    }

    /// A folder that could not be searched.
    pub(super) fn of_folder(error: &InputError) -> Self {
        let (InputError::Unreadable { path, .. } | InputError::NoAudio { path }) = error;
        let name = path.display().to_string();
        let reason = error.to_string();
        let reason = reason.strip_prefix(&format!("{name}: ")).unwrap_or(&reason).to_owned();
        Self { name, reason, path: path.clone(), report: None }
    }

    /// True where an index of this folder tells it: its report would be there, or it is a folder there.
    pub(super) fn is_below(&self, folder: &Path) -> bool {
        self.report.as_ref().unwrap_or(&self.path).starts_with(folder)
    }
}

/// The failures so far.
#[derive(Debug, Default)]
pub(super) struct Failures(Mutex<Vec<Failure>>);

impl Failures {
    /// One more.
    pub(super) fn add(&self, failure: Failure) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(failure);
    }

    /// All of them, by name.
    pub(super) fn in_order(self) -> Vec<Failure> {
        let mut failures = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        failures.sort_by(|a, b| a.name.cmp(&b.name));
        failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_come_by_name_and_a_folder_is_named_once() {
        let failures = Failures::default();
        let failure =
            |name: &str| Failure { name: name.to_owned(), reason: "is empty".to_owned(), path: PathBuf::from(name), report: None };
        failures.add(failure("b"));
        failures.add(Failure::of_folder(&InputError::NoAudio { path: PathBuf::from("a") }));
        let failures = failures.in_order();
        assert_eq!(failures.iter().map(|f| f.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert!(failures[0].is_below(Path::new("a")) && !failures[1].is_below(Path::new("a")));
        assert!(failures[0].reason.starts_with("no audio file"), "{}", failures[0].reason);
    }
}
