//! Files below folders, for everything that lists, copies, packs or checks them.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::TaskError;

/// All files below a folder, sorted by path; of a file that file.
///
/// # Errors
/// A folder that cannot be read.
pub fn files_below(path: &Path) -> Result<Vec<PathBuf>, TaskError> {
    let (mut files, mut waiting) = (Vec::new(), vec![path.to_owned()]);
    while let Some(path) = waiting.pop() {
        if path.is_dir() { waiting.extend(entries(&path)?) } else { files.push(path) }
    }
    files.sort();
    Ok(files)
}

/// What lies in a folder itself, sorted.
///
/// # Errors
/// A folder that cannot be read.
pub fn entries(folder: &Path) -> Result<Vec<PathBuf>, TaskError> {
    let failed = |e| TaskError::io(folder, e);
    let entries = fs::read_dir(folder).map_err(failed)?.map(|entry| entry.map(|entry| entry.path()));
    let mut entries: Vec<PathBuf> = entries.collect::<Result<_, _>>().map_err(failed)?;
    entries.sort();
    Ok(entries)
}

/// The place of each [file](files_below) of `from` when `from` becomes `to`, with the file.
///
/// # Errors
/// As [`files_below`].
pub fn moved(from: &Path, to: &Path) -> Result<Vec<(PathBuf, PathBuf)>, TaskError> {
    let place = |file: PathBuf| {
        let within = file.strip_prefix(from).expect("found below it");
        // A file is not within itself, and joining an empty path would make it a folder.
        let place = if within.as_os_str().is_empty() { to.to_owned() } else { to.join(within) };
        (file, place)
    };
    Ok(files_below(from)?.into_iter().map(place).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_at_every_depth_and_keep_their_place() {
        let folder = tempfile::tempdir().unwrap();
        let from = folder.path().join("from");
        fs::create_dir_all(from.join("deep/er")).unwrap();
        for name in ["b", "a", "deep/er/c"] {
            fs::write(from.join(name), name).unwrap();
        }
        assert_eq!(files_below(&from).unwrap(), ["a", "b", "deep/er/c"].map(|name| from.join(name)));
        assert_eq!(entries(&from).unwrap(), ["a", "b", "deep"].map(|name| from.join(name)));
        let to = Path::new("to");
        let places: Vec<PathBuf> = moved(&from, to).unwrap().into_iter().map(|(_, place)| place).collect();
        assert_eq!(places, ["to/a", "to/b", "to/deep/er/c"].map(PathBuf::from));
        assert_eq!(moved(&from.join("a"), to).unwrap(), [(from.join("a"), to.to_owned())]);
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let error = entries(Path::new("/nonexistent/folder")).unwrap_err();
        assert!(error.to_string().contains("/nonexistent/folder"), "{error}");
    }
}
