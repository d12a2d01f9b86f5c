//! The HTTP API of the real binary: live control, outputs, sessions, and what is refused.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails with it")]

#[path = "api/any_request.rs"]
mod any_request;
mod common;
#[path = "common/http.rs"]
mod http;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use common::{RATE_HZ, clicks, write_wav};
use http::{PATIENCE, Server, exchange, free_port};
use serde_json::{Value, json};

/// A running `anacrusis` with a server, killed when dropped.
struct Running {
    child: Child,
    server: Server,
    lines: Receiver<Value>,
}

impl Running {
    fn start(folder: &Path, arguments: &[&str]) -> Self {
        let address = format!("127.0.0.1:{}", free_port());
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("anacrusis"));
        command.args(arguments).args(["--quiet", "--web", &address]);
        command.env("ANACRUSIS_FEED_DIR", folder.join("feeds")).env("ANACRUSIS_CONFIG_DIR", folder);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let (lines_in, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            stdout.lines().map_while(Result::ok).try_for_each(|line| lines_in.send(serde_json::from_str(&line).unwrap()).map_err(drop))
        });
        let server = Server { address };
        server.wait(&mut child);
        Self { child, server, lines }
    }

    fn beat(&self) -> Value {
        loop {
            let line = self.lines.recv_timeout(PATIENCE).unwrap();
            if line["type"] == "beat" {
                return line;
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Clicks at 120 BPM that are played for ever.
fn live(folder: &Path, more: &[&str]) -> Running {
    let file = folder.join("clicks.wav");
    write_wav(&file, &clicks(60.0, RATE_HZ), RATE_HZ);
    Running::start(folder, &[&["live", "--file", file.to_str().unwrap(), "--repeat"], more].concat())
}

fn at_ns(beat: &Value) -> i64 {
    beat["at"]["mono_ns"].as_i64().unwrap()
}

#[test]
fn hints_act_and_offsets_move_beats() {
    let folder = tempfile::tempdir().unwrap();
    let live = live(folder.path(), &["--json"]);
    let server = &live.server;
    let near = |state: &Value, bpm: f64| (state["state"]["bpm"].as_f64().unwrap() - bpm).abs() < 0.03 * bpm;
    let state = server.until("/api/v1/state", |state| state["state"]["locked"] == true && near(state, 120.0));
    assert_eq!((&state["source"]["kind"], &state["source"]["can_hint"]), (&json!("live"), &json!(true)));
    let input = &state["source"]["input"];
    assert_eq!((&input["rate_hz"], &input["is_open"], &input["n_opened"]), (&json!(RATE_HZ), &json!(true), &json!(1)));
    assert!(state["state"].get("bands").is_none());

    for (hint, bpm) in [("half", 60.0), (" double ", 120.0)] {
        let said = server.send("POST", "/api/v1/hints", &json!({ "hint": hint }).to_string());
        assert_eq!((said.status, &said.json()["hint"]), (202, &json!(hint.trim())));
        server.until("/api/v1/state", |state| near(state, bpm));
    }
    server.send("POST", "/api/v1/hints", r#"{"hint":"clear"}"#);

    let outputs = server.get("/api/v1/outputs").json();
    let ids: Vec<&str> = outputs["outputs"].as_array().unwrap().iter().map(|output| output["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["json", "web"]);
    assert_eq!((&outputs["outputs"][0]["kind"], &outputs["outputs"][0]["offset_ms"]), (&json!("json"), &json!(0.0)));
    let mut before = live.beat();
    let changed = server.send("PATCH", "/api/v1/outputs/json", r#"{"offset_ms":200}"#);
    assert_eq!((changed.status, &changed.json()["offset_ms"]), (200, &json!(200.0)));
    assert_eq!(server.get("/api/v1/outputs").json()["outputs"][0]["offset_ms"], 200.0);
    // Some beats were said already; then one comes 200 ms later than its place.
    for n_seen in 0.. {
        let beat = live.beat();
        let late_ms = ((at_ns(&beat) - at_ns(&before)) / 1_000_000 - 200).rem_euclid(500);
        if late_ms.min(500 - late_ms) < 60 {
            break;
        }
        assert!(n_seen < 200, "no beat is 200 ms later");
        before = beat;
    }

    let first = server.get("/api/v1/timeline?limit=2").json();
    assert_eq!((first["events"].as_array().unwrap().len(), &first["next"], &first["truncated"]), (2, &json!(2), &json!(false)));
    assert_eq!((&first["events"][0]["seq"], &first["events"][0]["type"]), (&json!(0), &json!("lock")));
    let rest = server.get("/api/v1/timeline?since=2").json();
    assert_eq!((&rest["events"][0]["seq"], &rest["session"]), (&json!(2), &first["session"]));
    assert!(rest["events"].as_array().unwrap().iter().any(|event| event["type"] == "beat"));
}

#[test]
fn what_cannot_be_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let serve = Running::start(folder.path(), &["serve"]);
    let server = &serve.server;
    let state = server.get("/api/v1/state").json();
    assert_eq!(
        (&state["source"]["kind"], &state["source"]["can_hint"], &state["source"]["input"]),
        (&json!("none"), &json!(false), &Value::Null)
    );
    let json_body = "Content-Type: application/json\r\n";
    let text_body = "Content-Type: text/plain\r\n";
    let foreign = "Content-Type: application/json\r\nOrigin: http://evil.example\r\n";
    for (method, path, headers, body, status, code) in [
        ("POST", "/api/v1/hints", json_body, r#"{"hint":"faster"}"#, 400, "hint"),
        ("POST", "/api/v1/hints", json_body, r#"{"hint":"tap"}"#, 409, "no_hints"),
        ("POST", "/api/v1/hints", json_body, "{", 400, "body"),
        ("POST", "/api/v1/hints", json_body, r#"{"hint":"tap","x":1}"#, 400, "body"),
        ("POST", "/api/v1/hints", json_body, "\u{ff}", 400, "body"),
        ("POST", "/api/v1/hints", text_body, r#"{"hint":"tap"}"#, 415, "media_type"),
        ("POST", "/api/v1/hints", "", r#"{"hint":"tap"}"#, 415, "media_type"),
        ("POST", "/api/v1/hints", foreign, r#"{"hint":"tap"}"#, 403, "origin"),
        ("GET", "/api/v1/hints", "", "", 405, "method"),
        ("GET", "/api/v1/timeline?since=-1", "", "", 400, "query"),
        ("GET", "/api/v1/timeline?limit=many", "", "", 400, "query"),
        ("PATCH", "/api/v1/outputs/web", json_body, r#"{"offset_ms":501}"#, 422, "offset_ms"),
        ("PATCH", "/api/v1/outputs/web", json_body, r#"{"offset_ms":null}"#, 400, "body"),
        ("PATCH", "/api/v1/outputs/lights", json_body, r#"{"offset_ms":1}"#, 404, "not_found"),
        ("PATCH", "/api/v1/outputs/%ff", json_body, r#"{"offset_ms":1}"#, 400, "path"),
        ("GET", "/api", "", "", 404, "not_found"),
        ("GET", "/api/v1/none", "", "", 404, "not_found"),
        ("GET", "/api/v2/state", "", "", 404, "not_found"),
        ("POST", "/api/v1/sessions", json_body, "{}", 409, "no_source"),
        ("POST", "/api/v1/sessions", json_body, r#"{"name":"../x"}"#, 422, "name"),
        ("GET", "/api/v1/sessions/none.jsonl", "", "", 404, "not_found"),
        ("GET", "/api/v1/sessions/..%2F..%2Fetc%2Fpasswd", "", "", 404, "not_found"),
        ("DELETE", "/api/v1/sessions/..%2Fx.jsonl", "", "", 404, "not_found"),
        ("PATCH", "/api/v1/sessions/a.jsonl", json_body, r#"{"recording":true}"#, 422, "recording"),
    ] {
        let answer = server.ask(method, path, headers, body.as_bytes());
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{method} {path} {headers}: {answer:?}");
    }
    let answer = server.get("/api/v1/hints");
    assert!(answer.head.contains("allow: post"), "{}", answer.head);
    let large = server.send("POST", "/api/v1/hints", &format!(r#"{{"hint":"{}"}}"#, "x".repeat(70_000)));
    assert_eq!((large.status, large.code().as_str()), (413, "too_large"));
    let found = exchange(&server.address, "GET", "/api/v1/state", "", b"").unwrap();
    assert!(found.head.contains("x-content-type-options: nosniff"), "the same door");
}

#[test]
fn the_document_has_the_methods_that_the_server_has() {
    let folder = tempfile::tempdir().unwrap();
    let serve = Running::start(folder.path(), &["serve"]);
    let document = serve.server.get("/api/v1/openapi.json").json();
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")), "{}", document["openapi"]);
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.len() >= 12, "{}", paths.len());
    for (path, item) in paths {
        // Nothing is asked with PUT: the answer says with what.
        let answer = serve.server.ask("PUT", &path.replace("{id}", "1").replace("{name}", "a.jsonl").replace("{format}", "json"), "", b"");
        assert_eq!((answer.status, answer.code().as_str()), (405, "method"), "{path}");
        let allow = answer.head.lines().find_map(|line| line.strip_prefix("allow: ")).unwrap_or_default();
        let mut served: Vec<&str> = allow.trim().split(',').filter(|method| *method != "head").collect();
        let mut described: Vec<&str> = item.as_object().unwrap().keys().map(String::as_str).collect();
        served.sort_unstable();
        described.sort_unstable();
        assert_eq!(served, described, "{path}");
        for (method, operation) in item.as_object().unwrap() {
            assert!(operation["responses"].get("4XX").is_some(), "{method} {path} describes its errors");
        }
    }
}

#[test]
fn beyond_this_machine_a_token_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let serve = Running::start(folder.path(), &["serve", "--web-token", "correct-horse"]);
    let answer = serve.server.get("/api/v1/state");
    assert_eq!((answer.status, answer.code().as_str()), (401, "token"));
    assert_eq!(serve.server.get("/api/v1/state?token=correct-horse").status, 200);
    assert_eq!(serve.server.ask("GET", "/api/v1/state", "Authorization: Bearer correct-horse\r\n", b"").status, 200);
}

#[test]
fn a_session_is_recorded_listed_fetched_replayed_and_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let live = live(folder.path(), &["--json"]);
    let server = &live.server;
    assert_eq!(server.get("/api/v1/sessions").json(), json!({ "sessions": [] }));
    server.until("/api/v1/state", |state| state["state"]["locked"] == true);
    let begun = server.send("POST", "/api/v1/sessions", r#"{"name":"set-1"}"#);
    assert_eq!((begun.status, &begun.json()["name"]), (201, &json!("set-1.jsonl")));
    assert!(begun.head.contains("location: /api/v1/sessions/set-1.jsonl"), "{}", begun.head);
    assert_eq!(server.send("POST", "/api/v1/sessions", "{}").code(), "recording");
    assert_eq!(server.send("DELETE", "/api/v1/sessions/set-1.jsonl", "").code(), "recording");
    server.until("/api/v1/outputs", |outputs| outputs["outputs"].as_array().unwrap().iter().any(|output| output["id"] == "api-recording"));
    server.until("/api/v1/sessions", |listed| listed["sessions"][0]["n_bytes"].as_u64().is_some_and(|n| n > 30_000));
    let whole = server.send("PATCH", "/api/v1/sessions/set-1.jsonl", r#"{"recording":false}"#);
    assert_eq!((whole.status, &whole.json()["is_recording"]), (200, &json!(false)));
    assert_eq!(server.send("PATCH", "/api/v1/sessions/set-1.jsonl", r#"{"recording":false}"#).code(), "not_recording");
    assert_eq!(server.send("POST", "/api/v1/sessions", r#"{"name":"set-1"}"#).code(), "exists");
    let fetched = server.get("/api/v1/sessions/set-1.jsonl");
    assert!(fetched.status == 200 && fetched.head.contains("application/x-ndjson"), "{}", fetched.head);
    let session = outputs::session::Session::read(&fetched.body[..]).unwrap();
    assert!(!session.is_cut && session.looks.len() > 20 && session.looks.iter().any(|look| look.locked), "{}", session.looks.len());
    let listed = server.get("/api/v1/sessions").json();
    assert_eq!(listed["sessions"][0]["n_bytes"], fetched.body.len());

    let file = folder.path().join("data/sessions/set-1.jsonl");
    let replay = Running::start(folder.path(), &["replay", file.to_str().unwrap(), "--json"]);
    assert_eq!(replay.server.send("POST", "/api/v1/hints", r#"{"hint":"tap"}"#).code(), "no_hints");
    assert_eq!(replay.server.get("/api/v1/state").json()["source"]["kind"], "replay");
    replay.beat();
    drop(replay);
    assert_eq!(server.send("DELETE", "/api/v1/sessions/set-1.jsonl", "").status, 204);
    assert!(!file.exists());
}
