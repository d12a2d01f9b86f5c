//! Pages, headers, limits, and routes of others.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use axum::Router;
use axum::routing::{get as get_route, post};
use outputs::view::View;
use serde_json::{Value, json};
use web::{Clock, Limits, WebServer};

use crate::support::*;

#[test]
fn the_page_is_whole_and_may_run_nothing_but_what_is_from_here() {
    let server = server();
    let (head, body) = get(server.address(), "/", "");
    assert!(head.starts_with("http/1.1 200 ") && head.contains("content-type: text/html; charset=utf-8"), "{head}");
    assert!(head.contains("script-src 'self'; style-src 'self';") && !head.contains("unsafe"), "{head}");
    assert!(head.contains(&format!("connect-src 'self' ws://{}", server.address())), "{head}");
    assert!(!body.contains(" style=\"") && !body.contains(" onclick") && !body.contains("<style"), "the policy forbids them");
    for part in body.split("<script").skip(1) {
        assert!(part.split_once("</script>").unwrap().0.ends_with('>'), "a script in the page: {part}");
    }
    let files: Vec<&str> = body.split('"').filter(|part| part.starts_with("view/")).collect();
    assert!(files.len() >= 2, "{files:?}");
    for file in &files {
        let kind = match file.rsplit_once('.').unwrap().1 {
            "css" => "text/css",
            "svg" => "image/svg+xml",
            _ => "text/javascript",
        };
        let (head, body) = get(server.address(), &format!("/{file}"), "");
        assert!(head.starts_with("http/1.1 200 ") && head.contains(&format!("content-type: {kind}")) && !body.is_empty(), "{file}: {head}");
        assert!(head.contains("cache-control: no-cache"), "{head}");
        let tag = head.split("etag: ").nth(1).unwrap().split("\r\n").next().unwrap();
        let (again, body) = get(server.address(), &format!("/{file}"), &format!("If-None-Match: {tag}\r\n"));
        assert!(again.starts_with("http/1.1 304 ") && body.is_empty(), "{again}");
    }
    for path in ["/view/", "/view/../Cargo.toml", "/view/tests/page.mjs", "/view/%2e%2e/%2e%2e/Cargo.toml"] {
        assert!(get(server.address(), path, "").0.starts_with("http/1.1 404 "), "{path}");
    }
}

#[test]
fn with_a_token_the_page_needs_it_and_its_modules_do_not() {
    let token = "long-enough-token";
    let server = server_with(web::WebConfig { token: Some(token.to_owned()), ..config() }, Limits::default());
    let status = |path: &str| get(server.address(), path, "").0.split(' ').nth(1).unwrap().to_owned();
    assert_eq!(
        [status("/"), status(&format!("/?token={token}")), status("/view/main.js"), status("/health")],
        ["401", "200", "200", "401"]
    );
    assert!(get(server.address(), "/view/main.js", "Origin: http://evil.example\r\n").0.starts_with("http/1.1 403 "));
}

#[test]
fn every_answer_has_the_headers_that_protect() {
    let server = server();
    for (path, status) in [("/", 200), ("/health", 200), ("/schema", 200), ("/nothing", 404), ("/ws", 426)] {
        let (head, _) = get(server.address(), path, "");
        assert!(head.starts_with(&format!("http/1.1 {status} ")), "{path}: {head}");
        for header in [
            "content-security-policy: default-src 'none'",
            "x-content-type-options: nosniff",
            "x-frame-options: deny",
            "referrer-policy: no-referrer",
        ] {
            assert!(head.contains(header), "{path}: {header} in {head}");
        }
    }
}

#[test]
fn health_counts() {
    let server = server();
    let health = || serde_json::from_str::<Value>(&get(server.address(), "/health", "").1).unwrap();
    assert_eq!((&health()["clients"], &health()["locked"]), (&json!(0), &json!(null)));
    let _client = Client::greeted(&server);
    server.publish_event(&beat(0));
    server.publish_state(&View { locked: true, ..View::default() });
    let health = health();
    assert_eq!(health["session"], server.session());
    assert_eq!(
        [&health["clients"], &health["max_clients"], &health["events"], &health["states"], &health["locked"], &health["status"]],
        [&json!(1), &json!(256), &json!(1), &json!(1), &json!(true), &json!("ok")]
    );
}

#[test]
fn routes_of_others_go_first_and_behind_the_same_door() {
    let router = Router::new()
        .route("/", get_route(|| async { "the new page" }))
        .route("/api/slow", get_route(|| async { tokio::time::sleep(DEADLINE).await }))
        .route("/api/echo", post(|body: String| async move { body }));
    let server = WebServer::start_with(config(), router.clone()).unwrap();
    let address = server.address();
    let (head, body) = get(address, "/", "");
    assert!(head.contains("nosniff") && body == "the new page", "{head}");
    assert!(get(address, "/", "Origin: http://evil.example\r\n").0.starts_with("http/1.1 403 "));
    assert!(get(address, "/health", "").0.starts_with("http/1.1 200 "), "the server's own are still there");
    let post = |address: SocketAddr, length: usize, body: &str| {
        exchange(
            address,
            format!("POST /api/echo HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}").as_bytes(),
        )
    };
    assert!(post(address, 5, "hello").ends_with("\r\n\r\nhello"));
    assert!(post(address, 70_000, &"x".repeat(70_000)).starts_with("HTTP/1.1 413 "));
    Client::greeted(&server);

    let limits = Limits { request_timeout: Duration::from_millis(300), ..Limits::default() };
    let hasty = WebServer::start_limited(config(), router, limits, Clock::new()).unwrap();
    assert!(get(hasty.address(), "/api/slow", "").0.starts_with("http/1.1 408 "));
    assert!(post(hasty.address(), 100, "a body that never ends").starts_with("HTTP/1.1 408 "));
}

#[test]
fn heads_that_are_too_large_or_too_slow_are_cut_off() {
    let server = server();
    let address = server.address();
    let large = exchange(address, format!("GET / HTTP/1.1\r\nHost: {address}\r\nX: {}\r\n\r\n", "x".repeat(40_000)).as_bytes());
    assert!(large.starts_with("HTTP/1.1 431 "), "{large}");
    let many = exchange(address, format!("GET / HTTP/1.1\r\nHost: {address}\r\n{}\r\n", "X: y\r\n".repeat(100)).as_bytes());
    assert!(many.starts_with("HTTP/1.1 431 "), "{many}");
    assert!(exchange(address, b"\x16\x03\x01 this is not HTTP\r\n\r\n").starts_with("HTTP/1.1 400 "));
    let limits = Limits { header_timeout: Duration::from_millis(200), ..Limits::default() };
    let hasty = server_with(config(), limits);
    let address = hasty.address();
    // One byte at a time, for ever: the server hangs up, whatever it says.
    let mut slow = TcpStream::connect(address).unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\nX: ").unwrap();
    wait_until("the server hangs up", || slow.write_all(b"x").is_err());
    // Also on one who asked and then says nothing more.
    let idle = exchange(address, format!("GET /health HTTP/1.1\r\nHost: {address}\r\n\r\n").as_bytes());
    assert!(idle.starts_with("HTTP/1.1 200 "), "{idle}");
}
