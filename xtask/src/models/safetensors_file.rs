//! Writes `model.safetensors`, the same bytes for the same network every time.
//!
//! NOTE: the header is written here because the `safetensors` crate keeps the metadata in a hash map, whose order
//! changes from run to run. Format: an 8-byte little-endian length, a JSON header padded with spaces to 8 bytes, the
//! tensors (huggingface/safetensors README, "Format"). The tests read the result back with the crate.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::torch_file::Tensor;

const ALIGNMENT: usize = 8;

/// The file for `tensors` (in the map's order) with `metadata`.
pub fn write(tensors: &BTreeMap<String, Tensor>, metadata: &BTreeMap<String, String>) -> Vec<u8> {
    let mut entries = vec![format!("\"__metadata__\":{}", json!(metadata))];
    let mut data: Vec<u8> = Vec::new();
    for (name, tensor) in tensors {
        let start = data.len();
        data.extend(tensor.values.iter().flat_map(|value| value.to_le_bytes()));
        let mut entry = Map::new();
        entry.insert("dtype".to_owned(), "F32".into());
        entry.insert("shape".to_owned(), json!(tensor.shape));
        entry.insert("data_offsets".to_owned(), json!([start, data.len()]));
        entries.push(format!("{}:{}", Value::from(name.as_str()), model_contracts::canonical_json(&Value::Object(entry))));
    }
    let mut header = format!("{{{}}}", entries.join(","));
    header.extend(std::iter::repeat_n(' ', header.len().next_multiple_of(ALIGNMENT) - header.len()));
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.as_bytes());
    file.extend(data);
    file
}

#[cfg(test)]
mod tests {
    use super::*;
    use safetensors::{Dtype, SafeTensors};

    #[test]
    fn the_crate_reads_back_what_was_written() {
        let tensor = |shape: &[usize], values: &[f32]| Tensor { name: String::new(), shape: shape.to_vec(), values: values.to_vec() };
        let tensors = BTreeMap::from([("b".to_owned(), tensor(&[1, 2], &[0.5, -1.0])), ("a".to_owned(), tensor(&[1], &[3.0]))]);
        let metadata = BTreeMap::from([("name".to_owned(), "x \"quoted\"".to_owned())]);
        let file = write(&tensors, &metadata);
        assert_eq!(file, write(&tensors, &metadata));
        let read = SafeTensors::deserialize(&file).unwrap();
        let b = read.tensor("b").unwrap();
        assert_eq!((b.dtype(), b.shape(), b.data()), (Dtype::F32, &[1, 2][..], &[0, 0, 0, 63, 0, 0, 128, 191][..]));
        let (_, header) = SafeTensors::read_metadata(&file).unwrap();
        assert_eq!(header.metadata().as_ref().unwrap()["name"], "x \"quoted\"");
    }
}
