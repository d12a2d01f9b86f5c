//! docs/troubleshooting.md has a row for every check that `doctor` prints, and none for another.

use std::collections::BTreeSet;

use runtime_core::analysis::embedded::EMBEDDED;

use super::all_checks;

const PAGE: &str = include_str!("../../../docs/troubleshooting.md");
/// Under which the page has the embedded models: their names are theirs.
const MODELS: &str = "models";

/// The checks that the page names below a heading: the first cell of each row, between backticks.
pub(super) fn documented(heading: &str) -> BTreeSet<String> {
    let (_, below) = PAGE.split_once(&format!("\n## {heading}\n")).expect("the page has the heading");
    let rows = below.lines().take_while(|line| !line.starts_with("## ")).filter_map(|line| line.strip_prefix("| `"));
    let names: Vec<String> = rows.filter_map(|row| row.split_once("` |")).map(|(name, _)| name.to_owned()).collect();
    let unique: BTreeSet<String> = names.iter().cloned().collect();
    assert_eq!(unique.len(), names.len(), "a check has one row: {names:?}");
    unique
}

#[test]
fn the_document_has_every_check_of_the_machine_and_no_other() {
    let is_model = |name: &str| EMBEDDED.iter().any(|model| model.name == name);
    let printed = all_checks().into_iter().map(|check| if is_model(&check.name) { MODELS.to_owned() } else { check.name }).collect();
    assert_eq!(documented("`anacrusis doctor`"), printed, "docs/troubleshooting.md against the code");
}

#[test]
#[should_panic(expected = "the page has the heading")]
fn a_heading_that_is_missing_is_noticed() {
    documented("`anacrusis nothing`");
}
