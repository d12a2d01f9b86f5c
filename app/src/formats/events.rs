//! Events: `beat_time_sec<TAB>announce_time_sec<TAB>beat_in_bar<TAB>bpm<TAB>confidence` a line, no header. Any thread.
//!
//! The announce time is the seconds of input that had been consumed when the beat was said: smaller than the beat time
//! for a beat that was said ahead. Our own format, and what `anacrusis eval` scores latency from.

use std::fmt::Write;

use super::finite;
use crate::document::Analysis;

/// The whole file.
pub(super) fn render(analysis: &Analysis) -> String {
    let mut text = String::new();
    for row in &analysis.beats {
        let (t_sec, announce_sec, bpm) = (finite(row.event.t_sec), finite(row.announce_sec), finite(row.bpm));
        let conf = finite(f64::from(row.event.conf));
        writeln!(text, "{t_sec:.4}\t{announce_sec:.4}\t{}\t{bpm:.3}\t{conf:.4}", row.event.beat_in_bar).expect("a String takes any text");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::samples::steady;

    #[test]
    fn a_line_has_five_columns() {
        assert_eq!(render(&steady(2, 1.0, 4)), "1.0000\t0.9500\t4\t120.000\t0.7500\n1.5000\t1.4500\t1\t120.000\t0.7500\n");
    }

    #[test]
    fn no_beats_is_an_empty_file() {
        assert_eq!(render(&steady(0, 0.0, 1)), "");
    }
}
