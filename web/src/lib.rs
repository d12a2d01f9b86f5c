//! The app's HTTP and WebSocket server: events ahead of time for browsers and scripts, on threads of its own.
//!
//! ```text
//! runner thread -> WebOutput -> WebHandle::publish_* -> Hub: one text a message, shared
//!                                                        |- events: a bounded ring, in order; who falls behind is told
//!                                                        |- state: the newest alone
//!                                                        |- log: the last events and the newest view, for the API
//! server threads: accept -> HTTP (limits, time-outs) -> guard (host, origin, token) -> pages, view | /ws -> one task a client
//! ```
//!
//! Publishing never waits for a client. What a client can make the server hold is bounded: its share of the ring is the
//! ring's, its own is one message on the way and the system's socket buffer.

mod access;
mod client;
mod clock;
mod config;
mod guard;
mod hub;
mod listener;
mod log;
pub mod message;
mod output;
mod pages;
pub mod request;
mod server;
mod stall;
mod view;

pub use clock::Clock;
pub use config::{ConfigError, WebConfig};
pub use guard::{Progress, api_error};
pub use log::{Log, MAX_EVENTS, Page};
pub use output::WebOutput;
pub use request::{Request, RequestError, parse_request};
pub use server::{Limits, WebError, WebHandle, WebServer};
