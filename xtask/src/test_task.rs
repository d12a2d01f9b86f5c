//! `cargo xtask test`: every check of the project, step by step, to the first that fails; `check`: the quick ones.
//!
//! Prints a table of the steps with their times, and as the very last line the sum over all tests, `N passed, N failed,
//! N skipped`.

use std::fmt;
use std::path::Path;
use std::time::Instant;

use crate::bundle::Build;
use crate::error::TaskError;
use crate::models::ort_runtime;
use crate::process::{self, cargo, join};
use crate::test_counts::TestCounts;
use crate::{bundle, codegen, dependencies, feed_header, file_map, foreign, fuzz, python_environment, rt_lints, rtsan, train, view_test};

/// Features that need ONNX Runtime, of every crate that has one.
const ORT_FEATURES: &str = "--features=runtime-core/ort,anacrusis/ort,integration-tests/ort";

/// Length of the run of one fuzz target here: finds what breaks at once; `cargo xtask fuzz` searches for longer.
const FUZZ_SECONDS: u32 = 5;

/// Runs everything. With `offline` the training package and the foreign readers are skipped where their environments are not made
/// yet, and the web view where the browser's driver is not installed; ONNX Runtime is skipped wherever it can neither be found nor
/// fetched. No model is fetched.
///
/// # Errors
/// The first step that fails, by name.
pub fn run(root: &Path, offline: bool) -> Result<(), TaskError> {
    let mut report = Report::default();
    let result = all_steps(root, offline, &mut report);
    println!("\n{report}{}", report.counts);
    result
}

/// Runs what needs no build of ours but clippy's: formatting, lints, generated files, dependencies, licences.
///
/// # Errors
/// The first step that fails, by name.
pub fn check(root: &Path) -> Result<(), TaskError> {
    let mut report = Report::default();
    let result = quick_steps(root, &mut report).and_then(|()| lint_steps(root, &mut report));
    println!("\n{report}");
    result
}

fn all_steps(root: &Path, offline: bool, report: &mut Report) -> Result<(), TaskError> {
    let mut has_ort = false;
    report.step("onnx runtime", || match ort_runtime::run(root) {
        Ok(_) => {
            has_ort = true;
            Ok(Outcome::Done)
        }
        // An option, and not pinned for every platform: its tests are left out, aloud.
        Err(error) => Ok(Outcome::Skipped(error.to_string())),
    })?;
    quick_steps(root, report)?;
    std::thread::scope(|scope| {
        // Two builds at once: each spends a good part of its time with one crate that the rest waits for.
        let bundled = scope.spawn(|| bundle::run(root, Build::Release));
        // What comes over the network comes meanwhile.
        let fetched = scope.spawn(|| if offline { Ok(()) } else { fetch(root) });
        lint_steps(root, report)?;
        report.step("tests, compiled", || compile_tests(root, has_ort))?;
        // The host tests load what hosts load: the bundles.
        report.step("bundle", || join(bundled).map(|()| Outcome::Done))?;
        // Tests wait for sound and sockets most of the time; what is built meanwhile yields to them.
        let built = scope.spawn(|| rtsan::build(root).and_then(|()| fuzz::build_quick(root)));
        report.counted_step("tests", || {
            let mut counts = TestCounts::default();
            let outcome = tests(root, has_ort, &mut counts);
            (outcome, counts)
        })?;
        // What failed is tried again, and told, by the step that needs it.
        let _ = join(fetched);
        let binary = process::tested_binary(root, ort_features(has_ort))?;
        // It computes while the browser waits.
        let for_training = binary.clone();
        let trained = scope.spawn(move || counted(training, root, offline, &for_training));
        for (name, step) in [("foreign readers", foreign_readers as BinaryStep), ("web view", web_view)] {
            report.counted_step(name, || counted(step, root, offline, &binary))?;
        }
        report.counted_step("training", || join(trained))?;
        report.step("builds for these two", || join(built).map(|()| Outcome::Done))?;
        report.step("real-time sanitizer", || rtsan::run(root).map(|()| Outcome::Done))?;
        report.step("fuzzing", || fuzz::run_quick(root, FUZZ_SECONDS).map(|()| Outcome::Done))
    })
}

/// Makes the environments of later steps.
fn fetch(root: &Path) -> Result<(), TaskError> {
    python_environment::foreign(root).python()?;
    view_test::fetch(root)?;
    python_environment::training(root).python().map(drop)
}

/// A step that runs the binary: root, offline, binary, counts.
type BinaryStep = fn(&Path, bool, &Path, &mut TestCounts) -> Result<Outcome, TaskError>;

/// A step with what it counted, also where it failed.
fn counted(step: BinaryStep, root: &Path, offline: bool, binary: &Path) -> (Result<Outcome, TaskError>, TestCounts) {
    let mut counts = TestCounts::default();
    let outcome = step(root, offline, binary, &mut counts);
    (outcome, counts)
}

fn ort_features(has_ort: bool) -> &'static [&'static str] {
    if has_ort { &[ORT_FEATURES] } else { &[] }
}

/// What takes seconds.
fn quick_steps(root: &Path, report: &mut Report) -> Result<(), TaskError> {
    report.step("generated files", || {
        codegen::run(root, true)?;
        feed_header::run(root, true)?;
        file_map::run(root, true)?;
        Ok(Outcome::Done)
    })?;
    report.step("formatting", || {
        process::run("cargo fmt", &mut cargo(root, &["fmt", "--all", "--check"]))?;
        for (tool, manifest) in [("cargo fmt in fuzz/", "fuzz/Cargo.toml"), ("cargo fmt in rtsan/", "rtsan/Cargo.toml")] {
            process::run(tool, &mut cargo(root, &["fmt", "--manifest-path", manifest, "--check"]))?;
        }
        Ok(Outcome::Done)
    })
}

/// Lints, links of the documentation, dependencies. Without ONNX Runtime less is compiled, and none of it in tests: they are linted with it.
fn lint_steps(root: &Path, report: &mut Report) -> Result<(), TaskError> {
    report.step("clippy", || {
        let arguments = ["clippy", "--locked", "--workspace", "--", "-D", "warnings"];
        process::run("cargo clippy", &mut cargo(root, &arguments)).map(|()| Outcome::Done)
    })?;
    report.step("clippy, with ort", || {
        let arguments = ["clippy", "--locked", "--workspace", "--all-targets", ORT_FEATURES, "--", "-D", "warnings"];
        process::run("cargo clippy with ort", &mut cargo(root, &arguments)).map(|()| Outcome::Done)
    })?;
    report.step("documentation", || {
        let mut command = cargo(root, &["doc", "--locked", "--workspace", "--no-deps", "--quiet"]);
        process::run("cargo doc", command.env("RUSTDOCFLAGS", "-D warnings")).map(|()| Outcome::Done)
    })?;
    report.step("audio-thread lints", || rt_lints::run(root).map(|()| Outcome::Done))?;
    report.step("dependencies, licences", || dependencies::run(root).map(|()| Outcome::Done))
}

/// Compiles what [`tests`] runs.
fn compile_tests(root: &Path, has_ort: bool) -> Result<Outcome, TaskError> {
    let mut command = cargo(root, &["test", "--locked", "--workspace", "--no-run"]);
    command.args(ort_features(has_ort));
    process::run("the build of the tests", &mut command).map(|()| Outcome::Done)
}

/// Unit, property, golden, documentation and integration tests, all of them even where some fail.
fn tests(root: &Path, has_ort: bool, counts: &mut TestCounts) -> Result<Outcome, TaskError> {
    let mut command = cargo(root, &["test", "--locked", "--workspace", "--no-fail-fast"]);
    command.args(ort_features(has_ort));
    let succeeded = process::run_lines("cargo test", &mut command, |line| {
        println!("{line}");
        if let Some(more) = TestCounts::parse(line) {
            *counts += more;
        }
    })?;
    if succeeded { Ok(Outcome::Done) } else { Err(TaskError::Tool { tool: "cargo test", message: counts.to_string() }) }
}

/// What we write, read back by software of others.
fn foreign_readers(root: &Path, offline: bool, binary: &Path, counts: &mut TestCounts) -> Result<Outcome, TaskError> {
    if offline && !python_environment::foreign(root).is_ready()? {
        return Ok(Outcome::Skipped("target/foreign-venv is not made, and making it needs the network".to_owned()));
    }
    foreign::run(root, binary, counts).map(|()| Outcome::Done)
}

/// The Python package: lints, tests, and a network trained end to end.
fn training(root: &Path, offline: bool, binary: &Path, counts: &mut TestCounts) -> Result<Outcome, TaskError> {
    if offline && !python_environment::training(root).is_ready()? {
        return Ok(Outcome::Skipped("training/.venv is not made, and making it needs the network".to_owned()));
    }
    train::test(root, binary, counts).map(|()| Outcome::Done)
}

/// The page in a browser, where there is one.
fn web_view(root: &Path, offline: bool, binary: &Path, counts: &mut TestCounts) -> Result<Outcome, TaskError> {
    match view_test::missing() {
        None if offline && !view_test::is_ready(root) => {
            Ok(Outcome::Skipped("visualizer/node_modules is not made, and making it needs the network".to_owned()))
        }
        Some(reason) => Ok(Outcome::Skipped(reason)),
        None => view_test::test(root, binary, counts).map(|()| Outcome::Done),
    }
}

/// How a step ended that did not fail.
enum Outcome {
    Done,
    /// With the reason.
    Skipped(String),
}

/// What was run.
#[derive(Default)]
struct Report {
    /// Name, result in a word, seconds.
    rows: Vec<(&'static str, &'static str, f64)>,
    counts: TestCounts,
}

impl Report {
    /// A step that counts tests.
    fn counted_step(
        &mut self,
        name: &'static str,
        work: impl FnOnce() -> (Result<Outcome, TaskError>, TestCounts),
    ) -> Result<(), TaskError> {
        let mut counts = TestCounts::default();
        let outcome = self.step(name, || {
            let (outcome, counted) = work();
            counts = counted;
            outcome
        });
        self.counts += counts;
        outcome
    }

    fn step(&mut self, name: &'static str, work: impl FnOnce() -> Result<Outcome, TaskError>) -> Result<(), TaskError> {
        eprintln!("\n=== {name}");
        let start = Instant::now();
        let result = work();
        let word = match &result {
            Ok(Outcome::Done) => "ok",
            Ok(Outcome::Skipped(reason)) => {
                eprintln!("SKIPPED: {name}: {reason}");
                "SKIPPED"
            }
            Err(_) => "FAILED",
        };
        self.rows.push((name, word, start.elapsed().as_secs_f64()));
        result.map(drop).map_err(|error| TaskError::Failed(format!("step \"{name}\": {error}")))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, word, seconds) in &self.rows {
            writeln!(f, "{name:<24}{word:<8}{seconds:>8.1} s")?;
        }
        let total: f64 = self.rows.iter().map(|row| row.2).sum();
        writeln!(f, "{:<24}{:<8}{total:>8.1} s", "all", "")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_step_is_named_and_listed() {
        let mut report = Report::default();
        report.step("one", || Ok(Outcome::Done)).unwrap();
        report.step("two", || Ok(Outcome::Skipped("no network".to_owned()))).unwrap();
        let error = report.step("three", || Err(TaskError::Failed("broken".to_owned()))).unwrap_err();
        assert_eq!(error.to_string(), "step \"three\": broken");
        let text = report.to_string();
        assert!(text.contains("one") && text.contains("SKIPPED") && text.contains("FAILED") && text.lines().count() == 4, "{text}");
    }
}
