//! `anacrusis eval --save-beats DIR`: every announced beat of a piece with what was known of it, as CSV. Any thread.
//!
//! For whoever wants to look closer than the table does, and for `training/tools/fit_confidence.py`, which fits the confidence.

use std::fmt::Write;
use std::io;
use std::path::Path;

use runtime_core::analysis::confidence::FEATURE_NAMES;

use crate::analyze::write::write_whole;
use crate::document::BeatRow;

/// Columns before those of [`FEATURE_NAMES`].
const COLUMNS: &str = "time_sec,announce_sec,beat_in_bar,bpm,confidence,lock";

/// Writes `DIR/STEM.csv` for the audio file `STEM.*`.
///
/// # Errors
/// What the system says.
pub fn save(folder: &Path, audio: &Path, rows: &[BeatRow]) -> io::Result<()> {
    let mut name = audio.file_stem().unwrap_or(audio.as_os_str()).to_owned();
    name.push(".csv");
    write_whole(&folder.join(name), render(rows).as_bytes())
}

fn render(rows: &[BeatRow]) -> String {
    let mut text = format!("{COLUMNS},{}\n", FEATURE_NAMES.join(","));
    for row in rows {
        let event = &row.event;
        let (t_sec, announce_sec, in_bar, bpm, conf) = (event.t_sec, row.announce_sec, event.beat_in_bar, row.bpm, event.conf);
        write!(text, "{t_sec:.6},{announce_sec:.6},{in_bar},{bpm:.3},{conf:.5},{}", row.reason.name()).expect("a String takes any text");
        for value in row.evidence.values() {
            write!(text, ",{value:.5}").expect("a String takes any text");
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::samples::row;

    #[test]
    fn a_header_then_a_line_a_beat() {
        let text = render(&[row(0, 1.0, 4, 4)]);
        let expected = "1.000000,0.950000,4,120.000,0.75000,locked,0.00000,0.00000,0.00000";
        assert_eq!(text, format!("{COLUMNS},mode_prob,heard_prob,n_unheard\n{expected}\n"));
        assert_eq!(render(&[]).lines().count(), 1);
    }

    #[test]
    fn the_file_has_the_name_of_the_audio() {
        let folder = tempfile::tempdir().unwrap();
        save(&folder.path().join("new"), Path::new("music/song.one.wav"), &[row(0, 1.0, 1, 4)]).unwrap();
        assert_eq!(std::fs::read_to_string(folder.path().join("new/song.one.csv")).unwrap().lines().count(), 2);
    }
}
