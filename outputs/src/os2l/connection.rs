//! One connection to an OS2L server: beats at once, the rest with pauses, and what comes back. Never waits. Thread of the output.
//!
//! Some servers take whatever one read gives them for one message (QLC+ before it cut by braces, the plugin of DMXControl 3):
//! two messages in one packet are lost on them. So each message is a packet, and other messages than beats keep a distance.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::message::{Incoming, Message, Splitter, parse_message};
use crate::output::OutputError;

/// Least time between a message and the next one that is not a beat.
pub(super) const GAP: Duration = Duration::from_millis(10);
/// How long a server may take nothing before it counts as gone.
const STALL: Duration = Duration::from_secs(2);
/// The most bytes that one look reads.
const MAX_READ_BYTES: usize = 64 * 1024;
/// The most messages that wait for their turn; more say that nobody polls.
const MAX_WAITING: usize = 64;

/// An open connection.
pub(super) struct Connection {
    stream: TcpStream,
    peer: String,
    /// The rest of a message that the system did not take whole.
    unsent: Vec<u8>,
    stalled_since: Option<Instant>,
    waiting: VecDeque<Message>,
    last_sent: Option<Instant>,
    splitter: Splitter,
    /// Bytes and objects that were no message, so far.
    pub(super) n_odd: u64,
}

impl Connection {
    /// Over a stream that is connected; `peer` is what people call it.
    pub(super) fn new(stream: TcpStream, peer: String) -> Result<Self, OutputError> {
        let prepared = stream.set_nodelay(true).and_then(|()| stream.set_nonblocking(true));
        prepared.map_err(OutputError::io(format!("use the connection to {peer}")))?;
        Ok(Self {
            stream,
            peer,
            unsent: Vec::new(),
            stalled_since: None,
            waiting: VecDeque::new(),
            last_sent: None,
            splitter: Splitter::default(),
            n_odd: 0,
        })
    }

    /// What people call the server.
    pub(super) fn peer(&self) -> &str {
        &self.peer
    }

    /// Sends a message at once: a beat.
    pub(super) fn send_now(&mut self, message: &Message) -> Result<(), OutputError> {
        self.flush()?;
        // A server that does not take the last message gets no beat: late, it would be wrong.
        if !self.unsent.is_empty() {
            return Ok(());
        }
        self.unsent = message.line();
        self.last_sent = Some(Instant::now());
        self.flush()
    }

    /// Sends a message when it is its turn.
    pub(super) fn send_soon(&mut self, message: Message) -> Result<(), OutputError> {
        if let Message::Command { id, .. } = message {
            // An older value of the same control is of no use any more.
            self.waiting.retain(|waiting| !matches!(waiting, Message::Command { id: other, .. } if *other == id));
        }
        if self.waiting.len() >= MAX_WAITING {
            return Err(OutputError::Protocol(format!("{} takes no messages: {MAX_WAITING} are waiting", self.peer)));
        }
        self.waiting.push_back(message);
        self.send_waiting()
    }

    /// Sends what waits, and reads what came; gives the messages that could be read.
    pub(super) fn poll(&mut self) -> Result<Vec<Incoming>, OutputError> {
        self.send_waiting()?;
        self.read()
    }

    /// Sends everything that waits, with pauses, for at most `patience`, and says goodbye.
    pub(super) fn finish(mut self, patience: Duration) {
        let until = Instant::now() + patience;
        while !(self.waiting.is_empty() && self.unsent.is_empty()) && Instant::now() < until {
            if self.send_waiting().is_err() {
                return;
            }
            std::thread::sleep(GAP / 2);
        }
        // A server that is gone needs no goodbye.
        let _ = self.stream.shutdown(std::net::Shutdown::Write);
    }

    fn send_waiting(&mut self) -> Result<(), OutputError> {
        self.flush()?;
        let is_time = self.last_sent.is_none_or(|sent| sent.elapsed() >= GAP);
        if !self.unsent.is_empty() || !is_time {
            return Ok(());
        }
        match self.waiting.pop_front() {
            None => Ok(()),
            Some(message) => self.send_now(&message),
        }
    }

    fn flush(&mut self) -> Result<(), OutputError> {
        while !self.unsent.is_empty() {
            match self.stream.write(&self.unsent) {
                Ok(0) => return Err(self.closed()),
                Ok(n_written) => {
                    self.unsent.drain(..n_written);
                    self.stalled_since = None;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    let since = *self.stalled_since.get_or_insert_with(Instant::now);
                    if since.elapsed() > STALL {
                        return Err(OutputError::Protocol(format!("{} has taken nothing for {} s", self.peer, STALL.as_secs())));
                    }
                    return Ok(());
                }
                Err(error) => return Err(OutputError::io(format!("send to {}", self.peer))(error)),
            }
        }
        Ok(())
    }

    fn read(&mut self) -> Result<Vec<Incoming>, OutputError> {
        let mut buffer = [0; 4096];
        let mut incoming = Vec::new();
        let mut n_read = 0;
        while n_read < MAX_READ_BYTES {
            match self.stream.read(&mut buffer) {
                Ok(0) => return Err(self.closed()),
                Ok(n) => {
                    n_read += n;
                    let n_skipped = self.splitter.n_skipped();
                    for object in self.splitter.feed(&buffer[..n]) {
                        match parse_message(&object) {
                            Ok(message) => incoming.push(message),
                            Err(_) => self.n_odd += 1,
                        }
                    }
                    self.n_odd += self.splitter.n_skipped() - n_skipped;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(OutputError::io(format!("read from {}", self.peer))(error)),
            }
        }
        Ok(incoming)
    }

    fn closed(&self) -> OutputError {
        OutputError::Protocol(format!("{} closed the connection", self.peer))
    }
}
