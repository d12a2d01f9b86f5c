//! CSV: every field of every beat, with a header (RFC 4180, `.` as the decimal point, no quoting needed). Any thread.

use std::fmt::Write;

use super::finite;
use crate::document::Analysis;

/// The header, without its line end.
const HEADER: &str = "time_sec,announce_sec,beat_count,beat_in_bar,beats_per_bar,bpm,confidence,downbeat_prob,intensity";

/// The whole file.
pub(super) fn render(analysis: &Analysis) -> String {
    let mut text = format!("{HEADER}\n");
    for row in &analysis.beats {
        let event = &row.event;
        let (t_sec, announce_sec, bpm) = (finite(event.t_sec), finite(row.announce_sec), finite(row.bpm));
        let [conf, downbeat, intensity] = [event.conf, event.downbeat_prob, event.intensity].map(|value| finite(f64::from(value)));
        let (count, position, meter) = (event.beat_count, event.beat_in_bar, event.beats_per_bar);
        writeln!(text, "{t_sec:.6},{announce_sec:.6},{count},{position},{meter},{bpm:.3},{conf:.4},{downbeat:.4},{intensity:.4}")
            .expect("a String takes any text");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::samples::steady;

    #[test]
    fn a_header_then_a_line_a_beat() {
        let text = render(&steady(1, 1.0, 4));
        assert_eq!(text, format!("{HEADER}\n1.000000,0.950000,0,4,4,120.000,0.7500,0.2500,0.5000\n"));
    }

    #[test]
    fn no_beats_is_the_header_alone() {
        assert_eq!(render(&steady(0, 0.0, 1)), format!("{HEADER}\n"));
    }
}
