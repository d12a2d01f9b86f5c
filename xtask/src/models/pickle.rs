//! A restricted reader for the pickles of PyTorch state dicts: data only, never code.
//!
//! A pickle is a program for a small stack machine that may call any Python function. This reader knows the few
//! instructions that a state dict of plain float tensors is written with, and four names: `collections.OrderedDict`,
//! `torch._utils._rebuild_tensor_v2` and two storage classes. Everything else is refused by name.
//! Instruction meanings: CPython `Lib/pickletools.py`; layout of a state dict: PyTorch `torch/_utils.py`.
//!
//! Memory is linear in the length of the pickle and nothing recurses: every composite value lives in an arena and the
//! stack holds indices, so that neither deep nesting nor a tower of shared tuples costs more than its own bytes.

mod error;
mod machine;
mod opcodes;

pub use error::PickleError;
use machine::Machine;

/// Longest pickle accepted, bytes. A state dict of a hundred tensors takes about 10 kB.
pub const MAX_PICKLE_BYTES: usize = 1 << 18;
/// Longest string accepted, bytes: names of modules and tensors.
pub const MAX_STRING_BYTES: usize = 1024;
/// Largest memo index accepted.
const MAX_MEMO_INDEX: usize = 1 << 16;
/// The only protocol that `torch.save` writes.
const PROTOCOL: u8 = 2;

/// One tensor of a state dict: a contiguous piece of a float storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PickledTensor {
    /// Key in the state dict.
    pub name: String,
    /// Name of the storage: the file `data/<storage>` of the archive.
    pub storage: String,
    /// Elements of the whole storage.
    pub storage_elements: usize,
    /// First element of the tensor in its storage.
    pub offset: usize,
    /// Dimensions, row-major.
    pub shape: Vec<usize>,
}

impl PickledTensor {
    /// Elements of the tensor.
    pub fn n_elements(&self) -> usize {
        self.shape.iter().product()
    }
}

/// Reads the tensors of a state dict, in file order.
///
/// # Errors
/// [`PickleError`]: anything but a plain state dict of float tensors.
pub fn read_state_dict(bytes: &[u8]) -> Result<Vec<PickledTensor>, PickleError> {
    if bytes.len() > MAX_PICKLE_BYTES {
        return Err(PickleError::TooLong { got: bytes.len() });
    }
    Machine::new(bytes).run()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::sample_pickle::{PickleWriter, state_dict};
    use proptest::prelude::*;

    fn sample() -> Vec<u8> {
        state_dict(&[("a.weight", "0", 12, 6, &[2, 3]), ("a.bias", "1", 2, 0, &[2])])
    }

    fn refuse(bytes: &[u8]) -> PickleError {
        read_state_dict(bytes).unwrap_err()
    }

    #[test]
    fn a_state_dict_lists_its_tensors_by_name() {
        let tensors = read_state_dict(&sample()).unwrap();
        assert_eq!(tensors.iter().map(|t| t.name.as_str()).collect::<Vec<_>>(), ["a.bias", "a.weight"]);
        let expected = PickledTensor { name: "a.weight".into(), storage: "0".into(), storage_elements: 12, offset: 6, shape: vec![2, 3] };
        assert_eq!(tensors[1], expected);
        assert_eq!(tensors[1].n_elements(), 6);
    }

    #[test]
    fn a_function_outside_the_list_is_refused_by_its_name() {
        let mut evil = PickleWriter::new();
        evil.global("os", "system").text("echo gotcha").raw(&[0x85, b'R', b'.']);
        assert_eq!(refuse(&evil.bytes), PickleError::Global { name: "os.system".into() });
        assert!(refuse(&evil.bytes).to_string().contains("os.system"));
        for (module, name) in [("builtins", "eval"), ("torch", "HalfStorage"), ("__main__", "BDA"), ("collections", "OrderedDict.x")] {
            let mut writer = PickleWriter::new();
            writer.global(module, name);
            assert_eq!(refuse(&writer.bytes), PickleError::Global { name: format!("{module}.{name}") });
        }
    }

    #[test]
    fn instructions_outside_the_list_are_refused_by_name() {
        for (code, name) in [(b'i', "INST"), (b'o', "OBJ"), (0x93, "STACK_GLOBAL"), (0x81, "NEWOBJ"), (b'F', "FLOAT"), (0x82, "EXT1")] {
            assert_eq!(refuse(&[0x80, 2, code]), PickleError::Opcode { name, code, at: 2 });
        }
        assert!(matches!(refuse(&[0x80, 2, 0xff]), PickleError::Opcode { name: "unknown", .. }));
        assert_eq!(refuse(&[0x80, 4, b'.']), PickleError::Protocol(4));
    }

    #[test]
    fn every_truncation_is_an_error() {
        let bytes = sample();
        for length in 0..bytes.len() {
            assert!(read_state_dict(&bytes[..length]).is_err(), "{length}");
        }
        let mut longer = bytes;
        longer.push(b'.');
        assert_eq!(refuse(&longer), PickleError::Trailing(1));
    }

    #[test]
    fn huge_lengths_are_refused_before_they_are_believed() {
        let mut text = vec![0x80, 2, b'X'];
        text.extend(u32::MAX.to_le_bytes());
        assert!(matches!(refuse(&text), PickleError::BadString { got, .. } if got == u32::MAX as usize));
        let mut memo = vec![0x80, 2, b'}', b'r'];
        memo.extend(u32::MAX.to_le_bytes());
        assert!(matches!(refuse(&memo), PickleError::Memo { .. }));
        assert_eq!(refuse(&vec![0; MAX_PICKLE_BYTES + 1]), PickleError::TooLong { got: MAX_PICKLE_BYTES + 1 });
        let mut global = vec![b'c'];
        global.resize(2 * MAX_STRING_BYTES, b'a');
        assert!(matches!(refuse(&global), PickleError::BadString { .. }));
    }

    #[test]
    fn deep_nesting_and_shared_towers_cost_only_their_bytes() {
        // 200,000 tuples inside one another, then 50,000 doublings of the same tuple: 2^50000 leaves if expanded.
        let mut deep = vec![0x80, 2, b')'];
        deep.extend(std::iter::repeat_n(0x85, 200_000));
        deep.push(b'.');
        assert!(matches!(refuse(&deep), PickleError::Operand { name: "STOP", .. }));
        let mut tower = vec![0x80, 2, b')', b'q', 0];
        for _ in 0..50_000 {
            tower.extend([b'h', 0, 0x86, b'q', 0]);
        }
        tower.push(b'.');
        assert!(matches!(refuse(&tower), PickleError::Operand { name: "STOP", .. }));
        let marks = vec![b'('; 200_000];
        assert!(matches!(refuse(&marks), PickleError::Truncated { .. }));
    }

    #[test]
    fn the_mark_protects_what_lies_below_it() {
        assert!(matches!(refuse(&[b'}', b'(', b'q', 0]), PickleError::Operand { name: "BINPUT", .. }));
        assert!(matches!(refuse(&[b'K', 1, b'(', 0x85]), PickleError::Operand { name: "TUPLE1", .. }));
        assert!(matches!(refuse(b"}(s"), PickleError::Operand { name: "SETITEM", .. }));
        assert!(matches!(refuse(b"t"), PickleError::Operand { name: "TUPLE", .. }));
    }

    #[test]
    fn tensors_must_be_contiguous_pieces_of_their_storage() {
        for (elements, offset, shape) in [(5, 0, &[2_i32, 3][..]), (6, 1, &[2, 3]), (6, -1, &[2, 3]), (6, 0, &[0, 3]), (6, 0, &[-2, 3])] {
            let bytes = state_dict(&[("w", "0", elements, offset, shape)]);
            assert!(read_state_dict(&bytes).is_err(), "{elements} {offset} {shape:?}");
        }
        let mut strided = PickleWriter::new();
        strided.begin_dict().tensor("w", "0", 6, 0, &[2, 3], &[1, 2]).end_dict();
        assert!(matches!(refuse(&strided.bytes), PickleError::Tensor { rule: "contiguous strides", .. }));
        let huge = state_dict(&[("w", "0", 6, 0, &[i32::MAX; 8])]);
        assert!(matches!(refuse(&huge), PickleError::Tensor { rule: "a size that can be counted", .. }));
    }

    #[test]
    fn a_name_twice_is_refused() {
        let bytes = state_dict(&[("w", "0", 2, 0, &[2]), ("w", "0", 2, 0, &[2])]);
        assert!(matches!(refuse(&bytes), PickleError::Tensor { rule: "one value per name", .. }));
    }

    #[test]
    fn attributes_other_than_metadata_are_refused() {
        let mut writer = PickleWriter::new();
        writer.begin_dict().end_items().raw(b"}").text("__class__").text("x").raw(b"sb.");
        assert!(refuse(&writer.bytes).to_string().contains("__class__"));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read_state_dict(&bytes);
        }

        #[test]
        fn no_altered_byte_makes_it_panic(at in 0_usize..200, value: u8) {
            let mut bytes = sample();
            let at = at % bytes.len();
            bytes[at] = value;
            let _ = read_state_dict(&bytes);
        }
    }
}
