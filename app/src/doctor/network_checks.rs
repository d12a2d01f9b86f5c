//! The checks of `doctor` that concern the network: interfaces for multicast, our own port, receivers on this machine. Main thread.
//!
//! Nothing is sent but a connection to our own machine, which is closed at once.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use if_addrs::{IfAddr, Interface, get_if_addrs};

use super::Check;

/// Where WLED's audio sync goes (wled/WLED `usermods/audioreactive/audio_reactive.cpp`).
const WLED_GROUP: Ipv4Addr = Ipv4Addr::new(239, 0, 0, 1);
/// Where services are looked for: mDNS (RFC 6762 section 3).
const MDNS_GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
/// Where our page is served.
const WEB_PORT: u16 = 7770;
/// How long a connection within the machine may take.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(300);

/// Who listens where, in the programs' own default settings.
const RECEIVERS: [(&str, Transport, u16); 4] = [
    ("Resolume (OSC)", Transport::Udp, 7_000),
    ("AbletonOSC", Transport::Udp, 11_000),
    ("OS2L, e.g. QLC+", Transport::Tcp, 9_996),
    ("Carabiner (Ableton Link)", Transport::Tcp, 17_000),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transport {
    Tcp,
    Udp,
}

/// All of them.
pub(super) fn all() -> Vec<Check> {
    let interfaces = get_if_addrs().unwrap_or_default();
    vec![multicast(&ipv4_of(&interfaces), joins), web_port(WEB_PORT), receivers(&RECEIVERS)]
}

/// The interfaces that reach other machines, with their IPv4 addresses: WLED and our mDNS use no other.
fn ipv4_of(interfaces: &[Interface]) -> Vec<(String, Ipv4Addr)> {
    let of = |interface: &Interface| match &interface.addr {
        IfAddr::V4(addr) if !interface.is_loopback() => Some((interface.name.clone(), addr.ip)),
        _ => None,
    };
    interfaces.iter().filter_map(of).collect()
}

/// Whether an interface takes part in both groups.
fn joins(address: Ipv4Addr) -> Result<(), String> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).map_err(|error| error.to_string())?;
    [WLED_GROUP, MDNS_GROUP].iter().try_for_each(|group| socket.join_multicast_v4(group, &address)).map_err(|error| error.to_string())
}

fn multicast(interfaces: &[(String, Ipv4Addr)], joins: impl Fn(Ipv4Addr) -> Result<(), String>) -> Check {
    const NAME: &str = "multicast";
    const FIX: &str = "connect to a network with IPv4, and let this program through the firewall (UDP 11988 out, UDP 5353 both ways); or name \
                       receivers by address: `wled 10.0.0.7`, `os2l host:port`";
    let (mut able, mut unable) = (Vec::new(), Vec::new());
    for (name, address) in interfaces {
        match joins(*address) {
            Ok(()) => able.push(format!("{name} {address}")),
            Err(error) => unable.push(format!("{name} {address} not: {error}")),
        }
    }
    let detail = [able.clone(), unable].concat().join(", ");
    match able.len() {
        0 if interfaces.is_empty() => Check::advice(NAME, "no network but this machine itself: WLED and DNS-SD reach nobody", FIX),
        0 => Check::advice(NAME, detail, FIX),
        1 => Check::ok(NAME, detail),
        _ => Check::ok(NAME, format!("{detail}; the system sends to one of them: the one with the default route")),
    }
}

fn web_port(port: u16) -> Check {
    let name = "web port";
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Ok(_) => Check::ok(name, format!("TCP {port} is free")),
        Err(error) if error.kind() == ErrorKind::AddrInUse => Check::advice(
            name,
            format!("TCP {port} is taken, by another `anacrusis` or another program"),
            format!("end it (`ss -ltnp sport = :{port}`, on macOS `lsof -i :{port}`, on Windows `netstat -ano`), or choose another port"),
        ),
        Err(error) => Check::problem(
            name,
            format!("TCP {port} cannot be used: {error}"),
            "let this program listen on its own machine (firewall, sandbox), or choose another port",
        ),
    }
}

fn receivers(all: &[(&str, Transport, u16)]) -> Check {
    const NAME: &str = "receivers";
    let named = |is_there: bool| {
        let of = all.iter().filter(|(_, transport, port)| is_taken(*transport, *port) == is_there);
        of.map(|(name, _, port)| format!("{name} {port}")).collect::<Vec<_>>().join(", ")
    };
    match (named(true), named(false)) {
        (there, absent) if there.is_empty() => Check::note(NAME, format!("none on the usual ports of this machine: {absent}")),
        (there, absent) if absent.is_empty() => Check::ok(NAME, there),
        (there, absent) => Check::ok(NAME, format!("{there}; not seen: {absent}")),
    }
}

/// Whether a program on this machine has the port.
fn is_taken(transport: Transport, port: u16) -> bool {
    let here = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port));
    match transport {
        Transport::Tcp => TcpStream::connect_timeout(&here, CONNECT_TIMEOUT).is_ok(),
        // There is nothing to connect to in UDP: a port that cannot be had is somebody's.
        Transport::Udp => UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)).is_err_and(|error| error.kind() == ErrorKind::AddrInUse),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Status;
    use super::*;

    const LAN: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 4);

    #[test]
    fn interfaces_are_told_apart_by_what_they_can_do() {
        let two = [("eth0".to_owned(), LAN), ("tun0".to_owned(), Ipv4Addr::new(10, 8, 0, 2))];
        let check = multicast(&two, |address| if address == LAN { Ok(()) } else { Err("no such device".into()) });
        assert_eq!((check.status, check.detail.as_str()), (Status::Ok, "eth0 192.168.1.4, tun0 10.8.0.2 not: no such device"));
        let none_able = multicast(&two, |_| Err("no".into()));
        assert!(none_able.status == Status::Note && none_able.fix.is_some() && none_able.detail.contains("tun0"));
        assert!(multicast(&[], |_| Ok(())).fix.is_some_and(|fix| fix.contains("firewall")));
        assert!(multicast(&two, |_| Ok(())).detail.contains("default route"));
    }

    #[test]
    fn a_port_that_is_taken_is_noticed_and_comes_with_a_way_out() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let check = web_port(port);
        assert!(check.status == Status::Note && check.detail.contains("taken"), "{check:?}");
        assert!(check.fix.unwrap().contains(&port.to_string()));
        drop(taken);
        assert_eq!(web_port(port).status, Status::Ok);
    }

    #[test]
    fn receivers_are_found_by_the_ports_that_they_have() {
        let (tcp, udp) = (TcpListener::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("0.0.0.0:0").unwrap());
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (tcp_port, udp_port) = (tcp.local_addr().unwrap().port(), udp.local_addr().unwrap().port());
        let all = [("lights", Transport::Tcp, tcp_port), ("video", Transport::Udp, udp_port), ("nobody", Transport::Tcp, free)];
        let check = receivers(&all);
        assert_eq!(check.detail, format!("lights {tcp_port}, video {udp_port}; not seen: nobody {free}"));
        assert_eq!(receivers(&all[2..]).status, Status::Note);
        assert_eq!(receivers(&all[..2]).detail, format!("lights {tcp_port}, video {udp_port}"));
    }
}
