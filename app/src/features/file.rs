//! One file from first byte to last frame. Worker thread; holds all frames, 54 kB a second of audio.

use std::path::Path;

use runtime_core::analysis::feature_pipe::{FeaturePipe, TimedFeatures};
use runtime_core::analysis::front_end::FrontEnd;

use crate::decode::{AudioReader, DecodeError};
use crate::npz::{self, Array, Values};

/// What a network sees of one file.
pub(super) struct Features {
    /// `[n_frames, n_features]`.
    rows: Vec<f32>,
    /// The moment that each frame describes, seconds: `[n_frames]`.
    time_sec: Vec<f64>,
    n_features: usize,
    /// Rate of the file, Hz.
    sample_rate_hz: u32,
    /// Length of what was decoded, seconds.
    pub(super) duration_sec: f64,
    /// Why the file was not read to its end; the frames cover what comes before.
    pub(super) ended_by: Option<DecodeError>,
}

impl Features {
    pub(super) fn n_frames(&self) -> usize {
        self.time_sec.len()
    }

    /// The bytes of the `.npz`.
    pub(super) fn to_npz(&self, contract_hash: &str) -> Vec<u8> {
        let n_frames = self.n_frames();
        npz::to_bytes(&[
            Array { name: "features", shape: &[n_frames, self.n_features], values: Values::F32(&self.rows) },
            Array { name: "time_sec", shape: &[n_frames], values: Values::F64(&self.time_sec) },
            Array { name: "contract_hash", shape: &[], values: Values::Text(contract_hash) },
            Array { name: "sample_rate_hz", shape: &[], values: Values::I64(&[i64::from(self.sample_rate_hz)]) },
        ])
    }
}

/// Decodes a file to its end and collects its frames.
///
/// # Errors
/// [`DecodeError`]; a file that breaks off is no error here but [`Features::ended_by`].
pub(super) fn extract(path: &Path) -> Result<Features, DecodeError> {
    let mut reader = AudioReader::open(path)?;
    let sample_rate_hz = reader.info().sample_rate_hz;
    let mut pipe = FeaturePipe::new(f64::from(sample_rate_hz), FrontEnd::default());
    let (mut rows, mut time_sec) = (Vec::new(), Vec::new());
    let mut keep = |frame: TimedFeatures<'_>| {
        rows.extend_from_slice(frame.features);
        time_sec.push(frame.time.0);
    };
    let mut mono = Vec::new();
    let ended_by = loop {
        match reader.next_block(&mut mono) {
            Ok(Some(_)) => pipe.process(&mono, &mut keep),
            Ok(None) => break None,
            Err(error) if error.is_partial() => break Some(error),
            Err(error) => return Err(error),
        }
    };
    pipe.finish(&mut keep);
    let duration_sec = reader.decoded_sec();
    Ok(Features { rows, time_sec, n_features: pipe.n_features(), sample_rate_hz, duration_sec, ended_by })
}
