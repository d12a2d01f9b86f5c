//! JSON: one document a file, with everything that is known. Any thread.
//!
//! `format` is the version of this layout: fields may be added within a version, never change meaning. Unknown numbers
//! are `null` at the top and 0 in a beat.

use serde::Serialize;

use super::finite;
use crate::document::{Analysis, BeatRow};

/// Version of the layout.
const FORMAT_VERSION: u32 = 1;

#[derive(Serialize)]
struct Document<'a> {
    format: u32,
    file: &'a str,
    duration_sec: f64,
    sample_rate_hz: u32,
    engine_version: &'static str,
    contract_version: &'static str,
    mode: &'static str,
    activation: &'static str,
    models: &'a [String],
    tempo_bpm: Option<f64>,
    beats_per_bar: Option<u8>,
    beats: Vec<Beat>,
}

#[derive(Serialize)]
struct Beat {
    time_sec: f64,
    announce_sec: f64,
    beat_count: u64,
    beat_in_bar: u8,
    beats_per_bar: u8,
    bpm: f64,
    confidence: f64,
    downbeat_prob: f64,
    intensity: f64,
}

/// The whole file.
pub(super) fn render(analysis: &Analysis) -> String {
    let document = Document {
        format: FORMAT_VERSION,
        file: &analysis.file,
        duration_sec: rounded(analysis.duration_sec),
        sample_rate_hz: analysis.sample_rate_hz,
        engine_version: env!("CARGO_PKG_VERSION"),
        contract_version: model_contracts::v1::CONTRACT_VERSION,
        mode: analysis.mode.name(),
        activation: if analysis.model_names.is_empty() { "flux" } else { "networks" },
        models: &analysis.model_names,
        tempo_bpm: analysis.tempo_bpm().map(rounded),
        beats_per_bar: Some(analysis.beats_per_bar()).filter(|&meter| meter > 0),
        beats: analysis.beats.iter().map(beat).collect(),
    };
    let mut text = serde_json::to_string_pretty(&document).expect("strings and finite numbers make JSON");
    text.push('\n');
    text
}

fn beat(row: &BeatRow) -> Beat {
    Beat {
        time_sec: rounded(row.event.t_sec),
        announce_sec: rounded(row.announce_sec),
        beat_count: row.event.beat_count,
        beat_in_bar: row.event.beat_in_bar,
        beats_per_bar: row.event.beats_per_bar,
        bpm: rounded(row.bpm),
        confidence: rounded(f64::from(row.event.conf)),
        downbeat_prob: rounded(f64::from(row.event.downbeat_prob)),
        intensity: rounded(f64::from(row.event.intensity)),
    }
}

/// Microseconds are more than anyone can hear, and shorter to read.
fn rounded(value: f64) -> f64 {
    finite((value * 1e6).round() / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::samples::steady;
    use serde_json::{Value, json};

    fn parsed(analysis: &Analysis) -> Value {
        serde_json::from_str(&render(analysis)).unwrap()
    }

    #[test]
    fn the_document_says_what_ran_and_what_it_found() {
        let value = parsed(&steady(2, 1.0, 4));
        assert_eq!(value["format"], 1);
        assert_eq!((value["file"].as_str(), value["mode"].as_str()), (Some("song.wav"), Some("causal")));
        assert_eq!((&value["tempo_bpm"], &value["beats_per_bar"]), (&json!(120.0), &json!(4)));
        assert_eq!(value["models"], json!(["beatnet-1"]));
        let expected = json!({
            "time_sec": 1.5, "announce_sec": 1.45, "beat_count": 1, "beat_in_bar": 1, "beats_per_bar": 4,
            "bpm": 120.0, "confidence": 0.75, "downbeat_prob": 0.25, "intensity": 0.5
        });
        assert_eq!(value["beats"][1], expected);
    }

    #[test]
    fn no_beats_is_a_document_without_tempo() {
        let value = parsed(&steady(0, 0.0, 1));
        assert_eq!((&value["tempo_bpm"], &value["beats_per_bar"], &value["beats"]), (&Value::Null, &Value::Null, &json!([])));
    }
}
