//! OSC, WLED, DDP and NDJSON to real receivers over loopback: sockets here, and the receivers of the docs as second processes.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail a test as tests do")]

mod ddp;
mod ndjson;
mod osc;
mod receiver;
mod wled;
