//! The server as one of the outputs: started when it is opened, told of events and frames, stopped when it is closed.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use outputs::event::{Event, Moment};
use outputs::output::{Output, OutputError};
use outputs::view::View;

use crate::clock::Clock;
use crate::config::WebConfig;
use crate::log::Log;
use crate::server::{Limits, WebError, WebHandle, WebServer};

/// The output.
#[derive(Debug)]
pub struct WebOutput {
    config: WebConfig,
    router: Router,
    clock: Clock,
    log: Option<Arc<Log>>,
    server: Option<WebHandle>,
}

impl WebOutput {
    /// An output that serves what every server does.
    pub fn new(config: WebConfig) -> Self {
        Self { config, router: Router::new(), clock: Clock::new(), log: None, server: None }
    }

    /// An output with further routes, see [`WebServer::start_with`], and what they read.
    pub fn with_router(config: WebConfig, router: Router, log: Arc<Log>) -> Self {
        Self { config, router, clock: Clock::new(), log: Some(log), server: None }
    }

    /// The server, while it is open.
    pub fn server(&self) -> Option<&WebHandle> {
        self.server.as_ref()
    }

    fn is_open(&self, now: Moment) -> Result<&WebHandle, OutputError> {
        self.clock.observe(now);
        let running = self.server.as_ref().filter(|server| server.is_running());
        running.ok_or_else(|| OutputError::Protocol(format!("the server on {} has stopped", self.config.listen)))
    }
}

impl Output for WebOutput {
    fn name(&self) -> String {
        match &self.server {
            Some(server) => format!("web {}", server.address()),
            None => format!("web {}", self.config.listen),
        }
    }

    fn open(&mut self) -> Result<(), OutputError> {
        // The port is the old server's until that is gone.
        self.server = None;
        let (config, router, log) = (self.config.clone(), self.router.clone(), self.log.clone());
        let started = WebServer::start_logged(config, router, Limits::default(), self.clock.clone(), log);
        self.server = Some(started.map_err(|error| match error {
            WebError::Config(error) => OutputError::Unusable(error.to_string()),
            // Its own words name the address and what to do.
            WebError::Listen { .. } | WebError::Threads(_) => OutputError::Protocol(error.to_string()),
        })?);
        Ok(())
    }

    /// Browsers and scripts are told the moment and wait for it themselves.
    fn lead(&self) -> Duration {
        Duration::try_from_secs_f64(self.config.lead_ms * 1e-3).unwrap_or_default()
    }

    fn frame_interval(&self) -> Option<Duration> {
        Duration::try_from_secs_f64(1.0 / self.config.state_hz).ok()
    }

    fn event(&mut self, event: &Event, now: Moment) -> Result<(), OutputError> {
        self.is_open(now)?.publish_event(event);
        Ok(())
    }

    fn frame(&mut self, view: &View) -> Result<(), OutputError> {
        if let Some(server) = &self.server {
            server.publish_state(view);
        }
        Ok(())
    }

    fn poll(&mut self, now: Moment) -> Result<(), OutputError> {
        self.is_open(now).map(|_| ())
    }

    fn close(&mut self) {
        self.server = None;
    }

    fn detail(&self) -> String {
        match self.server.as_ref().map(WebHandle::clients) {
            None => String::new(),
            Some(1) => "1 client".to_owned(),
            Some(n) => format!("{n} clients"),
        }
    }
}
