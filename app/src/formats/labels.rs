//! Audacity label track: `start_sec<TAB>end_sec<TAB>label` a line. Any thread.
//!
//! A beat is a point label (start = end) named by its position in the bar, `beat` where that is not known. Source: the
//! Audacity manual, "Importing and Exporting Labels".

use std::fmt::Write;

use super::finite;
use crate::document::Analysis;

/// The whole file.
pub(super) fn render(analysis: &Analysis) -> String {
    let mut text = String::new();
    for row in &analysis.beats {
        let t_sec = finite(row.event.t_sec);
        let written = match row.event.beat_in_bar {
            0 => writeln!(text, "{t_sec:.6}\t{t_sec:.6}\tbeat"),
            position => writeln!(text, "{t_sec:.6}\t{t_sec:.6}\t{position}"),
        };
        written.expect("a String takes any text");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::samples::steady;

    #[test]
    fn a_beat_is_a_point_label() {
        let mut analysis = steady(2, 1.25, 4);
        analysis.beats[1].event.beat_in_bar = 0;
        assert_eq!(render(&analysis), "1.250000\t1.250000\t4\n1.750000\t1.750000\tbeat\n");
    }

    #[test]
    fn no_beats_is_an_empty_file() {
        assert_eq!(render(&steady(0, 0.0, 1)), "");
    }
}
