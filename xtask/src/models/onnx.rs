//! Writes `model.onnx`: the network as a graph with explicit LSTM state, for any number of frames at once.
//!
//! Inputs `features [1, frames, features]`, `h0` and `c0` `[layers, 1, hidden]`; outputs `activations
//! [1, frames, 3]` after softmax, `hn`, `cn`. ONNX wants the LSTM gates in the order i, o, f, g where PyTorch keeps
//! i, f, g, o, and both bias vectors behind one another (onnx/onnx `docs/Operators.md`, LSTM).

use std::collections::BTreeMap;

use prost::Message;

use super::crnn::{Crnn, N_CLASSES};
use super::onnx_proto::*;

/// Version of the file format that goes with operator set 17.
const IR_VERSION: i64 = 8;

/// The file for a network, with `metadata` and the operator set of the contract.
pub fn write(net: &Crnn, metadata: &BTreeMap<String, String>, opset: i64) -> Vec<u8> {
    let graph = GraphWriter { net, graph: GraphProto { name: Some("crnn".to_owned()), ..Default::default() } }.write();
    let entry = |(key, value): (&String, &String)| StringStringEntryProto { key: Some(key.clone()), value: Some(value.clone()) };
    ModelProto {
        ir_version: Some(IR_VERSION),
        producer_name: Some("anacrusis".to_owned()),
        doc_string: metadata.get("attribution").cloned(),
        graph: Some(graph),
        opset_import: vec![OperatorSetIdProto { domain: Some(String::new()), version: Some(opset) }],
        metadata_props: metadata.iter().map(entry).collect(),
    }
    .encode_to_vec()
}

struct GraphWriter<'a> {
    net: &'a Crnn,
    graph: GraphProto,
}

impl GraphWriter<'_> {
    fn write(mut self) -> GraphProto {
        let net = self.net;
        let (n_layers, n_hidden) = (net.n_layers as i64, net.n_hidden as i64);
        let frames = || Dimension::Named("frames");
        let state = || vec![Dimension::Fixed(n_layers), Dimension::Fixed(1), Dimension::Fixed(n_hidden)];
        let features = vec![Dimension::Fixed(1), frames(), Dimension::Fixed(net.n_features as i64)];
        self.graph.input = vec![value_info("features", features), value_info("h0", state()), value_info("c0", state())];
        let activations = vec![Dimension::Fixed(1), frames(), Dimension::Fixed(N_CLASSES as i64)];
        self.graph.output = vec![value_info("activations", activations), value_info("hn", state()), value_info("cn", state())];

        self.weight("conv.weight");
        self.weight("conv.bias");
        self.weight("input.weight");
        self.weight("input.bias");
        self.weight("output.weight");
        self.weight("output.bias");
        self.integers("axis_0", &[0]);
        self.integers("axis_1", &[1]);

        // One frame is one item of the batch: the convolution runs over the features of each alone.
        self.node("Transpose", &["features"], &["frames"], vec![ints("perm", &[1, 0, 2])]);
        self.node("Conv", &["frames", "conv.weight", "conv.bias"], &["convolved"], vec![ints("kernel_shape", &[net.kernel as i64])]);
        self.node("Relu", &["convolved"], &["rectified"], vec![]);
        self.node("MaxPool", &["rectified"], &["pooled"], vec![ints("kernel_shape", &[2]), ints("strides", &[2])]);
        self.node("Flatten", &["pooled"], &["flat"], vec![int("axis", 1)]);
        self.node("Gemm", &["flat", "input.weight", "input.bias"], &["projected"], vec![int("transB", 1)]);
        self.node("Unsqueeze", &["projected", "axis_1"], &["sequence.0"], vec![]);
        for layer in 0..net.n_layers {
            self.lstm(layer);
        }
        self.node("Squeeze", &[&format!("sequence.{n_layers}"), "axis_1"], &["hidden"], vec![]);
        self.node("Gemm", &["hidden", "output.weight", "output.bias"], &["logits"], vec![int("transB", 1)]);
        self.node("Softmax", &["logits"], &["probabilities"], vec![int("axis", -1)]);
        self.node("Unsqueeze", &["probabilities", "axis_0"], &["activations"], vec![]);
        for state in ["h", "c"] {
            let parts: Vec<String> = (0..net.n_layers).map(|layer| format!("{state}n.{layer}")).collect();
            let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
            self.node("Concat", &parts, &[&format!("{state}n")], vec![int("axis", 0)]);
        }
        self.graph
    }

    /// One layer: `sequence.L [frames, 1, n]` to `sequence.L+1 [frames, 1, hidden]`.
    fn lstm(&mut self, layer: usize) {
        let n_hidden = self.net.n_hidden;
        let named = |part: &str| format!("lstm.{layer}.{part}");
        for (part, shape) in [("weight_ih", [1, 4 * n_hidden, n_hidden]), ("weight_hh", [1, 4 * n_hidden, n_hidden])] {
            let values = gates_to_onnx(self.net.values(&named(part)), n_hidden);
            self.floats(&named(part), &shape, &values);
        }
        let mut bias = gates_to_onnx(self.net.values(&named("bias_ih")), n_hidden);
        bias.extend(gates_to_onnx(self.net.values(&named("bias_hh")), n_hidden));
        self.floats(&named("bias"), &[1, 8 * n_hidden], &bias);

        let (start, end) = (named("start"), named("end"));
        self.integers(&start, &[layer as i64]);
        self.integers(&end, &[layer as i64 + 1]);
        for state in ["h0", "c0"] {
            self.node("Slice", &[state, &start, &end, "axis_0"], &[&named(state)], vec![]);
        }
        let inputs = [
            format!("sequence.{layer}"),
            named("weight_ih"),
            named("weight_hh"),
            named("bias"),
            // No sequence lengths: all frames count.
            String::new(),
            named("h0"),
            named("c0"),
        ];
        let outputs = [named("all"), format!("hn.{layer}"), format!("cn.{layer}")];
        self.node(
            "LSTM",
            &inputs.each_ref().map(String::as_str),
            &outputs.each_ref().map(String::as_str),
            vec![int("hidden_size", n_hidden as i64)],
        );
        self.node("Squeeze", &[&named("all"), "axis_1"], &[&format!("sequence.{}", layer + 1)], vec![]);
    }

    fn node(&mut self, op_type: &str, input: &[&str], output: &[&str], attribute: Vec<AttributeProto>) {
        self.graph.node.push(NodeProto {
            input: input.iter().map(ToString::to_string).collect(),
            output: output.iter().map(ToString::to_string).collect(),
            name: Some(format!("{}_{}", op_type.to_lowercase(), self.graph.node.len())),
            op_type: Some(op_type.to_owned()),
            attribute,
        });
    }

    fn weight(&mut self, name: &str) {
        if let Some(tensor) = self.net.tensors.get(name) {
            self.floats(name, &tensor.shape, &tensor.values);
        }
    }

    fn floats(&mut self, name: &str, shape: &[usize], values: &[f32]) {
        let raw_data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.initializer(name, shape.iter().map(|&n| n as i64).collect(), FLOAT, raw_data);
    }

    fn integers(&mut self, name: &str, values: &[i64]) {
        let raw_data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.initializer(name, vec![values.len() as i64], INT64, raw_data);
    }

    fn initializer(&mut self, name: &str, dims: Vec<i64>, data_type: i32, raw_data: Vec<u8>) {
        let tensor = TensorProto { dims, data_type: Some(data_type), name: Some(name.to_owned()), raw_data: Some(raw_data) };
        self.graph.initializer.push(tensor);
    }
}

/// Rows of the gates i, f, g, o put into the order i, o, f, g. Works on a matrix and on a bias alike.
fn gates_to_onnx(values: &[f32], n_hidden: usize) -> Vec<f32> {
    let gate_len = values.len() / 4;
    debug_assert!(gate_len.is_multiple_of(n_hidden));
    [0, 3, 1, 2].into_iter().flat_map(|gate| values[gate * gate_len..(gate + 1) * gate_len].iter().copied()).collect()
}

enum Dimension {
    Fixed(i64),
    Named(&'static str),
}

fn value_info(name: &str, dimensions: Vec<Dimension>) -> ValueInfoProto {
    let dim = dimensions.into_iter().map(|dimension| match dimension {
        Dimension::Fixed(length) => DimensionProto { dim_value: Some(length), dim_param: None },
        Dimension::Named(name) => DimensionProto { dim_value: None, dim_param: Some(name.to_owned()) },
    });
    let tensor_type = TensorTypeProto { elem_type: Some(FLOAT), shape: Some(TensorShapeProto { dim: dim.collect() }) };
    ValueInfoProto { name: Some(name.to_owned()), r#type: Some(TypeProto { tensor_type: Some(tensor_type) }) }
}

fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto { name: Some(name.to_owned()), i: Some(value), ints: vec![], r#type: Some(ATTRIBUTE_INT) }
}

fn ints(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto { name: Some(name.to_owned()), i: None, ints: values.to_vec(), r#type: Some(ATTRIBUTE_INTS) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::crnn::tests::state_dict;
    use std::collections::HashSet;

    fn model(n_layers: usize) -> ModelProto {
        let net = Crnn::from_state_dict("w.pt", state_dict(12, 4, n_layers), 12).unwrap();
        let metadata = BTreeMap::from([("name".to_owned(), "tiny".to_owned())]);
        let bytes = write(&net, &metadata, 17);
        assert_eq!(bytes, write(&net, &metadata, 17), "the same network gives the same bytes");
        ModelProto::decode(&bytes[..]).unwrap()
    }

    #[test]
    fn gates_change_places() {
        assert_eq!(gates_to_onnx(&[0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5], 2), [0.0, 0.5, 3.0, 3.5, 1.0, 1.5, 2.0, 2.5]);
    }

    #[test]
    fn every_value_is_made_once_and_before_it_is_used() {
        for n_layers in [1, 2, 5] {
            let graph = model(n_layers).graph.unwrap();
            let mut known: HashSet<String> = HashSet::from([String::new()]);
            known.extend(graph.input.iter().filter_map(|v| v.name.clone()));
            known.extend(graph.initializer.iter().filter_map(|v| v.name.clone()));
            for node in &graph.node {
                assert!(node.input.iter().all(|name| known.contains(name)), "{node:?}");
                assert!(node.output.iter().all(|name| known.insert(name.clone())), "{node:?}");
            }
            assert!(graph.output.iter().all(|v| known.contains(v.name.as_ref().unwrap())));
            assert_eq!(graph.node.iter().filter(|n| n.op_type.as_deref() == Some("LSTM")).count(), n_layers);
        }
    }

    #[test]
    fn metadata_and_operator_set_are_in_the_file() {
        let model = model(2);
        assert_eq!(model.opset_import[0].version, Some(17));
        assert_eq!(model.metadata_props[0].value.as_deref(), Some("tiny"));
    }
}
