//! Which tensors an ONNX model has, checked against the contract: the states that it names, or states of its own choosing.
//! Any thread.

use std::collections::BTreeMap;

use model_contracts::{BeatModelSpec, Contract, StateSpec, TensorSpec};
use ort::session::Session;
use ort::value::{Outlet, TensorElementType, ValueType};
use serde_json::Value;

use super::OrtModelError;

/// Most elements of one state tensor.
const MAX_STATE_ELEMENTS: usize = 1 << 22;
/// How the contract writes a 32-bit float.
const F32: &str = "f32";

/// A state of a model.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct StateTensor {
    /// Name of the input.
    pub(super) input: String,
    /// Name of the output that is the input of the next run.
    pub(super) output: String,
    /// Length of each dimension.
    pub(super) shape: Vec<usize>,
}

/// Checks every tensor against the contract and returns the states.
///
/// A model whose other inputs all begin with the contract's prefix has states of its own choosing; any other has the
/// states that the contract names. Outputs beyond the contract's are not asked for.
pub(super) fn check_tensors(
    model: &str,
    contract: &Contract,
    session: &Session,
    n_features: usize,
) -> Result<Vec<StateTensor>, OrtModelError> {
    let spec = &contract.beat_model;
    let sizes = BTreeMap::from([("frames", 1), ("features", n_features as i64)]);
    let check = TensorCheck { model, inputs: session.inputs(), outputs: session.outputs(), sizes };
    let features = spec.inputs.first().map_or("", |tensor| tensor.0.as_str());
    let mut states = session.inputs().iter().filter(|outlet| outlet.name() != features);
    if states.all(|outlet| outlet.name().starts_with(&contract.beat_model_states.prefix)) {
        check.free_states(spec, &contract.beat_model_states)
    } else {
        check.named_states(spec)
    }
}

/// The tensors of a model, and what is known of the contract's open dimensions.
struct TensorCheck<'a> {
    model: &'a str,
    inputs: &'a [Outlet],
    outputs: &'a [Outlet],
    sizes: BTreeMap<&'a str, i64>,
}

impl<'a> TensorCheck<'a> {
    fn refused(&self, tensor: &str, expected: String, got: String) -> OrtModelError {
        OrtModelError::Tensor { model: self.model.to_owned(), tensor: tensor.to_owned(), expected, got }
    }

    /// The lengths of a tensor's dimensions, -1 where they are open.
    fn shape(&self, outlets: &'a [Outlet], name: &str, element: &str) -> Result<&'a [i64], OrtModelError> {
        let outlet = outlets.iter().find(|outlet| outlet.name() == name);
        let outlet = outlet.ok_or_else(|| self.refused(name, "a tensor".to_owned(), "nothing".to_owned()))?;
        match outlet.dtype() {
            ValueType::Tensor { ty: TensorElementType::Float32, shape, .. } if element == F32 => Ok(shape),
            other => Err(self.refused(name, format!("a tensor of {element}"), other.to_string())),
        }
    }

    /// A tensor of the contract. A dimension may be open in the model where the contract has a number or a name.
    fn check(&mut self, outlets: &'a [Outlet], tensor: &'a TensorSpec) -> Result<(), OrtModelError> {
        let TensorSpec(name, dimensions, element) = tensor;
        let got = self.shape(outlets, name, element)?;
        if got.len() != dimensions.len() {
            return Err(self.refused(name, format!("{} dimensions", dimensions.len()), format!("{got:?}")));
        }
        for (dimension, &got) in dimensions.iter().zip(got) {
            let (label, expected) = match dimension {
                Value::String(symbol) => (symbol.as_str(), self.sizes.get(symbol.as_str()).copied()),
                number => ("", number.as_i64()),
            };
            match expected {
                // An open dimension takes any length.
                _ if got < 0 => {}
                Some(expected) if expected == got => {}
                Some(expected) => return Err(self.refused(name, format!("{label} {expected}").trim().to_owned(), got.to_string())),
                None => drop(self.sizes.insert(label, got)),
            }
        }
        Ok(())
    }

    /// The states that the contract names. `layers` and `hidden` must be a number in at least one tensor, because the states
    /// are allocated here.
    fn named_states(mut self, spec: &'a BeatModelSpec) -> Result<Vec<StateTensor>, OrtModelError> {
        if let Some(other) = self.inputs.iter().find(|outlet| spec.inputs.iter().all(|known| known.0 != outlet.name())) {
            let names: Vec<&str> = spec.inputs.iter().map(|tensor| tensor.0.as_str()).collect();
            return Err(self.refused(other.name(), format!("the inputs {}", names.join(", ")), "one more".to_owned()));
        }
        spec.inputs.iter().try_for_each(|tensor| self.check(self.inputs, tensor))?;
        spec.outputs.iter().try_for_each(|tensor| self.check(self.outputs, tensor))?;
        let state = |(input, output): (&TensorSpec, &TensorSpec)| {
            let shape = state_shape(input, &self.sizes).map_err(|(expected, got)| self.refused(&input.0, expected, got))?;
            Ok(StateTensor { input: input.0.clone(), output: output.0.clone(), shape })
        };
        spec.inputs[1..].iter().zip(&spec.outputs[1..]).map(state).collect()
    }

    /// States of the model's own choosing, each of a fixed shape and with its new value of the same shape.
    fn free_states(mut self, spec: &'a BeatModelSpec, states: &StateSpec) -> Result<Vec<StateTensor>, OrtModelError> {
        self.check(self.inputs, &spec.inputs[0])?;
        self.check(self.outputs, &spec.outputs[0])?;
        let inputs = self.inputs.iter().map(Outlet::name).filter(|name| name.starts_with(&states.prefix));
        let state = |input: &str| {
            let output = format!("{input}{}", states.next_suffix);
            let got = self.shape(self.inputs, input, &states.element)?;
            let shape = fixed_shape(got).map_err(|(expected, got)| self.refused(input, expected, got))?;
            let next = self.shape(self.outputs, &output, &states.element)?;
            let fits = next.len() == got.len() && next.iter().zip(got).all(|(next, got)| *next < 0 || next == got);
            if !fits {
                return Err(self.refused(&output, format!("the shape of {input}, {got:?}"), format!("{next:?}")));
            }
            Ok(StateTensor { input: input.to_owned(), output, shape })
        };
        inputs.map(state).collect()
    }
}

/// The shape of a state of the contract, every dimension a number.
fn state_shape(state: &TensorSpec, sizes: &BTreeMap<&str, i64>) -> Result<Vec<usize>, (String, String)> {
    let size = |dimension: &Value| match dimension {
        Value::String(symbol) => {
            sizes.get(symbol.as_str()).copied().ok_or_else(|| (format!("a number for {symbol}"), "an open dimension".to_owned()))
        }
        number => Ok(number.as_i64().unwrap_or(0)),
    };
    fixed_shape(&state.1.iter().map(size).collect::<Result<Vec<i64>, _>>()?)
}

/// A shape of numbers whose product can be allocated.
fn fixed_shape(shape: &[i64]) -> Result<Vec<usize>, (String, String)> {
    if shape.iter().any(|&length| length < 0) {
        return Err(("a number for every dimension".to_owned(), format!("{shape:?}")));
    }
    let lengths: Vec<usize> = shape.iter().map(|&length| usize::try_from(length).unwrap_or(0)).collect();
    let n_elements = lengths.iter().try_fold(1_usize, |n, &length| n.checked_mul(length)).unwrap_or(usize::MAX);
    if (1..=MAX_STATE_ELEMENTS).contains(&n_elements) {
        Ok(lengths)
    } else {
        Err((format!("1 to {MAX_STATE_ELEMENTS} elements"), format!("{shape:?}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_need_numbers() {
        let state = TensorSpec("h0".to_owned(), vec!["layers".into(), 1.into(), "hidden".into()], F32.to_owned());
        assert_eq!(state_shape(&state, &BTreeMap::from([("layers", 2), ("hidden", 150)])), Ok(vec![2, 1, 150]));
        assert!(state_shape(&state, &BTreeMap::from([("layers", 2)])).unwrap_err().0.contains("hidden"));
        assert!(state_shape(&state, &BTreeMap::from([("layers", 0), ("hidden", 150)])).is_err());
        assert!(state_shape(&state, &BTreeMap::from([("layers", 1 << 20), ("hidden", 1 << 20)])).is_err());
    }

    #[test]
    fn free_states_have_a_fixed_size_that_fits_memory() {
        assert_eq!(fixed_shape(&[2, 1, 96]), Ok(vec![2, 1, 96]));
        assert_eq!(fixed_shape(&[]), Ok(vec![]), "a single number");
        assert!(fixed_shape(&[1, -1]).unwrap_err().0.contains("a number for every dimension"));
        assert!(fixed_shape(&[0, 3]).is_err());
        assert!(fixed_shape(&[1 << 12, 1 << 12]).is_err());
    }
}
