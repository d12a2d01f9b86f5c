//! `cargo xtask codegen`: writes `model_contracts/src/v1.rs` from `model_contracts/v1.json`.
//!
//! One rule a JSON type: whole numbers become `u32`, other numbers `f64`, strings `&str`, arrays of one of these
//! become arrays (of `f64` where only some numbers are whole), objects become modules. Arrays of mixed content (tensor
//! shapes) stay in the JSON, where the loader reads them. The part of the controller also goes to the page, as
//! JavaScript. A stale copy fails `cargo xtask codegen --check`, which `cargo xtask test` runs.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use model_contracts::{Contract, ModelKind, canonical_json};
use serde_json::{Map, Value};

use crate::error::TaskError;

const HEADER: &str = "//! Constants of the contract, written from `v1.json` by `cargo xtask codegen`. Do not edit.\n\n";
const PAGE_HEADER: &str =
    "// Constants of the controller, written from `model_contracts/v1.json` by `cargo xtask codegen`. Do not edit.\n\n";

/// Writes the constants, or with `check` only compares them.
///
/// # Errors
/// An unreadable contract, or (with `check`) a stale file.
pub fn run(root: &Path, check: bool) -> Result<(), TaskError> {
    let json_path = root.join("model_contracts/v1.json");
    let json = fs::read_to_string(&json_path).map_err(|e| TaskError::io(&json_path, e))?;
    renew(root.join("model_contracts/src/v1.rs"), &rustfmt(&generate(&json)?)?, check)?;
    renew(root.join("visualizer/controller/contract.js"), &generate_page(&json)?, check)
}

/// Writes a file that is not `fresh`, or with `check` refuses it.
fn renew(path: PathBuf, fresh: &str, check: bool) -> Result<(), TaskError> {
    let present = fs::read_to_string(&path).unwrap_or_default();
    match (check, present == fresh) {
        (_, true) => Ok(()),
        (true, false) => Err(TaskError::Stale { path, remedy: "cargo xtask codegen" }),
        (false, false) => fs::write(&path, fresh).map_err(|e| TaskError::io(&path, e)),
    }
}

/// The JavaScript text for a contract: a constant for each field of its controller, and the controller's rate.
///
/// # Errors
/// A contract that its own validator refuses.
pub fn generate_page(json: &str) -> Result<String, TaskError> {
    let contract = Contract::parse(json)?;
    let mut text = PAGE_HEADER.to_owned();
    let _ = writeln!(text, "export const CONTROLLER_HZ = {};", contract.clocks.controller_hz);
    if let Some(Value::Object(map)) = contract.value().get("controller") {
        for (key, value) in map {
            let _ = writeln!(text, "export const {} = {};", key.to_uppercase(), canonical_json(value));
        }
    }
    Ok(text)
}

/// The Rust text for a contract.
///
/// # Errors
/// A contract that its own validator refuses.
pub fn generate(json: &str) -> Result<String, TaskError> {
    let contract = Contract::parse(json)?;
    let mut text = HEADER.to_owned();
    if let Value::Object(map) = contract.value() {
        write_object(map, "", &mut text);
    }
    for (kind, name, models) in
        [(ModelKind::BeatModel, "BEAT_MODEL", "beat models depend"), (ModelKind::Anticipator, "ANTICIPATOR", "anticipators depend")]
    {
        let hash = contract.scope_hash(kind)?;
        let _ = write!(text, "\n/// Hash of the part of the contract that {models} on.\npub const {name}_SCOPE_HASH: &str = {hash:?};\n");
    }
    Ok(text)
}

fn write_object(map: &Map<String, Value>, pointer: &str, text: &mut String) {
    for (key, value) in map {
        let pointer = format!("{pointer}/{key}");
        if let Some((rust_type, literal)) = constant(value) {
            let name = key.to_uppercase();
            let _ = write!(text, "/// `{pointer}`\npub const {name}: {rust_type} = {literal};\n");
        } else if let Value::Object(inner) = value
            && key != "hash_scope"
        {
            let mut body = String::new();
            write_object(inner, &pointer, &mut body);
            // The one key that is a word of Rust's own.
            let name = if key == "struct" { "r#struct" } else { key };
            let _ = write!(text, "\n/// `{pointer}`\npub mod {name} {{\n{body}}}\n");
        }
    }
}

/// Rust type and literal of a value that can be a constant.
fn constant(value: &Value) -> Option<(String, String)> {
    match value {
        Value::String(text) => Some(("&str".to_owned(), format!("{text:?}"))),
        Value::Number(number) if number.is_u64() => Some(("u32".to_owned(), number.to_string())),
        Value::Number(number) => Some(("f64".to_owned(), number.to_string())),
        Value::Bool(flag) => Some(("bool".to_owned(), flag.to_string())),
        Value::Array(items) => {
            let are_numbers = items.iter().all(Value::is_number) && !items.iter().all(Value::is_u64);
            // `{:?}` keeps the point of a whole number.
            let float = |item: &Value| item.as_f64().map(|number| ("f64".to_owned(), format!("{number:?}")));
            let parts: Vec<(String, String)> =
                items.iter().map(|item| if are_numbers { float(item) } else { constant(item) }).collect::<Option<_>>()?;
            let element = parts.first()?.0.clone();
            if parts.iter().any(|part| part.0 != element || part.0.starts_with('[')) {
                return None;
            }
            let literals: Vec<&str> = parts.iter().map(|part| part.1.as_str()).collect();
            Some((format!("[{element}; {}]", items.len()), format!("[{}]", literals.join(", "))))
        }
        _ => None,
    }
}

fn rustfmt(text: &str) -> Result<String, TaskError> {
    use std::io::Write as _;
    let failed = |e: std::io::Error| TaskError::Tool { tool: "rustfmt", message: e.to_string() };
    let mut child = Command::new("rustfmt")
        .args(["--edition", "2024", "--config", "max_width=140,use_small_heuristics=Max"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    child.stdin.take().expect("stdin was piped two lines above").write_all(text.as_bytes()).map_err(failed)?;
    let output = child.wait_with_output().map_err(failed)?;
    if !output.status.success() {
        return Err(TaskError::Tool { tool: "rustfmt", message: format!("exit {}", output.status) });
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_become_constants_of_their_type() {
        assert_eq!(constant(&serde_json::json!(3)), Some(("u32".into(), "3".into())));
        assert_eq!(constant(&serde_json::json!(12.5)), Some(("f64".into(), "12.5".into())));
        assert_eq!(constant(&serde_json::json!(["a", "b"])), Some(("[&str; 2]".into(), "[\"a\", \"b\"]".into())));
        assert_eq!(constant(&serde_json::json!([0, -1, 0.5])), Some(("[f64; 3]".into(), "[0.0, -1.0, 0.5]".into())));
        assert_eq!(constant(&serde_json::json!([1, "x"])), None);
        assert_eq!(constant(&serde_json::json!([])), None);
    }

    #[test]
    fn the_checked_in_constants_are_fresh() {
        run(&crate::workspace_root(), true).unwrap();
    }

    #[test]
    fn a_broken_contract_is_refused() {
        assert!(generate("{}").is_err());
    }
}
