//! `manifest.json` and `card.md`: what a model is, where it comes from, what it may be used for, and its hashes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use model_contracts::{Contract, ContractError, ModelKind, canonical_json};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::crnn::Crnn;
use super::pins::{ATTRIBUTION, BEATNET_WHEEL, CHANGES, LICENCE, PACKAGE, VERSION, WeightFile};
use super::wheel::sha256_hex;

/// Version of the manifest's layout.
pub const FORMAT: u32 = 1;
/// Version of the conversion; a model made by another one is made again.
const CONVERTER_VERSION: u32 = 1;
/// Name of the manifest's file.
pub const MANIFEST_FILE: &str = "manifest.json";
/// The contract's version that has all that these models need; later minor versions add to it.
const CONTRACT_VERSION: &str = "1.0.0";
/// Kind of network.
const ARCHITECTURE: &str = "crnn";

/// `manifest.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this layout.
    pub format: u32,
    /// Name of the model, e.g. `beatnet-1`.
    pub name: String,
    /// What it is for: a key of the contract's `hash_scope`.
    pub kind: String,
    /// Kind of network.
    pub architecture: String,
    /// Parameters of the features that it takes.
    pub front_end: Value,
    /// Files beside the manifest.
    pub files: BTreeMap<String, FileEntry>,
    /// The contract that it was made for.
    pub contract: ContractEntry,
    /// Where the weights come from.
    pub origin: Origin,
    /// Short name of the licence.
    pub licence: String,
    /// Text that must travel with the model.
    pub attribution: String,
    /// What was changed.
    pub changes: String,
    /// Collections that the weights were trained on.
    pub trained_on: String,
    /// Collection that they were not trained on.
    pub held_out: String,
    /// Version of the conversion.
    pub converter_version: u32,
}

/// Hash and length of a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FileEntry {
    /// SHA-256, hexadecimal.
    pub sha256: String,
    /// Length.
    pub bytes: u64,
}

/// The part of the contract that the model depends on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ContractEntry {
    /// Version of the contract.
    pub version: String,
    /// Hash of the scope.
    pub hash: String,
    /// The scope itself.
    pub scope: Value,
}

/// Where weights come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    /// Python package.
    pub package: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of its wheel.
    pub wheel_sha256: String,
    /// File in the wheel.
    pub file: String,
    /// SHA-256 of that file.
    pub file_sha256: String,
}

impl Manifest {
    /// The manifest of one BeatNet weight set, without its files.
    ///
    /// # Errors
    /// A contract without a scope for beat models.
    pub fn new(contract: &Contract, weights: &WeightFile) -> Result<Self, ContractError> {
        Ok(Self {
            format: FORMAT,
            name: weights.name.to_owned(),
            kind: ModelKind::BeatModel.scope_key().to_owned(),
            architecture: ARCHITECTURE.to_owned(),
            front_end: front_end(contract),
            files: BTreeMap::new(),
            contract: ContractEntry {
                version: CONTRACT_VERSION.to_owned(),
                hash: contract.scope_hash(ModelKind::BeatModel)?,
                scope: contract.scope(ModelKind::BeatModel)?,
            },
            origin: Origin {
                package: PACKAGE.to_owned(),
                version: VERSION.to_owned(),
                wheel_sha256: BEATNET_WHEEL.sha256.to_owned(),
                file: weights.member.to_owned(),
                file_sha256: weights.sha256.to_owned(),
            },
            licence: LICENCE.to_owned(),
            attribution: ATTRIBUTION.to_owned(),
            changes: CHANGES.to_owned(),
            trained_on: weights.trained_on.to_owned(),
            held_out: weights.held_out.to_owned(),
            converter_version: CONVERTER_VERSION,
        })
    }

    /// The metadata that `model.safetensors` and `model.onnx` carry inside.
    pub fn metadata(&self) -> BTreeMap<String, String> {
        [
            ("name", self.name.clone()),
            ("architecture", self.architecture.clone()),
            ("contract_version", self.contract.version.clone()),
            ("contract_hash", self.contract.hash.clone()),
            ("contract_scope", canonical_json(&self.contract.scope)),
            ("front_end", canonical_json(&self.front_end)),
            ("licence", self.licence.clone()),
            ("attribution", self.attribution.clone()),
            ("changes", self.changes.clone()),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .into()
    }

    /// Notes a file beside the manifest.
    pub fn add_file(&mut self, name: &str, content: &[u8]) {
        self.files.insert(name.to_owned(), FileEntry { sha256: sha256_hex(content), bytes: content.len() as u64 });
    }

    /// The text of the manifest.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("strings, numbers and JSON values always serialise");
        text.push('\n');
        text
    }

    /// Whether `folder` holds this model as this build would make it, with every file whole.
    pub fn is_made_in(&self, folder: &Path) -> bool {
        let Some(present) = read(folder) else { return false };
        let whole = present.files.iter().all(|(name, entry)| {
            fs::read(folder.join(name)).is_ok_and(|content| content.len() as u64 == entry.bytes && sha256_hex(&content) == entry.sha256)
        });
        let named = FILES.iter().all(|name| present.files.contains_key(*name));
        whole && named && Self { files: self.files.clone(), ..present } == *self
    }
}

/// Name of the weights' file.
pub const SAFETENSORS_FILE: &str = "model.safetensors";
/// Name of the graph's file.
pub const ONNX_FILE: &str = "model.onnx";
/// Name of the description's file.
pub const CARD_FILE: &str = "card.md";
/// Files beside the manifest.
const FILES: [&str; 3] = [CARD_FILE, ONNX_FILE, SAFETENSORS_FILE];

fn read(folder: &Path) -> Option<Manifest> {
    serde_json::from_str(&fs::read_to_string(folder.join(MANIFEST_FILE)).ok()?).ok()
}

/// The standard filterbank of the contract, reduced to what the feature extractor takes.
pub fn front_end(contract: &Contract) -> Value {
    const FIELDS: [&str; 10] = [
        "window_samples",
        "fft_samples",
        "fft_bins",
        "bin_hz_divisor_samples",
        "bands_per_octave",
        "fmin_hz",
        "fmax_hz",
        "fref_hz",
        "bands",
        "len",
    ];
    let bank = contract.value().pointer("/features/logfb");
    let entry = |field: &str| Some((field.to_owned(), bank?.get(field)?.clone()));
    Value::Object(FIELDS.into_iter().filter_map(entry).collect::<Map<String, Value>>())
}

/// The text of `card.md`.
pub fn card(manifest: &Manifest, net: &Crnn) -> String {
    let Manifest { name, licence, attribution, changes, trained_on, held_out, origin, contract, .. } = manifest;
    let Crnn { n_features, n_channels, kernel, n_hidden, n_layers, .. } = net;
    format!(
        "# {name}\n\n\
         Beat and downbeat activations from audio features, one frame of 20 ms at a time, causally.\n\n\
         {attribution}\n\n\
         | | |\n|---|---|\n\
         | licence | {licence} |\n\
         | changes | {changes} |\n\
         | origin | `{file}` of {package} {version} (SHA-256 of the file `{file_sha256}`) |\n\
         | network | convolution 1 to {n_channels} channels of {kernel} taps over {n_features} features, rectifier, pooling by 2, linear to {n_hidden}, {n_layers} LSTM layers of {n_hidden}, linear to 3, softmax |\n\
         | parameters | {parameters} |\n\
         | classes | beat (that is no downbeat), downbeat, neither |\n\
         | trained on | {trained_on} |\n\
         | held out | {held_out} |\n\
         | contract | {contract_version}, `{hash}` |\n\n\
         ## Use\n\n\
         Input is the log filterbank with its positive difference of a mono stream at 22,050 Hz, a frame every 441 samples; the manifest \
         holds its parameters. The level of the input matters: the features are not normalised. The state starts at zero and is \
         reset between pieces. `model.safetensors` is read by the native step kernels, `model.onnx` by ONNX Runtime.\n\n\
         ## Limits\n\n\
         Weights of 2021, trained mostly on Western popular and dance music with a steady beat. The downbeat class is biased high \
         (its training weight was 8 times that of the beat class). Sparse clicks, free rubato and quiet or band-limited \
         input are outside what it was trained on. Scores on the training collections say nothing about new music: measure on the held-out \
         collection only.\n",
        file = origin.file,
        package = origin.package,
        version = origin.version,
        file_sha256 = origin.file_sha256,
        contract_version = contract.version,
        hash = contract.hash,
        parameters = net.n_parameters(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::pins::WEIGHT_FILES;

    #[test]
    fn the_front_end_is_the_whole_standard_filterbank() {
        let front_end = front_end(&Contract::current());
        assert_eq!(front_end.as_object().unwrap().len(), 10);
        assert_eq!((front_end["window_samples"].as_u64(), front_end["len"].as_u64()), (Some(1411), Some(272)));
    }

    #[test]
    fn a_folder_counts_as_made_only_when_every_file_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let wanted = Manifest::new(&Contract::current(), &WEIGHT_FILES[0]).unwrap();
        assert!(!wanted.is_made_in(folder.path()));
        let mut made = wanted.clone();
        for name in FILES {
            made.add_file(name, name.as_bytes());
            fs::write(folder.path().join(name), name).unwrap();
        }
        fs::write(folder.path().join(MANIFEST_FILE), made.to_json()).unwrap();
        assert!(wanted.is_made_in(folder.path()));
        let other = Manifest { converter_version: CONVERTER_VERSION + 1, ..wanted.clone() };
        assert!(!other.is_made_in(folder.path()), "another conversion makes it anew");
        fs::write(folder.path().join(ONNX_FILE), "model.onnX").unwrap();
        assert!(!wanted.is_made_in(folder.path()), "an altered file is seen");
        fs::remove_file(folder.path().join(ONNX_FILE)).unwrap();
        assert!(!wanted.is_made_in(folder.path()), "a missing file is seen");
    }

    #[test]
    fn the_attribution_travels_in_every_file() {
        let manifest = Manifest::new(&Contract::current(), &WEIGHT_FILES[1]).unwrap();
        assert!(manifest.metadata()["attribution"].contains("Heydari"));
        assert!(manifest.to_json().contains("creativecommons.org/licenses/by/4.0"));
    }
}
