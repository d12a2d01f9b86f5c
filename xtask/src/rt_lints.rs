//! Proves that clippy refuses on the audio thread what `runtime-core/src/rt/` must not use.
//!
//! A crate with one offending line, the repository's `clippy.toml` and the deny attributes of `rt/mod.rs` must fail with
//! the lint's name, for each kind of offence; the same crate without it must pass. A lint that was switched off, or a
//! path in the list that no longer names anything, would otherwise go unnoticed.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::error::TaskError;

/// Where the attributes are read from.
const RT_MODULE: &str = "runtime-core/src/rt/mod.rs";
/// Body of the crate that must pass.
const CLEAN: &str = "pub fn mean(a: f32, b: f32) -> f32 { 0.5 * (a + b) }";

/// Code that must be refused, and the lint that refuses it.
const OFFENCES: [(&str, &str); 9] = [
    ("pub fn f(x: &Vec<f32>) -> usize { x.len() }", "disallowed_types"),
    ("pub fn f(x: &std::sync::Mutex<f32>) -> bool { x.is_poisoned() }", "disallowed_types"),
    ("pub fn f(x: &std::sync::Arc<f32>) -> f32 { **x }", "disallowed_types"),
    ("pub fn f() -> u128 { std::time::Instant::now().elapsed().as_nanos() }", "disallowed_types"),
    ("pub fn f() { println!(\"beat\"); }", "disallowed_macros"),
    ("pub fn f() { panic!(\"beat\"); }", "disallowed_macros"),
    ("pub fn f() { std::thread::yield_now(); }", "disallowed_methods"),
    ("pub fn f(x: Option<f32>) -> f32 { x.unwrap() }", "unwrap_used"),
    ("pub fn f(x: &[f32], n: usize) -> f32 { x[n] }", "indexing_slicing"),
];

/// Runs clippy on the clean crate and on each offence.
///
/// # Errors
/// An offence that passes, a clean crate that does not, or clippy missing.
pub fn run(root: &Path) -> Result<(), TaskError> {
    let module = root.join(RT_MODULE);
    let attributes = deny_attributes(&fs::read_to_string(&module).map_err(|e| TaskError::io(&module, e))?);
    let scratch = tempfile::tempdir().map_err(|e| TaskError::io(Path::new("the folder for temporary files"), e))?;
    write(scratch.path(), "Cargo.toml", "[package]\nname = \"canary\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n")?;
    let clippy_toml = root.join("clippy.toml");
    write(scratch.path(), "clippy.toml", &fs::read_to_string(&clippy_toml).map_err(|e| TaskError::io(&clippy_toml, e))?)?;
    let lint = |code: &str| {
        write(scratch.path(), "src/lib.rs", &format!("{attributes}\n{code}\n"))?;
        clippy(scratch.path())
    };
    if let Some(message) = lint(CLEAN)? {
        return Err(TaskError::Failed(format!("clippy refuses harmless code in rt/:\n{message}")));
    }
    for (code, name) in OFFENCES {
        let message = lint(code)?.unwrap_or_else(|| "it passes".to_owned());
        if !message.contains(&format!("clippy::{}", name.replace('_', "-"))) && !message.contains(&format!("#{name}")) {
            return Err(TaskError::Failed(format!("in rt/, `{code}` must be refused by clippy::{name}, but: {message}")));
        }
    }
    Ok(())
}

/// The `deny` attributes at the head of a module, as they bind outside of tests.
fn deny_attributes(module: &str) -> String {
    let denied = module.lines().filter_map(|line| {
        let rest = line.trim().strip_prefix("#![")?;
        let list = rest.strip_prefix("cfg_attr(not(test), deny(").or_else(|| rest.strip_prefix("deny("))?;
        Some(format!("#![deny({})]", list.split(')').next()?))
    });
    denied.collect::<Vec<_>>().join("\n")
}

/// What clippy says against the crate in `folder`, or `None` where it passes.
fn clippy(folder: &Path) -> Result<Option<String>, TaskError> {
    let mut command = Command::new("cargo");
    command.args(["clippy", "--quiet", "--offline", "--color=never"]).current_dir(folder);
    command.env("CARGO_TARGET_DIR", folder.join("target")).env("CLIPPY_CONF_DIR", folder).env_remove("RUSTFLAGS");
    let output = command.output().map_err(|e| TaskError::Tool { tool: "cargo clippy", message: e.to_string() })?;
    Ok((!output.status.success()).then(|| String::from_utf8_lossy(&output.stderr).into_owned()))
}

fn write(folder: &Path, name: &str, text: &str) -> Result<(), TaskError> {
    let path = folder.join(name);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(|e| TaskError::io(parent, e))?;
    }
    fs::write(&path, text).map_err(|e| TaskError::io(&path, e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_attributes_of_rt_are_found() {
        let text = fs::read_to_string(crate::workspace_root().join(RT_MODULE)).unwrap();
        let attributes = deny_attributes(&text);
        for lint in ["disallowed_types", "disallowed_methods", "disallowed_macros", "unwrap_used", "indexing_slicing"] {
            assert!(attributes.contains(lint), "{lint} in {attributes}");
        }
        assert_eq!(deny_attributes("//! x\n#![allow(clippy::all)]\npub mod y;\n"), "");
        assert_eq!(deny_attributes("#![deny(a, b)]\n#![cfg_attr(not(test), deny(c))]"), "#![deny(a, b)]\n#![deny(c)]");
    }

    #[test]
    fn a_missing_attribute_is_noticed() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), RT_MODULE, "//! nothing is denied\n").unwrap();
        write(root.path(), "clippy.toml", "").unwrap();
        let message = run(root.path()).unwrap_err().to_string();
        assert!(message.contains("must be refused by clippy::disallowed_types"), "{message}");
    }
}
