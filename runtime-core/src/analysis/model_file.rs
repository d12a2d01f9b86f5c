//! Model files: a manifest and safetensors weights, checked in every respect before a network is built. Any thread.
//!
//! Nothing is assumed of a file: hashes, contract, front end, names, types, shapes and values are all verified, and the
//! first thing that is wrong is named with what was expected and what was there. Sizes come from the tensors, and from the
//! manifest where tensors do not tell, so that a deeper or wider network of a known architecture loads too. Format:
//! `docs/models.md`.

mod anticipator;
mod crnn;
mod error;
mod front;
mod front_end;
mod manifest;
mod matrix;
#[cfg(test)]
pub(crate) mod samples;
mod tcn;
mod tensors;
#[cfg(test)]
mod tests;

use std::fs;
use std::path::Path;

use model_contracts::{Contract, Difference, ModelKind, first_difference};
use safetensors::SafeTensors;
use serde_json::Value;
use sha2::{Digest, Sha256};

use self::manifest::{Architecture, FileEntry, Manifest, Member};
use self::tensors::TensorReader;
use super::calibration::Calibration;
use super::front_end::FrontEnd;

pub use self::anticipator::{AnticipatorFile, AnticipatorWeights, DenseWeights, GruWeights, N_MACRO};
pub use self::crnn::{CrnnWeights, FrontLstmWeights, LstmWeights};
pub use self::error::ModelFileError;
pub use self::front::{ConvLayerWeights, FrontWeights};
#[cfg(feature = "ort")]
pub(super) use self::front_end::read_front_end;
pub use self::manifest::MAX_DELAY_FRAMES;
pub use self::matrix::Matrix;
pub use self::tcn::{TcnBlockWeights, TcnWeights};

/// Name of the manifest in a model's folder.
pub const MANIFEST_FILE: &str = "manifest.json";
/// Name of the weights in a model's folder.
pub const SAFETENSORS_FILE: &str = "model.safetensors";
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
    /// The networks whose mean it is; at least one.
    pub members: Vec<MemberWeights>,
    /// What is done to the mean.
    pub calibration: Option<Calibration>,
    /// Frames by which the output is late: what comes out at frame n describes frame n less this.
    pub delay_frames: usize,
}

/// One network of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct MemberWeights {
    /// Share in the mean; all sum to 1.
    pub weight: f32,
    /// Its weights.
    pub network: NetworkWeights,
}

/// The weights of a network, by architecture.
#[derive(Debug, Clone, PartialEq)]
pub enum NetworkWeights {
    /// `crnn`: BeatNet's.
    Crnn(CrnnWeights),
    /// `tcn`: a temporal convolution network.
    Tcn(TcnWeights),
    /// `crnn2`: LSTM layers behind a convolution front.
    FrontLstm(FrontLstmWeights),
}

impl ModelFile {
    /// Reads and verifies a model from the text of its manifest and the bytes of its weights.
    ///
    /// # Errors
    /// [`ModelFileError`], naming the first thing that is wrong.
    pub fn parse(manifest_json: &str, safetensors: &[u8]) -> Result<Self, ModelFileError> {
        let manifest = Manifest::parse(manifest_json)?;
        let model = manifest.name.as_str();
        let members = manifest.members()?;
        let (calibration, delay_frames) = (manifest.calibration()?, manifest.delay_frames()?);
        Contract::current()
            .check_model(ModelKind::BeatModel, &manifest.contract.version, &manifest.contract.scope, &manifest.contract.hash)
            .map_err(|source| ModelFileError::Contract { model: model.to_owned(), source })?;
        let front_end = front_end::read_front_end(model, &manifest.front_end)?;
        let entry = manifest.weights_entry()?;
        check_bytes(model, entry, safetensors)?;
        check_metadata(&manifest, safetensors)?;
        let members = read_members(model, &members, safetensors, front_end.len)?;
        let attribution = format!("{} ({})", manifest.attribution, manifest.licence);
        let sha256 = entry.sha256.clone();
        Ok(Self { front_end, attribution, sha256, members, calibration, delay_frames, name: manifest.name })
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

fn read_members(model: &str, members: &[Member], safetensors: &[u8], n_features: usize) -> Result<Vec<MemberWeights>, ModelFileError> {
    let mut reader = TensorReader::new(model, safetensors)?;
    let mut weights = Vec::with_capacity(members.len());
    for Member { architecture, weight, prefix } in members {
        reader.set_prefix(prefix.clone());
        let network = match architecture {
            Architecture::Crnn => NetworkWeights::Crnn(CrnnWeights::read(&reader, n_features)?),
            Architecture::Tcn(sizes) => NetworkWeights::Tcn(TcnWeights::read(&reader, n_features, sizes)?),
            Architecture::FrontLstm { pool } => NetworkWeights::FrontLstm(FrontLstmWeights::read(&reader, n_features, pool)?),
        };
        weights.push(MemberWeights { weight: *weight, network });
    }
    reader.refuse_others()?;
    Ok(weights)
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
    for (key, expected, absent) in [("front_end", &manifest.front_end, ""), ("network", &manifest.shaping(), "{}")] {
        let text = Some(get(key)).filter(|text| !text.is_empty()).unwrap_or(absent);
        let inside: Value = serde_json::from_str(text).map_err(|_| refused(key, "JSON", text))?;
        if let Some(Difference { pointer, expected, got }) = first_difference(expected, &inside) {
            let show = |text: Option<String>| text.unwrap_or_else(|| "nothing".to_owned());
            return Err(refused(&format!("{key}{pointer}"), &show(expected), &show(got)));
        }
    }
    Ok(())
}
