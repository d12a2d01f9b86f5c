//! The analysis of files as jobs: taken in by the server, worked on below everything else in priority, kept across restarts.
//!
//! ```text
//! routes -> upload (piece by piece into a file) or roots (a file that may be named)
//!        -> queue -> store: records in an embedded database, sound and results as files beside it
//!             |-> work, on threads of its own: decode, engine, every format -> feed -> stream (Server-Sent Events)
//! ```
//! docs/adr/0016-api-and-jobs.md says why it is so.

pub mod config;
pub mod error;
pub mod feed;
pub mod queue;
pub mod record;
pub mod roots;
pub mod routes;
pub mod store;
mod stream;
mod upload;
pub mod work;
