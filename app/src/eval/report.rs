//! What an evaluation found, as versioned JSON that a later run can be compared with. Any thread.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::bootstrap::Estimate;
use super::clip::ClipScores;
use super::genre::group_of;
use super::summary::{Summary, paired_differences};

/// Says what the JSON is.
pub const FORMAT: &str = "anacrusis-eval";
/// Raised when a field changes its meaning or goes; new fields do not raise it.
pub const VERSION: u32 = 1;
/// Name of the subset of all pieces.
pub const ALL: &str = "all";
/// Name of the subset of recordings.
pub const REAL: &str = "real";

/// Everything an evaluation found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EvalReport {
    /// [`FORMAT`].
    pub format: String,
    /// [`VERSION`].
    pub version: u32,
    /// Name of the corpus folder.
    pub corpus: String,
    /// What was run: decoder, activation, mode and so on.
    pub configuration: BTreeMap<String, String>,
    /// How much of each start is not scored, seconds.
    pub skip_sec: f64,
    /// Names of audio files without a reference and of references without audio, where no manifest pairs them.
    #[serde(default)]
    pub unpaired: Vec<String>,
    /// Audio analysed, seconds.
    pub audio_sec: f64,
    /// CPU time per second of audio; `None` where nothing was analysed.
    pub cpu_per_audio: Option<f64>,
    /// Beats announced where there are none; `None` where every reference has beats.
    pub idle: Option<Idle>,
    /// Figures by subset: [`ALL`], [`REAL`] where some pieces are and some are not, then each kind and each group of
    /// genres where there are several.
    pub subsets: Vec<Subset>,
    /// Comparison with an earlier report.
    pub paired: Option<Paired>,
    /// Piece by piece, in order of id.
    pub clips: Vec<ClipReport>,
}

/// How a piece came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Scored.
    Scored,
    /// The reference has no beats: only counted in [`Idle`].
    Idle,
    /// Fewer than two reference beats after the skip: not scored.
    TooShort,
    /// The tracker failed: scored as if it had said nothing.
    Failed,
}

/// One piece.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClipReport {
    /// Name.
    pub id: String,
    /// How it came about.
    pub kind: String,
    /// Genre.
    pub genre: String,
    /// Whether it is a recording; `None` = unknown.
    pub real: Option<bool>,
    /// How it came out.
    pub status: Status,
    /// Why the tracker failed.
    pub error: Option<String>,
    /// Length of the audio, seconds; 0 where it was never read.
    pub duration_sec: f64,
    /// CPU time of the analysis, seconds.
    pub cpu_sec: f64,
    /// Beats that the tracker announced.
    pub n_beats: usize,
    /// Scores of the tracker, where the piece is scored.
    pub tracker: Option<ClipScores>,
    /// Scores of the deaf metronome, where the piece is scored.
    pub floor: Option<ClipScores>,
}

impl ClipReport {
    /// Whether the piece belongs to a subset.
    fn is_in(&self, subset: &str) -> bool {
        match subset {
            ALL => true,
            REAL => self.real == Some(true),
            name => match name.strip_prefix(GENRE_PREFIX) {
                Some(group) => group_of(&self.genre) == Some(group),
                None => self.kind == name.strip_prefix(KIND_PREFIX).unwrap_or(name),
            },
        }
    }
}

/// Stands before the name of a kind, so that no kind can be mistaken for [`ALL`] or [`REAL`].
pub const KIND_PREFIX: &str = "kind: ";
/// Stands before the name of a group of genres ([`group_of`]).
pub const GENRE_PREFIX: &str = "genre: ";

/// Beats announced in silence and noise.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Idle {
    /// Pieces without beats.
    pub n_pieces: usize,
    /// Announced beats per minute of them.
    pub beats_per_minute: f64,
}

/// Figures of a subset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Subset {
    /// Name.
    pub name: String,
    /// The tracker.
    pub tracker: Summary,
    /// The deaf metronome.
    pub floor: Summary,
}

/// Differences from an earlier report, ours minus theirs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Paired {
    /// What the earlier report ran.
    pub configuration: BTreeMap<String, String>,
    /// Pieces scored in both.
    pub n_pieces: usize,
    /// By subset, then by metric.
    pub subsets: BTreeMap<String, BTreeMap<String, Estimate>>,
}

impl EvalReport {
    /// Sums up pieces.
    pub(super) fn of(corpus: String, configuration: BTreeMap<String, String>, skip_sec: f64, clips: Vec<ClipReport>) -> Self {
        let audio_sec: f64 = clips.iter().map(|clip| clip.duration_sec).sum();
        let cpu_sec: f64 = clips.iter().map(|clip| clip.cpu_sec).sum();
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            corpus,
            configuration,
            skip_sec,
            unpaired: Vec::new(),
            audio_sec,
            cpu_per_audio: (audio_sec > 0.0).then(|| cpu_sec / audio_sec),
            idle: idle(&clips),
            subsets: subset_names(&clips).into_iter().map(|name| subset(name, &clips)).collect(),
            paired: None,
            clips,
        }
    }

    /// Adds the differences from an earlier report.
    ///
    /// # Errors
    /// Another skip, or no piece in common.
    pub(super) fn compare(&mut self, path: &Path, earlier: &Self) -> Result<(), BaselineError> {
        if self.skip_sec != earlier.skip_sec {
            return Err(BaselineError::Skip { path: path.to_owned(), got_sec: earlier.skip_sec, expected_sec: self.skip_sec });
        }
        let theirs: BTreeMap<&str, &ClipScores> =
            earlier.clips.iter().filter_map(|clip| Some((clip.id.as_str(), clip.tracker.as_ref()?))).collect();
        let pairs: Vec<(&ClipReport, (&ClipScores, &ClipScores))> =
            self.clips.iter().filter_map(|clip| Some((clip, (clip.tracker.as_ref()?, *theirs.get(clip.id.as_str())?)))).collect();
        if pairs.is_empty() {
            return Err(BaselineError::NothingInCommon { path: path.to_owned() });
        }
        let of_subset = |name: &str| {
            let members: Vec<_> = pairs.iter().filter(|(clip, _)| clip.is_in(name)).map(|(_, pair)| *pair).collect();
            (name.to_owned(), paired_differences(&members))
        };
        let subsets = self.subsets.iter().map(|subset| of_subset(&subset.name)).collect();
        self.paired = Some(Paired { configuration: earlier.configuration.clone(), n_pieces: pairs.len(), subsets });
        Ok(())
    }

    /// Reads an earlier report.
    ///
    /// # Errors
    /// [`BaselineError`]: not readable, not a report, another version.
    pub fn read(path: &Path) -> Result<Self, BaselineError> {
        let not_a_report = |source| BaselineError::NotAReport { path: path.to_owned(), source };
        let bytes = std::fs::read(path).map_err(|source| BaselineError::Unreadable { path: path.to_owned(), source })?;
        let header: Header = serde_json::from_slice(&bytes).map_err(not_a_report)?;
        if header.format != FORMAT || header.version != VERSION {
            return Err(BaselineError::Version { path: path.to_owned(), format: header.format, version: header.version });
        }
        serde_json::from_slice(&bytes).map_err(not_a_report)
    }

    /// Pieces on which the tracker failed.
    pub fn n_failed(&self) -> usize {
        self.clips.iter().filter(|clip| clip.status == Status::Failed).count()
    }
}

/// An earlier report that cannot be compared with.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// Not readable.
    #[error("{path}: baseline cannot be read: {source}", path = path.display())]
    Unreadable {
        /// File.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Not JSON, or not of this shape.
    #[error("{path}: not a report of `anacrusis eval --json`: {source}", path = path.display())]
    NotAReport {
        /// File.
        path: PathBuf,
        /// What and where.
        source: serde_json::Error,
    },
    /// Another format or version.
    #[error("{path}: `{format}` version {version}, expected `{FORMAT}` version {VERSION}", path = path.display())]
    Version {
        /// File.
        path: PathBuf,
        /// Format found.
        format: String,
        /// Version found.
        version: u32,
    },
    /// Scored from another second on.
    #[error("{path}: baseline skips the first {got_sec} s, this run {expected_sec} s: skip the same in both", path = path.display())]
    Skip {
        /// File.
        path: PathBuf,
        /// Skip of the baseline, seconds.
        got_sec: f64,
        /// Skip of this run, seconds.
        expected_sec: f64,
    },
    /// Other pieces.
    #[error("{path}: baseline and this run have no scored piece in common", path = path.display())]
    NothingInCommon {
        /// File.
        path: PathBuf,
    },
}

#[derive(Deserialize)]
struct Header {
    format: String,
    version: u32,
}

fn subset_names(clips: &[ClipReport]) -> Vec<String> {
    let mut names = vec![ALL.to_owned()];
    let n_real = clips.iter().filter(|clip| clip.is_in(REAL)).count();
    if n_real > 0 && n_real < clips.len() {
        names.push(REAL.to_owned());
    }
    let kinds: BTreeSet<&str> = clips.iter().map(|clip| clip.kind.as_str()).collect();
    if kinds.len() > 1 {
        names.extend(kinds.into_iter().map(|kind| format!("{KIND_PREFIX}{kind}")));
    }
    let groups: BTreeSet<&str> = clips.iter().filter_map(|clip| group_of(&clip.genre)).collect();
    if groups.len() > 1 {
        names.extend(groups.into_iter().map(|group| format!("{GENRE_PREFIX}{group}")));
    }
    names
}

fn subset(name: String, clips: &[ClipReport]) -> Subset {
    let members: Vec<&ClipReport> = clips.iter().filter(|clip| clip.is_in(&name)).collect();
    let of = |get: fn(&ClipReport) -> Option<&ClipScores>| Summary::of(&members.iter().filter_map(|clip| get(clip)).collect::<Vec<_>>());
    Subset { tracker: of(|clip| clip.tracker.as_ref()), floor: of(|clip| clip.floor.as_ref()), name }
}

fn idle(clips: &[ClipReport]) -> Option<Idle> {
    let quiet: Vec<&ClipReport> = clips.iter().filter(|clip| clip.status == Status::Idle).collect();
    let minutes = quiet.iter().map(|clip| clip.duration_sec).sum::<f64>() / 60.0;
    let n_beats: usize = quiet.iter().map(|clip| clip.n_beats).sum();
    (minutes > 0.0).then(|| Idle { n_pieces: quiet.len(), beats_per_minute: n_beats as f64 / minutes })
}
