//! The licences of all libraries that are linked into what an archive holds, with their texts, each text once.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::targets::Host;
use crate::error::TaskError;
use crate::folders::entries;
use crate::process;

/// Our packages that the archive is made of.
const ROOTS: [&str; 2] = ["anacrusis", "anacrusis-plugin"];
/// How the names of files with licences begin.
const NAMES: [&str; 6] = ["license", "licence", "copying", "notice", "copyright", "unlicense"];
/// Longest text that is taken for a licence, bytes.
const LONGEST: u64 = 100_000;

/// Writes them to `path`; returns how many libraries there are.
///
/// # Errors
/// Packages that cargo cannot list, or a file that cannot be read or written.
pub(super) fn write(root: &Path, host: &Host, path: &Path) -> Result<usize, TaskError> {
    let arguments = ["--features=anacrusis-plugin/standalone", "--filter-platform", host.triple()];
    let metadata = process::metadata(root, &arguments)?;
    let linked = linked(&metadata);
    let mut libraries = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let is_linked = package["id"].as_str().is_some_and(|id| linked.contains(id));
        if is_linked && !package["source"].is_null() {
            libraries.push(Library::read(package)?);
        }
    }
    libraries.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
    fs::write(path, text(&libraries)).map_err(|e| TaskError::io(path, e))?;
    Ok(libraries.len())
}

/// A library of others.
#[derive(Debug, Clone, Default)]
struct Library {
    name: String,
    version: String,
    licence: String,
    repository: String,
    texts: Vec<String>,
}

impl Library {
    fn read(package: &Value) -> Result<Self, TaskError> {
        let field = |name: &str| package[name].as_str().unwrap_or_default().to_owned();
        let manifest = PathBuf::from(field("manifest_path"));
        let folder = manifest.parent().unwrap_or(Path::new(""));
        let mut texts = Vec::new();
        for file in licence_files(folder)? {
            // A licence in another encoding is readable all the same.
            texts.push(String::from_utf8_lossy(&fs::read(&file).map_err(|e| TaskError::io(&file, e))?).trim().to_owned());
        }
        Ok(Self { name: field("name"), version: field("version"), licence: field("license"), repository: field("repository"), texts })
    }
}

fn licence_files(folder: &Path) -> Result<Vec<PathBuf>, TaskError> {
    let is_licence = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let is_text = fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.len() <= LONGEST);
        is_text && NAMES.iter().any(|begin| name.starts_with(begin)) && !name.ends_with(".rs")
    };
    Ok(entries(folder)?.into_iter().filter(is_licence).collect())
}

/// Ids of all packages that [`ROOTS`] need at run time, not merely to be built or tested.
fn linked(metadata: &Value) -> BTreeSet<String> {
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let is_root = |package: &&Value| package["source"].is_null() && package["name"].as_str().is_some_and(|name| ROOTS.contains(&name));
    let mut waiting: Vec<String> = packages.filter(is_root).filter_map(|package| package["id"].as_str().map(str::to_owned)).collect();
    let nodes = metadata["resolve"]["nodes"].as_array().into_iter().flatten();
    let nodes: BTreeMap<&str, &Value> = nodes.filter_map(|node| Some((node["id"].as_str()?, node))).collect();
    let mut linked = BTreeSet::new();
    while let Some(id) = waiting.pop() {
        let dependencies = nodes.get(id.as_str()).and_then(|node| node["deps"].as_array()).into_iter().flatten();
        let is_normal = |dependency: &&Value| dependency["dep_kinds"].as_array().into_iter().flatten().any(|kind| kind["kind"].is_null());
        let needed: Vec<String> =
            dependencies.filter(is_normal).filter_map(|dependency| dependency["pkg"].as_str().map(str::to_owned)).collect();
        if linked.insert(id) {
            waiting.extend(needed);
        }
    }
    linked
}

/// A list of the libraries, then each text once, with those that come under it.
fn text(libraries: &[Library]) -> String {
    let mut out = String::from("Libraries of others in this program, and their licences. Where there is a choice, any of them.\n\n");
    for library in libraries {
        let _ = writeln!(out, "{} {}: {}  {}", library.name, library.version, library.licence, library.repository);
    }
    let mut by_text: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for library in libraries {
        for text in &library.texts {
            by_text.entry(text).or_default().push(format!("{} {}", library.name, library.version));
        }
    }
    let mut texts: Vec<(&str, Vec<String>)> = by_text.into_iter().collect();
    texts.sort_by(|a, b| a.1.cmp(&b.1));
    for (text, names) in texts {
        let _ = write!(out, "\n{}\n{}\n{}\n\n{text}\n", "=".repeat(100), names.join(", "), "-".repeat(100));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_only_needed_to_build_or_test_is_not_linked() {
        let dependency = |id: &str, kinds: &[Value]| {
            let kinds: Vec<Value> = kinds.iter().map(|kind| serde_json::json!({ "kind": kind })).collect();
            serde_json::json!({"pkg": id, "dep_kinds": kinds})
        };
        let (normal, build, dev) = (Value::Null, Value::from("build"), Value::from("dev"));
        let metadata = serde_json::json!({
            "packages": [
                {"id": "a", "name": "anacrusis", "source": null}, {"id": "x", "name": "xtask", "source": null},
                {"id": "n", "name": "n", "source": "s"},
            ],
            "resolve": {"nodes": [
                {"id": "a", "deps": [dependency("n", &[dev.clone(), normal.clone()]), dependency("b", &[build]), dependency("d", &[dev])]},
                {"id": "n", "deps": [dependency("nn", std::slice::from_ref(&normal))]},
                {"id": "x", "deps": [dependency("only-x", &[normal])]},
                {"id": "nn", "deps": []},
            ]},
        });
        assert_eq!(linked(&metadata).into_iter().collect::<Vec<_>>(), ["a", "n", "nn"]);
    }

    #[test]
    fn a_text_that_several_share_is_there_once() {
        let library = |name: &str, text: &str| Library { name: name.to_owned(), texts: vec![text.to_owned()], ..Library::default() };
        let text = text(&[library("one", "MIT text"), library("two", "MIT text"), library("three", "ISC text")]);
        assert_eq!((text.matches("MIT text").count(), text.matches("ISC text").count()), (1, 1));
        assert!(text.contains("one , two \n"), "{text}");
    }

    #[test]
    fn every_library_of_the_archive_has_a_licence_and_most_have_its_text() {
        let host = super::super::targets::host().unwrap();
        let path = tempfile::NamedTempFile::new().unwrap();
        let n = write(&crate::workspace_root(), &host, path.path()).unwrap();
        let text = fs::read_to_string(path.path()).unwrap();
        let list: Vec<&str> = text.lines().skip(2).take_while(|line| !line.is_empty()).collect();
        assert!(n > 50 && list.len() == n, "{n} libraries, {} lines", list.len());
        for line in list {
            assert!(!line.split_once(": ").unwrap().1.trim_start().is_empty(), "no licence: {line}");
        }
        assert!(text.contains("symphonia") && text.contains("Mozilla Public License"), "the weak copyleft among them is there in full");
    }
}
