//! Whole files or none: written beside their place under another name, then renamed. Any thread.
//!
//! Ctrl-C ends a long write at its next piece and waits for a short one, which takes milliseconds, so neither a half-written file nor a
//! temporary one is left behind.

use std::fs::{File, FileTimes};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use crate::exit::Exit;

/// Held for reading by each write in progress, for writing by the end of the program.
static WRITES: RwLock<()> = RwLock::new(());
/// Somebody pressed Ctrl-C.
static IS_ENDING: AtomicBool = AtomicBool::new(false);
/// What is not whole is this much older than its input: more than any file system rounds by.
const STALE_BY: Duration = Duration::from_secs(10);

/// Makes Ctrl-C (and SIGTERM) end the program between two writes. Call once.
///
/// # Errors
/// The system refused the handler.
pub(crate) fn exit_between_writes() -> Result<(), ctrlc::Error> {
    ctrlc::set_handler(|| {
        IS_ENDING.store(true, Ordering::Relaxed);
        let _no_write = WRITES.write().unwrap_or_else(PoisonError::into_inner);
        process::exit(i32::from(Exit::Interrupted as u8));
    })
}

/// Writes a file at once, with the directories that lead to it.
///
/// # Errors
/// What the system says; the target is then as it was.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_whole_with(path, |out| out.write_all(bytes))
}

/// Writes a file piece by piece, with the directories that lead to it.
///
/// # Errors
/// What the system or `write` says; the target is then as it was.
pub(crate) fn write_whole_with<E: From<io::Error>>(path: &Path, write: impl FnOnce(&mut dyn Write) -> Result<(), E>) -> Result<(), E> {
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
    let mut out = BufWriter::new(Interruptible(file.as_file_mut()));
    write(&mut out)?;
    out.flush()?;
    drop(out);
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Dates an output before its input, so that it does not count as done.
///
/// # Errors
/// What the system says.
pub(crate) fn mark_stale(output: &Path, input: &Path) -> io::Result<()> {
    let before = std::fs::metadata(input)?.modified()? - STALE_BY;
    File::options().write(true).open(output)?.set_times(FileTimes::new().set_modified(before))
}

/// A file whose writer stops where the program ends.
struct Interruptible<'a>(&'a mut File);

impl Write for Interruptible<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if IS_ENDING.load(Ordering::Relaxed) {
            return Err(io::Error::other("stopped by Ctrl-C"));
        }
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
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
