//! `cargo xtask file-map`: writes the list of source files in ARCHITECTURE.md from what each file says of itself.
//!
//! The first sentence of a file's `//!` header is its line, so the map cannot contradict the code; a stale map fails
//! `cargo xtask test`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::dependencies::rust_files;
use crate::error::TaskError;
use crate::marked::Marked;

const FILE: &str = "ARCHITECTURE.md";
const MAP: Marked = Marked { name: "file map", command: "cargo xtask file-map" };
/// Folders with sources, in the order of the pipe, and what each is.
const FOLDERS: [(&str, &str); 14] = [
    ("model_contracts", "crate `model-contracts`: the numbers that everything shares"),
    ("runtime-core", "crate `runtime-core`: from samples to beats"),
    ("midi_port/src", "crate `midi-port`: MIDI clock through a port of the system"),
    ("plugin/src", "crate `anacrusis-plugin`: CLAP, VST3 and standalone"),
    ("controller/src", "crate `controller`: the fast controller for visuals"),
    ("outputs/src", "crate `outputs`: what is said to other programs and devices, as events and as bytes"),
    ("web/src", "crate `web`: the app's HTTP and WebSocket server"),
    ("app/src", "crate `anacrusis`: the command line"),
    ("app/tests", "tests of the real binary"),
    ("tests/src", "crate `integration-tests`: what its tests share"),
    ("tests/tests", "tests that cross crates"),
    ("xtask/src", "crate `xtask`: project tasks"),
    ("xtask/tests", "tests of the tasks"),
    ("fuzz/targets", "fuzz targets"),
];

/// Writes the map, or with `check` only compares it.
///
/// # Errors
/// A missing marker, a source without a header, or (with `check`) a stale map.
pub fn run(root: &Path, check: bool) -> Result<(), TaskError> {
    MAP.write(&root.join(FILE), &map(root)?, check)
}

fn map(root: &Path) -> Result<String, TaskError> {
    let mut text = String::new();
    for (folder, what) in FOLDERS {
        let full = root.join(folder);
        let files: BTreeSet<PathBuf> = if full.is_dir() { rust_files(&full)? } else { BTreeSet::new() };
        if files.is_empty() {
            continue;
        }
        let _ = writeln!(text, "\n**`{folder}/`** {what}\n");
        for path in files {
            let source = fs::read_to_string(&path).map_err(|e| TaskError::io(&path, e))?;
            let name = path.strip_prefix(&full).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            let sentence = first_sentence(&source)
                .ok_or_else(|| TaskError::Failed(format!("{} does not open with //! saying what it is", path.display())))?;
            let _ = writeln!(text, "- `{name}`: {sentence}");
        }
    }
    text.push('\n');
    Ok(text)
}

/// The first sentence of the `//!` header, without its full stop.
fn first_sentence(source: &str) -> Option<String> {
    let lines = source.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim).take_while(|line| !line.is_empty());
    let paragraph = lines.collect::<Vec<_>>().join(" ");
    let sentence = without_links(paragraph.split(". ").next()?.trim_end_matches(['.', ':']));
    (!sentence.is_empty()).then_some(sentence)
}

/// The text with `[name](path)` and `[name]` as `name`: links between items of code lead nowhere in a document.
fn without_links(text: &str) -> String {
    let mut parts = text.split("[`");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once("`]").unwrap_or((part, ""));
        let rest = rest.strip_prefix('(').and_then(|path| path.split_once(')')).map_or(rest, |(_, rest)| rest);
        let _ = write!(plain, "`{name}`{rest}");
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_gives_its_first_sentence() {
        assert_eq!(first_sentence("//! One\n//! file. Any thread.\n//!\n//! More.\nuse x;"), Some("One file".to_owned()));
        assert_eq!(first_sentence("//! `.beats`: a line a beat.\n"), Some("`.beats`: a line a beat".to_owned()));
        assert_eq!(first_sentence("//! Of [`A`](super::A) and [`B`], too."), Some("Of `A` and `B`, too".to_owned()));
        assert_eq!(first_sentence("use x;\n//! late"), None);
    }

    #[test]
    fn a_file_without_a_header_is_named() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("fuzz/targets")).unwrap();
        fs::write(root.path().join("fuzz/targets/bare.rs"), "fn main() {}").unwrap();
        assert!(map(root.path()).unwrap_err().to_string().contains("bare.rs does not open with"));
    }
}
