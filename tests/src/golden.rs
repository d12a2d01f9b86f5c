//! Golden clips, features and activations by name. Tests only.

use anacrusis::decode::AudioReader;
use runtime_core::analysis::activation::Activation;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::path::Path;

use crate::golden_dir;
use crate::npy::{Array, read_npy};

/// Clips with audio.
pub const AUDIO_CLIPS: [&str; 4] = ["band_140_4", "click_120_4", "silence_noise", "waltz_100_3"];
/// Clips with activations.
pub const CLIPS: [&str; 6] = ["band_140_4", "band_ramp_100_130_4", "click_120_4", "click_90_3", "silence_noise", "waltz_100_3"];
/// Weight sets of each clip's activations.
pub const WEIGHT_SETS: [usize; 3] = [1, 2, 3];

/// Samples of a clip, 22 050 Hz mono, through the decoder of `analyze`.
///
/// # Panics
/// Where the clip is missing or broken.
pub fn clip_samples(clip: &str) -> Vec<f32> {
    let mut reader = AudioReader::open(&golden_dir().join(format!("clips/{clip}.flac"))).expect("a golden clip");
    assert_eq!(reader.info().sample_rate_hz, 22_050);
    let (mut samples, mut block) = (Vec::new(), Vec::new());
    while reader.next_block(&mut block).expect("a whole clip").is_some() {
        samples.extend_from_slice(&block);
    }
    samples
}

/// BeatNet's features of a clip, `[n_frames, 272]`.
///
/// # Panics
/// Where they are missing or broken.
pub fn clip_features(clip: &str) -> Array {
    read_npy(&golden_dir().join(format!("features/{clip}.features.npy"))).expect("golden features")
}

/// BeatNet's activations of a clip with weight set `index`, 1 to 3.
///
/// # Panics
/// Where they are missing or broken.
pub fn clip_activations(clip: &str, index: usize) -> Vec<Activation> {
    let array = read_npy(&golden_dir().join(format!("activations/{clip}.activations_m{index}.npy"))).expect("golden activations");
    array.f32_rows().map(|row| Activation { beat: row[0], downbeat: row[1], none: row[2] }).collect()
}

/// Mean of the three weight sets' activations, as the default ensemble has it.
pub fn clip_mean_activations(clip: &str) -> Vec<Activation> {
    let [a, b, c] = WEIGHT_SETS.map(|index| clip_activations(clip, index));
    let mean = |x: f32, y: f32, z: f32| (x + y + z) / 3.0;
    a.iter()
        .zip(&b)
        .zip(&c)
        .map(|((a, b), c)| Activation {
            beat: mean(a.beat, b.beat, c.beat),
            downbeat: mean(a.downbeat, b.downbeat, c.downbeat),
            none: mean(a.none, b.none, c.none),
        })
        .collect()
}

/// Largest difference of any probability.
pub fn difference(a: Activation, b: Activation) -> f32 {
    (a.beat - b.beat).abs().max((a.downbeat - b.downbeat).abs()).max((a.none - b.none).abs())
}

/// `MANIFEST.json` of a golden folder, as far as the tests read it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Layout of the manifest.
    pub format: u32,
    /// What the files are.
    pub content: String,
    /// What made them.
    pub generator: String,
    /// Largest allowed difference, by what is compared.
    pub tolerance: std::collections::BTreeMap<String, f64>,
    /// Every file of the folder but this one, by name.
    pub files: Vec<ManifestFile>,
}

/// One file of a manifest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ManifestFile {
    /// Name inside the folder.
    pub path: String,
    /// Length, bytes.
    pub bytes: u64,
    /// SHA-256, lower-case hexadecimal.
    pub sha256: String,
}

impl ManifestFile {
    /// The entry of a file with these contents.
    pub fn of(path: &str, contents: &[u8]) -> Self {
        let sha256 = Sha256::digest(contents).iter().map(|byte| format!("{byte:02x}")).collect();
        Self { path: path.to_owned(), bytes: contents.len() as u64, sha256 }
    }
}

/// The entries of all files in `folder` but the manifest, by name.
///
/// # Panics
/// Where the folder cannot be read.
pub fn files_in(folder: &Path) -> Vec<ManifestFile> {
    let entries = std::fs::read_dir(folder).expect("a readable folder");
    let names = entries.map(|entry| entry.expect("a readable folder").file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|name| name != "MANIFEST.json").collect();
    names.sort();
    names.iter().map(|name| ManifestFile::of(name, &std::fs::read(folder.join(name)).expect("a readable file"))).collect()
}
