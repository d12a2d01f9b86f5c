//! INFERENCE THREAD (or inline offline): from mono samples to a timeline. Modules in pipe order.

pub mod activation;
pub mod beat_model;
pub mod config;
pub mod decoder;
pub mod engine;
pub mod front_end;
pub mod offline;
pub mod resample;
pub mod features;
pub mod filterbank;
pub mod kernels;
