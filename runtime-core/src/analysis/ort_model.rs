//! Third stage, the option: any beat model in ONNX that keeps to the contract, run by ONNX Runtime. INFERENCE THREAD.
//!
//! The library is loaded at run time from an absolute path that the caller gives, under a private file name, so that it
//! neither clashes with a copy that the host has loaded nor is needed by a build. One environment per process, kept for
//! its life, telemetry off, no thread of its own. Each state has two tensors that take turns as input and output, bound
//! once. ONNX Runtime allocates and locks inside a run, so this never belongs on the audio thread.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use model_contracts::{BeatModelSpec, Contract, ContractError, ModelKind, TensorSpec};
use ort::environment::Environment;
use ort::memory::Allocator;
use ort::session::builder::GraphOptimizationLevel;
use ort::session::{IoBinding, Session};
use ort::value::{Outlet, Tensor, TensorElementType, ValueType};
use serde_json::Value;

use super::activation::{Activation, StepError, StepModel};
use super::front_end::FrontEnd;
use super::model_file::{ModelFileError, read_front_end};

/// Runs before the first real one, because the first of all is slow (0.1-0.6 ms, tens of ms on a busy machine).
const WARM_UP_RUNS: usize = 2;
/// Largest model file accepted, bytes.
const MAX_MODEL_BYTES: u64 = 1 << 28;
/// Most elements of one state tensor.
const MAX_STATE_ELEMENTS: usize = 1 << 22;
/// How the contract writes a 32-bit float.
const F32: &str = "f32";

/// Why a model cannot run on ONNX Runtime.
#[derive(Debug, thiserror::Error)]
pub enum OrtModelError {
    /// A relative path would be resolved against the host's folder.
    #[error("path of the ONNX Runtime library must be absolute, got {path}", path = .0.display())]
    RelativeLibrary(PathBuf),
    /// There is no such library.
    #[error("no ONNX Runtime library at {path}; remedy: `cargo xtask ort-runtime`, or use the native step kernels", path = .0.display())]
    NoLibrary(PathBuf),
    /// The library cannot be loaded or has another version.
    #[error("ONNX Runtime library {path}: {message}", path = .path.display())]
    Library {
        /// The library.
        path: PathBuf,
        /// What the loader said.
        message: String,
    },
    /// A process keeps the first library that it has loaded.
    #[error("this process has loaded ONNX Runtime from {loaded} and cannot load {asked}", loaded = .loaded.display(), asked = .asked.display())]
    OtherLibrary {
        /// The library in use.
        loaded: PathBuf,
        /// The library asked for.
        asked: PathBuf,
    },
    /// The model file cannot be read.
    #[error("{path}: {source}", path = .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// ONNX Runtime refused the model.
    #[error("ONNX Runtime refused the model: {0}")]
    Session(String),
    /// Metadata that every model of ours carries is missing.
    #[error("model has no metadata {key}, so its contract is unknown")]
    NoMetadata {
        /// Key of the metadata.
        key: &'static str,
    },
    /// The model was made for another contract.
    #[error("model {model}: {source}")]
    Contract {
        /// Name of the model.
        model: String,
        /// The difference.
        source: ContractError,
    },
    /// The front end in the metadata cannot be computed.
    #[error(transparent)]
    FrontEnd(#[from] ModelFileError),
    /// A tensor is missing, unknown, or of another type or shape.
    #[error("model {model}: tensor {tensor}: expected {expected}, got {got}")]
    Tensor {
        /// Name of the model.
        model: String,
        /// The tensor.
        tensor: String,
        /// What the contract says.
        expected: String,
        /// What the model has.
        got: String,
    },
}

impl From<ort::Error> for OrtModelError {
    fn from(error: ort::Error) -> Self {
        Self::Session(error.to_string())
    }
}

/// A beat model in an ONNX Runtime session, with its state.
pub struct OrtModel {
    name: String,
    front_end: FrontEnd,
    session: Session,
    /// Written in place before each run; bound in both turns.
    features: Tensor<f32>,
    activations: Tensor<f32>,
    /// What turn 0 reads and turn 1 writes, then what turn 1 reads and turn 0 writes; one tensor per state in each.
    states: [Vec<Tensor<f32>>; 2],
    bindings: [Binding; 2],
    turn: usize,
}

/// Inputs and outputs of one turn.
struct Binding(IoBinding);

// SAFETY: an IoBinding is a plain C++ object without ties to a thread, it keeps its session alive, and all use of it
// goes through `&mut OrtModel`, so that two threads never touch it at once.
unsafe impl Send for Binding {}

impl OrtModel {
    /// Reads the model at `path` and opens it with the ONNX Runtime library at the absolute path `runtime_library`.
    ///
    /// # Errors
    /// [`OrtModelError`], naming the first thing that is wrong.
    pub fn load_file(path: &Path, runtime_library: &Path) -> Result<Self, OrtModelError> {
        let io = |source| OrtModelError::Io { path: path.to_owned(), source };
        let n_bytes = fs::metadata(path).map_err(io)?.len();
        if n_bytes > MAX_MODEL_BYTES {
            return Err(OrtModelError::Session(format!("{n_bytes} bytes: at most {MAX_MODEL_BYTES} are read")));
        }
        Self::load(&fs::read(path).map_err(io)?, runtime_library)
    }

    /// Opens the model in `onnx` with the ONNX Runtime library at the absolute path `runtime_library`.
    ///
    /// Call it on the inference thread. The first call in a process decides which library the process uses.
    ///
    /// # Errors
    /// [`OrtModelError`], naming the first thing that is wrong.
    pub fn load(onnx: &[u8], runtime_library: &Path) -> Result<Self, OrtModelError> {
        let session = open_session(environment(runtime_library)?, onnx)?;
        let (name, front_end) = read_metadata(&session)?;
        let spec = Contract::current().beat_model;
        let state_shapes = check_tensors(&name, &spec, &session, front_end.len)?;

        let features = zeros(&[1, 1, front_end.len])?;
        let mut activations = zeros(&[1, 1, spec.class_order.len()])?;
        let new_states = || state_shapes.iter().map(|shape| zeros(shape)).collect::<Result<Vec<_>, _>>();
        let mut states = [new_states()?, new_states()?];
        let mut bind = |reads: usize| -> Result<Binding, OrtModelError> {
            let mut binding = session.create_binding()?;
            binding.bind_input(spec.inputs[0].0.as_str(), &features)?;
            binding.bind_output(spec.outputs[0].0.as_str(), &mut activations)?;
            for (i, (input, output)) in spec.inputs[1..].iter().zip(&spec.outputs[1..]).enumerate() {
                binding.bind_input(input.0.as_str(), &states[reads][i])?;
                binding.bind_output(output.0.as_str(), &mut states[1 - reads][i])?;
            }
            Ok(Binding(binding))
        };
        let bindings = [bind(0)?, bind(1)?];
        let mut model = Self { name, front_end, session, features, activations, states, bindings, turn: 0 };
        for _ in 0..WARM_UP_RUNS {
            model.run()?;
        }
        model.reset();
        Ok(model)
    }

    /// Features that the model takes.
    pub fn front_end(&self) -> &FrontEnd {
        &self.front_end
    }

    fn run(&mut self) -> Result<(), ort::Error> {
        self.session.run_binding(&self.bindings[self.turn].0)?;
        self.turn = 1 - self.turn;
        Ok(())
    }
}

impl StepModel for OrtModel {
    fn name(&self) -> &str {
        &self.name
    }

    fn n_features(&self) -> usize {
        self.front_end.len
    }

    /// Allocates, inside ONNX Runtime.
    fn step(&mut self, features: &[f32]) -> Result<Activation, StepError> {
        if features.len() != self.front_end.len {
            return Err(StepError::WrongLength { model: self.name.clone(), expected: self.front_end.len, got: features.len() });
        }
        self.features.extract_tensor_mut().1.copy_from_slice(features);
        self.run().map_err(|e| StepError::Backend { model: self.name.clone(), message: e.to_string() })?;
        let probs = self.activations.extract_tensor().1;
        match probs.iter().find(|p| !p.is_finite()) {
            Some(&value) => Err(StepError::NotFinite { model: self.name.clone(), value }),
            None => Ok(Activation { beat: probs[0], downbeat: probs[1], none: probs[2] }),
        }
    }

    fn reset(&mut self) {
        self.turn = 0;
        self.states.iter_mut().flatten().for_each(|state| state.extract_tensor_mut().1.fill(0.0));
    }
}

/// The one environment of this process. A failed attempt leaves the way open for another.
fn environment(library: &Path) -> Result<&'static Environment, OrtModelError> {
    static LOADED: OnceLock<(PathBuf, Environment)> = OnceLock::new();
    static LOADING: Mutex<()> = Mutex::new(());
    if !library.is_absolute() {
        return Err(OrtModelError::RelativeLibrary(library.to_owned()));
    }
    // The lock guards no data, so a panic elsewhere cannot have left any of it broken.
    let _one_at_a_time = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
    if LOADED.get().is_none() {
        if !library.is_file() {
            return Err(OrtModelError::NoLibrary(library.to_owned()));
        }
        let refused = |message: String| OrtModelError::Library { path: library.to_owned(), message };
        let builder = ort::init_from(library).map_err(|e| refused(e.to_string()))?;
        let environment = builder.with_name("anacrusis").with_telemetry(false).build().map_err(|e| refused(e.to_string()))?;
        environment.set_log_level(ort::logging::LogLevel::Error);
        LOADED.get_or_init(|| (library.to_owned(), environment));
    }
    let (loaded, environment) = LOADED.get().expect("loaded above, under the lock");
    if loaded != library {
        return Err(OrtModelError::OtherLibrary { loaded: loaded.clone(), asked: library.to_owned() });
    }
    Ok(environment)
}

fn open_session(environment: &Environment, onnx: &[u8]) -> Result<Session, OrtModelError> {
    let refused = |e: &dyn std::fmt::Display| OrtModelError::Session(e.to_string());
    // NOTE: flush-to-zero is not asked for here: ONNX Runtime would leave it set on the calling thread.
    Session::builder(environment)?
        .with_optimization_level(GraphOptimizationLevel::All)
        .map_err(|e| refused(&e))?
        .with_intra_threads(1)
        .map_err(|e| refused(&e))?
        .with_intra_op_spinning(false)
        .map_err(|e| refused(&e))?
        .with_inter_op_spinning(false)
        .map_err(|e| refused(&e))?
        .commit_from_memory(onnx)
        .map_err(|e| refused(&e))
}

/// Name and front end from the model's metadata, its contract checked.
fn read_metadata(session: &Session) -> Result<(String, FrontEnd), OrtModelError> {
    let metadata = session.metadata()?;
    let text = |key| metadata.custom(key).ok_or(OrtModelError::NoMetadata { key });
    let name = text("name")?;
    let json = |key| {
        serde_json::from_str::<Value>(&text(key)?)
            .map_err(|e| OrtModelError::Contract { model: name.clone(), source: ContractError::Unreadable(format!("metadata {key}: {e}")) })
    };
    let scope = json("contract_scope")?;
    Contract::current()
        .check_model(ModelKind::BeatModel, &text("contract_version")?, &scope, &text("contract_hash")?)
        .map_err(|source| OrtModelError::Contract { model: name.clone(), source })?;
    let front_end = read_front_end(&name, &json("front_end")?)?;
    Ok((name, front_end))
}

/// Checks every tensor against the contract and returns the shapes of the states.
///
/// A dimension may be open in the model where the contract has a number or a name; `layers` and `hidden` must be a
/// number in at least one tensor, because the states are allocated here. Outputs beyond the contract's are not asked for.
fn check_tensors(model: &str, spec: &BeatModelSpec, session: &Session, n_features: usize) -> Result<Vec<Vec<usize>>, OrtModelError> {
    let refused = |tensor: &str, expected: String, got: String| OrtModelError::Tensor {
        model: model.to_owned(),
        tensor: tensor.to_owned(),
        expected,
        got,
    };
    if let Some(other) = session.inputs().iter().find(|outlet| spec.inputs.iter().all(|known| known.0 != outlet.name())) {
        let names: Vec<&str> = spec.inputs.iter().map(|tensor| tensor.0.as_str()).collect();
        return Err(refused(other.name(), format!("the inputs {}", names.join(", ")), "one more".to_owned()));
    }
    let mut sizes: BTreeMap<&str, i64> = BTreeMap::from([("frames", 1), ("features", n_features as i64)]);
    let all = spec.inputs.iter().map(|t| (t, session.inputs())).chain(spec.outputs.iter().map(|t| (t, session.outputs())));
    for (tensor, outlets) in all {
        let TensorSpec(name, dimensions, element) = tensor;
        let outlet: &Outlet = outlets
            .iter()
            .find(|outlet| outlet.name() == name)
            .ok_or_else(|| refused(name, "a tensor".to_owned(), "nothing".to_owned()))?;
        let got = match outlet.dtype() {
            ValueType::Tensor { ty: TensorElementType::Float32, shape, .. } if element == F32 => shape,
            other => return Err(refused(name, format!("a tensor of {element}"), other.to_string())),
        };
        if got.len() != dimensions.len() {
            return Err(refused(name, format!("{} dimensions", dimensions.len()), format!("{:?}", &got[..])));
        }
        for (dimension, &got) in dimensions.iter().zip(got.iter()) {
            let (label, expected) = match dimension {
                Value::String(symbol) => (symbol.as_str(), sizes.get(symbol.as_str()).copied()),
                number => ("", number.as_i64()),
            };
            match expected {
                // An open dimension takes any length.
                _ if got < 0 => {}
                Some(expected) if expected == got => {}
                Some(expected) => return Err(refused(name, format!("{label} {expected}").trim().to_owned(), got.to_string())),
                None => drop(sizes.insert(label, got)),
            }
        }
    }
    spec.inputs[1..].iter().map(|state| state_shape(state, &sizes).map_err(|(expected, got)| refused(&state.0, expected, got))).collect()
}

/// The shape of a state, every dimension a number.
fn state_shape(state: &TensorSpec, sizes: &BTreeMap<&str, i64>) -> Result<Vec<usize>, (String, String)> {
    let size = |dimension: &Value| match dimension {
        Value::String(symbol) => {
            sizes.get(symbol.as_str()).copied().ok_or_else(|| (format!("a number for {symbol}"), "an open dimension".to_owned()))
        }
        number => Ok(number.as_i64().unwrap_or(0)),
    };
    let shape: Vec<usize> = state.1.iter().map(|d| size(d).map(|n| usize::try_from(n).unwrap_or(0))).collect::<Result<_, _>>()?;
    let n_elements = shape.iter().try_fold(1_usize, |n, &length| n.checked_mul(length)).unwrap_or(usize::MAX);
    if (1..=MAX_STATE_ELEMENTS).contains(&n_elements) {
        Ok(shape)
    } else {
        Err((format!("1 to {MAX_STATE_ELEMENTS} elements"), format!("{shape:?}")))
    }
}

/// A tensor in memory that ONNX Runtime owns, as its bindings need; it comes uninitialised.
fn zeros(shape: &[usize]) -> Result<Tensor<f32>, OrtModelError> {
    let mut tensor = Tensor::<f32>::new(&Allocator::default(), shape.to_vec())?;
    tensor.extract_tensor_mut().1.fill(0.0);
    Ok(tensor)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(library: &Path) -> String {
        OrtModel::load(b"", library).err().expect("an empty model is refused").to_string()
    }

    #[test]
    fn a_bad_library_path_is_named() {
        assert!(error(Path::new("libonnxruntime.so")).contains("must be absolute, got libonnxruntime.so"));
        let missing = std::env::temp_dir().join("no-such-onnx-runtime.so");
        assert!(error(&missing).contains("no-such-onnx-runtime.so"));
        assert!(error(&missing).contains("cargo xtask ort-runtime"));
    }

    #[test]
    fn a_file_that_is_no_library_is_refused() {
        let path = std::env::temp_dir().join(format!("anacrusis-no-library-{}.so", std::process::id()));
        fs::write(&path, "not a library").unwrap();
        let message = error(&path);
        fs::remove_file(&path).unwrap();
        assert!(message.contains("anacrusis-no-library"), "{message}");
    }

    #[test]
    fn states_need_numbers() {
        let state = TensorSpec("h0".to_owned(), vec!["layers".into(), 1.into(), "hidden".into()], F32.to_owned());
        assert_eq!(state_shape(&state, &BTreeMap::from([("layers", 2), ("hidden", 150)])), Ok(vec![2, 1, 150]));
        assert!(state_shape(&state, &BTreeMap::from([("layers", 2)])).unwrap_err().0.contains("hidden"));
        assert!(state_shape(&state, &BTreeMap::from([("layers", 0), ("hidden", 150)])).is_err());
        assert!(state_shape(&state, &BTreeMap::from([("layers", 1 << 20), ("hidden", 1 << 20)])).is_err());
    }
}
