//! The sections of a piece and what they say at each of its beats. Any thread.
//!
//! A `.sections` file has a line a section, `start_sec<TAB>label`; a last line whose label is `end` is the end of the song. Without
//! one the last section ends with the last beat.

use std::path::Path;

use model_contracts::v1;

use crate::eval::row_file::{self, RowFileError};

/// Extension of files of sections.
pub const SECTIONS_EXTENSION: &str = "sections";
/// The label of the line that ends a song.
const END: &str = "end";
/// A boundary this near to a beat lies on it, beats.
const ON_BEAT: f64 = 0.25;

/// The true sections of a piece.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sections {
    /// Where each begins, seconds, increasing, with its label as the contract numbers it; `None` for one that it does not know.
    starts: Vec<(f64, Option<u8>)>,
    /// Where the song ends, seconds, where that is said.
    end_sec: Option<f64>,
}

/// What is true at a beat.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BeatTruth {
    /// The beat, seconds.
    pub t_sec: f64,
    /// The section that is playing, as the contract numbers it; `None` where that is not known.
    pub label: Option<u8>,
    /// Beats to the next boundary, above 0.
    pub to_boundary: f64,
    /// Beats since the last boundary, from 0.
    pub since_boundary: f64,
    /// Beats per bar, as the downbeats around it say.
    pub bar_beats: f64,
    /// Number of the section that is playing, from 0.
    pub section: usize,
}

impl Sections {
    /// Reads a file.
    ///
    /// # Errors
    /// [`RowFileError`], with path and line.
    pub fn read(path: &Path) -> Result<Self, RowFileError> {
        row_file::read(path, Self::parse)
    }

    /// Reads text; an error is the line, from 1, and what is wrong with it.
    fn parse(text: &str) -> Result<Self, (usize, String)> {
        let mut sections = Self::default();
        for (line, row) in row_file::rows(text) {
            let refused = |problem: String| (line, problem);
            if sections.end_sec.is_some() {
                return Err(refused(format!("`{row}` stands after the end of the song")));
            }
            let (time, label) =
                row.split_once(char::is_whitespace).ok_or_else(|| refused(format!("expected a time and a label, got `{row}`")))?;
            let t_sec = row_file::parse_time_sec(time).map_err(refused)?;
            if let Some((before, _)) = sections.starts.last().filter(|(before, _)| *before >= t_sec) {
                return Err(refused(format!("{t_sec} s does not come after the section before it, {before} s")));
            }
            match label.trim() {
                END => sections.end_sec = Some(t_sec),
                label => sections.starts.push((t_sec, v1::LABELS.iter().position(|known| *known == label).map(|label| label as u8))),
            }
        }
        Ok(sections)
    }

    /// What is true at each beat from the first section to the last boundary. `beats_sec` and `downbeats_sec` increase.
    pub fn at_beats(&self, beats_sec: &[f64], downbeats_sec: &[f64]) -> Vec<BeatTruth> {
        let (Some(&last_beat_sec), true) = (beats_sec.last(), beats_sec.len() >= 2) else { return Vec::new() };
        let end_sec = self.end_sec.unwrap_or(last_beat_sec);
        let place = |t_sec: f64| snapped(place_of(beats_sec, t_sec));
        // Places in beats: where sections begin, and the end.
        let mut bounds: Vec<(f64, Option<u8>)> = self.starts.iter().map(|&(t_sec, label)| (place(t_sec), label)).collect();
        let end = place(end_sec);
        bounds.retain(|(start, _)| *start < end);
        let truth = |(idx, &t_sec): (usize, &f64)| {
            let at = idx as f64;
            let section = bounds.partition_point(|(start, _)| *start <= at).checked_sub(1)?;
            let next = bounds.get(section + 1).map_or(end, |(start, _)| *start);
            let (start, label) = bounds[section];
            let bar_beats = bar_beats(beats_sec, downbeats_sec, t_sec);
            (at < next).then_some(BeatTruth { t_sec, label, to_boundary: next - at, since_boundary: at - start, bar_beats, section })
        };
        beats_sec.iter().enumerate().filter_map(truth).collect()
    }
}

/// A moment as a place among beats; before the first and after the last one at their pace.
fn place_of(beats_sec: &[f64], t_sec: f64) -> f64 {
    let after = beats_sec.partition_point(|&beat_sec| beat_sec <= t_sec).clamp(1, beats_sec.len() - 1);
    let (from, to) = (beats_sec[after - 1], beats_sec[after]);
    (after - 1) as f64 + (t_sec - from) / (to - from)
}

/// On the beat that is near enough.
fn snapped(place: f64) -> f64 {
    if (place - place.round()).abs() <= ON_BEAT { place.round() } else { place }
}

/// Beats from the downbeat at or before a moment to the next one; 4 where there are none.
fn bar_beats(beats_sec: &[f64], downbeats_sec: &[f64], t_sec: f64) -> f64 {
    let after = downbeats_sec.partition_point(|&downbeat_sec| downbeat_sec <= t_sec).clamp(1, downbeats_sec.len().max(2) - 1);
    match (downbeats_sec.get(after - 1), downbeats_sec.get(after)) {
        (Some(&from), Some(&to)) => (place_of(beats_sec, to) - place_of(beats_sec, from)).round(),
        _ => 4.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beats(n: usize) -> Vec<f64> {
        (0..n).map(|k| 1.0 + 0.5 * k as f64).collect()
    }

    fn bars(n: usize) -> Vec<f64> {
        beats(n).into_iter().step_by(4).collect()
    }

    #[test]
    fn beats_know_their_section_and_the_way_to_the_next() {
        // Beats from 1 s, two a second: the verse begins a little before beat 4, the chorus between beats 9 and 10.
        let sections = Sections::parse("0.5\tintro\n2.95 verse\n5.75\tchorus\n7.0\tend\n").unwrap();
        let truth = sections.at_beats(&beats(20), &bars(20));
        let at: Vec<(Option<u8>, f64, f64)> = truth.iter().map(|t| (t.label, t.to_boundary, t.since_boundary)).collect();
        assert_eq!(at.len(), 12, "to the end at beat 12");
        assert_eq!((at[0], at[3]), ((Some(1), 4.0, 1.0), (Some(1), 1.0, 4.0)));
        assert_eq!((at[4], at[9]), ((Some(2), 5.5, 0.0), (Some(2), 0.5, 5.0)));
        assert_eq!((at[10], at[11]), ((Some(4), 2.0, 0.5), (Some(4), 1.0, 1.5)));
        assert!(truth.iter().all(|t| t.bar_beats == 4.0) && truth[11].section == 2);
    }

    #[test]
    fn without_an_end_the_last_beat_is_it() {
        let sections = Sections::parse("1.0 verse\n").unwrap();
        let truth = sections.at_beats(&beats(8), &[]);
        assert_eq!((truth.len(), truth[0].to_boundary, truth[6].to_boundary), (7, 7.0, 1.0));
    }

    #[test]
    fn labels_of_others_leave_a_boundary_and_no_label() {
        let sections = Sections::parse("1.0 verse\n3.0 no function\n").unwrap();
        let truth = sections.at_beats(&beats(10), &bars(10));
        assert_eq!((truth[3].label, truth[3].to_boundary, truth[4].label), (Some(2), 1.0, None));
    }

    #[test]
    fn beats_before_the_first_section_do_not_count() {
        let sections = Sections::parse("2.0 verse\n").unwrap();
        assert_eq!(sections.at_beats(&beats(6), &bars(6))[0].t_sec, 2.0);
        assert!(sections.at_beats(&[1.0], &[]).is_empty() && sections.at_beats(&[], &[]).is_empty());
        assert!(Sections::default().at_beats(&beats(6), &bars(6)).is_empty());
    }

    #[test]
    fn a_bad_row_is_named_by_line_and_content() {
        for (text, line, part) in [
            ("0.0 verse\nx chorus\n", 2, "`x`"),
            ("1.0\n", 1, "`1.0`"),
            ("nan verse\n", 1, "`nan`"),
            ("2.0 verse\n1.0 chorus\n", 2, "does not come after"),
            ("1.0 end\n2.0 verse\n", 2, "after the end"),
        ] {
            let (got, problem) = Sections::parse(text).unwrap_err();
            assert!(got == line && problem.contains(part), "{text:?}: {got}: {problem}");
        }
    }
}
