//! INFERENCE THREAD (or inline offline): from mono samples to a timeline. Modules in pipe order.

pub mod activation;
pub mod decoder;
