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
//! [`analysis::engine::Engine::process`].
//!
//! # In a program of your own
//!
//! An [`Engine`](analysis::engine::Engine) takes blocks of mono samples of any length, at any rate from 8 to 384 kHz, and calls back for each
//! frame of 20 ms with a [`FrameReport`](analysis::engine::FrameReport). A beat is said once, 60 to 80 ms before it falls, and never taken
//! back.
//!
//! ```
//! use runtime_core::analysis::{beat_model::BeatModel, config::EngineConfig, engine::Engine};
//! use runtime_core::rt::downmix::downmix_interleaved;
//!
//! # fn main() -> Result<(), runtime_core::analysis::config::ConfigError> {
//! const RATE_HZ: f64 = 48_000.0;
//! // Stands for what a sound card brings: ten seconds of stereo, a short tone each half second.
//! let tone = |t_sec: f64| (0.8 * (-40.0 * t_sec).exp() * (2_000.0 * std::f64::consts::TAU * t_sec).sin()) as f32;
//! let stereo: Vec<f32> = (0..480_000).flat_map(|n| [tone(f64::from(n % 24_000) / RATE_HZ); 2]).collect();
//!
//! let mut engine = Engine::new(&EngineConfig::new(RATE_HZ), BeatModel::load_default())?;
//! let (mut mono, mut beats_sec) = (vec![0.0; 512], Vec::new());
//! for block in stereo.chunks(2 * 512) {
//!     mono.resize(block.len() / 2, 0.0);
//!     downmix_interleaved(block, 2, &mut mono);
//!     engine.process(&mono, |report| {
//!         let Some(beat) = report.update.and_then(|update| update.event) else { return };
//!         let said_sec = report.samples_received.to_stream_sec(RATE_HZ).0;
//!         println!("beat at {:.3} s, said at {said_sec:.3} s: {} of {}", beat.t_sec, beat.beat_in_bar, beat.beats_per_bar);
//!         beats_sec.push(beat.t_sec);
//!     });
//! }
//! assert!(beats_sec.len() > 10 && beats_sec.windows(2).all(|pair| (pair[1] - pair[0] - 0.5).abs() < 0.05));
//! # Ok(())
//! # }
//! ```
//!
//! `report.state` is everything else: tempo, phase, lock and its reason, sections. [`Engine::hint`](analysis::engine::Engine::hint) takes what
//! a user says. [`BeatModel::load_default`](analysis::beat_model::BeatModel::load_default) runs the network that was embedded from `models/`
//! when the crate was built, [`BeatModel::flux`](analysis::beat_model::BeatModel::flux) needs none; nothing is fetched and no file is read. An
//! engine allocates when it is made and not in [`Engine::process`](analysis::engine::Engine::process), but a hop takes longer than an audio
//! callback may: beside one, use [`rt::tap`] and [`analysis::worker`], as `app/src/instance.rs` does.

pub mod analysis;
pub mod bus;
pub mod load;
pub mod rt;
pub mod state;
pub mod timeline;
pub mod units;
