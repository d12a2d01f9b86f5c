//! How connections end: too much, too long, nobody there, the server stops.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use tungstenite::Message;
use web::{Limits, WebConfig};

use crate::support::*;

#[test]
fn a_message_beyond_all_measure_ends_the_connection_with_a_reason() {
    let server = server();
    let mut client = Client::greeted(&server);
    client.say(&"x".repeat(100_000));
    let error = client.next();
    assert!(error["code"] == "too_long" && error["message"].as_str().unwrap().contains("65536"), "{error}");
    assert_eq!(u16::from(client.goodbye().code), 1009);
    wait_until("the place is free", || server.clients() == 0);
}

#[test]
fn broken_framing_ends_the_connection() {
    let server = server();
    let mut client = Client::greeted(&server);
    // A reserved opcode.
    client.socket.get_mut().write_all(&[0x83, 0x80, 0, 0, 0, 0]).unwrap();
    assert_eq!(client.next()["code"], "protocol");
    assert_eq!(u16::from(client.goodbye().code), 1002);
}

#[test]
fn a_flood_of_requests_ends_the_connection() {
    let server = server();
    let mut client = Client::greeted(&server);
    let flood = std::thread::spawn({
        let stream = client.socket.get_ref().try_clone().unwrap();
        move || {
            let mut socket = tungstenite::WebSocket::from_raw_socket(stream, tungstenite::protocol::Role::Client, None);
            for t in 0..5_000 {
                if socket.send(Message::text(format!(r#"{{"type":"sync","t":{t}}}"#))).is_err() {
                    return;
                }
            }
        }
    });
    let error = client.next_of("error");
    assert_eq!(error["code"], "too_many");
    wait_until("the place is free", || server.clients() == 0);
    drop(client);
    flood.join().unwrap();
}

#[test]
fn who_answers_no_ping_is_gone_and_who_does_stays() {
    let limits = Limits { ping: Duration::from_millis(100), silence: Duration::from_secs(2), ..Limits::default() };
    let server = server_with(config(), limits);
    let deaf = Client::greeted(&server);
    let mut alive = Client::greeted(&server);
    assert_eq!(server.clients(), 2);
    alive.socket.get_mut().set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let started = Instant::now();
    // Reading answers pings.
    while server.clients() == 2 || started.elapsed() < 2 * limits.silence {
        assert!(started.elapsed() < DEADLINE);
        match alive.socket.read() {
            Ok(_) => {}
            Err(tungstenite::Error::Io(error)) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(server.clients(), 1);
    drop(deaf);
}

#[test]
fn a_goodbye_is_answered() {
    let server = server_with(config(), Limits { goodbye: DEADLINE, ..Limits::default() });
    let mut client = Client::greeted(&server);
    client.socket.close(None).unwrap();
    let end = loop {
        match client.socket.read() {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    // Anything else would mean that the connection was cut.
    assert!(matches!(end, tungstenite::Error::ConnectionClosed), "{end}");
    wait_until("the place is free", || server.clients() == 0);
}

#[test]
fn a_client_that_hangs_up_gives_its_place_back() {
    let server = server_with(WebConfig { max_clients: 1, ..config() }, Limits::default());
    let first = Client::greeted(&server);
    assert_eq!(refusal(server.address(), request(server.address(), &[])), 503);
    drop(first);
    wait_until("the place is free", || server.clients() == 0);
    Client::greeted(&server);
}

#[test]
fn a_stop_says_goodbye_and_frees_the_port() {
    let mut server = server_with(config(), Limits { goodbye: DEADLINE, ..Limits::default() });
    let address = server.address();
    let mut clients = [Client::greeted(&server), Client::greeted(&server)];
    let half_a_request = {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\n").unwrap();
        stream
    };
    let stopping = std::thread::spawn(move || {
        server.stop();
        server.stop();
        server.is_running()
    });
    for client in &mut clients {
        let goodbye = client.goodbye();
        assert_eq!((u16::from(goodbye.code), goodbye.reason.as_str()), (1001, "the server stops"));
    }
    assert!(!stopping.join().unwrap());
    wait_until("the port is free", || TcpListener::bind(address).is_ok());
    drop(half_a_request);
}

#[test]
fn a_handle_that_is_dropped_stops_the_server() {
    let server = server_with(config(), Limits { goodbye: DEADLINE, ..Limits::default() });
    let mut client = Client::greeted(&server);
    let dropping = std::thread::spawn(move || drop(server));
    let mut frame = [0; 20];
    client.socket.get_mut().read_exact(&mut frame).unwrap();
    assert_eq!(frame, *b"\x88\x12\x03\xE9the server stops");
    // Who never answers is not waited for beyond its end.
    drop(client);
    dropping.join().unwrap();
}
