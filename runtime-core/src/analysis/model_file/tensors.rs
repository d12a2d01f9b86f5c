//! Reads tensors of a safetensors file by name, each with the shape that is expected, and notices those nobody asked for.
//! Any thread.
//!
//! A tensor of two dimensions or more is stored as `F32`, or as `I8` with the scales of its rows beside it as `<name>.scale`.

use std::cell::RefCell;
use std::collections::BTreeSet;

use safetensors::{Dtype, SafeTensors};

use super::{Matrix, ModelFileError};

/// The tensors of a file.
pub(super) struct TensorReader<'a> {
    model: &'a str,
    file: SafeTensors<'a>,
    /// What every name begins with at the moment.
    prefix: String,
    asked_for: RefCell<BTreeSet<String>>,
}

impl<'a> TensorReader<'a> {
    /// All tensors in `safetensors`, of the model called `model` for messages.
    pub(super) fn new(model: &'a str, safetensors: &'a [u8]) -> Result<Self, ModelFileError> {
        let file = SafeTensors::deserialize(safetensors)
            .map_err(|e| ModelFileError::Safetensors { model: model.to_owned(), message: e.to_string() })?;
        Ok(Self { model, file, prefix: String::new(), asked_for: RefCell::default() })
    }

    /// Puts `prefix` before every name from now on.
    pub(super) fn set_prefix(&mut self, prefix: String) {
        self.prefix = prefix;
    }

    /// The error about a tensor.
    pub(super) fn refused(&self, tensor: &str, expected: impl ToString, got: impl ToString) -> ModelFileError {
        ModelFileError::Tensor {
            model: self.model.to_owned(),
            tensor: self.full_name(tensor),
            expected: expected.to_string(),
            got: got.to_string(),
        }
    }

    /// Whether there is a tensor of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.file.tensor(&self.full_name(name)).is_ok()
    }

    /// The shape of a tensor; no dimension is 0, so that products of two of them are bounded by the file's length.
    pub(super) fn shape(&self, name: &str) -> Result<Vec<usize>, ModelFileError> {
        let tensor = self.file.tensor(&self.full_name(name)).map_err(|_| self.refused(name, "a tensor", "nothing"))?;
        if tensor.shape().contains(&0) {
            return Err(self.refused(name, "no empty dimension", format!("{:?}", tensor.shape())));
        }
        Ok(tensor.shape().to_vec())
    }

    /// The shape of a tensor of `N` dimensions, called `dimensions` in messages.
    pub(super) fn shape_of<const N: usize>(&self, name: &str, dimensions: &str) -> Result<[usize; N], ModelFileError> {
        let shape = self.shape(name)?;
        <[usize; N]>::try_from(&shape[..]).map_err(|_| self.refused(name, format!("shape {dimensions}"), format!("{shape:?}")))
    }

    /// The values of a tensor of this shape, all finite.
    pub(super) fn values(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, ModelFileError> {
        let values = self.stored(name, shape)?.to_f32();
        self.check(name, &values, "finite values", f32::is_finite)?;
        Ok(values)
    }

    /// A tensor `[n_rows, n_columns]` in the form in which it is stored.
    pub(super) fn matrix(&self, name: &str, shape: [usize; 2]) -> Result<Matrix, ModelFileError> {
        self.stored(name, &shape)
    }

    fn stored(&self, name: &str, shape: &[usize]) -> Result<Matrix, ModelFileError> {
        let got = self.shape(name)?;
        if got != shape {
            return Err(self.refused(name, format!("shape {shape:?}"), format!("{got:?}")));
        }
        let full_name = self.full_name(name);
        let tensor = self.file.tensor(&full_name).map_err(|_| self.refused(name, "a tensor", "nothing"))?;
        self.asked_for.borrow_mut().insert(full_name);
        match (tensor.dtype(), shape) {
            (Dtype::F32, _) => {
                let values: Vec<f32> = tensor.data().as_chunks::<4>().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
                self.check(name, &values, "finite values", f32::is_finite)?;
                Ok(Matrix::Float(values))
            }
            (Dtype::I8, [n_rows, _, ..]) => {
                let units = tensor.data().iter().map(|byte| byte.cast_signed()).collect();
                Ok(Matrix::Int8 { units, scales: self.scales(name, *n_rows)? })
            }
            (other, [_, _, ..]) => Err(self.refused(name, "type F32 or I8", format!("{other:?}"))),
            (other, _) => Err(self.refused(name, "type F32", format!("{other:?}"))),
        }
    }

    /// What a unit is worth in each row of the tensor called `name`.
    fn scales(&self, name: &str, n_rows: usize) -> Result<Vec<f32>, ModelFileError> {
        let name = format!("{name}.scale");
        let scales = self.values(&name, &[n_rows])?;
        self.check(&name, &scales, "no negative scale", |scale| scale >= 0.0)?;
        Ok(scales)
    }

    fn check(&self, name: &str, values: &[f32], expected: &str, is_right: impl Fn(f32) -> bool) -> Result<(), ModelFileError> {
        match values.iter().position(|&value| !is_right(value)) {
            Some(at) => Err(self.refused(name, expected, format!("{} at index {at}", values[at]))),
            None => Ok(()),
        }
    }

    /// Refuses tensors whose values were not read.
    pub(super) fn refuse_others(mut self) -> Result<(), ModelFileError> {
        self.prefix.clear();
        let mut names = self.file.names();
        names.sort_unstable();
        let asked_for = self.asked_for.borrow();
        match names.into_iter().find(|&name| !asked_for.contains(name)) {
            Some(other) => Err(self.refused(other, "only the tensors of its architecture", "a tensor more")),
            None => Ok(()),
        }
    }

    fn full_name(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }
}
