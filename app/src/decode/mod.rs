//! From bytes to mono samples: the first thing a command does with a file. Any thread; streamed, in bounded memory.
//!
//! ```text
//! bytes -> source (skip tags) -> container reader -> codec -> rt::downmix -> blocks of mono samples
//! ```
//! Containers and codecs are Symphonia's; what this module adds is times that are right (encoder delay, MP4 edit
//! lists, broken packets replaced by silence of their length), an error for each cause, and an honest end.

mod error;
mod mp4_edits;
mod packets;
mod raw;
mod reader;
mod source;

pub use error::{DecodeError, KNOWN_CODECS, KNOWN_CONTAINERS};
pub use reader::{AudioInfo, AudioReader, DecodeStats, SPAN_SEC};

use std::io::Cursor;

/// File name extensions, lower case, that a directory is searched for.
pub const EXTENSIONS: [&str; 17] =
    ["wav", "wave", "aif", "aiff", "aifc", "flac", "mp1", "mp2", "mp3", "ogg", "oga", "aac", "m4a", "mp4", "mka", "mkv", "webm"];

/// Decodes a file that is in memory, up to about `max_samples` per channel, and returns how many it decoded.
///
/// This is what the fuzz target calls: no input may make it panic, hang or take memory out of proportion.
///
/// # Errors
/// [`DecodeError`]; an error after some samples is an error too.
pub fn decode_bytes(bytes: Vec<u8>, max_samples: usize) -> Result<u64, DecodeError> {
    let mut reader = AudioReader::from_seekable(Cursor::new(bytes))?;
    let mut mono = Vec::new();
    while reader.stats().n_samples < max_samples as u64 && reader.next_block(&mut mono)?.is_some() {}
    Ok(reader.stats().n_samples)
}
