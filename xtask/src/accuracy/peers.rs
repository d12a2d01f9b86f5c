//! Other trackers' rows: measured where they are installed, else as they were measured before, with date and how.
//!
//! `docs/data/peers.json` holds the rows. A row that this run measures replaces the one of the same key.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::Task;
use super::blocks::{DOWNBEAT, head, names_bars};
use crate::error::TaskError;
use crate::figures::{COLUMNS, Scored, cells};
use crate::process;

/// The stored rows.
const STORE: &str = "docs/data/peers.json";
/// Format of the store that this code reads and writes.
const FORMAT: u64 = 1;
/// Runs the trackers.
const SCRIPT: &str = "tools/peers/run.py";

/// The rows, and the reports of those that were measured now.
pub(super) struct Table {
    store: Value,
    measured: Vec<(String, Value)>,
}

impl Table {
    /// Runs what is installed, scores it, and takes the rest from the store. `beatnet` are runs of ours that belong here.
    pub(super) fn measure(task: &Task<'_>, beatnet: &[Scored]) -> Result<Self, TaskError> {
        let mut table = Self { store: read(&task.root.join(STORE))?, measured: Vec::new() };
        for (name, report) in beatnet {
            table.replace("beatnet-itself", name, report, report["cpu_per_audio"].clone(), &today(), "`anacrusis eval --cascade upstream`");
        }
        let Some(folder) = run_script(task)? else { return Ok(table) };
        let summary = read_json(&folder.join("peers.json"))?;
        for (name, reason) in summary["missing"].as_object().into_iter().flatten() {
            eprintln!("accuracy: MISSING: {name}: {}; its stored figures stand", reason.as_str().unwrap_or_default());
        }
        for key in summary["ran"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            let about = read_json(&folder.join(key).join("peer.json"))?;
            let report = task.score(key, &[], &[OsString::from("--beats"), folder.join(key).into()])?;
            let name = table.name_of(key);
            let date = about["date"].as_str().unwrap_or_default().to_owned();
            table.replace(key, &name, &report, about["cpu_per_audio"].clone(), &date, "`tools/peers/run.py`");
            table.measured.push((name, report));
        }
        Ok(table)
    }

    /// Reports of the trackers that ran.
    pub(super) fn reports(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.measured.iter().map(|(name, report)| (name.as_str(), report))
    }

    /// The rows as Markdown.
    pub(super) fn markdown(&self) -> String {
        let titles: Vec<&str> = COLUMNS.iter().map(|column| column.0).chain(["lock, s", "CPU s per s", "measured"]).collect();
        let mut text = head("live", &titles);
        for peer in self.rows() {
            let cost = peer["cpu_per_audio"].as_f64().map_or("-".to_owned(), |cost| format!("{cost:.4}"));
            let (name, date) = (peer["name"].as_str().unwrap_or_default(), peer["measured"].as_str().unwrap_or_default());
            let how = peer["how"].as_str().unwrap_or_default();
            let _ = writeln!(text, "| {name} | {} | {cost} | {date}, {how} |", cells(&peer["summary"], true));
        }
        text
    }

    /// Writes the rows back.
    pub(super) fn store(&self, root: &Path) -> Result<(), TaskError> {
        let path = root.join(STORE);
        let text = serde_json::to_string_pretty(&self.store).map_err(|e| TaskError::Failed(format!("{}: {e}", path.display())))?;
        std::fs::write(&path, text + "\n").map_err(|e| TaskError::io(&path, e))
    }

    fn rows(&self) -> &[Value] {
        self.store["peers"].as_array().map_or(&[], Vec::as_slice)
    }

    /// The name of a stored row, or the key where there is none.
    fn name_of(&self, key: &str) -> String {
        self.rows().iter().find(|peer| peer["key"] == key).and_then(|peer| peer["name"].as_str()).unwrap_or(key).to_owned()
    }

    fn replace(&mut self, key: &str, name: &str, report: &Value, cpu_per_audio: Value, date: &str, how: &str) {
        let tracker = &report["subsets"][0]["tracker"];
        let mean = |column: &(&str, &str)| {
            let value = tracker["means"][column.1]["mean"].as_f64()?;
            let is_none = column.1 == DOWNBEAT && !names_bars(tracker);
            (!is_none).then(|| (column.1.to_owned(), json!({ "mean": (value * 1e4).round() / 1e4 })))
        };
        let means: serde_json::Map<String, Value> = COLUMNS.iter().filter_map(mean).collect();
        let pooled = json!({"lock_median_sec": tracker["pooled"]["lock_median_sec"]});
        let row = json!({"key": key, "name": name, "measured": date, "how": how, "cpu_per_audio": cpu_per_audio,
            "summary": {"means": means, "pooled": pooled}});
        let rows = self.store["peers"].as_array_mut().expect("`read` checked that there is a list");
        match rows.iter_mut().find(|peer| peer["key"] == key) {
            Some(old) => *old = row,
            None => rows.push(row),
        }
    }
}

/// The folder of the trackers' beats; `None`, said aloud, where the script cannot run.
fn run_script(task: &Task<'_>) -> Result<Option<PathBuf>, TaskError> {
    if let Some(folder) = &task.options.peers {
        return Ok(Some(folder.clone()));
    }
    let folder = task.folder.join("peers");
    let mut command = Command::new(&task.options.python);
    command.arg(task.root.join(SCRIPT)).arg("--corpus").arg(&task.corpus).arg("--out").arg(&folder);
    if let Some(only) = &task.options.only {
        command.args(["--only", only]);
    }
    match process::run("tools/peers/run.py", &mut command) {
        Ok(()) => Ok(Some(folder)),
        Err(error) => {
            eprintln!(
                "accuracy: SKIPPED: the other trackers, whose stored figures stand: {error} (needs numpy, scipy, soundfile; --python)"
            );
            Ok(None)
        }
    }
}

/// Today in UTC as `YYYY-MM-DD`.
fn today() -> String {
    let sec = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs());
    date_of((sec / 86_400) as i64)
}

/// The civil date of a day since 1970-01-01 (Howard Hinnant, "chrono-compatible low-level date algorithms", `civil_from_days`).
fn date_of(day: i64) -> String {
    let day = day + 719_468;
    let (era, day_of_era) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{:02}", day_of_year - (153 * shifted_month + 2) / 5 + 1)
}

fn read_json(path: &Path) -> Result<Value, TaskError> {
    let text = std::fs::read_to_string(path).map_err(|e| TaskError::io(path, e))?;
    serde_json::from_str(&text).map_err(|e| TaskError::Failed(format!("{}: {e}", path.display())))
}

/// The stored rows.
fn read(path: &Path) -> Result<Value, TaskError> {
    let store = read_json(path)?;
    if store["format"] != FORMAT || !store["peers"].is_array() {
        return Err(TaskError::Failed(format!("{}: format {}, expected {FORMAT} with a list `peers`", path.display(), store["format"])));
    }
    Ok(store)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let row = json!({"key": "old", "name": "Old 1.0", "measured": "2026-11-20", "how": "quoted", "cpu_per_audio": 0.004,
            "summary": {"means": {"f70": {"mean": 0.67}}, "pooled": {}}});
        Table { store: json!({"format": 1, "peers": [row]}), measured: Vec::new() }
    }

    fn report(f70: f64, downbeat: f64) -> Value {
        let means = json!({"f70": {"mean": f70}, "downbeat_f70": {"mean": downbeat}});
        json!({"subsets": [{"name": "all", "tracker": {"means": means, "pooled": {"lock_median_sec": 2.0}}}]})
    }

    #[test]
    fn a_measured_row_replaces_the_stored_one_and_a_new_one_is_added() {
        let mut table = table();
        table.replace("old", &table.name_of("old"), &report(0.7, 0.0), json!(0.001), "2026-11-21", "run");
        table.replace("new", &table.name_of("new"), &report(0.5, 0.25), Value::Null, "2026-11-21", "run");
        let text = table.markdown();
        assert!(text.contains("| Old 1.0 | .700 | - | - | - | - | - | 2.0 | 0.0010 | 2026-11-21, run |"), "{text}");
        assert!(text.contains("| new | .500 | - | .250 | - | - | - | 2.0 | - | 2026-11-21, run |"), "{text}");
        assert_eq!(table.rows().len(), 2);
    }

    #[test]
    fn a_stored_row_says_how_it_came_about() {
        assert!(table().markdown().contains("| Old 1.0 | .670 | - | - | - | - | - | - | 0.0040 | 2026-11-20, quoted |"));
    }

    #[test]
    fn the_stored_rows_can_be_read_and_written_back() {
        let store = read(&crate::workspace_root().join(STORE)).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join(STORE).parent().unwrap()).unwrap();
        let table = Table { store, measured: Vec::new() };
        table.store(folder.path()).unwrap();
        assert_eq!(read(&folder.path().join(STORE)).unwrap(), table.store);
        for peer in table.rows() {
            assert!(["key", "name", "measured", "how"].iter().all(|field| peer[field].is_string()), "{peer}");
        }
        std::fs::write(folder.path().join(STORE), "{\"format\": 2}").unwrap();
        assert!(read(&folder.path().join(STORE)).unwrap_err().to_string().contains("format 2, expected 1"));
    }

    #[test]
    fn days_have_dates() {
        assert_eq!(
            [date_of(0), date_of(11_016), date_of(20_778), date_of(-1)],
            ["1970-01-01", "2000-02-29", "2026-11-21", "1969-12-31"].map(str::to_owned)
        );
    }
}
