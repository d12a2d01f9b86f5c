//! `anacrusis doctor`: what this machine and this build can do, and what to do about what they cannot. Main thread.
//!
//! `doctor --feed` asks a running instance in place of the machine, through its shared memory.

mod audio_checks;
mod checks;
#[cfg(test)]
mod document_tests;
mod feed;
mod jitter_check;
mod live_checks;
mod network_checks;
mod plugin_check;

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::exit::{Exit, say_error, write_stdout};

/// Version of the JSON layout.
const FORMAT_VERSION: u32 = 1;
/// Width of the names in the text report.
const NAME_WIDTH: usize = 13;

const EXAMPLES: &str = "\
Examples:
  anacrusis doctor                            the machine and this build
  anacrusis doctor --feed                     the instances that run, and how the newest one fares
  anacrusis doctor --feed FILE --watch        one of them, a line a second
  anacrusis doctor --feed --report fares.json to attach to a bug report

Exit codes: 0 all fine, 1 a problem was found, 130 --watch ended by Ctrl-C.";

/// Check this machine and this build, or a running instance; each problem comes with its fix
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct DoctorArgs {
    /// One JSON document instead of text
    #[arg(long)]
    pub json: bool,
    /// Check a running instance: the file of its feed, or the newest one
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    #[allow(clippy::option_option, reason = "absent, present, present with a value")]
    pub feed: Option<Option<PathBuf>>,
    /// With --feed: a line a second until Ctrl-C
    #[arg(long, requires = "feed", conflicts_with_all = ["json", "report"])]
    pub watch: bool,
    /// Also save the JSON document in a file
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
}

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    /// As it should be.
    Ok,
    /// Worth knowing; nothing is wrong.
    Note,
    /// Something works worse than it could, or not at all.
    Problem,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Check {
    name: String,
    status: Status,
    detail: String,
    fix: Option<String>,
}

impl Check {
    fn ok(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { name: name.into(), status: Status::Ok, detail: detail.into(), fix: None }
    }

    fn note(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { status: Status::Note, ..Self::ok(name, detail) }
    }

    /// Nothing is wrong, and something could be better.
    fn advice(name: impl Into<String>, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { status: Status::Note, ..Self::problem(name, detail, fix) }
    }

    fn problem(name: impl Into<String>, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { status: Status::Problem, fix: Some(fix.into()), ..Self::ok(name, detail) }
    }
}

#[derive(Serialize)]
struct Report<'a> {
    format: u32,
    version: &'static str,
    healthy: bool,
    checks: &'a [Check],
}

/// Runs the command.
pub fn run(args: &DoctorArgs) -> Exit {
    let outcome = match &args.feed {
        Some(path) if args.watch => return feed::watch(path.as_deref()),
        Some(path) => feed::examine(path.as_deref()),
        None => Ok(examine()),
    };
    match outcome.and_then(|outcome| outcome.put_out(args.json, args.report.as_deref()).map(|()| outcome.healthy)) {
        Ok(true) => Exit::Ok,
        Ok(false) => Exit::Failed,
        Err(message) => {
            say_error(message);
            Exit::Failed
        }
    }
}

/// What was found, in both forms.
struct Outcome {
    text: String,
    json: String,
    healthy: bool,
}

impl Outcome {
    /// One form to stdout, and the JSON document to a file where one is named.
    fn put_out(&self, as_json: bool, report: Option<&Path>) -> Result<(), String> {
        if let Some(path) = report {
            std::fs::write(path, &self.json).map_err(|e| format!("cannot write {}: {e}", path.display()))?;
        }
        let text = if as_json { &self.json } else { &self.text };
        write_stdout(text.as_bytes()).map_err(|e| format!("cannot write to standard output: {e}"))
    }
}

/// Every check of the machine and this build, in the order in which they are shown.
fn all_checks() -> Vec<Check> {
    let mut checks = checks::all();
    checks.push(plugin_check::plugins());
    checks.extend(live_checks::all());
    checks.push(jitter_check::clock_jitter());
    checks.extend(audio_checks::all());
    checks.extend(network_checks::all());
    checks
}

/// Checks the machine and this build.
fn examine() -> Outcome {
    let checks = all_checks();
    let healthy = is_healthy(&checks);
    Outcome { text: format!("anacrusis {}\n{}", env!("CARGO_PKG_VERSION"), as_text(&checks)), json: as_json(&checks, healthy), healthy }
}

fn is_healthy(checks: &[Check]) -> bool {
    checks.iter().all(|check| check.status != Status::Problem)
}

fn as_json(checks: &[Check], healthy: bool) -> String {
    json_of(&Report { format: FORMAT_VERSION, version: env!("CARGO_PKG_VERSION"), healthy, checks })
}

fn json_of(report: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(report).expect("strings, numbers and flags make JSON");
    text.push('\n');
    text
}

/// A line a check, its fix below it, and a summary.
fn as_text(checks: &[Check]) -> String {
    let mut text = String::new();
    for Check { name, status, detail, fix } in checks {
        let mark = match status {
            Status::Ok => "ok     ",
            Status::Note => "note   ",
            Status::Problem => "PROBLEM",
        };
        text += &format!("{mark}  {name:NAME_WIDTH$}  {detail}\n");
        if let Some(fix) = fix {
            text += &format!("         {:NAME_WIDTH$}  fix: {fix}\n", "");
        }
    }
    text += if is_healthy(checks) { "all fine\n" } else { "there are problems\n" };
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_shows_its_fix() {
        let checks = [Check::ok("cpu", "fast"), Check::problem("models", "none", "get some")];
        let text = as_text(&checks);
        assert!(text.contains("PROBLEM  models         none\n") && text.contains("fix: get some\n"), "{text}");
        assert!(text.ends_with("there are problems\n"));
        let json: serde_json::Value = serde_json::from_str(&as_json(&checks, false)).unwrap();
        assert_eq!((&json["healthy"], &json["checks"][1]["fix"]), (&false.into(), &"get some".into()));
    }

    #[test]
    fn advice_is_no_problem() {
        let checks = [Check::advice("priority", "refused", "ask for it")];
        assert!(is_healthy(&checks) && as_text(&checks).contains("note     priority       refused\n"));
        assert!(as_text(&checks).ends_with("fix: ask for it\nall fine\n"));
    }
}
