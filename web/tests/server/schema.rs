//! The schema says what is really sent and understood. Checked by a small validator of the keywords that it uses.

use outputs::event::{Approach, Event};
use outputs::view::View;
use serde_json::Value;
use web::parse_request;

use crate::support::*;

/// Keywords that the validator knows; one that it does not would be a check that never happens.
const KNOWN: [&str; 16] = [
    "$schema",
    "title",
    "description",
    "$defs",
    "$ref",
    "oneOf",
    "type",
    "required",
    "properties",
    "additionalProperties",
    "const",
    "enum",
    "minimum",
    "maximum",
    "items",
    "minItems",
];

fn schema() -> Value {
    serde_json::from_str(web::message::SCHEMA).unwrap()
}

fn is_of_type(value: &Value, name: &str) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        other => panic!("no such type: {other}"),
    }
}

/// What is wrong with the value, if anything is.
fn problem(root: &Value, rule: &Value, value: &Value) -> Option<String> {
    for (keyword, content) in rule.as_object().unwrap() {
        assert!(KNOWN.contains(&keyword.as_str()) || keyword == "maxItems", "the validator does not know {keyword}");
        let number = |v: &Value| v.as_f64().unwrap();
        let found = match keyword.as_str() {
            "$ref" => problem(root, root.pointer(&content.as_str().unwrap()[1..]).expect("a definition"), value),
            "oneOf" => {
                let problems: Vec<_> = content.as_array().unwrap().iter().map(|rule| problem(root, rule, value)).collect();
                (problems.iter().filter(|p| p.is_none()).count() != 1).then(|| format!("not exactly one of {problems:?}"))
            }
            "type" => {
                let names: Vec<&str> = content
                    .as_array()
                    .map_or_else(|| vec![content.as_str().unwrap()], |list| list.iter().map(|n| n.as_str().unwrap()).collect());
                (!names.iter().any(|name| is_of_type(value, name))).then(|| format!("{value} is no {names:?}"))
            }
            "required" => {
                content.as_array().unwrap().iter().find(|name| value.get(name.as_str().unwrap()).is_none()).map(|name| format!("no {name}"))
            }
            "properties" => {
                let fields = content.as_object().unwrap();
                fields.iter().find_map(|(name, rule)| problem(root, rule, value.get(name)?).map(|p| format!("{name}: {p}")))
            }
            "additionalProperties" => {
                let known = &rule["properties"];
                value
                    .as_object()
                    .and_then(|object| object.keys().find(|name| known.get(name).is_none()))
                    .map(|name| format!("{name} is unknown"))
            }
            "const" => (value != content).then(|| format!("{value} is not {content}")),
            "enum" => (!content.as_array().unwrap().contains(value)).then(|| format!("{value} is not in {content}")),
            "minimum" => (value.is_number() && number(value) < number(content)).then(|| format!("{value} < {content}")),
            "maximum" => (value.is_number() && number(value) > number(content)).then(|| format!("{value} > {content}")),
            "items" => value.as_array().and_then(|list| list.iter().find_map(|item| problem(root, content, item))),
            "minItems" => value.as_array().filter(|list| (list.len() as f64) < number(content)).map(|list| format!("{} items", list.len())),
            "maxItems" => value.as_array().filter(|list| list.len() as f64 > number(content)).map(|list| format!("{} items", list.len())),
            _ => None,
        };
        if found.is_some() {
            return found;
        }
    }
    None
}

/// Checks a message against the definition of its own name, and that every field of it is described.
fn check(root: &Value, message: &Value, definition: &str) {
    let rule = &root["$defs"][definition];
    assert_eq!(problem(root, rule, message), None, "{message}");
    assert_eq!(problem(root, &root["$defs"]["server"], message), None, "{message}");
    for name in message.as_object().unwrap().keys() {
        assert!(rule["properties"].get(name).is_some(), "{definition}.{name} is not in the schema");
    }
}

#[test]
fn every_message_is_as_the_schema_says() {
    let root = schema();
    let server = server();
    let mut client = Client::connect(&server);
    check(&root, &client.next(), "hello");
    let next = Some(4);
    server.publish_event(&lock(true, "locked"));
    server.publish_event(&section(3));
    server.publish_event(&Event::Approach(Approach { at: START, within_beats: 8, prob: 0.5, next, next_prob: 0.25, latest: Some(START) }));
    server.publish_event(&Event::Approach(Approach::default()));
    server.publish_event(&beat(16));
    for kind in ["lock", "section", "approach", "approach", "beat"] {
        check(&root, &client.next(), kind);
    }
    server.publish_state(&View::default());
    check(&root, &client.next(), "state");
    for (request, definition) in
        [(r#"{"type":"subscribe","bands":true}"#, "subscribed"), (r#"{"type":"sync","t":1.5}"#, "sync_answer"), ("nonsense", "error")]
    {
        client.say(request);
        check(&root, &client.next(), definition);
    }
    let Event::Beat(fallen) = beat(5) else { unreachable!() };
    server.publish_state(&View { beat: Some(fallen), section: Some(1), bands: [0.5; 16], phase: 0.75, ..View::default() });
    let state = client.next_of("state");
    assert!(state.get("bands").is_some());
    check(&root, &state, "state");
    check(&root, &serde_json::json!({"v":1,"type":"lagged","missed":3}), "lagged");
    let (_, refusal) = get(server.address(), "/nothing", "");
    check(&root, &serde_json::from_str(&refusal).unwrap(), "error");
    let (head, served) = get(server.address(), "/schema", "");
    assert!(head.contains("content-type: application/schema+json") && serde_json::from_str::<Value>(&served).unwrap() == root);
}

#[test]
fn the_schema_and_the_parser_take_the_same_requests() {
    let root = schema();
    let cases = [
        r#"{"type":"sync","t":1}"#,
        r#"{"v":1,"type":"sync","t":-1.5}"#,
        r#"{"v":2,"type":"sync","t":1}"#,
        r#"{"type":"sync"}"#,
        r#"{"type":"sync","t":null}"#,
        r#"{"type":"sync","t":1,"more":1}"#,
        r#"{"type":"subscribe"}"#,
        r#"{"type":"subscribe","events":[],"state_hz":0,"bands":false}"#,
        r#"{"type":"subscribe","events":["beat","beat","approach"],"state_hz":1000}"#,
        r#"{"type":"subscribe","events":["drop"]}"#,
        r#"{"type":"subscribe","events":null}"#,
        r#"{"type":"subscribe","state_hz":1001}"#,
        r#"{"type":"subscribe","state_hz":-0.1}"#,
        r#"{"type":"subscribe","bands":"yes"}"#,
        r#"{"type":"dance"}"#,
        r#"{}"#,
        r#"7"#,
    ];
    let mut n_taken = 0;
    for text in cases {
        let is_valid = problem(&root, &root["$defs"]["client"], &serde_json::from_str(text).unwrap()).is_none();
        assert_eq!(parse_request(text).is_ok(), is_valid, "{text}");
        n_taken += usize::from(is_valid);
    }
    assert_eq!(n_taken, 5);
}
