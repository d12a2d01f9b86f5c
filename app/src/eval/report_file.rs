//! A report as a file of JSON. Any thread.

use std::io::Write;
use std::path::Path;

use serde::Serialize;

/// Writes a report, whole or not at all: first beside the file, then over it.
///
/// # Errors
/// The folder is not writable.
pub fn write(path: &Path, report: &impl Serialize) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    // A temporary file is private by default; a report is an ordinary file, so the umask decides.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder)?;
    serde_json::to_writer_pretty(&mut file, report)?;
    file.write_all(b"\n")?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}
