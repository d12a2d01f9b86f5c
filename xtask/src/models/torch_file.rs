//! Reads the tensors of a PyTorch weight file: a zip archive of one pickle and one raw file per storage.
//!
//! Layout: `<prefix>/data.pkl`, `<prefix>/data/<storage>` (little-endian f32), `<prefix>/byteorder` where a newer torch
//! wrote it (PyTorch `torch/serialization.py`).

use std::io::{Cursor, Read};

use zip::ZipArchive;

use super::error::ModelsError;
use super::pickle::{self, PickledTensor};

/// Most members of a weight file.
const MAX_MEMBERS: usize = 4096;
/// Largest storage accepted, bytes. The networks of this project stay below 64 MiB.
const MAX_STORAGE_BYTES: u64 = 1 << 28;

/// A named tensor, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// Key in the state dict.
    pub name: String,
    /// Dimensions.
    pub shape: Vec<usize>,
    /// Elements.
    pub values: Vec<f32>,
}

/// Reads all tensors of the weight file `file` from its `bytes`, sorted by name.
///
/// # Errors
/// [`ModelsError`] for anything but a plain archive of finite float tensors.
pub fn read(file: &str, bytes: &[u8]) -> Result<Vec<Tensor>, ModelsError> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|e| ModelsError::archive(file, e))?;
    if archive.len() > MAX_MEMBERS {
        return Err(ModelsError::archive(file, format!("{} members: at most {MAX_MEMBERS} are read", archive.len())));
    }
    let names: Vec<String> = archive.file_names().filter_map(|name| name.ok().map(|name| name.into_owned())).collect();
    let mut pickles = names.iter().filter_map(|name| name.strip_suffix("data.pkl"));
    let (Some(prefix), None) = (pickles.next(), pickles.next()) else {
        return Err(ModelsError::archive(file, "expected exactly one member data.pkl"));
    };
    let byte_order = format!("{prefix}byteorder");
    if names.contains(&byte_order) {
        let order = read_member(&mut archive, file, &byte_order, 16)?;
        if order != b"little" {
            return Err(ModelsError::archive(file, format!("byte order {:?}: expected little", String::from_utf8_lossy(&order))));
        }
    }
    let pickled = read_member(&mut archive, file, &format!("{prefix}data.pkl"), pickle::MAX_PICKLE_BYTES as u64)?;
    let tensors = pickle::read_state_dict(&pickled).map_err(|source| ModelsError::Pickle { file: file.to_owned(), source })?;
    let mut out: Vec<Tensor> = Vec::with_capacity(tensors.len());
    let mut last: Option<(String, Vec<u8>)> = None;
    for tensor in &tensors {
        if last.as_ref().is_none_or(|(storage, _)| *storage != tensor.storage) {
            let member = format!("{prefix}data/{}", tensor.storage);
            last = Some((tensor.storage.clone(), read_member(&mut archive, file, &member, MAX_STORAGE_BYTES)?));
        }
        let storage = last.as_ref().map_or(&[][..], |(_, bytes)| bytes);
        out.push(Tensor { name: tensor.name.clone(), shape: tensor.shape.clone(), values: values(file, tensor, storage)? });
    }
    Ok(out)
}

fn values(file: &str, tensor: &PickledTensor, storage: &[u8]) -> Result<Vec<f32>, ModelsError> {
    let refused =
        |expected: String, got: String| ModelsError::Network { file: file.to_owned(), tensor: tensor.name.clone(), expected, got };
    let floats = storage.as_chunks::<4>();
    if floats.0.len() != tensor.storage_elements || !floats.1.is_empty() {
        return Err(refused(format!("a storage of {} floats", tensor.storage_elements), format!("{} bytes", storage.len())));
    }
    let piece = &floats.0[tensor.offset..tensor.offset + tensor.n_elements()];
    let values: Vec<f32> = piece.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
    match values.iter().find(|value| !value.is_finite()) {
        Some(value) => Err(refused("finite values".to_owned(), value.to_string())),
        None => Ok(values),
    }
}

/// Reads one member whole, refusing more than `limit` bytes whatever the archive states.
pub(super) fn read_member<R: Read + std::io::Seek>(
    archive: &mut ZipArchive<R>,
    file: &str,
    member: &str,
    limit: u64,
) -> Result<Vec<u8>, ModelsError> {
    let entry = archive.by_name(member).map_err(|e| ModelsError::archive(file, format!("member {member}: {e}")))?;
    let mut bytes = Vec::new();
    entry.take(limit + 1).read_to_end(&mut bytes).map_err(|e| ModelsError::archive(file, format!("member {member}: {e}")))?;
    if bytes.len() as u64 > limit {
        return Err(ModelsError::archive(file, format!("member {member}: longer than {limit} bytes")));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::sample_pickle::state_dict;
    use std::io::Write;
    use zip::write::SimpleFileOptions;

    fn archive(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in members {
            writer.start_file(*name, SimpleFileOptions::default()).unwrap();
            writer.write_all(content).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    fn floats(values: &[f32]) -> Vec<u8> {
        values.iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    fn message(members: &[(&str, &[u8])]) -> String {
        read("w.pt", &archive(members)).unwrap_err().to_string()
    }

    #[test]
    fn tensors_are_pieces_of_their_storage() {
        let pickle = state_dict(&[("w", "0", 4, 2, &[1, 2]), ("b", "0", 4, 0, &[2])]);
        let bytes = archive(&[("x/data.pkl", &pickle), ("x/data/0", &floats(&[1.0, 2.0, 3.0, 4.0])), ("x/byteorder", b"little")]);
        let tensors = read("w.pt", &bytes).unwrap();
        assert_eq!(tensors[0], Tensor { name: "b".into(), shape: vec![2], values: vec![1.0, 2.0] });
        assert_eq!(tensors[1], Tensor { name: "w".into(), shape: vec![1, 2], values: vec![3.0, 4.0] });
    }

    #[test]
    fn bad_archives_are_named() {
        let pickle = state_dict(&[("w", "0", 2, 0, &[2])]);
        let good = floats(&[1.0, 2.0]);
        assert!(read("w.pt", b"").unwrap_err().to_string().starts_with("w.pt: "));
        let whole = archive(&[("x/data.pkl", &pickle), ("x/data/0", &good)]);
        assert!(read("w.pt", &whole[..whole.len() / 2]).is_err());
        assert!(message(&[("x/data/0", &good)]).contains("exactly one member data.pkl"));
        assert!(message(&[("x/data.pkl", &pickle), ("y/data.pkl", &pickle)]).contains("exactly one member data.pkl"));
        assert!(message(&[("x/data.pkl", &pickle)]).contains("x/data/0"));
        assert!(message(&[("x/data.pkl", &pickle), ("x/data/0", &good[..7])]).contains("7 bytes"));
        assert!(message(&[("x/data.pkl", &pickle), ("x/data/0", &floats(&[1.0, f32::NAN]))]).contains("NaN"));
        assert!(message(&[("x/data.pkl", &pickle), ("x/data/0", &good), ("x/byteorder", b"big")]).contains("\"big\""));
        assert!(message(&[("x/data.pkl", b"\x80\x02cos\nsystem\n"), ("x/data/0", &good)]).contains("os.system"));
    }
}
