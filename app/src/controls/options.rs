//! The command line of `controls`. Main thread.

use std::convert::Infallible;
use std::path::PathBuf;
use std::str::FromStr;

const FORMAT: &str = "\
Arrays of the .npz, a row for each 1/60 s of the file:
  inputs    float32 [n, 36]  what a step is given: 16 bands, level, phase, bar phase, beats per bar, seconds per beat, confidence,
                             locked, 8 section and 5 hazard probabilities, as known at that moment of a live stream
  micro     float32 [n, 24]  micro features, as the contract names them
  controls  float64 [n, 12]  controls, as the contract names them
and with --judge:
  c             float64 [n, 2]  constant of the Julia set
  distance      float64 [n]     its estimated distance from the Mandelbrot set
  luminance     float64 [n]     modelled brightness
  picture_mean  float64 [n]     mean escape level of a picture of 64 x 64
  entropy_bits  float64 [n/60]  its entropy, once a second";

/// A controller as it is named on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ControllerName {
    /// `mapping`: by hand.
    Mapping,
    /// `net`: the one of this build.
    Net,
    /// Weights of a net.
    Weights(PathBuf),
}

impl FromStr for ControllerName {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            "mapping" => Self::Mapping,
            "net" => Self::Net,
            _ => Self::Weights(text.into()),
        })
    }
}

/// Write what the fast controller makes of a file, for training
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = FORMAT)]
pub struct ControlsArgs {
    /// Audio file, or the .npz of an earlier run with inputs to be used in its place
    #[arg(value_name = "FILE")]
    pub input: PathBuf,
    /// File to write
    #[arg(short, long, value_name = "FILE.npz")]
    pub output: PathBuf,
    /// mapping, net, or the model.safetensors of another net
    #[arg(long, value_name = "mapping|net|FILE", default_value = "mapping")]
    pub controller: ControllerName,
    /// Also what is drawn
    #[arg(long)]
    pub judge: bool,
}
