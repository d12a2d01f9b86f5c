//! What clients may say, and the parser that makes it a [`Request`] or names what was wrong. Total: any text gives one of both.

use outputs::event::EventKind;
use serde_json::{Map, Number, Value};

use crate::config::MAX_STATE_HZ;
use crate::message::SCHEMA_VERSION;

/// Longest request that is read, bytes.
pub const MAX_REQUEST_BYTES: usize = 4096;
/// Of what a client sent, this many characters are repeated to it.
const SHOWN_CHARS: usize = 60;
/// All kinds, in the order in which they are listed.
pub(crate) const EVENT_KINDS: [(&str, EventKind); 4] =
    [("beat", EventKind::Beat), ("section", EventKind::Section), ("approach", EventKind::Approach), ("lock", EventKind::Lock)];

/// What a client asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// What time is it?
    Sync {
        /// The client's clock, ms; sent back as it is.
        t: Number,
    },
    /// What to send from now on; what is not named stays.
    Subscribe {
        /// Kinds of events; empty = none.
        events: Option<Vec<EventKind>>,
        /// State messages a second, Hz; 0 = none.
        state_hz: Option<f64>,
        /// Whether state messages have bands.
        bands: Option<bool>,
    },
}

/// Why a text is no request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Longer than any request.
    #[error("a request has at most {MAX_REQUEST_BYTES} bytes, got {0}")]
    TooLong(usize),
    /// Not JSON.
    #[error("expected a JSON object: {0}")]
    NotJson(String),
    /// JSON, and not an object.
    #[error("expected a JSON object, got {0}")]
    NotAnObject(String),
    /// Meant for another server.
    #[error("v: expected {SCHEMA_VERSION} or none, got {0}")]
    Version(String),
    /// No `type`, or one that is no text.
    #[error("type: expected \"sync\" or \"subscribe\", got {0}")]
    NoType(String),
    /// A `type` that is none.
    #[error("type: expected \"sync\" or \"subscribe\", got {0:?}")]
    UnknownType(String),
    /// A field that the type has not.
    #[error("{of}: expected the fields {expected}, got {field:?}")]
    UnknownField {
        /// The request's type.
        of: &'static str,
        /// What it has.
        expected: &'static str,
        /// What came.
        field: String,
    },
    /// A field that cannot be so.
    #[error("{field}: expected {expected}, got {got}")]
    BadField {
        /// Type and field.
        field: &'static str,
        /// What can be.
        expected: &'static str,
        /// What came.
        got: String,
    },
}

impl RequestError {
    /// One word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLong(_) => "too_long",
            Self::NotJson(_) | Self::NotAnObject(_) => "not_json",
            Self::Version(_) => "version",
            Self::NoType(_) | Self::UnknownType(_) => "unknown_type",
            Self::UnknownField { .. } => "unknown_field",
            Self::BadField { .. } => "bad_field",
        }
    }
}

/// Reads a request.
///
/// # Errors
/// What was expected, and what came.
///
/// ```
/// use web::{Request, parse_request};
///
/// assert_eq!(parse_request(r#"{"type":"sync","t":12.5}"#), Ok(Request::Sync { t: serde_json::Number::from_f64(12.5).unwrap() }));
/// assert_eq!(parse_request(r#"{"type":"sync"}"#).unwrap_err().to_string(), "sync.t: expected a number (your clock, ms), got nothing");
/// ```
pub fn parse_request(text: &str) -> Result<Request, RequestError> {
    if text.len() > MAX_REQUEST_BYTES {
        return Err(RequestError::TooLong(text.len()));
    }
    let object = match serde_json::from_str(text) {
        Ok(Value::Object(object)) => object,
        Ok(other) => return Err(RequestError::NotAnObject(shown(Some(&other)))),
        Err(error) => return Err(RequestError::NotJson(error.to_string())),
    };
    if let Some(version) = object.get("v").filter(|version| version.as_u64() != Some(u64::from(SCHEMA_VERSION))) {
        return Err(RequestError::Version(shown(Some(version))));
    }
    match object.get("type") {
        Some(Value::String(name)) if name == "sync" => sync(&object),
        Some(Value::String(name)) if name == "subscribe" => subscribe(&object),
        Some(Value::String(name)) => Err(RequestError::UnknownType(name.chars().take(SHOWN_CHARS).collect())),
        other => Err(RequestError::NoType(shown(other))),
    }
}

fn sync(object: &Map<String, Value>) -> Result<Request, RequestError> {
    only(object, "sync", &["t"], "t")?;
    match object.get("t") {
        Some(Value::Number(t)) => Ok(Request::Sync { t: t.clone() }),
        other => Err(bad("sync.t", "a number (your clock, ms)", other)),
    }
}

fn subscribe(object: &Map<String, Value>) -> Result<Request, RequestError> {
    only(object, "subscribe", &["events", "state_hz", "bands"], "events, state_hz and bands")?;
    let events = object.get("events").map(event_kinds).transpose()?;
    let state_hz = object.get("state_hz").map(|given| match given.as_f64() {
        Some(hz) if (0.0..=MAX_STATE_HZ).contains(&hz) => Ok(hz),
        _ => Err(bad("subscribe.state_hz", "a number from 0 (none) to 1000", Some(given))),
    });
    let bands = object.get("bands").map(|given| given.as_bool().ok_or_else(|| bad("subscribe.bands", "true or false", Some(given))));
    Ok(Request::Subscribe { events, state_hz: state_hz.transpose()?, bands: bands.transpose()? })
}

/// Each kind once, in the usual order.
fn event_kinds(given: &Value) -> Result<Vec<EventKind>, RequestError> {
    const EXPECTED: &str = "a list of \"beat\", \"section\", \"approach\" and \"lock\"";
    let list = given.as_array().ok_or_else(|| bad("subscribe.events", EXPECTED, Some(given)))?;
    let is_known = |value: &Value| EVENT_KINDS.iter().any(|(name, _)| value.as_str() == Some(*name));
    if let Some(stranger) = list.iter().find(|value| !is_known(value)) {
        return Err(bad("subscribe.events", EXPECTED, Some(stranger)));
    }
    Ok(EVENT_KINDS.iter().filter(|(name, _)| list.iter().any(|value| value.as_str() == Some(*name))).map(|(_, kind)| *kind).collect())
}

fn only(object: &Map<String, Value>, of: &'static str, fields: &[&str], expected: &'static str) -> Result<(), RequestError> {
    match object.keys().find(|key| !["v", "type"].contains(&key.as_str()) && !fields.contains(&key.as_str())) {
        None => Ok(()),
        Some(field) => Err(RequestError::UnknownField { of, expected, field: field.chars().take(SHOWN_CHARS).collect() }),
    }
}

fn bad(field: &'static str, expected: &'static str, got: Option<&Value>) -> RequestError {
    RequestError::BadField { field, expected, got: shown(got) }
}

/// The start of a value's JSON.
fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "nothing".to_owned(), |value| value.to_string().chars().take(SHOWN_CHARS).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn requests_are_read() {
        assert_eq!(parse_request(r#"{"v":1,"type":"sync","t":1000}"#), Ok(Request::Sync { t: 1000.into() }));
        let all = parse_request(r#"{"type":"subscribe","events":["lock","beat","lock"],"state_hz":10,"bands":true}"#);
        let events = Some(vec![EventKind::Beat, EventKind::Lock]);
        assert_eq!(all, Ok(Request::Subscribe { events, state_hz: Some(10.0), bands: Some(true) }));
        let none = parse_request(r#"{"type":"subscribe"}"#);
        assert_eq!(none, Ok(Request::Subscribe { events: None, state_hz: None, bands: None }));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let deep = "[".repeat(500);
        let cases = [
            ("", "not_json", "expected a JSON object: EOF"),
            ("hello", "not_json", "expected a JSON object: expected value"),
            (deep.as_str(), "not_json", "recursion limit"),
            ("[1]", "not_json", "expected a JSON object, got [1]"),
            ("{}", "unknown_type", "type: expected \"sync\" or \"subscribe\", got nothing"),
            (r#"{"type":7}"#, "unknown_type", "got 7"),
            (r#"{"type":"dance"}"#, "unknown_type", "got \"dance\""),
            (r#"{"v":2,"type":"sync","t":1}"#, "version", "v: expected 1 or none, got 2"),
            (r#"{"type":"sync","t":"1"}"#, "bad_field", "sync.t: expected a number (your clock, ms), got \"1\""),
            (r#"{"type":"sync","t":1,"x":1}"#, "unknown_field", "sync: expected the fields t, got \"x\""),
            (r#"{"type":"subscribe","events":"beat"}"#, "bad_field", "subscribe.events: expected a list"),
            (r#"{"type":"subscribe","events":["beat","drop"]}"#, "bad_field", "got \"drop\""),
            (r#"{"type":"subscribe","state_hz":-1}"#, "bad_field", "subscribe.state_hz: expected a number from 0 (none) to 1000, got -1"),
            (r#"{"type":"subscribe","bands":1}"#, "bad_field", "subscribe.bands: expected true or false, got 1"),
            (r#"{"type":"subscribe","bands":null}"#, "bad_field", "got null"),
        ];
        for (text, code, part) in cases {
            let error = parse_request(text).unwrap_err();
            assert_eq!(error.code(), code, "{text}");
            assert!(error.to_string().contains(part), "{text}: {error}");
        }
        let long = format!(r#"{{"type":"sync","t":{}}}"#, "1".repeat(MAX_REQUEST_BYTES));
        assert_eq!(parse_request(&long).unwrap_err().to_string(), format!("a request has at most 4096 bytes, got {}", long.len()));
    }

    #[test]
    fn what_is_repeated_is_short() {
        let text = format!(r#"{{"type":"{}"}}"#, "é".repeat(1000));
        assert!(parse_request(&text).unwrap_err().to_string().chars().count() < 150);
    }

    proptest! {
        #[test]
        fn any_text_gives_a_request_or_a_name(text in ".*") {
            if let Err(error) = parse_request(&text) {
                prop_assert!(!error.to_string().is_empty() && !error.code().is_empty());
            }
        }

        #[test]
        fn any_mangled_request_gives_a_request_or_a_name(
            kind in "sync|subscribe|hello|", key in "t|events|state_hz|bands|v|type|x", value in "null|-?[0-9]{1,20}(\\.[0-9]{1,3})?|1e400|\"beat\"|\\[\\]|\\[\"beat\"(,1)?\\]|\\{\\}|true|\\[",
        ) {
            let _ = parse_request(&format!(r#"{{"type":"{kind}","{key}":{value}}}"#));
        }
    }
}
