//! `anacrusis doctor`: what this machine and this build can do, and what to do about what they cannot. Main thread.

mod checks;

use serde::Serialize;

use crate::exit::{Exit, say_error, write_stdout};

/// Version of the JSON layout.
const FORMAT_VERSION: u32 = 1;
/// Width of the names in the text report.
const NAME_WIDTH: usize = 13;

/// Check this machine and this build; each problem comes with its fix
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Exit codes: 0 all fine, 1 a problem was found.")]
pub struct DoctorArgs {
    /// One JSON document instead of text
    #[arg(long)]
    pub json: bool,
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
    let checks = checks::all();
    let healthy = checks.iter().all(|check| check.status != Status::Problem);
    let text = if args.json { as_json(&checks, healthy) } else { as_text(&checks, healthy) };
    if let Err(error) = write_stdout(text.as_bytes()) {
        say_error(format_args!("cannot write to standard output: {error}"));
        return Exit::Failed;
    }
    if healthy { Exit::Ok } else { Exit::Failed }
}

fn as_json(checks: &[Check], healthy: bool) -> String {
    let report = Report { format: FORMAT_VERSION, version: env!("CARGO_PKG_VERSION"), healthy, checks };
    let mut text = serde_json::to_string_pretty(&report).expect("strings and flags make JSON");
    text.push('\n');
    text
}

fn as_text(checks: &[Check], healthy: bool) -> String {
    let mut text = format!("anacrusis {}\n", env!("CARGO_PKG_VERSION"));
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
    text += if healthy { "all fine\n" } else { "there are problems\n" };
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_shows_its_fix() {
        let checks = [Check::ok("cpu", "fast"), Check::problem("models", "none", "get some")];
        let text = as_text(&checks, false);
        assert!(text.contains("PROBLEM  models         none\n") && text.contains("fix: get some\n"), "{text}");
        let json: serde_json::Value = serde_json::from_str(&as_json(&checks, false)).unwrap();
        assert_eq!((&json["healthy"], &json["checks"][1]["fix"]), (&false.into(), &"get some".into()));
    }
}
