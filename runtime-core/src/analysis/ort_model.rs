//! Third stage, the option: any beat model in ONNX that keeps to the contract, run by ONNX Runtime. INFERENCE THREAD.
//!
//! The library is loaded at run time from an absolute path that the caller gives, under a private file name, so that it
//! neither clashes with a copy that the host has loaded nor is needed by a build. One environment per process, kept for
//! its life, telemetry off, no thread of its own. Each state has two tensors that take turns as input and output, bound
//! once. ONNX Runtime allocates and locks inside a run, so this never belongs on the audio thread.

mod tensors;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use model_contracts::{Contract, ContractError, ModelKind};
use ort::environment::Environment;
use ort::memory::Allocator;
use ort::session::builder::GraphOptimizationLevel;
use ort::session::{IoBinding, Session};
use ort::value::Tensor;
use serde_json::Value;

use self::tensors::{StateTensor, check_tensors};
use super::activation::{Activation, StepError, StepModel};
use super::front_end::FrontEnd;
use super::model_file::{MAX_DELAY_FRAMES, ModelFileError, read_front_end};

/// Runs before the first real one, because the first of all is slow (0.1-0.6 ms, tens of ms on a busy machine).
const WARM_UP_RUNS: usize = 2;
/// Largest model file accepted, bytes.
const MAX_MODEL_BYTES: u64 = 1 << 28;
/// Metadata of a model whose output is late: by how many frames.
const DELAY_KEY: &str = "delay_frames";

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
    /// A metadata has a value that this build does not know.
    #[error("model {model}: metadata {key}: expected {expected}, got {got}")]
    Metadata {
        /// Name of the model.
        model: String,
        /// Key of the metadata.
        key: &'static str,
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
    delay_frames: usize,
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
        let contract = Contract::current();
        let Metadata { name, front_end, delay_frames } = read_metadata(&contract, &session)?;
        let state_tensors = check_tensors(&name, &contract, &session, front_end.len)?;

        let spec = &contract.beat_model;
        let features = zeros(&[1, 1, front_end.len])?;
        let mut activations = zeros(&[1, 1, spec.class_order.len()])?;
        let new_states = || state_tensors.iter().map(|state| zeros(&state.shape)).collect::<Result<Vec<_>, _>>();
        let mut states = [new_states()?, new_states()?];
        let mut bind = |reads: usize| -> Result<Binding, OrtModelError> {
            let mut binding = session.create_binding()?;
            binding.bind_input(spec.inputs[0].0.as_str(), &features)?;
            binding.bind_output(spec.outputs[0].0.as_str(), &mut activations)?;
            for (i, StateTensor { input, output, .. }) in state_tensors.iter().enumerate() {
                binding.bind_input(input.as_str(), &states[reads][i])?;
                binding.bind_output(output.as_str(), &mut states[1 - reads][i])?;
            }
            Ok(Binding(binding))
        };
        let bindings = [bind(0)?, bind(1)?];
        let mut model = Self { name, front_end, delay_frames, session, features, activations, states, bindings, turn: 0 };
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

    fn delay_frames(&self) -> usize {
        self.delay_frames
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

/// What a model says of itself.
struct Metadata {
    name: String,
    front_end: FrontEnd,
    delay_frames: usize,
}

/// Reads what the model says of itself, its contract checked.
fn read_metadata(contract: &Contract, session: &Session) -> Result<Metadata, OrtModelError> {
    let metadata = session.metadata()?;
    let text = |key| metadata.custom(key).ok_or(OrtModelError::NoMetadata { key });
    let name = text("name")?;
    let json = |key| {
        serde_json::from_str::<Value>(&text(key)?)
            .map_err(|e| OrtModelError::Contract { model: name.clone(), source: ContractError::Unreadable(format!("metadata {key}: {e}")) })
    };
    let scope = json("contract_scope")?;
    contract
        .check_model(ModelKind::BeatModel, &text("contract_version")?, &scope, &text("contract_hash")?)
        .map_err(|source| OrtModelError::Contract { model: name.clone(), source })?;
    let front_end = read_front_end(&name, &json("front_end")?)?;
    let delay_frames = match metadata.custom(DELAY_KEY) {
        None => 0,
        Some(got) => got.parse().ok().filter(|&n| n <= MAX_DELAY_FRAMES).ok_or_else(|| OrtModelError::Metadata {
            model: name.clone(),
            key: DELAY_KEY,
            expected: format!("0 to {MAX_DELAY_FRAMES}"),
            got,
        })?,
    };
    Ok(Metadata { name, front_end, delay_frames })
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
}
