//! What becomes of a report of `anacrusis eval`: a file, a table or JSON on standard output, an exit code. Main thread.

use serde::Serialize;

use crate::eval::report_file;
use crate::eval_command::EvalArgs;
use crate::exit::{Exit, say_error, write_stdout};

/// Hands over a report as the user chose. `table` is for people; pieces that failed fail the command.
pub(crate) fn finish<R: Serialize>(
    args: &EvalArgs,
    report: Result<R, String>,
    table: impl FnOnce(&R) -> String,
    n_failed: impl FnOnce(&R) -> usize,
) -> Exit {
    let report = match report {
        Ok(report) => report,
        Err(message) => {
            say_error(message);
            return Exit::Usage;
        }
    };
    if let Err(message) = hand_over(args, &report, table) {
        say_error(message);
        return Exit::Failed;
    }
    if n_failed(&report) == 0 { Exit::Ok } else { Exit::Failed }
}

fn hand_over<R: Serialize>(args: &EvalArgs, report: &R, table: impl FnOnce(&R) -> String) -> Result<(), String> {
    if let Some(path) = &args.report {
        report_file::write(path, report).map_err(|e| format!("cannot write {}: {e}", path.display()))?;
    }
    let text = if args.json {
        serde_json::to_string_pretty(report).map_err(|e| format!("cannot write the report as JSON: {e}"))? + "\n"
    } else {
        table(report)
    };
    write_stdout(text.as_bytes()).map_err(|e| format!("cannot write to standard output: {e}"))
}
