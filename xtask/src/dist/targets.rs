//! The platforms that Anacrusis is meant for: which one this is, and whether the code compiles for the others as far as this machine
//! can tell.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Stdio;

use crate::error::TaskError;
use crate::process;

/// Every platform with its name in archives.
const TARGETS: [(&str, &str); 5] = [
    ("x86_64-unknown-linux-gnu", "linux-x86_64"),
    ("aarch64-unknown-linux-gnu", "linux-aarch64"),
    ("x86_64-apple-darwin", "macos-x86_64"),
    ("aarch64-apple-darwin", "macos-aarch64"),
    ("x86_64-pc-windows-msvc", "windows-x86_64"),
];

/// The platform that this runs on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Host {
    triple: String,
}

impl Host {
    /// As the compiler names it.
    pub(super) fn triple(&self) -> &str {
        &self.triple
    }

    /// As archives are named.
    pub(super) fn platform(&self) -> &str {
        TARGETS.iter().find(|(triple, _)| *triple == self.triple).map_or(self.triple.as_str(), |(_, platform)| platform)
    }
}

/// What came of another platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The code compiles for it; nothing was linked.
    Checked,
    /// It could not be tried, with the reason.
    NotTried(String),
    /// It does not compile, or what it needs is missing: the last lines of the compiler.
    Failed(String),
}

/// This platform.
///
/// # Errors
/// No compiler.
pub(super) fn host() -> Result<Host, TaskError> {
    process::host_triple().map(|triple| Host { triple })
}

/// Type-checks plugin and command line for every other platform.
///
/// # Errors
/// No compiler.
pub(super) fn check_others(root: &Path, host: &Host) -> Result<Vec<(&'static str, Outcome)>, TaskError> {
    let sysroot = process::rustc(&["--print", "sysroot"])?;
    let others = TARGETS.iter().filter(|(triple, _)| *triple != host.triple);
    Ok(others.map(|(triple, _)| (*triple, check(root, Path::new(sysroot.trim()), triple))).collect())
}

fn check(root: &Path, sysroot: &Path, triple: &str) -> Outcome {
    if !sysroot.join("lib/rustlib").join(triple).join("lib").is_dir() {
        return Outcome::NotTried(format!("this toolchain has no standard library for it: rustup target add {triple}"));
    }
    let mut command =
        process::cargo(root, &["check", "--locked", "--quiet", "--target", triple, "-p", "anacrusis", "-p", "anacrusis-plugin"]);
    match command.stdin(Stdio::null()).output() {
        Ok(output) if output.status.success() => Outcome::Checked,
        Ok(output) => Outcome::Failed(process::last_lines(&output.stderr)),
        Err(error) => Outcome::NotTried(format!("cargo: {error}")),
    }
}

/// For people.
pub(super) fn table(host: &Host, outcomes: &[(&'static str, Outcome)]) -> String {
    let mut text = format!("{:<28}built\n", host.triple);
    for (triple, outcome) in outcomes {
        let said = match outcome {
            Outcome::Checked => "compiles (not linked, not run)".to_owned(),
            Outcome::NotTried(reason) => format!("not built: {reason}"),
            Outcome::Failed(_) => "does not compile, see below".to_owned(),
        };
        let _ = writeln!(text, "{triple:<28}{said}");
    }
    text
}

/// Those for which the code does not compile, a message each.
pub(super) fn broken(outcomes: &[(&'static str, Outcome)]) -> Vec<String> {
    let message = |(triple, outcome): &(&'static str, Outcome)| match outcome {
        Outcome::Failed(lines) => Some(format!("for {triple}:\n{lines}")),
        Outcome::Checked | Outcome::NotTried(_) => None,
    };
    outcomes.iter().filter_map(message).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_platform_has_a_name() {
        let host = host().unwrap();
        assert!(host.platform().contains(std::env::consts::ARCH), "{host:?}");
        assert_eq!(Host { triple: "riscv64gc-unknown-linux-gnu".to_owned() }.platform(), "riscv64gc-unknown-linux-gnu");
    }

    #[test]
    fn what_cannot_be_tried_is_said_and_does_not_fail() {
        let empty = tempfile::tempdir().unwrap();
        let outcome = check(empty.path(), empty.path(), "x86_64-pc-windows-msvc");
        assert_eq!(
            outcome,
            Outcome::NotTried("this toolchain has no standard library for it: rustup target add x86_64-pc-windows-msvc".to_owned())
        );
        let outcomes = [("x86_64-pc-windows-msvc", outcome), ("aarch64-apple-darwin", Outcome::Failed("error: no".to_owned()))];
        let text = table(&host().unwrap(), &outcomes);
        assert!(text.contains("rustup target add") && text.lines().count() == 3, "{text}");
        assert_eq!(broken(&outcomes), ["for aarch64-apple-darwin:\nerror: no"]);
    }
}
