//! The stack machine: as many of its instructions as a state dict is written with.

use super::opcodes::opcode_name;
use super::{MAX_MEMO_INDEX, MAX_STRING_BYTES, PROTOCOL, PickleError, PickledTensor};

/// Most dimensions of a tensor.
const MAX_DIMENSIONS: usize = 8;

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

/// The stack machine at one place of a pickle.
pub(super) struct Machine<'a> {
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
    /// A machine before the first instruction.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, opcode_at: 0, opcode: 0, stack: Vec::new(), marks: Vec::new(), memo: Vec::new(), arena: Arena::default() }
    }

    /// Runs to the end; returns the tensors in file order.
    pub(super) fn run(mut self) -> Result<Vec<PickledTensor>, PickleError> {
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
