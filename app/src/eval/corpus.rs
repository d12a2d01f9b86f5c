//! Reads a folder of pieces: audio, reference beats and what is known about each. Any thread.
//!
//! With a `manifest.json`, that file says which pieces there are. Without one, every audio file whose stem has a
//! `STEM.beats` anywhere in the folder is a piece.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::reference::Reference;
use super::row_file::RowFileError;
use super::structure::truth::SECTIONS_EXTENSION;
use crate::decode::EXTENSIONS;

/// Name of the file that describes a corpus.
pub const MANIFEST_NAME: &str = "manifest.json";
/// Manifest format that this code reads.
pub const MANIFEST_FORMAT: u64 = 1;
/// Extension of reference files.
pub const REFERENCE_EXTENSION: &str = "beats";
/// Kind of a piece that nobody described.
pub const UNKNOWN_KIND: &str = "unknown";

/// One piece to be scored.
#[derive(Debug, Clone, PartialEq)]
pub struct Piece {
    /// Unique name.
    pub id: String,
    /// Audio file.
    pub audio: PathBuf,
    /// Reference beats.
    pub reference: Reference,
    /// File of the reference sections, where there is one.
    pub sections: Option<PathBuf>,
    /// Whether the reference's downbeats can be trusted.
    pub downbeats_scored: bool,
    /// Whether this is a recording; `None` where nobody said.
    pub real: Option<bool>,
    /// How the piece came about, for a subset of its own.
    pub kind: String,
    /// Genre; empty where nobody said.
    pub genre: String,
}

/// The pieces of a folder.
#[derive(Debug, Clone, PartialEq)]
pub struct Corpus {
    /// Pieces, by id.
    pub pieces: Vec<Piece>,
    /// Audio without a reference and references without audio, where there is no manifest.
    pub unpaired: Vec<PathBuf>,
}

impl Corpus {
    /// Reads a folder and every reference in it whose piece's id contains `only`.
    ///
    /// # Errors
    /// A folder, manifest or reference that cannot be used, or no piece at all.
    pub fn read(folder: &Path, only: Option<&str>) -> Result<Self, CorpusError> {
        let manifest = folder.join(MANIFEST_NAME);
        let (mut entries, unpaired) = if manifest.is_file() { (read_manifest(&manifest)?, Vec::new()) } else { pair_files(folder)? };
        entries.sort_by(|left, right| left.id.cmp(&right.id));
        if let Some(pair) = entries.windows(2).find(|pair| pair[0].id == pair[1].id) {
            return Err(CorpusError::SameId { id: pair[0].id.clone(), folder: folder.to_owned() });
        }
        if entries.is_empty() {
            return Err(CorpusError::NoPieces { folder: folder.to_owned() });
        }
        entries.retain(|entry| only.is_none_or(|part| entry.id.contains(part)));
        if let (true, Some(part)) = (entries.is_empty(), only) {
            return Err(CorpusError::NoneSelected { only: part.to_owned(), folder: folder.to_owned() });
        }
        let pieces = entries.into_iter().map(|entry| entry.into_piece(folder)).collect::<Result<_, _>>()?;
        Ok(Self { pieces, unpaired })
    }
}

/// A corpus that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CorpusError {
    /// Not readable.
    #[error("{path}: cannot be read: {source}", path = path.display())]
    Unreadable {
        /// File or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Not JSON, or a field is missing or of the wrong type; serde names line and column.
    #[error("{path}: not a corpus manifest: {source}", path = path.display())]
    Manifest {
        /// Manifest.
        path: PathBuf,
        /// What and where.
        source: serde_json::Error,
    },
    /// A manifest of another format.
    #[error("{path}: manifest format {got}, expected {MANIFEST_FORMAT}", path = path.display())]
    Format {
        /// Manifest.
        path: PathBuf,
        /// Format found.
        got: u64,
    },
    /// Two pieces of one name.
    #[error("{folder}: two pieces are called `{id}`", folder = folder.display())]
    SameId {
        /// Name.
        id: String,
        /// Corpus.
        folder: PathBuf,
    },
    /// An audio file of the manifest is not there.
    #[error("{audio}: audio of piece `{id}` is missing", audio = audio.display())]
    NoAudio {
        /// Piece.
        id: String,
        /// File expected.
        audio: PathBuf,
    },
    /// Nothing to score.
    #[error(
        "{folder}: no pieces: expected {MANIFEST_NAME}, or audio files each with a STEM.{REFERENCE_EXTENSION} of the same stem",
        folder = folder.display()
    )]
    NoPieces {
        /// Corpus.
        folder: PathBuf,
    },
    /// The selection matches nothing.
    #[error("{folder}: no piece has `{only}` in its id", folder = folder.display())]
    NoneSelected {
        /// Selection.
        only: String,
        /// Corpus.
        folder: PathBuf,
    },
    /// A reference cannot be used.
    #[error(transparent)]
    Reference(#[from] RowFileError),
}

#[derive(Deserialize)]
struct Manifest {
    format: u64,
    pieces: Vec<Entry>,
}

/// A piece as the manifest has it; fields not named here are for people.
#[derive(Deserialize)]
struct Entry {
    id: String,
    audio: PathBuf,
    beats: PathBuf,
    sections: Option<PathBuf>,
    downbeats_scored: Option<bool>,
    real: Option<bool>,
    #[serde(default = "unknown_kind")]
    kind: String,
    #[serde(default)]
    genre: String,
}

impl Entry {
    fn into_piece(self, folder: &Path) -> Result<Piece, CorpusError> {
        let audio = folder.join(&self.audio);
        if !audio.is_file() {
            return Err(CorpusError::NoAudio { id: self.id, audio });
        }
        let reference = Reference::read(&folder.join(&self.beats))?;
        let downbeats_scored = self.downbeats_scored.unwrap_or(true) && !reference.downbeats_sec().is_empty();
        let sections = self.sections.map(|sections| folder.join(sections));
        Ok(Piece { id: self.id, audio, reference, sections, downbeats_scored, real: self.real, kind: self.kind, genre: self.genre })
    }
}

fn unknown_kind() -> String {
    UNKNOWN_KIND.to_owned()
}

fn read_manifest(path: &Path) -> Result<Vec<Entry>, CorpusError> {
    let bytes = std::fs::read(path).map_err(|source| CorpusError::Unreadable { path: path.to_owned(), source })?;
    let manifest: Manifest = serde_json::from_slice(&bytes).map_err(|source| CorpusError::Manifest { path: path.to_owned(), source })?;
    if manifest.format != MANIFEST_FORMAT {
        return Err(CorpusError::Format { path: path.to_owned(), got: manifest.format });
    }
    Ok(manifest.pieces)
}

/// Pairs audio and references by stem; the second list holds what found no partner.
fn pair_files(folder: &Path) -> Result<(Vec<Entry>, Vec<PathBuf>), CorpusError> {
    let mut audio: BTreeMap<String, PathBuf> = BTreeMap::new();
    let mut references: BTreeMap<String, PathBuf> = BTreeMap::new();
    let mut sections: BTreeMap<String, PathBuf> = BTreeMap::new();
    for path in files_below(folder)? {
        let (Some(stem), Some(extension)) = (path.file_stem(), path.extension()) else { continue };
        let (stem, extension) = (stem.to_string_lossy().into_owned(), extension.to_string_lossy().to_lowercase());
        let files = if extension == REFERENCE_EXTENSION {
            &mut references
        } else if extension == SECTIONS_EXTENSION {
            &mut sections
        } else if EXTENSIONS.contains(&extension.as_str()) {
            &mut audio
        } else {
            continue;
        };
        if files.insert(stem.clone(), path).is_some() {
            return Err(CorpusError::SameId { id: stem, folder: folder.to_owned() });
        }
    }
    let mut entries = Vec::new();
    let mut unpaired = Vec::new();
    for (id, audio) in audio {
        match references.remove(&id) {
            Some(beats) => {
                let (sections, kind) = (sections.remove(&id), unknown_kind());
                entries.push(Entry { id, audio, beats, sections, downbeats_scored: None, real: None, kind, genre: String::new() });
            }
            None => unpaired.push(audio),
        }
    }
    unpaired.extend(references.into_values());
    // Found by walking `folder`, so the paths hold it already; `into_piece` joins it in front.
    let relative = |path: PathBuf| path.strip_prefix(folder).map(Path::to_owned).unwrap_or(path);
    for entry in &mut entries {
        entry.audio = relative(std::mem::take(&mut entry.audio));
        entry.beats = relative(std::mem::take(&mut entry.beats));
        entry.sections = entry.sections.take().map(relative);
    }
    Ok((entries, unpaired))
}

/// Every file below a folder, sorted. Links to files are followed, links to folders are not: they may lead back.
fn files_below(folder: &Path) -> Result<Vec<PathBuf>, CorpusError> {
    let unreadable = |path: &Path, source| CorpusError::Unreadable { path: path.to_owned(), source };
    let (mut folders, mut files) = (vec![folder.to_owned()], Vec::new());
    while let Some(current) = folders.pop() {
        for entry in std::fs::read_dir(&current).map_err(|source| unreadable(&current, source))? {
            let entry = entry.map_err(|source| unreadable(&current, source))?;
            let path = entry.path();
            if entry.file_type().map_err(|source| unreadable(&path, source))?.is_dir() {
                folders.push(path);
            } else if path.is_file() {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with the given files, `(path, content)`.
    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        folder
    }

    fn error(files: &[(&str, &str)]) -> String {
        Corpus::read(folder(files).path(), None).unwrap_err().to_string()
    }

    #[test]
    fn a_manifest_names_pieces_and_what_is_known_of_them() {
        let manifest = r#"{"format": 1, "note": "x", "pieces": [
            {"id": "b", "audio": "a/b.ogg", "beats": "r/b.beats", "downbeats_scored": false, "real": true, "kind": "real", "genre": "rock", "duration_s": 9.0},
            {"id": "a", "audio": "a/b.ogg", "beats": "r/b.beats"}]}"#;
        let folder = folder(&[(MANIFEST_NAME, manifest), ("a/b.ogg", ""), ("r/b.beats", "0.5\t1\n1.0\t2\n")]);
        let corpus = Corpus::read(folder.path(), None).unwrap();
        let [a, b] = &corpus.pieces[..] else { panic!("two pieces") };
        assert_eq!((a.id.as_str(), a.downbeats_scored, a.real, a.kind.as_str()), ("a", true, None, UNKNOWN_KIND));
        assert_eq!((b.downbeats_scored, b.real, b.genre.as_str()), (false, Some(true), "rock"));
        assert_eq!(Corpus::read(folder.path(), Some("b")).unwrap().pieces.len(), 1);
    }

    #[test]
    fn without_a_manifest_stems_are_paired_wherever_they_lie() {
        let folder =
            folder(&[("x/one.WAV", ""), ("ann/deep/one.beats", "1\n2\n"), ("lonely.mp3", ""), ("other.beats", ""), ("readme.txt", "")]);
        let corpus = Corpus::read(folder.path(), None).unwrap();
        assert_eq!(corpus.pieces.len(), 1);
        let piece = &corpus.pieces[0];
        assert_eq!((piece.id.as_str(), piece.downbeats_scored, piece.reference.times_sec()), ("one", false, &[1.0, 2.0][..]));
        assert!(piece.audio.is_file());
        assert_eq!(corpus.unpaired.len(), 2);
    }

    #[test]
    fn an_empty_reference_is_a_piece_without_beats() {
        let folder = folder(&[("silence.wav", ""), ("silence.beats", "")]);
        assert!(Corpus::read(folder.path(), None).unwrap().pieces[0].reference.times_sec().is_empty());
    }

    #[test]
    fn each_cause_has_its_own_message() {
        assert!(error(&[]).contains("no pieces"));
        assert!(error(&[("a.wav", "")]).contains("no pieces"));
        assert!(error(&[(MANIFEST_NAME, "{")]).contains("not a corpus manifest"));
        assert!(error(&[(MANIFEST_NAME, r#"{"format": 1, "pieces": [{"id": "a"}]}"#)]).contains("missing field `audio`"));
        assert!(error(&[(MANIFEST_NAME, r#"{"format": 2, "pieces": []}"#)]).contains("format 2, expected 1"));
        assert!(error(&[("a.wav", ""), ("x/a.wav", ""), ("a.beats", "")]).contains("two pieces are called `a`"));
        let entry = r#"{"id": "a", "audio": "a.wav", "beats": "a.beats"}"#;
        let manifest = format!(r#"{{"format": 1, "pieces": [{entry}, {entry}]}}"#);
        assert!(error(&[(MANIFEST_NAME, &manifest)]).contains("two pieces are called `a`"));
        let manifest = format!(r#"{{"format": 1, "pieces": [{entry}]}}"#);
        assert!(error(&[(MANIFEST_NAME, &manifest)]).contains("audio of piece `a` is missing"));
        assert!(error(&[(MANIFEST_NAME, &manifest), ("a.wav", "")]).contains("a.beats: cannot be read"));
        assert!(error(&[("a.wav", ""), ("a.beats", "1.0\t1\nx\t2\n")]).contains("a.beats:2:"));
        let folder = folder(&[("a.wav", ""), ("a.beats", "")]);
        assert!(Corpus::read(folder.path(), Some("zzz")).unwrap_err().to_string().contains("`zzz`"));
        assert!(Corpus::read(&folder.path().join("none"), None).unwrap_err().to_string().contains("cannot be read"));
    }
}
