//! Checks the dependency direction and the licences of what is linked, from `cargo metadata` and the sources.
//!
//! Invariants (ARCHITECTURE.md): `model-contracts` knows none of our crates; `runtime-core` knows only it, and no device,
//! socket, UI or plugin framework; nothing depends on `anacrusis-plugin`; inside `runtime-core`, `rt` and `analysis`
//! never import each other.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::error::TaskError;
use crate::folders::files_below;
use crate::licence;
use crate::process;

/// What each of our crates may depend on among ours.
const ALLOWED: &[(&str, &[&str])] = &[
    ("model-contracts", &[]),
    ("runtime-core", &["model-contracts"]),
    ("midi-port", &["runtime-core"]),
    ("controller", &["model-contracts"]),
    ("outputs", &["model-contracts"]),
    ("web", &["model-contracts", "outputs"]),
    ("editor", &[]),
    ("anacrusis-plugin", &["model-contracts", "runtime-core", "midi-port", "editor"]),
    ("anacrusis", &["model-contracts", "runtime-core", "controller", "midi-port", "outputs", "web"]),
    ("xtask", &["model-contracts", "runtime-core"]),
    ("integration-tests", &["model-contracts", "runtime-core", "outputs", "editor", "anacrusis", "xtask"]),
];
/// Crates that the engine must not know, directly: devices, sockets, windows, hosts, files formats of audio.
const FOREIGN_TO_CORE: &[&str] = &["cpal", "midir", "symphonia", "tungstenite", "rosc", "egui", "nice-plug", "clap", "indicatif", "tokio"];

/// Runs all checks.
///
/// # Errors
/// [`TaskError::Failed`] with every violation.
pub fn run(root: &Path) -> Result<(), TaskError> {
    let metadata = process::metadata(root, &[])?;
    let mut violations = crate_violations(&metadata);
    violations.extend(import_violations(root)?);
    violations.extend(licence::violations(root, &metadata)?);
    if violations.is_empty() { Ok(()) } else { Err(TaskError::Failed(violations.join("\n"))) }
}

fn crate_violations(metadata: &Value) -> Vec<String> {
    let rules: BTreeMap<&str, &[&str]> = ALLOWED.iter().copied().collect();
    let mut violations = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten().filter(|p| p["source"].is_null()) {
        let name = package["name"].as_str().unwrap_or_default();
        let Some(allowed) = rules.get(name) else {
            violations.push(format!("crate {name} has no rule: add it to xtask/src/dependencies.rs"));
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let other = dependency["name"].as_str().unwrap_or_default();
            if rules.contains_key(other) && !allowed.contains(&other) {
                violations.push(format!("crate {name} must not depend on {other}"));
            }
            if name == "runtime-core" && FOREIGN_TO_CORE.contains(&other) {
                violations.push(format!("runtime-core must not depend on {other}"));
            }
        }
    }
    violations
}

fn import_violations(root: &Path) -> Result<Vec<String>, TaskError> {
    let mut violations = Vec::new();
    for (folder, forbidden) in [("rt", "analysis"), ("analysis", "rt")] {
        for path in rust_files(&root.join("runtime-core/src").join(folder))? {
            let text = fs::read_to_string(&path).map_err(|e| TaskError::io(&path, e))?;
            if imports(&text, forbidden) {
                violations.push(format!("{} imports crate::{forbidden}", path.display()));
            }
        }
    }
    Ok(violations)
}

/// Whether code (not comments) names the module `crate::<module>`.
fn imports(text: &str, module: &str) -> bool {
    let needles = [format!("crate::{module}"), format!("super::super::{module}")];
    text.lines().filter(|line| !line.trim_start().starts_with("//")).any(|line| {
        needles.iter().any(|needle| {
            line.match_indices(needle.as_str()).any(|(at, _)| {
                let rest = &line[at + needle.len()..];
                !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_')
            })
        })
    })
}

/// All `.rs` files below a folder, sorted.
///
/// # Errors
/// A folder that cannot be read.
pub(crate) fn rust_files(folder: &Path) -> Result<BTreeSet<PathBuf>, TaskError> {
    let is_rust = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "rs");
    Ok(files_below(folder)?.into_iter().filter(is_rust).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_are_found_and_comments_and_longer_names_are_not() {
        assert!(imports("use crate::analysis::engine;", "analysis"));
        assert!(imports("    let x = crate::rt::downmix::f();", "rt"));
        assert!(!imports("//! crate::analysis runs elsewhere", "analysis"));
        assert!(!imports("use crate::rtrb_like;", "rt"));
    }

    #[test]
    fn a_forbidden_dependency_is_named() {
        let metadata = serde_json::json!({"packages": [
            {"name": "runtime-core", "source": null, "dependencies": [{"name": "anacrusis"}, {"name": "cpal"}, {"name": "realfft"}]},
            {"name": "newcomer", "source": null, "dependencies": []},
        ]});
        assert_eq!(crate_violations(&metadata).len(), 3, "{:?}", crate_violations(&metadata));
    }

    #[test]
    fn the_workspace_keeps_its_rules() {
        run(&crate::workspace_root()).unwrap();
    }
}
