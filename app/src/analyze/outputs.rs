//! Where each input's outputs go, decided before anything is decoded. Main thread.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::inputs::Input;
use crate::formats::{Format, Origin};

/// Where outputs go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Destination {
    /// Beside each input.
    Beside,
    /// Into a directory, in the tree that the inputs have below the directories named.
    Folder(PathBuf),
    /// One format of one input to standard output.
    Stdout,
}

/// One input with its output files, in the order of the formats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Job {
    /// The input.
    pub(super) input: Input,
    /// Format and file; no file is standard output.
    pub(super) outputs: Vec<(Format, Option<PathBuf>)>,
}

impl Job {
    /// True where every output is a file that exists and is no older than the input: what broke off, or was replaced since, is not done.
    pub(super) fn is_done(&self) -> bool {
        let modified = |path: &Path| path.metadata().ok().filter(|file| file.is_file())?.modified().ok();
        let input = modified(&self.input.path);
        self.outputs
            .iter()
            .all(|(_, path)| path.as_deref().and_then(modified).is_some_and(|output| input.is_none_or(|input| output >= input)))
    }

    /// The report, where one is asked for as a file.
    pub(super) fn report(&self) -> Option<&Path> {
        self.outputs.iter().find(|(format, _)| *format == Format::Report).and_then(|(_, path)| path.as_deref())
    }

    /// Where an output finds the audio.
    pub(super) fn origin(&self, output: Option<&Path>, embeds_audio: bool) -> Origin {
        if self.input.is_stdin() {
            return Origin::default();
        }
        let link = output.and_then(|output| relative(output.parent().unwrap_or(Path::new("")), &self.input.path));
        Origin { audio: Some(self.input.path.clone()), link, embeds_audio }
    }
}

/// The way from a folder to a file, with `/` between its parts; `None` where there is none (another drive) or it cannot be said in UTF-8.
fn relative(folder: &Path, file: &Path) -> Option<String> {
    let absolute = |path: &Path| std::path::absolute(if path.as_os_str().is_empty() { Path::new(".") } else { path }).ok();
    // The folder may not be there yet; what is there is followed through its links.
    let real = |path: PathBuf| path.ancestors().find_map(|there| Some(there.canonicalize().ok()?.join(path.strip_prefix(there).ok()?)));
    let (folder, file) = (real(absolute(folder)?)?, real(absolute(file)?)?);
    let (from, to): (Vec<_>, Vec<_>) = (folder.components().collect(), file.components().collect());
    let n_shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    if n_shared == 0 {
        return None;
    }
    let ups = std::iter::repeat_n(Some(".."), from.len() - n_shared);
    let downs = to[n_shared..].iter().map(|part| part.as_os_str().to_str());
    Some(ups.chain(downs).collect::<Option<Vec<_>>>()?.join("/"))
}

/// A command line that cannot be carried out.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum PlanError {
    /// Two inputs, one output.
    #[error("{first} and {second} would both be written to {}: analyse them apart, or into two -o directories", output.display())]
    Collision {
        /// The input that comes first.
        first: String,
        /// The input that comes second.
        second: String,
        /// The file.
        output: PathBuf,
    },
    /// More than a pipe can hold.
    #[error("standard output takes one format of one file, not {n_formats} formats of {n_inputs} files: use -o DIR")]
    StdoutTakesOne {
        /// Formats asked for.
        n_formats: usize,
        /// Inputs found.
        n_inputs: usize,
    },
    /// A pipe is heard once.
    #[error("the format {format} needs the audio a second time, which standard input does not give: name a file")]
    HeardOnce {
        /// As `-f` names it.
        format: &'static str,
    },
    /// `-o` names a file.
    #[error("{} is a file: -o takes a directory", .0.display())]
    NotADirectory(PathBuf),
}

/// One job an input.
///
/// # Errors
/// [`PlanError`], before anything is written.
pub(super) fn plan(inputs: Vec<Input>, formats: &[Format], destination: &Destination) -> Result<Vec<Job>, PlanError> {
    // Standard input has no place of its own.
    let destination =
        if *destination == Destination::Beside && inputs.iter().any(Input::is_stdin) { &Destination::Stdout } else { destination };
    match destination {
        Destination::Folder(folder) if folder.exists() && !folder.is_dir() => return Err(PlanError::NotADirectory(folder.clone())),
        Destination::Stdout if formats.len() != 1 || inputs.len() > 1 => {
            return Err(PlanError::StdoutTakesOne { n_formats: formats.len(), n_inputs: inputs.len() });
        }
        _ => {}
    }
    if inputs.iter().any(Input::is_stdin) && formats.contains(&Format::Wav) {
        return Err(PlanError::HeardOnce { format: "wav" });
    }
    let mut taken: BTreeMap<PathBuf, String> = BTreeMap::new();
    let mut jobs = Vec::with_capacity(inputs.len());
    for input in inputs {
        let mut outputs = Vec::with_capacity(formats.len());
        for &format in formats {
            let path = output_path(&input, format, destination);
            if let Some(path) = &path
                && let Some(first) = taken.insert(path.clone(), input.name())
            {
                return Err(PlanError::Collision { first, second: input.name(), output: path.clone() });
            }
            outputs.push((format, path));
        }
        jobs.push(Job { input, outputs });
    }
    Ok(jobs)
}

/// `song.wav` becomes `song.beats`.
fn output_path(input: &Input, format: Format, destination: &Destination) -> Option<PathBuf> {
    let source = match destination {
        Destination::Stdout => return None,
        Destination::Beside => input.path.clone(),
        Destination::Folder(folder) if input.is_stdin() => folder.join("stdin"),
        Destination::Folder(folder) => folder.join(&input.below),
    };
    let mut name = source.file_stem().unwrap_or(source.as_os_str()).to_owned();
    name.push(".");
    name.push(format.suffix());
    Some(source.parent().unwrap_or(Path::new("")).join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(path: &str, below: &str) -> Input {
        Input { path: path.into(), below: below.into() }
    }

    fn paths(inputs: Vec<Input>, formats: &[Format], destination: &Destination) -> Result<Vec<String>, PlanError> {
        let jobs = plan(inputs, formats, destination)?;
        Ok(jobs.into_iter().flat_map(|j| j.outputs).map(|(_, p)| p.unwrap().to_str().unwrap().replace('\\', "/")).collect())
    }

    #[test]
    fn outputs_are_beside_the_input_or_in_its_tree_below_o() {
        let formats = [Format::Beats, Format::Mid];
        let song = || vec![input("music/a/song.v2.wav", "a/song.v2.wav")];
        assert_eq!(paths(song(), &formats, &Destination::Beside).unwrap(), ["music/a/song.v2.beats", "music/a/song.v2.beats.mid"]);
        assert_eq!(
            paths(song(), &formats, &Destination::Folder("out".into())).unwrap(),
            ["out/a/song.v2.beats", "out/a/song.v2.beats.mid"]
        );
        assert_eq!(paths(vec![input("-", "-")], &formats[..1], &Destination::Folder("out".into())).unwrap(), ["out/stdin.beats"]);
    }

    #[test]
    fn two_inputs_never_share_an_output() {
        let same_stem = vec![input("a/x.wav", "x.wav"), input("a/x.mp3", "x.mp3")];
        let error = paths(same_stem, &[Format::Beats], &Destination::Beside).unwrap_err();
        assert!(error.to_string().starts_with("a/x.wav and a/x.mp3 would both be written to"), "{error}");
        let same_name = vec![input("a/x.wav", "x.wav"), input("b/x.wav", "x.wav")];
        assert!(paths(same_name.clone(), &[Format::Beats], &Destination::Beside).is_ok());
        assert!(paths(same_name, &[Format::Beats], &Destination::Folder("out".into())).is_err());
    }

    #[test]
    fn a_pipe_is_not_heard_twice() {
        let error = plan(vec![input("-", "-")], &[Format::Wav], &Destination::Stdout).unwrap_err();
        assert!(error.to_string().starts_with("the format wav needs the audio a second time"), "{error}");
    }

    #[test]
    fn an_output_finds_its_input() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("music/a")).unwrap();
        let song = folder.path().join("music/a/song ö.wav");
        std::fs::write(&song, "").unwrap();
        for (out, expected) in [("music/a", "song ö.wav"), ("music", "a/song ö.wav"), ("out/new/a", "../../../music/a/song ö.wav")] {
            assert_eq!(relative(&folder.path().join(out), &song).as_deref(), Some(expected), "{out}");
        }
    }

    #[test]
    fn an_output_older_than_its_input_is_not_done() {
        let folder = tempfile::tempdir().unwrap();
        let [song, out] = ["song.wav", "song.beats"].map(|name| folder.path().join(name));
        let job = Job { input: input(song.to_str().unwrap(), "song.wav"), outputs: vec![(Format::Beats, Some(out.clone()))] };
        std::fs::write(&song, "").unwrap();
        assert!(!job.is_done(), "missing");
        std::fs::write(&out, "").unwrap();
        assert!(job.is_done());
        crate::analyze::write::mark_stale(&out, &song).unwrap();
        assert!(!job.is_done(), "stale");
        std::fs::remove_file(&song).unwrap();
        assert!(job.is_done(), "there is nothing to do it from");
    }

    #[test]
    fn stdout_takes_one_format_of_one_input() {
        let two = || vec![input("a", "a"), input("b", "b")];
        assert!(plan(two(), &[Format::Beats], &Destination::Stdout).is_err());
        assert!(plan(two()[..1].to_vec(), &[Format::Beats, Format::Csv], &Destination::Stdout).is_err());
        assert_eq!(plan(two()[..1].to_vec(), &[Format::Beats], &Destination::Stdout).unwrap()[0].outputs, [(Format::Beats, None)]);
    }
}
