//! Finds the first field in which two JSON values differ, for error messages that name it.

use std::fmt;

use serde_json::Value;

use crate::canonical::canonical_json;

/// One difference between what this build expects and what a model carries.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// JSON pointer of the field, e.g. `/beat_model/class_order/1`.
    pub pointer: String,
    /// Canonical text here, or `None` where this build has no such field.
    pub expected: Option<String>,
    /// Canonical text there, or `None` where the model has no such field.
    pub got: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |text: &Option<String>| text.clone().unwrap_or_else(|| "nothing".to_owned());
        write!(f, "first differing field {}: expected {}, got {}", self.pointer, show(&self.expected), show(&self.got))
    }
}

/// The first difference between `expected` and `got` in canonical order, or `None` where they are the same value.
pub fn first_difference(expected: &Value, got: &Value) -> Option<Difference> {
    differ_at(expected, got, "")
}

fn differ_at(expected: &Value, got: &Value, pointer: &str) -> Option<Difference> {
    match (expected, got) {
        (Value::Object(a), Value::Object(b)) => {
            let mut keys: Vec<&String> = a.keys().chain(b.keys()).collect();
            keys.sort();
            keys.dedup();
            keys.into_iter().find_map(|key| child(a.get(key), b.get(key), &format!("{pointer}/{key}")))
        }
        (Value::Array(a), Value::Array(b)) => (0..a.len().max(b.len())).find_map(|i| child(a.get(i), b.get(i), &format!("{pointer}/{i}"))),
        (a, b) if canonical_json(a) == canonical_json(b) => None,
        (a, b) => Some(Difference { pointer: pointer.to_owned(), expected: Some(canonical_json(a)), got: Some(canonical_json(b)) }),
    }
}

fn child(expected: Option<&Value>, got: Option<&Value>, pointer: &str) -> Option<Difference> {
    match (expected, got) {
        (Some(a), Some(b)) => differ_at(a, b, pointer),
        (a, b) => Some(Difference { pointer: pointer.to_owned(), expected: a.map(canonical_json), got: b.map(canonical_json) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn equal_values_have_no_difference() {
        assert_eq!(first_difference(&json!({"a": [1, {"b": 2}]}), &json!({"a": [1, {"b": 2}]})), None);
    }

    #[test]
    fn the_first_field_in_key_order_is_named() {
        let d = first_difference(&json!({"a": [1, 2], "b": 1}), &json!({"a": [1, 3], "b": 2})).unwrap();
        assert_eq!((d.pointer.as_str(), d.expected.as_deref(), d.got.as_deref()), ("/a/1", Some("2"), Some("3")));
        assert_eq!(d.to_string(), "first differing field /a/1: expected 2, got 3");
    }

    #[test]
    fn a_missing_field_counts() {
        let d = first_difference(&json!({"a": 1}), &json!({})).unwrap();
        assert_eq!((d.pointer.as_str(), d.got), ("/a", None));
        let d = first_difference(&json!([1]), &json!([1, 2])).unwrap();
        assert_eq!((d.pointer.as_str(), d.expected), ("/1", None));
    }
}
