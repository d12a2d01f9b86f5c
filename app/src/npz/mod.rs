//! NumPy's `.npz`: a zip of `.npy` arrays, for what goes to and comes from Python. Any thread.
//!
//! Written stored, which is read fastest; read stored or deflated. Format: numpy `lib/format.py`, versions 1 to 3;
//! little-endian and in C order, as every machine that we run on writes it. The same arrays give the same bytes.

mod npy;

pub use npy::{NpyError, Values};

use std::fs::File;
use std::io::{self, Cursor, Write as _};
use std::path::Path;

use zip::read::ZipFile;
use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

/// An array to be written.
#[derive(Debug, Clone, Copy)]
pub struct Array<'a> {
    /// Key in Python.
    pub name: &'a str,
    /// Length along each axis, slowest first; empty for a scalar.
    pub shape: &'a [usize],
    /// Values in C order: as many as the shape has places.
    pub values: Values<'a>,
}

/// Why a file gave no array.
#[derive(Debug, thiserror::Error)]
pub enum NpzError {
    /// The system refused.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    /// Not a zip file, or a broken one.
    #[error("is not a .npz file: {0}")]
    Zip(#[from] ZipError),
    /// No array of this name.
    #[error("has no array `{expected}`, only: {}", if got.is_empty() { "none at all".to_owned() } else { got.join(", ") })]
    NoArray {
        /// Name wanted.
        expected: String,
        /// Names found.
        got: Vec<String>,
    },
    /// The array cannot be used.
    #[error("array `{name}` {source}")]
    Array {
        /// Name of the array.
        name: String,
        /// What is wrong with it.
        source: NpyError,
    },
}

/// The bytes of an `.npz` with these arrays, in this order.
///
/// # Panics
/// Where the number of values is not that of the shape, or a name comes twice: both are the caller's own.
pub fn to_bytes(arrays: &[Array<'_>]) -> Vec<u8> {
    const IN_MEMORY: &str = "names are distinct, and memory takes every byte";
    // No clock is read: the same arrays give the same bytes.
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored).last_modified_time(DateTime::default());
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for array in arrays {
        let bytes = npy::to_bytes(array.shape, array.values);
        zip.start_file(format!("{}.npy", array.name), options.large_file(bytes.len() > u32::MAX as usize)).expect(IN_MEMORY);
        zip.write_all(&bytes).expect(IN_MEMORY);
    }
    zip.finish().expect(IN_MEMORY).into_inner()
}

/// The bytes of one `.npy`.
///
/// # Panics
/// Where the number of values is not that of the shape.
pub fn npy_bytes(shape: &[usize], values: Values<'_>) -> Vec<u8> {
    npy::to_bytes(shape, values)
}

/// An `.npz` that is open for reading.
pub struct NpzReader {
    zip: ZipArchive<File>,
}

impl NpzReader {
    /// Opens a file.
    ///
    /// # Errors
    /// [`NpzError::Io`], [`NpzError::Zip`].
    pub fn open(path: &Path) -> Result<Self, NpzError> {
        Ok(Self { zip: ZipArchive::new(File::open(path)?)? })
    }

    /// The names of the arrays.
    pub fn names(&self) -> Vec<String> {
        let files = self.zip.file_names().filter_map(Result::ok);
        files.map(|file| file.strip_suffix(".npy").unwrap_or(&file).to_owned()).collect()
    }

    /// The rows of a float32 array `[n_rows, N]`.
    ///
    /// # Errors
    /// [`NpzError`]: no such array, or one of another type or shape.
    pub fn rows<const N: usize>(&mut self, name: &str) -> Result<Vec<[f32; N]>, NpzError> {
        self.array(name, |member| npy::read_rows(member))
    }

    /// An int64 scalar.
    ///
    /// # Errors
    /// As [`Self::rows`].
    pub fn integer(&mut self, name: &str) -> Result<i64, NpzError> {
        self.array(name, |member| npy::read_integer(member))
    }

    fn array<T>(&mut self, name: &str, read: impl FnOnce(&mut ZipFile<'_, File>) -> Result<T, NpyError>) -> Result<T, NpzError> {
        let member = format!("{name}.npy");
        if self.zip.index_for_name(&member).is_none() {
            return Err(NpzError::NoArray { expected: name.to_owned(), got: self.names() });
        }
        read(&mut self.zip.by_name(&member)?).map_err(|source| NpzError::Array { name: name.to_owned(), source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows<const N: usize>(bytes: &[u8], name: &str) -> Result<Vec<[f32; N]>, String> {
        NpzReader::open(file(bytes).path()).and_then(|mut npz| npz.rows(name)).map_err(|e| e.to_string())
    }

    fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        file
    }

    #[test]
    fn what_is_written_is_read() {
        let array = Array { name: "x", shape: &[2, 3], values: Values::F32(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]) };
        let text = Array { name: "who", shape: &[], values: Values::Text("é") };
        let integer = Array { name: "n", shape: &[], values: Values::I64(&[-5]) };
        let bytes = to_bytes(&[text, integer, array]);
        assert_eq!(rows::<3>(&bytes, "x").unwrap(), [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
        assert_eq!(to_bytes(&[text, integer, array]), bytes, "no clock in it");
        let mut npz = NpzReader::open(file(&bytes).path()).unwrap();
        assert_eq!((npz.integer("n").unwrap(), npz.names()), (-5, ["who", "n", "x"].map(str::to_owned).to_vec()));
        let none = to_bytes(&[Array { name: "x", shape: &[0, 3], values: Values::F32(&[]) }]);
        assert_eq!(rows::<3>(&none, "x").unwrap(), [[0.0f32; 3]; 0]);
    }

    #[test]
    fn deflated_files_are_read_too() {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        zip.start_file("x.npy", SimpleFileOptions::default().compression_method(CompressionMethod::Deflated)).unwrap();
        zip.write_all(&npy::to_bytes(&[500, 1], Values::F32(&[0.5; 500]))).unwrap();
        let bytes = zip.finish().unwrap().into_inner();
        assert!(bytes.len() < 1000);
        assert_eq!(rows::<1>(&bytes, "x").unwrap(), [[0.5f32]; 500]);
    }

    #[test]
    fn each_cause_has_its_own_message() {
        let error = |bytes: &[u8], name: &str| rows::<3>(bytes, name).unwrap_err();
        let of = |shape: &[usize], values: Values<'_>| to_bytes(&[Array { name: "x", shape, values }]);
        assert!(error(b"", "x").contains("is not a .npz file"));
        assert!(error(b"RIFF", "x").contains("is not a .npz file"));
        assert!(error(&to_bytes(&[]), "x").contains("only: none at all"));
        assert_eq!(error(&of(&[0, 3], Values::F32(&[])), "y"), "has no array `y`, only: x");
        assert_eq!(error(&of(&[1, 3], Values::F64(&[0.0; 3])), "x"), "array `x` is of type <f8, expected <f4");
        assert_eq!(error(&of(&[3], Values::F32(&[0.0; 3])), "x"), "array `x` has the shape [3], expected [n, 3]");
        assert_eq!(error(&of(&[3, 1], Values::F32(&[0.0; 3])), "x"), "array `x` has the shape [3, 1], expected [n, 3]");
        assert!(NpzReader::open(Path::new("/nowhere/x.npz")).err().unwrap().to_string().starts_with("cannot be read"));
        let mut cut = of(&[9, 3], Values::F32(&[0.0; 27]));
        cut.truncate(100);
        assert!(error(&cut, "x").contains("is not a .npz file"));
    }
}
