//! Who is let in, and with what status the others are turned away.

use web::{Limits, WebConfig, WebServer};

use crate::support::*;

#[test]
fn strangers_names_are_misdirected() {
    let server = server();
    let address = server.address();
    assert_eq!(refusal(address, request(address, &[("host", "evil.example:7770")])), 421);
    assert_eq!(refusal(address, request(address, &[("host", "192.168.0.1")])), 421);
    for host in ["localhost", "localhost:1234", "[::1]:7770"] {
        assert_eq!(refusal(address, request(address, &[("host", host)])), 101, "{host}");
    }
    for head in [
        "GET / HTTP/1.1\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n",
        "GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n",
    ] {
        let answer = exchange(address, format!("{head}Connection: close\r\n\r\n").as_bytes());
        assert!(answer.starts_with("HTTP/1.1 421 "), "{head}: {answer}");
    }
    let (_, body) = get(address, "/health", "X: y\r\n");
    assert!(body.contains("\"status\":\"ok\""), "{body}");
}

#[test]
fn strangers_pages_are_forbidden() {
    let config = WebConfig { allowed_origins: vec!["http://localhost:8000".to_owned()], ..config() };
    let server = server_with(config, Limits::default());
    let address = server.address();
    let own = format!("http://{address}");
    for (origin, status) in
        [(own.as_str(), 101), ("http://localhost:8000", 101), ("http://evil.example", 403), ("null", 403), ("http://localhost:8001", 403)]
    {
        assert_eq!(refusal(address, request(address, &[("origin", origin)])), status, "{origin}");
    }
    let (head, body) = get(address, "/health", "Origin: http://evil.example\r\n");
    assert!(head.starts_with("http/1.1 403 ") && body.contains("allowed_origins") && !head.contains("access-control"), "{head} {body}");
}

#[test]
fn a_page_on_the_list_may_read_answers() {
    let config =
        WebConfig { allowed_origins: vec!["http://localhost:8000".to_owned()], token: Some("correct-horse".to_owned()), ..config() };
    let server = server_with(config, Limits::default());
    let (head, _) = get(server.address(), "/health?token=correct-horse", "Origin: http://localhost:8000\r\n");
    assert!(head.starts_with("http/1.1 200 ") && head.contains("\r\naccess-control-allow-origin: http://localhost:8000"), "{head}");
    let ask = |origin: &str| {
        let address = server.address();
        let lines = format!(
            "OPTIONS /health HTTP/1.1\r\nHost: {address}\r\nOrigin: {origin}\r\nAccess-Control-Request-Method: POST\r\nConnection: close\r\n\r\n"
        );
        exchange(address, lines.as_bytes()).to_lowercase()
    };
    let answer = ask("http://localhost:8000");
    assert!(
        answer.starts_with("http/1.1 204 ") && answer.contains("access-control-allow-headers: authorization, content-type"),
        "{answer}"
    );
    assert!(ask("http://evil.example").starts_with("http/1.1 403 "));
}

#[test]
fn with_a_token_nothing_goes_without_it() {
    let server = server_with(WebConfig { token: Some("correct-horse+battery".to_owned()), ..config() }, Limits::default());
    let address = server.address();
    for path in ["/", "/health", "/schema", "/ws", "/nothing", "/health?token=", "/health?token=wrong"] {
        let (head, body) = get(address, path, "");
        assert!(head.starts_with("http/1.1 401 ") && head.contains("www-authenticate: bearer"), "{path}: {head}");
        assert!(!body.contains("horse"), "{body}");
    }
    assert_eq!(refusal(address, request(address, &[])), 401);
    assert_eq!(refusal(address, request(address, &[("authorization", "Bearer wrong-horse")])), 401);
    assert_eq!(refusal(address, request(address, &[("authorization", "Basic correct-horse+battery")])), 401);
    assert_eq!(refusal(address, request(address, &[("authorization", "bearer correct-horse+battery")])), 101);
    assert_eq!(refusal(address, request_at(&format!("ws://{address}/ws?token=correct-horse%2Bbattery"), &[])), 101);
    assert!(get(address, "/?token=correct-horse%2Bbattery", "").0.starts_with("http/1.1 200 "));
}

#[test]
fn an_open_door_without_a_key_is_not_opened() {
    let error = WebServer::start(WebConfig { listen: "0.0.0.0:0".to_owned(), ..config() }).unwrap_err();
    assert_eq!(error.to_string(), "listen: 0.0.0.0:0 is open to other machines, which needs a token; set one, or listen on 127.0.0.1");
    assert!(!error.may_pass());
}
