//! The pieces that fail, counted and listed by cause, as text for people. Any thread.

use std::fmt::Write;

use super::failure::{Cause, FAILED_DOWNBEAT_F70, FAILED_F70};
use super::report::{ClipReport, EvalReport};

impl EvalReport {
    /// The pieces whose F70 or downbeat F70 is too low, grouped by cause, the most frequent cause of each kind as listed first.
    pub fn failures_table(&self) -> String {
        let mut text = String::new();
        self.write_failures(&mut text).expect("writing to a String cannot fail");
        text
    }

    fn write_failures(&self, out: &mut String) -> std::fmt::Result {
        let n_scored = self.clips.iter().filter(|clip| clip.tracker.is_some()).count();
        let failed = |cause: Cause| self.clips.iter().filter(move |clip| clip.cause() == Some(cause));
        let n_failed = self.clips.iter().filter(|clip| clip.cause().is_some()).count();
        writeln!(out, "failures: {n_failed} of {n_scored} pieces have F70 < {FAILED_F70} or downbeat F70 < {FAILED_DOWNBEAT_F70}")?;
        for cause in Cause::ALL {
            let n_pieces = failed(cause).count();
            if n_pieces == 0 {
                continue;
            }
            writeln!(out, "{}: {n_pieces}", cause.label())?;
            for clip in failed(cause) {
                writeln!(out, "  {}", line(clip))?;
            }
        }
        Ok(())
    }
}

impl ClipReport {
    /// Why the piece fails, where it does.
    pub fn cause(&self) -> Option<Cause> {
        self.tracker.as_ref().and_then(|scores| scores.failure)
    }
}

fn line(clip: &ClipReport) -> String {
    let Some(scores) = &clip.tracker else { return clip.id.clone() };
    let downbeat = scores.downbeat_f70.map_or("-".to_owned(), |score| format!("{score:.3}"));
    let genre = if clip.genre.is_empty() { String::new() } else { format!(" ({})", clip.genre) };
    format!("{}{genre}: F70 {:.3}, downbeat {downbeat}, CMLt {:.3}, AMLt {:.3}", clip.id, scores.f70, scores.cmlt, scores.amlt)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::test_data::tracked;
    use super::super::{EvalOptions, Tracked, run};

    /// Pieces `a` to `c` of thirty seconds at 120 BPM.
    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let beats: String = (0..60).map(|idx| format!("{}\t{}\n", f64::from(idx) * 0.5, idx % 4 + 1)).collect();
        for id in ["a", "b", "c"] {
            std::fs::write(folder.path().join(format!("{id}.wav")), "").unwrap();
            std::fs::write(folder.path().join(format!("{id}.beats")), &beats).unwrap();
        }
        folder
    }

    /// Right on `a`, twice as fast on `b`, nothing on `c`.
    fn track(audio: &Path) -> Result<Tracked, String> {
        let step_sec = match audio.file_stem().and_then(|stem| stem.to_str()) {
            Some("a") => 0.5,
            Some("b") => 0.25,
            _ => return Ok(tracked([], 0.0)),
        };
        let n_beats = (30.0 / step_sec) as u32;
        Ok(tracked((0..n_beats).map(|idx| (f64::from(idx) * step_sec, idx as u8 % 4 + 1)), -0.1))
    }

    #[test]
    fn failures_are_counted_and_listed_by_cause() {
        let folder = folder();
        let report = run(&EvalOptions::new(folder.path()), &track).unwrap();
        let text = report.failures_table();
        assert!(text.starts_with("failures: 2 of 3 pieces"), "{text}");
        assert!(text.contains("octave: double tempo: 1\n  b: F70 0.667"), "{text}");
        assert!(text.contains("little announced: 1\n  c: F70 0.000, downbeat 0.000"), "{text}");
    }
}
