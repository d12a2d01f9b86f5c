//! The folder of the user's feeds: where it is, and that no other user can reach into it.
//!
//! Where: before `writer` and `reader`. Any thread but the audio thread.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::error::FeedError;

/// Names another folder, for tests and for sandboxes.
const OVERRIDE: &str = "ANACRUSIS_FEED_DIR";
const FOLDER: &str = "anacrusis";

/// The folder for feeds: `$ANACRUSIS_FEED_DIR` where set; else Linux `$XDG_RUNTIME_DIR/anacrusis` or, without one,
/// `<temp>/anacrusis-<uid>`; macOS `~/Library/Caches/anacrusis`; Windows `%LOCALAPPDATA%\anacrusis`. It need not exist.
///
/// # Errors
/// [`FeedError::NoDirectory`] or [`FeedError::RelativeDirectory`].
pub fn feed_directory() -> Result<PathBuf, FeedError> {
    directory_from(|variable| std::env::var_os(variable).filter(|value| !value.is_empty()))
}

/// [`feed_directory`] in a given environment.
fn directory_from(variable: impl Fn(&'static str) -> Option<OsString>) -> Result<PathBuf, FeedError> {
    let of_variable = |name| variable(name).map(PathBuf::from).ok_or(FeedError::NoDirectory { variable: name });
    let path = if let Ok(path) = of_variable(OVERRIDE) {
        path
    } else if cfg!(target_vendor = "apple") {
        of_variable("HOME")?.join("Library/Caches").join(FOLDER)
    } else if cfg!(windows) {
        of_variable("LOCALAPPDATA")?.join(FOLDER)
    } else {
        // The XDG base directory specification: a relative path is to be ignored.
        match of_variable("XDG_RUNTIME_DIR") {
            Ok(runtime) if runtime.is_absolute() && runtime.is_dir() => runtime.join(FOLDER),
            _ => shared_temp(),
        }
    };
    if path.is_absolute() { Ok(path) } else { Err(FeedError::RelativeDirectory { path }) }
}

/// Our folder in the one that all users share.
#[cfg(unix)]
fn shared_temp() -> PathBuf {
    std::env::temp_dir().join(format!("{FOLDER}-{}", super::os::user_id()))
}

#[cfg(not(unix))]
fn shared_temp() -> PathBuf {
    std::env::temp_dir().join(FOLDER)
}

/// Makes the folder if it is missing, for us alone, and checks that it is ours alone.
///
/// # Errors
/// A folder that cannot be made, that is a link or no folder, that belongs to another user, or that others may enter.
pub fn prepare_directory(path: &Path) -> Result<(), FeedError> {
    match create_private(path) {
        Err(source) if source.kind() != io::ErrorKind::AlreadyExists => return Err(FeedError::io("create the folder", path, source)),
        _ => {}
    }
    let metadata = fs::symlink_metadata(path).map_err(|source| FeedError::io("inspect", path, source))?;
    if !metadata.is_dir() {
        return Err(FeedError::NoFolder { path: path.to_owned() });
    }
    check_private(path, &metadata)
}

#[cfg(unix)]
fn create_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().mode(0o700).create(path)
}

#[cfg(not(unix))]
fn create_private(path: &Path) -> io::Result<()> {
    fs::create_dir(path)
}

#[cfg(unix)]
fn check_private(path: &Path, metadata: &fs::Metadata) -> Result<(), FeedError> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    check_owner(path, metadata.uid())?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 == 0 { Ok(()) } else { Err(FeedError::DirectoryNotPrivate { path: path.to_owned(), got: mode }) }
}

/// Checks that a file or folder is ours.
#[cfg(unix)]
pub(super) fn check_owner(path: &Path, got: u32) -> Result<(), FeedError> {
    let expected = super::os::user_id();
    if got == expected { Ok(()) } else { Err(FeedError::OtherOwner { path: path.to_owned(), expected, got }) }
}

/// The folders used here belong to the user's profile, which Windows keeps from other users.
#[cfg(not(unix))]
fn check_private(_path: &Path, _metadata: &fs::Metadata) -> Result<(), FeedError> {
    Ok(())
}

/// A new temporary folder that passes [`prepare_directory`].
#[cfg(test)]
pub(super) fn private_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("the system has a folder for temporary files");
    #[cfg(unix)]
    fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o700)).expect("the folder is ours");
    folder
}

#[cfg(test)]
#[cfg(all(unix, not(miri)))]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    /// The folder in an environment of the given variables.
    fn of(variables: &[(&str, &str)]) -> Result<PathBuf, FeedError> {
        directory_from(|name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into()))
    }

    #[test]
    fn the_override_wins_and_must_be_absolute() {
        assert_eq!(of(&[("ANACRUSIS_FEED_DIR", "/x/y"), ("XDG_RUNTIME_DIR", "/")]).unwrap(), Path::new("/x/y"));
        assert_eq!(of(&[("ANACRUSIS_FEED_DIR", "x/y")]).unwrap_err().to_string(), "the folder for feeds must be an absolute path, got x/y");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn without_a_usable_runtime_folder_it_is_named_after_the_user() {
        let home = tempfile::tempdir().unwrap();
        let runtime = home.path().to_str().unwrap();
        assert_eq!(of(&[("XDG_RUNTIME_DIR", runtime)]).unwrap(), home.path().join("anacrusis"));
        let fallback = std::env::temp_dir().join(format!("anacrusis-{}", super::super::os::user_id()));
        for unusable in ["relative", "/no/such/folder"] {
            assert_eq!(of(&[("XDG_RUNTIME_DIR", unusable)]).unwrap(), fallback);
        }
        assert_eq!(of(&[]).unwrap(), fallback);
    }

    #[test]
    fn a_new_folder_is_for_us_alone_and_found_again() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("feeds");
        prepare_directory(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        prepare_directory(&path).unwrap();
    }

    #[test]
    fn a_folder_that_others_may_enter_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("open");
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        assert!(matches!(prepare_directory(&path), Err(FeedError::DirectoryNotPrivate { got: 0o755, .. })));
    }

    #[test]
    fn a_link_or_a_file_in_its_place_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let (target, link, file) = (home.path().join("target"), home.path().join("link"), home.path().join("file"));
        prepare_directory(&target).unwrap();
        symlink(&target, &link).unwrap();
        fs::write(&file, "").unwrap();
        for path in [&link, &file] {
            assert!(matches!(prepare_directory(path), Err(FeedError::NoFolder { path: named }) if named == *path));
        }
    }

    #[test]
    fn another_owner_is_named() {
        let ours = super::super::os::user_id();
        let refused = check_owner(Path::new("/x"), ours + 1).unwrap_err();
        assert_eq!(refused.to_string(), format!("/x belongs to user {}, expected {ours}", ours + 1));
    }

    #[test]
    fn a_missing_parent_is_an_error_with_its_path() {
        let refused = prepare_directory(Path::new("/no/such/parent/feeds")).unwrap_err();
        assert!(refused.to_string().starts_with("cannot create the folder /no/such/parent/feeds: "), "{refused}");
    }
}
