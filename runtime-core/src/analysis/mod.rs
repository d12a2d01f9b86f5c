//! INFERENCE THREAD (or inline offline): from mono samples to a timeline. Modules in pipe order.

pub mod activation;
pub mod beat_model;
pub mod beatnet_space;
pub mod clock_map;
pub mod config;
pub mod crnn;
pub mod decoder;
pub mod embedded;
pub mod engine;
pub mod exact;
pub mod features;
pub mod filterbank;
pub mod flux;
pub mod front_end;
pub mod hints;
pub mod joint_space;
pub mod kernels;
pub mod lock;
pub mod model_file;
pub mod offline;
#[cfg(feature = "ort")]
pub mod ort_model;
pub mod particles;
pub mod pipe;
pub mod profile;
pub mod pulse;
pub mod resample;
pub mod rng;
pub mod running;
pub mod tempo_fit;
pub mod tracker;
pub mod viterbi;
mod weight_store;
pub mod worker;
