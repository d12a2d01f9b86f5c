//! Whole files or none: written beside their place under another name, then renamed. Any thread.
//!
//! Ctrl-C waits for the write in progress, which takes milliseconds, so neither a half-written file nor a temporary one
//! is left behind.

use std::io::{self, Write};
use std::path::Path;
use std::process;
use std::sync::{PoisonError, RwLock};

use crate::exit::Exit;

/// Held for reading by each write in progress, for writing by the end of the program.
static WRITES: RwLock<()> = RwLock::new(());

/// Makes Ctrl-C (and SIGTERM) end the program between two writes. Call once.
///
/// # Errors
/// The system refused the handler.
pub(crate) fn exit_between_writes() -> Result<(), ctrlc::Error> {
    ctrlc::set_handler(|| {
        let _no_write = WRITES.write().unwrap_or_else(PoisonError::into_inner);
        process::exit(i32::from(Exit::Interrupted as u8));
    })
}

/// Writes a file at once, with the directories that lead to it.
///
/// # Errors
/// What the system says; the target is then as it was.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let _write = WRITES.read().unwrap_or_else(PoisonError::into_inner);
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(".anacrusis-").suffix(".tmp");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // A temporary file is private unless told otherwise; the user's umask decides, as for any new file.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_nothing_else_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/deep/x.beats");
        write_whole(&path, b"one").unwrap();
        write_whole(&path, b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_failed_write_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("taken");
        std::fs::create_dir_all(target.join("by a directory")).unwrap();
        write_whole(&target, b"x").unwrap_err();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn others_may_read_what_the_umask_allows() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (ours, plain) = (folder.path().join("ours"), folder.path().join("plain"));
        write_whole(&ours, b"x").unwrap();
        std::fs::write(&plain, b"x").unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&ours), mode(&plain));
    }
}
