//! States that releases saved, with every parameter away from its default: what `tests/golden/state/VERSION/` holds. Tests only.
//!
//! `cargo run -p integration-tests --bin save_state` writes the folder of this version once, when it is released; it is never written
//! again.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{MakeHost, Parameter, TestHost, param_id};
use crate::golden_dir;

/// File with the values that a state must give back.
const VALUES: &str = "values.json";
/// How far a value may be off after having been saved as a 32-bit float.
const TOLERANCE: f64 = 1e-5;

/// One parameter as it was saved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SavedValue {
    /// As hosts show it; for people only, it may change.
    pub name: String,
    /// As hosts keep it in their projects: never changes.
    pub id: u32,
    /// In [0, 1].
    pub normalized: f64,
}

/// Versions whose states are kept, oldest first.
///
/// # Panics
/// Without the folder.
pub fn versions() -> Vec<String> {
    let entries = fs::read_dir(golden_dir().join("state")).expect("tests/golden/state");
    let mut versions: Vec<String> = entries.map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned()).collect();
    versions.sort();
    versions
}

/// Loads what `version` saved in this format (`clap`, `vst3`) and compares each parameter; then saves and loads it once more.
///
/// # Panics
/// Where a value came back as another.
pub fn is_read_as_it_was_meant(version: &str, format: &str, make: MakeHost) {
    let (Some(mut host), Some(mut again)) = (make(), make()) else { return };
    let folder = folder(version);
    let state = fs::read(folder.join(format!("{format}.state"))).expect("a saved state");
    let values: Vec<SavedValue> = serde_json::from_slice(&fs::read(folder.join(VALUES)).expect("its values")).expect("values");
    assert!(values.len() > 10);
    assert!(host.load(&state), "{format}: the state of {version} is refused");
    assert_values(&mut *host, &values, &format!("{format}, {version}"));
    assert!(again.load(&host.save()));
    assert_values(&mut *again, &values, &format!("{format}, {version}, saved again"));
}

/// Saves every parameter away from its default and writes it down.
///
/// # Errors
/// A folder that exists: what was released is not written again.
pub fn write(version: &str, formats: &[(&str, MakeHost)]) -> std::io::Result<PathBuf> {
    let folder = folder(version);
    fs::create_dir(&folder)?;
    for (format, make) in formats {
        let mut host = make().ok_or_else(|| std::io::Error::other("there is no bundle"))?;
        let values: Vec<SavedValue> = host.parameters().iter().filter(is_kept).map(moved).collect();
        values.iter().for_each(|value| host.set(value.id, value.normalized));
        // What a parameter with steps made of it.
        let values: Vec<SavedValue> = values.into_iter().map(|value| SavedValue { normalized: host.value(value.id), ..value }).collect();
        fs::write(folder.join(format!("{format}.state")), host.save())?;
        fs::write(folder.join(VALUES), serde_json::to_string_pretty(&values)? + "\n")?;
    }
    Ok(folder)
}

fn folder(version: &str) -> PathBuf {
    golden_dir().join("state").join(Path::new(version))
}

fn is_kept(parameter: &&Parameter) -> bool {
    // Which models there are depends on the build.
    !parameter.is_read_only && parameter.id != param_id("model")
}

/// Another value than the default.
fn moved(parameter: &Parameter) -> SavedValue {
    let default = parameter.default_normalized;
    let normalized = if (default - 0.5).abs() < 0.1 { 0.25 } else { 1.0 - default };
    SavedValue { name: parameter.name.clone(), id: parameter.id, normalized }
}

fn assert_values(host: &mut dyn TestHost, values: &[SavedValue], what: &str) {
    for SavedValue { name, id, normalized } in values {
        let value = host.value(*id);
        assert!((value - normalized).abs() < TOLERANCE, "{what}: {name} was saved as {normalized} and is {value}");
    }
}
