//! Lists the files of the web view for `src/view.rs`, so that one that is added to `visualizer/` is served without more.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// What of `visualizer/` is for those who work on it alone.
const LEFT_OUT: [&str; 5] = ["tests", "tools", "node_modules", "package.json", "package-lock.json"];
/// File endings that are served.
const SERVED: [&str; 5] = ["html", "css", "js", "json", "svg"];

fn main() {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("../visualizer");
    let root = root.canonicalize().expect("the workspace has a folder visualizer/");
    println!("cargo:rerun-if-changed=build.rs");
    let mut files = Vec::new();
    for name in names(&root).into_iter().filter(|name| !LEFT_OUT.contains(&name.as_str()) && !name.starts_with('.')) {
        println!("cargo:rerun-if-changed={}", root.join(&name).display());
        collect(&root, Path::new(&name), &mut files);
    }
    files.sort();
    let mut list = String::from("&[\n");
    for file in files {
        let full = root.join(&file);
        let bytes = fs::read(&full).expect("a file of the web view is readable");
        let name = file.to_string_lossy().replace('\\', "/");
        let tag = fnv_1a(&bytes);
        let _ = writeln!(list, "    Asset {{ name: {name:?}, tag: \"\\\"{tag:016x}\\\"\", bytes: include_bytes!({full:?}) }},");
    }
    list.push(']');
    let out = Path::new(&env::var("OUT_DIR").expect("cargo sets it")).join("assets.rs");
    fs::write(out, list).expect("the output folder is writable");
}

/// Adds what is served at `path`, a file or a folder below `root`.
fn collect(root: &Path, path: &Path, files: &mut Vec<PathBuf>) {
    let full = root.join(path);
    if full.is_dir() {
        for name in names(&full) {
            collect(root, &path.join(name), files);
        }
    } else if path.extension().is_some_and(|ending| SERVED.iter().any(|served| ending == *served)) {
        files.push(path.to_owned());
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}

/// FNV-1a, 64 bits (Fowler, Noll, Vo): tells versions of a file apart, and is no secret.
fn fnv_1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}
