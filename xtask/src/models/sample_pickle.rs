//! Writes small state-dict pickles: samples for the tests and seeds for the fuzzer.

/// Builds a pickle instruction by instruction.
pub struct PickleWriter {
    /// The pickle so far.
    pub bytes: Vec<u8>,
}

impl Default for PickleWriter {
    fn default() -> Self {
        Self::new()
    }
}

impl PickleWriter {
    /// A pickle of protocol 2 without content.
    pub fn new() -> Self {
        Self { bytes: vec![0x80, 2] }
    }

    /// Any instructions.
    pub fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes.extend(bytes);
        self
    }

    /// A function or class.
    pub fn global(&mut self, module: &str, name: &str) -> &mut Self {
        self.raw(format!("c{module}\n{name}\n").as_bytes())
    }

    /// A string.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.raw(b"X").raw(&(text.len() as u32).to_le_bytes()).raw(text.as_bytes())
    }

    /// A whole number.
    pub fn int(&mut self, value: i32) -> &mut Self {
        self.raw(b"J").raw(&value.to_le_bytes())
    }

    /// A tuple of whole numbers.
    pub fn ints(&mut self, values: &[i32]) -> &mut Self {
        self.raw(b"(");
        for &value in values {
            self.int(value);
        }
        self.raw(b"t")
    }

    /// An empty `OrderedDict` and the mark behind which its items follow.
    pub fn begin_dict(&mut self) -> &mut Self {
        self.global("collections", "OrderedDict").raw(b")R(")
    }

    /// Puts the items into the dict.
    pub fn end_items(&mut self) -> &mut Self {
        self.raw(b"u")
    }

    /// Puts the items into the dict and ends the pickle.
    pub fn end_dict(&mut self) -> &mut Self {
        self.end_items().raw(b".")
    }

    /// A name and its tensor.
    pub fn tensor(&mut self, name: &str, storage: &str, elements: i32, offset: i32, shape: &[i32], strides: &[i32]) -> &mut Self {
        self.text(name).global("torch._utils", "_rebuild_tensor_v2").raw(b"((").text("storage").global("torch", "FloatStorage");
        self.text(storage).text("cpu").int(elements).raw(b"tQ").int(offset).ints(shape).ints(strides).raw(&[0x89]);
        self.global("collections", "OrderedDict").raw(b")RtR")
    }
}

/// A state dict of contiguous tensors: name, storage, elements of the storage, offset, shape.
pub fn state_dict(tensors: &[(&str, &str, i32, i32, &[i32])]) -> Vec<u8> {
    let mut writer = PickleWriter::new();
    writer.begin_dict();
    for &(name, storage, elements, offset, shape) in tensors {
        let strides: Vec<i32> = (0..shape.len()).map(|i| shape[i + 1..].iter().fold(1, |a: i32, &b| a.wrapping_mul(b))).collect();
        writer.tensor(name, storage, elements, offset, shape, &strides);
    }
    writer.end_dict();
    writer.bytes
}
