//! Which files may be named: those below the folders that the settings allow. Any thread.
//!
//! The name is looked at before the disk is, so that nobody learns what lies outside; then links are followed, and where they
//! lead has to be inside, too.

use std::io;
use std::path::{Component, Path, PathBuf};

/// Why a file may not be named.
#[derive(Debug, thiserror::Error)]
pub enum RootError {
    /// No folder is allowed.
    #[error("no folder is allowed: upload the file, or name folders in jobs.roots")]
    NoRoots,
    /// It lies elsewhere, or would.
    #[error("{0:?} is not below one of the folders in jobs.roots")]
    Outside(String),
    /// There is none.
    #[error("there is no file {0:?}")]
    Missing(String),
    /// It is a folder, a pipe or a device.
    #[error("{0:?} is no file")]
    NoFile(String),
}

/// The file that is meant, with all links followed. `given`: from a root on, or from the root of the file system on.
///
/// # Errors
/// [`RootError`].
pub fn resolve(roots: &[PathBuf], given: &str) -> Result<PathBuf, RootError> {
    if roots.is_empty() {
        return Err(RootError::NoRoots);
    }
    let shown = || given.chars().take(200).collect::<String>();
    let path = Path::new(given);
    let leaves = path.components().any(|part| matches!(part, Component::ParentDir)) || given.contains('\0') || given.is_empty();
    let is_rooted = path.has_root() || path.components().any(|part| matches!(part, Component::Prefix(_)));
    let candidates: Vec<PathBuf> = match is_rooted {
        _ if leaves => Vec::new(),
        true => roots.iter().filter(|root| is_below(path, root)).map(|_| path.to_owned()).collect(),
        false => roots.iter().map(|root| root.join(path)).collect(),
    };
    if candidates.is_empty() {
        return Err(RootError::Outside(shown()));
    }
    let mut last = RootError::Missing(shown());
    for candidate in candidates {
        match candidate.canonicalize() {
            Ok(real) if !roots.iter().filter_map(|root| root.canonicalize().ok()).any(|root| real.starts_with(root)) => {
                last = RootError::Outside(shown());
            }
            Ok(real) if real.is_file() => return Ok(real),
            Ok(_) => last = RootError::NoFile(shown()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            // A folder that may not be entered, or a loop of links: not ours to tell apart.
            Err(_) => last = RootError::Missing(shown()),
        }
    }
    Err(last)
}

/// Whether a path lies below a root as both are written, or as the root really is.
fn is_below(path: &Path, root: &Path) -> bool {
    path.starts_with(root) || root.canonicalize().is_ok_and(|root| path.starts_with(root))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A root with `in/song.wav`, and `secret.wav` beside it.
    fn rooted() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("music");
        std::fs::create_dir_all(root.join("in")).unwrap();
        std::fs::write(root.join("in/song.wav"), b"x").unwrap();
        std::fs::write(folder.path().join("secret.wav"), b"x").unwrap();
        std::fs::create_dir_all(folder.path().join("music2")).unwrap();
        std::fs::write(folder.path().join("music2/other.wav"), b"x").unwrap();
        (folder, root)
    }

    #[test]
    fn files_below_a_root_may_be_named_in_both_ways() {
        let (_folder, root) = rooted();
        let real = root.join("in/song.wav").canonicalize().unwrap();
        let roots = [PathBuf::from("/nowhere/at/all"), root.clone()];
        assert_eq!(resolve(&roots, "in/song.wav").unwrap(), real);
        assert_eq!(resolve(&roots, "./in//song.wav").unwrap(), real);
        assert_eq!(resolve(&roots, root.join("in/song.wav").to_str().unwrap()).unwrap(), real);
    }

    #[test]
    fn nothing_else_may() {
        let (folder, root) = rooted();
        let outside = folder.path().join("secret.wav");
        let neighbour = folder.path().join("music2/other.wav");
        let roots = [root.clone()];
        for given in [
            "../secret.wav",
            "in/../../secret.wav",
            "in/../song.wav",
            outside.to_str().unwrap(),
            neighbour.to_str().unwrap(),
            "/etc/passwd",
            "",
            "in/song.wav\0",
        ] {
            assert!(matches!(resolve(&roots, given), Err(RootError::Outside(_))), "{given:?}: {:?}", resolve(&roots, given));
        }
        assert!(matches!(resolve(&roots, "in/none.wav"), Err(RootError::Missing(_))));
        assert!(matches!(resolve(&roots, "in"), Err(RootError::NoFile(_))));
        assert!(matches!(resolve(&[], "in/song.wav"), Err(RootError::NoRoots)));
    }

    #[cfg(unix)]
    #[test]
    fn links_that_lead_out_lead_nowhere() {
        let (folder, root) = rooted();
        std::os::unix::fs::symlink(folder.path().join("secret.wav"), root.join("link.wav")).unwrap();
        std::os::unix::fs::symlink(folder.path(), root.join("up")).unwrap();
        std::os::unix::fs::symlink(root.join("in/song.wav"), root.join("inside.wav")).unwrap();
        std::os::unix::fs::symlink(root.join("loop.wav"), root.join("loop.wav")).unwrap();
        let roots = [root];
        assert!(matches!(resolve(&roots, "link.wav"), Err(RootError::Outside(_))));
        assert!(matches!(resolve(&roots, "up/secret.wav"), Err(RootError::Outside(_))));
        assert!(resolve(&roots, "inside.wav").is_ok());
        assert!(matches!(resolve(&roots, "loop.wav"), Err(RootError::Missing(_))));
    }
}
