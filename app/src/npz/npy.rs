//! One `.npy` array: header and values. Format: numpy `lib/format.py`. Any thread.

use std::io::{self, Read};

const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// The header's length is a multiple of this, bytes, so that the values are aligned.
const ALIGNMENT_BYTES: usize = 64;
/// Longest header that is read, bytes: numpy's own limit.
const MAX_HEADER_BYTES: usize = 10_000;
/// Values that room is made for before any is read; more come as they are read.
const MAX_RESERVED_ROWS: usize = 1 << 16;

/// Values of an array in C order.
#[derive(Debug, Clone, Copy)]
pub enum Values<'a> {
    /// `<f4`
    F32(&'a [f32]),
    /// `<f8`
    F64(&'a [f64]),
    /// `<i8`
    I64(&'a [i64]),
    /// `<i4`
    I32(&'a [i32]),
    /// `|u1`
    U8(&'a [u8]),
    /// One string, `<U` and its number of characters.
    Text(&'a str),
}

/// Why an array cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum NpyError {
    /// The system or the zip reader refused, or the array ends before its last value.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    /// Not an array, or of a version that is not known.
    #[error("is no .npy array of version 1 to 3")]
    NotNpy,
    /// A header that says nothing of type, order or shape.
    #[error("has a header that cannot be understood: {0}")]
    Header(String),
    /// Another type.
    #[error("is of type {got}, expected {expected}")]
    Type {
        /// Type wanted, as numpy writes it.
        expected: &'static str,
        /// Type found.
        got: String,
    },
    /// Columns first.
    #[error("is in Fortran order, expected C order")]
    FortranOrder,
    /// Another shape.
    #[error("has the shape {got:?}, expected {expected}")]
    Shape {
        /// Shape wanted, `n` where any length will do.
        expected: String,
        /// Shape found.
        got: Vec<usize>,
    },
    /// Bytes after the last value.
    #[error("has more bytes than its shape {0:?} needs")]
    TooLong(Vec<usize>),
}

impl Values<'_> {
    /// The type as numpy writes it.
    fn descr(&self) -> String {
        match self {
            Self::F32(_) => "<f4".to_owned(),
            Self::F64(_) => "<f8".to_owned(),
            Self::I64(_) => "<i8".to_owned(),
            Self::I32(_) => "<i4".to_owned(),
            Self::U8(_) => "|u1".to_owned(),
            // numpy has no string of no characters: the empty one has one that is 0.
            Self::Text(text) => format!("<U{}", text.chars().count().max(1)),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::F64(values) => values.len(),
            Self::I64(values) => values.len(),
            Self::I32(values) => values.len(),
            Self::U8(values) => values.len(),
            Self::Text(_) => 1,
        }
    }

    fn append_to(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::F32(values) => values.iter().for_each(|x| bytes.extend(x.to_le_bytes())),
            Self::F64(values) => values.iter().for_each(|x| bytes.extend(x.to_le_bytes())),
            Self::I64(values) => values.iter().for_each(|x| bytes.extend(x.to_le_bytes())),
            Self::I32(values) => values.iter().for_each(|x| bytes.extend(x.to_le_bytes())),
            Self::U8(values) => bytes.extend(*values),
            Self::Text("") => bytes.extend([0; 4]),
            Self::Text(text) => text.chars().for_each(|c| bytes.extend(u32::from(c).to_le_bytes())),
        }
    }
}

/// The bytes of an array.
pub(super) fn to_bytes(shape: &[usize], values: Values<'_>) -> Vec<u8> {
    assert_eq!(values.len(), shape.iter().product::<usize>(), "as many values as the shape {shape:?} has places");
    let places: Vec<String> = shape.iter().map(usize::to_string).collect();
    // A tuple of one has a comma in Python.
    let tuple = if let [one] = &places[..] { format!("({one},)") } else { format!("({})", places.join(", ")) };
    let mut header = format!("{{'descr': '{}', 'fortran_order': False, 'shape': {tuple}, }}", values.descr());
    let n_before = MAGIC.len() + 4;
    while !(n_before + header.len() + 1).is_multiple_of(ALIGNMENT_BYTES) {
        header.push(' ');
    }
    header.push('\n');
    let n_header = u16::try_from(header.len()).expect("a header of a few dozen characters");
    let mut bytes = Vec::with_capacity(n_before + header.len() + 8 * values.len());
    bytes.extend(MAGIC);
    bytes.extend([1, 0]);
    bytes.extend(n_header.to_le_bytes());
    bytes.extend(header.as_bytes());
    values.append_to(&mut bytes);
    bytes
}

/// Reads a float32 array `[n, N]` to its end.
pub(super) fn read_rows<const N: usize>(reader: &mut impl Read) -> Result<Vec<[f32; N]>, NpyError> {
    let shape = read_shape(reader, "<f4")?;
    let n_rows = match shape[..] {
        [n_rows, n_columns] if n_columns == N => n_rows,
        _ => return Err(NpyError::Shape { expected: format!("[n, {N}]"), got: shape }),
    };
    let mut rows = Vec::with_capacity(n_rows.min(MAX_RESERVED_ROWS));
    let mut reader = io::BufReader::new(reader);
    let mut value = [0; 4];
    for _ in 0..n_rows {
        let mut row = [0.0; N];
        for x in &mut row {
            reader.read_exact(&mut value)?;
            *x = f32::from_le_bytes(value);
        }
        rows.push(row);
    }
    if reader.read(&mut value)? > 0 {
        return Err(NpyError::TooLong(shape));
    }
    Ok(rows)
}

/// Reads one int64.
pub(super) fn read_integer(reader: &mut impl Read) -> Result<i64, NpyError> {
    let shape = read_shape(reader, "<i8")?;
    if !shape.is_empty() {
        return Err(NpyError::Shape { expected: "[]".to_owned(), got: shape });
    }
    let mut value = [0; 8];
    reader.read_exact(&mut value)?;
    Ok(i64::from_le_bytes(value))
}

/// The shape of an array of a type in C order; leaves the reader at the first value.
fn read_shape(reader: &mut impl Read, expected: &'static str) -> Result<Vec<usize>, NpyError> {
    let header = read_header(reader)?;
    let unclear = || NpyError::Header(header.trim_end().to_owned());
    let (descr, _) = field(&header, "descr").and_then(|rest| rest.strip_prefix('\'')?.split_once('\'')).ok_or_else(unclear)?;
    if descr != expected {
        return Err(NpyError::Type { expected, got: descr.to_owned() });
    }
    match field(&header, "fortran_order") {
        Some(rest) if rest.starts_with("False") => field(&header, "shape").and_then(parse_shape).ok_or_else(unclear),
        Some(rest) if rest.starts_with("True") => Err(NpyError::FortranOrder),
        _ => Err(unclear()),
    }
}

/// The Python dict at the start of an array.
fn read_header(reader: &mut impl Read) -> Result<String, NpyError> {
    let mut start = [0; 8];
    reader.read_exact(&mut start)?;
    if start[..6] != *MAGIC {
        return Err(NpyError::NotNpy);
    }
    let mut n_header = [0; 4];
    match start[6] {
        1 => reader.read_exact(&mut n_header[..2])?,
        2 | 3 => reader.read_exact(&mut n_header)?,
        _ => return Err(NpyError::NotNpy),
    }
    let n_header = u32::from_le_bytes(n_header) as usize;
    if n_header > MAX_HEADER_BYTES {
        return Err(NpyError::Header(format!("{n_header} bytes long")));
    }
    let mut header = vec![0; n_header];
    reader.read_exact(&mut header)?;
    Ok(String::from_utf8_lossy(&header).into_owned())
}

/// What follows `'key':` in a dict whose values hold no such text.
fn field<'a>(header: &'a str, key: &str) -> Option<&'a str> {
    Some(header.split_once(&format!("'{key}':"))?.1.trim_start())
}

/// `(2, 3), ...`
fn parse_shape(text: &str) -> Option<Vec<usize>> {
    let (places, _) = text.strip_prefix('(')?.split_once(')')?;
    places.split(',').map(str::trim).filter(|place| !place.is_empty()).map(|place| place.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An array with a header of one's own.
    fn array(header: &str, n_value_bytes: usize) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend([1, 0]);
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(vec![0; n_value_bytes]);
        bytes
    }

    fn error(bytes: &[u8]) -> String {
        read_rows::<2>(&mut &bytes[..]).unwrap_err().to_string()
    }

    #[test]
    fn bytes_are_those_of_numpy() {
        // numpy.save of numpy.array([[1, 2]], "<f4"), numpy 2.4.
        let bytes = to_bytes(&[1, 2], Values::F32(&[1.0, 2.0]));
        let mut expected = b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }".to_vec();
        expected.resize(127, b' ');
        expected.extend(b"\n\x00\x00\x80\x3f\x00\x00\x00\x40");
        assert_eq!(bytes, expected);
    }

    #[test]
    fn every_type_has_its_descr_and_its_bytes() {
        let tail = |shape: &[usize], values: Values<'_>, n: usize| {
            let bytes = to_bytes(shape, values);
            let header = String::from_utf8_lossy(&bytes[10..bytes.len() - n]).trim_end().to_owned();
            (header, bytes[bytes.len() - n..].to_vec())
        };
        let (header, bytes) = tail(&[], Values::I64(&[-2]), 8);
        assert_eq!((header.as_str(), bytes), ("{'descr': '<i8', 'fortran_order': False, 'shape': (), }", (-2i64).to_le_bytes().to_vec()));
        let (header, bytes) = tail(&[1], Values::F64(&[0.5]), 8);
        assert_eq!((header.as_str(), bytes), ("{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }", 0.5f64.to_le_bytes().to_vec()));
        let (header, bytes) = tail(&[], Values::Text("aé"), 8);
        assert_eq!((header.as_str(), bytes), ("{'descr': '<U2', 'fortran_order': False, 'shape': (), }", vec![97, 0, 0, 0, 233, 0, 0, 0]));
        assert!(tail(&[], Values::Text(""), 4).0.contains("<U1"));
    }

    #[test]
    fn headers_of_other_writers_are_read() {
        let spaced = array("{'shape':(1 , 2,), 'fortran_order':False,'descr':'<f4'}", 8);
        assert_eq!(read_rows::<2>(&mut &spaced[..]).unwrap(), [[0.0, 0.0]]);
        let mut version_3 = array("{'descr': '<f4', 'fortran_order': False, 'shape': (0, 2), }", 0);
        version_3[6] = 3;
        version_3.splice(10..10, [0, 0]);
        assert!(read_rows::<2>(&mut &version_3[..]).unwrap().is_empty());
    }

    #[test]
    fn an_integer_is_a_scalar() {
        let read = |shape: &[usize], values: Values<'_>| read_integer(&mut &to_bytes(shape, values)[..]).map_err(|e| e.to_string());
        assert_eq!(read(&[], Values::I64(&[-7])), Ok(-7));
        assert_eq!(read(&[1], Values::I64(&[3])).unwrap_err(), "has the shape [1], expected []");
        assert_eq!(read(&[], Values::F64(&[3.0])).unwrap_err(), "is of type <f8, expected <i8");
    }

    #[test]
    fn broken_arrays_are_refused_by_name() {
        assert!(error(b"").contains("cannot be read"));
        assert!(error(b"no array of numbers").contains("is no .npy array"));
        let header = |descr: &str, order: &str, shape: &str| format!("{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}");
        assert!(error(&array(&header("'<f4'", "True", "(1, 2)"), 8)).contains("Fortran order"));
        assert!(error(&array(&header("'>f4'", "False", "(1, 2)"), 8)).contains("type >f4, expected <f4"));
        assert!(error(&array(&header("[('a', '<f4')]", "False", "(1, 2)"), 8)).contains("cannot be understood"));
        assert!(error(&array(&header("'<f4'", "False", "(1, -2)"), 8)).contains("cannot be understood"));
        assert!(error(&array(&header("'<f4'", "Perhaps", "(1, 2)"), 8)).contains("cannot be understood"));
        assert!(error(&array(&header("'<f4'", "False", "(2, 2)"), 8)).contains("cannot be read"));
        assert!(error(&array(&header("'<f4'", "False", "(1, 2)"), 9)).contains("more bytes than its shape [1, 2]"));
        assert!(error(&array(&header("'<f4'", "False", "(18446744073709551615, 2)"), 8)).contains("cannot be read"));
        let mut version_9 = array("", 0);
        version_9[6] = 9;
        assert!(error(&version_9).contains("version 1 to 3"));
    }
}
