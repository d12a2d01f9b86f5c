//! Model files of anticipators: manifest and weights, checked in every respect before a network is built. Any thread.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use model_contracts::{Contract, ModelKind, v1};
use safetensors::SafeTensors;
use serde::Deserialize;

use super::manifest::{ContractEntry, FileEntry};
use super::tensors::TensorReader;
use super::{MANIFEST_FILE, Matrix, ModelFileError, SAFETENSORS_FILE, check_bytes};
use crate::analysis::structure_features::pool::N_AUDIO;
use crate::analysis::structure_features::{N_BEAT, N_STRUCT};

/// Layout of the manifest that this build reads.
const FORMAT: u32 = 1;
/// Kind of model that this build reads.
const KIND: &str = "anticipator";
/// The one architecture.
const ARCHITECTURE: &str = "gru";
/// Labels of sections.
const N_LABELS: usize = v1::LABELS.len();
/// Bins of the hazard head.
const N_BINS: usize = v1::anticipator::HAZARD_BINS_FROM_BEATS.len();
/// Numbers of the embedding for who draws.
pub const N_MACRO: usize = 16;
/// Most units of a layer and most layers: far above what a step of 80 ms is worth, far below what would stall it.
const MAX_UNITS: usize = 1024;
const MAX_LAYERS: usize = 8;

/// An anticipator, read and verified.
#[derive(Debug, Clone, PartialEq)]
pub struct AnticipatorFile {
    /// Name for messages, e.g. `anticipator_v1`.
    pub name: String,
    /// Licence and attribution, for display.
    pub attribution: String,
    /// SHA-256 of the weights' file, hexadecimal.
    pub sha256: String,
    /// Its weights.
    pub weights: AnticipatorWeights,
}

/// Weights of an anticipator; all matrices row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct AnticipatorWeights {
    /// `[290]`
    pub audio_mean: Vec<f32>,
    /// `[290]`
    pub audio_inv_std: Vec<f32>,
    /// The layer behind the normalised audio.
    pub audio_in: DenseWeights,
    /// The layer behind that one, the beat and the memory.
    pub mix: DenseWeights,
    /// Recurrent layers in order; at least one.
    pub gru: Vec<GruWeights>,
    /// Units of each recurrent layer.
    pub n_hidden: usize,
    /// Log odds of the sections.
    pub label: DenseWeights,
    /// Log odds of the bins of the hazard.
    pub hazard: DenseWeights,
    /// The embedding for who draws.
    pub embedding: DenseWeights,
}

/// Weights of a dense layer.
#[derive(Debug, Clone, PartialEq)]
pub struct DenseWeights {
    /// `[n_outputs, n_inputs]`
    pub weight: Matrix,
    /// `[n_outputs]`
    pub bias: Vec<f32>,
}

/// Weights of one GRU layer, gates in the order r, z, n.
#[derive(Debug, Clone, PartialEq)]
pub struct GruWeights {
    /// `[3 * n_hidden, n_inputs]`
    pub weight_ih: Matrix,
    /// `[3 * n_hidden, n_hidden]`
    pub weight_hh: Matrix,
    /// `[3 * n_hidden]`
    pub bias_ih: Vec<f32>,
    /// `[3 * n_hidden]`
    pub bias_hh: Vec<f32>,
}

#[derive(Deserialize)]
struct Manifest {
    format: u32,
    name: String,
    kind: String,
    architecture: String,
    files: BTreeMap<String, FileEntry>,
    contract: ContractEntry,
    #[serde(default)]
    licence: String,
    #[serde(default)]
    attribution: String,
}

impl AnticipatorFile {
    /// Reads and verifies an anticipator from the text of its manifest and the bytes of its weights.
    ///
    /// # Errors
    /// [`ModelFileError`], naming the first thing that is wrong.
    pub fn parse(manifest_json: &str, safetensors: &[u8]) -> Result<Self, ModelFileError> {
        let manifest: Manifest = serde_json::from_str(manifest_json).map_err(|e| ModelFileError::Manifest(e.to_string()))?;
        let model = manifest.name.as_str();
        for (field, expected, got) in [
            ("format", FORMAT.to_string(), manifest.format.to_string()),
            ("kind", KIND.to_owned(), manifest.kind.clone()),
            ("architecture", ARCHITECTURE.to_owned(), manifest.architecture.clone()),
        ] {
            if expected != got {
                return Err(ModelFileError::field(model, field, expected, got));
            }
        }
        Contract::current()
            .check_model(ModelKind::Anticipator, &manifest.contract.version, &manifest.contract.scope, &manifest.contract.hash)
            .map_err(|source| ModelFileError::Contract { model: model.to_owned(), source })?;
        let entry = manifest.files.get(SAFETENSORS_FILE).ok_or_else(|| {
            let names: Vec<&String> = manifest.files.keys().collect();
            ModelFileError::field(model, "files", format!("an entry for {SAFETENSORS_FILE}"), format!("{names:?}"))
        })?;
        check_bytes(model, entry, safetensors)?;
        check_metadata(&manifest, safetensors)?;
        let weights = AnticipatorWeights::read(TensorReader::new(model, safetensors)?)?;
        let attribution = format!("{} ({})", manifest.attribution, manifest.licence);
        Ok(Self { attribution, sha256: entry.sha256.clone(), weights, name: manifest.name })
    }

    /// Reads and verifies the anticipator in a folder.
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

/// The weights carry the same statements as the manifest, so that an edited manifest is noticed.
fn check_metadata(manifest: &Manifest, safetensors: &[u8]) -> Result<(), ModelFileError> {
    let model = || manifest.name.clone();
    let (_, header) =
        SafeTensors::read_metadata(safetensors).map_err(|e| ModelFileError::Safetensors { model: model(), message: e.to_string() })?;
    for (key, expected) in [("name", &manifest.name), ("architecture", &manifest.architecture), ("contract_hash", &manifest.contract.hash)]
    {
        let got = header.metadata().as_ref().and_then(|metadata| metadata.get(key)).map_or("", String::as_str);
        if got != expected {
            return Err(ModelFileError::Metadata { model: model(), key: key.to_owned(), expected: expected.clone(), got: got.to_owned() });
        }
    }
    Ok(())
}

impl AnticipatorWeights {
    fn read(reader: TensorReader<'_>) -> Result<Self, ModelFileError> {
        let audio_in = DenseWeights::read(&reader, "audio_in", None, N_AUDIO)?;
        let n_mixed = audio_in.bias.len() + N_BEAT + N_STRUCT;
        let mix = DenseWeights::read(&reader, "mix", None, n_mixed)?;
        let [_, n_hidden] = reader.shape_of("gru.0.weight_hh", "[3 x units, units]")?;
        check_units(&reader, "gru.0.weight_hh", n_hidden)?;
        let n_layers = (0..).take_while(|layer| reader.has(&format!("gru.{layer}.weight_ih"))).take(MAX_LAYERS).count();
        let gru = (0..n_layers).map(|layer| {
            let n_inputs = if layer == 0 { mix.bias.len() } else { n_hidden };
            let name = |part: &str| format!("gru.{layer}.{part}");
            Ok(GruWeights {
                weight_ih: reader.matrix(&name("weight_ih"), [3 * n_hidden, n_inputs])?,
                weight_hh: reader.matrix(&name("weight_hh"), [3 * n_hidden, n_hidden])?,
                bias_ih: reader.values(&name("bias_ih"), &[3 * n_hidden])?,
                bias_hh: reader.values(&name("bias_hh"), &[3 * n_hidden])?,
            })
        });
        let gru: Vec<GruWeights> = gru.collect::<Result<_, ModelFileError>>()?;
        if gru.is_empty() {
            return Err(reader.refused("gru.0.weight_ih", "a tensor", "nothing"));
        }
        let weights = Self {
            audio_mean: reader.values("audio_mean", &[N_AUDIO])?,
            audio_inv_std: reader.values("audio_inv_std", &[N_AUDIO])?,
            audio_in,
            mix,
            gru,
            n_hidden,
            label: DenseWeights::read(&reader, "label", Some(N_LABELS), n_hidden)?,
            hazard: DenseWeights::read(&reader, "hazard", Some(N_BINS), n_hidden)?,
            embedding: DenseWeights::read(&reader, "macro", Some(N_MACRO), n_hidden)?,
        };
        reader.refuse_others()?;
        Ok(weights)
    }
}

impl DenseWeights {
    /// Reads `<name>.weight` and `<name>.bias`; `None` outputs: as many as the tensor has.
    fn read(reader: &TensorReader<'_>, name: &str, n_outputs: Option<usize>, n_inputs: usize) -> Result<Self, ModelFileError> {
        let (weight, bias) = (format!("{name}.weight"), format!("{name}.bias"));
        let [n_rows, _] = reader.shape_of(&weight, "[outputs, inputs]")?;
        check_units(reader, &weight, n_rows)?;
        let n_outputs = n_outputs.unwrap_or(n_rows);
        Ok(Self { weight: reader.matrix(&weight, [n_outputs, n_inputs])?, bias: reader.values(&bias, &[n_outputs])? })
    }
}

fn check_units(reader: &TensorReader<'_>, tensor: &str, n_units: usize) -> Result<(), ModelFileError> {
    if n_units <= MAX_UNITS { Ok(()) } else { Err(reader.refused(tensor, format!("at most {MAX_UNITS} units"), n_units)) }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{Tensors, anticipator_files, anticipator_tensors, anticipator_weights};
    use super::*;
    use serde_json::Value;

    fn tiny() -> Tensors {
        anticipator_tensors(6, 7, 5, 2, 0.5)
    }

    fn with_tensors(alter: impl FnOnce(&mut Tensors)) -> String {
        let mut tensors = tiny();
        alter(&mut tensors);
        let (manifest, file) = anticipator_files(&tensors);
        AnticipatorFile::parse(&manifest.to_string(), &file).unwrap_err().to_string()
    }

    fn with_manifest(pointer: &str, value: Value) -> String {
        let (mut manifest, file) = anticipator_files(&tiny());
        *manifest.pointer_mut(pointer).unwrap() = value;
        AnticipatorFile::parse(&manifest.to_string(), &file).unwrap_err().to_string()
    }

    #[test]
    fn a_network_of_any_size_loads() {
        for (n_audio, n_mix, n_hidden, n_layers) in [(6, 7, 5, 2), (1, 1, 1, 1), (64, 96, 96, 3)] {
            let (manifest, file) = anticipator_files(&anticipator_tensors(n_audio, n_mix, n_hidden, n_layers, 0.5));
            let model = AnticipatorFile::parse(&manifest.to_string(), &file).unwrap();
            assert_eq!(model.weights, anticipator_weights(n_audio, n_mix, n_hidden, n_layers, 0.5));
            assert_eq!((model.name.as_str(), model.attribution.as_str()), ("tiny", "made by a test (CC0-1.0)"));
        }
    }

    #[test]
    fn tensors_that_do_not_fit_are_named_with_their_shape() {
        type Alter = fn(&mut Tensors);
        let cases: [(Alter, &str); 9] = [
            (|t| drop(t.remove("audio_mean")), "tensor audio_mean: expected a tensor"),
            (|t| t.get_mut("audio_mean").unwrap().0 = vec![29, 10], "tensor audio_mean: expected shape [290], got [29, 10]"),
            (|t| t.get_mut("audio_in.weight").unwrap().0 = vec![60, 29], "tensor audio_in.weight"),
            (|t| drop(t.insert("mix.weight".into(), (vec![7, 6], vec![0.0; 42]))), "tensor mix.weight: expected shape [7, 51], got [7, 6]"),
            (|t| drop(t.insert("label.weight".into(), (vec![7, 5], vec![0.0; 35]))), "tensor label.weight: expected shape [8, 5]"),
            (|t| drop(t.insert("hazard.bias".into(), (vec![5], vec![0.0; 5]))), "tensor hazard.bias: expected shape [6], got [5]"),
            (|t| drop(t.remove("gru.0.weight_ih")), "tensor gru.0.weight_ih: expected a tensor"),
            (|t| drop(t.insert("extra".into(), (vec![1], vec![0.0]))), "tensor extra: expected only the tensors"),
            (|t| t.get_mut("gru.1.bias_hh").unwrap().1[3] = f32::NAN, "tensor gru.1.bias_hh: expected finite values, got NaN at index 3"),
        ];
        for (alter, part) in cases {
            let message = with_tensors(alter);
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn a_model_of_another_kind_contract_or_file_is_refused_by_name() {
        for (pointer, value, part) in [
            ("/format", Value::from(2), "manifest field format: expected 1, got 2"),
            ("/kind", "beat_model".into(), "manifest field kind: expected anticipator, got beat_model"),
            ("/architecture", "lstm".into(), "manifest field architecture: expected gru, got lstm"),
            ("/contract/version", "2.0.0".into(), "2.0.0"),
            ("/contract/scope/~1labels/2", "strophe".into(), "/labels/2: expected \"verse\", got \"strophe\""),
            ("/files/model.safetensors/bytes", 5.into(), "expected 5 bytes"),
            ("/files/model.safetensors/sha256", "00".into(), "expected SHA-256 00"),
            ("/name", "other".into(), "metadata name of model.safetensors: expected other, got tiny"),
        ] {
            let message = with_manifest(pointer, value);
            assert!(message.contains(part), "{pointer}: {message}");
        }
        let (manifest, _) = anticipator_files(&tiny());
        assert!(AnticipatorFile::parse("{}", b"").unwrap_err().to_string().contains("manifest is not readable"));
        assert!(AnticipatorFile::parse(&manifest.to_string(), b"short").unwrap_err().to_string().contains("bytes"));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
            let (mut manifest, _) = anticipator_files(&tiny());
            let sha256: String = sha2::Digest::finalize(sha2::Digest::chain_update(<sha2::Sha256 as sha2::Digest>::new(), &bytes))
                .iter().map(|byte| format!("{byte:02x}")).collect();
            manifest["files"]["model.safetensors"] = serde_json::json!({"sha256": sha256, "bytes": bytes.len()});
            let _ = AnticipatorFile::parse(&manifest.to_string(), &bytes);
        }
    }
}
