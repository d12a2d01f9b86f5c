//! Output formats: one file each, all written from one [`Analysis`]. Any thread.
//!
//! Every number that is written is finite; a value that is not known is 0 or absent, as each format says. Two formats know more than
//! the analysis: the sonified WAV decodes the input a second time, and the report links or embeds it ([`Origin`]).

mod beats;
mod csv;
mod events;
mod jams;
mod json;
mod labels;
mod mid;
mod npy;
pub(crate) mod palette;
mod reaper;
pub(crate) mod report;
mod sections;
mod svg;
mod wav;

use std::io::{self, Write};
use std::path::PathBuf;

use crate::decode::DecodeError;
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
    /// Audacity label track of the beats: FILE.labels.txt
    Labels,
    /// Audacity label track of the sections: FILE.sections.txt
    Sections,
    /// MIDI tempo map with a note per beat and a marker per section, for a DAW: FILE.beats.mid
    Mid,
    /// All fields, with a header: FILE.beats.csv
    Csv,
    /// Markers and regions for REAPER: FILE.reaper.csv
    Reaper,
    /// JAMS annotations (beats, bars, tempo, sections): FILE.jams
    Jams,
    /// NumPy array of times and positions: FILE.beats.npy
    Npy,
    /// Picture of the whole file: FILE.beats.svg
    Svg,
    /// The input with clicks mixed in: FILE.clicks.wav
    Wav,
    /// One page to look at, listen to and export from: FILE.report.html
    Report,
}

/// Where the audio is that an analysis is of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origin {
    /// The file, to be decoded again or embedded; `None` where it cannot be read twice.
    pub audio: Option<PathBuf>,
    /// How a page finds it: a relative path, as text; `None` where it cannot.
    pub link: Option<String>,
    /// The page holds the audio itself.
    pub embeds_audio: bool,
}

/// Why a format could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The system refused.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The input could not be decoded a second time.
    #[error("the input cannot be read again: {0}")]
    Decode(#[from] DecodeError),
    /// The format ends before the music.
    #[error("{n_bytes} bytes of samples are more than 4 GiB, which a WAV file cannot hold")]
    TooLong {
        /// Bytes of samples.
        n_bytes: u64,
    },
}

impl Format {
    /// What follows the stem of the input's name. Names that a user's own files may have (`song.mid`) are not used.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Beats => "beats",
            Self::Json => "beats.json",
            Self::Events => "events.tsv",
            Self::Labels => "labels.txt",
            Self::Sections => "sections.txt",
            Self::Mid => "beats.mid",
            Self::Csv => "beats.csv",
            Self::Reaper => "reaper.csv",
            Self::Jams => "jams",
            Self::Npy => "beats.npy",
            Self::Svg => "beats.svg",
            Self::Wav => "clicks.wav",
            Self::Report => "report.html",
        }
    }

    /// What HTTP calls it.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Beats | Self::Labels | Self::Sections => "text/plain; charset=utf-8",
            Self::Json | Self::Jams => "application/json",
            Self::Events => "text/tab-separated-values; charset=utf-8",
            Self::Mid => "audio/midi",
            Self::Csv | Self::Reaper => "text/csv; charset=utf-8",
            Self::Npy => "application/octet-stream",
            Self::Svg => "image/svg+xml",
            Self::Wav => "audio/wav",
            Self::Report => "text/html; charset=utf-8",
        }
    }

    /// True where the format draws [`Analysis::detail`]. Without it, it draws the rest.
    pub fn needs_detail(self) -> bool {
        matches!(self, Self::Svg | Self::Report)
    }

    /// True where the format reads the input a second time.
    pub fn reads_audio(self, embeds_audio: bool) -> bool {
        self == Self::Wav || self == Self::Report && embeds_audio
    }

    /// The whole file, without the audio: a sonified WAV is the clicks alone then, and a report asks for the file.
    pub fn render(self, analysis: &Analysis) -> Vec<u8> {
        let mut bytes = Vec::new();
        // Clicks of 13 hours and more are an empty file here; `write` says why.
        if self.write(analysis, &Origin::default(), &mut bytes).is_err() {
            bytes.clear();
        }
        bytes
    }

    /// Writes the whole file, piece by piece where it is long.
    ///
    /// # Errors
    /// [`WriteError`]; what was written by then is no whole file.
    pub fn write(self, analysis: &Analysis, origin: &Origin, out: &mut dyn Write) -> Result<(), WriteError> {
        let bytes = match self {
            Self::Beats => beats::render(analysis).into_bytes(),
            Self::Json => json::render(analysis).into_bytes(),
            Self::Events => events::render(analysis).into_bytes(),
            Self::Labels => labels::render(analysis).into_bytes(),
            Self::Sections => sections::render(analysis).into_bytes(),
            Self::Mid => mid::render(analysis),
            Self::Csv => csv::render(analysis).into_bytes(),
            Self::Reaper => reaper::render(analysis).into_bytes(),
            Self::Jams => jams::render(analysis).into_bytes(),
            Self::Npy => npy::render(analysis),
            Self::Svg => svg::render(analysis).into_bytes(),
            Self::Wav => return wav::write(analysis, origin.audio.as_deref(), out),
            Self::Report => return report::write(analysis, origin, out),
        };
        Ok(out.write_all(&bytes)?)
    }
}

/// A number fit to be written: 0 in place of what is not finite.
fn finite(value: f64) -> f64 {
    if value.is_finite() { value } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::samples::{steady, with_sections};
    use clap::ValueEnum;

    #[test]
    fn no_format_writes_what_is_not_finite() {
        let mut analysis = with_sections(3, 0.5, 1);
        analysis.duration_sec = f64::NAN;
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let row = &mut analysis.beats[1];
            (row.announce_sec, row.bpm) = (value, value);
            (row.event.conf, row.event.downbeat_prob, row.event.intensity) = (value as f32, value as f32, value as f32);
            for format in [Format::Beats, Format::Json, Format::Events, Format::Labels, Format::Sections, Format::Csv, Format::Reaper] {
                let text = String::from_utf8(format.render(&analysis)).unwrap().to_lowercase().replace("confidence", "");
                assert!(!text.contains("nan") && !text.contains("inf"), "{format:?}: {text}");
            }
            let svg = String::from_utf8(Format::Svg.render(&analysis)).unwrap();
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
            let jams = String::from_utf8(Format::Jams.render(&analysis)).unwrap();
            assert!(!jams.contains("NaN"), "{jams}");
        }
    }

    #[test]
    fn every_format_has_something_to_say_of_nothing() {
        for format in Format::value_variants() {
            let mut nothing = steady(0, 0.0, 1);
            nothing.duration_sec = 0.0;
            let mut bytes = Vec::new();
            format.write(&nothing, &Origin::default(), &mut bytes).unwrap();
            assert_eq!(bytes, format.render(&nothing), "{format:?}");
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
