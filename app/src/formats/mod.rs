//! Output formats: one file each, all written from one [`Analysis`]. Any thread.
//!
//! Every number that is written is finite; a value that is not known is 0 or absent, as each format says.

mod beats;
mod csv;
mod events;
mod json;
mod labels;
mod mid;

use crate::document::Analysis;

/// An output format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Format {
    /// Time and position in the bar, tab-separated, no header (as MIREX and beat_this write it): FILE.beats
    Beats,
    /// One document with everything: FILE.beats.json
    Json,
    /// Time, announce time, position in the bar, BPM, confidence; tab-separated, no header: FILE.events.tsv
    Events,
    /// Audacity label track: FILE.labels.txt
    Labels,
    /// MIDI tempo map with a note per beat, for a DAW: FILE.beats.mid
    Mid,
    /// All fields, with a header: FILE.beats.csv
    Csv,
}

impl Format {
    /// What follows the stem of the input's name. Names that a user's own files may have (`song.mid`) are not used.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Beats => "beats",
            Self::Json => "beats.json",
            Self::Events => "events.tsv",
            Self::Labels => "labels.txt",
            Self::Mid => "beats.mid",
            Self::Csv => "beats.csv",
        }
    }

    /// The whole file.
    pub fn render(self, analysis: &Analysis) -> Vec<u8> {
        match self {
            Self::Beats => beats::render(analysis).into_bytes(),
            Self::Json => json::render(analysis).into_bytes(),
            Self::Events => events::render(analysis).into_bytes(),
            Self::Labels => labels::render(analysis).into_bytes(),
            Self::Mid => mid::render(analysis),
            Self::Csv => csv::render(analysis).into_bytes(),
        }
    }
}

/// A number fit to be written: 0 in place of what is not finite.
fn finite(value: f64) -> f64 {
    if value.is_finite() { value } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::samples::steady;
    use clap::ValueEnum;

    #[test]
    fn no_format_writes_what_is_not_finite() {
        let mut analysis = steady(3, 0.5, 1);
        analysis.duration_sec = f64::NAN;
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let row = &mut analysis.beats[1];
            (row.announce_sec, row.bpm) = (value, value);
            (row.event.conf, row.event.downbeat_prob, row.event.intensity) = (value as f32, value as f32, value as f32);
            for format in [Format::Beats, Format::Json, Format::Events, Format::Labels, Format::Csv] {
                let text = String::from_utf8(format.render(&analysis)).unwrap().to_lowercase().replace("confidence", "");
                assert!(!text.contains("nan") && !text.contains("inf"), "{format:?}: {text}");
            }
        }
    }

    #[test]
    fn suffixes_differ() {
        let mut suffixes: Vec<_> = Format::value_variants().iter().map(|f| f.suffix()).collect();
        suffixes.sort_unstable();
        suffixes.dedup();
        assert_eq!(suffixes.len(), Format::value_variants().len());
    }
}
