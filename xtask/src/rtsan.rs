//! `cargo xtask rtsan`: the audio side of the live pipe under RealtimeSanitizer, on the stable toolchain.
//!
//! The sanitizer's library comes with the toolchain; `rtsan-standalone` links it where two environment variables say so, so
//! the check is a crate of its own that nothing else shares a build with. A sanitizer that reports nothing proves little
//! unless it would have reported something: two mutants must be reported too.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::error::TaskError;
use crate::process::{host_triple, in_background, last_lines, rustc};

/// What the program is asked for that must be clean.
const CLEAN: &str = "clean";
/// What it is asked for that must be reported, and the call that the report must name: any of these.
const MUTANTS: [(&str, &[&str]); 2] =
    [("allocate", &["malloc", "calloc", "realloc"]), ("lock", &["syscall", "futex", "pthread_mutex_lock"])];
/// How a report begins.
const REPORT: &str = "ERROR: RealtimeSanitizer: unsafe-library-call";

/// Builds the crate under `rtsan/` with the sanitizer, in the background of whatever else runs. Where the toolchain has no such
/// library, nothing is built.
///
/// # Errors
/// A failed build.
pub fn build(root: &Path) -> Result<(), TaskError> {
    sanitizer()?.ok().map_or(Ok(()), |library| compile(root, &library, &mut in_background("cargo")).map(drop))
}

/// Builds the crate and runs it: clean, then each mutant. Where the toolchain has no such library it says so and passes.
///
/// # Errors
/// A failed build, a report on the audio side, or a mutant that is not reported.
pub fn run(root: &Path) -> Result<(), TaskError> {
    let library = match sanitizer()? {
        Ok(library) => library,
        Err(missing) => {
            eprintln!("rtsan: SKIPPED: this toolchain carries no RealtimeSanitizer: there is no {}", missing.display());
            return Ok(());
        }
    };
    let program = compile(root, &library, &mut Command::new("cargo"))?;
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

/// The sanitizer's library, or where it would be.
fn sanitizer() -> Result<Result<PathBuf, PathBuf>, TaskError> {
    let library = library_path(Path::new(rustc(&["--print", "sysroot"])?.trim()), &host_triple()?);
    Ok(if library.is_file() { Ok(library) } else { Err(library) })
}

/// Where the toolchain keeps the sanitizer.
fn library_path(sysroot: &Path, host: &str) -> PathBuf {
    let name = if host.contains("apple") { "librustc-stable_rt.rtsan.dylib" } else { "librustc-stable_rt.rtsan.a" };
    sysroot.join("lib/rustlib").join(host).join("lib").join(name)
}

/// Builds the program with `command`, a cargo, and returns the program's path.
fn compile(root: &Path, library: &Path, command: &mut Command) -> Result<PathBuf, TaskError> {
    let target = root.join("target/rtsan");
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
}
