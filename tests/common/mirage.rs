//! Memory whose user sees other words than there are.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::sync::atomic::Ordering;

use mapring::layout::{Fences, Word};
use mapring::memory::{Memory, ReadMemory};

/// What is shown instead of what is there.
type Show = dyn FnMut(Word, u64) -> u64;

/// The memory `M`, as seen by somebody to whom something else is shown when it loads a word.
pub(crate) struct Mirage<M> {
    memory: M,
    show: Rc<RefCell<Show>>,
}

impl<M: Memory> Mirage<M> {
    /// `show` is given each word that is loaded, and what it holds, and returns what is to be seen.
    pub(crate) fn showing(memory: M, show: impl FnMut(Word, u64) -> u64 + 'static) -> Self {
        let show = Rc::new(RefCell::new(show));
        Self { memory, show }
    }
}

impl<M: fmt::Debug> fmt::Debug for Mirage<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mirage")
            .field("memory", &self.memory)
            .finish_non_exhaustive()
    }
}

impl<M: Memory> ReadMemory for Mirage<M> {
    fn load(&self, at: Word, order: Ordering) -> u64 {
        let found = self.memory.load(at, order);
        (self.show.borrow_mut())(at, found)
    }

    fn read(&self, from: Word, into: &mut [u8]) {
        self.memory.read(from, into);
    }
}

impl<M: Memory> Memory for Mirage<M> {
    fn light_fence(&self, fences: Fences) {
        self.memory.light_fence(fences);
    }

    fn heavy_fence(&self, fences: Fences) {
        self.memory.heavy_fence(fences);
    }

    fn store(&self, at: Word, value: u64, order: Ordering) {
        self.memory.store(at, value, order);
    }

    fn compare_exchange(
        &self,
        at: Word,
        old: u64,
        new: u64,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u64, u64> {
        self.memory.compare_exchange(at, old, new, success, failure)
    }

    fn fetch_add(&self, at: Word, n: u64, order: Ordering) -> u64 {
        self.memory.fetch_add(at, n, order)
    }

    fn write(&self, to: Word, bytes: &[u8]) {
        self.memory.write(to, bytes);
    }
}
