//! Sections and boundaries against annotations: what an anticipator said at every annotated beat. Any thread.
//!
//! A folder of pieces with `.sections` -> truth at each beat -> figures of the anticipator beside those of whoever has heard nothing
//! (the table of what is usual), heard something else (the sound of another piece), or was told the past (eight bars, what follows
//! what) -> table and JSON. This module knows nothing of models: it is handed what was said.

pub mod labels;
pub mod measure;
pub mod predictors;
pub mod report;
mod table;
pub mod truth;

pub use report::{Predictor, Said, ScoredPiece, StructureReport};
