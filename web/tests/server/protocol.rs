//! What clients are told, and what they may ask.

use outputs::event::{Beat, Event};
use outputs::view::View;
use serde_json::{Value, json};
use web::Clock;

use crate::support::*;

#[test]
fn the_greeting_comes_first_and_says_who_speaks() {
    let server = server();
    let hello = Client::connect(&server).next();
    assert_eq!((&hello["v"], &hello["type"], &hello["program"]), (&json!(1), &json!("hello"), &json!("anacrusis")));
    assert_eq!(hello["program_version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(hello["session"], server.session());
    assert_eq!(hello["labels"][4], "chorus");
    assert_eq!(hello["horizons_beats"], json!([1, 2, 4, 8, 16]));
    assert!(hello["clock"]["mono_ns"].as_u64().unwrap() >= START.mono_ns);
    assert!(hello["capabilities"].as_array().unwrap().contains(&json!("sync")));
    let again = server_with(config(), web::Limits::default());
    assert_ne!(again.session(), server.session(), "a restart is told apart");
}

#[test]
fn events_come_ahead_in_order_with_both_stamps() {
    let server = server();
    let mut client = Client::greeted(&server);
    let events: Vec<Event> = (0..50).map(beat).collect();
    for event in &events {
        server.publish_event(event);
    }
    for (seq, event) in events.iter().enumerate() {
        let text = client.next_text();
        assert_eq!(&serde_json::from_str::<Event>(&text).unwrap(), event);
        let message: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&message["v"], &message["seq"]), (&json!(1), &json!(seq)));
        assert_eq!(message["at"], json!({"mono_ns": event.at().mono_ns, "unix_ns": event.at().unix_ns}));
    }
    client.say(r#"{"type":"sync","t":0}"#);
    let answer = client.next_of("sync");
    assert!(answer["sent"].as_u64().unwrap() < events[0].at().mono_ns, "told before it falls");
}

#[test]
fn a_question_for_the_time_is_stamped_on_its_way_in_and_out() {
    let clock = Clock::new();
    clock.observe(START);
    let server = web::WebServer::start_limited(config(), axum::Router::new(), web::Limits::default(), clock.clone()).unwrap();
    let mut client = Client::greeted(&server);
    let before_ns = clock.now().mono_ns;
    client.say(r#"{"type":"sync","t":123456.0625}"#);
    let answer = client.next_of("sync");
    let after_ns = clock.now().mono_ns;
    let (received, sent) = (answer["received"].as_u64().unwrap(), answer["sent"].as_u64().unwrap());
    assert!(before_ns <= received && received <= sent && sent <= after_ns, "{before_ns} {received} {sent} {after_ns}");
    assert_eq!(answer["t"], json!(123456.0625));
    for t in ["1763775128123", "-5", "0.1"] {
        client.say(&format!(r#"{{"v":1,"type":"sync","t":{t}}}"#));
        assert!(client.next_text().contains(&format!(r#""t":{t},"#)), "sent back as it is");
    }
}

#[test]
fn a_subscription_chooses_kinds_and_bands() {
    let server = server();
    let (mut chooser, mut other) = (Client::greeted(&server), Client::greeted(&server));
    chooser.say(r#"{"type":"subscribe","events":["lock"],"state_hz":0}"#);
    assert_eq!(chooser.next(), json!({"v":1,"type":"subscribed","events":["lock"],"state_hz":0.0,"bands":false}));
    server.publish_event(&beat(0));
    server.publish_state(&View::default());
    server.publish_event(&lock(true, "locked"));
    assert_eq!(chooser.next()["type"], "lock");
    assert_eq!([other.next_of("beat")["number"].clone(), other.next_of("lock")["locked"].clone()], [json!(0), json!(true)]);

    chooser.say(r#"{"type":"subscribe","state_hz":1000,"bands":true}"#);
    // The state from before was written for nobody who wanted bands.
    assert_eq!(chooser.next_of("subscribed"), json!({"v":1,"type":"subscribed","events":["lock"],"state_hz":50.0,"bands":true}));
    server.publish_state(&View { bands: [0.25; 16], level: 0.5, ..View::default() });
    let with_bands = loop {
        let state = chooser.next_of("state");
        if state["level"] == 0.5 {
            break state;
        }
    };
    assert_eq!(with_bands["bands"], json!(vec![0.25; 16]));
    assert_eq!(other.next_of("state").get("bands"), None);
}

#[test]
fn a_slower_rate_skips_states_and_ends_with_the_newest() {
    const N_STATES: u32 = 60;
    let server = server();
    let mut client = Client::greeted(&server);
    client.say(r#"{"type":"subscribe","state_hz":10}"#);
    client.next_of("subscribed");
    for n in 1..=N_STATES {
        server.publish_state(&View { level: n as f32 / N_STATES as f32, ..View::default() });
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let (mut n_received, mut last) = (0, 0.0);
    while last < 1.0 {
        let level = client.next_of("state")["level"].as_f64().unwrap();
        assert!(level > last, "in order: {last}, {level}");
        (n_received, last) = (n_received + 1, level);
    }
    assert!(n_received < N_STATES, "{n_received}");
}

#[test]
fn who_comes_late_knows_at_once_what_holds() {
    let server = server();
    server.publish_event(&lock(false, "searching"));
    server.publish_event(&Event::Beat(Beat { at: after_start(-500), number: 0, ..Beat::default() }));
    server.publish_event(&lock(true, "locked"));
    server.publish_event(&section(4));
    server.publish_event(&beat(7));
    server.publish_state(&View { bpm: 97.5, locked: true, reason: "locked", ..View::default() });
    let mut client = Client::greeted(&server);
    let told: Vec<Value> = (0..4).map(|_| client.next()).collect();
    let kinds: Vec<_> = told.iter().map(|message| message["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["lock", "section", "beat", "state"]);
    assert_eq!(
        (&told[0]["locked"], &told[1]["section"], &told[2]["number"], &told[3]["bpm"]),
        (&json!(true), &json!(4), &json!(7), &json!(97.5))
    );
    server.publish_event(&beat(8));
    assert_eq!(client.next_of("beat")["seq"], 5, "and then what is new, nothing twice");
}

#[test]
fn what_is_no_request_is_named_and_forgiven() {
    let server = server();
    let mut client = Client::greeted(&server);
    let cases = [
        ("", "not_json"),
        ("hello", "not_json"),
        ("{\"type\":\"sync\",\"t\":1", "not_json"),
        ("[]", "not_json"),
        ("{\"type\":\"dance\"}", "unknown_type"),
        ("{\"type\":\"sync\"}", "bad_field"),
        ("{\"type\":\"subscribe\",\"events\":[\"drop\"]}", "bad_field"),
        ("{\"type\":\"subscribe\",\"state_hz\":1e999}", "not_json"),
        ("{\"v\":9,\"type\":\"sync\",\"t\":1}", "version"),
    ];
    for (text, code) in cases {
        client.say(text);
        let error = client.next();
        assert_eq!((&error["type"], &error["code"]), (&json!("error"), &json!(code)), "{text}: {error}");
        assert!(error["message"].as_str().unwrap().contains("expected"), "{error}");
    }
    client.socket.send(tungstenite::Message::binary(vec![0, 255])).unwrap();
    assert_eq!(client.next()["code"], "binary");
    let long = format!(r#"{{"type":"sync","t":1,"x":"{}"}}"#, "x".repeat(5_000));
    client.say(&long);
    assert_eq!(client.next()["message"], format!("a request has at most 4096 bytes, got {}", long.len()));
    client.say(r#"{"type":"sync","t":4}"#);
    assert_eq!(client.next()["t"], 4, "and still there");
}
