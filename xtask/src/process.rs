//! Runs the programs that tasks are made of, their output passed on as it comes.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::error::TaskError;

/// Environment of a build that embeds no models but ours (`runtime-core/build.rs`).
pub const OWN_MODELS_ONLY: &[(&str, &str)] = &[("ANACRUSIS_OWN_MODELS_ONLY", "1")];

/// Cargo, in the workspace `root`.
pub fn cargo(root: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.args(arguments).current_dir(root);
    command
}

/// What a program writes to its stdout.
///
/// # Errors
/// [`TaskError::Tool`] under the name `tool` where it cannot start or says that it failed, with the end of its stderr.
pub fn output(tool: &'static str, command: &mut Command) -> Result<String, TaskError> {
    let failed = |message: String| TaskError::Tool { tool, message };
    let output = command.output().map_err(|e| failed(e.to_string()))?;
    if !output.status.success() {
        return Err(failed(format!("{}\n{}", output.status, last_lines(&output.stderr))));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The last lines of what a program wrote, for a message.
pub fn last_lines(text: &[u8]) -> String {
    const QUOTED_LINES: usize = 40;
    let text = String::from_utf8_lossy(text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(QUOTED_LINES)..].join("\n")
}

/// What `rustc` answers to these arguments.
///
/// # Errors
/// No compiler, or one that refuses them.
pub fn rustc(arguments: &[&str]) -> Result<String, TaskError> {
    output("rustc", Command::new("rustc").args(arguments))
}

/// What cargo knows of the packages, with these arguments besides.
///
/// # Errors
/// A lock file that is out of date, or no cargo.
pub fn metadata(root: &Path, arguments: &[&str]) -> Result<Value, TaskError> {
    const TOOL: &str = "cargo metadata";
    let text = output(TOOL, cargo(root, &["metadata", "--format-version=1", "--locked"]).args(arguments))?;
    serde_json::from_str(&text).map_err(|e| TaskError::Tool { tool: TOOL, message: e.to_string() })
}

/// This platform, as the compiler names it.
///
/// # Errors
/// As [`rustc`].
pub fn host_triple() -> Result<String, TaskError> {
    let text = rustc(&["-vV"])?;
    let triple = text.lines().find_map(|line| line.strip_prefix("host: "));
    triple
        .map(str::to_owned)
        .ok_or_else(|| TaskError::Tool { tool: "rustc", message: format!("no host in the output of rustc -vV: {text}") })
}

/// A program that yields the processor to others.
pub fn in_background(program: &str) -> Command {
    if !cfg!(unix) {
        return Command::new(program);
    }
    let mut command = Command::new("nice");
    command.args(["-n", "19", program]);
    command
}

/// Runs a program to its end.
///
/// # Errors
/// [`TaskError::Tool`] under the name `tool` where it cannot start or says that it failed.
pub fn run(tool: &'static str, command: &mut Command) -> Result<(), TaskError> {
    let status = command.status().map_err(|e| TaskError::Tool { tool, message: e.to_string() })?;
    if status.success() { Ok(()) } else { Err(TaskError::Tool { tool, message: status.to_string() }) }
}

/// Runs a program, hands over each line of its stdout, and returns whether it said that all went well.
///
/// # Errors
/// [`TaskError::Tool`] where it cannot start.
pub fn run_lines(tool: &'static str, command: &mut Command, mut on_line: impl FnMut(&str)) -> Result<bool, TaskError> {
    let failed = |e: std::io::Error| TaskError::Tool { tool, message: e.to_string() };
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(failed)?;
    let stdout = child.stdout.take().expect("stdout was piped in the line above");
    for line in BufReader::new(stdout).split(b'\n').map_while(Result::ok) {
        on_line(&String::from_utf8_lossy(&line));
    }
    Ok(child.wait().map_err(failed)?.success())
}

/// Builds the command line as it ships and returns the path of the binary.
///
/// # Errors
/// A build that fails.
pub fn release_binary(root: &Path) -> Result<PathBuf, TaskError> {
    binary(root, &["--release", "--package", "anacrusis"], &[])
}

/// [`release_binary`] with no models but ours.
///
/// # Errors
/// A build that fails.
pub fn shipped_binary(root: &Path) -> Result<PathBuf, TaskError> {
    binary(root, &["--release", "--package", "anacrusis"], OWN_MODELS_ONLY)
}

/// The command line as `cargo test --workspace` with these arguments builds it: nothing is built twice after that.
///
/// # Errors
/// A build that fails.
pub fn tested_binary(root: &Path, arguments: &[&str]) -> Result<PathBuf, TaskError> {
    binary(root, &[&["--workspace", "--bin", "anacrusis"], arguments].concat(), &[])
}

fn binary(root: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Result<PathBuf, TaskError> {
    const TOOL: &str = "cargo build of anacrusis";
    let mut path = None;
    let mut command = cargo(root, &["build", "--locked", "--quiet", "--message-format=json-render-diagnostics"]);
    let succeeded = run_lines(TOOL, command.args(arguments).envs(variables.iter().copied()), |line| {
        path = executable(line).or(path.take());
    })?;
    let failed = |message: &str| TaskError::Tool { tool: TOOL, message: message.to_owned() };
    match path {
        Some(path) if succeeded => Ok(path),
        None if succeeded => Err(failed("cargo names no executable")),
        _ => Err(failed("the build failed")),
    }
}

/// SHA-256 of a file's bytes, in hexadecimal.
///
/// # Errors
/// A file that cannot be read.
pub fn hash_of_file(path: &Path) -> Result<String, TaskError> {
    let bytes = std::fs::read(path).map_err(|e| TaskError::io(path, e))?;
    Ok(Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The path in cargo's message about the finished binary `anacrusis`.
fn executable(line: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(line).ok()?;
    let is_ours = message["reason"] == "compiler-artifact" && message["target"]["name"] == "anacrusis";
    message["executable"].as_str().filter(|_| is_ours).map(PathBuf::from)
}

/// What a thread came to; its panic is ours.
pub fn join<T>(thread: std::thread::ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_binary_is_found_among_the_messages() {
        let line = r#"{"reason":"compiler-artifact","target":{"name":"anacrusis","kind":["bin"]},"executable":"/t/release/anacrusis"}"#;
        assert_eq!(executable(line), Some(PathBuf::from("/t/release/anacrusis")));
        for other in
            ["", "{}", &line.replace("\"name\":\"anacrusis\"", "\"name\":\"other\""), &line.replace("\"/t/release/anacrusis\"", "null")]
        {
            assert_eq!(executable(other), None, "{other}");
        }
    }

    #[test]
    fn a_message_quotes_the_end() {
        let text = (1..=99).map(|n| format!("{n}\n")).collect::<String>();
        assert_eq!(last_lines(text.as_bytes()).lines().next(), Some("60"));
        assert_eq!(last_lines(b""), "");
    }

    #[test]
    fn what_a_program_says_is_returned_or_quoted() {
        assert!(output("cargo", Command::new("cargo").arg("--version")).unwrap().starts_with("cargo "));
        let error = output("cargo", Command::new("cargo").arg("--no-such-option")).unwrap_err().to_string();
        assert!(error.contains("--no-such-option"), "{error}");
    }

    #[test]
    fn lines_are_handed_over_and_failure_is_told() {
        let mut lines = Vec::new();
        assert!(run_lines("cargo", Command::new("cargo").arg("--version"), |line| lines.push(line.to_owned())).unwrap());
        assert!(lines[0].starts_with("cargo "));
        let error = run("cargo", Command::new("cargo").args(["--no-such-option"]).stderr(Stdio::null())).unwrap_err();
        assert!(error.to_string().starts_with("cargo failed"), "{error}");
    }
}
