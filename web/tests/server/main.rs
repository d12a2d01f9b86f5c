//! The server over real sockets on loopback, heard by another implementation of WebSocket.

#![allow(clippy::unwrap_used, reason = "a test that fails panics")]

mod door;
mod endings;
mod http;
mod output;
mod protocol;
mod receivers;
mod schema;
mod slow;
mod support;
