//! `cargo xtask install [--dry-run] [--uninstall]`: puts the bundles where the user's hosts look, and takes them away again.
//!
//! A record of what was installed, with hashes, lies in the user's data folder. Nothing that is not in it is replaced or
//! deleted, and nothing that was changed since: such files are named and left alone.

use std::collections::BTreeMap;
use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::bundle::{self, Build, Platform};
use crate::error::TaskError;
use crate::folders::moved;
use crate::process::hash_of_file;

const RECORD_FILE: &str = "installed-plugins.json";

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Copy the bundles.
    Install,
    /// Delete what an installation copied.
    Uninstall,
}

/// Where things go.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Places {
    clap: PathBuf,
    vst3: PathBuf,
    /// File with what was installed.
    record: PathBuf,
}

/// Installed files and the hashes of their contents.
type Record = BTreeMap<PathBuf, String>;

/// Bundles and installs, or uninstalls; with `dry_run` only says what would be done, with the bundles that are there.
///
/// # Errors
/// A build that fails, no home folder, a place that holds something that is not ours, or a folder that cannot be written.
pub fn run(root: &Path, action: Action, dry_run: bool) -> Result<(), TaskError> {
    let places = Places::find(Platform::current(), |variable| env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from))?;
    if action == Action::Install && !dry_run {
        bundle::plugin(root, Build::Release)?;
    }
    let said = match action {
        Action::Install => install(&root.join(bundle::FOLDER), &places, dry_run)?,
        Action::Uninstall => uninstall(&places, dry_run)?,
    };
    print!("{said}");
    Ok(())
}

impl Places {
    /// The user's own plugin folders: CLAP `entry.h`, VST3 SDK documentation "Plug-in Locations".
    fn find(platform: Platform, variable: impl Fn(&'static str) -> Option<PathBuf>) -> Result<Self, TaskError> {
        let of = |name| variable(name).ok_or_else(|| TaskError::Failed(format!("{name} is not set, so there is no folder to install to")));
        Ok(match platform {
            Platform::Linux => {
                let home = of("HOME")?;
                let data = variable("XDG_DATA_HOME").filter(|path| path.is_absolute()).unwrap_or_else(|| home.join(".local/share"));
                Self { clap: home.join(".clap"), vst3: home.join(".vst3"), record: data.join("anacrusis").join(RECORD_FILE) }
            }
            Platform::MacOs => {
                let library = of("HOME")?.join("Library");
                let plugins = library.join("Audio/Plug-Ins");
                let record = library.join("Application Support/anacrusis").join(RECORD_FILE);
                Self { clap: plugins.join("CLAP"), vst3: plugins.join("VST3"), record }
            }
            Platform::Windows => {
                let local = of("LOCALAPPDATA")?;
                let common = local.join("Programs").join("Common");
                Self { clap: common.join("CLAP"), vst3: common.join("VST3"), record: local.join("anacrusis").join(RECORD_FILE) }
            }
        })
    }
}

/// Copies both bundles; returns what was done, for people.
fn install(bundled: &Path, places: &Places, dry_run: bool) -> Result<String, TaskError> {
    let mut copies = Vec::new();
    for (name, folder) in [(bundle::CLAP, &places.clap), (bundle::VST3, &places.vst3)] {
        let from = bundled.join(name);
        if !from.exists() {
            return Err(TaskError::Failed(format!("{} is missing: run `cargo xtask bundle`", from.display())));
        }
        copies.extend(moved(&from, &folder.join(name))?);
    }
    let mut record = read_record(&places.record)?;
    // All places are looked at before the first is changed.
    for (_, to) in &copies {
        if !is_free(to, &record)? {
            return Err(TaskError::Failed(format!("{} was not installed by this command: move it away first", to.display())));
        }
    }
    let mut said = String::new();
    for (from, to) in copies {
        let _ = writeln!(said, "{} {}", if dry_run { "would copy to" } else { "copied to" }, to.display());
        if !dry_run {
            record.insert(to.clone(), hash_of_file(&from)?);
            // Recorded first: a copy that fails half-way is ours to remove.
            write_record(&places.record, &record)?;
            bundle::replace_file(&from, &to)?;
        }
    }
    said.push_str(if dry_run { "nothing was changed\n" } else { "let the host scan its plugins again; then add Anacrusis to a track\n" });
    Ok(said)
}

/// Deletes what is recorded and unchanged, and folders of ours that are empty then; returns what was done, for people.
fn uninstall(places: &Places, dry_run: bool) -> Result<String, TaskError> {
    let record = read_record(&places.record)?;
    if record.is_empty() {
        return Ok("nothing is installed\n".to_owned());
    }
    let mut said = String::new();
    let mut kept = Record::new();
    for (path, installed_hash) in record {
        if !path.exists() {
            let _ = writeln!(said, "already gone: {}", path.display());
        } else if hash_of_file(&path)? != installed_hash {
            let _ = writeln!(said, "left alone, changed since it was installed: {}", path.display());
            kept.insert(path, installed_hash);
        } else if dry_run {
            let _ = writeln!(said, "would delete {}", path.display());
        } else {
            fs::remove_file(&path).map_err(|e| TaskError::io(&path, e))?;
            remove_empty_folders(&path, places);
            let _ = writeln!(said, "deleted {}", path.display());
        }
    }
    if dry_run {
        said.push_str("nothing was changed\n");
    } else {
        write_record(&places.record, &kept)?;
    }
    Ok(said)
}

/// Removes the folders between a deleted file and the plugin folder that are empty now.
fn remove_empty_folders(deleted: &Path, places: &Places) {
    let folders = deleted.ancestors().skip(1).take_while(|folder| *folder != places.clap && *folder != places.vst3);
    for folder in folders {
        // Refused by the system while something is in it, which is the point.
        if fs::remove_dir(folder).is_err() {
            break;
        }
    }
}

/// Whether a file may be written: nothing is there, or what we put there.
fn is_free(path: &Path, record: &Record) -> Result<bool, TaskError> {
    if fs::symlink_metadata(path).is_err() {
        return Ok(true);
    }
    match record.get(path) {
        Some(installed) if path.is_file() => Ok(*installed == hash_of_file(path)?),
        _ => Ok(false),
    }
}

fn read_record(path: &Path) -> Result<Record, TaskError> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Record::new()),
        Err(error) => Err(TaskError::io(path, error)),
        Ok(text) => serde_json::from_str(&text).map_err(|e| TaskError::Failed(format!("{} is damaged: {e}", path.display()))),
    }
}

fn write_record(path: &Path, record: &Record) -> Result<(), TaskError> {
    if record.is_empty() {
        return match fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(TaskError::io(path, error)),
            _ => Ok(()),
        };
    }
    let folder = path.parent().expect("the record has a folder");
    fs::create_dir_all(folder).map_err(|e| TaskError::io(folder, e))?;
    let text = serde_json::to_string_pretty(record).map_err(|e| TaskError::Failed(format!("{}: {e}", path.display())))?;
    let new = path.with_extension("new");
    fs::write(&new, text).map_err(|e| TaskError::io(&new, e))?;
    fs::rename(&new, path).map_err(|e| TaskError::io(path, e))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bundles of a few bytes and a user without plugins.
    fn user() -> (tempfile::TempDir, PathBuf, Places) {
        let folder = tempfile::tempdir().unwrap();
        let bundled = folder.path().join("bundled");
        fs::create_dir_all(bundled.join("Anacrusis.vst3/Contents/x86_64-linux")).unwrap();
        fs::write(bundled.join("Anacrusis.vst3/Contents/x86_64-linux/Anacrusis.so"), "vst3").unwrap();
        fs::write(bundled.join("Anacrusis.clap"), "clap").unwrap();
        let home = folder.path().join("home");
        let places = Places::find(Platform::Linux, |name| (name == "HOME").then(|| home.clone())).unwrap();
        (folder, bundled, places)
    }

    fn vst3_file(places: &Places) -> PathBuf {
        places.vst3.join("Anacrusis.vst3/Contents/x86_64-linux/Anacrusis.so")
    }

    #[test]
    fn what_is_installed_can_be_replaced_and_uninstalled_without_a_trace() {
        let (_folder, bundled, places) = user();
        install(&bundled, &places, false).unwrap();
        fs::write(bundled.join("Anacrusis.clap"), "newer").unwrap();
        let said = install(&bundled, &places, false).unwrap();
        assert_eq!(said.matches("copied to").count(), 2, "{said}");
        assert_eq!(fs::read_to_string(places.clap.join("Anacrusis.clap")).unwrap(), "newer");
        assert_eq!(fs::read_to_string(vst3_file(&places)).unwrap(), "vst3");
        let said = uninstall(&places, false).unwrap();
        assert_eq!(said.matches("deleted").count(), 2, "{said}");
        assert_eq!(fs::read_dir(&places.clap).unwrap().count() + fs::read_dir(&places.vst3).unwrap().count(), 0);
        assert!(!places.record.exists());
        assert_eq!(uninstall(&places, false).unwrap(), "nothing is installed\n");
    }

    #[test]
    fn a_dry_run_changes_nothing() {
        let (_folder, bundled, places) = user();
        let said = install(&bundled, &places, true).unwrap();
        assert!(said.contains("would copy to") && said.ends_with("nothing was changed\n"), "{said}");
        assert!(!places.clap.exists() && !places.record.exists());
        install(&bundled, &places, false).unwrap();
        let said = uninstall(&places, true).unwrap();
        assert!(said.contains("would delete"), "{said}");
        assert!(vst3_file(&places).exists() && places.record.exists());
    }

    #[test]
    fn a_plugin_of_somebody_else_is_neither_replaced_nor_deleted() {
        let (_folder, bundled, places) = user();
        fs::create_dir_all(&places.vst3).unwrap();
        fs::create_dir_all(vst3_file(&places).parent().unwrap()).unwrap();
        fs::write(vst3_file(&places), "theirs").unwrap();
        let error = install(&bundled, &places, false).unwrap_err();
        assert!(error.to_string().contains("Anacrusis.so was not installed by this command"), "{error}");
        assert!(!places.clap.join("Anacrusis.clap").exists(), "nothing is done by halves");
        uninstall(&places, false).unwrap();
        assert_eq!(fs::read_to_string(vst3_file(&places)).unwrap(), "theirs");
    }

    #[test]
    fn a_file_that_was_changed_since_stays_and_so_does_its_neighbour() {
        let (_folder, bundled, places) = user();
        install(&bundled, &places, false).unwrap();
        fs::write(places.clap.join("Anacrusis.clap"), "edited").unwrap();
        let neighbour = places.vst3.join("Anacrusis.vst3/preset.vstpreset");
        fs::write(&neighbour, "mine").unwrap();
        let said = uninstall(&places, false).unwrap();
        assert!(said.contains("left alone, changed since"), "{said}");
        assert!(places.clap.join("Anacrusis.clap").exists() && neighbour.exists() && !vst3_file(&places).exists());
        assert!(install(&bundled, &places, false).is_err());
    }

    #[test]
    fn a_bundle_that_is_not_built_and_a_damaged_record_are_told() {
        let (_folder, bundled, places) = user();
        fs::remove_file(bundled.join("Anacrusis.clap")).unwrap();
        assert!(install(&bundled, &places, false).unwrap_err().to_string().contains("cargo xtask bundle"));
        fs::create_dir_all(places.record.parent().unwrap()).unwrap();
        fs::write(&places.record, "{").unwrap();
        assert!(uninstall(&places, false).unwrap_err().to_string().contains("is damaged"));
    }

    #[test]
    fn each_platform_has_its_folders() {
        let user = |name: &'static str| Some(PathBuf::from(format!("/{name}")));
        let mac = Places::find(Platform::MacOs, user).unwrap();
        assert_eq!(mac.vst3, Path::new("/HOME/Library/Audio/Plug-Ins/VST3"));
        let windows = Places::find(Platform::Windows, user).unwrap();
        assert_eq!(windows.clap, Path::new("/LOCALAPPDATA/Programs/Common/CLAP"));
        let linux = Places::find(Platform::Linux, user).unwrap();
        assert_eq!(
            (linux.clap.as_path(), linux.record.parent().unwrap()),
            (Path::new("/HOME/.clap"), Path::new("/XDG_DATA_HOME/anacrusis"))
        );
        let error = Places::find(Platform::Linux, |_| None).unwrap_err();
        assert!(error.to_string().starts_with("HOME is not set"), "{error}");
    }
}
