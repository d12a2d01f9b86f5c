//! How the server is set up, and what is refused: an open door without a key above all.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::access::{normal_origin, split_host};

/// Where the server listens unless told otherwise.
const DEFAULT_LISTEN: &str = "127.0.0.1:7770";
/// Most clients that can be asked for.
const MAX_CLIENTS: usize = 10_000;
/// Fastest state messages, Hz.
pub(crate) const MAX_STATE_HZ: f64 = 1_000.0;
/// Longest time that events are sent ahead, ms.
const MAX_LEAD_MS: f64 = 5_000.0;
/// Shortest and longest token, characters.
const TOKEN_CHARS: std::ops::RangeInclusive<usize> = 8..=256;

/// How the server is set up.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WebConfig {
    /// Address and port: `127.0.0.1:7770`, `[::1]:7770`, `localhost:7770`, `:7770` (this machine alone), `0.0.0.0:7770` (every
    /// interface; needs a token). Port 0: any free one.
    pub listen: String,
    /// What clients must show, as `Authorization: Bearer TOKEN` or `?token=TOKEN`; `None` = nothing, on loopback alone.
    pub token: Option<String>,
    /// Origins of pages from elsewhere that may connect: `http://localhost:8000`; `null` for pages opened as files.
    pub allowed_origins: Vec<String>,
    /// Names under which the server may be reached, beside loopback's and its address: `studio.local`.
    pub allowed_hosts: Vec<String>,
    /// Most WebSocket clients at a time.
    pub max_clients: usize,
    /// State messages a second, Hz.
    pub state_hz: f64,
    /// How long before its moment an event is sent, ms.
    pub lead_ms: f64,
}

impl Default for WebConfig {
    fn default() -> Self {
        Self {
            listen: DEFAULT_LISTEN.to_owned(),
            token: None,
            allowed_origins: Vec::new(),
            allowed_hosts: Vec::new(),
            max_clients: 256,
            state_hz: 50.0,
            lead_ms: 500.0,
        }
    }
}

/// By hand, so that the token reaches no log.
impl std::fmt::Debug for WebConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebConfig")
            .field("listen", &self.listen)
            .field("token", &self.token.as_ref().map(|_| "..."))
            .field("allowed_origins", &self.allowed_origins)
            .field("allowed_hosts", &self.allowed_hosts)
            .field("max_clients", &self.max_clients)
            .field("state_hz", &self.state_hz)
            .field("lead_ms", &self.lead_ms)
            .finish()
    }
}

impl WebConfig {
    /// Checks the values.
    ///
    /// # Errors
    /// The first value that cannot be used, by name.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let address = self.address()?;
        let bad = |name, value: &str, expected| Err(ConfigError::Value { name, value: value.to_owned(), expected });
        if let Some(token) = &self.token
            && !(TOKEN_CHARS.contains(&token.len()) && token.bytes().all(|b| b.is_ascii_graphic()))
        {
            return bad("token", "one that is not", "8 to 256 visible ASCII characters without spaces");
        }
        if self.token.is_none() && !is_loopback(address.ip()) {
            return Err(ConfigError::OpenWithoutToken { listen: self.listen.clone() });
        }
        if let Some(origin) = self.allowed_origins.iter().find(|origin| normal_origin(origin).is_none()) {
            return bad("allowed_origins", origin, "origins like http://localhost:8000 or null, without a path or wildcards");
        }
        if let Some(host) = self.allowed_hosts.iter().find(|host| split_host(host).is_none_or(|(_, port)| port.is_some())) {
            return bad("allowed_hosts", host, "host names without a port, like studio.local");
        }
        if !(1..=MAX_CLIENTS).contains(&self.max_clients) {
            return bad("max_clients", &self.max_clients.to_string(), "1 to 10000");
        }
        // Written so that NaN fails.
        if !(1.0..=MAX_STATE_HZ).contains(&self.state_hz) {
            return bad("state_hz", &self.state_hz.to_string(), "1 to 1000");
        }
        if !(0.0..=MAX_LEAD_MS).contains(&self.lead_ms) {
            return bad("lead_ms", &self.lead_ms.to_string(), "0 to 5000");
        }
        Ok(())
    }

    /// The address to listen on.
    ///
    /// # Errors
    /// [`WebConfig::listen`] is none.
    pub fn address(&self) -> Result<SocketAddr, ConfigError> {
        let local = |port: &str| port.parse().ok().map(|port| SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port));
        let listen = self.listen.as_str();
        let parsed = match listen.strip_prefix("localhost:").or_else(|| listen.strip_prefix(':')) {
            Some(port) => local(port),
            None => listen.parse().ok(),
        };
        parsed.ok_or_else(|| ConfigError::Value {
            name: "listen",
            value: self.listen.clone(),
            expected: "an address and port like 127.0.0.1:7770, [::1]:7770, localhost:7770 or :7770",
        })
    }
}

/// Whether only this machine reaches the address.
pub(crate) fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// A value of [`WebConfig`] that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// One value by itself.
    #[error("{name}: expected {expected}, got {value}")]
    Value {
        /// The field.
        name: &'static str,
        /// What was given.
        value: String,
        /// What can be.
        expected: &'static str,
    },
    /// Others would reach the server without a key.
    #[error("listen: {listen} is open to other machines, which needs a token; set one, or listen on 127.0.0.1")]
    OpenWithoutToken {
        /// Where it would listen.
        listen: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listening(listen: &str) -> WebConfig {
        WebConfig { listen: listen.to_owned(), ..WebConfig::default() }
    }

    #[test]
    fn loopback_needs_no_token_and_everything_else_does() {
        for listen in ["127.0.0.1:7770", "127.1.2.3:1", "[::1]:7770", "[::ffff:127.0.0.1]:7770", "localhost:7770", ":7770"] {
            assert_eq!(listening(listen).validate(), Ok(()), "{listen}");
        }
        for listen in ["0.0.0.0:7770", "[::]:7770", "192.168.1.5:7770", "[::ffff:10.0.0.1]:7770"] {
            let error = listening(listen).validate().unwrap_err();
            assert!(error.to_string().contains("needs a token") && error.to_string().contains(listen), "{error}");
            let keyed = WebConfig { token: Some("correct-horse".to_owned()), ..listening(listen) };
            assert_eq!(keyed.validate(), Ok(()), "{listen}");
        }
    }

    #[test]
    fn a_value_that_cannot_be_is_named() {
        let cases = [
            ("listen", listening("7770")),
            ("listen", listening("studio.local:7770")),
            ("listen", listening("127.0.0.1:99999")),
            ("token", WebConfig { token: Some("short".to_owned()), ..WebConfig::default() }),
            ("token", WebConfig { token: Some("with a space".to_owned()), ..WebConfig::default() }),
            ("allowed_origins", WebConfig { allowed_origins: vec!["*".to_owned()], ..WebConfig::default() }),
            ("allowed_origins", WebConfig { allowed_origins: vec!["http://a/b".to_owned()], ..WebConfig::default() }),
            ("allowed_hosts", WebConfig { allowed_hosts: vec!["studio.local:80".to_owned()], ..WebConfig::default() }),
            ("max_clients", WebConfig { max_clients: 0, ..WebConfig::default() }),
            ("state_hz", WebConfig { state_hz: f64::NAN, ..WebConfig::default() }),
            ("state_hz", WebConfig { state_hz: 0.5, ..WebConfig::default() }),
            ("lead_ms", WebConfig { lead_ms: -1.0, ..WebConfig::default() }),
        ];
        for (name, config) in cases {
            let error = config.validate().unwrap_err();
            assert!(error.to_string().starts_with(&format!("{name}: expected ")), "{config:?}: {error}");
        }
    }

    #[test]
    fn the_token_is_in_no_message() {
        let config = WebConfig { token: Some("correct horse".to_owned()), ..WebConfig::default() };
        assert!(!format!("{config:?} {}", config.validate().unwrap_err()).contains("horse"));
    }

    #[test]
    fn unknown_fields_are_refused_and_missing_ones_are_the_default() {
        assert_eq!(serde_json::from_str::<WebConfig>("{}").unwrap(), WebConfig::default());
        assert!(serde_json::from_str::<WebConfig>(r#"{"lisen":"x"}"#).unwrap_err().to_string().contains("lisen"));
    }
}
