//! What an index says about a file in a line: written into each report, and read back from it. Any thread.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::document::Analysis;
use crate::formats::finite;

/// Version of the layout.
const FORMAT_VERSION: u32 = 1;
/// The summary stands within as many bytes from the page's start, whatever is embedded behind it.
const MAX_HEAD_BYTES: u64 = 1 << 20;
/// What stands before and after it.
const MARKS: [&str; 2] = ["<script type=\"application/json\" id=\"summary\">", "</script>"];

/// A file in a line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Summary {
    /// Version of the layout.
    pub(crate) format: u32,
    /// The input's own name.
    pub(crate) name: String,
    /// Length, seconds.
    pub(crate) duration_sec: f64,
    /// Median tempo; `None` without beats.
    pub(crate) tempo_bpm: Option<f64>,
    /// Another tempo that was possible.
    pub(crate) other_bpm: Option<f64>,
    /// Beats per bar; 0 = not known.
    pub(crate) beats_per_bar: u8,
    /// Number of beats.
    pub(crate) n_beats: usize,
    /// Mean confidence of the beats, `[0, 1]`.
    pub(crate) confidence: f64,
    /// Start of each section, seconds, and its label as the contract numbers it.
    pub(crate) sections: Vec<(f64, u8)>,
    /// Why the input was not read to its end.
    pub(crate) ended_by: Option<String>,
    /// What else was wrong with it.
    pub(crate) warnings: Vec<String>,
}

impl Summary {
    /// Of an analysis.
    pub(crate) fn of(analysis: &Analysis) -> Self {
        let n_beats = analysis.beats.len();
        let sum: f64 = analysis.beats.iter().map(|row| finite(f64::from(row.event.conf))).sum();
        let name = Path::new(&analysis.file).file_name().map_or_else(|| analysis.file.clone(), |n| n.to_string_lossy().into_owned());
        Self {
            format: FORMAT_VERSION,
            name,
            duration_sec: finite(analysis.duration_sec),
            tempo_bpm: analysis.tempo_bpm().map(finite),
            other_bpm: analysis.other_tempo().map(|other| finite(other.bpm)),
            beats_per_bar: analysis.beats_per_bar(),
            n_beats,
            confidence: sum / n_beats.max(1) as f64,
            sections: analysis.sections().iter().map(|section| (finite(section.start_sec), section.label_idx)).collect(),
            ended_by: analysis.ended_by.clone(),
            warnings: analysis.warnings.clone(),
        }
    }

    /// From a report; `None` where the file is none of ours, or of a version that is not known.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub(crate) fn read(path: &Path) -> io::Result<Option<Self>> {
        let mut head = Vec::new();
        File::open(path)?.take(MAX_HEAD_BYTES).read_to_end(&mut head)?;
        let head = String::from_utf8_lossy(&head);
        let json = head.split_once(MARKS[0]).and_then(|(_, rest)| rest.split_once(MARKS[1]));
        Ok(json.and_then(|(json, _)| serde_json::from_str(json).ok()).filter(|summary: &Self| summary.format == FORMAT_VERSION))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::samples::{steady, with_sections};
    use crate::formats::Format;

    #[test]
    fn a_report_says_what_was_written_into_it() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut analysis = with_sections(4, 0.5, 1);
        analysis.file = "music/</script>.wav".to_owned();
        analysis.ended_by = Some("cut".to_owned());
        std::fs::write(file.path(), Format::Report.render(&analysis)).unwrap();
        let summary = Summary::read(file.path()).unwrap().unwrap();
        assert_eq!(summary, Summary::of(&analysis));
        assert_eq!((summary.tempo_bpm, summary.confidence, &summary.sections[..]), (Some(120.0), 0.75, &[(2.0, 2), (6.0, 4)][..]));
        let empty = Summary::of(&steady(0, 0.0, 1));
        assert_eq!((empty.tempo_bpm, empty.n_beats, empty.confidence), (None, 0, 0.0));
    }

    #[test]
    fn what_is_no_report_has_none() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for text in ["", "<html>", "<script type=\"application/json\" id=\"summary\">{}</script>"] {
            std::fs::write(file.path(), text).unwrap();
            assert_eq!(Summary::read(file.path()).unwrap(), None, "{text}");
        }
        let future = format!("{}{}{}", MARKS[0], r#"{"format": 2}"#, MARKS[1]);
        std::fs::write(file.path(), future).unwrap();
        assert_eq!(Summary::read(file.path()).unwrap(), None);
    }
}
