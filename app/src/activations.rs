//! Activations in files, one a piece: what a network that was run elsewhere said, or what ours said. Worker threads.
//!
//! `DIR/STEM.npz` belongs to the audio file STEM. Its array `activations`, float32 `[n_frames, 3]`, has the classes of the
//! contract (beat, downbeat, none) in its columns and a row for each frame of `anacrusis features`. Where the network looks
//! ahead, the int64 scalar `delay_frames` says how many frames after its own it has to hear before it knows a row.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use runtime_core::analysis::activation::{Activation, StepError};
use runtime_core::analysis::beat_model::BeatModel;
use runtime_core::analysis::recorded::{FrameCount, RecordedActivations, Recorder, Recording};

use crate::analyze::write::write_whole;
use crate::npz::{self, Array, NpzError, NpzReader, Values};

/// Name of the array.
pub const ARRAY_NAME: &str = "activations";
/// Name of the scalar that says how late a row is known, frames; 0 where it is missing.
pub const DELAY_NAME: &str = "delay_frames";
/// Longest delay that is believed, frames: two seconds.
const MAX_DELAY_FRAMES: i64 = 100;
/// How far from 1 the sum of a row may be: rounding, and nothing else.
const SUM_TOLERANCE: f32 = 1e-3;
/// Rows that a file may have beyond the frames of the analysis: `anacrusis features` also fills the last hop.
const MAX_SPARE_ROWS: usize = 1;

/// Why activations cannot be used, or not be written.
#[derive(Debug, thiserror::Error)]
pub enum ActivationsError {
    /// Not a file of activations.
    #[error("{} {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: NpzError,
    },
    /// A row that no softmax gave.
    #[error("{} row {row} is {values:?}: expected three probabilities whose sum is 1", path.display())]
    NotProbabilities {
        /// The file.
        path: PathBuf,
        /// Index of the row.
        row: usize,
        /// What it holds.
        values: [f32; 3],
    },
    /// No delay that any network has.
    #[error("{} says {DELAY_NAME} = {got}, expected 0 to {MAX_DELAY_FRAMES}", path.display())]
    Delay {
        /// The file.
        path: PathBuf,
        /// What it says.
        got: i64,
    },
    /// Another piece's, or cut short.
    #[error("{} has {n_rows} rows, but the audio has {n_frames} frames", path.display())]
    Length {
        /// The file.
        path: PathBuf,
        /// Rows of the file.
        n_rows: usize,
        /// Frames that the analysis stepped over.
        n_frames: usize,
    },
    /// Two pieces of one stem.
    #[error("{first} and {second} would both have their activations in {}", path.display())]
    SameStem {
        /// Audio of the piece that comes first.
        first: String,
        /// Audio of the piece that comes second.
        second: String,
        /// The file.
        path: PathBuf,
    },
    /// A piece without activations.
    #[error("no activations for {audio}: {} is missing", path.display())]
    Missing {
        /// Audio of the piece.
        audio: String,
        /// The file expected.
        path: PathBuf,
    },
    /// The network failed, so that another model took its place.
    #[error("no activations to write: {0}")]
    Network(#[from] StepError),
    /// The system refused.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The file of a piece's activations.
fn path_of(folder: &Path, audio: &Path) -> PathBuf {
    let mut name = audio.file_stem().unwrap_or(audio.as_os_str()).to_owned();
    name.push(".npz");
    folder.join(name)
}

/// Checks that each piece has a file name of its own and, where `must_exist`, its file.
///
/// # Errors
/// [`ActivationsError::SameStem`], [`ActivationsError::Missing`].
pub fn check_folder<'a>(folder: &Path, audio: impl IntoIterator<Item = &'a Path>, must_exist: bool) -> Result<(), ActivationsError> {
    let mut taken: BTreeMap<PathBuf, String> = BTreeMap::new();
    for audio in audio {
        let (path, audio_name) = (path_of(folder, audio), audio.display().to_string());
        if let Some(first) = taken.insert(path.clone(), audio_name.clone()) {
            return Err(ActivationsError::SameStem { first, second: audio_name, path });
        }
        if must_exist && !path.is_file() {
            return Err(ActivationsError::Missing { audio: audio_name, path });
        }
    }
    Ok(())
}

/// The activations of one piece in place of a network.
pub struct Playback {
    path: PathBuf,
    n_rows: usize,
    n_frames: FrameCount,
}

impl Playback {
    /// A model that says what the piece's file holds.
    ///
    /// # Errors
    /// [`ActivationsError::File`], [`ActivationsError::Delay`], [`ActivationsError::NotProbabilities`].
    pub fn open(folder: &Path, audio: &Path) -> Result<(BeatModel, Self), ActivationsError> {
        let path = path_of(folder, audio);
        let (rows, delay_frames) = read(&path).map_err(|source| ActivationsError::File { path: path.clone(), source })?;
        if !(0..=MAX_DELAY_FRAMES).contains(&delay_frames) {
            return Err(ActivationsError::Delay { path, got: delay_frames });
        }
        if let Some(row) = rows.iter().position(|row| !is_distribution(row)) {
            return Err(ActivationsError::NotProbabilities { path, row, values: rows[row] });
        }
        let n_rows = rows.len();
        let activations = rows.into_iter().map(|[beat, downbeat, none]| Activation { beat, downbeat, none });
        let (model, n_frames) = RecordedActivations::model(activations.collect(), delay_frames as usize);
        Ok((model, Self { path, n_rows, n_frames }))
    }

    /// After the analysis: whether the file was as long as the audio.
    ///
    /// # Errors
    /// [`ActivationsError::Length`].
    pub fn check_length(self) -> Result<(), ActivationsError> {
        let n_frames = self.n_frames.get();
        if (n_frames..=n_frames + MAX_SPARE_ROWS).contains(&self.n_rows) {
            return Ok(());
        }
        Err(ActivationsError::Length { path: self.path, n_rows: self.n_rows, n_frames })
    }
}

/// Rows and delay of a file.
fn read(path: &Path) -> Result<(Vec<[f32; 3]>, i64), NpzError> {
    let mut npz = NpzReader::open(path)?;
    let rows = npz.rows(ARRAY_NAME)?;
    let delay_frames = if npz.names().iter().any(|name| name == DELAY_NAME) { npz.integer(DELAY_NAME)? } else { 0 };
    Ok((rows, delay_frames))
}

/// NaN is none.
fn is_distribution(row: &[f32; 3]) -> bool {
    row.iter().all(|&p| p >= 0.0) && (row.iter().sum::<f32>() - 1.0).abs() <= SUM_TOLERANCE
}

/// A network whose activations go to the piece's file.
pub struct Capture {
    path: PathBuf,
    delay_frames: usize,
    recording: Recording,
}

impl Capture {
    /// The same model, written down.
    pub fn start(folder: &Path, audio: &Path, model: BeatModel) -> (BeatModel, Self) {
        let (model, recording) = Recorder::model(model);
        let delay_frames = model.net.delay_frames();
        (model, Self { path: path_of(folder, audio), delay_frames, recording })
    }

    /// After the analysis: writes the file.
    ///
    /// # Errors
    /// [`ActivationsError::Network`], [`ActivationsError::Write`].
    pub fn write(self) -> Result<(), ActivationsError> {
        let rows = self.recording.take()?;
        let values: Vec<f32> = rows.iter().flat_map(|row| [row.beat, row.downbeat, row.none]).collect();
        let bytes = npz::to_bytes(&[
            Array { name: ARRAY_NAME, shape: &[rows.len(), 3], values: Values::F32(&values) },
            Array { name: DELAY_NAME, shape: &[], values: Values::I64(&[self.delay_frames as i64]) },
        ]);
        write_whole(&self.path, &bytes).map_err(|source| ActivationsError::Write { path: self.path, source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with activations of `x.wav`, with or without a delay.
    fn folder_with(rows: &[[f32; 3]], delay_frames: Option<i64>) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let shape = [rows.len(), 3];
        let mut arrays = vec![Array { name: ARRAY_NAME, shape: &shape, values: Values::F32(rows.as_flattened()) }];
        let delay_frames = delay_frames.as_slice();
        if !delay_frames.is_empty() {
            arrays.push(Array { name: DELAY_NAME, shape: &[], values: Values::I64(delay_frames) });
        }
        std::fs::write(folder.path().join("x.npz"), npz::to_bytes(&arrays)).unwrap();
        folder
    }

    fn open(folder: &Path) -> Result<(BeatModel, Playback), String> {
        Playback::open(folder, Path::new("music/x.wav")).map_err(|e| e.to_string())
    }

    #[test]
    fn a_file_plays_its_rows_and_is_as_long_as_the_audio() {
        let folder = folder_with(&[[0.5, 0.25, 0.25], [0.0, 0.0, 1.0]], None);
        for (n_frames, is_good) in [(0, false), (1, true), (2, true), (3, false)] {
            let (mut model, playback) = open(folder.path()).unwrap();
            let said: Vec<Activation> = (0..n_frames).map(|_| model.net.step(&[]).unwrap()).collect();
            assert!(said.first().is_none_or(|a| *a == Activation { beat: 0.5, downbeat: 0.25, none: 0.25 }));
            let checked = playback.check_length().map_err(|e| e.to_string());
            assert_eq!(checked.is_ok(), is_good, "{n_frames} frames");
            assert!(checked.err().is_none_or(|e| e.ends_with(&format!("has 2 rows, but the audio has {n_frames} frames"))));
        }
    }

    #[test]
    fn a_delay_is_kept_where_it_makes_sense() {
        for delay_frames in [0, 5, 100] {
            let folder = folder_with(&[[0.5, 0.25, 0.25]], Some(delay_frames));
            let (model, _) = open(folder.path()).unwrap();
            assert_eq!(model.net.delay_frames() as i64, delay_frames);
            let (model, capture) = Capture::start(folder.path(), Path::new("x.wav"), model);
            capture.write().unwrap();
            drop(model);
            assert_eq!(open(folder.path()).unwrap().0.net.delay_frames() as i64, delay_frames);
        }
        for delay_frames in [-1, 101] {
            let error = open(folder_with(&[], Some(delay_frames)).path()).err().unwrap();
            assert!(error.ends_with(&format!("says delay_frames = {delay_frames}, expected 0 to 100")), "{error}");
        }
    }

    #[test]
    fn what_a_network_said_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let audio = Path::new("music/x.wav");
        let (mut model, capture) = Capture::start(folder.path(), audio, BeatModel::flux(None));
        let features: Vec<Vec<f32>> = (0..5).map(|n| vec![n as f32 * 0.1; model.front_end.len]).collect();
        let said: Vec<Activation> = features.iter().map(|frame| model.net.step(frame).unwrap()).collect();
        capture.write().unwrap();
        let (mut model, playback) = open(folder.path()).unwrap();
        assert_eq!(said, features.iter().map(|frame| model.net.step(frame).unwrap()).collect::<Vec<_>>());
        playback.check_length().unwrap();
    }

    #[test]
    fn rows_that_are_no_probabilities_are_named() {
        for bad in [[0.5, 0.5, 0.5], [-0.1, 0.1, 1.0], [f32::NAN, 0.0, 1.0], [2.5, -1.0, -0.5], [0.0; 3]] {
            let folder = folder_with(&[[0.0, 0.0, 1.0], bad], None);
            let error = open(folder.path()).err().unwrap();
            assert!(error.contains("x.npz row 1 is [") && error.contains("sum is 1"), "{error}");
        }
    }

    #[test]
    fn a_folder_is_checked_before_anything_runs() {
        let folder = folder_with(&[], None);
        let check =
            |audio: &[&str], must_exist| check_folder(folder.path(), audio.iter().map(Path::new), must_exist).map_err(|e| e.to_string());
        check(&["a/x.wav"], true).unwrap();
        check(&["a/x.wav", "a/y.wav"], false).unwrap();
        assert!(check(&["a/x.wav", "a/y.wav"], true).unwrap_err().contains("no activations for a/y.wav"));
        assert!(check(&["a/x.wav", "b/x.mp3"], false).unwrap_err().starts_with("a/x.wav and b/x.mp3 would both"));
    }

    #[test]
    fn a_network_that_failed_gives_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let (mut model, capture) = Capture::start(folder.path(), Path::new("x.wav"), BeatModel::flux(None));
        model.net.step(&[]).unwrap_err();
        assert!(capture.write().unwrap_err().to_string().contains("takes frames of 272 features, got 0"));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
