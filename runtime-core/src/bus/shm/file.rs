//! Feed files by name, and opening one without trusting it.
//!
//! Where: under `writer`, `reader` and `sweep`. Any thread but the audio thread.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::error::FeedError;
use super::header::FeedHeader;
use super::layout::HEADER_BYTES;

/// Name of a feed file.
pub(super) fn feed_name(pid: u32, instance: u32) -> String {
    format!("feed-{pid}-{instance}.bin")
}

/// Name of a feed file while it is written; nobody lists it.
pub(super) fn unfinished_name(pid: u32, instance: u32) -> String {
    format!(".feed-{pid}-{instance}.tmp")
}

/// What a file name says of a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileName {
    /// Process of the writer.
    pub(super) pid: u32,
    /// Whether the file was not finished.
    pub(super) unfinished: bool,
}

/// The parts of a file name, or `None` where it is not one of ours.
pub(super) fn parse_name(name: &str) -> Option<FileName> {
    let (unfinished, numbers) = match name.strip_prefix('.') {
        Some(rest) => (true, rest.strip_prefix("feed-")?.strip_suffix(".tmp")?),
        None => (false, name.strip_prefix("feed-")?.strip_suffix(".bin")?),
    };
    let (pid, instance) = numbers.split_once('-')?;
    let number = |digits: &str| digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse::<u32>().ok()).flatten();
    number(instance)?;
    Some(FileName { pid: number(pid)?, unfinished })
}

/// All files of a folder with a name of ours, in order of their paths. A folder that does not exist has none.
pub(super) fn named_files(directory: &Path) -> Result<Vec<(PathBuf, FileName)>, FeedError> {
    let entries = match fs::read_dir(directory) {
        Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|source| FeedError::io("list", directory, source))?,
    };
    let mut files: Vec<(PathBuf, FileName)> =
        entries.filter_map(Result::ok).filter_map(|entry| Some((entry.path(), entry.file_name().to_str().and_then(parse_name)?))).collect();
    files.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(files)
}

/// Opens a feed file for reading and checks its kind, owner and header.
pub(super) fn open_checked(path: &Path) -> Result<(File, FeedHeader), FeedError> {
    // Before it is opened: opening a named pipe would wait for its other end.
    let found = fs::symlink_metadata(path).map_err(|source| FeedError::io("open", path, source))?;
    if !found.is_file() {
        return Err(FeedError::NoFile { path: path.to_owned() });
    }
    let mut file = File::open(path).map_err(|source| FeedError::io("open", path, source))?;
    let metadata = file.metadata().map_err(|source| FeedError::io("inspect", path, source))?;
    #[cfg(unix)]
    super::directory::check_owner(path, std::os::unix::fs::MetadataExt::uid(&metadata))?;
    let mut bytes = Vec::with_capacity(HEADER_BYTES);
    (&mut file).take(HEADER_BYTES as u64).read_to_end(&mut bytes).map_err(|source| FeedError::io("read", path, source))?;
    let header = FeedHeader::parse(&bytes, metadata.len()).map_err(|source| FeedError::Header { path: path.to_owned(), source })?;
    Ok((file, header))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        assert_eq!(parse_name(&feed_name(12, 3)), Some(FileName { pid: 12, unfinished: false }));
        assert_eq!(parse_name(&unfinished_name(12, 3)), Some(FileName { pid: 12, unfinished: true }));
    }

    #[test]
    fn other_names_are_not_ours() {
        for name in [
            "",
            "feed-1.bin",
            "feed-1-2.tmp",
            ".feed-1-2.bin",
            "feed-1-2.bin.txt",
            "feed--1.bin",
            "feed-+1-2.bin",
            "feed-99999999999-1.bin",
        ] {
            assert_eq!(parse_name(name), None, "{name:?}");
        }
    }

    #[test]
    #[cfg_attr(miri, ignore)]
    fn a_missing_folder_has_no_feeds() {
        assert!(named_files(Path::new("/no/such/folder")).unwrap().is_empty());
    }

    #[test]
    #[cfg(unix)]
    #[cfg_attr(miri, ignore)]
    fn what_is_no_regular_file_is_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("feed-1-1.bin");
        std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
        for path in [folder.path(), &link] {
            assert!(matches!(open_checked(path), Err(FeedError::NoFile { .. })), "{path:?}");
        }
    }
}
