//! Memory in plain private words.
#![allow(
    clippy::disallowed_types,
    reason = "this is one of the memories that the protocol can run on"
)]

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering, fence};

use mapring::layout::{Fences, WORD, Word};
use mapring::memory::{Memory, ReadMemory};

/// Words of this process. A clone is the same memory once more, so that a test
/// can look at, and change, what a producer or a consumer works on.
#[derive(Clone)]
pub struct Bytes {
    words: Arc<[AtomicU64]>,
}

impl Bytes {
    /// Zeroed memory of `len` bytes, rounded up to a multiple of eight.
    #[must_use]
    pub fn zeroed(len: usize) -> Self {
        let words = (0..len.div_ceil(WORD)).map(|_| AtomicU64::new(0));
        Self {
            words: words.collect(),
        }
    }

    /// Memory that holds a copy of `bytes`, and zeros up to a multiple of eight.
    #[must_use]
    pub fn copy_of(bytes: &[u8]) -> Self {
        let memory = Self::zeroed(bytes.len());
        memory.write(Word::at(0), bytes);
        memory
    }

    /// Its size in bytes, a multiple of eight.
    #[must_use]
    pub fn len(&self) -> usize {
        self.words.len() * WORD
    }

    /// Whether it has no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// A copy of all words, to be compared with a later one.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u64> {
        let words = self.words.iter();
        words.map(|word| word.load(Ordering::Relaxed)).collect()
    }

    fn word(&self, at: Word) -> &AtomicU64 {
        &self.words[at.offset() / WORD]
    }

    /// The words that `len` bytes from `at` on touch.
    fn words(&self, at: Word, len: usize) -> &[AtomicU64] {
        &self.words[at.offset() / WORD..][..len.div_ceil(WORD)]
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bytes")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

impl ReadMemory for Bytes {
    fn load(&self, at: Word, order: Ordering) -> u64 {
        self.word(at).load(order)
    }

    fn read(&self, from: Word, into: &mut [u8]) {
        let words = self.words(from, into.len());
        for (chunk, word) in into.chunks_mut(WORD).zip(words) {
            let bytes = word.load(Ordering::Relaxed).to_le_bytes();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
    }
}

impl Memory for Bytes {
    fn store(&self, at: Word, value: u64, order: Ordering) {
        self.word(at).store(value, order);
    }

    fn compare_exchange(
        &self,
        at: Word,
        old: u64,
        new: u64,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u64, u64> {
        let word = self.word(at);
        word.compare_exchange(old, new, success, failure)
    }

    fn fetch_add(&self, at: Word, n: u64, order: Ordering) -> u64 {
        self.word(at).fetch_add(n, order)
    }

    fn light_fence(&self, _fences: Fences) {
        fence(Ordering::SeqCst);
    }

    fn heavy_fence(&self, _fences: Fences) {
        fence(Ordering::SeqCst);
    }

    fn write(&self, to: Word, bytes: &[u8]) {
        let words = self.words(to, bytes.len());
        for (chunk, word) in bytes.chunks(WORD).zip(words) {
            let mut value = [0; WORD];
            value[..chunk.len()].copy_from_slice(chunk);
            word.store(u64::from_le_bytes(value), Ordering::Relaxed);
        }
    }
}
