//! AUDIO THREAD. No heap, no lock, no system call, no clock, no panic: `clippy.toml` lists what is denied here.
//!
//! Nothing in this folder imports `analysis`, and nothing there imports this; `cargo xtask test` checks it.

#![deny(clippy::disallowed_types, clippy::disallowed_methods, clippy::disallowed_macros)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

pub mod downmix;
