//! Memory that somebody else changes all the time.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::sync::atomic::Ordering;

use mapring::layout::{Fences, WORD, Word};
use mapring::memory::{Memory, ReadMemory};

/// The memory `M` shared with a hostile peer, who gets a turn after every access to a word.
/// A clone is the same memory with the same peer.
pub struct Hostile<M, P> {
    memory: M,
    peer: Rc<RefCell<P>>,
}

impl<M: Memory, P: FnMut(&M)> Hostile<M, P> {
    /// `memory`, in which `peer` does what it likes after every access.
    #[must_use]
    pub fn new(memory: M, peer: P) -> Self {
        Self {
            memory,
            peer: Rc::new(RefCell::new(peer)),
        }
    }

    fn peers_turn(&self) {
        (self.peer.borrow_mut())(&self.memory);
    }
}

impl<M: Clone, P> Clone for Hostile<M, P> {
    fn clone(&self) -> Self {
        Self {
            memory: self.memory.clone(),
            peer: Rc::clone(&self.peer),
        }
    }
}

impl<M: fmt::Debug, P> fmt::Debug for Hostile<M, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hostile")
            .field("memory", &self.memory)
            .finish_non_exhaustive()
    }
}

impl<M: Memory, P: FnMut(&M)> ReadMemory for Hostile<M, P> {
    fn load(&self, at: Word, order: Ordering) -> u64 {
        let value = self.memory.load(at, order);
        self.peers_turn();
        value
    }

    fn read(&self, from: Word, into: &mut [u8]) {
        for (i, chunk) in into.chunks_mut(WORD).enumerate() {
            self.memory.read(from.plus(i * WORD), chunk);
            self.peers_turn();
        }
    }
}

impl<M: Memory, P: FnMut(&M)> Memory for Hostile<M, P> {
    fn store(&self, at: Word, value: u64, order: Ordering) {
        self.memory.store(at, value, order);
        self.peers_turn();
    }

    fn compare_exchange(
        &self,
        at: Word,
        old: u64,
        new: u64,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u64, u64> {
        let found = self.memory.compare_exchange(at, old, new, success, failure);
        self.peers_turn();
        found
    }

    fn fetch_add(&self, at: Word, n: u64, order: Ordering) -> u64 {
        let found = self.memory.fetch_add(at, n, order);
        self.peers_turn();
        found
    }

    fn light_fence(&self, fences: Fences) {
        self.memory.light_fence(fences);
    }

    fn heavy_fence(&self, fences: Fences) {
        self.memory.heavy_fence(fences);
    }

    fn write(&self, to: Word, bytes: &[u8]) {
        for (i, chunk) in bytes.chunks(WORD).enumerate() {
            self.memory.write(to.plus(i * WORD), chunk);
            self.peers_turn();
        }
    }
}
