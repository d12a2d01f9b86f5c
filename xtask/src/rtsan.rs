//! `cargo xtask rtsan`: the audio side of the live pipe under RealtimeSanitizer, on the stable toolchain.
//!
//! The sanitizer's library comes with the toolchain; `rtsan-standalone` links it where two environment variables say so, so
//! the check is a crate of its own that nothing else shares a build with. A sanitizer that reports nothing proves little
//! unless it would have reported something: two mutants must be reported too.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::error::TaskError;

/// What the program is asked for that must be clean.
const CLEAN: &str = "clean";
/// What it is asked for that must be reported, and the call that the report must name: any of these.
const MUTANTS: [(&str, &[&str]); 2] =
    [("allocate", &["malloc", "calloc", "realloc"]), ("lock", &["syscall", "futex", "pthread_mutex_lock"])];
/// How a report begins.
const REPORT: &str = "ERROR: RealtimeSanitizer: unsafe-library-call";
/// Lines of a failing run that the message repeats.
const QUOTED_LINES: usize = 40;

/// Builds the crate under `rtsan/` with the sanitizer and runs it: clean, then each mutant. Where the toolchain has no such
/// library it says so and passes.
///
/// # Errors
/// A failed build, a report on the audio side, or a mutant that is not reported.
pub fn run(root: &Path) -> Result<(), TaskError> {
    let (sysroot, host) = (rustc(&["--print", "sysroot"])?, host_triple()?);
    let library = library_path(Path::new(sysroot.trim()), &host);
    if !library.is_file() {
        eprintln!("rtsan: SKIPPED: this toolchain carries no RealtimeSanitizer for {host}: there is no {}", library.display());
        return Ok(());
    }
    let program = build(root, &library)?;
    let output = start(&program, CLEAN)?;
    if !output.status.success() {
        return Err(TaskError::Failed(format!(
            "the audio side under RealtimeSanitizer: {}\n{}",
            output.status,
            last_lines(&output.stderr)
        )));
    }
    eprintln!("rtsan: clean: {}", String::from_utf8_lossy(&output.stdout).trim());
    for (mutant, calls) in MUTANTS {
        let output = start(&program, mutant)?;
        if !is_report(&output, calls) {
            let (status, lines) = (output.status, last_lines(&output.stderr));
            return Err(TaskError::Failed(format!("RealtimeSanitizer must report the mutant {mutant}, but: {status}\n{lines}")));
        }
        eprintln!("rtsan: the mutant {mutant} was reported");
    }
    Ok(())
}

/// Where the toolchain keeps the sanitizer.
fn library_path(sysroot: &Path, host: &str) -> PathBuf {
    let name = if host.contains("apple") { "librustc-stable_rt.rtsan.dylib" } else { "librustc-stable_rt.rtsan.a" };
    sysroot.join("lib/rustlib").join(host).join("lib").join(name)
}

fn rustc(arguments: &[&str]) -> Result<String, TaskError> {
    let failed = |message: String| TaskError::Tool { tool: "rustc", message };
    let output = Command::new("rustc").args(arguments).output().map_err(|e| failed(e.to_string()))?;
    if !output.status.success() {
        return Err(failed(format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr))));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn host_triple() -> Result<String, TaskError> {
    let text = rustc(&["-vV"])?;
    let triple = text.lines().find_map(|line| line.strip_prefix("host: "));
    triple
        .map(str::to_owned)
        .ok_or_else(|| TaskError::Tool { tool: "rustc", message: format!("no host in the output of rustc -vV: {text}") })
}

/// Builds the program and returns its path.
fn build(root: &Path, library: &Path) -> Result<PathBuf, TaskError> {
    let target = root.join("target/rtsan");
    let mut command = Command::new("cargo");
    command.args(["build", "--release", "--quiet"]);
    command.arg("--manifest-path").arg(root.join("rtsan/Cargo.toml")).arg("--target-dir").arg(&target);
    command.env("RTSAN_ENABLE", "1").env("RTSAN_LIB_PATH", library);
    let status = command.status().map_err(|e| TaskError::Tool { tool: "cargo", message: e.to_string() })?;
    if !status.success() {
        return Err(TaskError::Tool { tool: "cargo build of the RealtimeSanitizer check", message: status.to_string() });
    }
    Ok(target.join("release").join(format!("anacrusis-rtsan{}", std::env::consts::EXE_SUFFIX)))
}

fn start(program: &Path, what: &str) -> Result<Output, TaskError> {
    let failed = |e: std::io::Error| TaskError::Failed(format!("{} {what}: {e}", program.display()));
    // The options of whoever called us might let a report pass.
    Command::new(program).arg(what).env_remove("RTSAN_OPTIONS").output().map_err(failed)
}

/// Whether the process ended with a report that names one of `calls`.
fn is_report(output: &Output, calls: &[&str]) -> bool {
    let text = String::from_utf8_lossy(&output.stderr);
    !output.status.success() && text.contains(REPORT) && calls.iter().any(|call| text.contains(&format!("function `{call}`")))
}

fn last_lines(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(QUOTED_LINES)..].join("\n")
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    use super::*;

    fn output(exit_code: i32, stderr: &str) -> Output {
        Output { status: ExitStatus::from_raw(exit_code << 8), stdout: Vec::new(), stderr: stderr.as_bytes().to_vec() }
    }

    #[test]
    fn only_a_report_of_the_right_call_is_one() {
        let text = format!("==7=={REPORT}\nIntercepted call to real-time unsafe function `malloc` in real-time context!\n");
        assert!(is_report(&output(43, &text), &["calloc", "malloc"]));
        assert!(!is_report(&output(0, &text), &["malloc"]), "the process went on");
        assert!(!is_report(&output(43, &text), &["futex"]), "another call");
        assert!(!is_report(&output(101, "panicked at `malloc`"), &["malloc"]), "no report");
    }

    #[test]
    fn the_library_is_named_as_the_toolchain_names_it() {
        let path = library_path(Path::new("/s"), "x86_64-unknown-linux-gnu");
        assert_eq!(path, Path::new("/s/lib/rustlib/x86_64-unknown-linux-gnu/lib/librustc-stable_rt.rtsan.a"));
        assert!(library_path(Path::new("/s"), "aarch64-apple-darwin").extension().is_some_and(|extension| extension == "dylib"));
    }

    #[test]
    fn a_long_report_is_cut_to_its_end() {
        let text: String = (0..100).map(|n| format!("{n}\n")).collect();
        assert_eq!(last_lines(text.as_bytes()).lines().next(), Some("60"));
        assert_eq!(last_lines(b""), "");
    }
}
