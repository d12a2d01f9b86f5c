//! The parts of the contract that are fields and nothing more.

use serde::Deserialize;
use serde_json::Value;

/// `audio`: what reaches the models.
#[derive(Debug, Clone, Deserialize)]
pub struct AudioSpec {
    /// Rate of the resampled stream, Hz.
    pub model_rate_hz: u32,
    /// Samples of that stream per frame.
    pub hop_samples: usize,
    /// Lowest host rate accepted, Hz.
    pub host_rate_min_hz: u32,
    /// Highest host rate accepted, Hz.
    pub host_rate_max_hz: u32,
}

/// `clocks`: rates of the fixed clocks.
#[derive(Debug, Clone, Deserialize)]
pub struct ClockSpec {
    /// Frames per second.
    pub slow_hz: u32,
    /// Anticipator steps per second.
    pub anticipator_hz: f64,
    /// Frames pooled into one anticipator step.
    pub pool_frames: usize,
    /// Controller steps per second.
    pub controller_hz: u32,
    /// Clock ticks per beat.
    pub ticks_per_beat: u32,
}

/// `features.logfb`: the standard logarithmic filterbank.
#[derive(Debug, Clone, Deserialize)]
pub struct LogFilterbankSpec {
    /// Window length, samples.
    pub window_samples: usize,
    /// Transform length, samples.
    pub fft_samples: usize,
    /// Bins kept.
    pub fft_bins: usize,
    /// The length that bin frequencies are computed with (`k * rate / this`).
    pub bin_hz_divisor_samples: usize,
    /// Bands per octave.
    pub bands_per_octave: u32,
    /// Lowest centre, Hz.
    pub fmin_hz: f64,
    /// Highest centre, Hz.
    pub fmax_hz: f64,
    /// Tuning reference, Hz.
    pub fref_hz: f64,
    /// Bands after duplicate centres are removed.
    pub bands: usize,
    /// Length of one feature frame.
    pub len: usize,
}

/// One tensor: name, dimensions (a number, or a name that the model binds), element type.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct TensorSpec(pub String, pub Vec<Value>, pub String);

/// `beat_model.front_end`: what every beat model's features share.
#[derive(Debug, Clone, Deserialize)]
pub struct FrontEndSpec {
    /// Kind of features.
    pub kind: String,
    /// Sample rate, Hz.
    pub rate_hz: u32,
    /// Samples per frame.
    pub hop_samples: usize,
}

/// `beat_model`: tensors and classes of a beat model.
#[derive(Debug, Clone, Deserialize)]
pub struct BeatModelSpec {
    /// ONNX operator set.
    pub opset: i64,
    /// Meaning of the three outputs, in order.
    pub class_order: Vec<String>,
    /// Features expected.
    pub front_end: FrontEndSpec,
    /// Input tensors in order.
    pub inputs: Vec<TensorSpec>,
    /// Output tensors in order.
    pub outputs: Vec<TensorSpec>,
}

/// `beat_model_states`: how a beat model with states of its own choosing names them.
#[derive(Debug, Clone, Deserialize)]
pub struct StateSpec {
    /// What the names of all states begin with.
    pub prefix: String,
    /// What the name of a state's new value adds to the state's.
    pub next_suffix: String,
    /// Element type.
    pub element: String,
}
