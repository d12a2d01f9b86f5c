//! JSON: one document a file, with everything that is known. Any thread.
//!
//! `format` is the version of this layout: fields may be added within a version, never change meaning. Unknown numbers
//! are `null` at the top and 0 in a beat.

use runtime_core::analysis::candidates::TempoCandidate;
use runtime_core::analysis::hints::HintStatus;
use serde::Serialize;

use super::finite;
use crate::document::{Analysis, BeatRow};
use crate::hint_script::{GivenHint, TimedHint};

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
    tempo_candidates: Vec<Candidate>,
    lock: Vec<Lock>,
    hints: Vec<Given<'a>>,
    in_force: Option<InForce>,
    beats: Vec<Beat>,
}

/// A tempo that was possible.
#[derive(Serialize)]
struct Candidate {
    bpm: f64,
    prob: f64,
}

/// Why beats are announced or not, from a moment on.
#[derive(Serialize)]
struct Lock {
    time_sec: f64,
    reason: &'static str,
}

/// A word of the user.
#[derive(Serialize)]
struct Given<'a> {
    time_sec: f64,
    hint: String,
    refused: Option<&'a str>,
}

/// What the user fixed, as of the end.
#[derive(Serialize)]
struct InForce {
    tempo_by: &'static str,
    hold: bool,
    tempo_bpm: Option<f64>,
    level_bpm: Option<f64>,
    range_bpm: [f64; 2],
    meter: Option<u8>,
    this_is_1: bool,
    nudge_ms: f64,
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
    lock: &'static str,
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
        tempo_candidates: analysis.candidates.as_slice().iter().map(candidate).collect(),
        lock: analysis.lock.iter().map(|change| Lock { time_sec: rounded(change.time_sec), reason: change.reason.name() }).collect(),
        hints: analysis.hints.iter().map(given).collect(),
        in_force: analysis.in_force.as_ref().map(in_force),
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
        lock: row.reason.name(),
    }
}

fn candidate(candidate: &TempoCandidate) -> Candidate {
    Candidate { bpm: rounded(candidate.bpm), prob: rounded(candidate.prob) }
}

fn given(given: &GivenHint) -> Given<'_> {
    let TimedHint { at_sec, hint } = given.said;
    Given { time_sec: rounded(at_sec), hint: hint.to_string(), refused: given.refused.as_deref() }
}

fn in_force(status: &HintStatus) -> InForce {
    InForce {
        tempo_by: status.tempo_by.name(),
        hold: status.is_held,
        tempo_bpm: status.manual_bpm.map(rounded),
        level_bpm: status.level_bpm.map(rounded),
        range_bpm: [status.range.min_bpm, status.range.max_bpm].map(rounded),
        meter: status.meter.beats_per_bar(),
        this_is_1: status.has_one,
        nudge_ms: rounded(1e3 * status.nudge_sec),
    }
}

/// Microseconds are more than anyone can hear, and shorter to read.
fn rounded(value: f64) -> f64 {
    finite((value * 1e6).round() / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::LockChange;
    use crate::document::samples::steady;
    use runtime_core::analysis::candidates::TempoHistogram;
    use runtime_core::analysis::config::{EngineConfig, Meter};
    use runtime_core::analysis::hints::HintState;
    use runtime_core::analysis::tracker::GridHints;
    use runtime_core::bus::hint::Hint;
    use runtime_core::state::LockReason;
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
            "bpm": 120.0, "confidence": 0.75, "downbeat_prob": 0.25, "intensity": 0.5, "lock": "locked"
        });
        assert_eq!(value["beats"][1], expected);
    }

    #[test]
    fn tempi_and_hints_are_told() {
        let mut histogram = TempoHistogram::default();
        histogram.add(120.0, 0.75);
        histogram.add(60.0, 0.25);
        let mut state = HintState::new(&EngineConfig::new(48_000.0));
        (state.manual_bpm, state.meter) = (Some(123.0), Meter::Fixed(3));
        let said = TimedHint { at_sec: 1.5, hint: Hint::Double };
        let analysis = Analysis {
            candidates: histogram.candidates(),
            lock: vec![LockChange { time_sec: 0.02, reason: LockReason::WeakPulse }],
            hints: vec![GivenHint { said, refused: Some("too fast".to_owned()) }],
            in_force: Some(state.status(&GridHints { nudge_sec: -0.005, ..GridHints::default() })),
            ..steady(2, 1.0, 4)
        };
        let value = parsed(&analysis);
        assert_eq!(value["tempo_candidates"], json!([{"bpm": 120.0, "prob": 0.75}, {"bpm": 60.0, "prob": 0.25}]));
        assert_eq!(value["lock"], json!([{"time_sec": 0.02, "reason": "weak pulse"}]));
        assert_eq!(value["hints"], json!([{"time_sec": 1.5, "hint": "double", "refused": "too fast"}]));
        let expected = json!({
            "tempo_by": "manual", "hold": false, "tempo_bpm": 123.0, "level_bpm": null, "range_bpm": [40.0, 240.0],
            "meter": 3, "this_is_1": false, "nudge_ms": -5.0
        });
        assert_eq!(value["in_force"], expected);
    }

    #[test]
    fn no_beats_is_a_document_without_tempo() {
        let value = parsed(&steady(0, 0.0, 1));
        assert_eq!((&value["tempo_bpm"], &value["beats_per_bar"], &value["beats"]), (&Value::Null, &Value::Null, &json!([])));
    }
}
