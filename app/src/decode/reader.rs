//! One audio stream, whatever it comes from: what it is, and its next block of mono samples. Any thread.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use model_contracts::v1;
use runtime_core::analysis::activation::MAX_BATCH_FRAMES;
use runtime_core::units::FRAME_SEC;

use super::error::DecodeError;
use super::packets::PacketReader;
use super::raw::RawReader;
use super::source::OpenSource;

/// What a stream is.
#[derive(Debug, Clone, PartialEq)]
pub struct AudioInfo {
    /// Samples per second and channel, Hz; within the contract's range.
    pub sample_rate_hz: u32,
    /// Channels that are mixed down.
    pub n_channels: usize,
    /// Length according to the container, seconds, where it states one.
    pub duration_sec: Option<f64>,
    /// Short name of the container, e.g. `wave`.
    pub container: String,
    /// Short name of the codec, e.g. `mp3`.
    pub codec: String,
}

/// What came out so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DecodeStats {
    /// Mono samples handed over.
    pub n_samples: u64,
    /// Samples (of any channel) that were not finite and count as 0.
    pub n_not_finite: u64,
    /// Packets that the codec refused; silence of their length stands in their place.
    pub n_bad_packets: u64,
}

/// Produces blocks of mono samples.
pub(super) trait BlockSource: Send {
    /// Replaces `mono` by the next block; false at the end. Does not count samples.
    fn next_block(&mut self, mono: &mut Vec<f32>, stats: &mut DecodeStats) -> Result<bool, DecodeError>;
}

/// What analyses take at once, seconds: four times what the network sees together, so that little is left over.
pub const SPAN_SEC: f64 = 4.0 * MAX_BATCH_FRAMES as f64 * FRAME_SEC;

/// An open audio stream.
pub struct AudioReader {
    info: AudioInfo,
    stats: DecodeStats,
    blocks: Box<dyn BlockSource>,
    position: Arc<AtomicU64>,
    n_bytes: Option<u64>,
    /// One block of a span.
    block: Vec<f32>,
    /// What ended a span that had samples; told by the next one.
    error: Option<DecodeError>,
}

impl AudioReader {
    /// Opens a file.
    ///
    /// # Errors
    /// [`DecodeError`] for everything that keeps its first sample from being decoded.
    pub fn open(path: &Path) -> Result<Self, DecodeError> {
        let file = File::open(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => DecodeError::NotFound,
            // Windows refuses to open a directory.
            _ if path.is_dir() => DecodeError::IsDirectory,
            _ => DecodeError::Io(error),
        })?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(DecodeError::IsDirectory);
        }
        if metadata.is_file() { Self::from_seekable(file) } else { Self::from_stream(file) }
    }

    /// Opens a source that can be sought in.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn from_seekable<R: Read + Seek + Send + Sync + 'static>(source: R) -> Result<Self, DecodeError> {
        Self::from_source(OpenSource::seekable(source)?)
    }

    /// Opens a source that can only be read forward, such as a pipe. An MP4 file with its index at the end needs
    /// [`Self::from_seekable`].
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn from_stream<R: Read + Send + Sync + 'static>(source: R) -> Result<Self, DecodeError> {
        Self::from_source(OpenSource::stream(source)?)
    }

    /// Opens headerless mono 32-bit float samples, little-endian.
    ///
    /// # Errors
    /// [`DecodeError::SampleRate`].
    pub fn from_raw_f32<R: Read + Send + 'static>(source: R, sample_rate_hz: u32) -> Result<Self, DecodeError> {
        check_rate(sample_rate_hz)?;
        let info = AudioInfo { sample_rate_hz, n_channels: 1, duration_sec: None, container: "raw".to_owned(), codec: "f32le".to_owned() };
        let blocks = Box::new(RawReader::new(source, sample_rate_hz));
        Ok(Self::new(info, DecodeStats::default(), blocks, Arc::default(), None))
    }

    fn from_source(source: OpenSource) -> Result<Self, DecodeError> {
        let (position, n_bytes) = (source.position.clone(), source.n_bytes);
        let mut stats = DecodeStats::default();
        let (packets, info) = PacketReader::open(source, &mut stats)?;
        Ok(Self::new(info, stats, Box::new(packets), position, n_bytes))
    }

    fn new(info: AudioInfo, stats: DecodeStats, blocks: Box<dyn BlockSource>, position: Arc<AtomicU64>, n_bytes: Option<u64>) -> Self {
        Self { info, stats, blocks, position, n_bytes, block: Vec::new(), error: None }
    }

    /// Replaces `mono` by the next block and returns its length, or `None` at the end.
    ///
    /// # Errors
    /// [`DecodeError`]; [`DecodeError::is_partial`] says whether the blocks before it are good.
    pub fn next_block(&mut self, mono: &mut Vec<f32>) -> Result<Option<usize>, DecodeError> {
        self.next_span(mono, 0.0)
    }

    /// Replaces `mono` by as many blocks as make `least_sec` seconds, one at least and fewer at the end, and returns its length, or
    /// `None` at the end. For what is the better the more it gets at once.
    ///
    /// # Errors
    /// As [`Self::next_block`], once the blocks before it were handed over.
    pub fn next_span(&mut self, mono: &mut Vec<f32>, least_sec: f64) -> Result<Option<usize>, DecodeError> {
        mono.clear();
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        let least_samples = (least_sec * f64::from(self.info.sample_rate_hz)) as usize;
        let mut has_block = false;
        while !has_block || mono.len() < least_samples {
            self.block.clear();
            match self.blocks.next_block(&mut self.block, &mut self.stats) {
                Ok(true) => {
                    mono.extend_from_slice(&self.block);
                    has_block = true;
                }
                Ok(false) => break,
                Err(error) if has_block => {
                    self.error = Some(error);
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        self.stats.n_samples += mono.len() as u64;
        Ok(has_block.then_some(mono.len()))
    }

    /// What the stream is.
    pub fn info(&self) -> &AudioInfo {
        &self.info
    }

    /// What came out so far.
    pub fn stats(&self) -> DecodeStats {
        self.stats
    }

    /// Time of the samples handed over so far, seconds.
    pub fn decoded_sec(&self) -> f64 {
        self.stats.n_samples as f64 / f64::from(self.info.sample_rate_hz)
    }

    /// Bytes read so far, for a progress bar.
    pub fn bytes_read(&self) -> u64 {
        self.position.load(Ordering::Relaxed).min(self.n_bytes.unwrap_or(u64::MAX))
    }
}

/// Refuses a rate outside the contract's range.
pub(super) fn check_rate(rate_hz: u32) -> Result<(), DecodeError> {
    let range = v1::audio::HOST_RATE_MIN_HZ..=v1::audio::HOST_RATE_MAX_HZ;
    if range.contains(&rate_hz) { Ok(()) } else { Err(DecodeError::SampleRate { rate_hz }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE_HZ: u32 = 8_000;

    /// `n_samples` that count up, then a failure or the end.
    fn reader(n_samples: usize, fails: bool) -> AudioReader {
        struct Failing;
        impl Read for Failing {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("unplugged"))
            }
        }
        let bytes: Vec<u8> = (0..n_samples).flat_map(|n| (n as f32).to_le_bytes()).collect();
        let samples = io::Cursor::new(bytes);
        let reader =
            if fails { AudioReader::from_raw_f32(samples.chain(Failing), RATE_HZ) } else { AudioReader::from_raw_f32(samples, RATE_HZ) };
        reader.unwrap()
    }

    #[test]
    fn spans_are_the_blocks_together() {
        for least_sec in [0.0, 0.1, 1.0, 100.0] {
            let (mut reader, mut mono, mut all, mut lengths) = (reader(30_000, false), Vec::new(), Vec::new(), Vec::new());
            while let Some(length) = reader.next_span(&mut mono, least_sec).unwrap() {
                assert_eq!(length, mono.len());
                lengths.push(length);
                all.extend_from_slice(&mono);
            }
            assert!(all.iter().enumerate().all(|(n, &sample)| sample == n as f32) && all.len() == 30_000);
            assert_eq!(reader.stats().n_samples, 30_000);
            let least_samples = (least_sec * f64::from(RATE_HZ)) as usize;
            assert!(lengths[..lengths.len() - 1].iter().all(|&length| length >= least_samples), "{lengths:?}");
        }
    }

    #[test]
    fn what_came_before_an_error_comes_first() {
        let (mut reader, mut mono) = (reader(3 * 4_096, true), Vec::new());
        assert_eq!(reader.next_span(&mut mono, 100.0).unwrap(), Some(3 * 4_096));
        assert!(reader.next_span(&mut mono, 100.0).unwrap_err().to_string().contains("unplugged"));
        assert!(mono.is_empty());
    }
}
