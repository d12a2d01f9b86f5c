//! The contract: every number that Rust, Python and JavaScript share, from one file, `v1.json`.
//!
//! `v1.json` is the source of truth; [`v1`] holds the constants that `cargo xtask codegen` writes from it, and a
//! stale copy fails the tests. A model carries the [hash](Contract::scope_hash) of the part of the contract that it
//! depends on together with that part itself, so that a mismatch is refused with the first differing field named.
//!
//! Versions follow semver: **major** = label order, horizons, tensor name, shape, type, feature order, rate or
//! meaning (a loader refuses another major); **minor** = an added optional output, field or form, outside of what models
//! hash, so that older models keep their hash (a loader refuses what it does not know by its name); **patch** = new weights
//! under the same shapes.
//!
//! Used at start-up and by tools; nothing here runs on the audio thread.

mod canonical;
mod compare;
mod error;
mod rules;
mod schema;
mod specs;
mod steps;
pub mod v1;

pub use canonical::canonical_json;
pub use compare::{Difference, first_difference};
pub use error::ContractError;
pub use schema::{Contract, ModelKind};
pub use specs::{AudioSpec, BeatModelSpec, ClockSpec, FrontEndSpec, LogFilterbankSpec, StateSpec, TensorSpec};
pub use steps::{AnticipatorSpec, NamedSpec, PooledSpec, StepSpec};

/// The text of the contract that this build was made with.
pub const V1_JSON: &str = include_str!("../v1.json");
