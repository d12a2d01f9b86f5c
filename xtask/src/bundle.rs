//! `cargo xtask bundle [--debug]`: the plugin as hosts look for it, and the standalone, in `target/bundled/`.
//!
//! One library carries both formats; what differs is the folder around it. The licences travel with it, as the attribution
//! of the networks demands. Layouts: VST3 SDK documentation "Plug-in Format Structure", CLAP `entry.h`.

use std::env::consts::{ARCH, DLL_EXTENSION};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::error::TaskError;
use crate::process::{OWN_MODELS_ONLY, cargo, run_lines};

/// Folder of the bundles, in the workspace.
pub const FOLDER: &str = "target/bundled";
/// The CLAP plugin in it: a file, on macOS a folder.
pub const CLAP: &str = "Anacrusis.clap";
/// The VST3 plugin in it: a folder.
pub const VST3: &str = "Anacrusis.vst3";
/// The standalone in it, on Windows with `.exe`.
pub const STANDALONE: &str = "anacrusis-standalone";

const PACKAGE: &str = "anacrusis-plugin";
const LIBRARY: &str = "anacrusis_plugin";
const LICENCES: [&str; 3] = ["LICENSE-APACHE", "LICENSE-MIT", "NOTICE"];
/// What plugin (MIDI port) and standalone need of a Linux system to build, as `pkg-config` names it and as Debian does.
const NEEDS: [(&str, &str); 2] = [("alsa", "libasound2-dev"), ("jack", "libjack-jackd2-dev")];

/// Whose rules a bundle follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Platform {
    Linux,
    MacOs,
    Windows,
}

impl Platform {
    /// The one that this runs on; what is neither macOS nor Windows counts as Linux.
    pub fn current() -> Self {
        match std::env::consts::OS {
            "macos" => Self::MacOs,
            "windows" => Self::Windows,
            _ => Self::Linux,
        }
    }
}

/// What is built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Build {
    /// A development build: quickly made, slow, with debug information.
    Debug,
    /// A release build, with every model that is there.
    Release,
    /// A release build with our own models only, for others.
    ToShip,
}

impl Build {
    fn arguments(self) -> &'static [&'static str] {
        if self == Self::Debug { &[] } else { &["--release"] }
    }

    fn variables(self) -> &'static [(&'static str, &'static str)] {
        if self == Self::ToShip { OWN_MODELS_ONLY } else { &[] }
    }
}

/// Builds the plugin and the standalone and lays them out in [`FOLDER`].
///
/// # Errors
/// As [`plugin`].
pub fn run(root: &Path, kind: Build) -> Result<(), TaskError> {
    // NB: the plugin first: the standalone's build leaves a library of other features under the same name.
    plugin(root, kind)?;
    let arguments = [&["--bin", STANDALONE, "--features", "standalone"], kind.arguments()].concat();
    let binary = build(root, &arguments, kind.variables(), is_standalone)?;
    let standalone = root.join(FOLDER).join(binary.file_name().expect("cargo named a file"));
    replace_file(&binary, &standalone)?;
    strip(&standalone, kind == Build::Debug)?;
    eprintln!("bundled {}", standalone.display());
    Ok(())
}

/// Builds the plugin alone, both formats, and lays it out in [`FOLDER`].
///
/// # Errors
/// Packages of the system that are missing, a build that fails, or a folder that cannot be written.
pub fn plugin(root: &Path, kind: Build) -> Result<(), TaskError> {
    let missing = missing_packages();
    if !missing.is_empty() {
        let packages = missing.join(" ");
        return Err(TaskError::Failed(format!(
            "the plugin cannot be built without {packages}: sudo apt-get install pkg-config {packages}"
        )));
    }
    let folder = root.join(FOLDER);
    fs::create_dir_all(&folder).map_err(|e| TaskError::io(&folder, e))?;
    let library = build(root, &[&["--lib"], kind.arguments()].concat(), kind.variables(), is_library)?;
    let stripped = folder.join(format!("library.{DLL_EXTENSION}"));
    replace_file(&library, &stripped)?;
    strip(&stripped, kind == Build::Debug)?;
    write_plugin(&folder, &stripped, root, Platform::current(), ARCH)?;
    fs::remove_file(&stripped).map_err(|e| TaskError::io(&stripped, e))?;
    eprintln!("bundled {CLAP} and {VST3} in {}", folder.display());
    Ok(())
}

/// Lays `library` out as both formats in `folder`, in place of what was there; `licences` has the licence files.
fn write_plugin(folder: &Path, library: &Path, licences: &Path, platform: Platform, arch: &str) -> Result<(), TaskError> {
    let (clap, vst3) = (folder.join(CLAP), folder.join(VST3));
    for bundle in [&clap, &vst3] {
        if bundle.is_dir() {
            fs::remove_dir_all(bundle).map_err(|e| TaskError::io(bundle, e))?;
        }
    }
    let in_vst3 = vst3.join("Contents").join(vst3_library(platform, arch));
    replace_file(library, &in_vst3)?;
    match platform {
        Platform::MacOs => {
            replace_file(library, &clap.join("Contents/MacOS/Anacrusis"))?;
            for (bundle, format) in [(&clap, "clap"), (&vst3, "vst3")] {
                write(&bundle.join("Contents/Info.plist"), &info_plist(format))?;
                write(&bundle.join("Contents/PkgInfo"), "BNDL????")?;
                copy_licences(licences, &bundle.join("Contents/Resources"))?;
                sign(bundle)?;
            }
        }
        Platform::Linux | Platform::Windows => {
            replace_file(library, &clap)?;
            copy_licences(licences, &vst3.join("Contents/Resources"))?;
        }
    }
    copy_licences(licences, folder)
}

/// Where the library lies below `Contents` of a VST3 bundle.
fn vst3_library(platform: Platform, arch: &str) -> PathBuf {
    match platform {
        Platform::MacOs => PathBuf::from("MacOS/Anacrusis"),
        Platform::Linux => Path::new(&format!("{arch}-linux")).join("Anacrusis.so"),
        Platform::Windows => {
            let arch = if arch == "aarch64" { "arm64" } else { arch };
            Path::new(&format!("{arch}-win")).join(VST3)
        }
    }
}

fn info_plist(format: &str) -> String {
    let entry = |key: &str, value: &str| format!("  <key>{key}</key>\n  <string>{value}</string>\n");
    let entries: String = [
        ("CFBundleDevelopmentRegion", "English"),
        ("CFBundleExecutable", "Anacrusis"),
        ("CFBundleIdentifier", &format!("anacrusis.{format}")),
        ("CFBundleInfoDictionaryVersion", "6.0"),
        ("CFBundleName", "Anacrusis"),
        ("CFBundlePackageType", "BNDL"),
        ("CFBundleShortVersionString", env!("CARGO_PKG_VERSION")),
        ("CFBundleSignature", "????"),
        ("CFBundleVersion", env!("CARGO_PKG_VERSION")),
    ]
    .map(|(key, value)| entry(key, value))
    .concat();
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\">\n<dict>\n{entries}</dict>\n</plist>\n")
}

/// Takes the debug information out of a copy, unless it is for debugging: users get 8 MB in place of 24.
pub(crate) fn strip(copy: &Path, debug: bool) -> Result<(), TaskError> {
    if debug || !cfg!(target_os = "linux") {
        return Ok(());
    }
    // Part of binutils, as is the linker.
    crate::process::run("strip", Command::new("strip").arg("--strip-unneeded").arg(copy))
}

/// Signs for this machine only, where macOS demands it; distribution needs a developer's signature.
fn sign(bundle: &Path) -> Result<(), TaskError> {
    if !cfg!(target_os = "macos") {
        return Ok(());
    }
    crate::process::run("codesign", Command::new("codesign").args(["--force", "--sign", "-"]).arg(bundle))
}

fn copy_licences(from: &Path, to: &Path) -> Result<(), TaskError> {
    LICENCES.iter().try_for_each(|name| replace_file(&from.join(name), &to.join(name)))
}

fn write(path: &Path, text: &str) -> Result<(), TaskError> {
    fs::write(path, text).map_err(|e| TaskError::io(path, e))
}

/// Copies a file to a new file in place of `to`: one that a running host has mapped stays as it is.
///
/// # Errors
/// A file that cannot be read, or a folder that cannot be written.
pub(crate) fn replace_file(from: &Path, to: &Path) -> Result<(), TaskError> {
    let folder = to.parent().expect("a target has a folder");
    fs::create_dir_all(folder).map_err(|e| TaskError::io(folder, e))?;
    let mut new = to.as_os_str().to_owned();
    new.push(".new");
    let new = PathBuf::from(new);
    fs::copy(from, &new).map_err(|e| TaskError::io(from, e))?;
    fs::rename(&new, to).map_err(|e| TaskError::io(to, e))
}

/// Packages that the build needs and that are not there.
fn missing_packages() -> Vec<&'static str> {
    let is_there = |library: &str| {
        let status = Command::new("pkg-config").args(["--exists", library]).stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    };
    let needs = NEEDS.iter().filter(|_| cfg!(target_os = "linux"));
    needs.filter(|(library, _)| !is_there(library)).map(|(_, package)| *package).collect()
}

/// Builds something of the plugin's package; returns the artefact that `find` reads from one of cargo's messages.
fn build(
    root: &Path,
    arguments: &[&str],
    variables: &[(&str, &str)],
    find: impl Fn(&Value) -> Option<PathBuf>,
) -> Result<PathBuf, TaskError> {
    const TOOL: &str = "the build of anacrusis-plugin";
    let mut command = cargo(root, &["build", "--package", PACKAGE, "--message-format=json-render-diagnostics"]);
    let mut path = None;
    let succeeded = run_lines(TOOL, command.args(arguments).envs(variables.iter().copied()), |line| {
        let message = serde_json::from_str(line).unwrap_or(Value::Null);
        path = find(&message).or(path.take());
    })?;
    let failed = |message: &str| TaskError::Tool { tool: TOOL, message: message.to_owned() };
    match path {
        Some(path) if succeeded => Ok(path),
        None if succeeded => Err(failed("cargo names no artefact")),
        _ => Err(failed("cargo reports errors, above")),
    }
}

fn is_library(message: &Value) -> Option<PathBuf> {
    let is_ours = message["reason"] == "compiler-artifact" && message["target"]["name"] == LIBRARY;
    let mut files = message["filenames"].as_array().filter(|_| is_ours)?.iter().filter_map(|file| file.as_str().map(PathBuf::from));
    files.find(|file| file.extension().is_some_and(|extension| extension == DLL_EXTENSION))
}

fn is_standalone(message: &Value) -> Option<PathBuf> {
    let is_ours = message["reason"] == "compiler-artifact" && message["target"]["name"] == STANDALONE;
    message["executable"].as_str().filter(|_| is_ours).map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A library and licences of a few bytes, and an empty folder for the bundles.
    fn workplace() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().join("library");
        fs::write(&library, "code").unwrap();
        LICENCES.iter().for_each(|name| fs::write(folder.path().join(name), name).unwrap());
        let bundled = folder.path().join("bundled");
        (folder, library, bundled)
    }

    #[test]
    fn each_platform_has_its_layout() {
        for (platform, arch, clap, vst3) in [
            (Platform::Linux, "x86_64", CLAP, "Contents/x86_64-linux/Anacrusis.so"),
            (Platform::Linux, "aarch64", CLAP, "Contents/aarch64-linux/Anacrusis.so"),
            (Platform::MacOs, "aarch64", "Anacrusis.clap/Contents/MacOS/Anacrusis", "Contents/MacOS/Anacrusis"),
            (Platform::Windows, "x86_64", CLAP, "Contents/x86_64-win/Anacrusis.vst3"),
            (Platform::Windows, "aarch64", CLAP, "Contents/arm64-win/Anacrusis.vst3"),
        ] {
            let (root, library, bundled) = workplace();
            // `codesign` refuses these bytes.
            if platform == Platform::MacOs && cfg!(target_os = "macos") {
                continue;
            }
            write_plugin(&bundled, &library, root.path(), platform, arch).unwrap();
            assert_eq!(fs::read_to_string(bundled.join(clap)).unwrap(), "code");
            assert_eq!(fs::read_to_string(bundled.join(VST3).join(vst3)).unwrap(), "code");
            assert!(bundled.join("NOTICE").is_file() && bundled.join(VST3).join("Contents/Resources/NOTICE").is_file());
        }
    }

    #[test]
    fn a_bundle_replaces_the_one_before_and_leaves_nothing_of_it() {
        let (root, library, bundled) = workplace();
        write_plugin(&bundled, &library, root.path(), Platform::Linux, "x86_64").unwrap();
        let stray = bundled.join(VST3).join("Contents/x86_64-linux/old.so");
        fs::write(&stray, "").unwrap();
        let in_use = fs::File::open(bundled.join(CLAP)).unwrap();
        fs::write(&library, "newer code").unwrap();
        write_plugin(&bundled, &library, root.path(), Platform::Linux, "x86_64").unwrap();
        assert!(!stray.exists());
        assert_eq!(fs::read_to_string(bundled.join(CLAP)).unwrap(), "newer code");
        assert_eq!(std::io::read_to_string(in_use).unwrap(), "code", "what a host has open is not touched");
    }

    #[test]
    fn a_missing_licence_is_named() {
        let (root, library, bundled) = workplace();
        fs::remove_file(root.path().join("NOTICE")).unwrap();
        let error = write_plugin(&bundled, &library, root.path(), Platform::Linux, "x86_64").unwrap_err();
        assert!(error.to_string().contains("NOTICE"), "{error}");
    }

    #[test]
    fn artefacts_are_found_among_the_messages() {
        let library = format!("/t/release/libanacrusis_plugin.{DLL_EXTENSION}");
        let message = serde_json::json!({
            "reason": "compiler-artifact", "target": {"name": LIBRARY}, "filenames": ["/t/release/libanacrusis_plugin.rlib", library], "executable": null,
        });
        assert_eq!(is_library(&message), Some(PathBuf::from(library)));
        assert_eq!(is_standalone(&message), None);
        let message =
            serde_json::json!({"reason": "compiler-artifact", "target": {"name": STANDALONE}, "filenames": [], "executable": "/t/x"});
        assert_eq!((is_library(&message), is_standalone(&message)), (None, Some(PathBuf::from("/t/x"))));
        assert_eq!((is_library(&Value::Null), is_standalone(&Value::Null)), (None, None));
    }

    #[test]
    fn the_property_list_is_well_formed() {
        let text = info_plist("clap");
        assert_eq!(text.matches("<key>").count(), text.matches("</string>").count());
        assert!(text.contains("<string>anacrusis.clap</string>") && text.contains(env!("CARGO_PKG_VERSION")));
    }
}
