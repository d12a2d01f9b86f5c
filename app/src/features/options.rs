//! The command line of `features`. Main thread.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use super::plan::Destination;
use crate::anticipator::AnticipatorArgs;

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

With --structure, arrays of each .npz:
  rows                 float32 [n_steps, 335]  pooled audio (290), beat (5) and memory (40), as the contract names them
  step_time_sec        float64 [n_steps]       the moment that each step describes, seconds of the file
  step_beat            float64 [n_steps]       beats begun by then, the tracker's or virtual ones of half a second; never falls
  locked               uint8 [n_steps]         1 where the beat is the tracker's
  tracker_beat_sec     float64 [n_beats]       the beats that the tracker announced
  tracker_beat_in_bar  int32 [n_beats]         their positions in the bar; 0 = unknown
  contract_hash, sample_rate_hz                as above, of the part that the anticipator depends on
and with --anticipator, what that network itself makes of each step, whatever the level:
  section_probs        float32 [n_steps, 8]    probability of each label of the contract
  hazard_probs         float32 [n_steps, 5]    probability of a boundary within 1, 2, 4, 8, 16 beats
  macro                float32 [n_steps, 16]   its embedding

One step every 80 ms, bit for bit what the anticipator is given when the same samples are played live.

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
    /// Write what the anticipator is given, in place of frames (below)
    #[arg(long)]
    pub structure: bool,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment on a flattened field would replace the command's own help")]
    pub anticipator: AnticipatorArgs,
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
