//! Memory whose words are loom's.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering::{self, Relaxed};

use loom::cell::UnsafeCell;
use loom::sync::atomic::AtomicU64;
use mapring::layout::{Fences, WORD, Word};
use mapring::memory::{Memory, ReadMemory};

/// Memory in which loom explores every order of accesses and every stale value
/// that the orderings allow. A clone is the same memory.
///
/// A word of the data area exists twice. The atomic is what `load` sees, so that a stale
/// payload that is taken for a header is found. The plain cell is what `read` sees,
/// and loom panics when a plain access is not ordered after the one before: so a
/// payload that is read too early, or overwritten too early, is found even where
/// the bytes happen to be right. `write` and `store` change both.
///
/// A plain cell is never read but through `read`. So a header word, which peers
/// load while it is stored, is no race.
#[derive(Clone)]
pub struct LoomMemory {
    // Not loom's `Arc`: a model that panics would be reported as a leak instead.
    words: Arc<BTreeMap<usize, LoomWord>>,
}

struct LoomWord {
    atomic: AtomicU64,
    /// Only in words that can be part of a payload.
    plain: Option<Plain>,
}

struct Plain(UnsafeCell<u64>);

// SAFETY: loom runs the threads of a model one at a time on one thread of the system, and
// `get` and `set`, the only accesses, do not let a reference out.
unsafe impl Sync for Plain {}

impl Plain {
    fn get(&self) -> u64 {
        self.0.with(|value| {
            // SAFETY: the pointer is to the cell's own value, and loom has just checked
            // that no write is under way.
            unsafe { *value }
        })
    }

    fn set(&self, new: u64) {
        self.0.with_mut(|value| {
            // SAFETY: the pointer is to the cell's own value, and loom has just checked
            // that no other access is under way.
            unsafe { *value = new }
        });
    }
}

impl LoomMemory {
    /// Zeroed memory of the `control` words and of the `data` bytes, which can hold
    /// payload. Nothing else exists: every word costs loom time.
    ///
    /// All of it is made here, by one thread, for loom takes the making of a word for
    /// a write that everybody else must come after.
    ///
    /// # Panics
    /// Outside a loom model.
    #[must_use]
    pub fn zeroed(control: impl IntoIterator<Item = Word>, data: Range<usize>) -> Self {
        let control = control.into_iter().map(|word| (word.offset(), false));
        let data = data.step_by(WORD).map(|offset| (offset, true));
        let words = control.chain(data).map(|(offset, is_data)| {
            let word = LoomWord {
                atomic: AtomicU64::new(0),
                plain: is_data.then(|| Plain(UnsafeCell::new(0))),
            };
            (offset, word)
        });
        Self {
            words: Arc::new(words.collect()),
        }
    }

    fn word(&self, offset: usize) -> &LoomWord {
        match self.words.get(&offset) {
            Some(word) => word,
            None => panic!("no word at offset {offset:#x} of this model"),
        }
    }

    /// The words of `len` bytes from `from` on, all of which must exist.
    fn range(&self, from: Word, len: usize) -> impl Iterator<Item = &LoomWord> {
        let words: Vec<_> = (0..len)
            .step_by(WORD)
            .map(|done| self.word(from.offset() + done))
            .collect();
        words.into_iter()
    }
}

impl LoomWord {
    fn plain(&self) -> &Plain {
        match &self.plain {
            Some(plain) => plain,
            None => panic!("a plain access to a word outside the data area"),
        }
    }
}

impl ReadMemory for LoomMemory {
    fn load(&self, at: Word, order: Ordering) -> u64 {
        self.word(at.offset()).atomic.load(order)
    }

    fn read(&self, from: Word, into: &mut [u8]) {
        let words = self.range(from, into.len());
        for (chunk, word) in into.chunks_mut(WORD).zip(words) {
            let bytes = word.plain().get().to_le_bytes();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
    }
}

impl Memory for LoomMemory {
    fn store(&self, at: Word, value: u64, order: Ordering) {
        let word = self.word(at.offset());
        // A zero stored over a payload that is still being read is a race as well.
        if let Some(plain) = &word.plain {
            plain.set(value);
        }
        word.atomic.store(value, order);
    }

    fn compare_exchange(
        &self,
        at: Word,
        old: u64,
        new: u64,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u64, u64> {
        let word = self.word(at.offset());
        assert!(word.plain.is_none(), "an exchange in the data area");
        word.atomic.compare_exchange(old, new, success, failure)
    }

    fn fetch_add(&self, at: Word, n: u64, order: Ordering) -> u64 {
        let word = self.word(at.offset());
        assert!(word.plain.is_none(), "an addition in the data area");
        word.atomic.fetch_add(n, order)
    }

    fn light_fence(&self, _fences: Fences) {
        loom::sync::atomic::fence(Ordering::SeqCst);
    }

    fn heavy_fence(&self, _fences: Fences) {
        loom::sync::atomic::fence(Ordering::SeqCst);
    }

    fn write(&self, to: Word, bytes: &[u8]) {
        let words = self.range(to, bytes.len());
        for (chunk, word) in bytes.chunks(WORD).zip(words) {
            let mut value = [0; WORD];
            value[..chunk.len()].copy_from_slice(chunk);
            let value = u64::from_le_bytes(value);
            word.plain().set(value);
            word.atomic.store(value, Relaxed);
        }
    }
}

impl fmt::Debug for LoomMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoomMemory")
            .field("words", &self.words.len())
            .finish_non_exhaustive()
    }
}
