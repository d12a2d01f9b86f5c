//! Reads NumPy's `.npy` arrays and `.npz` archives of them: what golden data comes in. Tests only.
//!
//! Format: NumPy enhancement proposal 1 and `numpy/lib/format.py`. Little-endian, C order, the few types that our golden
//! data uses; anything else is refused by name.

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The numbers of an array, flat, in C order.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// `<f4`.
    F32(Vec<f32>),
    /// `<f8`.
    F64(Vec<f64>),
    /// `<i4`.
    I32(Vec<i32>),
    /// `<i8`.
    I64(Vec<i64>),
}

/// An array with its shape.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// Length of each axis; empty for a scalar.
    pub shape: Vec<usize>,
    /// The numbers.
    pub values: Values,
}

/// Reads an `.npy` file.
///
/// # Errors
/// What is wrong, with the path.
pub fn read_npy(path: &Path) -> Result<Array, String> {
    let bytes = std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
    parse_npy(&bytes).map_err(|e| format!("{}: {e}", path.display()))
}

/// Reads the array `name` (without `.npy`) of an `.npz` file.
///
/// # Errors
/// What is wrong, with the path and the name.
pub fn read_npz(path: &Path, name: &str) -> Result<Array, String> {
    let context = |e: &dyn std::fmt::Display| format!("{}, array {name}: {e}", path.display());
    let file = File::open(path).map_err(|e| context(&e))?;
    let mut archive = zip::ZipArchive::new(file).map_err(|e| context(&e))?;
    let mut entry = archive.by_name(&format!("{name}.npy")).map_err(|e| context(&e))?;
    let mut bytes = Vec::new();
    entry.read_to_end(&mut bytes).map_err(|e| context(&e))?;
    parse_npy(&bytes).map_err(|e| context(&e))
}

/// Parses the bytes of an `.npy` file.
///
/// # Errors
/// What is wrong.
pub fn parse_npy(bytes: &[u8]) -> Result<Array, String> {
    let rest = bytes.strip_prefix(b"\x93NUMPY").ok_or("not an npy file")?;
    let (&major, rest) = rest.split_first().ok_or("ends in the version")?;
    let length_bytes = if major == 1 { 2 } else { 4 };
    let rest = rest.get(1..).filter(|r| r.len() >= length_bytes).ok_or("ends in the header length")?;
    let (length, rest) = rest.split_at(length_bytes);
    let header_len = length.iter().rev().fold(0usize, |n, &byte| n << 8 | usize::from(byte));
    let (header, data) = rest.split_at_checked(header_len).ok_or("ends in the header")?;
    let header = std::str::from_utf8(header).map_err(|e| e.to_string())?;

    let field =
        |key: &str| header.split_once(&format!("'{key}':")).map(|(_, after)| after.trim_start()).ok_or(format!("no {key} in the header"));
    if !field("fortran_order")?.starts_with("False") {
        return Err("Fortran order is not read".to_owned());
    }
    let shape_text = field("shape")?.strip_prefix('(').and_then(|s| s.split_once(')')).ok_or("no shape")?.0;
    let axes = shape_text.split(',').map(str::trim).filter(|axis| !axis.is_empty());
    let shape = axes.map(|axis| axis.parse().map_err(|_| format!("shape {shape_text}"))).collect::<Result<Vec<usize>, _>>()?;
    let type_name = field("descr")?.trim_start_matches('\'').split('\'').next().unwrap_or_default();
    let count = shape.iter().product();
    let values = match type_name {
        "<f4" => Values::F32(numbers(data, count, f32::from_le_bytes)?),
        "<f8" => Values::F64(numbers(data, count, f64::from_le_bytes)?),
        "<i4" => Values::I32(numbers(data, count, i32::from_le_bytes)?),
        "<i8" => Values::I64(numbers(data, count, i64::from_le_bytes)?),
        other => return Err(format!("type {other} is not read")),
    };
    Ok(Array { shape, values })
}

fn numbers<const N: usize, T>(data: &[u8], count: usize, number: impl Fn([u8; N]) -> T) -> Result<Vec<T>, String> {
    if data.len() != count * N {
        return Err(format!("expected {} bytes of data, got {}", count * N, data.len()));
    }
    Ok(data.as_chunks().0.iter().map(|&bytes| number(bytes)).collect())
}

impl Array {
    /// The numbers as `f32`.
    ///
    /// # Panics
    /// When they are of another type.
    pub fn f32(&self) -> &[f32] {
        match &self.values {
            Values::F32(values) => values,
            other => panic!("expected f32, got {other:?}"),
        }
    }

    /// The numbers as `f64`.
    ///
    /// # Panics
    /// When they are of another type.
    pub fn f64(&self) -> &[f64] {
        match &self.values {
            Values::F64(values) => values,
            other => panic!("expected f64, got {other:?}"),
        }
    }

    /// The numbers as `i64`, from either integer type.
    ///
    /// # Panics
    /// When they are not integers.
    pub fn i64(&self) -> Vec<i64> {
        match &self.values {
            Values::I32(values) => values.iter().map(|&v| i64::from(v)).collect(),
            Values::I64(values) => values.clone(),
            other => panic!("expected integers, got {other:?}"),
        }
    }

    /// Rows of a two-dimensional `f32` array.
    ///
    /// # Panics
    /// When it has another type or shape.
    pub fn f32_rows(&self) -> impl Iterator<Item = &[f32]> {
        assert_eq!(self.shape.len(), 2, "shape {:?}", self.shape);
        self.f32().chunks_exact(self.shape[1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn npy(header: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(data);
        bytes
    }

    #[test]
    fn a_small_array_is_read() {
        let data: Vec<u8> = [1.5f32, -2.0].iter().flat_map(|v| v.to_le_bytes()).collect();
        let array = parse_npy(&npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), }", &data)).unwrap();
        assert_eq!((array.shape.as_slice(), array.f32()), ([2, 1].as_slice(), [1.5, -2.0].as_slice()));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let refused = |header: &str, data: &[u8]| parse_npy(&npy(header, data)).unwrap_err();
        assert!(refused("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", &[0; 8]).contains("|O"));
        assert!(refused("{'descr': '<f4', 'fortran_order': True, 'shape': (1,), }", &[0; 4]).contains("Fortran"));
        assert!(refused("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", &[0; 4]).contains("8 bytes"));
        assert!(parse_npy(b"RIFF").unwrap_err().contains("not an npy"));
        assert!(parse_npy(b"\x93NUMPY\x01").is_err());
    }
}
