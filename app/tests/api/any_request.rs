//! Requests that nobody would make: whatever is asked, the server answers in its own words and goes on.

use std::panic::{AssertUnwindSafe, catch_unwind};

use proptest::bool::weighted;
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::select;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::{Value, json};

use super::live;

/// Enough that every route gets dozens, in seconds.
const N_REQUESTS: u32 = 1_500;

/// One request.
#[derive(Debug, Clone)]
struct Asked {
    method: String,
    path: String,
    media_type: Option<&'static str>,
    body: Vec<u8>,
}

/// What the document describes.
#[derive(Debug, Clone)]
struct Route {
    method: String,
    path: String,
    /// Fields of its JSON body.
    fields: Vec<String>,
    /// What stands in its address.
    questions: Vec<String>,
}

fn routes_of(document: &Value) -> Vec<Route> {
    let mut routes = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let schema = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].as_str();
            let schema = schema.map(|name| &document["components"]["schemas"][name.rsplit('/').next().unwrap()]["properties"]);
            let fields = schema.and_then(Value::as_object).into_iter().flatten().map(|(name, _)| name.clone()).collect();
            let questions = operation["parameters"].as_array().into_iter().flatten().filter(|parameter| parameter["in"] == "query");
            let questions = questions.map(|parameter| parameter["name"].as_str().unwrap().to_owned()).collect();
            routes.push(Route { method: method.to_uppercase(), path: path.clone(), fields, questions });
        }
    }
    routes
}

/// Values that something here means something by, and any others.
fn text() -> impl Strategy<Value = String> {
    let known = select(vec![
        "tap",
        "nudge 20",
        "tempo 120",
        "range 70:180",
        "meter 9",
        "70:180",
        "4 half;9.5 this-is-1",
        "web",
        "json",
        "set.jsonl",
        "../x",
        "NaN",
        "-1",
        "1e400",
        "",
        "/etc/passwd",
        "1",
        "true",
    ]);
    prop_oneof![8 => known.prop_map(str::to_owned), 2 => ".{0,40}", 1 => "[0-9]{1,30}", 1 => "[a-z./\\\\]{100,400}"]
}

fn value() -> impl Strategy<Value = Value> {
    let plain = prop_oneof![
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => (-1000.0..1000.0).prop_map(|number: f64| json!(number)),
        1 => any::<f64>().prop_map(|number| json!(number)),
        4 => text().prop_map(Value::from),
    ];
    plain.prop_recursive(3, 12, 4, |inner| {
        let object = vec((text(), inner.clone()), 0..4).prop_map(|fields| Value::Object(fields.into_iter().collect()));
        prop_oneof![vec(inner, 0..4).prop_map(Value::Array), object]
    })
}

/// Its fields, of which some are missing and one may be unknown; a hint; other JSON; or anything.
fn body(fields: Vec<String>) -> impl Strategy<Value = Vec<u8>> {
    let n_fields = fields.len();
    let named = (vec(value(), n_fields), vec(weighted(0.2), n_fields), prop_oneof![9 => Just(None), 1 => text().prop_map(Some)]);
    let fields = named.prop_map(move |(values, left_out, unknown)| {
        let kept = fields.iter().cloned().zip(values).zip(left_out).filter(|(_, left_out)| !left_out).map(|(field, _)| field);
        Value::Object(kept.chain(unknown.map(|name| (name, Value::Null))).collect()).to_string().into_bytes()
    });
    let hint = select(vec!["tap", "half", "nudge 20", "nudge 2000", "tempo 120", "range 70:180", "meter 9", "hold on", "clear"])
        .prop_map(|hint| json!({ "hint": hint }).to_string().into_bytes());
    let deep = (1..40_000_usize).prop_map(|depth| "[".repeat(depth).into_bytes());
    prop_oneof![6 => fields, 2 => hint, 2 => vec(any::<u8>(), 0..300), 1 => value().prop_map(|value| value.to_string().into_bytes()), 1 => deep]
}

fn percent(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| if byte.is_ascii_alphanumeric() { char::from(*byte).to_string() } else { format!("%{byte:02x}") }).collect()
}

/// A part of an address: what fits there, or any bytes.
fn segment() -> impl Strategy<Value = String> {
    prop_oneof![2 => text().prop_map(|text| percent(text.as_bytes())), 1 => (0..20_u32).prop_map(|id| id.to_string()), 1 => vec(any::<u8>(), 0..30).prop_map(|bytes| percent(&bytes))]
}

fn asked(routes: Vec<Route>) -> impl Strategy<Value = Asked> {
    select(routes).prop_flat_map(|route| {
        let names = [&route.questions[..], &["token".to_owned()]].concat();
        let question = (select(names), segment()).prop_map(|(name, value)| format!("{name}={value}"));
        let method = prop_oneof![8 => Just(route.method.clone()), 2 => select(vec!["GET", "POST", "PUT", "PATCH", "DELETE", "BREW"]).prop_map(str::to_owned)];
        let media_type = prop_oneof![
            5 => Just(Some("application/json")),
            3 => select(vec![Some("audio/wav"), Some("application/octet-stream"), Some("text/plain"), None]),
        ];
        (method, vec(segment(), 2), vec(question, 0..4), media_type, body(route.fields)).prop_map(
            move |(method, segments, questions, media_type, body)| {
                let path = route.path.replace("{id}", &segments[0]).replace("{name}", &segments[0]).replace("{format}", &segments[1]);
                let path = if questions.is_empty() { path } else { format!("{path}?{}", questions.join("&")) };
                Asked { method, path, media_type, body }
            },
        )
    })
}

#[test]
fn whatever_is_asked_is_answered_and_never_an_error_of_ours() {
    let folder = tempfile::tempdir().unwrap();
    let live = live(folder.path(), &[]);
    let server = &live.server;
    let routes = routes_of(&server.get("/api/v1/openapi.json").json());
    assert!(routes.len() >= 17 && routes.iter().filter(|route| !route.fields.is_empty()).count() >= 5, "{routes:?}");
    let mut runner = TestRunner::new(Config { cases: N_REQUESTS, failure_persistence: None, ..Config::default() });
    let result = runner.run(&asked(routes), |asked| {
        let headers = asked.media_type.map(|media_type| format!("Content-Type: {media_type}\r\n")).unwrap_or_default();
        let answer = catch_unwind(AssertUnwindSafe(|| {
            let answer = server.ask(&asked.method, &asked.path, &headers, &asked.body);
            if answer.status >= 400 {
                answer.code();
            }
            answer.status
        }));
        match answer {
            Ok(200..=499) => Ok(()),
            Ok(status) => Err(TestCaseError::fail(format!("status {status}"))),
            Err(_) => Err(TestCaseError::fail("no answer in the form of ours")),
        }
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    assert_eq!(server.get("/api/v1/state").status, 200, "it goes on");
    assert!(!folder.path().with_file_name("x.jsonl").exists(), "nothing is written outside of its folder");
}
