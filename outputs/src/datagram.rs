//! A UDP socket to one receiver, as OSC, WLED and DDP have it. On the output's thread.
//!
//! A receiver that is not there yet is no error with datagrams: whoever starts the show may start the receiver last. The
//! system says so where it can, and it is counted; everything else that the system refuses is an error.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use crate::output::{OutputError, TuningError};

/// Routers that a multicast datagram may cross: none, it stays in the local network.
const MULTICAST_TTL: u32 = 1;
/// The longest that a send may wait for room in the system's buffer.
const SEND_PATIENCE: Duration = Duration::from_millis(100);

/// Reads `IP:port`, or an IP alone where there is a usual port. Names are not looked up: that may take seconds, and an output may not.
///
/// # Errors
/// It is neither, or the port is 0.
///
/// # Examples
/// ```
/// use outputs::datagram::parse_target;
/// assert_eq!(parse_target("target", "10.0.0.5", 4048).unwrap().to_string(), "10.0.0.5:4048");
/// assert_eq!(parse_target("target", "[::1]:9000", 4048).unwrap().to_string(), "[::1]:9000");
/// assert!(parse_target("target", "wled.local", 4048).is_err());
/// ```
pub fn parse_target(name: &'static str, text: &str, usual_port: u16) -> Result<SocketAddr, TuningError> {
    let address = text.parse::<SocketAddr>().or_else(|_| text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, usual_port)));
    match address {
        Ok(address) if address.port() != 0 => Ok(address),
        _ => Err(TuningError { name, value: format!("{text:?}"), expected: "an IP address, or IP:port such as 127.0.0.1:7000" }),
    }
}

/// What became of a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Handed to the system.
    Sent,
    /// Handed to the system, which says that nobody listened the last time.
    Unheard,
    /// The system's buffer was full: not sent.
    Dropped,
}

/// The way to one receiver, and what was sent there.
#[derive(Debug)]
pub struct Datagrams {
    target: SocketAddr,
    interface: Option<Ipv4Addr>,
    socket: Option<UdpSocket>,
    n_sent: u64,
    n_dropped: u64,
    is_unheard: bool,
}

impl Datagrams {
    /// To `target`; from the interface that has the IPv4 address `interface`, or from the system's choice.
    pub fn new(target: SocketAddr, interface: Option<Ipv4Addr>) -> Self {
        Self { target, interface, socket: None, n_sent: 0, n_dropped: 0, is_unheard: false }
    }

    /// Where they go.
    pub fn target(&self) -> SocketAddr {
        self.target
    }

    /// Opens the socket. May be called again: the old one is closed.
    ///
    /// # Errors
    /// The interface is not there, or there is no route to the target.
    pub fn open(&mut self) -> Result<(), OutputError> {
        self.socket = None;
        let target = self.target;
        let local = match (target, self.interface) {
            (SocketAddr::V4(_), interface) => SocketAddr::new(IpAddr::V4(interface.unwrap_or(Ipv4Addr::UNSPECIFIED)), 0),
            (SocketAddr::V6(_), _) => SocketAddr::new(IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED), 0),
        };
        let socket = UdpSocket::bind(local).map_err(OutputError::io(format!("use the interface {}", local.ip())))?;
        let set_up = || -> std::io::Result<()> {
            socket.set_write_timeout(Some(SEND_PATIENCE))?;
            if target.is_ipv4() {
                socket.set_broadcast(true)?;
            }
            if target.ip().is_multicast() && target.is_ipv4() {
                socket.set_multicast_ttl_v4(MULTICAST_TTL)?;
                if let Some(interface) = self.interface {
                    socket2::SockRef::from(&socket).set_multicast_if_v4(&interface)?;
                }
            }
            socket.connect(target)
        };
        set_up().map_err(OutputError::io(format!("send to {target}")))?;
        self.socket = Some(socket);
        Ok(())
    }

    /// Sends one datagram.
    ///
    /// # Errors
    /// The system refuses for another reason than that nobody listens or that its buffer is full.
    pub fn send(&mut self, bytes: &[u8]) -> Result<Fate, OutputError> {
        let target = self.target;
        let Some(socket) = &self.socket else {
            return Err(OutputError::io(format!("send to {target}"))(ErrorKind::NotConnected.into()));
        };
        let first = socket.send(bytes);
        // The refusal of an earlier datagram is reported in place of sending this one: so it is sent again.
        let was_refused = matches!(&first, Err(error) if is_refusal(error.kind()));
        let result = if was_refused { socket.send(bytes) } else { first };
        match result {
            Ok(_) => {
                self.n_sent += 1;
                self.is_unheard = was_refused;
                Ok(if was_refused { Fate::Unheard } else { Fate::Sent })
            }
            Err(error) if is_refusal(error.kind()) => {
                self.is_unheard = true;
                Ok(Fate::Unheard)
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                self.n_dropped += 1;
                Ok(Fate::Dropped)
            }
            Err(error) => Err(OutputError::io(format!("send to {target}"))(error)),
        }
    }

    /// Asks whether the last datagrams found nobody; does not wait. Says so once for each such report.
    pub fn heard_nobody(&mut self) -> bool {
        let report = self.socket.as_ref().and_then(|socket| socket.take_error().ok().flatten());
        let is_refused = report.is_some_and(|error| is_refusal(error.kind()));
        self.is_unheard |= is_refused;
        is_refused
    }

    /// Closes the socket.
    pub fn close(&mut self) {
        self.socket = None;
    }

    /// One short line for people: `1234 sent`, `12 sent, nobody listens`.
    pub fn detail(&self) -> String {
        let mut line = format!("{} sent", self.n_sent);
        if self.n_dropped > 0 {
            line.push_str(&format!(", {} dropped", self.n_dropped));
        }
        if self.is_unheard {
            line.push_str(", nobody listens");
        }
        line
    }
}

/// Linux and macOS say the first, Windows the second.
fn is_refusal(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receiver() -> (UdpSocket, SocketAddr) {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let address = socket.local_addr().unwrap();
        (socket, address)
    }

    #[test]
    fn a_target_is_an_address_and_nothing_that_must_be_looked_up() {
        assert_eq!(parse_target("target", "127.0.0.1:7000", 1).unwrap().port(), 7000);
        assert_eq!(parse_target("target", "::1", 7).unwrap().to_string(), "[::1]:7");
        for bad in ["", "localhost:7000", "127.0.0.1:0", "127.0.0.1:70000", "7000"] {
            let error = parse_target("target", bad, 7000).unwrap_err().to_string();
            assert_eq!(error, format!("target: expected an IP address, or IP:port such as 127.0.0.1:7000, got {bad:?}"));
        }
    }

    #[test]
    fn datagrams_arrive_whole() {
        let (socket, address) = receiver();
        let mut way = Datagrams::new(address, None);
        way.open().unwrap();
        assert_eq!(way.send(b"abc").unwrap(), Fate::Sent);
        let mut bytes = [0; 16];
        assert_eq!(socket.recv(&mut bytes).unwrap(), 3);
        assert_eq!(way.detail(), "1 sent");
    }

    #[test]
    fn sending_before_opening_is_an_error_and_not_a_panic() {
        let mut way = Datagrams::new("127.0.0.1:9".parse().unwrap(), None);
        assert!(way.send(b"abc").unwrap_err().may_pass());
        assert!(!way.heard_nobody());
    }

    #[test]
    fn an_interface_that_is_not_there_is_named() {
        // 192.0.2.1 is of a block for documentation (RFC 5737): no machine has it.
        let mut way = Datagrams::new("239.0.0.1:11988".parse().unwrap(), Some(Ipv4Addr::new(192, 0, 2, 1)));
        let error = way.open().unwrap_err();
        assert!(error.to_string().starts_with("cannot use the interface 192.0.2.1: "), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_closed_port_is_said_and_a_receiver_that_comes_later_is_reached() {
        let (socket, address) = receiver();
        drop(socket);
        let mut way = Datagrams::new(address, None);
        way.open().unwrap();
        let mut is_heard = true;
        for _ in 0..200 {
            way.send(b"abc").unwrap();
            std::thread::sleep(Duration::from_millis(5));
            if way.heard_nobody() {
                is_heard = false;
                break;
            }
        }
        assert!(!is_heard && way.detail().ends_with(", nobody listens"), "{}", way.detail());
        let socket = UdpSocket::bind(address).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        assert_eq!(way.send(b"here").unwrap(), Fate::Sent);
        let mut bytes = [0; 16];
        assert_eq!(socket.recv(&mut bytes).unwrap(), 4);
        assert!(!way.detail().contains("nobody"), "{}", way.detail());
    }
}
