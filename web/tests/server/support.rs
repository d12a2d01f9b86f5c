//! Servers, clients and events for the tests.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use outputs::event::{Beat, Event, Lock, Moment, Section};
use serde_json::Value;
use tungstenite::client::IntoClientRequest;
use tungstenite::handshake::client::Request;
use tungstenite::protocol::CloseFrame;
use tungstenite::{Message, WebSocket};
use web::{Clock, Limits, WebConfig, WebHandle, WebServer};

/// Longer than anything takes, also on a machine with much else to do.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);
/// What the run's clocks say when a server of these tests starts.
pub(crate) const START: Moment = Moment { mono_ns: 1_000_000_000_000, unix_ns: 1_700_000_000_000_000_000 };

pub(crate) fn config() -> WebConfig {
    WebConfig { listen: "127.0.0.1:0".to_owned(), ..WebConfig::default() }
}

pub(crate) fn server() -> WebHandle {
    server_with(config(), Limits::default())
}

pub(crate) fn server_with(config: WebConfig, limits: Limits) -> WebHandle {
    let clock = Clock::new();
    clock.observe(START);
    WebServer::start_limited(config, axum::Router::new(), limits, clock).unwrap()
}

/// A moment after [`START`].
pub(crate) fn after_start(ms: i64) -> Moment {
    START.shifted_ns(ms * 1_000_000)
}

/// A beat a minute ahead or more: nobody who comes in is too late for it.
pub(crate) fn beat(number: u64) -> Event {
    let beat_in_bar = (number % 4) as u8 + 1;
    let at = after_start(60_000 + number as i64 * 500);
    let every_bars = if number.is_multiple_of(16) { vec![4] } else { Vec::new() };
    let (bar, bar_in_phrase) = (number / 4 + 1, (number / 4 % 8) as u16 + 1);
    Event::Beat(Beat {
        at,
        number,
        beat_in_bar,
        beats_per_bar: 4,
        bar,
        bar_in_phrase,
        phrase: number / 32 + 1,
        phrase_bars: 8,
        every_bars,
        bpm: 120.0,
        period_sec: 0.5,
        confidence: 0.9,
        downbeat_prob: 0.1,
        intensity: 0.7,
        section: Some(2),
    })
}

pub(crate) fn lock(locked: bool, reason: &str) -> Event {
    Event::Lock(Lock { at: after_start(0), locked, reason: reason.to_owned() })
}

pub(crate) fn section(section: u8) -> Event {
    Event::Section(Section { at: after_start(0), section, before: None, prob: 0.5 })
}

/// Waits until it holds.
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < DEADLINE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

pub(crate) fn request(address: SocketAddr, headers: &[(&'static str, &str)]) -> Request {
    request_at(&format!("ws://{address}/ws"), headers)
}

pub(crate) fn request_at(url: &str, headers: &[(&'static str, &str)]) -> Request {
    let mut request = url.into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    request
}

/// The status with which an upgrade is refused.
pub(crate) fn refusal(address: SocketAddr, request: Request) -> u16 {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    match tungstenite::client(request, stream) {
        Ok((_, response)) => response.status().as_u16(),
        Err(tungstenite::HandshakeError::Failure(tungstenite::Error::Http(response))) => response.status().as_u16(),
        Err(error) => panic!("{error}"),
    }
}

/// A client.
pub(crate) struct Client {
    pub(crate) socket: WebSocket<TcpStream>,
}

impl Client {
    /// Connects; the greeting is still to be read.
    pub(crate) fn connect(server: &WebHandle) -> Self {
        let stream = TcpStream::connect(server.address()).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.set_nodelay(true).unwrap();
        let (socket, _) = tungstenite::client(request(server.address(), &[]), stream).unwrap();
        Self { socket }
    }

    /// Connects and hears the greeting.
    pub(crate) fn greeted(server: &WebHandle) -> Self {
        let mut client = Self::connect(server);
        client.next_of("hello");
        client
    }

    pub(crate) fn say(&mut self, text: &str) {
        self.socket.send(Message::text(text)).unwrap();
    }

    /// The next text message.
    pub(crate) fn next_text(&mut self) -> String {
        loop {
            match self.socket.read().unwrap() {
                Message::Text(text) => return text.to_string(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("expected text, got {other:?}"),
            }
        }
    }

    pub(crate) fn next(&mut self) -> Value {
        serde_json::from_str(&self.next_text()).unwrap()
    }

    /// The next message of the type; others are passed over.
    pub(crate) fn next_of(&mut self, kind: &str) -> Value {
        loop {
            let message = self.next();
            if message["type"] == kind {
                return message;
            }
        }
    }

    /// Reads to the goodbye and answers it.
    pub(crate) fn goodbye(&mut self) -> CloseFrame {
        loop {
            match self.socket.read() {
                Ok(Message::Close(frame)) => {
                    // The library keeps its answer until it is asked to do something else.
                    let _ = self.socket.flush();
                    return frame.expect("a reason");
                }
                Ok(_) => {}
                Err(error) => panic!("no goodbye: {error}"),
            }
        }
    }
}

/// Sends bytes and reads to the end of the connection.
pub(crate) fn exchange(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    // Some of what was sent may have been thrown away unread, and then the end is a reset.
    let mut piece = [0; 4096];
    while let Ok(n @ 1..) = stream.read(&mut piece) {
        answer.extend_from_slice(&piece[..n]);
    }
    String::from_utf8(answer).unwrap()
}

/// Head and body of the answer to a GET.
pub(crate) fn get(address: SocketAddr, path: &str, more_headers: &str) -> (String, String) {
    let answer = exchange(address, format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{more_headers}\r\n").as_bytes());
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer:?}"));
    (head.to_lowercase(), body.to_owned())
}
