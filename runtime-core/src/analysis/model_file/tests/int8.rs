//! Tensors in 8 bits with the scales of their rows.

use super::*;
use crate::analysis::activation::StepModel as _;
use crate::analysis::network::Network;

/// A tensor as a file has it.
enum Stored {
    F32(Vec<f32>),
    I8(Vec<i8>),
}

type StoredTensors = BTreeMap<String, (Vec<usize>, Stored)>;

const SCALE: f32 = 0.3 / 127.0;

/// The tiny network with these tensors in 8 bits, all of whose rows have the same scale, and the rest as it is.
fn in_8_bits(names: &[&str]) -> StoredTensors {
    let mut tensors = StoredTensors::new();
    for (name, (shape, values)) in tiny() {
        let stored = if names.contains(&name.as_str()) {
            tensors.insert(format!("{name}.scale"), (vec![shape[0]], Stored::F32(vec![SCALE; shape[0]])));
            Stored::I8(values.iter().map(|value| (value / SCALE).round() as i8).collect())
        } else {
            Stored::F32(values)
        };
        tensors.insert(name, (shape, stored));
    }
    tensors
}

fn parse(tensors: &StoredTensors) -> Result<ModelFile, ModelFileError> {
    let stored = tensors.iter().map(|(name, (shape, stored))| match stored {
        Stored::F32(values) => (name.as_str(), "F32", &shape[..], values.iter().flat_map(|v| v.to_le_bytes()).collect()),
        Stored::I8(units) => (name.as_str(), "I8", &shape[..], units.iter().map(|v| v.cast_unsigned()).collect()),
    });
    let file = file_of_stored(&metadata_of(&front_end(), "crnn", &json!({})), stored);
    ModelFile::parse(&manifest_of(&file, &front_end()).to_string(), &file)
}

const MIXED: [&str; 4] = ["conv.weight", "input.weight", "lstm.0.weight_ih", "lstm.2.weight_hh"];

#[test]
fn a_file_may_mix_both_forms() {
    let model = parse(&in_8_bits(&MIXED)).unwrap();
    let NetworkWeights::Crnn(weights) = &model.members[0].network else { panic!("it is BeatNet's kind") };
    assert!(matches!(&weights.input_weight, Matrix::Int8 { scales, .. } if *scales == [SCALE; N_HIDDEN]));
    assert!(matches!(&weights.lstm[0].weight_ih, Matrix::Int8 { .. }));
    assert!(matches!(&weights.lstm[0].weight_hh, Matrix::Float(_)));
    let conv = &tiny()["conv.weight"].1;
    assert!(conv.iter().zip(&weights.conv_weight).all(|(a, b)| (a - b).abs() <= SCALE / 2.0 + 1e-7), "a convolution is of f32");
}

#[test]
fn a_network_in_8_bits_is_the_one_of_the_same_numbers() {
    let mut same = tiny();
    let eight = in_8_bits(&MIXED);
    for name in MIXED {
        let (_, Stored::I8(units)) = &eight[name] else { panic!("{name} is in 8 bits") };
        same.get_mut(name).unwrap().1 = units.iter().map(|&unit| f32::from(unit) * SCALE).collect();
    }
    let file = file_of(&same, "F32", &front_end());
    let float = ModelFile::parse(&manifest_of(&file, &front_end()).to_string(), &file).unwrap();
    let mut networks = [Network::new(&parse(&eight).unwrap()), Network::new(&float)];
    Network::gather(&mut networks);
    for frame in 0..20 {
        let features: Vec<f32> = (0..272).map(|i| ((frame * 37 + i * 11) % 17) as f32 / 8.0 - 1.0).collect();
        let [a, b] = networks.each_mut().map(|network| network.step(&features).unwrap());
        assert!((a.beat - b.beat).abs() < 1e-6 && (a.downbeat - b.downbeat).abs() < 1e-6, "{a:?} {b:?}");
    }
}

#[test]
fn scales_that_are_missing_misshapen_or_impossible_are_refused() {
    let refused = |alter: &dyn Fn(&mut StoredTensors)| {
        let mut tensors = in_8_bits(&MIXED);
        alter(&mut tensors);
        parse(&tensors).unwrap_err().to_string()
    };
    let with = |scales: Vec<f32>| {
        refused(&move |t| {
            t.insert("input.weight.scale".to_owned(), (vec![scales.len()], Stored::F32(scales.clone())));
        })
    };
    let missing = refused(&|t| drop(t.remove("input.weight.scale")));
    assert!(missing.contains("tensor input.weight.scale: expected a tensor, got nothing"), "{missing}");
    assert!(with(vec![1.0; 4]).contains("tensor input.weight.scale: expected shape [5], got [4]"));
    assert!(with(vec![1.0, 1.0, f32::NAN, 1.0, 1.0]).contains("input.weight.scale: expected finite values, got NaN at index 2"));
    assert!(with(vec![1.0, 1.0, 1.0, -0.5, 1.0]).contains("input.weight.scale: expected no negative scale, got -0.5 at index 3"));
    let huge = refused(&|t| {
        t.insert("conv.weight.scale".to_owned(), (vec![3], Stored::F32(vec![f32::MAX; 3])));
    });
    assert!(huge.contains("tensor conv.weight: expected finite values"), "{huge}");
    let beside_f32 = refused(&|t| {
        t.insert("output.weight.scale".to_owned(), (vec![3], Stored::F32(vec![1.0; 3])));
    });
    assert!(beside_f32.contains("tensor output.weight.scale: expected only the tensors"), "{beside_f32}");
    let vector = refused(&|t| {
        t.insert("input.bias".to_owned(), (vec![5], Stored::I8(vec![0; 5])));
    });
    assert!(vector.contains("tensor input.bias: expected type F32, got I8"), "{vector}");
}
