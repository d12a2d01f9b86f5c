//! Why a pickle is refused, each cause with its value.

use super::{MAX_MEMO_INDEX, MAX_PICKLE_BYTES, MAX_STRING_BYTES, PROTOCOL};

/// Why a pickle was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PickleError {
    /// Longer than any state dict of ours.
    #[error("pickle of {got} bytes: at most {MAX_PICKLE_BYTES} are read")]
    TooLong {
        /// Bytes given.
        got: usize,
    },
    /// It ends inside an instruction, or before `STOP`.
    #[error("pickle ends at byte {at}: {needed} more bytes expected")]
    Truncated {
        /// Where the missing bytes should start.
        at: usize,
        /// How many are missing at least.
        needed: usize,
    },
    /// Bytes after `STOP`.
    #[error("pickle has {0} bytes after its end")]
    Trailing(usize),
    /// Another protocol.
    #[error("pickle protocol {0}: only protocol {PROTOCOL} is read")]
    Protocol(u8),
    /// An instruction that state dicts do not need.
    #[error("pickle instruction {name} (0x{code:02x}) at byte {at} is not allowed")]
    Opcode {
        /// Name of the instruction.
        name: &'static str,
        /// Its code.
        code: u8,
        /// Where it stands.
        at: usize,
    },
    /// A function or class that state dicts do not need.
    #[error("pickle names {name}, which is not allowed")]
    Global {
        /// `module.name`.
        name: String,
    },
    /// A string that is too long or not UTF-8.
    #[error("pickle string of {got} bytes at byte {at} is longer than {MAX_STRING_BYTES} or not UTF-8")]
    BadString {
        /// Length stated, bytes.
        got: usize,
        /// Where it starts.
        at: usize,
    },
    /// An instruction met other values than it takes.
    #[error("pickle instruction {name} at byte {at}: expected {expected}, got {got}")]
    Operand {
        /// Name of the instruction.
        name: &'static str,
        /// Where it stands.
        at: usize,
        /// What it takes.
        expected: &'static str,
        /// What was there.
        got: String,
    },
    /// A memo index that was never written, or is too large.
    #[error("pickle memo index {index} at byte {at} was not written or is above {MAX_MEMO_INDEX}")]
    Memo {
        /// The index.
        index: usize,
        /// Where it is used.
        at: usize,
    },
    /// A tensor that is not a plain contiguous piece of its storage.
    #[error("tensor {name:?}: {rule}, got {got}")]
    Tensor {
        /// Key in the state dict, empty where not known yet.
        name: String,
        /// What must hold.
        rule: &'static str,
        /// The value.
        got: String,
    },
}
