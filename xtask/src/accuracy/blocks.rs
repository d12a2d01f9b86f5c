//! The tables of docs/accuracy.md from reports of `anacrusis eval`. Pure functions.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use crate::figures::{COLUMNS, Scored, cells, share};

/// Stands before the groups of genres among the subsets of a report.
const GENRE_PREFIX: &str = "genre: ";
/// Stands before the kinds among the subsets of a report.
const KIND_PREFIX: &str = "kind: ";
/// Key of the F-measure of downbeats.
pub(super) const DOWNBEAT: &str = "downbeat_f70";
/// The condition that the others are read against.
const STEADY: &str = "steady";
/// Metrics whose differences are given.
const COMPARED: [(&str, &str); 4] = [("F70", "f70"), ("downbeat F70", "downbeat_f70"), ("CMLt", "cmlt"), ("AMLt", "amlt")];

/// Paired differences of every run from the first, metric by metric.
pub(super) fn differences(everyone: &[(&str, &Value)]) -> String {
    let mut text = head("less the default", &COMPARED.map(|(title, _)| title));
    for (name, report) in everyone {
        let all = &report["paired"]["subsets"]["all"];
        if all.is_null() {
            continue;
        }
        let cells: Vec<String> = COMPARED.iter().map(|(_, key)| difference(&all[key], &report["subsets"][0]["tracker"], key)).collect();
        let _ = writeln!(text, "| {name} | {} |", cells.join(" | "));
    }
    text
}

/// `+.012 [-.003, +.027]`, bold where the interval excludes 0; `-` for a metric that the run has not.
fn difference(estimate: &Value, summary: &Value, key: &str) -> String {
    let (Some(mean), Some(low), Some(high)) =
        (estimate["mean"].as_f64(), estimate["interval"][0].as_f64(), estimate["interval"][1].as_f64())
    else {
        return "-".to_owned();
    };
    // A tracker that names no bars is no worse at them than another.
    if key == DOWNBEAT && !names_bars(summary) {
        return "-".to_owned();
    }
    let text = format!("{} [{}, {}]", signed(mean), signed(low), signed(high));
    if low > 0.0 || high < 0.0 { format!("**{text}**") } else { text }
}

/// Whether a tracker got a single downbeat right in the whole corpus.
pub(super) fn names_bars(summary: &Value) -> bool {
    summary["means"][DOWNBEAT]["mean"].as_f64().is_some_and(|mean| mean > 0.0)
}

/// The default run by group of genres, then F70 and downbeat F70 of everyone by group.
pub(super) fn genres(default: &Value, everyone: &[(&str, &Value)]) -> String {
    let groups: Vec<&Value> = subsets(default, GENRE_PREFIX).collect();
    let mut text = head("default", &["pieces", "F70", "downbeat F70", "CMLt", "AMLt", "live0"]);
    for subset in &groups {
        let means = &subset["tracker"]["means"];
        let plain = |key: &str| share(&means[key]["mean"]);
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} |",
            name_of(subset, GENRE_PREFIX),
            subset["tracker"]["n_pieces"],
            with_interval(&means["f70"]),
            with_interval(&means["downbeat_f70"]),
            plain("cmlt"),
            plain("amlt"),
            plain("live0")
        );
    }
    let names: Vec<&str> = groups.iter().map(|subset| name_of(subset, GENRE_PREFIX)).collect();
    text.push('\n');
    text.push_str(&head("F70 / downbeat F70", &names));
    for (name, report) in everyone {
        let by_name: BTreeMap<&str, &Value> = subsets(report, GENRE_PREFIX).map(|subset| (name_of(subset, GENRE_PREFIX), subset)).collect();
        let cell = |group: &&str| {
            let Some(subset) = by_name.get(group) else { return "-".to_owned() };
            let mean = |key: &str| &subset["tracker"]["means"][key]["mean"];
            if mean(DOWNBEAT).is_null() || !names_bars(&report["subsets"][0]["tracker"]) {
                return share(mean("f70"));
            }
            format!("{} / {}", share(mean("f70")), share(mean(DOWNBEAT)))
        };
        let _ = writeln!(text, "| {name} | {} |", names.iter().map(cell).collect::<Vec<_>>().join(" | "));
    }
    text
}

/// Counts by cause, then every piece that fails.
pub(super) fn failures(default: &Value) -> String {
    let clips = default["clips"].as_array().map_or(&[][..], Vec::as_slice);
    let failed: Vec<(&Value, &str)> = clips.iter().filter_map(|clip| Some((clip, clip["tracker"]["failure"].as_str()?))).collect();
    let n_scored = clips.iter().filter(|clip| !clip["tracker"].is_null()).count();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    failed.iter().for_each(|(_, cause)| *counts.entry(cause).or_default() += 1);
    let mut by_count: Vec<(&str, usize)> = counts.into_iter().collect();
    by_count.sort_by_key(|(cause, n)| (std::cmp::Reverse(*n), *cause));
    let listed: Vec<String> = by_count.iter().map(|(cause, n)| format!("{} {n}", words(cause))).collect();
    let mut text = format!("{} of {n_scored} pieces fail: {}.\n\n", failed.len(), listed.join(", "));
    text.push_str(&head("piece", &["genre", "F70", "downbeat F70", "CMLt", "AMLt", "cause"]));
    for (cause, _) in by_count {
        for (clip, _) in failed.iter().filter(|(_, of_clip)| *of_clip == cause) {
            let scores: Vec<String> = COMPARED.iter().map(|(_, key)| share(&clip["tracker"][key])).collect();
            let _ = writeln!(text, "| {} | {} | {} | {} |", plain(&clip["id"]), plain(&clip["genre"]), scores.join(" | "), words(cause));
        }
    }
    text
}

/// The default run, then each oracle.
pub(super) fn oracles(default: &Value, oracles: &[Scored]) -> String {
    let titles: Vec<&str> = COLUMNS.iter().map(|column| column.0).chain(["lock, s"]).collect();
    let mut text = head("", &titles);
    let rows = [("the network as it is", default)].into_iter().chain(oracles.iter().map(|(name, report)| (*name, report)));
    for (name, report) in rows {
        let _ = writeln!(text, "| {name} | {} |", cells(&report["subsets"][0]["tracker"], true));
    }
    text
}

/// A row a condition.
pub(super) fn stress(report: &Value) -> String {
    let titles: Vec<&str> = COLUMNS.iter().map(|column| column.0).chain(["lock, s"]).collect();
    let mut text = head("condition", &titles);
    let mut conditions: Vec<(&str, &Value)> = subsets(report, KIND_PREFIX).map(|subset| (name_of(subset, KIND_PREFIX), subset)).collect();
    conditions.sort_by_key(|(name, _)| (*name != STEADY, *name));
    for (name, subset) in conditions {
        let _ = writeln!(text, "| {name} | {} |", cells(&subset["tracker"], true));
    }
    let n_pieces = report["clips"].as_array().map_or(0, Vec::len);
    let _ = writeln!(text, "\n{n_pieces} pieces, {:.1} min.", report["audio_sec"].as_f64().unwrap_or(0.0) / 60.0);
    text
}

/// The head of a Markdown table.
pub(super) fn head(first: &str, titles: &[&str]) -> String {
    format!("| {first} | {} |\n|---|{}\n", titles.join(" | "), "---|".repeat(titles.len()))
}

fn subsets<'a>(report: &'a Value, prefix: &'static str) -> impl Iterator<Item = &'a Value> {
    let all = report["subsets"].as_array().map_or(&[][..], Vec::as_slice);
    all.iter().filter(move |subset| subset["name"].as_str().is_some_and(|name| name.starts_with(prefix)))
}

fn name_of<'a>(subset: &'a Value, prefix: &str) -> &'a str {
    subset["name"].as_str().and_then(|name| name.strip_prefix(prefix)).unwrap_or_default()
}

/// `.817 [.771, .884]`; without the interval of a single piece.
fn with_interval(estimate: &Value) -> String {
    let [low, high] = [0, 1].map(|end| &estimate["interval"][end]);
    if low.is_null() { share(&estimate["mean"]) } else { format!("{} [{}, {}]", share(&estimate["mean"]), share(low), share(high)) }
}

/// `+.012`.
fn signed(value: f64) -> String {
    format!("{value:+.3}").replacen("0.", ".", 1)
}

/// A cause as words.
fn words(cause: &str) -> String {
    cause.replace('_', " ")
}

/// Text of a cell: a bar would end it.
fn plain(value: &Value) -> String {
    value.as_str().unwrap_or("-").replace('|', "/")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn estimate(mean: f64) -> Value {
        json!({"mean": mean, "interval": [mean - 0.1, mean + 0.1], "n_pieces": 4})
    }

    fn subset(name: &str, f70: f64, downbeat: f64) -> Value {
        let means = json!({"f70": estimate(f70), "downbeat_f70": estimate(downbeat), "cmlt": estimate(0.5)});
        json!({"name": name, "tracker": {"n_pieces": 4, "means": means, "pooled": {"lock_median_sec": 3.04}}})
    }

    #[test]
    fn a_difference_beyond_chance_is_bold_and_bars_that_are_not_named_are_not_compared() {
        let paired = json!({"f70": {"mean": -0.05, "interval": [-0.08, -0.01]}, "downbeat_f70": {"mean": -0.5, "interval": [-0.6, -0.4]},
            "cmlt": {"mean": 0.012, "interval": [-0.1, 0.12]}});
        let report = json!({"subsets": [subset("all", 0.7, 0.0)], "paired": {"subsets": {"all": paired}}});
        let text = differences(&[("default", &json!({"subsets": []})), ("aubio", &report)]);
        assert!(text.contains("| aubio | **-.050 [-.080, -.010]** | - | +.012 [-.100, +.120] | - |"), "{text}");
        assert!(!text.contains("| default |"), "{text}");
    }

    #[test]
    fn genres_are_rows_of_the_default_and_columns_of_everyone() {
        let default = json!({"subsets": [subset("all", 0.8, 0.5), subset("genre: folk", 0.8, 0.5), subset("genre: rock", 0.9, 0.0)]});
        let peer = json!({"subsets": [subset("all", 0.6, 0.0), subset("genre: rock", 0.7, 0.0)]});
        let text = genres(&default, &[("ours", &default), ("peer", &peer)]);
        assert!(text.contains("| folk | 4 | .800 [.700, .900] | .500 [.400, .600] | .500 | - | - |"), "{text}");
        assert!(text.contains("| F70 / downbeat F70 | folk | rock |"), "{text}");
        assert!(text.contains("| ours | .800 / .500 | .900 / .000 |") && text.contains("| peer | - | .700 |"), "{text}");
    }

    #[test]
    fn failures_are_counted_and_listed_most_frequent_first() {
        let clip = |id: &str, failure: Value| json!({"id": id, "genre": "a|b", "tracker": {"f70": 0.6, "cmlt": 0.0, "failure": failure}});
        let report = json!({"clips": [clip("x", json!("late_lock")), clip("y", json!("half_tempo")), clip("z", json!("half_tempo")),
            clip("good", Value::Null), {"id": "idle", "tracker": null}]});
        let text = failures(&report);
        assert!(text.starts_with("3 of 4 pieces fail: half tempo 2, late lock 1.\n"), "{text}");
        let (first, last) = (text.find("| y | a/b | .600 | - | .000 | - | half tempo |").unwrap(), text.find("| x |").unwrap());
        assert!(first < last && !text.contains("| good"), "{text}");
    }

    #[test]
    fn oracles_and_conditions_are_rows() {
        let kinds = [subset("all", 0.8, 0.5), subset("kind: room", 0.7, 0.4), subset("kind: steady", 0.9, 0.6)];
        let report = json!({"subsets": kinds, "clips": [1, 2], "audio_sec": 90.0});
        let text = oracles(&report, &[("all", report.clone())]);
        assert!(text.contains("| the network as it is | .800 |") && text.contains("| all | .800 |"), "{text}");
        let text = stress(&report);
        assert!(text.contains("| room | .700 | - | .400 | .500 | - | - | 3.0 |") && text.contains("2 pieces, 1.5 min."), "{text}");
        assert!(text.find("| steady |") < text.find("| room |"), "{text}");
    }

    #[test]
    fn shares_and_differences_have_no_leading_zero() {
        assert_eq!(
            (signed(0.5), signed(-0.25), signed(1.0), signed(0.0)),
            ("+.500".into(), "-.250".into(), "+1.000".into(), "+.000".into())
        );
        assert_eq!(with_interval(&json!({"mean": 0.5, "interval": null})), ".500");
    }
}
