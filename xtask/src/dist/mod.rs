//! `cargo xtask dist`: what a stranger downloads, an archive for this platform with plugin, programs, manual and licences.
//!
//! Lies in `target/dist/`: `anacrusis-VERSION-PLATFORM.tar.gz`, the folder that it was made of, and `SHA256SUMS`. The archive has the
//! same bytes whenever the same programs go into it. Other platforms are type-checked where the toolchain has their standard
//! library, and named with what is missing where it has not.

mod archive;
mod budget;
mod licences;
mod targets;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::bundle::{self, Build};
use crate::error::TaskError;
use crate::folders::{entries, moved};
use crate::process::{self, hash_of_file};

/// Folder of the archives, in the workspace.
pub const FOLDER: &str = "target/dist";
/// Checksums, as `sha256sum --check` reads them.
const CHECKSUMS: &str = "SHA256SUMS";
/// Every licence of every library in the archive.
const THIRD_PARTY: &str = "THIRD-PARTY-LICENSES.txt";
/// Shells whose completions are in the archive, and the names of their files.
const COMPLETIONS: [(&str, &str); 3] = [("bash", "anacrusis.bash"), ("zsh", "_anacrusis"), ("fish", "anacrusis.fish")];
/// From the repository, with their names in the archive.
const DOCUMENTS: [(&str, &str); 6] = [
    ("README.md", "README.md"),
    ("CHANGELOG.md", "CHANGELOG.md"),
    ("docs", "docs"),
    ("clients", "clients"),
    ("packaging/INSTALL.md", "INSTALL.md"),
    ("packaging/install.sh", "install.sh"),
];
/// Models of ours: their cards say what they were made of.
const MODEL_FILES: [&str; 2] = ["card.md", "manifest.json"];

/// Builds the archive for this platform, says what it holds and how large it is, and what can be said of the others.
///
/// # Errors
/// A build that fails, a file that is missing, a library whose licence cannot be given, a size above its budget, or another
/// platform for which the code does not compile.
pub fn run(root: &Path) -> Result<(), TaskError> {
    // Without models of others every build is what is shipped, and nothing is built twice.
    let has_others = entries(&root.join("models"))?.iter().any(|model| is_fetched(model));
    bundle::run(root, if has_others { Build::ToShip } else { Build::Release })?;
    let binary = if has_others { process::shipped_binary(root)? } else { process::release_binary(root)? };
    let host = targets::host()?;
    let name = format!("anacrusis-{}-{}", env!("CARGO_PKG_VERSION"), host.platform());
    let dist = root.join(FOLDER);
    let folder = dist.join(&name);
    if folder.is_dir() {
        fs::remove_dir_all(&folder).map_err(|e| TaskError::io(&folder, e))?;
    }
    lay_out(root, &binary, &folder)?;
    let packages = licences::write(root, &host, &folder.join(THIRD_PARTY))?;
    let archive = dist.join(format!("{name}.tar.gz"));
    archive::write(&folder, &archive)?;
    write_checksums(&dist, &archive)?;

    let sizes = budget::sizes(&folder, &archive)?;
    print!("{}", budget::table(&sizes));
    println!("{packages} libraries of others are in it; their licences: {name}/{THIRD_PARTY}\n");
    let outcomes = targets::check_others(root, &host)?;
    print!("{}", targets::table(&host, &outcomes));
    let over = budget::over(&sizes);
    let broken = targets::broken(&outcomes);
    if over.is_empty() && broken.is_empty() { Ok(()) } else { Err(TaskError::Failed([over, broken].concat().join("\n"))) }
}

/// Everything but the licences of others.
fn lay_out(root: &Path, binary: &Path, folder: &Path) -> Result<(), TaskError> {
    let bundled = root.join(bundle::FOLDER);
    copy(&bundled, folder)?;
    let program = folder.join(binary.file_name().expect("cargo named a file"));
    copy(binary, &program)?;
    bundle::strip(&program, false)?;
    for (from, to) in DOCUMENTS {
        copy(&root.join(from), &folder.join(to))?;
    }
    for model in model_folders(root)? {
        for file in MODEL_FILES.iter().map(|file| model.join(file)).filter(|file| file.is_file()) {
            let name = Path::new("models").join(model.file_name().expect("a folder has a name"));
            copy(&file, &folder.join(name).join(file.file_name().expect("a file has a name")))?;
        }
    }
    process::run("anacrusis man", Command::new(&program).args(["man", "--out"]).arg(folder.join("man/man1")))?;
    for (shell, file) in COMPLETIONS {
        let completions = process::output("anacrusis completions", Command::new(&program).args(["completions", shell]))?;
        let path = folder.join("completions").join(file);
        fs::create_dir_all(folder.join("completions")).map_err(|e| TaskError::io(&path, e))?;
        fs::write(&path, completions).map_err(|e| TaskError::io(&path, e))?;
    }
    Ok(())
}

/// A file, or a folder with all that is in it.
fn copy(from: &Path, to: &Path) -> Result<(), TaskError> {
    moved(from, to)?.iter().try_for_each(|(file, place)| bundle::replace_file(file, place))
}

/// The folders of models that are shipped: ours, and none that was fetched.
fn model_folders(root: &Path) -> Result<Vec<PathBuf>, TaskError> {
    let mut folders = entries(&root.join("models"))?;
    folders.retain(|folder| folder.is_dir() && !is_fetched(folder));
    Ok(folders)
}

/// Whether a model came from others, as its manifest says and `runtime-core/build.rs` reads it.
fn is_fetched(model: &Path) -> bool {
    let manifest = fs::read(model.join("manifest.json")).ok().and_then(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).ok());
    manifest.is_some_and(|manifest| manifest["origin"]["package"].is_string())
}

/// One line for the archive that was made now; those of other platforms in the same folder keep theirs.
fn write_checksums(dist: &Path, archive: &Path) -> Result<(), TaskError> {
    let path = dist.join(CHECKSUMS);
    let name = archive.file_name().expect("an archive has a name").to_string_lossy().into_owned();
    let before = fs::read_to_string(&path).unwrap_or_default();
    let mut lines: Vec<String> = before.lines().filter(|line| !line.ends_with(&format!("  {name}"))).map(str::to_owned).collect();
    lines.push(format!("{}  {name}", hash_of_file(archive)?));
    lines.sort();
    fs::write(&path, lines.join("\n") + "\n").map_err(|e| TaskError::io(&path, e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_into_the_archive_is_in_the_repository() {
        let root = crate::workspace_root();
        for (from, _) in DOCUMENTS {
            assert!(root.join(from).exists(), "{from}");
        }
        let cards = model_folders(&root).unwrap();
        assert!(cards.iter().filter(|folder| folder.join("card.md").is_file()).count() >= 3, "{cards:?}");
    }

    #[test]
    fn checksums_are_replaced_and_others_kept() {
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("a.tar.gz");
        fs::write(&archive, "one").unwrap();
        fs::write(folder.path().join(CHECKSUMS), "00  b.tar.gz\nff  a.tar.gz\n").unwrap();
        write_checksums(folder.path(), &archive).unwrap();
        let text = fs::read_to_string(folder.path().join(CHECKSUMS)).unwrap();
        assert_eq!(text, format!("00  b.tar.gz\n{}  a.tar.gz\n", hash_of_file(&archive).unwrap()));
    }

    #[test]
    fn a_folder_is_copied_with_what_is_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let from = folder.path().join("from");
        fs::create_dir_all(from.join("deep/er")).unwrap();
        fs::write(from.join("deep/er/file"), "text").unwrap();
        copy(&from, &folder.path().join("to")).unwrap();
        assert_eq!(fs::read_to_string(folder.path().join("to/deep/er/file")).unwrap(), "text");
        let error = copy(&folder.path().join("nothing"), &folder.path().join("to2")).unwrap_err();
        assert!(error.to_string().contains("nothing"), "{error}");
    }
}
