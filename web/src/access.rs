//! Who may connect: the checks of host, origin and token of one request, as pure functions. Server threads.
//!
//! Any page that a browser has open can reach a server on this machine. Two things keep strangers' pages out: the `Origin`
//! that browsers send says whose page it is, and the `Host` says by which name the server was found, so that a name that was
//! pointed at 127.0.0.1 afterwards (DNS rebinding) does not pass for ours.

use std::net::IpAddr;

use crate::config::{WebConfig, is_loopback};

/// The rules of one server.
#[derive(Debug)]
pub(crate) struct Access {
    token: Option<String>,
    /// Normal form.
    origins: Vec<String>,
    /// Lower case, without port.
    hosts: Vec<String>,
    /// Whether any numeric address is a good host: nobody can point those elsewhere.
    any_address: bool,
}

/// What a request says about itself.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Credentials<'a> {
    /// `Host`, or the authority of the request's address.
    pub host: Option<&'a str>,
    /// `Origin`; browsers send it with everything that matters.
    pub origin: Option<&'a str>,
    /// From `Authorization: Bearer` or `?token=`.
    pub token: Option<&'a str>,
}

/// Why a request is turned away.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("the host {0:?} is not one of this server's names; add it to allowed_hosts if it is")]
    Host(String),
    #[error("pages of the origin {0:?} may not connect; add it to allowed_origins if they should")]
    Origin(String),
    #[error("a token is needed: `Authorization: Bearer TOKEN` or `?token=TOKEN`")]
    NoToken,
    #[error("the token is not the right one")]
    Token,
}

impl Access {
    /// The rules that follow from a configuration.
    pub(crate) fn new(config: &WebConfig, address: IpAddr) -> Self {
        let origins: Vec<String> = config.allowed_origins.iter().filter_map(|origin| normal_origin(origin)).collect();
        // A page that may connect gains nothing by a name of its own.
        let of_origins = origins.iter().filter_map(|origin| split_host(origin.split_once("://")?.1).map(|(host, _)| host));
        let listed = config.allowed_hosts.iter().filter_map(|host| split_host(host).map(|(host, _)| host));
        let hosts = of_origins.chain(listed).collect();
        Self { token: config.token.clone(), origins, hosts, any_address: !is_loopback(address) }
    }

    /// Whether the name by which the server was found is one of its own, and the page one that may connect.
    pub(crate) fn check_source(&self, given: Credentials<'_>) -> Result<(), Refusal> {
        let host = given.host.unwrap_or_default();
        let known = split_host(host).filter(|(name, _)| self.knows_host(name));
        let Some((name, port)) = known else { return Err(Refusal::Host(shown(host))) };
        match given.origin {
            Some(origin) if !self.allows_origin(origin) && !is_same_origin(origin, &name, port) => Err(Refusal::Origin(shown(origin))),
            _ => Ok(()),
        }
    }

    /// Whether the token is the right one, where one is needed.
    pub(crate) fn check_token(&self, given: Credentials<'_>) -> Result<(), Refusal> {
        match (&self.token, given.token) {
            (None, _) => Ok(()),
            (Some(_), None) => Err(Refusal::NoToken),
            (Some(expected), Some(token)) if is_same_secret(token.as_bytes(), expected.as_bytes()) => Ok(()),
            (Some(_), Some(_)) => Err(Refusal::Token),
        }
    }

    /// Whether the origin is on the list.
    pub(crate) fn allows_origin(&self, origin: &str) -> bool {
        normal_origin(origin).is_some_and(|origin| self.origins.contains(&origin))
    }

    fn knows_host(&self, name: &str) -> bool {
        let is_good_address = name.parse::<IpAddr>().is_ok_and(|address| self.any_address || is_loopback(address));
        is_good_address || name == "localhost" || name.ends_with(".localhost") || self.hosts.iter().any(|host| host == name)
    }
}

/// Host in lower case without brackets or final dot, and port: `[::1]:80` is `::1` and 80. `None` if it is no host.
pub(crate) fn split_host(text: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']')?;
            address.parse::<std::net::Ipv6Addr>().ok()?;
            (address, if port.is_empty() { None } else { Some(port.strip_prefix(':')?) })
        }
        None => {
            let (host, port) = text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
            let host = host.strip_suffix('.').unwrap_or(host);
            let is_name = !host.is_empty() && host.len() <= 253 && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
            if !is_name {
                return None;
            }
            (host, port)
        }
    };
    let port = match port {
        Some(port) if port.bytes().all(|b| b.is_ascii_digit()) => Some(port.parse().ok()?),
        Some(_) => return None,
        None => None,
    };
    Some((host.to_ascii_lowercase(), port))
}

/// An origin in the one form to compare: lower case, without the scheme's usual port. `None` if it is no origin.
pub(crate) fn normal_origin(origin: &str) -> Option<String> {
    if origin == "null" {
        return Some(origin.to_owned());
    }
    let (scheme, host, port) = split_origin(origin)?;
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    Some(match port.filter(|port| Some(*port) != usual_port(&scheme)) {
        Some(port) => format!("{scheme}://{host}:{port}"),
        None => format!("{scheme}://{host}"),
    })
}

fn split_origin(origin: &str) -> Option<(String, String, Option<u16>)> {
    let (scheme, rest) = origin.split_once("://")?;
    let is_scheme = !scheme.is_empty() && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    let (host, port) = split_host(rest)?;
    is_scheme.then(|| (scheme.to_ascii_lowercase(), host, port))
}

fn usual_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

/// Whether a page's origin is the server itself, found by the same name and port.
fn is_same_origin(origin: &str, host: &str, port: Option<u16>) -> bool {
    split_origin(origin).is_some_and(|(scheme, origin_host, origin_port)| {
        let usual = usual_port(&scheme);
        usual.is_some() && origin_host == host && origin_port.or(usual) == port.or(usual)
    })
}

/// Compares in a time that depends on the length of what was given alone, so that it tells nothing about the secret.
fn is_same_secret(given: &[u8], expected: &[u8]) -> bool {
    let mut difference = usize::from(given.len() != expected.len());
    for (index, &byte) in given.iter().enumerate() {
        let other = expected[index % expected.len().max(1)..].first().copied().unwrap_or(0);
        difference |= usize::from(std::hint::black_box(byte ^ other));
    }
    std::hint::black_box(difference) == 0
}

/// The start of what a stranger sent, for a message.
fn shown(text: &str) -> String {
    text.chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn access(config: WebConfig) -> Access {
        let address = config.address().unwrap().ip();
        Access::new(&config, address)
    }

    fn source(access: &Access, host: &str, origin: Option<&str>) -> Result<(), Refusal> {
        access.check_source(Credentials { host: Some(host), origin, token: None })
    }

    #[test]
    fn on_loopback_only_loopback_names_are_hosts() {
        let access = access(WebConfig::default());
        for host in ["127.0.0.1:7770", "localhost", "LOCALHOST:7770", "localhost.:7770", "[::1]:7770", "127.9.9.9:1", "a.localhost:3"] {
            assert_eq!(source(&access, host, None), Ok(()), "{host}");
        }
        for host in [
            "",
            "evil.example:7770",
            "127.0.0.1.evil.example",
            "192.168.1.5:7770",
            "localhost:x",
            "[::2]:1",
            "::1",
            "a b",
            "evil@localhost",
        ] {
            assert_eq!(source(&access, host, None), Err(Refusal::Host(host.to_owned())), "{host}");
        }
        assert_eq!(access.check_source(Credentials::default()), Err(Refusal::Host(String::new())));
    }

    #[test]
    fn beyond_loopback_addresses_and_listed_names_are_hosts() {
        let config = WebConfig { listen: "0.0.0.0:7770".into(), allowed_hosts: vec!["Studio.local".into()], ..WebConfig::default() };
        let access = access(config);
        assert_eq!(source(&access, "192.168.1.5:7770", None), Ok(()));
        assert_eq!(source(&access, "studio.LOCAL:7770", None), Ok(()));
        assert!(source(&access, "evil.example:7770", None).is_err());
    }

    #[test]
    fn a_page_may_connect_if_it_is_ours_or_listed() {
        let config =
            WebConfig { allowed_origins: vec!["http://Localhost:8000".into(), "https://vj.example:443".into()], ..WebConfig::default() };
        let access = access(config);
        let good = [
            ("127.0.0.1:7770", "http://127.0.0.1:7770"),
            ("[::1]:7770", "http://[::1]:7770"),
            ("localhost", "http://localhost:80"),
            ("127.0.0.1:7770", "http://localhost:8000"),
            ("127.0.0.1:7770", "https://vj.example"),
            // Behind a proxy of that name.
            ("vj.example", "https://vj.example"),
        ];
        for (host, origin) in good {
            assert_eq!(source(&access, host, Some(origin)), Ok(()), "{origin}");
        }
        let bad = [
            "http://localhost:7770",
            "http://127.0.0.1:7771",
            "http://evil.example",
            "null",
            "",
            "127.0.0.1:7770",
            "file://127.0.0.1:7770",
        ];
        for origin in bad {
            assert_eq!(source(&access, "127.0.0.1:7770", Some(origin)), Err(Refusal::Origin(origin.to_owned())), "{origin}");
        }
    }

    #[test]
    fn the_token_must_be_exact() {
        let access = access(WebConfig { token: Some("correct-horse".into()), ..WebConfig::default() });
        let check = |token| access.check_token(Credentials { token, ..Credentials::default() });
        assert_eq!(check(Some("correct-horse")), Ok(()));
        assert_eq!(check(None), Err(Refusal::NoToken));
        for wrong in ["", "correct-hors", "correct-horsecorrect-horse", "Correct-horse", "correct-horse "] {
            assert_eq!(check(Some(wrong)), Err(Refusal::Token), "{wrong}");
        }
    }

    #[test]
    fn secrets_of_no_length_are_no_accident() {
        assert!(is_same_secret(b"", b""));
        assert!(!is_same_secret(b"x", b"") && !is_same_secret(b"", b"x"));
    }

    proptest! {
        #[test]
        fn any_text_is_a_host_or_none(text in ".*", origin in ".*") {
            let rules = access(WebConfig::default());
            let passed = source(&rules, &text, Some(&origin)).is_ok();
            // Strangers' text passes in one case: a loopback name with itself as its origin.
            prop_assert!(!passed || split_host(&text).is_some());
            let _ = normal_origin(&origin);
        }

        #[test]
        fn secrets_are_equal_when_their_bytes_are(a in proptest::collection::vec(0u8..3, 0..6), b in proptest::collection::vec(0u8..3, 0..6)) {
            prop_assert_eq!(is_same_secret(&a, &b), a == b);
        }
    }
}
