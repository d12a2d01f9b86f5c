//! JSON: one document a file, with everything that is known. Any thread.
//!
//! `format` is the version of this layout: fields may be added within a version, never change meaning. Unknown numbers
//! are `null` at the top and 0 in a beat.

use model_contracts::v1;
use runtime_core::analysis::candidates::TempoCandidate;
use runtime_core::analysis::hints::HintStatus;
use runtime_core::state::{StructureEvent, StructureState};
use serde::Serialize;

use super::finite;
use crate::document::{Analysis, BeatRow, StructureLog};
use crate::hint_script::{GivenHint, TimedHint};

/// How many of each the contract has.
const LABELS_AND_HORIZONS: (usize, usize) = (v1::LABELS.len(), v1::HORIZONS_BEATS.len());
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
    anticipator: Option<&'a str>,
    sections: Vec<Section>,
    approaches: Vec<Approach>,
    hazards: Vec<Hazard>,
    hints: Vec<Given<'a>>,
    in_force: Option<InForce>,
    ended_by: Option<&'a str>,
    warnings: &'a [String],
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

/// A section, from the moment on at which it is known.
#[derive(Serialize)]
struct Section {
    time_sec: f64,
    label: &'static str,
    prob: f64,
}

/// That a boundary is near.
#[derive(Serialize)]
struct Approach {
    time_sec: f64,
    within_beats: u8,
    prob: f64,
    next: Option<&'static str>,
    next_prob: f64,
}

/// What was known at a beat when it was announced: a place a horizon of the contract, a place a label.
#[derive(Serialize)]
struct Hazard {
    time_sec: f64,
    within: [f64; LABELS_AND_HORIZONS.1],
    sections: Option<[f64; LABELS_AND_HORIZONS.0]>,
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
    let mut text = serde_json::to_string_pretty(&document(analysis)).expect("strings and finite numbers make JSON");
    text.push('\n');
    text
}

/// The document, for other formats that hold it.
pub(super) fn document(analysis: &Analysis) -> impl Serialize + '_ {
    Document {
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
        anticipator: analysis.structure.anticipator.as_deref(),
        sections: sections(&analysis.structure),
        approaches: approaches(&analysis.structure),
        hazards: analysis.structure.at_beats.iter().map(hazard).collect(),
        hints: analysis.hints.iter().map(given).collect(),
        in_force: analysis.in_force.as_ref().map(in_force),
        ended_by: analysis.ended_by.as_deref(),
        warnings: &analysis.warnings,
        beats: analysis.beats.iter().map(beat).collect(),
    }
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

fn label(idx: u8) -> Option<&'static str> {
    v1::LABELS.get(usize::from(idx)).copied()
}

fn sections(log: &StructureLog) -> Vec<Section> {
    let section = |event: &StructureEvent| match *event {
        StructureEvent::Section { t_sec, section, prob, .. } => {
            Some(Section { time_sec: rounded(t_sec), label: label(section)?, prob: rounded(f64::from(prob)) })
        }
        StructureEvent::Approach { .. } => None,
    };
    log.events.iter().filter_map(section).collect()
}

fn approaches(log: &StructureLog) -> Vec<Approach> {
    let approach = |event: &StructureEvent| match *event {
        StructureEvent::Approach { t_sec, within_beats, prob, next, next_prob } => Some(Approach {
            time_sec: rounded(t_sec),
            within_beats,
            prob: rounded(f64::from(prob)),
            next: next.and_then(label),
            next_prob: rounded(f64::from(next_prob)),
        }),
        StructureEvent::Section { .. } => None,
    };
    log.events.iter().filter_map(approach).collect()
}

fn hazard(state: &StructureState) -> Hazard {
    let known = state.section_probs.iter().any(|&prob| prob > 0.0);
    Hazard {
        time_sec: rounded(state.t_sec),
        within: state.hazard_probs.map(|prob| rounded(f64::from(prob))),
        sections: known.then(|| state.section_probs.map(|prob| rounded(f64::from(prob)))),
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
    fn sections_and_boundaries_are_told() {
        let mut state = StructureState { t_sec: 1.0, hazard_probs: [0.0, 0.1, 0.2, 0.3, 0.5], ..StructureState::default() };
        let nothing = state;
        state.section_probs[4] = 1.0;
        let events = vec![
            StructureEvent::Section { t_sec: 0.5, section: 2, before: None, prob: 0.75 },
            StructureEvent::Approach { t_sec: 1.5, within_beats: 4, prob: 0.5, next: Some(4), next_prob: 0.25 },
        ];
        let structure = StructureLog { anticipator: Some("tiny".to_owned()), events, at_beats: vec![nothing, state] };
        let value = parsed(&Analysis { structure, ..steady(2, 1.0, 4) });
        assert_eq!(value["anticipator"], "tiny");
        assert_eq!(value["sections"], json!([{"time_sec": 0.5, "label": "verse", "prob": 0.75}]));
        let approach = json!([{"time_sec": 1.5, "within_beats": 4, "prob": 0.5, "next": "chorus", "next_prob": 0.25}]);
        assert_eq!(value["approaches"], approach);
        assert_eq!(value["hazards"][0], json!({"time_sec": 1.0, "within": [0.0, 0.1, 0.2, 0.3, 0.5], "sections": null}));
        assert_eq!(value["hazards"][1]["sections"], json!([0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]));
        let value = parsed(&steady(0, 0.0, 1));
        assert_eq!((&value["anticipator"], &value["sections"], &value["hazards"]), (&Value::Null, &json!([]), &json!([])));
    }

    #[test]
    fn what_went_wrong_is_told() {
        let value = parsed(&Analysis { ended_by: Some("ended early".to_owned()), warnings: vec!["odd".to_owned()], ..steady(1, 1.0, 4) });
        assert_eq!((&value["ended_by"], &value["warnings"]), (&json!("ended early"), &json!(["odd"])));
        assert_eq!(parsed(&steady(1, 1.0, 4))["ended_by"], Value::Null);
    }

    #[test]
    fn no_beats_is_a_document_without_tempo() {
        let value = parsed(&steady(0, 0.0, 1));
        assert_eq!((&value["tempo_bpm"], &value["beats_per_bar"], &value["beats"]), (&Value::Null, &Value::Null, &json!([])));
    }
}
