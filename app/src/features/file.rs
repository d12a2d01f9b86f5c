//! One file from first byte to last frame. Worker thread; holds all frames twice, 54 kB a second of audio each.

use std::path::Path;

use runtime_core::analysis::feature_pipe::{FeaturePipe, TimedFeatures};
use runtime_core::analysis::front_end::FrontEnd;

use crate::decode::{AudioReader, DecodeError};
use crate::npz::{self, Array, Values};

/// What came of one file.
pub(super) struct Extracted {
    /// The bytes of the `.npz`.
    pub(super) npz: Vec<u8>,
    /// Frames or steps.
    pub(super) n_rows: usize,
    /// Length of what was decoded, seconds.
    pub(super) duration_sec: f64,
    /// Why the file was not read to its end; the rows cover what comes before.
    pub(super) ended_by: Option<DecodeError>,
}

/// Decodes a file to its end and collects its frames.
///
/// # Errors
/// [`DecodeError`]; a file that breaks off is no error here but [`Extracted::ended_by`].
pub(super) fn frames(path: &Path, contract_hash: &str) -> Result<Extracted, DecodeError> {
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
    let n_rows = time_sec.len();
    let npz = npz::to_bytes(&[
        Array { name: "features", shape: &[n_rows, pipe.n_features()], values: Values::F32(&rows) },
        Array { name: "time_sec", shape: &[n_rows], values: Values::F64(&time_sec) },
        Array { name: "contract_hash", shape: &[], values: Values::Text(contract_hash) },
        Array { name: "sample_rate_hz", shape: &[], values: Values::I64(&[i64::from(sample_rate_hz)]) },
    ]);
    Ok(Extracted { npz, n_rows, duration_sec: reader.decoded_sec(), ended_by })
}
