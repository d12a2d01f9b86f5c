//! The mapped file as words: the one place that turns a mapping into references.
//!
//! Where: under `writer` and `reader`. Any thread. Every access after this is atomic, word by word, as the other process'
//! accesses are.

use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering, fence};

use memmap2::{MmapOptions, MmapRaw};

use crate::bus::seqlock::Word;

/// A word of the file, little-endian whatever the machine.
#[repr(transparent)]
pub(super) struct FileWord(AtomicU64);

impl Word for FileWord {
    fn load_relaxed(&self) -> u64 {
        u64::from_le(self.0.load(Ordering::Relaxed))
    }

    fn store_relaxed(&self, value: u64) {
        self.0.store(value.to_le(), Ordering::Relaxed);
    }

    fn store_release(&self, value: u64) {
        self.0.store(value.to_le(), Ordering::Release);
    }

    fn fence_acquire() {
        fence(Ordering::Acquire);
    }

    fn fence_release() {
        fence(Ordering::Release);
    }
}

/// A mapped file of whole words.
pub(super) struct WordMap {
    map: MmapRaw,
}

impl WordMap {
    /// Maps the first `bytes` of a file for reading and writing. Nobody may shrink the file: touching what is gone kills the
    /// process (SIGBUS).
    pub(super) fn writable(file: &File, bytes: usize) -> io::Result<Self> {
        Ok(Self { map: MmapOptions::new().len(bytes).map_raw(file)? })
    }

    /// Maps the first `bytes` of a file for reading; its words must not be stored to. The same holds about shrinking.
    pub(super) fn read_only(file: &File, bytes: usize) -> io::Result<Self> {
        Ok(Self { map: MmapOptions::new().len(bytes).map_raw_read_only(file)? })
    }

    /// All words of the mapping.
    fn words(&self) -> &[FileWord] {
        // SAFETY: the mapping is page-aligned, holds at least `len / 8` words, and lives as long as `self`. Any bits are a
        // valid word. Words are accessed atomically only, also by the other processes, and a word of a read-only mapping
        // only by relaxed loads of 8 bytes, which are sound there on 64-bit machines.
        unsafe { std::slice::from_raw_parts(self.map.as_ptr().cast::<FileWord>(), self.map.len() / 8) }
    }

    /// `n_words` words from a byte offset on. The caller has checked that they lie within the mapping.
    pub(super) fn section(&self, offset_bytes: usize, n_words: usize) -> &[FileWord] {
        &self.words()[offset_bytes / 8..][..n_words]
    }

    /// The word at a byte offset within the mapping.
    pub(super) fn word(&self, offset_bytes: usize) -> &FileWord {
        &self.words()[offset_bytes / 8]
    }
}
