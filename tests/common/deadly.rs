//! Memory whose user is interrupted, or killed, between two changes.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::sync::atomic::Ordering;

use mapring::layout::{Fences, WORD, Word};
use mapring::memory::{Memory, ReadMemory};
use rustix::process::{Signal, getpid, kill_process};

/// The memory `M`, as seen by somebody who is interrupted before each change of a word: a store, an
/// exchange (also one that finds another word), an addition, a word of a copy.
pub(crate) struct Deadly<M> {
    memory: M,
    before: Rc<RefCell<dyn FnMut(Word)>>,
}

impl<M: Memory> Deadly<M> {
    /// Calls `before` with each word that is about to be changed.
    pub(crate) fn calling(memory: M, before: impl FnMut(Word) + 'static) -> Self {
        Self {
            memory,
            before: Rc::new(RefCell::new(before)),
        }
    }

    /// Lets this process die after so many changes, just before the next.
    pub(crate) fn dying_after(memory: M, changes: usize) -> Self {
        let mut left = changes;
        Self::calling(memory, move |_| {
            if left == 0 {
                die();
            }
            left -= 1;
        })
    }

    /// Adds each word that is changed to `words`.
    pub(crate) fn noting(memory: M, words: &Rc<RefCell<Vec<Word>>>) -> Self {
        let words = Rc::clone(words);
        Self::calling(memory, move |word| words.borrow_mut().push(word))
    }

    fn before(&self, word: Word) {
        (self.before.borrow_mut())(word);
    }
}

/// Kills this process.
pub(crate) fn die() -> ! {
    kill_process(getpid(), Signal::KILL).expect("a process may kill itself");
    unreachable!(
        "a signal to the own process, which cannot be held back, has come before the call returns"
    );
}

impl<M: fmt::Debug> fmt::Debug for Deadly<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deadly")
            .field("memory", &self.memory)
            .finish_non_exhaustive()
    }
}

impl<M: Memory> ReadMemory for Deadly<M> {
    fn load(&self, at: Word, order: Ordering) -> u64 {
        self.memory.load(at, order)
    }

    fn read(&self, from: Word, into: &mut [u8]) {
        self.memory.read(from, into);
    }
}

impl<M: Memory> Memory for Deadly<M> {
    fn light_fence(&self, fences: Fences) {
        self.memory.light_fence(fences);
    }

    fn heavy_fence(&self, fences: Fences) {
        self.memory.heavy_fence(fences);
    }

    fn store(&self, at: Word, value: u64, order: Ordering) {
        self.before(at);
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
        self.before(at);
        self.memory.compare_exchange(at, old, new, success, failure)
    }

    fn fetch_add(&self, at: Word, n: u64, order: Ordering) -> u64 {
        self.before(at);
        self.memory.fetch_add(at, n, order)
    }

    fn write(&self, to: Word, bytes: &[u8]) {
        for (i, chunk) in bytes.chunks(WORD).enumerate() {
            let at = to.plus(i * WORD);
            self.before(at);
            self.memory.write(at, chunk);
        }
    }
}
