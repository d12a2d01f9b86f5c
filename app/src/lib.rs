//! Command line of Anacrusis: analyse files, score a corpus, measure cost, check the machine.
//!
//! ```text
//! cli -> analyze: decode (bytes -> mono samples) -> analyzer (runtime-core) -> document -> formats (bytes)
//!     -> eval: the same over a corpus, scored
//!     -> features: what the networks see of a file, for training
//!     -> controls: what the fast controller makes of a file, for training
//!     -> bench: what a hop costs, and what live instances cost
//!     -> doctor: what this machine and this build can do, and how a running instance fares
//!     -> calibrate: how late an output is, by clicks
//!     -> port: which MIDI port the clock goes to on this machine
//! audio_device: sound in and out, for the commands that listen
//! ```
//! stdout is data, stderr is for people; exit codes are in [`exit`]. Start reading at [`analyze::run`].

pub mod activations;
pub mod analyze;
pub mod analyzer;
pub mod anticipator;
pub mod api;
pub mod audio_device;
pub mod bench;
pub mod bridge;
pub mod calibrate;
pub mod cli;
pub mod completions;
pub mod config;
pub mod controls;
pub mod decode;
pub mod detail;
pub mod doctor;
pub mod document;
pub mod engine_args;
pub mod eval;
pub mod eval_command;
mod eval_output;
pub mod exit;
pub mod features;
pub mod formats;
pub mod hint_script;
mod html;
pub mod instance;
pub mod live;
#[cfg(test)]
mod manual_tests;
pub mod model;
pub mod npz;
pub mod oracle;
mod parallel;
pub mod port;
pub mod replay;
pub mod saved_beats;
pub mod serve;
pub mod structure_eval;
pub mod upstream;
