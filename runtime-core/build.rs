//! Lists the beat models under `models/` for `analysis/embedded.rs`. Without any, the list is empty and all builds.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

const FILES: [&str; 2] = ["manifest.json", "model.safetensors"];

fn main() {
    let models = Path::new(&env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("../models");
    println!("cargo:rerun-if-changed=build.rs");
    // Cargo looks at the time stamps of everything inside, so a model that appears later is noticed.
    println!("cargo:rerun-if-changed={}", models.display());
    let mut list = "&[\n".to_owned();
    for folder in model_folders(&models) {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let [manifest, weights] = FILES.map(|file| folder.join(file));
        if !manifest.exists() {
            continue;
        }
        match is_beat_model(&manifest) {
            Ok(true) if weights.exists() => {
                let _ = writeln!(
                    list,
                    "    EmbeddedModel {{ name: {name:?}, manifest: include_str!({manifest:?}), safetensors: include_bytes!({weights:?}) }},"
                );
            }
            Ok(true) => println!("cargo:warning=models/{name} is left out: it has no {}", FILES[1]),
            Ok(false) => {}
            Err(message) => println!("cargo:warning=models/{name} is left out: {message}"),
        }
    }
    list.push(']');
    let out = Path::new(&env::var("OUT_DIR").expect("cargo sets it")).join("embedded_models.rs");
    fs::write(&out, list).expect("the output folder is writable");
}

/// Folders under `models`, sorted; none where it does not exist.
fn model_folders(models: &Path) -> Vec<PathBuf> {
    let Ok(models) = models.canonicalize() else { return Vec::new() };
    let mut folders: Vec<PathBuf> = fs::read_dir(models).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    folders.retain(|path| path.is_dir() && !path.file_name().unwrap_or_default().to_string_lossy().starts_with('.'));
    folders.sort();
    folders
}

fn is_beat_model(manifest: &Path) -> Result<bool, String> {
    let text = fs::read_to_string(manifest).map_err(|e| e.to_string())?;
    let value: serde_json::Value = serde_json::from_str(&text).map_err(|e| e.to_string())?;
    Ok(value["kind"] == "beat_model")
}
