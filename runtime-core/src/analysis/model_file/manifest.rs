//! `manifest.json` of a model as it is read, and the checks of the statements in it that shape a network. Any thread.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::super::calibration::Calibration;
use super::{ModelFileError, SAFETENSORS_FILE};

/// Layout of the manifest that this build reads.
const FORMAT: u32 = 1;
/// Kind of model that this build reads.
const KIND: &str = "beat_model";
/// How the manifest calls a weighted mean of networks.
const MIXTURE: &str = "mixture";
/// Farthest that a block of a temporal convolution network may look back, frames: 82 s.
const MAX_PAST_FRAMES: usize = 1 << 12;
/// Longest delay of the output, frames: half a second.
pub const MAX_DELAY_FRAMES: usize = 25;
/// How far the weights of a mixture may sum from 1: rounding of their decimals.
const WEIGHT_SUM_TOLERANCE: f64 = 1e-6;

/// The fields that are read.
#[derive(Deserialize)]
pub(super) struct Manifest {
    format: u32,
    pub(super) name: String,
    kind: String,
    pub(super) architecture: String,
    network: Option<Value>,
    members: Option<Value>,
    calibration: Option<Value>,
    delay_frames: Option<Value>,
    pub(super) front_end: Value,
    files: BTreeMap<String, FileEntry>,
    pub(super) contract: ContractEntry,
    #[serde(default)]
    pub(super) licence: String,
    #[serde(default)]
    pub(super) attribution: String,
}

/// Length and hash of a file.
#[derive(Deserialize)]
pub(super) struct FileEntry {
    pub(super) sha256: String,
    pub(super) bytes: u64,
}

/// The contract that a model was made for.
#[derive(Deserialize)]
pub(super) struct ContractEntry {
    pub(super) version: String,
    pub(super) hash: String,
    pub(super) scope: Value,
}

/// An architecture with the sizes that its tensors do not tell.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Architecture {
    /// BeatNet's.
    Crnn,
    /// A temporal convolution network.
    Tcn(TcnSizes),
    /// LSTM layers behind a convolution front, with the bands that each of its layers makes one.
    FrontLstm { pool: Vec<usize> },
}

/// Sizes of a temporal convolution network.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TcnSizes {
    /// Frames between the taps of each block.
    pub(super) dilations: Vec<usize>,
    /// Taps of every block.
    pub(super) taps: usize,
    /// Bands that each layer of the front makes one.
    #[serde(default)]
    pub(super) pool: Vec<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FrontLstmSizes {
    #[serde(default)]
    pool: Vec<usize>,
}

/// One network of a model.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Member {
    pub(super) architecture: Architecture,
    /// Share in the mean, above 0 and at most 1.
    pub(super) weight: f32,
    /// What the names of its tensors begin with.
    pub(super) prefix: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MemberEntry {
    architecture: String,
    network: Option<Value>,
    weight: f64,
}

impl Manifest {
    /// Reads the text and checks what kind of file it is.
    pub(super) fn parse(text: &str) -> Result<Self, ModelFileError> {
        let manifest: Self = serde_json::from_str(text).map_err(|e| ModelFileError::Manifest(e.to_string()))?;
        manifest.known("format", &FORMAT.to_string(), &manifest.format.to_string())?;
        manifest.known("kind", KIND, &manifest.kind)?;
        Ok(manifest)
    }

    fn known(&self, field: &str, expected: &str, got: &str) -> Result<(), ModelFileError> {
        if expected == got { Ok(()) } else { Err(ModelFileError::field(&self.name, field, expected, got)) }
    }

    /// The entry of the weights' file.
    pub(super) fn weights_entry(&self) -> Result<&FileEntry, ModelFileError> {
        let names: Vec<&String> = self.files.keys().collect();
        let missing = || ModelFileError::field(&self.name, "files", format!("an entry for {SAFETENSORS_FILE}"), format!("{names:?}"));
        self.files.get(SAFETENSORS_FILE).ok_or_else(missing)
    }

    /// The networks, one or several.
    pub(super) fn members(&self) -> Result<Vec<Member>, ModelFileError> {
        let name = &self.name;
        if self.architecture != MIXTURE {
            if let Some(members) = &self.members {
                return Err(ModelFileError::field(
                    name,
                    "members",
                    format!("nothing beside the architecture {}", self.architecture),
                    members,
                ));
            }
            let architecture = read_architecture(name, "", &self.architecture, self.network.as_ref())?;
            return Ok(vec![Member { architecture, weight: 1.0, prefix: String::new() }]);
        }
        if let Some(network) = &self.network {
            return Err(ModelFileError::field(name, "network", "one in every member of a mixture", network));
        }
        let entries: Vec<MemberEntry> = read(name, "members", "a list of architecture, network and weight", self.members.as_ref())?;
        let sum: f64 = entries.iter().map(|entry| entry.weight).sum();
        let in_range = entries.iter().all(|entry| entry.weight > 0.0);
        if !in_range || (sum - 1.0).abs() > WEIGHT_SUM_TOLERANCE {
            let weights: Vec<f64> = entries.iter().map(|entry| entry.weight).collect();
            return Err(ModelFileError::field(name, "members", "weights above 0 that sum to 1", format!("{weights:?}")));
        }
        let member = |(i, entry): (usize, &MemberEntry)| {
            let architecture = read_architecture(name, &format!("members.{i}."), &entry.architecture, entry.network.as_ref())?;
            Ok(Member { architecture, weight: entry.weight as f32, prefix: format!("member.{i}.") })
        };
        entries.iter().enumerate().map(member).collect()
    }

    /// What is done to the activations.
    pub(super) fn calibration(&self) -> Result<Option<Calibration>, ModelFileError> {
        let Some(value) = &self.calibration else { return Ok(None) };
        let calibration: Calibration = read(&self.name, "calibration", "beat_scale, downbeat_scale and floor", Some(value))?;
        match calibration.first_fault() {
            Some((field, expected, got)) => Err(ModelFileError::field(&self.name, &format!("calibration.{field}"), expected, got)),
            None => Ok(Some(calibration)),
        }
    }

    /// Frames by which the output is late.
    pub(super) fn delay_frames(&self) -> Result<usize, ModelFileError> {
        let Some(value) = &self.delay_frames else { return Ok(0) };
        let known = value.as_u64().and_then(|n| usize::try_from(n).ok()).filter(|&n| n <= MAX_DELAY_FRAMES);
        known.ok_or_else(|| ModelFileError::field(&self.name, "delay_frames", format!("0 to {MAX_DELAY_FRAMES}"), value))
    }

    /// What shapes the network besides its tensors and must be the same in the metadata of the weights.
    pub(super) fn shaping(&self) -> Value {
        let fields = [
            ("network", &self.network),
            ("members", &self.members),
            ("calibration", &self.calibration),
            ("delay_frames", &self.delay_frames),
        ];
        let present = fields.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value.clone()?)));
        Value::Object(present.collect::<Map<String, Value>>())
    }
}

/// Reads a field into a type.
fn read<T: serde::de::DeserializeOwned>(model: &str, field: &str, expected: &str, value: Option<&Value>) -> Result<T, ModelFileError> {
    let value = value.ok_or_else(|| ModelFileError::field(model, field, expected, "nothing"))?;
    serde_json::from_value(value.clone()).map_err(|e| ModelFileError::field(model, field, expected, e))
}

/// One architecture with its sizes; `at` is where in the manifest they stand.
fn read_architecture(model: &str, at: &str, name: &str, network: Option<&Value>) -> Result<Architecture, ModelFileError> {
    let field = format!("{at}network");
    match name {
        "crnn" => match network {
            Some(network) => Err(ModelFileError::field(model, &field, "nothing beside the architecture crnn", network)),
            None => Ok(Architecture::Crnn),
        },
        "tcn" => {
            let sizes: TcnSizes = read(model, &field, "dilations, taps and pool", network)?;
            let rule = |part: &str, holds: bool, expected: String, got: String| {
                if holds { Ok(()) } else { Err(ModelFileError::field(model, &format!("{field}.{part}"), expected, got)) }
            };
            rule("taps", (1..=MAX_PAST_FRAMES).contains(&sizes.taps), format!("1 to {MAX_PAST_FRAMES}"), sizes.taps.to_string())?;
            let past_frames = |dilation: usize| dilation.saturating_mul(sizes.taps - 1);
            rule(
                "dilations",
                !sizes.dilations.is_empty() && sizes.dilations.iter().all(|&d| d > 0 && past_frames(d) <= MAX_PAST_FRAMES),
                format!("some, each above 0 and looking back at most {MAX_PAST_FRAMES} frames"),
                format!("{:?}", sizes.dilations),
            )?;
            Ok(Architecture::Tcn(sizes))
        }
        "crnn2" => {
            let sizes = network.map_or(Ok(FrontLstmSizes { pool: Vec::new() }), |network| read(model, &field, "pool", Some(network)))?;
            Ok(Architecture::FrontLstm { pool: sizes.pool })
        }
        other => Err(ModelFileError::field(model, &format!("{at}architecture"), "crnn, tcn, crnn2 or (not inside another) mixture", other)),
    }
}
