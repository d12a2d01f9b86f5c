//! Third-party files that this project reads, known byte for byte, with the terms that they come under.

use super::wheel::PinnedWheel;

/// Python package of the weights.
pub const PACKAGE: &str = "BeatNet";
/// Version of the package.
pub const VERSION: &str = "1.1.3";
/// Licence of the package, code and weights alike (its `LICENSE` file).
pub const LICENCE: &str = "CC-BY-4.0";
/// Text that must travel with the weights.
pub const ATTRIBUTION: &str = "Beat tracking model: BeatNet by Mojtaba Heydari, Frank Cwitkowitz and Zhiyao Duan (ISMIR 2021), \
     https://github.com/mjhydri/BeatNet, CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/), converted to ONNX; provided without \
     warranties.";
/// What the conversion changes; the licence asks to say so.
pub const CHANGES: &str = "Weights unchanged. Converted from a PyTorch state dict to safetensors (tensors renamed) and to an ONNX graph \
     with explicit LSTM state and a softmax output.";

/// The wheel that holds the weights.
pub const BEATNET_WHEEL: PinnedWheel = PinnedWheel {
    requirement: "BeatNet==1.1.3",
    file: "BeatNet-1.1.3-py3-none-any.whl",
    bytes: 9_155_419,
    sha256: "1ecfa17bdcbe899975a88bdb6efebd6970d846a4f3b6cfd5c6f320647c641c7e",
    pip_arguments: &[],
};

/// One weight file of the wheel.
#[derive(Debug, Clone, Copy)]
pub struct WeightFile {
    /// Name of the model made of it.
    pub name: &'static str,
    /// Path in the wheel.
    pub member: &'static str,
    /// SHA-256 of the file, hexadecimal.
    pub sha256: &'static str,
    /// Collections that it was trained on.
    pub trained_on: &'static str,
    /// Collection that it was not trained on.
    pub held_out: &'static str,
}

/// Length of every weight file, bytes.
pub const WEIGHT_FILE_BYTES: u64 = 1_612_179;

/// The three weight sets. Held-out collections: mjhydri/BeatNet `BeatNet.py`, comment, and its issue 3.
pub const WEIGHT_FILES: [WeightFile; 3] = [
    WeightFile {
        name: "beatnet-1",
        member: "BeatNet/models/model_1_weights.pt",
        sha256: "619091bc317ca3e83b45591d46f6de3d5a41588bcb39fe9fe7be30cffa6aca84",
        trained_on: "Ballroom, Beatles, Carnatic (CMR), Rock Corpus",
        held_out: "GTZAN",
    },
    WeightFile {
        name: "beatnet-2",
        member: "BeatNet/models/model_2_weights.pt",
        sha256: "5878a18c079fa0b0139879b14ed2b5b7595faef8c3d16210aed141fd00fa2d58",
        trained_on: "the other collections including GTZAN (inferred from the held-out one)",
        held_out: "Ballroom",
    },
    WeightFile {
        name: "beatnet-3",
        member: "BeatNet/models/model_3_weights.pt",
        sha256: "0c52a074ea38e8cb4a760ecfa3747c9cf91a1e3cd19f238eed80b0de763989ca",
        trained_on: "the other collections including GTZAN (inferred from the held-out one)",
        held_out: "Rock Corpus",
    },
];
