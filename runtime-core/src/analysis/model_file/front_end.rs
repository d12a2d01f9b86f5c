//! The front end of a model file, checked so that features can be computed with it. Any thread.

use serde_json::Value;

use super::super::front_end::FrontEnd;
use super::ModelFileError;
use crate::units::HOP_SAMPLES;

/// Longest window or transform accepted, samples: 3 s of the 22 050 Hz stream.
const MAX_WINDOW_SAMPLES: usize = 1 << 16;
/// Most bands per octave accepted.
const MAX_BANDS_PER_OCTAVE: u32 = 1 << 10;

/// Reads a front end and checks that features can be computed with it.
pub(in crate::analysis) fn read_front_end(model: &str, value: &Value) -> Result<FrontEnd, ModelFileError> {
    let field = |field, expected: String, got: String| ModelFileError::field(model, field, expected, got);
    let front_end: FrontEnd = serde_json::from_value(value.clone())
        .map_err(|e| field("front_end", "the parameters of a filterbank".to_owned(), e.to_string()))?;
    let FrontEnd { window_samples, fft_samples, fft_bins, bin_hz_divisor_samples, bands_per_octave, fmin_hz, fmax_hz, fref_hz, bands, len } =
        front_end;
    let rule = |name, holds: bool, expected: String, got: String| if holds { Ok(()) } else { Err(field(name, expected, got)) };
    rule(
        "front_end.window_samples",
        (HOP_SAMPLES..=MAX_WINDOW_SAMPLES).contains(&window_samples),
        format!("{HOP_SAMPLES} to {MAX_WINDOW_SAMPLES}"),
        window_samples.to_string(),
    )?;
    rule(
        "front_end.fft_samples",
        (window_samples..=MAX_WINDOW_SAMPLES).contains(&fft_samples),
        format!("{window_samples} to {MAX_WINDOW_SAMPLES}"),
        fft_samples.to_string(),
    )?;
    rule(
        "front_end.fft_bins",
        (2..=fft_samples / 2 + 1).contains(&fft_bins),
        format!("2 to {}", fft_samples / 2 + 1),
        fft_bins.to_string(),
    )?;
    rule(
        "front_end.bin_hz_divisor_samples",
        (1..=2 * MAX_WINDOW_SAMPLES).contains(&bin_hz_divisor_samples),
        format!("1 to {}", 2 * MAX_WINDOW_SAMPLES),
        bin_hz_divisor_samples.to_string(),
    )?;
    rule(
        "front_end.bands_per_octave",
        (1..=MAX_BANDS_PER_OCTAVE).contains(&bands_per_octave),
        format!("1 to {MAX_BANDS_PER_OCTAVE}"),
        bands_per_octave.to_string(),
    )?;
    let positive = |hz: f64| (1.0..=1e6).contains(&hz);
    rule("front_end.fmin_hz", positive(fmin_hz) && fmin_hz < fmax_hz, format!("1 to {fmax_hz}"), fmin_hz.to_string())?;
    rule("front_end.fmax_hz", positive(fmax_hz), "1 to 1000000".to_owned(), fmax_hz.to_string())?;
    rule("front_end.fref_hz", positive(fref_hz), "1 to 1000000".to_owned(), fref_hz.to_string())?;
    rule("front_end.bands", (1..=fft_bins).contains(&bands), format!("1 to {fft_bins}"), bands.to_string())?;
    rule("front_end.len", len == 2 * bands, (2 * bands).to_string(), len.to_string())?;
    let n_bands = super::super::filterbank::Filterbank::new(&front_end).n_bands();
    rule("front_end.bands", bands == n_bands, format!("{n_bands}, which its other fields give"), bands.to_string())?;
    Ok(front_end)
}
