//! What was played and tapped, as a file: for measuring again without devices, and for bug reports. Any thread.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::CalibrateError;

/// Version of the JSON layout.
const FORMAT_VERSION: u32 = 1;
/// A larger file is not ours, bytes.
const MAX_BYTES: u64 = 1024 * 1024;
/// More clicks than this are not ours.
const MAX_CLICKS: usize = 10_000;
/// Longest recording, seconds.
const MAX_SEC: f64 = 3_600.0;

/// What was played, in seconds from the start of the recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Played {
    /// Version of the layout: 1.
    pub format: u32,
    /// The moments of the clicks, ascending.
    pub clicks_sec: Vec<f64>,
    /// The moments of taps on the same axis; none where clicks were recorded.
    #[serde(default)]
    pub taps_sec: Vec<f64>,
}

impl Played {
    /// What was played, of this version.
    pub fn new(clicks_sec: Vec<f64>, taps_sec: Vec<f64>) -> Self {
        Self { format: FORMAT_VERSION, clicks_sec, taps_sec }
    }

    /// Reads it from bytes. Total: any bytes give what was played or a reason.
    ///
    /// # Errors
    /// It is no JSON of this layout, or its numbers cannot be.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let played: Self = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if played.format != FORMAT_VERSION {
            return Err(format!("expected format {FORMAT_VERSION}, got {}", played.format));
        }
        let (n_clicks, n_taps) = (played.clicks_sec.len(), played.taps_sec.len());
        if n_clicks == 0 || n_clicks > MAX_CLICKS || n_taps > MAX_CLICKS {
            return Err(format!("expected 1 to {MAX_CLICKS} clicks and no more taps than that, got {n_clicks} and {n_taps}"));
        }
        if let Some(bad) = played.clicks_sec.iter().chain(&played.taps_sec).find(|at_sec| !(-MAX_SEC..=MAX_SEC).contains(*at_sec)) {
            return Err(format!("expected moments within an hour, got {bad} s"));
        }
        match played.clicks_sec.windows(2).find(|pair| pair[1] <= pair[0]) {
            Some(pair) => Err(format!("expected clicks one after another, got {} s after {} s", pair[1], pair[0])),
            None => Ok(played),
        }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, or is no such file.
    pub fn load(path: &Path) -> Result<Self, CalibrateError> {
        let bad = |reason: String| CalibrateError::Played { path: path.to_owned(), reason };
        let size = std::fs::metadata(path).map_err(|error| bad(error.to_string()))?.len();
        if size > MAX_BYTES {
            return Err(bad(format!("expected at most {MAX_BYTES} bytes, got {size}")));
        }
        let bytes = std::fs::read(path).map_err(|error| bad(error.to_string()))?;
        Self::parse(&bytes).map_err(bad)
    }

    /// Writes a file.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn save(&self, path: &Path) -> std::io::Result<()> {
        let mut text = serde_json::to_string_pretty(self).expect("numbers are JSON");
        text.push('\n');
        std::fs::write(path, text)
    }
}

/// The bytes of a WAV file: mono, 32-bit floats (RIFF, Microsoft's WAVE format tag 3).
pub fn wav_bytes(samples: &[f32], rate_hz: u32) -> Vec<u8> {
    let n_bytes = u32::try_from(4 * samples.len()).unwrap_or(u32::MAX);
    let mut bytes = Vec::with_capacity(44 + 4 * samples.len());
    bytes.extend_from_slice(b"RIFF");
    bytes.extend_from_slice(&n_bytes.saturating_add(36).to_le_bytes());
    bytes.extend_from_slice(b"WAVEfmt ");
    bytes.extend_from_slice(&16_u32.to_le_bytes());
    bytes.extend_from_slice(&3_u16.to_le_bytes());
    bytes.extend_from_slice(&1_u16.to_le_bytes());
    bytes.extend_from_slice(&rate_hz.to_le_bytes());
    bytes.extend_from_slice(&rate_hz.saturating_mul(4).to_le_bytes());
    bytes.extend_from_slice(&4_u16.to_le_bytes());
    bytes.extend_from_slice(&32_u16.to_le_bytes());
    bytes.extend_from_slice(b"data");
    bytes.extend_from_slice(&n_bytes.to_le_bytes());
    for sample in samples {
        bytes.extend_from_slice(&sample.to_le_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_played_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("played.json");
        let played = Played::new(vec![1.0, 1.75], vec![1.2]);
        played.save(&path).unwrap();
        assert_eq!(Played::load(&path).unwrap(), played);
        let missing = Played::load(&folder.path().join("none.json")).unwrap_err().to_string();
        assert!(missing.contains("none.json"), "{missing}");
    }

    #[test]
    fn what_cannot_be_is_refused_with_the_reason() {
        let cases = [
            ("", "EOF"),
            ("{\"format\":2,\"clicks_sec\":[1]}", "expected format 1, got 2"),
            ("{\"format\":1,\"clicks_sec\":[]}", "got 0"),
            ("{\"format\":1,\"clicks_sec\":[2,1]}", "got 1 s after 2 s"),
            ("{\"format\":1,\"clicks_sec\":[1e99]}", "within an hour"),
            ("{\"format\":1,\"clicks_sec\":[1],\"x\":0}", "unknown field"),
        ];
        for (text, reason) in cases {
            let error = Played::parse(text.as_bytes()).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn a_wav_file_is_what_another_reader_reads() {
        let bytes = wav_bytes(&[0.0, 0.5, -1.0], 44_100);
        let mut reader = hound::WavReader::new(bytes.as_slice()).unwrap();
        let spec = reader.spec();
        assert_eq!((spec.channels, spec.sample_rate, spec.bits_per_sample), (1, 44_100, 32));
        assert_eq!(reader.samples::<f32>().map(Result::unwrap).collect::<Vec<_>>(), [0.0, 0.5, -1.0]);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let _ = Played::parse(&bytes);
        }
    }
}
