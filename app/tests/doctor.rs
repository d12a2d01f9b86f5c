//! `doctor` says what is there, and its exit code agrees with what it says.

#![allow(clippy::unwrap_used, reason = "a test that fails panics")]

mod common;

use common::{anacrusis, run};

#[test]
fn text_and_json_agree_with_the_exit_code() {
    let json = run(anacrusis().args(["doctor", "--json"]));
    let value: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    let checks = value["checks"].as_array().unwrap();
    let problems: Vec<_> = checks.iter().filter(|check| check["status"] == "problem").collect();
    assert_eq!(json.code, i32::from(!problems.is_empty()), "{}", json.stdout);
    assert_eq!(value["healthy"], problems.is_empty());
    assert!(problems.iter().all(|check| check["fix"].as_str().is_some_and(|fix| !fix.is_empty())), "each problem has a fix");
    let names = [
        ["cpu", "decoders", "sample rates", "activation", "fallback", "sections", "backends", "contract", "speed"].as_slice(),
        &["plugin", "feeds", "instances", "midi ports", "midi choice", "priority", "clock jitter"],
        &["audio", "audio inputs", "loopback", "audio outputs", "multicast", "web port", "receivers"],
    ];
    for name in names.concat() {
        assert_eq!(checks.iter().filter(|check| check["name"] == name).count(), 1, "{name}");
    }
    for check in checks {
        let fields: Vec<_> = check.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(fields, ["detail", "fix", "name", "status"], "each check is whole");
        assert!(["ok", "note", "problem"].contains(&check["status"].as_str().unwrap()), "{check}");
        assert!(!check["detail"].as_str().unwrap().is_empty(), "{check}");
    }
    let text = run(anacrusis().arg("doctor"));
    assert_eq!(text.stderr, "");
    assert!(text.stdout.contains("cpu") && (text.code == 1) == text.stdout.contains("PROBLEM"), "{}", text.stdout);
}
