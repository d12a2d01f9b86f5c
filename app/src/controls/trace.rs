//! From an audio file to the inputs of the controller, 60 a second: the engine runs as it does live, and each step is given what is
//! known at that moment of the stream, the beat foreseen to it. Main thread.

use std::path::Path;

use controller::Input;
use controller::input::{N_BANDS, N_HORIZONS, N_LABELS};
use runtime_core::analysis::beat_model::BeatModel;
use runtime_core::analysis::config::{ConfigError, EngineConfig};
use runtime_core::analysis::engine::Engine;
use runtime_core::state::{LockReason, SlowState};
use runtime_core::units::FRAMES_PER_SEC;

use crate::decode::{AudioReader, DecodeError};
use crate::live::look::{level, sixteen};

/// Numbers of a row.
pub(super) const N_INPUT: usize = N_BANDS + 7 + N_LABELS + N_HORIZONS;
/// Steps a second.
const STEPS_PER_SEC: f64 = model_contracts::v1::clocks::CONTROLLER_HZ as f64;

/// Why a file gave no trace.
#[derive(Debug, thiserror::Error)]
pub(super) enum TraceError {
    /// It could not be decoded.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// Its rate cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

/// Rows of a whole file.
///
/// # Errors
/// [`TraceError`], also where the file breaks off: a trace is whole or none.
pub(super) fn trace(path: &Path) -> Result<Vec<[f32; N_INPUT]>, TraceError> {
    let mut reader = AudioReader::open(path)?;
    let rate_hz = f64::from(reader.info().sample_rate_hz);
    let mut engine = Engine::new(&EngineConfig::new(rate_hz), BeatModel::load_default())?;
    let hop_samples = (rate_hz / FRAMES_PER_SEC).round() as usize;
    let mut rows = Vec::new();
    let mut state = SlowState::default();
    let mut known = ([0.0; N_BANDS], 0.0);
    let (mut mono, mut pending) = (Vec::new(), Vec::new());
    while reader.next_block(&mut mono)?.is_some() {
        pending.extend_from_slice(&mono);
        let n_whole = pending.len() / hop_samples * hop_samples;
        for hop in pending[..n_whole].chunks_exact(hop_samples) {
            let before_sec = engine.samples_received().0 as f64 / rate_hz;
            let after_sec = (engine.samples_received().0 + hop_samples as u64) as f64 / rate_hz;
            // Steps until the next hop has come see what is known without it.
            while (rows.len() as f64) < after_sec * STEPS_PER_SEC {
                let t_sec = rows.len() as f64 / STEPS_PER_SEC;
                rows.push(row(&state, &known.0, known.1, t_sec.max(before_sec)));
            }
            engine.process(hop, |report| state = report.state);
            known = (sixteen(engine.spectrum()), level(engine.spectrum()));
        }
        pending.drain(..n_whole);
    }
    Ok(rows)
}

/// What is known at second `t_sec` of the stream.
fn row(state: &SlowState, bands: &[f32; N_BANDS], level: f32, t_sec: f64) -> [f32; N_INPUT] {
    let (beat, spb) = (&state.beat, state.timeline.spb);
    let ahead_beats = if spb > 0.0 { (t_sec - beat.t_sec) / spb } else { 0.0 };
    let since_beat = f64::from(beat.phase) + ahead_beats;
    let has_bar = beat.beats_per_bar > 0 && beat.beat_in_bar > 0;
    let bar = if has_bar { (f64::from(beat.beat_in_bar) - 1.0 + since_beat) / f64::from(beat.beats_per_bar) } else { 0.0 };
    // As `live::look` says it to everyone.
    let locked = beat.locked != 0 && (beat.conf > 0.0 || beat.reason == LockReason::Held);
    let beats_per_bar = if has_bar { f32::from(beat.beats_per_bar) } else { 0.0 };
    let mut row = [0.0; N_INPUT];
    row[..N_BANDS].copy_from_slice(bands);
    let numbers = [level, fraction(since_beat), fraction(bar), beats_per_bar, spb as f32, beat.conf, f32::from(u8::from(locked))];
    row[N_BANDS..N_BANDS + 7].copy_from_slice(&numbers);
    row[N_BANDS + 7..N_BANDS + 7 + N_LABELS].copy_from_slice(&state.structure.section_probs);
    row[N_BANDS + 7 + N_LABELS..].copy_from_slice(&state.structure.hazard_probs);
    row
}

/// Into `[0, 1)`, also after rounding to 32 bits.
fn fraction(turns: f64) -> f32 {
    let part = (turns - turns.floor()) as f32;
    if part < 1.0 { part } else { 0.0 }
}

/// The input that a row stands for.
pub(super) fn to_input(row: &[f32; N_INPUT]) -> Input {
    let number = |k: usize| f64::from(row[k]);
    Input {
        bands: std::array::from_fn(number),
        level: number(N_BANDS),
        phase: number(N_BANDS + 1),
        bar_phase: number(N_BANDS + 2),
        beats_per_bar: row[N_BANDS + 3] as u8,
        period_sec: number(N_BANDS + 4),
        confidence: number(N_BANDS + 5),
        locked: row[N_BANDS + 6] > 0.0,
        section_probs: std::array::from_fn(|k| number(N_BANDS + 7 + k)),
        hazard_probs: std::array::from_fn(|k| number(N_BANDS + 7 + N_LABELS + k)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime_core::state::BeatClockState;
    use runtime_core::timeline::Timeline;

    #[test]
    fn the_beat_is_foreseen_to_the_step() {
        let beat = BeatClockState { t_sec: 10.0, phase: 0.5, beat_in_bar: 4, beats_per_bar: 4, locked: 1, conf: 0.8, ..Default::default() };
        let timeline = Timeline { t_origin_sec: 0.0, beat_origin: 0.0, spb: 0.5 };
        let state = SlowState { timeline, beat, ..SlowState::default() };
        let input = to_input(&row(&state, &[0.25; N_BANDS], 0.5, 10.375));
        assert_eq!((input.phase, input.bar_phase, input.beats_per_bar, input.locked), (0.25, 0.0625, 4, true));
        assert_eq!((input.bands[15], input.level, input.period_sec), (0.25, 0.5, 0.5));
    }

    #[test]
    fn a_position_that_is_not_known_is_no_bar() {
        let beat = BeatClockState { beats_per_bar: 4, ..Default::default() };
        let input = to_input(&row(&SlowState { beat, ..SlowState::default() }, &[0.0; N_BANDS], 0.0, 0.0));
        assert_eq!((input.beats_per_bar, input.bar_phase, input.locked), (0, 0.0, false));
    }
}
