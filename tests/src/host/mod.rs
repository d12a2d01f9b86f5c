//! Test hosts: the real bundles loaded and played as a music program does, CLAP and VST3 behind one trait. Tests only.
//!
//! ```text
//! audio -> player (block sizes, transport, pace) -> TestHost -> the plugin's library -> audio and events with their sample
//! ```
//! Both hosts call the plugin from one thread, which is the main thread and the audio thread in turn, as offline renderers do.

pub mod audio;
pub mod checks;
pub mod clap;
pub mod expected;
pub mod picture;
pub mod player;
pub mod saved_state;
pub mod stored_picture;
pub mod vst3;
pub mod window;

use std::path::{Path, PathBuf};

use crate::say;

/// Parameter ids of the outputs, as the plugin's crate lists them.
pub const OUTPUT_IDS: [&str; 10] = [
    "out_tempo",
    "out_conf",
    "out_locked",
    "out_beat_in_bar",
    "out_beats_per_bar",
    "out_pulse",
    "out_section",
    "out_hazard",
    "out_hints",
    "out_reason",
];

/// Whether a host plays or renders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The analysis runs on a thread of its own and must be waited for: [`player::Player::paced`].
    Realtime,
    /// The analysis runs inside `process`: as fast as it can, and nothing is ever late.
    Offline,
}

/// How a plugin is activated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Setup {
    /// Sample rate.
    pub rate_hz: f64,
    /// Longest block that will come.
    pub max_block_samples: usize,
    /// Whether the host plays or renders.
    pub mode: Mode,
}

/// The host's transport at the first sample of a block.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Transport {
    /// Running.
    pub is_playing: bool,
    /// Position in the song, samples.
    pub position_samples: i64,
    /// Tempo, BPM.
    pub tempo_bpm: f64,
    /// Beats (quarter notes) per bar; bars begin at multiples of it.
    pub beats_per_bar: u16,
}

impl Transport {
    /// Position in the song, beats (quarter notes).
    pub fn beat(&self, rate_hz: f64) -> f64 {
        self.position_samples as f64 / rate_hz * self.tempo_bpm / 60.0
    }
}

/// What a plugin says about one of its parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// The number by which hosts know it.
    pub id: u32,
    /// The name that the user sees.
    pub name: String,
    /// The host may not write it.
    pub is_read_only: bool,
    /// The host may automate it.
    pub is_automatable: bool,
    /// It is the bypass.
    pub is_bypass: bool,
    /// In [0, 1].
    pub default_normalized: f64,
}

/// What a plugin put out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Said {
    /// A note begins; as a note event or as MIDI.
    NoteOn {
        /// From 0.
        channel: u8,
        /// MIDI note number.
        key: u8,
    },
    /// A note ends.
    NoteOff {
        /// From 0.
        channel: u8,
        /// MIDI note number.
        key: u8,
    },
    /// Any other MIDI message, padded with zeros.
    Midi([u8; 3]),
    /// A parameter changed by itself.
    Value {
        /// The number by which hosts know it.
        id: u32,
        /// In [0, 1].
        normalized: f64,
        /// Flagged as played by a user at this moment: an output must not be.
        is_live: bool,
    },
    /// The user took hold of a parameter in the plugin's window, or let go of it.
    Gesture {
        /// The number by which hosts know it.
        id: u32,
        /// Took hold.
        begins: bool,
    },
    /// An event that no plugin of ours should put out.
    Unexpected,
}

impl Said {
    /// A MIDI message of a plugin.
    pub fn of_midi(bytes: [u8; 3]) -> Self {
        let channel = bytes[0] & 0x0F;
        match (bytes[0] & 0xF0, bytes[2]) {
            (0x80, _) | (0x90, 0) => Self::NoteOff { channel, key: bytes[1] },
            (0x90, _) => Self::NoteOn { channel, key: bytes[1] },
            _ => Self::Midi(bytes),
        }
    }
}

/// Something said, at an offset in its block or at a position in the stream, samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Timed<T> {
    /// When, samples.
    pub at: T,
    /// What.
    pub said: Said,
}

/// One instance of the plugin in a host.
pub trait TestHost {
    /// All parameters, in the plugin's order.
    fn parameters(&mut self) -> Vec<Parameter>;

    /// Value of a parameter, in [0, 1].
    fn value(&mut self, id: u32) -> f64;

    /// Sets a parameter at the first sample of the next block; at once where the plugin is not active.
    fn set(&mut self, id: u32, normalized: f64);

    /// Latency that the plugin reports, samples.
    fn latency_samples(&mut self) -> u32;

    /// Makes the plugin ready to process. It must not be active.
    fn activate(&mut self, setup: &Setup);

    /// Ends processing.
    fn deactivate(&mut self);

    /// Processes a block of two channels of one length; what the plugin says is appended to `events`, with its offset.
    fn process(&mut self, input: [&[f32]; 2], transport: Option<&Transport>, output: &mut [Vec<f32>; 2], events: &mut Vec<Timed<u32>>);

    /// The saved state.
    fn save(&mut self) -> Vec<u8>;

    /// Loads a state; whether the plugin took it.
    fn load(&mut self, state: &[u8]) -> bool;
}

/// A fresh instance of the plugin.
pub type MakeHost = fn() -> Option<Box<dyn TestHost>>;

/// The bundle of a name in `target/bundled`, or `None`, said aloud.
pub fn bundle(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(xtask::bundle::FOLDER).join(name);
    if path.exists() {
        return Some(path);
    }
    say(format_args!("SKIPPED: there is no {name} in {}: run `cargo xtask bundle`", xtask::bundle::FOLDER));
    None
}

/// The number under which hosts know the parameter of an `#[id]`: nice-plug's hash, h * 31 + byte without the top bit.
pub fn param_id(id: &str) -> u32 {
    id.bytes().fold(0u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(u32::from(byte))) & 0x7FFF_FFFF
}
