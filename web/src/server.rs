//! The server's life: start, publish, stop. The handle is the runner's; the server has threads of its own.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use outputs::event::{Event, Moment};
use outputs::view::View;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};

use crate::access::Access;
use crate::clock::Clock;
use crate::config::{ConfigError, WebConfig};
use crate::guard::{Gate, guard};
use crate::hub::Hub;
use crate::listener::{listen, serve};
use crate::log::Log;
use crate::pages::{Pages, routes};

/// Threads that serve. Two, so that one long answer holds up no beat.
const N_THREADS: usize = 2;
/// Connections beside those of WebSocket clients.
const N_HTTP_CONNECTIONS: usize = 64;
/// Longest body of a request, bytes, where a route does not say otherwise.
const MAX_BODY_BYTES: usize = 65_536;
/// How much longer a stop waits than for clients to take their leave.
const STOP_MARGIN: Duration = Duration::from_millis(150);

/// What clients may cost. The defaults are meant for everybody; tests use shorter ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Events that a client may be behind before it is told that it missed some; rounded up to a power of two.
    pub event_queue: usize,
    /// How long a client may take nothing of what is sent before it is cut off.
    pub send_stall: Duration,
    /// Time between pings.
    pub ping: Duration,
    /// After so long without a word, an answer to a ping included, a client is gone.
    pub silence: Duration,
    /// How long the head of a request may take, and how long a connection may wait for the next one.
    pub header_timeout: Duration,
    /// How long an answer may take.
    pub request_timeout: Duration,
    /// How long a client has to answer a goodbye.
    pub goodbye: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            event_queue: 256,
            send_stall: Duration::from_secs(10),
            ping: Duration::from_secs(10),
            silence: Duration::from_secs(35),
            header_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(10),
            goodbye: Duration::from_millis(300),
        }
    }
}

/// The server, before it runs.
#[derive(Debug)]
pub struct WebServer;

impl WebServer {
    /// Starts to serve.
    ///
    /// # Errors
    /// The configuration cannot be used, or the address not be listened on.
    ///
    /// ```
    /// use web::{WebConfig, WebServer};
    ///
    /// let server = WebServer::start(WebConfig { listen: "127.0.0.1:0".to_owned(), ..WebConfig::default() })?;
    /// assert!(server.address().ip().is_loopback() && server.clients() == 0);
    /// # Ok::<(), web::WebError>(())
    /// ```
    pub fn start(config: WebConfig) -> Result<WebHandle, WebError> {
        Self::start_with(config, Router::new())
    }

    /// Starts to serve, with further routes. Where one of them is also one of the server's, `/` for example, it goes before it;
    /// all are behind the same checks of host, origin and token, and have the same headers and limits.
    ///
    /// # Errors
    /// As [`WebServer::start`].
    pub fn start_with(config: WebConfig, router: Router) -> Result<WebHandle, WebError> {
        Self::start_limited(config, router, Limits::default(), Clock::new())
    }

    /// Starts to serve, with other limits and a clock that others share.
    ///
    /// # Errors
    /// As [`WebServer::start`].
    pub fn start_limited(config: WebConfig, router: Router, limits: Limits, clock: Clock) -> Result<WebHandle, WebError> {
        Self::start_logged(config, router, limits, clock, None)
    }

    /// Starts to serve; what is published is kept in `log`, where there is one.
    ///
    /// # Errors
    /// As [`WebServer::start`].
    pub fn start_logged(
        config: WebConfig,
        router: Router,
        limits: Limits,
        clock: Clock,
        log: Option<Arc<Log>>,
    ) -> Result<WebHandle, WebError> {
        config.validate()?;
        let address = config.address()?;
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let builder = builder.worker_threads(N_THREADS).thread_name("anacrusis-web").enable_io().enable_time();
        let runtime = builder.build().map_err(WebError::Threads)?;
        let listener = {
            let _within = runtime.enter();
            listen(address).map_err(|source| WebError::Listen { address, source })?
        };
        let address = listener.local_addr().map_err(|source| WebError::Listen { address, source })?;

        let max_connections = config.max_clients + N_HTTP_CONNECTIONS;
        let gate = Arc::new(Gate { access: Access::new(&config, address.ip()), request_timeout: limits.request_timeout });
        let hub = Arc::new(Hub::new(config, clock, log, limits.event_queue.max(1)));
        let (stop, stop_told) = watch::channel(false);
        let (alive, all_gone) = mpsc::channel(1);
        let own = routes(Pages { hub: Arc::clone(&hub), limits, stop: stop_told.clone(), alive: alive.downgrade() });
        let router = router.fallback_service(own).layer(DefaultBodyLimit::max(MAX_BODY_BYTES)).layer(from_fn_with_state(gate, guard));
        let accepting = runtime.spawn(serve(listener, router, limits, max_connections, stop_told, alive));
        let patience = limits.goodbye + STOP_MARGIN;
        Ok(WebHandle { address, hub, stop, patience, all_gone: Some(all_gone), accepting, runtime: Some(runtime) })
    }
}

/// A running server. Dropped, it stops.
#[derive(Debug)]
pub struct WebHandle {
    address: SocketAddr,
    hub: Arc<Hub>,
    stop: watch::Sender<bool>,
    /// The longest that a stop takes.
    patience: Duration,
    all_gone: Option<mpsc::Receiver<()>>,
    accepting: tokio::task::JoinHandle<()>,
    runtime: Option<Runtime>,
}

impl WebHandle {
    /// Where it listens; the port is the real one.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sends an event to every client that wants its kind. Never waits.
    pub fn publish_event(&self, event: &Event) {
        self.hub.publish_event(event);
    }

    /// Replaces the state that clients are sent. Never waits.
    pub fn publish_state(&self, view: &View) {
        self.hub.publish_state(view);
    }

    /// Says what time it is on the run's clocks; every 20 ms or so.
    pub fn observe_time(&self, now: Moment) {
        self.hub.clock.observe(now);
    }

    /// WebSocket clients now.
    pub fn clients(&self) -> usize {
        self.hub.clients()
    }

    /// Bytes of messages that are held, for all clients together.
    pub fn held_bytes(&self) -> usize {
        self.hub.held_bytes()
    }

    /// Which start of the server this is; clients see it in their greeting.
    pub fn session(&self) -> &str {
        &self.hub.session
    }

    /// Whether it still takes in clients.
    pub fn is_running(&self) -> bool {
        !self.accepting.is_finished()
    }

    /// Stops: no more clients, and those that are there are told. Returns within half a second with the
    /// default limits. May be called from anywhere,
    /// also twice.
    pub fn stop(&mut self) {
        let (Some(runtime), Some(mut all_gone)) = (self.runtime.take(), self.all_gone.take()) else { return };
        let _ = self.stop.send(true);
        let (over, wait) = std::sync::mpsc::channel();
        runtime.spawn(async move {
            // Nothing is ever sent: this ends when the last sender is dropped.
            let _ = all_gone.recv().await;
            let _ = over.send(());
        });
        let _ = wait.recv_timeout(self.patience);
        // Not `shutdown_timeout`: that must not be called by a server thread, and a route may hold this handle.
        runtime.shutdown_background();
    }
}

impl Drop for WebHandle {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// A value that cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {}", reason(.source, *.address))]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The system gives no threads.
    #[error("cannot start the server's threads: {0}")]
    Threads(io::Error),
}

impl WebError {
    /// Whether it makes sense to try again.
    pub fn may_pass(&self) -> bool {
        !matches!(self, Self::Config(_))
    }
}

fn reason(source: &io::Error, address: SocketAddr) -> String {
    match source.kind() {
        io::ErrorKind::AddrInUse => format!("port {} is in use by another program; end that one or choose another port", address.port()),
        io::ErrorKind::AddrNotAvailable => format!("{} is no address of this machine", address.ip()),
        io::ErrorKind::PermissionDenied => format!("port {} is not for ordinary users; choose one above 1023", address.port()),
        _ => source.to_string(),
    }
}
