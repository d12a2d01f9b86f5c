//! The command line of `analyze`. Main thread.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;

use super::outputs::Destination;
use crate::engine_args::EngineArgs;
use crate::formats::Format;
use crate::hint_script::{TimedHint, parse_timed_hint};

const EXAMPLES: &str = "\
Examples:
  anacrusis analyze song.mp3                       beats beside it, in song.beats
  anacrusis analyze -f json,mid -o out Music/      a whole tree, into out/
  anacrusis analyze --report -o out Music/         a page to look at for each file, and out/index.html
  anacrusis analyze --report --skip-existing -o out Music/   the same again: only what is missing, failed, or older than its file
  anacrusis analyze -f wav,svg song.mp3            with clicks mixed in, in song.clicks.wav, and as a picture
  anacrusis analyze --offline --meter 3 waltz.flac with the whole file known, three beats a bar
  anacrusis analyze --hint '4 half' --hint '9.5 this-is-1' song.wav   as if said while it plays
  anacrusis analyze --stdout -f events song.wav | head
  ffmpeg -i film.mkv -f wav - | anacrusis analyze -
  rec -t f32 -c 1 -r 48000 - | anacrusis analyze --raw-rate 48000 -

Formats:
  beats   FILE.beats        time_sec<TAB>beat_in_bar
  events  FILE.events.tsv   beat_time_sec<TAB>announce_time_sec<TAB>beat_in_bar<TAB>bpm<TAB>confidence, no header;
                            the announce time is how much of the input had been heard when the beat was said
  labels  FILE.labels.txt   Audacity label track of the beats
  sections FILE.sections.txt  Audacity label track of the sections
  mid     FILE.beats.mid    tempo map, time signatures, a note a beat, a marker a section; time 0 is the start of the audio
  csv     FILE.beats.csv    every field, with a header
  reaper  FILE.reaper.csv   markers and regions for REAPER's Region/Marker Manager
  jams    FILE.jams         JAMS: beats, bars, tempo, sections
  npy     FILE.beats.npy    NumPy, float64 [n_beats, 2]: time_sec, beat_in_bar
  json    FILE.beats.json   everything, in one document
  svg     FILE.beats.svg    picture of the whole file
  wav     FILE.clicks.wav   the file with clicks mixed in, mono
  report  FILE.report.html  one page with all of it: zoom, play with clicks, export (docs/report.md)
  beat_in_bar is 1 on a downbeat and 0 where the position in the bar is not known.

Hints (docs/hints.md): tap, half, double, nudge MS, this-is-1, meter N|auto, range MIN:MAX|auto, tempo BPM|auto, hold on|off, clear.
  A file of hints has one TIME HINT a line; what follows a # is a comment. JSON says what became of each.

Exit codes: 0 all done, 1 some files failed, 2 wrong usage. A file that breaks off still gives its beats, and counts as failed.";

/// Find the beats in audio files
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct AnalyzeArgs {
    /// Audio files, directories to search for them, or - for standard input (WAV, or see --raw-rate)
    #[arg(required = true, value_name = "FILE|DIR|-")]
    pub inputs: Vec<PathBuf>,
    /// What to write [default: beats, or only the report with --report]
    #[arg(short, long = "format", value_enum, value_delimiter = ',', value_name = "FORMATS")]
    pub formats: Vec<Format>,
    /// A page to look at for each file, and an index of a folder: as -f report
    #[arg(long)]
    pub report: bool,
    /// The audio inside the report, to be moved or sent as one file; otherwise the page finds it where it is now
    #[arg(long)]
    pub embed_audio: bool,
    /// Directory to write into instead of beside each input; made if missing
    #[arg(short, long, value_name = "DIR", conflicts_with = "stdout")]
    pub output: Option<PathBuf>,
    /// Write one format of one input to standard output
    #[arg(long)]
    pub stdout: bool,
    /// Leave inputs alone whose outputs all exist, whole and no older than they are
    #[arg(long, visible_alias = "resume")]
    pub skip_existing: bool,
    /// Files at a time [default: one a core]
    #[arg(short, long, value_name = "N")]
    pub jobs: Option<NonZeroUsize>,
    /// Standard input is headerless mono 32-bit float samples, little-endian, of this rate, Hz
    #[arg(long, value_name = "HZ")]
    pub raw_rate: Option<u32>,
    /// Say nothing but errors
    #[arg(short, long)]
    pub quiet: bool,
    /// Say something at a time of every file, as in "12.5 half"; may be given again
    #[arg(long, value_name = "TIME HINT", value_parser = parse_timed_hint, conflicts_with = "offline")]
    pub hint: Vec<TimedHint>,
    /// File of such hints
    #[arg(long, value_name = "FILE", conflicts_with = "offline")]
    pub hints: Option<PathBuf>,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment on a flattened field would replace the command's own help")]
    pub engine: EngineArgs,
}

impl AnalyzeArgs {
    pub(super) fn destination(&self) -> Destination {
        match &self.output {
            _ if self.stdout => Destination::Stdout,
            Some(folder) => Destination::Folder(folder.clone()),
            None => Destination::Beside,
        }
    }

    /// The formats asked for, each once.
    pub(super) fn formats(&self) -> Vec<Format> {
        let mut formats = Vec::new();
        for format in self.formats.iter().copied().chain(self.report.then_some(Format::Report)) {
            if !formats.contains(&format) {
                formats.push(format);
            }
        }
        if formats.is_empty() {
            formats.push(Format::Beats);
        }
        formats
    }
}
