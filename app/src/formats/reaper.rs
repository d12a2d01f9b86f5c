//! Markers and regions for REAPER's Region/Marker Manager ("Import regions/markers"): CSV as it exports them. Any thread.
//!
//! `#,Name,Start,End,Length,Color`: a row `M1` is a marker on a downbeat (each beat where no bar is known), a row `R1` a region, a
//! section. Times are `h:mm:ss.mmm`, which REAPER reads whatever the ruler shows; colours are those of [`palette`](super::palette).

use std::fmt::Write;

use super::finite;
use super::palette::SECTION_COLOURS;
use crate::document::Analysis;

/// The header, without its line end.
const HEADER: &str = "#,Name,Start,End,Length,Color";

/// The whole file.
pub(super) fn render(analysis: &Analysis) -> String {
    const TAKES: &str = "a String takes any text";
    let mut text = format!("{HEADER}\n");
    for (idx, section) in analysis.sections().iter().enumerate() {
        let [start, end, length] = [section.start_sec, section.end_sec, section.end_sec - section.start_sec].map(time);
        let colour = SECTION_COLOURS.get(usize::from(section.label_idx)).map_or("", |colour| colour.trim_start_matches('#')).to_uppercase();
        writeln!(text, "R{},{},{start},{end},{length},{colour}", idx + 1, section.label).expect(TAKES);
    }
    let knows_bars = analysis.beats.iter().any(|row| row.event.beat_in_bar == 1);
    let marked = analysis.beats.iter().filter(|row| !knows_bars || row.event.beat_in_bar == 1);
    for (idx, row) in marked.enumerate() {
        let name = if knows_bars { "bar" } else { "beat" };
        writeln!(text, "M{n},{name} {n},{},,,", time(row.event.t_sec), n = idx + 1).expect(TAKES);
    }
    text
}

/// `h:mm:ss.mmm`.
fn time(t_sec: f64) -> String {
    let ms = (finite(t_sec).max(0.0) * 1e3).round() as u64;
    format!("{}:{:02}:{:02}.{:03}", ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60, ms % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::samples::{steady, with_sections};

    #[test]
    fn sections_are_regions_and_downbeats_markers() {
        let text = render(&with_sections(6, 3599.25, 1));
        let expected = [
            HEADER,
            "R1,verse,0:00:02.000,0:00:06.000,0:00:04.000,0072B2",
            "R2,chorus,0:00:06.000,0:00:10.000,0:00:04.000,D55E00",
            "M1,bar 1,0:59:59.250,,,",
            "M2,bar 2,1:00:01.250,,,",
        ];
        assert_eq!(text.lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn where_no_bar_is_known_every_beat_is_a_marker() {
        let mut analysis = steady(2, 0.5, 1);
        analysis.beats.iter_mut().for_each(|row| row.event.beat_in_bar = 0);
        assert_eq!(render(&analysis), format!("{HEADER}\nM1,beat 1,0:00:00.500,,,\nM2,beat 2,0:00:01.000,,,\n"));
        assert_eq!(render(&steady(0, 0.0, 1)), format!("{HEADER}\n"));
    }
}
