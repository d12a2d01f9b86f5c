//! The server over real sockets on loopback, heard by another implementation of WebSocket.

mod door;
mod endings;
mod http;
mod output;
mod page;
mod protocol;
mod receivers;
mod schema;
mod slow;
mod support;
