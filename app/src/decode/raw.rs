//! Headerless mono 32-bit float samples, little-endian, as a program on the other end of a pipe writes them. Any thread.

use std::io::Read;

use super::error::DecodeError;
use super::reader::{BlockSource, DecodeStats};

/// Samples per block.
const BLOCK_SAMPLES: usize = 4096;
/// Bytes per sample.
const SAMPLE_BYTES: usize = size_of::<f32>();

/// Reads raw samples.
pub(super) struct RawReader<R> {
    inner: R,
    bytes: Vec<u8>,
    rate_hz: u32,
    n_read: u64,
}

impl<R: Read> RawReader<R> {
    /// A reader at the first sample.
    pub(super) fn new(inner: R, rate_hz: u32) -> Self {
        Self { inner, bytes: Vec::with_capacity(BLOCK_SAMPLES * SAMPLE_BYTES), rate_hz, n_read: 0 }
    }
}

impl<R: Read + Send> BlockSource for RawReader<R> {
    fn next_block(&mut self, mono: &mut Vec<f32>, stats: &mut DecodeStats) -> Result<bool, DecodeError> {
        mono.clear();
        self.bytes.clear();
        self.inner.by_ref().take((BLOCK_SAMPLES * SAMPLE_BYTES) as u64).read_to_end(&mut self.bytes)?;
        let (samples, rest) = self.bytes.as_chunks::<SAMPLE_BYTES>();
        for &bytes in samples {
            let sample = f32::from_le_bytes(bytes);
            stats.n_not_finite += u64::from(!sample.is_finite());
            mono.push(if sample.is_finite() { sample } else { 0.0 });
        }
        self.n_read += mono.len() as u64;
        match (mono.is_empty(), rest.is_empty()) {
            (false, _) => Ok(true),
            (true, true) if self.n_read == 0 => Err(DecodeError::Empty),
            (true, true) => Ok(false),
            // A partial sample at the very end: the writer was cut off.
            (true, false) => Err(DecodeError::EndedEarly { at_sec: self.n_read as f64 / f64::from(self.rate_hz), expected_sec: None }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(bytes: &[u8]) -> (Vec<f32>, DecodeStats, Result<(), DecodeError>) {
        let (mut reader, mut all, mut mono, mut stats) = (RawReader::new(bytes, 8_000), vec![], vec![], DecodeStats::default());
        loop {
            match reader.next_block(&mut mono, &mut stats) {
                Ok(true) => all.extend_from_slice(&mono),
                Ok(false) => return (all, stats, Ok(())),
                Err(error) => return (all, stats, Err(error)),
            }
        }
    }

    #[test]
    fn samples_come_through_and_what_is_not_finite_becomes_zero() {
        let bytes: Vec<u8> = [0.5f32, f32::NAN, -0.25].iter().flat_map(|s| s.to_le_bytes()).collect();
        let (samples, stats, end) = read_all(&bytes);
        assert_eq!((samples, stats.n_not_finite), (vec![0.5, 0.0, -0.25], 1));
        assert!(end.is_ok());
    }

    #[test]
    fn nothing_is_empty() {
        assert!(matches!(read_all(&[]).2, Err(DecodeError::Empty)));
    }

    #[test]
    fn long_input_comes_in_blocks() {
        let bytes = vec![0u8; SAMPLE_BYTES * (2 * BLOCK_SAMPLES + 1)];
        assert_eq!(read_all(&bytes).0.len(), 2 * BLOCK_SAMPLES + 1);
    }
}
