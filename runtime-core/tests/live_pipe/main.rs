//! The live pipe end to end in one thread: tap, worker and follower on a metronome that is known to the sample.
//!
//! The analysis runs on the spectral flux, which every build has.

mod blocks;
mod breaks;
mod hints;
mod hints_stick;
mod rig;
mod settings;

use rig::Clicks;

/// 115.4 BPM.
const MUSIC: Clicks = Clicks { first_sec: 0.31, spb: 0.52 };
/// How far from its click a settled beat may be played, seconds: one frame.
const TOLERANCE_SEC: f64 = 0.020;
