//! What can be wrong with a feed, its directory or its file: one variant per cause, each with its value. Any thread.

use std::path::PathBuf;

/// Why a feed could not be made, found or read.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The system names no folder of the user.
    #[error("no folder for feeds: set {variable}, or ANACRUSIS_FEED_DIR to an absolute path")]
    NoDirectory {
        /// The variable of the environment that is missing.
        variable: &'static str,
    },
    /// The folder for feeds is named by a relative path.
    #[error("the folder for feeds must be an absolute path, got {path}", path = .path.display())]
    RelativeDirectory {
        /// The path.
        path: PathBuf,
    },
    /// Something that is no folder, or a link, stands where the folder should be.
    #[error("{path} is not a folder (links are not followed)", path = .path.display())]
    NoFolder {
        /// The path.
        path: PathBuf,
    },
    /// The folder or file belongs to another user.
    #[error("{path} belongs to user {got}, expected {expected}", path = .path.display())]
    OtherOwner {
        /// The path.
        path: PathBuf,
        /// Our user id.
        expected: u32,
        /// The owner's user id.
        got: u32,
    },
    /// Other users may enter the folder.
    #[error("{path} has mode {got:o}, expected 700: other users could reach the feeds", path = .path.display())]
    DirectoryNotPrivate {
        /// The path.
        path: PathBuf,
        /// Its permission bits.
        got: u32,
    },
    /// Every instance number of this process is taken.
    #[error("{path} already holds {limit} feeds of process {pid}", path = .path.display())]
    TooManyFeeds {
        /// The folder.
        path: PathBuf,
        /// This process.
        pid: u32,
        /// Feeds that one process may have.
        limit: u32,
    },
    /// The system refused something.
    #[error("cannot {action} {path}: {source}", path = .path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Not a regular file.
    #[error("{path} is not a regular file", path = .path.display())]
    NoFile {
        /// The path.
        path: PathBuf,
    },
    /// The bytes of the header are not those of a feed.
    #[error("{path}: {source}", path = .path.display())]
    Header {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: HeaderError,
    },
    /// The file became shorter than its header says.
    #[error("{path} was cut to {got} bytes, expected {expected}", path = .path.display())]
    Cut {
        /// The file.
        path: PathBuf,
        /// Bytes by its header.
        expected: u64,
        /// Bytes that are left.
        got: u64,
    },
    /// Nothing has been published in this section yet.
    #[error("{path}: no {section} has been published yet", path = .path.display())]
    NothingYet {
        /// The file.
        path: PathBuf,
        /// Name of the section.
        section: &'static str,
    },
    /// A write was in progress at every try: the writer died in the middle of it, or is stopped.
    #[error("{path}: a write of the {section} never ended; its writer was stopped or died", path = .path.display())]
    NeverStill {
        /// The file.
        path: PathBuf,
        /// Name of the section.
        section: &'static str,
    },
    /// The writer's heartbeat stopped.
    #[error("{path}: the writer is gone, its last heartbeat is {age_ms} ms old", path = .path.display())]
    Gone {
        /// The file.
        path: PathBuf,
        /// Age of the heartbeat, milliseconds; `u64::MAX` where it lies in the future, from before the last boot.
        age_ms: u64,
    },
}

impl FeedError {
    /// An I/O error with what was tried.
    pub(super) fn io(action: &'static str, path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        Self::Io { action, path: path.into(), source }
    }
}

/// Why bytes are not the header of a feed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// The file is shorter than it must be.
    #[error("{got} bytes, expected at least {expected}")]
    Short {
        /// Bytes needed.
        expected: u64,
        /// Bytes there.
        got: u64,
    },
    /// Other first bytes.
    #[error("magic is {got:?}, expected \"ANACFEED\"")]
    Magic {
        /// The first eight bytes, made printable.
        got: String,
    },
    /// Another layout.
    #[error("layout version is {got}, expected {expected}")]
    Version {
        /// The version that this program reads.
        expected: u32,
        /// The version of the file.
        got: u32,
    },
    /// A number of the header that is not what the version says.
    #[error("{field} is {got}, expected {expected}")]
    Field {
        /// Name of the field.
        field: &'static str,
        /// What this version has there.
        expected: u64,
        /// What the file has.
        got: u64,
    },
    /// A section outside the file, in the header, or on no word boundary.
    #[error("the {section} section lies at {offset} with {bytes} bytes, outside the {total} bytes of the file or misaligned")]
    Section {
        /// Name of the section.
        section: &'static str,
        /// Its offset, bytes.
        offset: u64,
        /// Its size, bytes.
        bytes: u64,
        /// Size of the file, bytes.
        total: u64,
    },
}
