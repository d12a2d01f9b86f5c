//! JAMS, the JSON annotated music specification of music information retrieval: beats, bars, tempo and sections. Any thread.
//!
//! Namespaces `beat` (value: the position in the bar, `null` where not known), `beat_position` (only the beats whose bar is known),
//! `tempo` (the tempi that were possible, with their probabilities) and `segment_open`. Source: the schema of marl/jams 0.3
//! (`jams/schemata/`).

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::finite;
use crate::document::{Analysis, Mode};

/// Version of the schema.
const JAMS_VERSION: &str = "0.3.4";
/// What one bar's beat is written as: tempo maps of ours count quarters too.
const BEAT_UNITS: u32 = 4;

#[derive(Serialize)]
struct Annotation {
    namespace: &'static str,
    data: Vec<Observation>,
    annotation_metadata: Value,
    sandbox: Map<String, Value>,
    time: f64,
    duration: f64,
}

#[derive(Serialize)]
struct Observation {
    time: f64,
    duration: f64,
    value: Value,
    confidence: Option<f64>,
}

/// The whole file.
pub(super) fn render(analysis: &Analysis) -> String {
    let duration_sec = rounded(analysis.duration_sec);
    let annotation = |namespace, data| Annotation {
        namespace,
        data,
        annotation_metadata: metadata(analysis.mode),
        sandbox: Map::new(),
        time: 0.0,
        duration: duration_sec,
    };
    let mut annotations =
        vec![annotation("beat", beats(analysis)), annotation("beat_position", positions(analysis)), annotation("tempo", tempi(analysis))];
    annotations.push(annotation("segment_open", segments(analysis)));
    annotations.retain(|annotation| !annotation.data.is_empty() || annotation.namespace == "beat");
    let title = std::path::Path::new(&analysis.file).file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    let file_metadata = json!({
        "title": title, "artist": "", "release": "", "duration": duration_sec, "identifiers": {}, "jams_version": JAMS_VERSION,
    });
    let document = json!({ "annotations": annotations, "file_metadata": file_metadata, "sandbox": { "file": analysis.file } });
    let mut text = serde_json::to_string_pretty(&document).expect("strings and finite numbers make JSON");
    text.push('\n');
    text
}

fn metadata(mode: Mode) -> Value {
    json!({
        "curator": { "name": "", "email": "" },
        "annotator": {},
        "version": env!("CARGO_PKG_VERSION"),
        "corpus": "",
        "annotation_tools": format!("Anacrusis {}, {}", env!("CARGO_PKG_VERSION"), mode.name()),
        "annotation_rules": "",
        "validation": "",
        "data_source": "program",
    })
}

fn beats(analysis: &Analysis) -> Vec<Observation> {
    let beat = |row: &crate::document::BeatRow| Observation {
        time: rounded(row.event.t_sec),
        duration: 0.0,
        value: if row.event.beat_in_bar == 0 { Value::Null } else { row.event.beat_in_bar.into() },
        confidence: Some(rounded(f64::from(row.event.conf))),
    };
    analysis.beats.iter().map(beat).collect()
}

fn positions(analysis: &Analysis) -> Vec<Observation> {
    let mut measure = 0u32;
    let mut data = Vec::new();
    for row in &analysis.beats {
        let (position, num_beats) = (row.event.beat_in_bar, row.event.beats_per_bar);
        if position == 0 || num_beats == 0 {
            continue;
        }
        if position == 1 && !data.is_empty() {
            measure += 1;
        }
        let value = json!({ "position": position, "measure": measure, "num_beats": num_beats, "beat_units": BEAT_UNITS });
        data.push(Observation { time: rounded(row.event.t_sec), duration: 0.0, value, confidence: None });
    }
    data
}

/// The tempo of most beats, and the other ones that were possible, over the whole piece.
fn tempi(analysis: &Analysis) -> Vec<Observation> {
    let whole = |bpm: f64, prob: Option<f64>| Observation {
        time: 0.0,
        duration: rounded(analysis.duration_sec),
        value: rounded(bpm).into(),
        confidence: prob.map(|prob| rounded(prob).clamp(0.0, 1.0)),
    };
    let candidates = analysis.candidates.as_slice();
    match (analysis.tempo_bpm(), candidates) {
        (None, _) => Vec::new(),
        // The schema wants a number here; of an offline analysis nothing is known but that it chose this one.
        (Some(bpm), []) => vec![whole(bpm, Some(1.0))],
        (Some(bpm), [first, others @ ..]) => {
            std::iter::once(whole(bpm, Some(first.prob))).chain(others.iter().map(|other| whole(other.bpm, Some(other.prob)))).collect()
        }
    }
}

fn segments(analysis: &Analysis) -> Vec<Observation> {
    let segment = |section: &crate::document::SectionSpan| Observation {
        time: rounded(section.start_sec),
        duration: rounded(section.end_sec - section.start_sec),
        value: section.label.into(),
        confidence: Some(rounded(section.prob)),
    };
    analysis.sections().iter().map(segment).collect()
}

fn rounded(value: f64) -> f64 {
    finite((value * 1e6).round() / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::samples::{steady, with_sections};

    fn annotation(analysis: &Analysis, namespace: &str) -> Option<Value> {
        let document: Value = serde_json::from_str(&render(analysis)).unwrap();
        document["annotations"].as_array().unwrap().iter().find(|annotation| annotation["namespace"] == namespace).cloned()
    }

    #[test]
    fn beats_bars_tempo_and_sections_are_annotations() {
        let analysis = with_sections(6, 0.5, 4);
        let beat = annotation(&analysis, "beat").unwrap();
        assert_eq!(beat["data"][0], json!({ "time": 0.5, "duration": 0.0, "value": 4, "confidence": 0.75 }));
        let position = annotation(&analysis, "beat_position").unwrap();
        let measures: Vec<_> = position["data"].as_array().unwrap().iter().map(|o| o["value"]["measure"].as_u64().unwrap()).collect();
        assert_eq!(measures, [0, 1, 1, 1, 1, 2]);
        assert_eq!(annotation(&analysis, "tempo").unwrap()["data"][0]["value"], 120.0);
        let segments = annotation(&analysis, "segment_open").unwrap();
        assert_eq!(segments["data"][1], json!({ "time": 6.0, "duration": 4.0, "value": "chorus", "confidence": 0.5 }));
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let mut analysis = steady(2, 0.5, 1);
        analysis.beats[0].event.beat_in_bar = 0;
        assert_eq!(annotation(&analysis, "beat").unwrap()["data"][0]["value"], Value::Null);
        assert_eq!(annotation(&analysis, "beat_position").unwrap()["data"].as_array().unwrap().len(), 1);
        assert_eq!(annotation(&analysis, "segment_open"), None);
        let nothing = steady(0, 0.0, 1);
        assert_eq!(annotation(&nothing, "beat").unwrap()["data"], json!([]));
        assert_eq!(annotation(&nothing, "tempo"), None);
    }
}
