//! A restricted reader for the pickles of PyTorch state dicts: data only, never code.
//!
//! A pickle is a program for a small stack machine that may call any Python function. This reader knows the few
//! instructions that a state dict of plain float tensors is written with, and four names: `collections.OrderedDict`,
//! `torch._utils._rebuild_tensor_v2` and two storage classes. Everything else is refused by name.
//! Instruction meanings: CPython `Lib/pickletools.py`; layout of a state dict: PyTorch `torch/_utils.py`.
//!
//! Memory is linear in the length of the pickle and nothing recurses: every composite value lives in an arena and the
//! stack holds indices, so that neither deep nesting nor a tower of shared tuples costs more than its own bytes.

use super::pickle_opcodes::opcode_name;

/// Longest pickle accepted, bytes. A state dict of a hundred tensors takes about 10 kB.
pub const MAX_PICKLE_BYTES: usize = 1 << 18;
/// Longest string accepted, bytes: names of modules and tensors.
pub const MAX_STRING_BYTES: usize = 1024;
/// Largest memo index accepted.
const MAX_MEMO_INDEX: usize = 1 << 16;
/// Most dimensions of a tensor.
const MAX_DIMENSIONS: usize = 8;
/// The only protocol that `torch.save` writes.
const PROTOCOL: u8 = 2;

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
    Machine { bytes, at: 0, opcode_at: 0, opcode: 0, stack: Vec::new(), marks: Vec::new(), memo: Vec::new(), arena: Arena::default() }.run()
}

/// A value on the stack; composite ones are indices into the [`Arena`], shared as Python shares references.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Item {
    Bool(bool),
    Int(i64),
    Text(usize),
    Tuple(usize),
    Dict(usize),
    Global(Global),
    Storage(usize),
    Tensor(usize),
}

/// The names that a state dict may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Global {
    OrderedDict,
    RebuildTensorV2,
    FloatStorage,
}

impl Global {
    fn from_name(name: &str) -> Option<Self> {
        match name {
            "collections.OrderedDict" => Some(Self::OrderedDict),
            "torch._utils._rebuild_tensor_v2" => Some(Self::RebuildTensorV2),
            "torch.FloatStorage" => Some(Self::FloatStorage),
            _ => None,
        }
    }
}

#[derive(Debug, Clone)]
struct Storage {
    key: usize,
    elements: usize,
}

#[derive(Debug, Clone)]
struct Tensor {
    storage: usize,
    offset: usize,
    shape: Vec<usize>,
}

#[derive(Default)]
struct Arena<'a> {
    texts: Vec<&'a str>,
    tuples: Vec<Vec<Item>>,
    dicts: Vec<Vec<(Item, Item)>>,
    storages: Vec<Storage>,
    tensors: Vec<Tensor>,
}

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    opcode_at: usize,
    opcode: u8,
    stack: Vec<Item>,
    /// Heights of the stack at each open `MARK`.
    marks: Vec<usize>,
    memo: Vec<Option<Item>>,
    arena: Arena<'a>,
}

impl<'a> Machine<'a> {
    fn run(mut self) -> Result<Vec<PickledTensor>, PickleError> {
        loop {
            self.opcode_at = self.at;
            self.opcode = self.byte()?;
            match self.opcode {
                0x80 => match self.byte()? {
                    PROTOCOL => {}
                    other => return Err(PickleError::Protocol(other)),
                },
                b'(' => self.marks.push(self.stack.len()),
                b'K' => {
                    let value = self.byte()?;
                    self.stack.push(Item::Int(i64::from(value)));
                }
                b'M' => {
                    let value = u16::from_le_bytes(self.array()?);
                    self.stack.push(Item::Int(i64::from(value)));
                }
                b'J' => {
                    let value = i32::from_le_bytes(self.array()?);
                    self.stack.push(Item::Int(i64::from(value)));
                }
                0x88 => self.stack.push(Item::Bool(true)),
                0x89 => self.stack.push(Item::Bool(false)),
                b'X' => self.text()?,
                b')' => self.tuple(Vec::new()),
                0x85..=0x87 => {
                    let items = self.pop_n(usize::from(self.opcode - 0x84))?;
                    self.tuple(items);
                }
                b't' => {
                    let items = self.pop_to_mark()?;
                    self.tuple(items);
                }
                b'}' => self.dict(),
                b's' => {
                    let pair = self.pop_n(2)?;
                    self.set_items(&pair)?;
                }
                b'u' => {
                    let pairs = self.pop_to_mark()?;
                    self.set_items(&pairs)?;
                }
                b'q' => {
                    let index = usize::from(self.byte()?);
                    self.memo_put(index)?;
                }
                b'r' => {
                    let index = u32::from_le_bytes(self.array()?) as usize;
                    self.memo_put(index)?;
                }
                b'h' => {
                    let index = usize::from(self.byte()?);
                    self.memo_get(index)?;
                }
                b'j' => {
                    let index = u32::from_le_bytes(self.array()?) as usize;
                    self.memo_get(index)?;
                }
                b'c' => self.global()?,
                b'Q' => self.persistent_id()?,
                b'R' => self.reduce()?,
                b'b' => self.build()?,
                b'.' => return self.stop(),
                code => return Err(PickleError::Opcode { name: opcode_name(code), code, at: self.opcode_at }),
            }
        }
    }

    fn take(&mut self, n: usize) -> Result<&'a [u8], PickleError> {
        let rest = &self.bytes[self.at..];
        let taken = rest.get(..n).ok_or(PickleError::Truncated { at: self.bytes.len(), needed: n - rest.len().min(n) })?;
        self.at += n;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, PickleError> {
        Ok(self.take(1)?[0])
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], PickleError> {
        Ok(self.take(N)?.try_into().expect("take returned N bytes"))
    }

    fn operand(&self, expected: &'static str, got: impl std::fmt::Debug) -> PickleError {
        PickleError::Operand { name: opcode_name(self.opcode), at: self.opcode_at, expected, got: format!("{got:?}") }
    }

    /// The height below which the open `MARK` protects the stack.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn pop(&mut self) -> Result<Item, PickleError> {
        if self.stack.len() <= self.floor() {
            return Err(self.operand("a value on the stack", "none"));
        }
        Ok(self.stack.pop().expect("the stack is higher than its floor"))
    }

    fn pop_n(&mut self, n: usize) -> Result<Vec<Item>, PickleError> {
        let height = self.stack.len();
        if height < self.floor() + n {
            return Err(self.operand("more values on the stack", height - self.floor()));
        }
        Ok(self.stack.split_off(height - n))
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Item>, PickleError> {
        let height = self.marks.pop().ok_or_else(|| self.operand("an open MARK", "none"))?;
        Ok(self.stack.split_off(height))
    }

    fn tuple(&mut self, items: Vec<Item>) {
        self.stack.push(Item::Tuple(self.arena.tuples.len()));
        self.arena.tuples.push(items);
    }

    fn dict(&mut self) {
        self.stack.push(Item::Dict(self.arena.dicts.len()));
        self.arena.dicts.push(Vec::new());
    }

    fn text(&mut self) -> Result<(), PickleError> {
        let n_bytes = u32::from_le_bytes(self.array()?) as usize;
        let at = self.at;
        let bad = PickleError::BadString { got: n_bytes, at };
        if n_bytes > MAX_STRING_BYTES {
            return Err(bad);
        }
        let text = std::str::from_utf8(self.take(n_bytes)?).map_err(|_| bad)?;
        self.stack.push(Item::Text(self.arena.texts.len()));
        self.arena.texts.push(text);
        Ok(())
    }

    /// A line of a `GLOBAL` instruction.
    fn line(&mut self) -> Result<&'a str, PickleError> {
        let at = self.at;
        let rest = &self.bytes[at..];
        let Some(length) = rest.iter().take(MAX_STRING_BYTES + 1).position(|&byte| byte == b'\n') else {
            return Err(if rest.len() > MAX_STRING_BYTES {
                PickleError::BadString { got: rest.len(), at }
            } else {
                PickleError::Truncated { at: self.bytes.len(), needed: 1 }
            });
        };
        let line = self.take(length)?;
        self.take(1)?;
        std::str::from_utf8(line).map_err(|_| PickleError::BadString { got: length, at })
    }

    fn global(&mut self) -> Result<(), PickleError> {
        let name = format!("{}.{}", self.line()?, self.line()?);
        let global = Global::from_name(&name).ok_or(PickleError::Global { name })?;
        self.stack.push(Item::Global(global));
        Ok(())
    }

    fn memo_put(&mut self, index: usize) -> Result<(), PickleError> {
        let height = self.stack.len();
        if height <= self.floor() {
            return Err(self.operand("a value on the stack", "none"));
        }
        if index > MAX_MEMO_INDEX {
            return Err(PickleError::Memo { index, at: self.opcode_at });
        }
        if self.memo.len() <= index {
            self.memo.resize(index + 1, None);
        }
        self.memo[index] = Some(self.stack[height - 1]);
        Ok(())
    }

    fn memo_get(&mut self, index: usize) -> Result<(), PickleError> {
        let item = self.memo.get(index).copied().flatten().ok_or(PickleError::Memo { index, at: self.opcode_at })?;
        self.stack.push(item);
        Ok(())
    }

    fn set_items(&mut self, pairs: &[Item]) -> Result<(), PickleError> {
        if !pairs.len().is_multiple_of(2) {
            return Err(self.operand("pairs of key and value", pairs.len()));
        }
        if self.stack.len() <= self.floor() {
            return Err(self.operand("a dict on the stack", "none"));
        }
        let Some(&Item::Dict(dict)) = self.stack.last() else {
            return Err(self.operand("a dict on the stack", self.stack.last()));
        };
        for pair in pairs.chunks_exact(2) {
            if !matches!(pair[0], Item::Text(_)) {
                return Err(self.operand("a string as key", pair[0]));
            }
            self.arena.dicts[dict].push((pair[0], pair[1]));
        }
        Ok(())
    }

    /// `BINPERSID` with `("storage", class, key, location, elements)`.
    fn persistent_id(&mut self) -> Result<(), PickleError> {
        const EXPECTED: &str = "(\"storage\", torch.FloatStorage, key, location, elements)";
        let item = self.pop()?;
        let Item::Tuple(tuple) = item else {
            return Err(self.operand(EXPECTED, item));
        };
        let [Item::Text(kind), Item::Global(Global::FloatStorage), Item::Text(key), Item::Text(_), Item::Int(elements)] =
            self.arena.tuples[tuple][..]
        else {
            return Err(self.operand(EXPECTED, &self.arena.tuples[tuple]));
        };
        let Ok(elements) = usize::try_from(elements) else {
            return Err(self.operand("a storage size of 0 or more", elements));
        };
        if self.arena.texts[kind] != "storage" {
            return Err(self.operand(EXPECTED, self.arena.texts[kind]));
        }
        self.stack.push(Item::Storage(self.arena.storages.len()));
        self.arena.storages.push(Storage { key, elements });
        Ok(())
    }

    fn reduce(&mut self) -> Result<(), PickleError> {
        let called = self.pop_n(2)?;
        let (Item::Global(global), Item::Tuple(arguments)) = (called[0], called[1]) else {
            return Err(self.operand("a function and a tuple of arguments", called));
        };
        match global {
            Global::OrderedDict if self.arena.tuples[arguments].is_empty() => self.dict(),
            Global::OrderedDict => return Err(self.operand("OrderedDict without arguments", &self.arena.tuples[arguments])),
            Global::RebuildTensorV2 => {
                let tensor = self.rebuild_tensor(arguments)?;
                self.stack.push(Item::Tensor(self.arena.tensors.len()));
                self.arena.tensors.push(tensor);
            }
            Global::FloatStorage => return Err(self.operand("a function", global)),
        }
        Ok(())
    }

    /// Arguments: storage, offset, shape, strides, requires_grad, backward_hooks (an empty dict).
    fn rebuild_tensor(&self, arguments: usize) -> Result<Tensor, PickleError> {
        let arguments = &self.arena.tuples[arguments];
        let [Item::Storage(storage), Item::Int(offset), Item::Tuple(shape), Item::Tuple(strides), Item::Bool(_), Item::Dict(hooks)] =
            arguments[..]
        else {
            return Err(self.operand("(storage, offset, shape, strides, requires_grad, hooks)", arguments));
        };
        if !self.arena.dicts[hooks].is_empty() {
            return Err(self.operand("no backward hooks", self.arena.dicts[hooks].len()));
        }
        let refused = |rule, got: String| PickleError::Tensor { name: String::new(), rule, got };
        let shape = self.sizes(shape)?;
        let strides = self.sizes(strides)?;
        let mut n_elements = 1_usize;
        let mut expected_strides = vec![0; shape.len()];
        for (stride, &length) in expected_strides.iter_mut().zip(&shape).rev() {
            *stride = n_elements;
            n_elements = n_elements.checked_mul(length).ok_or_else(|| refused("a size that can be counted", format!("{shape:?}")))?;
        }
        if n_elements == 0 {
            return Err(refused("no empty dimension", format!("{shape:?}")));
        }
        if strides != expected_strides {
            return Err(refused("contiguous strides", format!("{strides:?}")));
        }
        let elements = self.arena.storages[storage].elements;
        let inside = usize::try_from(offset).ok().filter(|o| o.checked_add(n_elements).is_some_and(|end| end <= elements));
        let offset = inside.ok_or_else(|| refused("a piece of its storage", format!("{n_elements} elements at {offset} of {elements}")))?;
        Ok(Tensor { storage, offset, shape })
    }

    fn sizes(&self, tuple: usize) -> Result<Vec<usize>, PickleError> {
        let items = &self.arena.tuples[tuple];
        if items.len() > MAX_DIMENSIONS {
            return Err(self.operand("at most 8 dimensions", items.len()));
        }
        let size = |item: &Item| match item {
            Item::Int(value) => usize::try_from(*value).ok(),
            _ => None,
        };
        items.iter().map(|item| size(item).ok_or_else(|| self.operand("sizes of 0 or more", item))).collect()
    }

    /// `BUILD` sets attributes. State dicts set one, `_metadata`, which holds version numbers and is dropped.
    fn build(&mut self) -> Result<(), PickleError> {
        let state = self.pop()?;
        let (Item::Dict(state), Some(Item::Dict(_))) = (state, self.stack.last()) else {
            return Err(self.operand("a dict of attributes for a dict", state));
        };
        for &(key, _) in &self.arena.dicts[state] {
            let Item::Text(key) = key else { continue };
            if self.arena.texts[key] != "_metadata" {
                return Err(self.operand("the attribute _metadata alone", self.arena.texts[key]));
            }
        }
        Ok(())
    }

    fn stop(self) -> Result<Vec<PickledTensor>, PickleError> {
        if self.at != self.bytes.len() {
            return Err(PickleError::Trailing(self.bytes.len() - self.at));
        }
        let [Item::Dict(dict)] = self.stack[..] else {
            return Err(self.operand("a dict as the only value", self.stack.first()));
        };
        let arena = &self.arena;
        let mut tensors: Vec<PickledTensor> = Vec::with_capacity(arena.dicts[dict].len());
        for &(key, value) in &arena.dicts[dict] {
            let Item::Text(key) = key else { continue };
            let name = arena.texts[key].to_owned();
            let Item::Tensor(tensor) = value else {
                return Err(PickleError::Tensor { name, rule: "a tensor", got: format!("{value:?}") });
            };
            let Tensor { storage, offset, ref shape } = arena.tensors[tensor];
            let Storage { key, elements } = arena.storages[storage];
            let storage = arena.texts[key].to_owned();
            tensors.push(PickledTensor { name, storage, storage_elements: elements, offset, shape: shape.clone() });
        }
        tensors.sort_by(|a, b| a.name.cmp(&b.name));
        if let Some(pair) = tensors.windows(2).find(|pair| pair[0].name == pair[1].name) {
            return Err(PickleError::Tensor { name: pair[0].name.clone(), rule: "one value per name", got: "two".to_owned() });
        }
        Ok(tensors)
    }
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
