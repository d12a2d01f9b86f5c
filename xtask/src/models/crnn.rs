//! The network of a BeatNet weight file under our tensor names, with every size taken from the tensors.
//!
//! Layers: convolution over the feature axis, linear layer, any number of LSTM layers, linear layer to three classes
//! (mjhydri/BeatNet `model.py`, class BDA). Gate order stays PyTorch's: i, f, g, o.

use std::collections::BTreeMap;

use super::error::ModelsError;
use super::torch_file::Tensor;

/// Classes of the output.
pub const N_CLASSES: usize = 3;

/// A checked network: tensors under our names, and the sizes that they imply.
#[derive(Debug, Clone, PartialEq)]
pub struct Crnn {
    /// `conv.weight`, `conv.bias`, `input.*`, `lstm.{L}.*`, `output.*`; sorted by name.
    pub tensors: BTreeMap<String, Tensor>,
    /// Features per frame.
    pub n_features: usize,
    /// Channels of the convolution.
    pub n_channels: usize,
    /// Taps of the convolution, features.
    pub kernel: usize,
    /// Units of the linear layer before the LSTM and of each LSTM layer.
    pub n_hidden: usize,
    /// LSTM layers.
    pub n_layers: usize,
}

impl Crnn {
    /// Takes the tensors of `file` under their PyTorch names, for frames of `n_features`.
    ///
    /// # Errors
    /// [`ModelsError::Network`] naming the first tensor that is missing, unknown or of another shape.
    pub fn from_state_dict(file: &str, tensors: Vec<Tensor>, n_features: usize) -> Result<Self, ModelsError> {
        let mut renamed = BTreeMap::new();
        for tensor in tensors {
            let refused = || network(file, &tensor.name, "a tensor of the network", "an unknown name");
            let name = our_name(&tensor.name).ok_or_else(refused)?;
            renamed.insert(name, tensor);
        }
        let shape = |name: &str| -> Result<Vec<usize>, ModelsError> {
            let tensor = renamed.get(name).ok_or_else(|| network(file, name, "a tensor", "nothing"))?;
            Ok(tensor.shape.clone())
        };
        let [n_channels, 1, kernel] = shape("conv.weight")?[..] else {
            return Err(network(file, "conv.weight", "shape [channels, 1, taps]", format!("{:?}", shape("conv.weight")?)));
        };
        let n_layers = (0..).take_while(|layer| renamed.contains_key(&format!("lstm.{layer}.weight_hh"))).count();
        let [_, n_hidden] = shape("lstm.0.weight_hh")?[..] else {
            return Err(network(file, "lstm.0.weight_hh", "two dimensions", format!("{:?}", shape("lstm.0.weight_hh")?)));
        };
        let Some(n_pooled) = (n_features + 1).checked_sub(kernel).map(|n| n / 2).filter(|&n| n > 0) else {
            return Err(network(file, "conv.weight", format!("fewer taps than {n_features} features"), kernel));
        };
        let mut expected: Vec<(String, Vec<usize>)> = vec![
            ("conv.bias".into(), vec![n_channels]),
            ("conv.weight".into(), vec![n_channels, 1, kernel]),
            ("input.bias".into(), vec![n_hidden]),
            ("input.weight".into(), vec![n_hidden, n_channels * n_pooled]),
        ];
        for layer in 0..n_layers {
            expected.push((format!("lstm.{layer}.bias_hh"), vec![4 * n_hidden]));
            expected.push((format!("lstm.{layer}.bias_ih"), vec![4 * n_hidden]));
            expected.push((format!("lstm.{layer}.weight_hh"), vec![4 * n_hidden, n_hidden]));
            expected.push((format!("lstm.{layer}.weight_ih"), vec![4 * n_hidden, n_hidden]));
        }
        expected.push(("output.bias".into(), vec![N_CLASSES]));
        expected.push(("output.weight".into(), vec![N_CLASSES, n_hidden]));
        for (name, wanted) in &expected {
            let got = shape(name)?;
            if got != *wanted {
                return Err(network(file, name, format!("shape {wanted:?}"), format!("{got:?}")));
            }
        }
        if let Some(name) = renamed.keys().find(|name| expected.iter().all(|(known, _)| known != *name)) {
            return Err(network(file, name, "consecutive LSTM layers from 0", "a layer after a gap"));
        }
        Ok(Self { tensors: renamed, n_features, n_channels, kernel, n_hidden, n_layers })
    }

    /// Values of a tensor under our name.
    pub fn values(&self, name: &str) -> &[f32] {
        self.tensors.get(name).map_or(&[], |tensor| &tensor.values)
    }

    /// Number of weights.
    pub fn n_parameters(&self) -> usize {
        self.tensors.values().map(|tensor| tensor.values.len()).sum()
    }
}

fn network(file: &str, tensor: &str, expected: impl ToString, got: impl ToString) -> ModelsError {
    ModelsError::Network { file: file.to_owned(), tensor: tensor.to_owned(), expected: expected.to_string(), got: got.to_string() }
}

fn our_name(theirs: &str) -> Option<String> {
    let (module, parameter) = theirs.split_once('.')?;
    let known = |name: &str| matches!(name, "weight" | "bias").then(|| name.to_owned());
    match module {
        "conv1" => Some(format!("conv.{}", known(parameter)?)),
        "linear0" => Some(format!("input.{}", known(parameter)?)),
        "linear" => Some(format!("output.{}", known(parameter)?)),
        "lstm" => {
            let (kind, layer) = parameter.rsplit_once("_l")?;
            let layer: u32 = layer.parse().ok()?;
            matches!(kind, "weight_ih" | "weight_hh" | "bias_ih" | "bias_hh").then(|| format!("lstm.{layer}.{kind}"))
        }
        _ => None,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A network of any size with small distinct weights, under PyTorch's names.
    pub(in crate::models) fn state_dict(n_features: usize, n_hidden: usize, n_layers: usize) -> Vec<Tensor> {
        let (channels, kernel) = (2, 3);
        let pooled = (n_features + 1 - kernel) / 2;
        let mut shapes: Vec<(String, Vec<usize>)> = vec![
            ("conv1.weight".into(), vec![channels, 1, kernel]),
            ("conv1.bias".into(), vec![channels]),
            ("linear0.weight".into(), vec![n_hidden, channels * pooled]),
            ("linear0.bias".into(), vec![n_hidden]),
            ("linear.weight".into(), vec![3, n_hidden]),
            ("linear.bias".into(), vec![3]),
        ];
        for layer in 0..n_layers {
            shapes.push((format!("lstm.weight_ih_l{layer}"), vec![4 * n_hidden, n_hidden]));
            shapes.push((format!("lstm.weight_hh_l{layer}"), vec![4 * n_hidden, n_hidden]));
            shapes.push((format!("lstm.bias_ih_l{layer}"), vec![4 * n_hidden]));
            shapes.push((format!("lstm.bias_hh_l{layer}"), vec![4 * n_hidden]));
        }
        let mut seed = 1_u32;
        let mut next = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 8) as f32 / (1 << 24) as f32 - 0.5
        };
        let tensor = |(name, shape): (String, Vec<usize>)| {
            let values = (0..shape.iter().product()).map(|_| next()).collect();
            Tensor { name, shape, values }
        };
        shapes.into_iter().map(tensor).collect()
    }

    #[test]
    fn sizes_come_from_the_tensors() {
        for (n_features, n_hidden, n_layers) in [(12, 4, 1), (13, 6, 3)] {
            let net = Crnn::from_state_dict("w.pt", state_dict(n_features, n_hidden, n_layers), n_features).unwrap();
            assert_eq!((net.n_hidden, net.n_layers, net.n_channels, net.kernel), (n_hidden, n_layers, 2, 3));
        }
    }

    #[test]
    fn a_wrong_network_names_the_tensor() {
        let refused = |alter: fn(&mut Vec<Tensor>)| {
            let mut tensors = state_dict(12, 4, 2);
            alter(&mut tensors);
            Crnn::from_state_dict("w.pt", tensors, 12).unwrap_err().to_string()
        };
        assert!(refused(|t| t.retain(|t| t.name != "linear.bias")).contains("output.bias"));
        assert!(refused(|t| t[3].shape = vec![1, 4]).contains("input.bias"));
        assert!(refused(|t| t[2].shape = vec![4, 9]).contains("input.weight: expected shape [4, 10], got [4, 9]"));
        assert!(refused(|t| t[0].name = "conv2.weight".into()).contains("conv2.weight"));
        assert!(refused(|t| t.retain(|t| t.name != "lstm.weight_hh_l0")).contains("lstm.0.weight_hh"));
        assert!(Crnn::from_state_dict("w.pt", state_dict(12, 4, 1), 2).is_err());
    }
}
