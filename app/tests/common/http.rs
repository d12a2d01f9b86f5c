//! A client for the tests of the API: one request a connection, so that nothing is shared but the server.

#![allow(dead_code, reason = "each test file uses some of it")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Child;
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(600);

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// In lower case.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The word of an error, which has its whole form.
    pub(crate) fn code(&self) -> String {
        let body = self.json();
        assert!(body["error"]["message"].as_str().is_some_and(|message| !message.is_empty()), "{body}");
        body["error"]["code"].as_str().unwrap().to_owned()
    }
}

/// A request by hand.
pub(crate) fn exchange(address: &str, method: &str, path: &str, headers: &str, body: &[u8]) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let length = body.len();
    let head = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n");
    stream.write_all(head.as_bytes())?;
    // A server that refuses early reads no more.
    let _ = stream.write_all(body);
    let mut reader = BufReader::new(stream);
    let head = read_head(&mut reader)?;
    let mut bytes = Vec::new();
    let rest = reader.read_to_end(&mut bytes);
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).and_then(|text| text.trim().parse::<usize>().ok());
    if length != Some(bytes.len()) {
        rest?;
    }
    let body = if head.contains("transfer-encoding: chunked") { unchunk(&bytes) } else { bytes };
    Ok(Answer { status: head.split(' ').nth(1).unwrap().parse().unwrap(), head, body })
}

fn read_head(reader: &mut impl BufRead) -> std::io::Result<String> {
    let mut head = String::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if line == "\r\n" {
            return Ok(head.to_lowercase());
        }
        head.push_str(&line);
    }
}

fn unchunk(bytes: &[u8]) -> Vec<u8> {
    let (mut reader, mut body) = (BufReader::new(bytes), Vec::new());
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let length = usize::from_str_radix(line.trim(), 16).unwrap_or(0);
        if length == 0 {
            return body;
        }
        let mut chunk = vec![0; length + 2];
        reader.read_exact(&mut chunk).unwrap();
        body.extend_from_slice(&chunk[..length]);
    }
}

/// The server of one program.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    pub(crate) address: String,
}

impl Server {
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "", b"")
    }

    pub(crate) fn send(&self, method: &str, path: &str, body: &str) -> Answer {
        self.ask(method, path, "Content-Type: application/json\r\n", body.as_bytes())
    }

    pub(crate) fn upload(&self, path: &str, bytes: &[u8]) -> Answer {
        self.ask("POST", path, "Content-Type: audio/wav\r\n", bytes)
    }

    pub(crate) fn ask(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
        exchange(&self.address, method, path, headers, body).unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// Waits until it answers.
    pub(crate) fn wait(&self, child: &mut Child) {
        let deadline = Instant::now() + PATIENCE;
        while exchange(&self.address, "GET", "/health", "", b"").is_err() {
            assert!(child.try_wait().unwrap().is_none(), "it ended");
            assert!(Instant::now() < deadline, "it does not serve");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Asks until the answer is as wanted.
    pub(crate) fn until(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let body = self.get(path).json();
            if wanted(&body) {
                return body;
            }
            assert!(Instant::now() < deadline, "{path}: {body}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// A TCP port of loopback that nobody uses now.
pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Server-Sent Events: id, event and data of each.
pub(crate) fn sse(body: &[u8]) -> Vec<(Option<u64>, String, Value)> {
    let text = String::from_utf8(body.to_vec()).unwrap();
    let field = |block: &str, name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.trim().to_owned());
    let blocks = text.split("\n\n").filter(|block| block.contains("data:"));
    blocks
        .map(|block| {
            let id = field(block, "id:").map(|id| id.parse().unwrap());
            (id, field(block, "event:").unwrap(), serde_json::from_str(&field(block, "data:").unwrap()).unwrap())
        })
        .collect()
}
