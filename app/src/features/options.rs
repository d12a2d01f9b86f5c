//! The command line of `features`. Main thread.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use super::plan::Destination;

const EXAMPLES: &str = "\
Examples:
  anacrusis features song.mp3                      frames beside it, in song.npz
  anacrusis features -o frames.npz song.mp3
  anacrusis features --out features/ --quiet Music/

Arrays of each .npz:
  features        float32 [n_frames, 272]  log magnitudes of 136 bands, then their positive differences to the frame before
  time_sec        float64 [n_frames]       the moment that each frame describes, seconds of the file
  contract_hash   string                   hash of the part of the contract that features depend on, as in a model's manifest
  sample_rate_hz  int64                    rate of the file

One frame every 20 ms, bit for bit what the network is given when the same samples are played live.

Exit codes: 0 all done, 1 some files failed, 2 wrong usage. A file that breaks off still gives its frames, and counts as failed.";

/// Write what a network sees of audio files, for training
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct FeaturesArgs {
    /// Audio files, or directories to search for them
    #[arg(required = true, value_name = "FILE|DIR")]
    pub inputs: Vec<PathBuf>,
    /// Directory to write STEM.npz into instead of beside each input; made if missing
    #[arg(long, value_name = "DIR", conflicts_with = "output")]
    pub out: Option<PathBuf>,
    /// File to write the frames of one input to
    #[arg(short, long, value_name = "FILE.npz")]
    pub output: Option<PathBuf>,
    /// Say what was written as one JSON document, on standard output
    #[arg(long)]
    pub json: bool,
    /// Files at a time [default: one a core]
    #[arg(short, long, value_name = "N")]
    pub jobs: Option<NonZeroUsize>,
    /// Say nothing but errors
    #[arg(short, long)]
    pub quiet: bool,
}

impl FeaturesArgs {
    pub(super) fn destination(&self) -> Destination {
        match (&self.out, &self.output) {
            (Some(folder), _) => Destination::Folder(folder.clone()),
            (None, Some(file)) => Destination::File(file.clone()),
            (None, None) => Destination::Beside,
        }
    }
}
