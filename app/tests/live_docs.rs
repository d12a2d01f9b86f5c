//! What the documents say of live use is what the program does: the settings file, the outputs, the receivers.

use std::path::Path;

use anacrusis::config::Config;
use anacrusis::live::registry::{KINDS, Shared, drives, filled_in};
use outputs::output::Tuning;
use toml::{Table, Value};

const LIVE: &str = include_str!("../../docs/live.md");
const OUTPUTS: &str = include_str!("../../docs/outputs.md");

/// The settings file of the document.
fn example() -> Table {
    let (text, _) = LIVE.split_once("```toml\n").expect("the document has an example").1.split_once("```").expect("the example ends");
    text.parse().expect("the example is TOML")
}

/// Keys of every output's tuning.
fn tuning_keys() -> Vec<String> {
    Table::try_from(Tuning::default()).expect("a tuning is a table").keys().cloned().collect()
}

#[test]
fn the_settings_file_makes_every_kind_of_output() {
    let config = Config::from_table(example()).expect("the example is accepted");
    let mut kinds: Vec<&str> = config.outputs.iter().map(|output| output.kind.as_str()).collect();
    assert_eq!(kinds.len(), KINDS.len() + 1, "two of a kind");
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(kinds, KINDS);
    let made = drives(&config, &Shared::default()).expect("every output can be made");
    assert_eq!(made.len(), config.outputs.len());
}

#[test]
fn the_settings_file_names_every_setting() {
    let example = example();
    let config = Config::from_table(example.clone()).expect("the example is accepted");
    let printed: Table = filled_in(&config).expect("every output can be made").parse().expect("what is printed is TOML");
    let keys = |table: &Table, path: [&str; 2]| -> Vec<String> {
        let at = table[path[0]].get(path[1]).and_then(Value::as_table);
        at.map(|table| table.keys().cloned().collect()).unwrap_or_default()
    };
    let shared = tuning_keys();
    for name in printed["outputs"].as_table().expect("outputs are tables").keys().filter(|&name| name != "touchdesigner") {
        let given = keys(&example, ["outputs", name]);
        for key in keys(&printed, ["outputs", name]) {
            let is_shared = name != "web" && shared.contains(&key);
            assert!(key == "kind" || is_shared || given.contains(&key), "docs/live.md does not name outputs.{name}.{key}");
        }
    }
    assert_eq!(example["input"].as_table().map(Table::len), printed["input"].as_table().map(Table::len), "settings of the input");
}

#[test]
fn every_kind_has_its_row_and_every_receiver_is_there() {
    for kind in KINDS {
        assert_eq!(OUTPUTS.matches(&format!("| `{kind}` |")).count(), 1, "docs/outputs.md has one row for {kind}");
    }
    for key in tuning_keys() {
        assert!(OUTPUTS.contains(&format!("| `{key}` |")), "docs/outputs.md does not explain {key}");
    }
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    for (page, name) in [(OUTPUTS, "outputs.md"), (LIVE, "live.md")] {
        for link in page.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next()) {
            assert!(link.is_empty() || link.starts_with("http") || docs.join(link).exists(), "docs/{name} links to {link}");
        }
    }
}
