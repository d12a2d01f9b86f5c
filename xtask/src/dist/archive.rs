//! A folder as a `.tar.gz` that has the same bytes whoever makes it: sorted, without times and owners.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::error::TaskError;
use crate::folders::files_below;

/// Rights of what can be run, and of what cannot.
const RIGHTS: (u32, u32) = (0o755, 0o644);

/// Writes `folder`, under its own name, to `archive`.
///
/// # Errors
/// A file that cannot be read, or an archive that cannot be written.
pub(super) fn write(folder: &Path, archive: &Path) -> Result<(), TaskError> {
    let failed = |e: std::io::Error| TaskError::io(archive, e);
    let file = BufWriter::new(File::create(archive).map_err(failed)?);
    let mut tar = tar::Builder::new(GzEncoder::new(file, Compression::best()));
    let parent = folder.parent().unwrap_or(Path::new(""));
    for path in files_below(folder)? {
        let name = path.strip_prefix(parent).expect("found below the folder");
        let bytes = fs::read(&path).map_err(|e| TaskError::io(&path, e))?;
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(if is_executable(&path)? { RIGHTS.0 } else { RIGHTS.1 });
        header.set_mtime(0);
        tar.append_data(&mut header, name, bytes.as_slice()).map_err(failed)?;
    }
    tar.into_inner().and_then(GzEncoder::finish).and_then(|mut file| file.flush()).map_err(failed)
}

#[cfg(unix)]
fn is_executable(path: &Path) -> Result<bool, TaskError> {
    use std::os::unix::fs::PermissionsExt;
    let rights = fs::metadata(path).map_err(|e| TaskError::io(path, e))?.permissions();
    Ok(rights.mode() & 0o100 != 0)
}

#[cfg(not(unix))]
fn is_executable(path: &Path) -> Result<bool, TaskError> {
    Ok(path.extension().is_some_and(|extension| extension == "exe"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_files_make_the_same_bytes_and_come_out_again() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("thing-1.0");
        fs::create_dir_all(folder.join("b")).unwrap();
        fs::write(folder.join("b/two"), "2").unwrap();
        fs::write(folder.join("a"), "1").unwrap();
        let (first, second) = (place.path().join("first.tar.gz"), place.path().join("second.tar.gz"));
        write(&folder, &first).unwrap();
        // Written again, at another time and in another order.
        fs::remove_file(folder.join("a")).unwrap();
        fs::write(folder.join("a"), "1").unwrap();
        write(&folder, &second).unwrap();
        assert_eq!(fs::read(&first).unwrap(), fs::read(&second).unwrap());
        let out = place.path().join("out");
        tar::Archive::new(flate2::read::GzDecoder::new(File::open(&first).unwrap())).unpack(&out).unwrap();
        assert_eq!(fs::read_to_string(out.join("thing-1.0/b/two")).unwrap(), "2");
    }

    #[cfg(unix)]
    #[test]
    fn programs_stay_programs() {
        use std::os::unix::fs::PermissionsExt;
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("x");
        fs::create_dir_all(&folder).unwrap();
        for (name, rights) in [("program", 0o700), ("text", 0o600)] {
            fs::write(folder.join(name), "").unwrap();
            fs::set_permissions(folder.join(name), fs::Permissions::from_mode(rights)).unwrap();
        }
        let archive = place.path().join("x.tar.gz");
        write(&folder, &archive).unwrap();
        let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(File::open(&archive).unwrap()));
        let modes: Vec<u32> = tar.entries().unwrap().map(|entry| entry.unwrap().header().mode().unwrap()).collect();
        assert_eq!(modes, [0o755, 0o644]);
    }

    #[test]
    fn a_folder_that_is_missing_is_named() {
        let place = tempfile::tempdir().unwrap();
        let error = write(&place.path().join("none"), &place.path().join("x.tar.gz")).unwrap_err();
        assert!(error.to_string().contains("none"), "{error}");
    }
}
