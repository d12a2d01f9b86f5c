//! Lists the models under `models/` for `analysis/embedded.rs`, a list a kind. Without any, a list is empty and all builds.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// Environment variable that, where it is set, leaves out the models that were fetched from others: for what is shipped.
const OWN_ONLY: &str = "ANACRUSIS_OWN_MODELS_ONLY";
const FILES: [&str; 2] = ["manifest.json", "model.safetensors"];
/// Kinds of model, and the file that lists those of each.
const KINDS: [(&str, &str); 2] = [("beat_model", "embedded_models.rs"), ("anticipator", "embedded_anticipators.rs")];

fn main() {
    let models = Path::new(&env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("../models");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed={OWN_ONLY}");
    // Cargo looks at the time stamps of everything inside, so a model that appears later is noticed.
    println!("cargo:rerun-if-changed={}", models.display());
    let folders = model_folders(&models);
    for (kind, file) in KINDS {
        let list = format!("&[\n{}]", folders.iter().filter_map(|folder| entry(folder, kind)).collect::<String>());
        let out = Path::new(&env::var("OUT_DIR").expect("cargo sets it")).join(file);
        fs::write(&out, list).expect("the output folder is writable");
    }
}

/// The line of a folder in the list of a kind of model; `None` where it is none of them.
fn entry(folder: &Path, kind: &str) -> Option<String> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let [manifest, weights] = FILES.map(|file| folder.join(file));
    if !manifest.exists() {
        return None;
    }
    match kind_of(&manifest) {
        Ok(of) if of != kind => None,
        Ok(_) if weights.exists() => {
            let mut line = String::new();
            let _ = writeln!(
                line,
                "    EmbeddedModel {{ name: {name:?}, manifest: include_str!({manifest:?}), safetensors: include_bytes!({weights:?}) }},"
            );
            Some(line)
        }
        Ok(_) => {
            println!("cargo:warning=models/{name} is left out: it has no {}", FILES[1]);
            None
        }
        Err(message) => {
            println!("cargo:warning=models/{name} is left out: {message}");
            None
        }
    }
}

/// Folders under `models`, sorted; none where it does not exist.
fn model_folders(models: &Path) -> Vec<PathBuf> {
    let Ok(models) = models.canonicalize() else { return Vec::new() };
    let mut folders: Vec<PathBuf> = fs::read_dir(models).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    folders.retain(|path| path.is_dir() && !path.file_name().unwrap_or_default().to_string_lossy().starts_with('.'));
    folders.sort();
    folders
}

/// The kind of a model; of one that is to be left out none.
fn kind_of(manifest: &Path) -> Result<String, String> {
    let text = fs::read_to_string(manifest).map_err(|e| e.to_string())?;
    let value: serde_json::Value = serde_json::from_str(&text).map_err(|e| e.to_string())?;
    let is_fetched = value["origin"]["package"].is_string();
    if is_fetched && env::var_os(OWN_ONLY).is_some() {
        return Ok(String::new());
    }
    Ok(value["kind"].as_str().unwrap_or_default().to_owned())
}
