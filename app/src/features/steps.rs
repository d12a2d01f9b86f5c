//! One file from first byte to last step of the anticipator, with the beats that the tracker announced. Worker thread.
//!
//! The whole engine runs, as it does live; this file only keeps what the anticipator is given.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use runtime_core::analysis::anticipator_model::AnticipatorModel;
use runtime_core::analysis::beat_model::BeatModel;
use runtime_core::analysis::config::{ConfigError, EngineConfig};
use runtime_core::analysis::engine::{Engine, FrameReport};
use runtime_core::analysis::model_file::N_MACRO;
use runtime_core::analysis::structure_features::N_STEP;

use super::file::Extracted;
use crate::decode::{AudioReader, DecodeError, SPAN_SEC};
use crate::eval::structure::labels::N_LABELS;
use crate::eval::structure::predictors::N_HORIZONS;
use crate::npz::{self, Array, Values};

/// Why a file gave no steps.
#[derive(Debug, thiserror::Error)]
pub(super) enum StepsError {
    /// It could not be decoded.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// Its rate cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The anticipator is none.
    #[error("the anticipator gave numbers that are not finite")]
    NotFinite,
}

/// What is kept of each step.
#[derive(Default)]
struct Steps {
    /// `[n_steps, 335]`.
    rows: Vec<f32>,
    time_sec: Vec<f64>,
    beat: Vec<f64>,
    locked: Vec<u8>,
    /// What the anticipator made of them; empty where none was asked for.
    section_probs: Vec<f32>,
    hazard_probs: Vec<f32>,
    embedding: Vec<f32>,
}

/// Decodes a file to its end and collects the steps and beats within it; with `anticipator`, also what that makes of them.
///
/// # Errors
/// [`StepsError`]; a file that breaks off is no error here but [`Extracted::ended_by`].
pub(super) fn steps(path: &Path, contract_hash: &str, anticipator: Option<AnticipatorModel>) -> Result<Extracted, StepsError> {
    let mut reader = AudioReader::open(path)?;
    let sample_rate_hz = reader.info().sample_rate_hz;
    let mut engine = Engine::new(&EngineConfig::new(f64::from(sample_rate_hz)), BeatModel::load_default())?;
    let asks = anticipator.is_some();
    engine.set_anticipator(anticipator.unwrap_or(AnticipatorModel::none()));
    let seen = Arc::new(Mutex::new(Steps::default()));
    let keep = Arc::clone(&seen);
    // The count never falls, over all pieces of the file.
    let (mut before_piece, mut newest) = (0.0, 0.0);
    engine.watch_structure(Box::new(move |step, anticipation| {
        let mut steps = keep.lock().unwrap_or_else(PoisonError::into_inner);
        if step.is_new_piece {
            before_piece = newest;
        }
        newest = f64::max(newest, before_piece + step.n_beats);
        steps.rows.extend_from_slice(step.row);
        steps.time_sec.push(step.t_sec);
        steps.beat.push(newest);
        steps.locked.push(u8::from(!step.beat.is_virtual));
        if let Some(said) = anticipation {
            steps.section_probs.extend(said.section_probs);
            steps.hazard_probs.extend(said.hazard_probs);
            steps.embedding.extend(said.embedding);
        }
    }));
    let (mut beat_sec, mut beat_in_bar) = (Vec::new(), Vec::new());
    let mut note = |report: &FrameReport| {
        if let Some(event) = report.update.and_then(|update| update.event) {
            beat_sec.push(event.t_sec);
            beat_in_bar.push(i32::from(event.beat_in_bar));
        }
    };
    let mut mono = Vec::new();
    let ended_by = loop {
        match reader.next_span(&mut mono, SPAN_SEC) {
            Ok(Some(_)) => engine.process(&mono, &mut note),
            Ok(None) => break None,
            Err(error) if error.is_partial() => break Some(error),
            Err(error) => return Err(error.into()),
        }
    };
    engine.finish(&mut note);
    let duration_sec = reader.decoded_sec();
    let steps = std::mem::take(&mut *seen.lock().unwrap_or_else(PoisonError::into_inner));
    // The silence that lets the last frames out is no part of the file.
    let n_rows = steps.time_sec.partition_point(|&t_sec| t_sec < duration_sec);
    let rate_hz = [i64::from(sample_rate_hz)];
    let n_beats = beat_sec.partition_point(|&t_sec| t_sec < duration_sec);
    let (row_shape, step_shape, beat_shape) = ([n_rows, N_STEP], [n_rows], [n_beats]);
    let mut arrays = vec![
        Array { name: "rows", shape: &row_shape, values: Values::F32(&steps.rows[..n_rows * N_STEP]) },
        Array { name: "step_time_sec", shape: &step_shape, values: Values::F64(&steps.time_sec[..n_rows]) },
        Array { name: "step_beat", shape: &step_shape, values: Values::F64(&steps.beat[..n_rows]) },
        Array { name: "locked", shape: &step_shape, values: Values::U8(&steps.locked[..n_rows]) },
        Array { name: "tracker_beat_sec", shape: &beat_shape, values: Values::F64(&beat_sec[..n_beats]) },
        Array { name: "tracker_beat_in_bar", shape: &beat_shape, values: Values::I32(&beat_in_bar[..n_beats]) },
        Array { name: "contract_hash", shape: &[], values: Values::Text(contract_hash) },
        Array { name: "sample_rate_hz", shape: &[], values: Values::I64(&rate_hz) },
    ];
    let said = [
        ("section_probs", [n_rows, N_LABELS], &steps.section_probs),
        ("hazard_probs", [n_rows, N_HORIZONS], &steps.hazard_probs),
        ("macro", [n_rows, N_MACRO], &steps.embedding),
    ];
    for (name, shape, values) in said.iter().filter(|_| asks) {
        // Steps of which a network makes nothing finite are missing: then there is no array that fits.
        let values = values.get(..shape[0] * shape[1]).ok_or(StepsError::NotFinite)?;
        arrays.push(Array { name, shape, values: Values::F32(values) });
    }
    let npz = npz::to_bytes(&arrays);
    Ok(Extracted { npz, n_rows, duration_sec, ended_by })
}
