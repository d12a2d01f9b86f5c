//! `.beats`: `time_sec<TAB>beat_in_bar` a line, the format of MIREX, mir_eval and beat_this. Any thread.
//!
//! `beat_in_bar` is 1 on a downbeat and 0 where the position is not known.

use std::fmt::Write;

use super::finite;
use crate::document::Analysis;

/// The whole file.
pub(super) fn render(analysis: &Analysis) -> String {
    let mut text = String::new();
    for row in &analysis.beats {
        writeln!(text, "{:.4}\t{}", finite(row.event.t_sec), row.event.beat_in_bar).expect("a String takes any text");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::samples::steady;

    #[test]
    fn a_line_is_a_time_and_a_position() {
        assert_eq!(render(&steady(3, 0.12346, 4)), "0.1235\t4\n0.6235\t1\n1.1235\t2\n");
    }

    #[test]
    fn no_beats_is_an_empty_file() {
        assert_eq!(render(&steady(0, 0.0, 1)), "");
    }
}
