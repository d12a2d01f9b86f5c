//! Finding OS2L servers: DNS-SD for `_os2l._tcp`, in the background. The search has a thread of its own (`mdns-sd`); everything
//! here only asks what it has found and never waits.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};

use mdns_sd::{IfKind, Receiver, ResolvedService, ScopedIp, ServiceDaemon, ServiceEvent, TryRecvError};

/// What servers announce themselves as.
pub const SERVICE_TYPE: &str = "_os2l._tcp.local.";

/// The most events that one look takes.
const MAX_EVENTS: usize = 256;
/// The most servers that are remembered; a network of more is not a lighting network.
const MAX_SERVERS: usize = 64;

/// Where servers are searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reach {
    /// On every network of this machine.
    #[default]
    Network,
    /// On this machine alone, over IPv4 and a port that nobody else uses; for tests.
    ThisMachine {
        /// UDP port in place of 5353.
        port: u16,
    },
}

impl Reach {
    /// A daemon that reaches so far.
    ///
    /// # Errors
    /// The system gives it no thread or socket.
    pub fn daemon(self) -> mdns_sd::Result<ServiceDaemon> {
        match self {
            Self::Network => ServiceDaemon::new(),
            Self::ThisMachine { port } => {
                let daemon = ServiceDaemon::new_with_port(port)?;
                daemon.disable_interface(IfKind::All)?;
                daemon.enable_interface(IfKind::LoopbackV4)?;
                Ok(daemon)
            }
        }
    }
}

/// A search that goes on until it is dropped.
pub(super) struct Discovery {
    daemon: ServiceDaemon,
    events: Receiver<ServiceEvent>,
    /// Addresses by full name, in the order of their names.
    servers: BTreeMap<String, Vec<SocketAddr>>,
    has_ended: bool,
}

impl Discovery {
    /// Starts to search.
    pub(super) fn start(reach: Reach) -> mdns_sd::Result<Self> {
        let daemon = reach.daemon()?;
        let events = daemon.browse(SERVICE_TYPE)?;
        Ok(Self { daemon, events, servers: BTreeMap::new(), has_ended: false })
    }

    /// Takes in what was found since the last look.
    pub(super) fn look(&mut self) {
        for _ in 0..MAX_EVENTS {
            match self.events.try_recv() {
                Ok(ServiceEvent::ServiceResolved(service)) => self.add(&service),
                Ok(ServiceEvent::ServiceRemoved(_, name)) => {
                    self.servers.remove(&name);
                }
                Ok(_) => {}
                Err(TryRecvError::Empty) => return,
                Err(TryRecvError::Disconnected) => {
                    self.has_ended = true;
                    return;
                }
            }
        }
    }

    /// Whether the search itself has ended, and another must be started.
    pub(super) fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Names and addresses of the servers that are announced now.
    pub(super) fn servers(&self) -> impl ExactSizeIterator<Item = (&str, &[SocketAddr])> {
        self.servers.iter().map(|(name, addresses)| (instance(name), &addresses[..]))
    }

    fn add(&mut self, service: &ResolvedService) {
        let mut addresses: Vec<SocketAddr> = service.addresses.iter().map(|address| socket_address(address, service.port)).collect();
        addresses.sort_by_key(|address| (Reverse(likelihood(address.ip())), *address));
        let has_room = self.servers.len() < MAX_SERVERS || self.servers.contains_key(&service.fullname);
        if has_room && !addresses.is_empty() && service.port != 0 {
            self.servers.insert(service.fullname.clone(), addresses);
        }
    }
}

impl Drop for Discovery {
    fn drop(&mut self) {
        // A daemon that is gone already has nothing to shut down.
        let _ = self.daemon.shutdown();
    }
}

/// The part of a full name that people gave: `QLC+` of `QLC+._os2l._tcp.local.`.
fn instance(fullname: &str) -> &str {
    fullname.strip_suffix(SERVICE_TYPE).and_then(|name| name.strip_suffix('.')).unwrap_or(fullname)
}

fn socket_address(address: &ScopedIp, port: u16) -> SocketAddr {
    match address {
        // An address of one link is nothing without the link.
        ScopedIp::V6(v6) if v6.addr().is_unicast_link_local() => SocketAddrV6::new(*v6.addr(), port, 0, v6.scope_id().index).into(),
        other => SocketAddr::new(other.to_ip_addr(), port),
    }
}

/// How likely an address is to answer: many servers listen on IPv4 alone.
fn likelihood(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(v4) if !v4.is_link_local() => 3,
        IpAddr::V6(v6) if !v6.is_unicast_link_local() => 2,
        IpAddr::V4(_) => 1,
        IpAddr::V6(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_shown_without_its_type() {
        assert_eq!(instance("QLC+ desk._os2l._tcp.local."), "QLC+ desk");
        assert_eq!(instance("odd"), "odd");
    }

    #[test]
    fn addresses_that_many_servers_listen_on_come_first() {
        let mut addresses: Vec<IpAddr> =
            ["fe80::1", "169.254.1.1", "fd00::1", "192.168.1.2"].iter().map(|text| text.parse().unwrap()).collect();
        addresses.sort_by_key(|&address| Reverse(likelihood(address)));
        let shown: Vec<_> = addresses.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["192.168.1.2", "fd00::1", "169.254.1.1", "fe80::1"]);
    }
}
