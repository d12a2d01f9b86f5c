//! What the page of a report draws: the JSON document, the picture's details in base64, and the files that it offers. Any thread.

use runtime_core::state::SECTION_LABELS;
use serde::Serialize;

use crate::detail::Detail;
use crate::document::{Analysis, Mode};
use crate::formats::palette::SECTION_COLOURS;
use crate::formats::{Format, finite, json};
use crate::html::base64;

/// The formats that the page offers beside its own JSON.
const OFFERED: [(Format, &str); 6] = [
    (Format::Beats, "Beats"),
    (Format::Mid, "MIDI tempo map"),
    (Format::Csv, "CSV"),
    (Format::Labels, "Audacity beats"),
    (Format::Sections, "Audacity sections"),
    (Format::Reaper, "REAPER markers"),
];
/// Below this mean confidence a piece is doubtful.
const LOW_CONFIDENCE: f64 = 0.5;

/// All that the script reads.
#[derive(Serialize)]
pub(super) struct Data<'a, D: Serialize> {
    document: D,
    /// What a reader should know before believing it.
    doubts: Vec<String>,
    labels: [&'static str; SECTION_LABELS.len()],
    colours: [&'static str; SECTION_LABELS.len()],
    sections: Vec<Section>,
    detail: Option<Picture>,
    exports: Vec<Export>,
    audio: Audio<'a>,
}

#[derive(Serialize)]
struct Section {
    start_sec: f64,
    end_sec: f64,
    label_idx: u8,
    prob: f64,
}

/// [`Detail`], its bytes in base64.
#[derive(Serialize)]
struct Picture {
    stretch_sec: f64,
    /// `[min, max]` of each stretch, signed.
    peaks: String,
    first_sec: f64,
    step_sec: f64,
    beat: String,
    downbeat: String,
    level: String,
    /// Time in seconds and strength, one after the other.
    onsets: Vec<f64>,
}

#[derive(Serialize)]
struct Export {
    title: &'static str,
    suffix: &'static str,
    media_type: &'static str,
    base64: String,
}

#[derive(Serialize)]
struct Audio<'a> {
    link: Option<&'a str>,
    is_embedded: bool,
}

impl<'a> Data<'a, ()> {
    /// Of an analysis, whose audio the page finds at `link`.
    pub(super) fn of(analysis: &'a Analysis, link: Option<&'a str>, is_embedded: bool) -> Data<'a, impl Serialize + 'a> {
        let section = |span: &crate::document::SectionSpan| Section {
            start_sec: rounded(span.start_sec),
            end_sec: rounded(span.end_sec),
            label_idx: span.label_idx,
            prob: rounded(span.prob),
        };
        let export = |&(format, title): &(Format, &'static str)| Export {
            title,
            suffix: format.suffix(),
            media_type: format.media_type(),
            base64: base64(&format.render(analysis)),
        };
        Data {
            document: json::document(analysis),
            doubts: doubts(analysis),
            labels: SECTION_LABELS,
            colours: SECTION_COLOURS,
            sections: analysis.sections().iter().map(section).collect(),
            detail: analysis.detail.as_ref().map(picture),
            exports: OFFERED.iter().map(export).collect(),
            audio: Audio { link, is_embedded },
        }
    }
}

fn picture(detail: &Detail) -> Picture {
    let peaks: Vec<u8> = detail.waveform.peaks.iter().flat_map(|peak| peak.map(|value| value as u8)).collect();
    Picture {
        stretch_sec: detail.waveform.stretch_sec(),
        peaks: base64(&peaks),
        first_sec: rounded(detail.curves.first_sec),
        step_sec: detail.curves.step_sec,
        beat: base64(&detail.curves.beat),
        downbeat: base64(&detail.curves.downbeat),
        level: base64(&detail.curves.level),
        onsets: detail.onsets.iter().flat_map(|onset| [onset.t_sec, f64::from(onset.strength)]).map(rounded).collect(),
    }
}

fn doubts(analysis: &Analysis) -> Vec<String> {
    let mut doubts = Vec::new();
    if let Some(reason) = &analysis.ended_by {
        doubts.push(format!("The file could not be read to its end ({reason}). What follows is missing."));
    }
    doubts.extend(analysis.warnings.iter().map(|warning| format!("In the file: {warning}.")));
    if analysis.beats.is_empty() {
        doubts.push("No beat was found: silence, or no steady pulse.".to_owned());
        return doubts;
    }
    if let (Some(other), Some(bpm)) = (analysis.other_tempo(), analysis.tempo_bpm()) {
        let percent = 100.0 * other.prob;
        doubts.push(format!("The tempo may be {:.1} BPM ({percent:.0} %) in place of {bpm:.1}.", other.bpm));
    }
    if analysis.beats_per_bar() == 0 {
        doubts.push("The meter is not known, so beats have no place in a bar.".to_owned());
    }
    let sum: f64 = analysis.beats.iter().map(|row| finite(f64::from(row.event.conf))).sum();
    let mean = sum / analysis.beats.len() as f64;
    if mean < LOW_CONFIDENCE {
        doubts.push(format!("Confidence is low: {:.0} % on average.", 100.0 * mean));
    }
    if analysis.mode == Mode::Offline {
        doubts.push("With --offline nothing is foreseen: no sections and no boundaries.".to_owned());
    } else if analysis.structure.anticipator.is_none() {
        doubts.push("No anticipator ran: sections are unknown, boundaries come from a table of what is usual.".to_owned());
    }
    if analysis.model_names.is_empty() {
        doubts.push("No network ran, only the spectral flux: less accurate.".to_owned());
    }
    doubts.extend(analysis.hints.iter().filter_map(|given| {
        given
            .refused
            .as_ref()
            .map(|reason| format!("The hint \u{201c}{}\u{201d} at {} s was not taken: {reason}.", given.said.hint, given.said.at_sec))
    }));
    doubts
}

fn rounded(value: f64) -> f64 {
    finite((value * 1e6).round() / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detail::DetailCollector;
    use crate::document::samples::{steady, with_sections};
    use serde_json::{Value, json};

    fn data(analysis: &Analysis) -> Value {
        serde_json::to_value(Data::of(analysis, Some("x.wav"), false)).unwrap()
    }

    #[test]
    fn the_page_gets_the_document_the_picture_and_the_files() {
        let mut analysis = with_sections(3, 0.5, 1);
        let mut collector = DetailCollector::new(200.0);
        collector.hear(&[-1.0, 1.0]);
        analysis.detail = Some(collector.finish(10.0));
        let value = data(&analysis);
        assert_eq!(value["document"]["beats"].as_array().unwrap().len(), 3);
        assert_eq!(value["sections"][1], json!({ "start_sec": 6.0, "end_sec": 10.0, "label_idx": 4, "prob": 0.5 }));
        // -127, 0 and 127, 127 are 81 00 00 7f in bytes: a stretch of one sample has both ends there.
        assert_eq!(value["detail"]["peaks"], base64(&[0x81, 0x81, 0x7f, 0x7f]));
        let beats = value["exports"].as_array().unwrap().iter().find(|export| export["suffix"] == "beats").unwrap();
        assert_eq!(beats["base64"], base64(&Format::Beats.render(&analysis)));
        assert_eq!(data(&steady(0, 0.0, 1))["detail"], Value::Null);
    }

    #[test]
    fn doubts_are_told() {
        let said = |analysis: &Analysis| doubts(analysis).join("\n");
        let mut analysis = steady(4, 0.5, 1);
        analysis.structure.anticipator = Some("tiny".to_owned());
        assert_eq!(said(&analysis), "");
        analysis.beats.iter_mut().for_each(|row| (row.event.conf, row.event.beats_per_bar) = (0.25, 0));
        analysis.ended_by = Some("cut".to_owned());
        analysis.warnings = vec!["2 broken packets".to_owned()];
        analysis.model_names.clear();
        analysis.mode = Mode::Offline;
        for part in ["(cut)", "2 broken packets.", "meter is not known", "low: 25 %", "--offline", "spectral flux"] {
            assert!(said(&analysis).contains(part), "{part}: {}", said(&analysis));
        }
        assert!(said(&steady(0, 0.0, 1)).contains("No beat was found"));
    }
}
