//! Connecting by TCP to an address that people typed, without ever waiting longer than an output may. Thread of the output.
//!
//! Looking up a name can take the system many seconds, so that it is done on a thread of its own: an answer that comes too
//! late serves the next try.

use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use crate::output::OutputError;

/// How long one call waits for the name.
const LOOKUP: Duration = Duration::from_millis(150);
/// How long one call waits for all connections that it tries.
const CONNECT: Duration = Duration::from_millis(300);
/// The longest address that is looked up, bytes: a DNS name of 253 and a port.
const MAX_ADDRESS_BYTES: usize = 260;

/// Whether `address` is a host and a port: `127.0.0.1:9996`, `[::1]:9996`, `lights.local:9996`. The name is not looked up.
pub fn is_host_and_port(address: &str) -> bool {
    if address.parse::<SocketAddr>().is_ok_and(|address| address.port() != 0) {
        return true;
    }
    let Some((host, port)) = address.rsplit_once(':') else { return false };
    let is_name = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '.' | '_');
    let is_number = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    address.len() <= MAX_ADDRESS_BYTES
        && !host.is_empty()
        && host.chars().all(is_name)
        && is_number
        && port.parse::<u16>().is_ok_and(|port| port != 0)
}

/// Connects to one address, again and again.
#[derive(Debug)]
pub struct Dialer {
    address: String,
    /// A name that is being looked up.
    lookup: Option<Receiver<io::Result<Vec<SocketAddr>>>>,
    /// How many calls there were: each begins with another of the addresses of a name.
    n_calls: usize,
}

impl Dialer {
    /// For `host:port`.
    pub fn new(address: impl Into<String>) -> Self {
        Self { address: address.into(), lookup: None, n_calls: 0 }
    }

    /// The address as it was given.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Looks the name up and connects. Waits for at most 450 ms.
    ///
    /// # Errors
    /// The name is unknown or not known yet; nobody listens; nobody answers.
    pub fn connect(&mut self) -> Result<TcpStream, OutputError> {
        let addresses = self.addresses()?;
        self.n_calls = self.n_calls.wrapping_add(1);
        connect_to(&addresses, self.n_calls - 1).map_err(OutputError::io(format!("connect to {}", self.address)))
    }

    fn addresses(&mut self) -> Result<Vec<SocketAddr>, OutputError> {
        if let Ok(address) = self.address.parse() {
            return Ok(vec![address]);
        }
        let look_up = || OutputError::io(format!("look up {}", self.address));
        let lookup = match self.lookup.take() {
            Some(lookup) => lookup,
            None => start_lookup(self.address.clone()).map_err(look_up())?,
        };
        match lookup.recv_timeout(LOOKUP) {
            Ok(found) => found.map_err(look_up()),
            Err(RecvTimeoutError::Disconnected) => Err(look_up()(io::Error::other("the look-up ended without an answer"))),
            Err(RecvTimeoutError::Timeout) => {
                self.lookup = Some(lookup);
                Err(look_up()(io::Error::new(io::ErrorKind::TimedOut, "no answer yet")))
            }
        }
    }
}

/// Connects to the first of `addresses` that answers, beginning with the `n_first`th, within 300 ms for all.
///
/// # Errors
/// What the last one that was tried said.
pub fn connect_to(addresses: &[SocketAddr], n_first: usize) -> io::Result<TcpStream> {
    let until = Instant::now() + CONNECT;
    let mut error = io::Error::new(io::ErrorKind::NotFound, "there is no address");
    for index in 0..addresses.len() {
        let address = addresses[(n_first % addresses.len() + index) % addresses.len()];
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        match TcpStream::connect_timeout(&address, left) {
            Ok(stream) => return Ok(stream),
            Err(refused) => error = refused,
        }
    }
    Err(error)
}

fn start_lookup(address: String) -> io::Result<Receiver<io::Result<Vec<SocketAddr>>>> {
    let (sender, receiver) = sync_channel(1);
    std::thread::Builder::new().name("name lookup".to_owned()).spawn(move || {
        // The output may be gone by now: then nobody wants the answer.
        let _ = sender.try_send(address.to_socket_addrs().map(Iterator::collect));
    })?;
    Ok(receiver)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn an_address_is_a_host_and_a_port() {
        for address in ["127.0.0.1:9996", "[::1]:9996", "lights.local:1", "qlc-pc:65535"] {
            assert!(is_host_and_port(address), "{address}");
        }
        for address in ["", ":", "9996", "lights", "lights:", ":9996", "lights:0", "127.0.0.1:0", "lights:65536", "a b:1", "a:+5", "::1:5"]
        {
            assert!(!is_host_and_port(address), "{address}");
        }
        assert!(!is_host_and_port(&format!("{}:1", "x".repeat(300))));
    }

    #[test]
    fn a_listener_is_reached_by_number_and_by_name_and_a_closed_port_is_named() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(Dialer::new(format!("127.0.0.1:{port}")).connect().is_ok());
        // A sandbox may not know the name; then the error names it.
        let mut by_name = Dialer::new(format!("localhost:{port}"));
        match by_name.connect() {
            Ok(_) => {}
            Err(error) => assert!(error.to_string().contains("localhost"), "{error}"),
        }
        drop(listener);
        let error = Dialer::new(format!("127.0.0.1:{port}")).connect().unwrap_err();
        assert!(error.may_pass() && error.to_string().starts_with(&format!("cannot connect to 127.0.0.1:{port}: ")), "{error}");
    }

    #[test]
    fn an_address_that_is_dead_does_not_hide_the_next_one() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let dead = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let addresses = [dead, listener.local_addr().unwrap()];
        for n_first in 0..3 {
            assert!(connect_to(&addresses, n_first).is_ok());
        }
        assert_eq!(connect_to(&[], 0).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
