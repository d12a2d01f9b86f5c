//! Everything between a block of samples and a beat state; no host, no device, no network.
//!
//! ```text
//! host block -> rt::downmix -> analysis::engine:
//!    resample (-> 441 samples) -> features (272) -> activation (3) -> decoder (exact | particle) -> tracker
//!    -> FrameReport { BeatUpdate (stamped), SlowState (one consistent state) }
//! ```
//!
//! Folder = thread: `rt` runs on the audio thread (no heap, lock, system call or panic), `analysis` on the inference
//! thread, or inline when a host renders offline. Neither imports the other. Start reading at
//! [`analysis::engine::Engine::process_hop`].

pub mod analysis;
pub mod bus;
pub mod load;
pub mod rt;
pub mod state;
pub mod timeline;
pub mod units;
