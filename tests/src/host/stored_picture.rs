//! Pictures of the window that are stored, compared or written anew. Tests only.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::picture::{BLOCK_PIXELS, BLOCK_TOLERANCE, MEAN_TOLERANCE, Picture};
use crate::golden::{Manifest, files_in};
use crate::golden_dir;

/// Compares with the stored picture, or writes it where pictures are asked for (`cargo xtask editor-pictures`).
///
/// # Panics
/// Where they differ by more than the tolerances, or the stored one cannot be read.
pub fn check_picture(name: &str, picture: &Picture) {
    if let Some(folder) = std::env::var_os(xtask::editor_pictures::FOLDER_VARIABLE) {
        let folder = PathBuf::from(folder);
        picture.write(&folder.join(format!("{name}.png")));
        write_manifest(&folder);
        return;
    }
    let path = golden_dir().join("editor").join(format!("{name}.png"));
    let stored = Picture::read(&path).unwrap_or_else(|e| panic!("{e}"));
    let difference = picture.difference(&stored);
    if difference > BLOCK_TOLERANCE {
        let seen = std::env::temp_dir().join(format!("{name}-seen.png"));
        picture.write(&seen);
        panic!("{name}: {:.1} % of the blocks differ from {}; what was seen is in {}", 100.0 * difference, path.display(), seen.display());
    }
}

fn write_manifest(folder: &Path) {
    let manifest = Manifest {
        format: 1,
        content: "The plugin's window in a CLAP host, drawn by OpenGL in software: stopped, and after 18.3 s of the demo clip at zooms of 100 and 200 %.".to_owned(),
        generator: "cargo xtask editor-pictures".to_owned(),
        tolerance: tolerances(),
        files: files_in(folder),
    };
    let text = serde_json::to_string_pretty(&manifest).expect("strings and numbers make JSON") + "\n";
    std::fs::write(folder.join("MANIFEST.json"), text).expect("a writable folder");
}

/// By how much a picture may differ, as its manifest says it.
pub fn tolerances() -> BTreeMap<String, f64> {
    let block = format!("mean of a colour, of 255, over {BLOCK_PIXELS} x {BLOCK_PIXELS} pixels");
    [(block, MEAN_TOLERANCE), ("share of the blocks".to_owned(), BLOCK_TOLERANCE)].into()
}
