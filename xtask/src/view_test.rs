//! `cargo xtask view-test`: the web view in a headless browser and its modules without one; `screenshots`: its pictures for the documents.
//!
//! What only these need (a driver for the browser, accessibility rules) is pinned in `visualizer/package-lock.json` and installed
//! into `visualizer/node_modules/`; the page itself needs nothing. A stamp in that folder says for which lock file it is whole.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::TaskError;
use crate::process::{self, hash_of_file};
use crate::python_environment::BINARY_VARIABLE;
use crate::test_counts::TestCounts;

const FOLDER: &str = "visualizer";
const LOCK: &str = "package-lock.json";
const STAMP: &str = "node_modules/.lock.sha256";
/// Environment variable in which tests and tools look for the browser.
const BROWSER_VARIABLE: &str = "CHROMIUM";
/// Where distributions have the browser.
const BROWSERS: [&str; 3] = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
/// First version of Node whose test runner the tests need.
const NODE_MAJOR: u32 = 20;

/// Runs the tests; `cargo xtask view-test`.
///
/// # Errors
/// What [`test()`] says, or the reason for which they cannot run.
pub fn run(root: &Path) -> Result<(), TaskError> {
    let mut counts = TestCounts::default();
    match missing() {
        Some(reason) => Err(TaskError::Failed(reason)),
        None => {
            let result = process::release_binary(root).and_then(|binary| test(root, &binary, &mut counts));
            println!("{counts}");
            result
        }
    }
}

/// What is not on this machine; `None` where the tests can run.
pub fn missing() -> Option<String> {
    let version = Command::new("node").arg("--version").output().ok().map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let major = version.as_deref().and_then(node_major);
    match major {
        None => return Some("node is not installed (package nodejs)".to_owned()),
        Some(major) if major < NODE_MAJOR => return Some(format!("expected node {NODE_MAJOR} or later, got {major}")),
        Some(_) => {}
    }
    if Command::new("npm").arg("--version").output().is_err() {
        return Some("npm is not installed".to_owned());
    }
    browser().is_none().then(|| format!("no browser (package chromium); {BROWSER_VARIABLE} names one elsewhere"))
}

/// Runs every test of `visualizer/tests/`, with this binary.
///
/// # Errors
/// Packages that cannot be installed, a build that fails, or a test that fails.
pub fn test(root: &Path, binary: &Path, counts: &mut TestCounts) -> Result<(), TaskError> {
    let mut command = node(root, binary)?;
    // One file after the other: each has a browser, and the app in real time.
    command.args(["--test", "--test-concurrency=1", "--test-reporter=tap"]).args(test_files(&root.join(FOLDER))?);
    let mut tap = TapSummary::default();
    let succeeded = process::run_lines("node --test", &mut command, |line| {
        if tap.is_worth_showing(line) {
            println!("{line}");
        }
        tap.read(line);
    })?;
    *counts += tap.counts;
    if succeeded { Ok(()) } else { Err(TaskError::Tool { tool: "node --test", message: tap.counts.to_string() }) }
}

/// Installs what the tests need, where there is a Node to run them.
///
/// # Errors
/// Packages that cannot be installed.
pub fn fetch(root: &Path) -> Result<(), TaskError> {
    if missing().is_some() { Ok(()) } else { install(&root.join(FOLDER)) }
}

/// Whether the tests can run without the network: what they need is installed.
pub fn is_ready(root: &Path) -> bool {
    is_installed(&root.join(FOLDER)).unwrap_or(false)
}

/// Makes the pictures in `docs/images/`.
///
/// # Errors
/// As [`test()`], or a missing program.
pub fn screenshots(root: &Path) -> Result<(), TaskError> {
    if let Some(reason) = missing() {
        return Err(TaskError::Failed(reason));
    }
    process::run("screenshots", node(root, &process::release_binary(root)?)?.arg("tools/screenshots.mjs"))
}

/// Node in the view's folder, with its packages, the browser and the binary at hand.
fn node(root: &Path, binary: &Path) -> Result<Command, TaskError> {
    let folder = root.join(FOLDER);
    install(&folder)?;
    let mut command = Command::new("node");
    command.current_dir(&folder).env(BINARY_VARIABLE, binary);
    if let Some(browser) = browser() {
        command.env(BROWSER_VARIABLE, browser);
    }
    Ok(command)
}

fn browser() -> Option<PathBuf> {
    let named = std::env::var_os(BROWSER_VARIABLE).map(PathBuf::from);
    named.into_iter().chain(BROWSERS.map(PathBuf::from)).find(|path| path.is_file())
}

/// Installs what the lock file names, unless that is there already.
fn install(folder: &Path) -> Result<(), TaskError> {
    if is_installed(folder)? {
        return Ok(());
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]).current_dir(folder);
    process::run("npm ci", &mut npm)?;
    let stamp = folder.join(STAMP);
    std::fs::write(&stamp, hash_of_file(&folder.join(LOCK))?).map_err(|e| TaskError::io(&stamp, e))
}

fn is_installed(folder: &Path) -> Result<bool, TaskError> {
    let expected = hash_of_file(&folder.join(LOCK))?;
    Ok(std::fs::read_to_string(folder.join(STAMP)).is_ok_and(|known| known == expected))
}

/// The test files, as paths below `folder`.
fn test_files(folder: &Path) -> Result<Vec<PathBuf>, TaskError> {
    let tests = folder.join("tests");
    let mut files = Vec::new();
    for entry in std::fs::read_dir(&tests).map_err(|e| TaskError::io(&tests, e))? {
        let name = PathBuf::from(entry.map_err(|e| TaskError::io(&tests, e))?.file_name());
        if name.to_string_lossy().ends_with(".test.mjs") {
            files.push(Path::new("tests").join(name));
        }
    }
    files.sort();
    if files.is_empty() { Err(TaskError::Failed(format!("{} has no *.test.mjs", tests.display()))) } else { Ok(files) }
}

/// The first number of `v20.19.2`.
fn node_major(version: &str) -> Option<u32> {
    version.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

/// What Node's TAP says at its end, `# pass 12` and so on.
#[derive(Debug, Default)]
struct TapSummary {
    counts: TestCounts,
    /// Within the lines that explain a failure.
    in_failure: bool,
}

impl TapSummary {
    fn read(&mut self, line: &str) {
        let number = |word: &str| line.strip_prefix(word).and_then(|rest| rest.trim().parse::<u64>().ok());
        if let Some(n) = number("# pass ") {
            self.counts.n_passed += n;
        } else if let Some(n) = number("# fail ").or_else(|| number("# cancelled ")) {
            self.counts.n_failed += n;
        } else if let Some(n) = number("# skipped ").or_else(|| number("# todo ")) {
            self.counts.n_skipped += n;
        }
    }

    /// Results, what tests say of themselves, and all about failures; not the times of what passed.
    fn is_worth_showing(&mut self, line: &str) -> bool {
        let text = line.trim_start();
        if text.starts_with("ok ") || text.starts_with("# ") {
            self.in_failure = false;
            return !text.starts_with("# Subtest");
        }
        self.in_failure |= text.starts_with("not ok ");
        self.in_failure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_is_read_and_nothing_else() {
        let mut tap = TapSummary::default();
        let text = "TAP version 13\n# Subtest: a\nok 1 - a\n  ---\n  duration_ms: 1\n  ...\nnot ok 2 - b\n  error: bad\n# seen 3 ms\n1..2\n# tests 4\n\
                    # pass 1\n# fail 1\n# cancelled 1\n# skipped 1\n# todo 0\n# duration_ms 12.3\n# pass none\n";
        let shown: Vec<&str> = text.lines().filter(|line| tap.is_worth_showing(line)).collect();
        text.lines().for_each(|line| tap.read(line));
        assert_eq!(tap.counts.to_string(), "1 passed, 2 failed, 1 skipped");
        assert!(shown.contains(&"  error: bad") && !shown.contains(&"  duration_ms: 1"), "{shown:?}");
    }

    #[test]
    fn versions_of_node_are_read() {
        assert_eq!(["v20.19.2\n", "v8.0.0", "20.1", "", "vx"].map(node_major), [Some(20), Some(8), None, None, None]);
    }

    #[test]
    fn a_lock_file_that_is_not_there_is_named() {
        let folder = tempfile::tempdir().unwrap();
        assert!(install(folder.path()).unwrap_err().to_string().contains(LOCK));
    }
}
