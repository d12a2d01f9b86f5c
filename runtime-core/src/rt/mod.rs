//! AUDIO THREAD. No heap, no lock, no system call, no clock, no panic: `clippy.toml` lists what is denied here.
//!
//! Nothing in this folder imports `analysis`, and nothing there imports this; `cargo xtask test` checks it.

// Not in tests, which run on no audio thread. `cargo xtask test` proves that each of these lints bites.
#![cfg_attr(not(test), deny(clippy::disallowed_types, clippy::disallowed_methods, clippy::disallowed_macros))]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing))]

pub mod beats;
pub mod downmix;
pub mod follower;
pub mod midi_clock;
pub mod slew;
pub mod tap;
