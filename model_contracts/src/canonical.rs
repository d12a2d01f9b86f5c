//! Canonical JSON: one text for one value, so that a hash means the same in Rust, Python and JavaScript.
//!
//! Object keys sorted by code point, no white space, no escaping of non-ASCII characters, integers without a
//! fraction, other numbers in their shortest round-trip form. Numbers whose shortest form needs an exponent are
//! refused by the validator, because languages write exponents differently (`1e-6` and `1e-06`).
//! The same text in Python: `json.dumps(v, sort_keys=True, separators=(",", ":"), ensure_ascii=False)`.

use serde_json::Value;

/// The canonical text of `value`.
///
/// ```
/// let value = serde_json::json!({"b": [1, 2.5], "a": "x"});
/// assert_eq!(model_contracts::canonical_json(&value), r#"{"a":"x","b":[1,2.5]}"#);
/// ```
pub fn canonical_json(value: &Value) -> String {
    let mut text = String::new();
    write_value(value, &mut text);
    text
}

fn write_value(value: &Value, text: &mut String) {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            text.push('{');
            for (i, key) in keys.into_iter().enumerate() {
                if i > 0 {
                    text.push(',');
                }
                text.push_str(&Value::String(key.clone()).to_string());
                text.push(':');
                write_value(&map[key], text);
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    text.push(',');
                }
                write_value(item, text);
            }
            text.push(']');
        }
        scalar => text.push_str(&scalar.to_string()),
    }
}

/// The first number in `value` whose text is not portable: one written with an exponent, or a whole number written
/// with a fraction (`1.0`, which other languages may print as `1`). Returns its JSON pointer.
pub(crate) fn first_unportable_number(value: &Value, pointer: &str) -> Option<(String, String)> {
    match value {
        Value::Object(map) => map.iter().find_map(|(key, item)| first_unportable_number(item, &format!("{pointer}/{key}"))),
        Value::Array(items) => items.iter().enumerate().find_map(|(i, item)| first_unportable_number(item, &format!("{pointer}/{i}"))),
        Value::Number(number) => {
            let text = number.to_string();
            (text.contains(['e', 'E']) || text.ends_with(".0")).then(|| (pointer.to_owned(), text))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn key_order_and_white_space_do_not_matter() {
        let a: Value = serde_json::from_str(r#"{ "z": 1, "a": [true, null] }"#).unwrap();
        let b: Value = serde_json::from_str(r#"{"a":[true,null],"z":1}"#).unwrap();
        assert_eq!(canonical_json(&a), canonical_json(&b));
        assert_eq!(canonical_json(&a), r#"{"a":[true,null],"z":1}"#);
    }

    #[test]
    fn strings_keep_non_ascii_and_escape_quotes() {
        assert_eq!(canonical_json(&json!({"é\"": "ü\n"})), "{\"é\\\"\":\"ü\\n\"}");
    }

    #[test]
    fn exponents_and_whole_floats_are_found() {
        assert_eq!(first_unportable_number(&json!({"a": {"b": [1, 1e-9]}}), ""), Some(("/a/b/1".into(), "1e-9".into())));
        assert_eq!(first_unportable_number(&json!({"a": 2.0}), ""), Some(("/a".into(), "2.0".into())));
        assert_eq!(first_unportable_number(&json!([1, 0.5, -3]), ""), None);
    }
}
