//! What the integration tests share: generated audio, golden data and its readers, engine runs. Tests only.

use std::fmt::Display;
use std::io::Write;
use std::path::{Path, PathBuf};

pub mod feed_process;
pub mod feed_samples;
pub mod golden;
pub mod host;
pub mod npy;
pub mod resources;
pub mod runs;
pub mod scenes;
pub mod signals;

/// Folder of the golden data, one folder per stage.
pub fn golden_dir() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden")
}

/// The annotated corpus beside the checkout, or `None`, said aloud.
pub fn corpus_dir() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/eval");
    if folder.join("manifest.json").is_file() {
        return Some(folder);
    }
    say("SKIPPED: there is no corpus in ../shared/eval");
    None
}

/// Says a line that is seen: the test runner hides what passing tests print through `eprintln!`.
pub fn say(line: impl Display) {
    // A closed stderr is nobody's concern.
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
