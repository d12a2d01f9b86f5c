//! Tracks every piece of a corpus, several at a time, and scores it. Calling thread; workers track.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};

use super::clip::{Scorable, scorable, score_clip};
use super::corpus::{Corpus, CorpusError, Piece};
use super::floor::metronome;
use super::metrics::is_valid_sequence;
use super::report::{BaselineError, ClipReport, EvalReport, Status};
use super::{Tracked, TrackedBeat};
use crate::parallel::in_parallel;

/// What is dropped from the start of each piece, seconds (`mir_eval.beat.trim_beats`; the papers' habit).
pub const DEFAULT_SKIP_SEC: f64 = 5.0;

/// What to score, and against what.
#[derive(Debug, Clone, PartialEq)]
pub struct EvalOptions {
    /// Corpus folder, see [`super::corpus`].
    pub corpus: PathBuf,
    /// Pieces tracked at a time; `None` = one per core.
    pub jobs: Option<NonZeroUsize>,
    /// What is dropped from the start of each piece, seconds.
    pub skip_sec: f64,
    /// Only pieces with this in their id.
    pub only: Option<String>,
    /// Earlier report to compare with.
    pub baseline: Option<PathBuf>,
    /// What is run, for the report: decoder, activation, mode and so on.
    pub configuration: BTreeMap<String, String>,
}

impl EvalOptions {
    /// The defaults for a corpus.
    pub fn new(corpus: impl Into<PathBuf>) -> Self {
        let (corpus, skip_sec) = (corpus.into(), DEFAULT_SKIP_SEC);
        Self { corpus, jobs: None, skip_sec, only: None, baseline: None, configuration: BTreeMap::new() }
    }
}

/// An evaluation that cannot be done. A piece that fails is none: it is scored as silence and named in the report.
#[derive(Debug, thiserror::Error)]
pub enum EvalError {
    /// The corpus cannot be used.
    #[error(transparent)]
    Corpus(#[from] CorpusError),
    /// The earlier report cannot be used.
    #[error(transparent)]
    Baseline(#[from] BaselineError),
    /// Not a length of time.
    #[error("skip of {0} s: expected 0 or more seconds")]
    Skip(f64),
    /// No reference leaves anything to score.
    #[error("no piece has two beats after the first {skip_sec} s, nor is any without beats")]
    NothingToScore {
        /// Skip, seconds.
        skip_sec: f64,
    },
}

/// Tracks and scores every piece.
///
/// `track` analyses one audio file; its error becomes the piece's. It is called from several threads at once.
///
/// # Errors
/// Options, corpus or baseline that cannot be used: all are read before the first piece is tracked.
pub fn run(options: &EvalOptions, track: &(dyn Fn(&Path) -> Result<Tracked, String> + Sync)) -> Result<EvalReport, EvalError> {
    let skip_sec = options.skip_sec;
    if !(skip_sec.is_finite() && skip_sec >= 0.0) {
        return Err(EvalError::Skip(skip_sec));
    }
    let baseline = options.baseline.as_deref().map(|path| EvalReport::read(path).map(|report| (path, report))).transpose()?;
    let corpus = Corpus::read(&options.corpus, options.only.as_deref())?;
    if corpus.pieces.iter().all(|piece| scorable(&piece.reference, skip_sec) == Scorable::TooShort) {
        return Err(EvalError::NothingToScore { skip_sec });
    }
    let clips = in_parallel(&corpus.pieces, options.jobs, |piece| score_piece(piece, skip_sec, track));
    let corpus_name = std::path::absolute(&options.corpus).map(|path| name_of(&path)).unwrap_or_default();
    let mut report = EvalReport::of(corpus_name, options.configuration.clone(), skip_sec, clips);
    report.unpaired = corpus.unpaired.iter().map(|path| name_of(path)).collect();
    if let Some((path, earlier)) = baseline {
        report.compare(path, &earlier)?;
    }
    Ok(report)
}

/// The last part of a path: reports are passed on, and the rest of it says where somebody keeps their music.
fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn score_piece(piece: &Piece, skip_sec: f64, track: &(dyn Fn(&Path) -> Result<Tracked, String> + Sync)) -> ClipReport {
    // A panic is this piece's failure and no other's; its message is on stderr already.
    let said = panic::catch_unwind(AssertUnwindSafe(|| track(&piece.audio))).unwrap_or_else(|_| Err("the analysis panicked".to_owned()));
    let (tracked, error) = match said.and_then(in_order) {
        Ok(tracked) => (tracked, None),
        Err(error) => (Tracked::default(), Some(error)),
    };
    let what = scorable(&piece.reference, skip_sec);
    let status = match (what, &error) {
        (_, Some(_)) => Status::Failed,
        (Scorable::Beats, None) => Status::Scored,
        (Scorable::Idle, None) => Status::Idle,
        (Scorable::TooShort, None) => Status::TooShort,
    };
    // A failed piece has no known length; the metronome then stops with the reference.
    let reference_end_sec = piece.reference.times_sec().last().copied().unwrap_or_default();
    let floor = metronome(if error.is_some() { reference_end_sec } else { tracked.duration_sec });
    let scored = |said: &Tracked| (what == Scorable::Beats).then(|| score_clip(&piece.reference, piece.downbeats_scored, said, skip_sec));
    ClipReport {
        id: piece.id.clone(),
        kind: piece.kind.clone(),
        genre: piece.genre.clone(),
        real: piece.real,
        status,
        error,
        duration_sec: tracked.duration_sec,
        cpu_sec: tracked.cpu_sec,
        n_beats: tracked.beats.len(),
        tracker: scored(&tracked),
        floor: scored(&floor),
    }
}

/// Puts beats in order of time; refuses what no metric can take.
fn in_order(mut tracked: Tracked) -> Result<Tracked, String> {
    tracked.beats.sort_by(|left, right| left.time_sec.total_cmp(&right.time_sec));
    let times_sec: Vec<f64> = tracked.beats.iter().map(|beat| beat.time_sec).collect();
    let announced = |beat: &TrackedBeat| beat.announce_sec.is_finite();
    if !is_valid_sequence(&times_sec) || !tracked.beats.iter().all(announced) {
        return Err("the tracker gave a beat time that is not finite or absurdly late".to_owned());
    }
    if !tracked.duration_sec.is_finite() || !tracked.cpu_sec.is_finite() {
        return Err(format!("the tracker gave a length of {} s and {} s of CPU time", tracked.duration_sec, tracked.cpu_sec));
    }
    Ok(tracked)
}

#[cfg(test)]
mod tests {
    use super::super::report::{ALL, REAL};
    use super::super::test_data::tracked;
    use super::*;
    use crate::eval::report_file;

    /// Pieces `a` (real) and `b` of thirty seconds at 120 BPM, and `quiet` without beats.
    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let beats: String = beats().map(|(time_sec, position)| format!("{time_sec}\t{position}\n")).collect();
        let entry = |id: &str, real: bool| {
            format!(r#"{{"id": "{id}", "audio": "{id}.wav", "beats": "{id}.beats", "real": {real}, "kind": "{real}"}}"#)
        };
        let manifest = format!(r#"{{"format": 1, "pieces": [{}, {}, {}]}}"#, entry("a", true), entry("b", false), entry("quiet", false));
        for (name, content) in [("manifest.json", manifest.as_str()), ("a.beats", &beats), ("b.beats", &beats), ("quiet.beats", "")] {
            std::fs::write(folder.path().join(name), content).unwrap();
        }
        for name in ["a.wav", "b.wav", "quiet.wav"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        folder
    }

    fn beats() -> impl Iterator<Item = (f64, u8)> {
        (0..60).map(|idx| (f64::from(idx) * 0.5, idx as u8 % 4 + 1))
    }

    fn perfect(_: &Path) -> Result<Tracked, String> {
        Ok(tracked(beats(), -0.1))
    }

    fn is_piece(audio: &Path, id: &str) -> bool {
        audio.file_stem().is_some_and(|stem| stem == id)
    }

    #[test]
    fn a_perfect_tracker_gets_full_marks_and_is_caught_in_silence() {
        let folder = folder();
        let report = run(&EvalOptions::new(folder.path()), &perfect).unwrap();
        let names: Vec<&str> = report.subsets.iter().map(|subset| subset.name.as_str()).collect();
        assert_eq!(names, [ALL, REAL, "kind: false", "kind: true"]);
        let all = &report.subsets[0];
        assert_eq!((all.tracker.n_pieces, all.tracker.means["f70"].mean, all.tracker.means["live0"].mean), (2, 1.0, 1.0));
        // At the metronome's own tempo, but it beats on through the second half minute: 50 of 50 hit, 60 in vain.
        assert_eq!(all.floor.means["f70"].mean, 0.625);
        assert_eq!(report.subsets[1].tracker.n_pieces, 1);
        assert_eq!(report.idle.map(|idle| (idle.n_pieces, idle.beats_per_minute)), Some((1, 60.0)));
        assert!(report.cpu_per_audio.is_some_and(|cost| (cost - 0.01).abs() < 1e-12));
    }

    #[test]
    fn files_without_a_partner_are_named_in_the_report() {
        let folder = folder();
        std::fs::remove_file(folder.path().join("manifest.json")).unwrap();
        std::fs::write(folder.path().join("lonely.mp3"), "").unwrap();
        let report = run(&EvalOptions::new(folder.path()), &perfect).unwrap();
        assert_eq!((report.clips.len(), &report.unpaired[..]), (3, &["lonely.mp3".to_owned()][..]));
        assert!(report.table().contains("left out, no partner of the same stem: lonely.mp3"));
    }

    #[test]
    fn a_failed_piece_counts_as_zero_and_is_named() {
        let folder = folder();
        let fails_on_b = |audio: &Path| if is_piece(audio, "b") { Err("no audio in it".to_owned()) } else { perfect(audio) };
        let report = run(&EvalOptions::new(folder.path()), &fails_on_b).unwrap();
        assert_eq!((report.n_failed(), report.subsets[0].tracker.means["f70"].mean), (1, 0.5));
        assert_eq!((report.clips[1].status, report.clips[1].error.as_deref()), (Status::Failed, Some("no audio in it")));
        let panics_on_b = |audio: &Path| if is_piece(audio, "b") { panic!("expected in this test") } else { perfect(audio) };
        assert_eq!(run(&EvalOptions::new(folder.path()), &panics_on_b).unwrap().n_failed(), 1);
        let not_finite = |_: &Path| Ok(tracked([(f64::NAN, 1)], 0.0));
        assert_eq!(run(&EvalOptions::new(folder.path()), &not_finite).unwrap().n_failed(), 3);
    }

    #[test]
    fn the_number_of_jobs_changes_nothing() {
        let folder = folder();
        let with = |jobs: usize| run(&EvalOptions { jobs: NonZeroUsize::new(jobs), ..EvalOptions::new(folder.path()) }, &perfect).unwrap();
        assert_eq!(with(1), with(8));
    }

    #[test]
    fn an_earlier_report_is_compared_piece_by_piece() {
        let folder = folder();
        let json = folder.path().join("before.json");
        let late = |_: &Path| Ok(tracked(beats().map(|(time_sec, position)| (time_sec + 0.05, position)), 0.0));
        let options = EvalOptions { configuration: [("decoder".to_owned(), "late".to_owned())].into(), ..EvalOptions::new(folder.path()) };
        report_file::write(&json, &run(&options, &late).unwrap()).unwrap();
        let options = EvalOptions { baseline: Some(json.clone()), ..EvalOptions::new(folder.path()) };
        let paired = run(&options, &perfect).unwrap().paired.unwrap();
        assert_eq!((paired.n_pieces, paired.configuration["decoder"].as_str()), (2, "late"));
        assert_eq!((paired.subsets[ALL]["f70"].mean, paired.subsets[ALL]["f25"].mean), (0.0, 1.0));
        assert_eq!(paired.subsets[REAL]["f25"].n_pieces, 1);

        let other_skip = run(&EvalOptions { skip_sec: 0.0, ..options.clone() }, &perfect).unwrap_err();
        assert!(other_skip.to_string().contains("skip the same"), "{other_skip}");
        std::fs::write(&json, r#"{"format": "anacrusis-eval", "version": 99}"#).unwrap();
        assert!(run(&options, &perfect).unwrap_err().to_string().contains("version 99, expected"));
        std::fs::write(&json, "[]").unwrap();
        assert!(run(&options, &perfect).unwrap_err().to_string().contains("not a report"));
    }

    #[test]
    fn a_report_survives_being_written_and_read() {
        let folder = folder();
        let path = folder.path().join("report.json");
        let report = run(&EvalOptions::new(folder.path()), &perfect).unwrap();
        report_file::write(&path, &report).unwrap();
        let read = EvalReport::read(&path).unwrap();
        assert_eq!((&read.subsets[0].name, read.clips.len(), read.skip_sec), (&report.subsets[0].name, 3, 5.0));
        assert!(std::fs::read_dir(folder.path()).unwrap().all(|entry| !entry.unwrap().file_name().to_string_lossy().contains("tmp")));
    }

    #[test]
    fn options_that_make_no_sense_are_refused() {
        let folder = folder();
        for skip_sec in [-1.0, f64::NAN, f64::INFINITY] {
            let error = run(&EvalOptions { skip_sec, ..EvalOptions::new(folder.path()) }, &perfect).unwrap_err();
            assert!(matches!(error, EvalError::Skip(_)), "{error}");
        }
        let options = EvalOptions { skip_sec: 29.3, only: Some("a".to_owned()), ..EvalOptions::new(folder.path()) };
        assert!(matches!(run(&options, &perfect), Err(EvalError::NothingToScore { .. })));
    }
}
