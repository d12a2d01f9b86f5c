//! `cargo xtask accuracy`: the whole of docs/accuracy.md that is measured: our models and decoders against the trackers that run
//! here, by genre, with intervals; failures by cause, bounds, and the stress set. Main thread; minutes.

mod blocks;
mod peers;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::error::TaskError;
use crate::figures::{self, Run, Scored};
use crate::marked::Marked;
use crate::run_command::DEFAULT_CORPUS;
use crate::{process, python_environment, train};

/// The document.
const DOCUMENT: &str = "docs/accuracy.md";
/// Where reports and what they are made from go, below the workspace's root.
const WORK_FOLDER: &str = "target/accuracy";
/// BeatNet as it is published: its first weight set, its own decoder with its defects.
const BEATNET_ITSELF: Run = ("BeatNet itself (weight set 1, its own particle filter)", &["--model", "beatnet-1", "--cascade", "upstream"]);
/// What the decoder makes of activations that know the truth.
const ORACLES: [Run; 3] = [
    ("true beats, the network's split into beats and downbeats", &["--oracle", "beat"]),
    ("the network's beats, true split", &["--oracle", "split"]),
    ("both true: ideal activations", &["--oracle", "all"]),
];

/// What is measured, and where from.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Options {
    /// Directory of the corpus [default: ../shared/eval]
    #[arg(long, value_name = "DIR")]
    pub corpus: Option<PathBuf>,
    /// Stress set, made earlier by `corpus stress` of the training package [default: made anew, where the package is set up]
    #[arg(long, value_name = "DIR")]
    pub stress: Option<PathBuf>,
    /// Other trackers' beats, written earlier by tools/peers/run.py [default: run anew, where Python can]
    #[arg(long, value_name = "DIR")]
    pub peers: Option<PathBuf>,
    /// The Python that runs tools/peers/run.py
    #[arg(long, value_name = "FILE", default_value = "python3")]
    pub python: PathBuf,
    /// Only pieces with this in their name; prints and writes nothing
    #[arg(long, value_name = "TEXT")]
    pub only: Option<String>,
    /// Pieces at a time [default: one a core]
    #[arg(short, long, value_name = "N")]
    pub jobs: Option<String>,
    /// Print, and write nothing
    #[arg(long)]
    pub print: bool,
}

/// Measures and writes.
///
/// # Errors
/// No corpus, a build or run that fails, or a document without the markers.
pub fn run(root: &Path, options: &Options) -> Result<(), TaskError> {
    let task = Task::new(root, options)?;
    let has_beatnet = figures::has_beatnet(root);
    let scored = task.score_all(figures::runs(has_beatnet))?;
    let beatnet = if has_beatnet { task.score_all(vec![BEATNET_ITSELF])? } else { Vec::new() };
    let oracles = task.score_all(ORACLES.to_vec())?;
    let peers = peers::Table::measure(&task, &beatnet)?;
    let stress = task.stress()?;

    let table = figures::table(&scored);
    let (_, default) = &scored[0];
    let everyone: Vec<(&str, &Value)> =
        scored.iter().chain(&beatnet).map(|(name, report)| (*name, report)).chain(peers.reports()).collect();
    let mut blocks = vec![
        ("accuracy-differences", blocks::differences(&everyone)),
        ("accuracy-genres", blocks::genres(default, &everyone)),
        ("accuracy-peers", peers.markdown()),
        ("accuracy-failures", blocks::failures(default)),
        ("accuracy-oracles", blocks::oracles(default, &oracles)),
    ];
    blocks.extend(stress.map(|report| ("accuracy-stress", blocks::stress(&report))));
    print!("{table}");
    blocks.iter().for_each(|(name, text)| print!("\n{name}\n{text}"));
    if task.is_dry() {
        return Ok(());
    }
    peers.store(root)?;
    figures::write_table(root, &table)?;
    blocks.iter().try_for_each(|(name, text)| marked(name).write(&root.join(DOCUMENT), text, false))
}

fn marked(name: &'static str) -> Marked {
    Marked { name, command: "cargo xtask accuracy" }
}

/// One run of the task.
struct Task<'a> {
    root: &'a Path,
    options: &'a Options,
    corpus: PathBuf,
    binary: PathBuf,
    folder: PathBuf,
}

impl<'a> Task<'a> {
    fn new(root: &'a Path, options: &'a Options) -> Result<Self, TaskError> {
        let corpus = options.corpus.clone().unwrap_or_else(|| root.join(DEFAULT_CORPUS));
        if !corpus.is_dir() {
            return Err(TaskError::Failed(format!("{}: no evaluation corpus there: name one with --corpus DIR", corpus.display())));
        }
        let folder = root.join(WORK_FOLDER);
        std::fs::create_dir_all(&folder).map_err(|e| TaskError::io(&folder, e))?;
        Ok(Self { root, options, corpus, binary: process::release_binary(root)?, folder })
    }

    /// Figures of some pieces are not those of the corpus.
    fn is_dry(&self) -> bool {
        self.options.print || self.options.only.is_some()
    }

    /// Report of the default run, which the others are compared with.
    fn baseline(&self) -> PathBuf {
        self.folder.join("default.json")
    }

    /// Reports of these runs on the corpus; all but the default one are compared with it.
    fn score_all(&self, runs: Vec<Run>) -> Result<Vec<Scored>, TaskError> {
        runs.into_iter().map(|(name, arguments)| Ok((name, self.score(name, arguments, &[])?))).collect()
    }

    /// Report of one run on the corpus. The run without arguments is the default one.
    fn score(&self, name: &str, arguments: &[&str], more: &[OsString]) -> Result<Value, TaskError> {
        let is_default = arguments.is_empty() && more.is_empty();
        let baseline = [OsString::from(if is_default { "--report" } else { "--baseline" }), self.baseline().into()];
        let only = self.options.only.iter().flat_map(|only| [OsString::from("--only"), only.into()]);
        self.evaluate(name, arguments, &self.corpus, baseline.into_iter().chain(only).chain(more.iter().cloned()))
    }

    fn evaluate(
        &self,
        name: &str,
        arguments: &[&str],
        corpus: &Path,
        more: impl IntoIterator<Item = OsString>,
    ) -> Result<Value, TaskError> {
        eprintln!("accuracy: {}", name.replace(['*', '`'], ""));
        let jobs = self.options.jobs.iter().flat_map(|jobs| [OsString::from("--jobs"), jobs.into()]);
        let arguments_more: Vec<OsString> = [OsString::from("--corpus"), corpus.into()].into_iter().chain(jobs).chain(more).collect();
        figures::evaluate(&self.binary, arguments, &arguments_more)
    }

    /// Report of the default run on the stress set; `None`, said aloud, where there is none and none can be made.
    fn stress(&self) -> Result<Option<Value>, TaskError> {
        let folder = match &self.options.stress {
            Some(folder) => folder.clone(),
            None if python_environment::training(self.root).is_ready()? => {
                let folder = self.folder.join("stress");
                let arguments = ["corpus", "stress", "--out"].map(OsString::from).into_iter().chain([folder.clone().into()]);
                train::run(self.root, &arguments.collect::<Vec<_>>())?;
                folder
            }
            None => {
                eprintln!(
                    "accuracy: SKIPPED: the stress set, the training package is not set up; run `cargo xtask train corpus stress --out DIR` once"
                );
                return Ok(None);
            }
        };
        self.evaluate("stress set", &[], &folder, []).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_has_all_markers() {
        let text = std::fs::read_to_string(crate::workspace_root().join(DOCUMENT)).unwrap();
        let names =
            ["accuracy-differences", "accuracy-genres", "accuracy-peers", "accuracy-failures", "accuracy-oracles", "accuracy-stress"];
        for name in names {
            assert!(marked(name).replace(&text, "").is_some(), "{name}");
        }
    }

    #[test]
    fn a_missing_corpus_is_named() {
        let options = Options { corpus: Some("no/such/corpus".into()), ..Options::default() };
        let message = run(Path::new("."), &options).unwrap_err().to_string();
        assert!(message.contains("no/such/corpus"), "{message}");
    }
}
