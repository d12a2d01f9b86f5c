//! Tables laid over each other, and single values put into them by their path. Main thread.

use toml::{Table, Value};

use super::ConfigError;

/// Begins the variables that set single values; the rest is the path, with `__` between its parts.
const PREFIX: &str = "ANACRUSIS__";

/// Lays `over` over `under`: tables are joined, other values replaced.
pub fn merge(under: &mut Table, over: Table) {
    for (key, value) in over {
        match (under.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => merge(below, above),
            (_, value) => drop(under.insert(key, value)),
        }
    }
}

/// Puts `text` at `path`, as in `outputs.osc.offset_ms`: as TOML where it is some (`-20`, `true`, `[1, 2]`), else as text.
///
/// # Errors
/// An empty part of the path, or one that leads through a value.
pub fn set(table: &mut Table, path: &str, text: &str) -> Result<(), ConfigError> {
    let bad = |reason: &str| Err(ConfigError::setting(path, reason));
    let mut parts: Vec<&str> = path.split('.').collect();
    if parts.iter().any(|part| part.is_empty()) {
        return bad("expected a path, as in outputs.osc.offset_ms");
    }
    let Some(key) = parts.pop() else { return bad("expected a path") };
    let mut at = table;
    for part in parts {
        let next = at.entry(part).or_insert_with(|| Value::Table(Table::new()));
        let Value::Table(inner) = next else { return bad("leads through a value that is no table") };
        at = inner;
    }
    at.insert(key.to_owned(), value_of(text));
    Ok(())
}

/// A TOML value, or the text itself.
fn value_of(text: &str) -> Value {
    let parsed: Option<Table> = format!("value = {text}").parse().ok();
    let value = parsed.filter(|table| table.len() == 1).and_then(|mut table| table.remove("value"));
    value.unwrap_or_else(|| Value::String(text.to_owned()))
}

/// Puts what the environment says into the table: `ANACRUSIS__OUTPUTS__OSC__OFFSET_MS=-20`.
pub(super) fn set_from_environment(table: &mut Table, environment: &[(String, String)]) -> Result<(), ConfigError> {
    let mut ours: Vec<_> = environment.iter().filter_map(|(key, value)| Some((key.strip_prefix(PREFIX)?, value))).collect();
    // The environment has no order.
    ours.sort();
    for (key, value) in ours {
        set(table, &key.to_lowercase().replace("__", "."), value)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_what_they_look_like() {
        let mut table = Table::new();
        for (path, text) in [
            ("a.n", "-20"),
            ("a.on", "true"),
            ("a.list", "[1, 2]"),
            ("a.host", "127.0.0.1:9000"),
            ("a.word", "loopback"),
            ("b", "x\ny = 3"),
        ] {
            set(&mut table, path, text).unwrap();
        }
        let expected: Table =
            "b = \"x\\ny = 3\"\n[a]\nn = -20\non = true\nlist = [1, 2]\nhost = \"127.0.0.1:9000\"\nword = \"loopback\"".parse().unwrap();
        assert_eq!(table, expected);
    }

    #[test]
    fn a_path_through_a_value_is_refused() {
        let mut table: Table = "a = 3".parse().unwrap();
        assert!(set(&mut table, "a.b", "1").unwrap_err().to_string().starts_with("a.b: leads through"));
        for bad in ["", ".", "a.", ".a"] {
            assert!(set(&mut table, bad, "1").is_err(), "{bad}");
        }
    }

    #[test]
    fn merging_joins_tables_and_replaces_values() {
        let mut under: Table = "x = 1\n[t]\na = 1\nb = [1, 2]".parse().unwrap();
        merge(&mut under, "x = 2\n[t]\nb = [3]\nc = 4".parse().unwrap());
        assert_eq!(under, "x = 2\n[t]\na = 1\nb = [3]\nc = 4".parse().unwrap());
    }
}
