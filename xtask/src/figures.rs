//! `cargo xtask figures`: measures accuracy and cost and writes both into README and docs, so that none is copied by hand.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::error::TaskError;
use crate::marked::Marked;
use crate::models::manifest::MANIFEST_FILE;
use crate::models::pins::WEIGHT_FILES;
use crate::process;
use crate::run_command::with_corpus;

const COMMAND: &str = "cargo xtask figures";
/// The table of scores, and the files with it.
const ACCURACY: (Marked, [&str; 2]) = (Marked { name: "accuracy", command: COMMAND }, ["README.md", "docs/accuracy.md"]);
/// What `anacrusis bench` prints, and the file with it.
const COST: (Marked, &str) = (Marked { name: "cost", command: COMMAND }, "docs/latency.md");

/// What is scored: name in the table, arguments of `anacrusis eval`.
pub(crate) type Run = (&'static str, &'static [&'static str]);
/// The report of a run under its name.
pub(crate) type Scored = (&'static str, Value);
/// The default, against which the others are read.
const DEFAULT_RUN: Run = ("**live** (default)", &[]);
/// Left out where BeatNet's weights were not fetched.
const BEATNET_RUN: Run = ("live, BeatNet's networks", &["--model", "beatnet"]);
const OTHER_RUNS: [Run; 4] = [
    ("live, particle filter", &["--decoder", "particle"]),
    ("live, spectral flux (no network)", &["--model", "flux"]),
    ("`--offline`", &["--offline"]),
    ("`--offline`, spectral flux", &["--offline", "--model", "flux"]),
];
/// Columns that are means over pieces: title, key in the report.
pub(crate) const COLUMNS: [(&str, &str); 6] =
    [("F70", "f70"), ("F25", "f25"), ("downbeat F70", "downbeat_f70"), ("CMLt", "cmlt"), ("AMLt", "amlt"), ("live0", "live0")];

/// Measures and writes. `arguments` go to every run of `anacrusis eval`, e.g. `--corpus DIR`.
///
/// # Errors
/// No corpus, a build or run that fails, or a file without the markers.
pub fn run(root: &Path, arguments: &[OsString]) -> Result<(), TaskError> {
    let arguments = with_corpus(root, arguments)?;
    let binary = process::release_binary(root)?;
    eprintln!("figures: bench");
    let cost = output("anacrusis bench", Command::new(&binary).arg("bench"))?;
    let mut reports = Vec::new();
    for (name, options) in runs(has_beatnet(root)) {
        eprintln!("figures: {}", name.replace(['*', '`'], ""));
        reports.push((name, evaluate(&binary, options, &arguments)?));
    }
    let table = table(&reports);
    print!("{cost}\n{table}");
    COST.0.write(&root.join(COST.1), &format!("```text\n{cost}```\n"), false)?;
    write_table(root, &table)
}

/// Writes the table of scores where it stands.
pub(crate) fn write_table(root: &Path, table: &str) -> Result<(), TaskError> {
    ACCURACY.1.iter().try_for_each(|file| ACCURACY.0.write(&root.join(file), table, false))
}

/// The report of one run of `anacrusis eval`.
pub(crate) fn evaluate(binary: &Path, options: &[&str], arguments: &[OsString]) -> Result<Value, TaskError> {
    let text = output("anacrusis eval", Command::new(binary).args(["eval", "--json"]).args(options).args(arguments))?;
    serde_json::from_str(&text).map_err(|e| TaskError::Tool { tool: "anacrusis eval", message: e.to_string() })
}

/// Whether a build of now embeds all of BeatNet's weight sets.
pub(crate) fn has_beatnet(root: &Path) -> bool {
    WEIGHT_FILES.iter().all(|weights| root.join("models").join(weights.name).join(MANIFEST_FILE).is_file())
}

/// The rows of the table in their order.
pub(crate) fn runs(has_beatnet: bool) -> Vec<Run> {
    if !has_beatnet {
        eprintln!("figures: SKIPPED: BeatNet's row, its weights are not here; run `cargo xtask models`");
    }
    [DEFAULT_RUN].into_iter().chain(has_beatnet.then_some(BEATNET_RUN)).chain(OTHER_RUNS).collect()
}

/// What a program prints.
fn output(tool: &'static str, command: &mut Command) -> Result<String, TaskError> {
    let mut text = String::new();
    let succeeded = process::run_lines(tool, command, |line| {
        text.push_str(line.trim_end());
        text.push('\n');
    })?;
    if succeeded { Ok(text) } else { Err(TaskError::Tool { tool, message: "it says that it failed".to_owned() }) }
}

/// Markdown: a row a run, then the floor.
pub(crate) fn table(reports: &[Scored]) -> String {
    let titles: Vec<&str> = COLUMNS.iter().map(|column| column.0).collect();
    let mut text = format!("| | {} | lock, s | CPU s per s |\n|---|{}---|---|\n", titles.join(" | "), "---|".repeat(COLUMNS.len()));
    for (name, report) in reports {
        // Nothing is announced offline.
        let is_offline = report["configuration"]["mode"] == "offline";
        let cost = report["cpu_per_audio"].as_f64().map_or("-".to_owned(), |cost| format!("{cost:.4}"));
        let _ = writeln!(text, "| {name} | {} | {cost} |", cells(&report["subsets"][0]["tracker"], !is_offline));
    }
    if let Some((_, report)) = reports.first() {
        let _ = writeln!(text, "| deaf 120 BPM metronome | {} | - |", cells(&report["subsets"][0]["floor"], true));
        let all = &report["subsets"][0]["tracker"];
        let interval = |key: &str| {
            let ends: Vec<String> = (0..2).map(|i| share(&all["means"][key]["interval"][i])).collect();
            ends.join(" to ")
        };
        let n_pieces = all["n_pieces"].as_u64().unwrap_or(0);
        let minutes = report["audio_sec"].as_f64().unwrap_or(0.0) / 60.0;
        let _ = writeln!(
            text,
            "\nMeans over {n_pieces} pieces, {minutes:.1} min; 95 % bootstrap intervals of the first row: F70 {}, downbeat F70 {}, AMLt {}.",
            interval("f70"),
            interval("downbeat_f70"),
            interval("amlt")
        );
    }
    text
}

/// The cells of one summary: means, then the median time to lock; `is_live` where beats are announced.
pub(crate) fn cells(summary: &Value, is_live: bool) -> String {
    let mean = |key: &str| if is_live || key != "live0" { share(&summary["means"][key]["mean"]) } else { "-".to_owned() };
    let mut cells: Vec<String> = COLUMNS.iter().map(|(_, key)| mean(key)).collect();
    let lock_sec = summary["pooled"]["lock_median_sec"].as_f64().filter(|_| is_live);
    cells.push(lock_sec.map_or("-".to_owned(), |sec| format!("{sec:.1}")));
    cells.join(" | ")
}

/// `.817`, as the field writes shares.
pub(crate) fn share(value: &Value) -> String {
    value.as_f64().map_or("-".to_owned(), |share| format!("{share:.3}").trim_start_matches('0').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_becomes_a_row() {
        let mean = |mean: f64| serde_json::json!({"mean": mean, "interval": [0.25, 1.0], "n_pieces": 2});
        let summary = serde_json::json!({
            "n_pieces": 2, "means": {"f70": mean(0.8164), "live0": mean(1.0)}, "pooled": {"lock_median_sec": 2.04}
        });
        let report = serde_json::json!({
            "audio_sec": 90.0, "cpu_per_audio": 0.0131, "subsets": [{"name": "all", "tracker": summary, "floor": summary}]
        });
        let text = table(&[("live", report)]);
        assert!(text.contains("| live | .816 | - | - | - | - | 1.000 | 2.0 | 0.0131 |"), "{text}");
        assert!(
            text.contains("| deaf 120 BPM metronome | .816 |") && text.contains("2 pieces, 1.5 min") && text.contains("F70 .250 to 1.000")
        );
    }

    #[test]
    fn beatnet_has_a_row_where_it_is_there() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!has_beatnet(folder.path()));
        for weights in &WEIGHT_FILES {
            let model = folder.path().join("models").join(weights.name);
            std::fs::create_dir_all(&model).unwrap();
            std::fs::write(model.join(MANIFEST_FILE), "{}").unwrap();
        }
        assert!(has_beatnet(folder.path()));
        assert_eq!((runs(true)[1], runs(true).len()), (BEATNET_RUN, runs(false).len() + 1));
        assert!(!runs(false).contains(&BEATNET_RUN) && runs(false)[0] == DEFAULT_RUN);
    }

    #[test]
    fn the_files_have_the_markers() {
        let places = ACCURACY.1.map(|file| (ACCURACY.0, file)).into_iter().chain([COST]);
        for (marked, file) in places {
            let text = std::fs::read_to_string(crate::workspace_root().join(file)).unwrap();
            assert!(marked.replace(&text, "").is_some(), "{file}");
        }
    }
}
