//! OSC, WLED, DDP, NDJSON and session files to real receivers: sockets here, and the receivers of the docs as second processes.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail a test as tests do")]

mod ddp;
mod inline;
mod ndjson;
mod osc;
mod receiver;
mod session;
mod wled;
