//! Memory whose user can be killed at any store.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::Ordering;

use mapring::layout::{Fences, WORD, Word};
use mapring::memory::{Memory, ReadMemory};

/// The memory `M`, as somebody sees it who will be killed after a chosen number of
/// stores: the later ones do not happen. A clone has the same fate.
///
/// The protocol stores in program order on a machine with total store order, so
/// what the memory holds then is what a real death leaves behind there.
#[derive(Clone, Debug)]
pub struct Mortal<M> {
    memory: M,
    /// Words that can still be stored; `None` is any number.
    left: Rc<Cell<Option<usize>>>,
}

impl<M: Memory> Mortal<M> {
    /// `memory`, without a death in sight.
    #[must_use]
    pub fn new(memory: M) -> Self {
        Self {
            memory,
            left: Rc::new(Cell::new(None)),
        }
    }

    /// From now on only `stores` words are stored.
    pub fn die_after(&self, stores: usize) {
        self.left.set(Some(stores));
    }

    /// Whether one more store happens.
    fn lives_on(&self) -> bool {
        let left = self.left.get();
        if let Some(stores) = left {
            self.left.set(Some(stores.saturating_sub(1)));
        }
        left != Some(0)
    }

    /// Whether no store happens any more.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.left.get() == Some(0)
    }
}

impl<M: Memory> ReadMemory for Mortal<M> {
    fn load(&self, at: Word, order: Ordering) -> u64 {
        self.memory.load(at, order)
    }

    fn read(&self, from: Word, into: &mut [u8]) {
        self.memory.read(from, into);
    }
}

impl<M: Memory> Memory for Mortal<M> {
    fn store(&self, at: Word, value: u64, order: Ordering) {
        if self.lives_on() {
            self.memory.store(at, value, order);
        }
    }

    /// To a dead one it looks as if it had succeeded, so that it comes to an end.
    fn compare_exchange(
        &self,
        at: Word,
        old: u64,
        new: u64,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u64, u64> {
        if self.memory.load(at, Ordering::Relaxed) != old || self.lives_on() {
            self.memory.compare_exchange(at, old, new, success, failure)
        } else {
            Ok(old)
        }
    }

    fn fetch_add(&self, at: Word, n: u64, order: Ordering) -> u64 {
        if self.lives_on() {
            self.memory.fetch_add(at, n, order)
        } else {
            self.memory.load(at, order)
        }
    }

    fn light_fence(&self, fences: Fences) {
        self.memory.light_fence(fences);
    }

    fn heavy_fence(&self, fences: Fences) {
        self.memory.heavy_fence(fences);
    }

    /// Word by word: a death can come between two.
    fn write(&self, to: Word, bytes: &[u8]) {
        for (i, chunk) in bytes.chunks(WORD).enumerate() {
            let mut word = [0; WORD];
            word[..chunk.len()].copy_from_slice(chunk);
            self.store(
                to.plus(i * WORD),
                u64::from_le_bytes(word),
                Ordering::Relaxed,
            );
        }
    }
}
