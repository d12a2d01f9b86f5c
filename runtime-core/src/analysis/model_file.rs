//! Model files: a manifest and safetensors weights, checked in every respect before a network is built. Any thread.
//!
//! Nothing is assumed of a file: hashes, contract, front end, names, types, shapes and values are all verified, and the
//! first thing that is wrong is named with what was expected and what was there. All sizes come from the tensors, so
//! that a deeper or wider network of the same kind loads too. Format: `cargo xtask models` writes it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use model_contracts::{Contract, ContractError, Difference, ModelKind, first_difference};
use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::front_end::FrontEnd;
use crate::units::HOP_SAMPLES;

/// Layout of the manifest that this build reads.
const FORMAT: u32 = 1;
/// Kind of model that this build reads.
const KIND: &str = "beat_model";
/// Kind of network that this build runs.
const ARCHITECTURE: &str = "crnn";
/// Name of the manifest in a model's folder.
pub const MANIFEST_FILE: &str = "manifest.json";
/// Name of the weights in a model's folder.
pub const SAFETENSORS_FILE: &str = "model.safetensors";
/// Longest window or transform accepted, samples: 3 s of the 22 050 Hz stream.
const MAX_WINDOW_SAMPLES: usize = 1 << 16;
/// Most bands per octave accepted.
const MAX_BANDS_PER_OCTAVE: u32 = 1 << 10;
/// Classes of the output.
const N_CLASSES: usize = 3;

/// A beat model, read and verified.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelFile {
    /// Name for messages, e.g. `beatnet-1`.
    pub name: String,
    /// Features that it takes.
    pub front_end: FrontEnd,
    /// Licence and attribution, for display.
    pub attribution: String,
    /// SHA-256 of the weights' file, hexadecimal.
    pub sha256: String,
    /// The weights.
    pub weights: CrnnWeights,
}

/// Weights of a convolutional recurrent network; all matrices row-major, gates in the order i, f, g, o.
#[derive(Debug, Clone, PartialEq)]
pub struct CrnnWeights {
    /// Features per frame.
    pub n_features: usize,
    /// Channels of the convolution.
    pub n_channels: usize,
    /// Taps of the convolution.
    pub kernel: usize,
    /// Units of the dense layer before the LSTM and of each LSTM layer.
    pub n_hidden: usize,
    /// `[n_channels, 1, kernel]`
    pub conv_weight: Vec<f32>,
    /// `[n_channels]`
    pub conv_bias: Vec<f32>,
    /// `[n_hidden, n_channels * ((n_features - kernel + 1) / 2)]`
    pub input_weight: Vec<f32>,
    /// `[n_hidden]`
    pub input_bias: Vec<f32>,
    /// LSTM layers in order; at least one.
    pub lstm: Vec<LstmWeights>,
    /// `[3, n_hidden]`
    pub output_weight: Vec<f32>,
    /// `[3]`
    pub output_bias: Vec<f32>,
}

/// Weights of one LSTM layer.
#[derive(Debug, Clone, PartialEq)]
pub struct LstmWeights {
    /// `[4 * n_hidden, n_hidden]`
    pub weight_ih: Vec<f32>,
    /// `[4 * n_hidden, n_hidden]`
    pub weight_hh: Vec<f32>,
    /// `[4 * n_hidden]`
    pub bias_ih: Vec<f32>,
    /// `[4 * n_hidden]`
    pub bias_hh: Vec<f32>,
}

/// Why a model file was refused.
#[derive(Debug, thiserror::Error)]
pub enum ModelFileError {
    /// A file cannot be read.
    #[error("{path}: {source}", path = .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The manifest is not JSON, or a field is missing or of another type.
    #[error("manifest is not readable: {0}")]
    Manifest(String),
    /// A field of the manifest has a value that this build does not know.
    #[error("model {model}: manifest field {field}: expected {expected}, got {got}")]
    Field {
        /// Name of the model.
        model: String,
        /// The field.
        field: &'static str,
        /// What this build knows.
        expected: String,
        /// What is there.
        got: String,
    },
    /// The model was made for another contract.
    #[error("model {model}: {source}")]
    Contract {
        /// Name of the model.
        model: String,
        /// The difference.
        source: ContractError,
    },
    /// The weights' file has another length than the manifest says: truncated, or another file.
    #[error("model {model}: {SAFETENSORS_FILE}: expected {expected} bytes, got {got}")]
    Length {
        /// Name of the model.
        model: String,
        /// Length in the manifest, bytes.
        expected: u64,
        /// Length found, bytes.
        got: u64,
    },
    /// The weights' file has another hash than the manifest says.
    #[error("model {model}: {SAFETENSORS_FILE}: expected SHA-256 {expected}, got {got}")]
    Hash {
        /// Name of the model.
        model: String,
        /// Hash in the manifest.
        expected: String,
        /// Hash found.
        got: String,
    },
    /// The weights' file is not in the safetensors format.
    #[error("model {model}: {SAFETENSORS_FILE} is not readable: {message}")]
    Safetensors {
        /// Name of the model.
        model: String,
        /// What is wrong.
        message: String,
    },
    /// The metadata in the weights' file says something else than the manifest.
    #[error("model {model}: metadata {key} of {SAFETENSORS_FILE}: expected {expected}, got {got}")]
    Metadata {
        /// Name of the model.
        model: String,
        /// Key of the metadata, with the first differing field.
        key: String,
        /// Value in the manifest.
        expected: String,
        /// Value in the weights' file.
        got: String,
    },
    /// A tensor is missing, unknown, or of another type, shape or value.
    #[error("model {model}: tensor {tensor}: expected {expected}, got {got}")]
    Tensor {
        /// Name of the model.
        model: String,
        /// The tensor.
        tensor: String,
        /// What was expected.
        expected: String,
        /// What is there.
        got: String,
    },
}

#[derive(Deserialize)]
struct Manifest {
    format: u32,
    name: String,
    kind: String,
    architecture: String,
    front_end: Value,
    files: BTreeMap<String, FileEntry>,
    contract: ContractEntry,
    #[serde(default)]
    licence: String,
    #[serde(default)]
    attribution: String,
}

#[derive(Deserialize)]
struct FileEntry {
    sha256: String,
    bytes: u64,
}

#[derive(Deserialize)]
struct ContractEntry {
    version: String,
    hash: String,
    scope: Value,
}

impl ModelFile {
    /// Reads and verifies a model from the text of its manifest and the bytes of its weights.
    ///
    /// # Errors
    /// [`ModelFileError`], naming the first thing that is wrong.
    pub fn parse(manifest_json: &str, safetensors: &[u8]) -> Result<Self, ModelFileError> {
        let manifest: Manifest = serde_json::from_str(manifest_json).map_err(|e| ModelFileError::Manifest(e.to_string()))?;
        let model = manifest.name.as_str();
        let known = |field, expected: &str, got: &str| {
            let error = || ModelFileError::Field { model: model.to_owned(), field, expected: expected.to_owned(), got: got.to_owned() };
            if expected == got { Ok(()) } else { Err(error()) }
        };
        known("format", &FORMAT.to_string(), &manifest.format.to_string())?;
        known("kind", KIND, &manifest.kind)?;
        known("architecture", ARCHITECTURE, &manifest.architecture)?;
        Contract::current()
            .check_model(ModelKind::BeatModel, &manifest.contract.version, &manifest.contract.scope, &manifest.contract.hash)
            .map_err(|source| ModelFileError::Contract { model: model.to_owned(), source })?;
        let front_end = read_front_end(model, &manifest.front_end)?;
        let entry = manifest.files.get(SAFETENSORS_FILE).ok_or_else(|| ModelFileError::Field {
            model: model.to_owned(),
            field: "files",
            expected: format!("an entry for {SAFETENSORS_FILE}"),
            got: format!("{:?}", manifest.files.keys().collect::<Vec<_>>()),
        })?;
        check_bytes(model, entry, safetensors)?;
        check_metadata(&manifest, safetensors)?;
        let weights = CrnnWeights::read(model, safetensors, front_end.len)?;
        let attribution = format!("{} ({})", manifest.attribution, manifest.licence);
        Ok(Self { front_end, attribution, sha256: entry.sha256.clone(), weights, name: manifest.name })
    }

    /// Reads and verifies the model in a folder.
    ///
    /// # Errors
    /// [`ModelFileError::Io`] naming the file, otherwise as [`Self::parse`].
    pub fn read_dir(dir: &Path) -> Result<Self, ModelFileError> {
        let io = |path: &Path, source| ModelFileError::Io { path: path.to_owned(), source };
        let (manifest, weights) = (dir.join(MANIFEST_FILE), dir.join(SAFETENSORS_FILE));
        let manifest_json = fs::read_to_string(&manifest).map_err(|e| io(&manifest, e))?;
        Self::parse(&manifest_json, &fs::read(&weights).map_err(|e| io(&weights, e))?)
    }
}

/// Reads a front end and checks that features can be computed with it.
pub(super) fn read_front_end(model: &str, value: &Value) -> Result<FrontEnd, ModelFileError> {
    let field = |field, expected: String, got: String| ModelFileError::Field { model: model.to_owned(), field, expected, got };
    let front_end: FrontEnd = serde_json::from_value(value.clone())
        .map_err(|e| field("front_end", "the parameters of a filterbank".to_owned(), e.to_string()))?;
    let FrontEnd { window_samples, fft_samples, fft_bins, bin_hz_divisor_samples, bands_per_octave, fmin_hz, fmax_hz, fref_hz, bands, len } =
        front_end;
    let rule = |name, holds: bool, expected: String, got: String| if holds { Ok(()) } else { Err(field(name, expected, got)) };
    rule(
        "front_end.window_samples",
        (HOP_SAMPLES..=MAX_WINDOW_SAMPLES).contains(&window_samples),
        format!("{HOP_SAMPLES} to {MAX_WINDOW_SAMPLES}"),
        window_samples.to_string(),
    )?;
    rule(
        "front_end.fft_samples",
        (window_samples..=MAX_WINDOW_SAMPLES).contains(&fft_samples),
        format!("{window_samples} to {MAX_WINDOW_SAMPLES}"),
        fft_samples.to_string(),
    )?;
    rule(
        "front_end.fft_bins",
        (2..=fft_samples / 2 + 1).contains(&fft_bins),
        format!("2 to {}", fft_samples / 2 + 1),
        fft_bins.to_string(),
    )?;
    rule(
        "front_end.bin_hz_divisor_samples",
        (1..=2 * MAX_WINDOW_SAMPLES).contains(&bin_hz_divisor_samples),
        format!("1 to {}", 2 * MAX_WINDOW_SAMPLES),
        bin_hz_divisor_samples.to_string(),
    )?;
    rule(
        "front_end.bands_per_octave",
        (1..=MAX_BANDS_PER_OCTAVE).contains(&bands_per_octave),
        format!("1 to {MAX_BANDS_PER_OCTAVE}"),
        bands_per_octave.to_string(),
    )?;
    let positive = |hz: f64| (1.0..=1e6).contains(&hz);
    rule("front_end.fmin_hz", positive(fmin_hz) && fmin_hz < fmax_hz, format!("1 to {fmax_hz}"), fmin_hz.to_string())?;
    rule("front_end.fmax_hz", positive(fmax_hz), "1 to 1000000".to_owned(), fmax_hz.to_string())?;
    rule("front_end.fref_hz", positive(fref_hz), "1 to 1000000".to_owned(), fref_hz.to_string())?;
    rule("front_end.bands", (1..=fft_bins).contains(&bands), format!("1 to {fft_bins}"), bands.to_string())?;
    rule("front_end.len", len == 2 * bands, (2 * bands).to_string(), len.to_string())?;
    let n_bands = super::filterbank::Filterbank::new(&front_end).n_bands();
    rule("front_end.bands", bands == n_bands, format!("{n_bands}, which its other fields give"), bands.to_string())?;
    Ok(front_end)
}

fn check_bytes(model: &str, entry: &FileEntry, bytes: &[u8]) -> Result<(), ModelFileError> {
    let model = model.to_owned();
    let got_bytes = bytes.len() as u64;
    if got_bytes != entry.bytes {
        return Err(ModelFileError::Length { model, expected: entry.bytes, got: got_bytes });
    }
    let got: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    if got != entry.sha256 {
        return Err(ModelFileError::Hash { model, expected: entry.sha256.clone(), got });
    }
    Ok(())
}

/// The weights carry the same statements as the manifest, so that an edited manifest is noticed.
fn check_metadata(manifest: &Manifest, safetensors: &[u8]) -> Result<(), ModelFileError> {
    let model = || manifest.name.clone();
    let (_, header) =
        SafeTensors::read_metadata(safetensors).map_err(|e| ModelFileError::Safetensors { model: model(), message: e.to_string() })?;
    let get = |key: &str| header.metadata().as_ref().and_then(|metadata| metadata.get(key)).map_or("", String::as_str);
    let refused = |key: &str, expected: &str, got: &str| ModelFileError::Metadata {
        model: model(),
        key: key.to_owned(),
        expected: expected.to_owned(),
        got: got.to_owned(),
    };
    for (key, expected) in [("name", &manifest.name), ("architecture", &manifest.architecture), ("contract_hash", &manifest.contract.hash)]
    {
        if get(key) != expected {
            return Err(refused(key, expected, get(key)));
        }
    }
    let inside: Value = serde_json::from_str(get("front_end")).map_err(|_| refused("front_end", "JSON", get("front_end")))?;
    match first_difference(&manifest.front_end, &inside) {
        Some(Difference { pointer, expected, got }) => {
            let show = |text: Option<String>| text.unwrap_or_else(|| "nothing".to_owned());
            Err(refused(&format!("front_end{pointer}"), &show(expected), &show(got)))
        }
        None => Ok(()),
    }
}

impl CrnnWeights {
    /// Reads the tensors of the model called `model` (for messages) for frames of `n_features`.
    ///
    /// # Errors
    /// [`ModelFileError::Safetensors`] or [`ModelFileError::Tensor`].
    pub fn read(model: &str, safetensors: &[u8], n_features: usize) -> Result<Self, ModelFileError> {
        let file = SafeTensors::deserialize(safetensors)
            .map_err(|e| ModelFileError::Safetensors { model: model.to_owned(), message: e.to_string() })?;
        let reader = TensorReader { model, file };
        let [n_channels, 1, kernel] = reader.shape("conv.weight")?[..] else {
            return Err(reader.refused("conv.weight", "shape [channels, 1, taps]", format!("{:?}", reader.shape("conv.weight")?)));
        };
        let [_, n_hidden] = reader.shape("lstm.0.weight_hh")?[..] else {
            return Err(reader.refused("lstm.0.weight_hh", "two dimensions", format!("{:?}", reader.shape("lstm.0.weight_hh")?)));
        };
        let Some(n_pooled) = (n_features + 1).checked_sub(kernel).map(|n| n / 2).filter(|&n| n > 0) else {
            return Err(reader.refused("conv.weight", format!("fewer taps than {n_features} features"), kernel));
        };
        let n_layers = (0..reader.file.len()).take_while(|layer| reader.has(&format!("lstm.{layer}.weight_hh"))).count();
        let n_gates = 4 * n_hidden;
        let layer = |layer: usize| {
            let get = |part: &str, shape: &[usize]| reader.values(&format!("lstm.{layer}.{part}"), shape);
            Ok(LstmWeights {
                weight_ih: get("weight_ih", &[n_gates, n_hidden])?,
                weight_hh: get("weight_hh", &[n_gates, n_hidden])?,
                bias_ih: get("bias_ih", &[n_gates])?,
                bias_hh: get("bias_hh", &[n_gates])?,
            })
        };
        let weights = Self {
            n_features,
            n_channels,
            kernel,
            n_hidden,
            conv_weight: reader.values("conv.weight", &[n_channels, 1, kernel])?,
            conv_bias: reader.values("conv.bias", &[n_channels])?,
            input_weight: reader.values("input.weight", &[n_hidden, n_channels * n_pooled])?,
            input_bias: reader.values("input.bias", &[n_hidden])?,
            lstm: (0..n_layers).map(layer).collect::<Result<_, ModelFileError>>()?,
            output_weight: reader.values("output.weight", &[N_CLASSES, n_hidden])?,
            output_bias: reader.values("output.bias", &[N_CLASSES])?,
        };
        reader.refuse_others(n_layers)?;
        Ok(weights)
    }
}

struct TensorReader<'a> {
    model: &'a str,
    file: SafeTensors<'a>,
}

impl TensorReader<'_> {
    fn refused(&self, tensor: &str, expected: impl ToString, got: impl ToString) -> ModelFileError {
        ModelFileError::Tensor {
            model: self.model.to_owned(),
            tensor: tensor.to_owned(),
            expected: expected.to_string(),
            got: got.to_string(),
        }
    }

    fn has(&self, name: &str) -> bool {
        self.file.tensor(name).is_ok()
    }

    /// The shape of a tensor; no dimension is 0, so that products of two of them are bounded by the file's length.
    fn shape(&self, name: &str) -> Result<Vec<usize>, ModelFileError> {
        let tensor = self.file.tensor(name).map_err(|_| self.refused(name, "a tensor", "nothing"))?;
        if tensor.shape().contains(&0) {
            return Err(self.refused(name, "no empty dimension", format!("{:?}", tensor.shape())));
        }
        Ok(tensor.shape().to_vec())
    }

    fn values(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, ModelFileError> {
        let got = self.shape(name)?;
        if got != shape {
            return Err(self.refused(name, format!("shape {shape:?}"), format!("{got:?}")));
        }
        let tensor = self.file.tensor(name).map_err(|_| self.refused(name, "a tensor", "nothing"))?;
        if tensor.dtype() != Dtype::F32 {
            return Err(self.refused(name, "type F32", format!("{:?}", tensor.dtype())));
        }
        let values: Vec<f32> = tensor.data().as_chunks::<4>().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
        match values.iter().position(|value| !value.is_finite()) {
            Some(at) => Err(self.refused(name, "finite values", format!("{} at index {at}", values[at]))),
            None => Ok(values),
        }
    }

    fn refuse_others(&self, n_layers: usize) -> Result<(), ModelFileError> {
        const OUTSIDE: [&str; 6] = ["conv.weight", "conv.bias", "input.weight", "input.bias", "output.weight", "output.bias"];
        const PER_LAYER: usize = 4;
        if self.file.len() == OUTSIDE.len() + PER_LAYER * n_layers {
            return Ok(());
        }
        let in_layer = |name: &str| {
            let mut parts = name.splitn(3, '.');
            parts.next() == Some("lstm") && parts.next().and_then(|layer| layer.parse().ok()).is_some_and(|layer: usize| layer < n_layers)
        };
        let mut names = self.file.names();
        names.sort_unstable();
        let other = names.into_iter().find(|name| !OUTSIDE.contains(name) && !in_layer(name)).unwrap_or("lstm");
        Err(self.refused(other, format!("the tensors of a network of {n_layers} LSTM layers alone"), "a tensor more"))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use model_contracts::canonical_json;
    use serde_json::json;

    /// Shape and values of a tensor.
    type Tensors = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

    const N_LAYERS: usize = 3;
    const N_HIDDEN: usize = 5;

    /// A network of other sizes than BeatNet's, on the standard front end.
    fn tiny() -> Tensors {
        let (channels, taps, n_features) = (3, 7, FrontEnd::default().len);
        let pooled = (n_features - taps).div_ceil(2);
        let mut shapes = vec![
            ("conv.weight".to_owned(), vec![channels, 1, taps]),
            ("conv.bias".to_owned(), vec![channels]),
            ("input.weight".to_owned(), vec![N_HIDDEN, channels * pooled]),
            ("input.bias".to_owned(), vec![N_HIDDEN]),
            ("output.weight".to_owned(), vec![3, N_HIDDEN]),
            ("output.bias".to_owned(), vec![3]),
        ];
        for layer in 0..N_LAYERS {
            shapes.push((format!("lstm.{layer}.weight_ih"), vec![4 * N_HIDDEN, N_HIDDEN]));
            shapes.push((format!("lstm.{layer}.weight_hh"), vec![4 * N_HIDDEN, N_HIDDEN]));
            shapes.push((format!("lstm.{layer}.bias_ih"), vec![4 * N_HIDDEN]));
            shapes.push((format!("lstm.{layer}.bias_hh"), vec![4 * N_HIDDEN]));
        }
        shapes
            .into_iter()
            .map(|(name, shape)| {
                let n: usize = shape.iter().product();
                (name, (shape, (0..n).map(|i| ((i * 37 % 101) as f32 - 50.0) / 200.0).collect()))
            })
            .collect()
    }

    fn front_end() -> Value {
        serde_json::to_value(FrontEnd::default()).unwrap()
    }

    fn file_of(tensors: &Tensors, dtype: &str, front_end: &Value) -> Vec<u8> {
        let hash = Contract::current().scope_hash(ModelKind::BeatModel).unwrap();
        let metadata = json!({"name": "tiny", "architecture": "crnn", "contract_hash": hash, "front_end": canonical_json(front_end)});
        let mut header = json!({ "__metadata__": metadata });
        let mut data = Vec::new();
        for (name, (shape, values)) in tensors {
            let start = data.len();
            data.extend(values.iter().flat_map(|v| v.to_le_bytes()));
            header[name] = json!({"dtype": dtype, "shape": shape, "data_offsets": [start, data.len()]});
        }
        let header = header.to_string();
        [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &data].concat()
    }

    fn manifest_of(safetensors: &[u8], front_end: &Value) -> Value {
        let contract = Contract::current();
        let sha256: String = Sha256::digest(safetensors).iter().map(|b| format!("{b:02x}")).collect();
        json!({
            "format": 1, "name": "tiny", "kind": "beat_model", "architecture": "crnn", "front_end": front_end,
            "files": {"model.safetensors": {"sha256": sha256, "bytes": safetensors.len()}},
            "contract": {
                "version": contract.contract_version,
                "hash": contract.scope_hash(ModelKind::BeatModel).unwrap(),
                "scope": contract.scope(ModelKind::BeatModel).unwrap(),
            },
            "licence": "CC0-1.0", "attribution": "made by a test",
        })
    }

    /// Manifest and weights of a tiny network that loads.
    pub(crate) fn tiny_model() -> (String, Vec<u8>) {
        let file = file_of(&tiny(), "F32", &front_end());
        (manifest_of(&file, &front_end()).to_string(), file)
    }

    fn with_tensors(alter: impl FnOnce(&mut Tensors)) -> String {
        let mut tensors = tiny();
        alter(&mut tensors);
        let file = file_of(&tensors, "F32", &front_end());
        ModelFile::parse(&manifest_of(&file, &front_end()).to_string(), &file).unwrap_err().to_string()
    }

    fn with_manifest(pointer: &str, value: Value) -> ModelFileError {
        let file = file_of(&tiny(), "F32", &front_end());
        let mut manifest = manifest_of(&file, &front_end());
        *manifest.pointer_mut(pointer).unwrap() = value;
        ModelFile::parse(&manifest.to_string(), &file).unwrap_err()
    }

    #[test]
    fn a_net_of_any_depth_and_width_loads() {
        let (manifest, file) = tiny_model();
        let model = ModelFile::parse(&manifest, &file).unwrap();
        let weights = &model.weights;
        assert_eq!((weights.n_channels, weights.kernel, weights.n_hidden, weights.lstm.len()), (3, 7, N_HIDDEN, N_LAYERS));
        assert_eq!(weights.lstm[2].bias_hh, tiny()["lstm.2.bias_hh"].1);
        assert_eq!((model.name.as_str(), &model.front_end), ("tiny", &FrontEnd::default()));
        assert_eq!(model.attribution, "made by a test (CC0-1.0)");
    }

    #[test]
    fn a_truncated_altered_or_empty_file_is_refused() {
        let (manifest, file) = tiny_model();
        for length in [0, 7, file.len() / 2, file.len() - 1] {
            let error = ModelFile::parse(&manifest, &file[..length]).unwrap_err();
            assert!(matches!(error, ModelFileError::Length { got, .. } if got == length as u64), "{error}");
        }
        for at in [0, 20, file.len() - 1] {
            let mut altered = file.clone();
            altered[at] ^= 1;
            let error = ModelFile::parse(&manifest, &altered).unwrap_err();
            assert!(matches!(error, ModelFileError::Hash { .. }), "{error}");
        }
    }

    #[test]
    fn a_file_that_is_no_safetensors_is_refused_even_with_the_right_hash() {
        for bytes in [&b""[..], b"12345678", &u64::MAX.to_le_bytes(), b"\x02\0\0\0\0\0\0\0{}"] {
            let error = ModelFile::parse(&manifest_of(bytes, &front_end()).to_string(), bytes).unwrap_err();
            assert!(matches!(error, ModelFileError::Safetensors { .. } | ModelFileError::Metadata { .. }), "{error}");
        }
    }

    #[test]
    fn a_manifest_that_is_no_json_is_refused() {
        let (_, file) = tiny_model();
        for text in ["", "{", "[]", "null", "{\"format\": 1}"] {
            assert!(matches!(ModelFile::parse(text, &file), Err(ModelFileError::Manifest(_))), "{text}");
        }
    }

    #[test]
    fn unknown_kinds_are_named() {
        for (pointer, value) in [("/format", json!(2)), ("/kind", json!("anticipator")), ("/architecture", json!("transformer"))] {
            let error = with_manifest(pointer, value.clone());
            let got = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            assert!(matches!(&error, ModelFileError::Field { got: g, .. } if *g == got), "{error}");
        }
        assert!(with_manifest("/files", json!({})).to_string().contains("model.safetensors"));
    }

    #[test]
    fn another_contract_is_refused_with_the_first_differing_field() {
        let error = with_manifest("/contract/scope/~1beat_model/class_order/0", json!("downbeat")).to_string();
        assert!(error.contains("/beat_model/class_order/0: expected \"beat\", got \"downbeat\""), "{error}");
        assert!(with_manifest("/contract/version", json!("2.0.0")).to_string().contains("2.0.0"));
        assert!(with_manifest("/contract/hash", json!("sha256:00")).to_string().contains("sha256:00"));
    }

    #[test]
    fn a_front_end_that_cannot_be_computed_is_refused() {
        for (pointer, value) in [
            ("window_samples", json!(0)),
            ("window_samples", json!(440)),
            ("fft_samples", json!(1000)),
            ("fft_bins", json!(100_000)),
            ("bin_hz_divisor_samples", json!(0)),
            ("bands_per_octave", json!(0)),
            ("bands_per_octave", json!(4_000_000)),
            ("fmin_hz", json!(0)),
            ("fmax_hz", json!(20)),
            ("fref_hz", json!(-440)),
            ("bands", json!(137)),
            ("len", json!(271)),
            ("len", json!("272")),
        ] {
            let error = with_manifest(&format!("/front_end/{pointer}"), value.clone());
            assert!(matches!(error, ModelFileError::Field { .. }), "{pointer} {value}: {error}");
        }
    }

    #[test]
    fn an_edited_manifest_is_noticed() {
        let error = with_manifest("/front_end/fmax_hz", json!(17001)).to_string();
        assert!(error.contains("front_end/fmax_hz of model.safetensors: expected 17001, got 17000"), "{error}");
        assert!(with_manifest("/name", json!("other")).to_string().contains("metadata name"));
    }

    #[test]
    fn wrong_tensors_are_named_with_both_shapes() {
        let shape = |name: &'static str, shape: &[usize]| {
            let shape = shape.to_vec();
            with_tensors(move |t| {
                t.insert(name.to_owned(), (shape.clone(), vec![0.0; shape.iter().product()]));
            })
        };
        assert!(shape("input.bias", &[6]).contains("tensor input.bias: expected shape [5], got [6]"));
        assert!(shape("conv.weight", &[3, 7]).contains("expected shape [channels, 1, taps], got [3, 7]"));
        assert!(shape("conv.weight", &[3, 1, 300]).contains("expected fewer taps than 272 features, got 300"));
        assert!(shape("lstm.0.weight_hh", &[4]).contains("lstm.0.weight_hh"));
        assert!(shape("lstm.1.weight_ih", &[20, 4]).contains("lstm.1.weight_ih: expected shape [20, 5], got [20, 4]"));
        assert!(shape("output.bias", &[4]).contains("output.bias"));
        assert!(shape("output.bias", &[0]).contains("no empty dimension"));
        assert!(shape("lstm.0.weight_hh", &[0, 1 << 40]).contains("no empty dimension"));
        assert!(shape("extra", &[1]).contains("tensor extra"));
        assert!(shape("lstm.4.bias_ih", &[1]).contains("tensor lstm.4.bias_ih"));
        assert!(shape("lstm.0.bias_zz", &[1]).contains("a tensor more"));
    }

    #[test]
    fn a_missing_tensor_is_named() {
        for name in tiny().keys() {
            let message = with_tensors(|t| drop(t.remove(name)));
            // Without its recurrent matrix the last layer counts as absent, and its other tensors as too many.
            let layer = name.rsplit_once('.').unwrap().0;
            assert!(message.contains(layer), "{name}: {message}");
        }
    }

    #[test]
    fn weights_that_are_not_finite_are_refused_with_their_index() {
        for value in [f32::NAN, f32::INFINITY] {
            let message = with_tensors(|t| t.get_mut("input.bias").unwrap().1[3] = value);
            assert!(message.contains("tensor input.bias: expected finite values") && message.contains("at index 3"), "{message}");
        }
    }

    #[test]
    fn another_element_type_is_refused() {
        let file = file_of(&tiny(), "I32", &front_end());
        let error = ModelFile::parse(&manifest_of(&file, &front_end()).to_string(), &file).unwrap_err().to_string();
        assert!(error.contains("expected type F32, got I32"), "{error}");
    }

    /// Found by the `contract` fuzz target: serde_json rounds long numbers otherwise unless `float_roundtrip` is on.
    #[test]
    fn the_hashed_text_of_a_long_number_is_stable() {
        let text = |json: &str| canonical_json(&serde_json::from_str(json).unwrap());
        for json in ["1111111111111111111111", "0.12345678901234567", "8.3e-322"] {
            assert_eq!(text(&text(json)), text(json));
        }
    }

    #[test]
    fn a_missing_folder_names_the_file() {
        let error = ModelFile::read_dir(Path::new("no-such-model")).unwrap_err().to_string();
        assert!(error.contains("manifest.json"), "{error}");
    }
}
