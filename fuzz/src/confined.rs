//! Memory in which one role keeps to its own pages.

use std::sync::atomic::Ordering;

use mapring::Role;
use mapring::layout::{self, Geometry, PAGE, Word};
use mapring::memory::{Memory, ReadMemory};

/// The memory `M` as one role sees it. A store beyond what that role may write panics.
#[derive(Clone, Debug)]
pub(crate) struct Confined<M> {
    memory: M,
    geometry: Geometry,
    role: Role,
}

impl<M: Memory> Confined<M> {
    pub(crate) fn new(memory: M, geometry: Geometry, role: Role) -> Self {
        Self {
            memory,
            geometry,
            role,
        }
    }

    fn check(&self, at: Word) {
        let allowed = match self.role {
            // Its page, its slot, and the records.
            Role::Producer => {
                at == layout::TAIL
                    || at == layout::PRESENCE
                    || at >= self.geometry.data()
                    || at.offset() / PAGE == layout::PRODUCER_SLOTS.offset() / PAGE
            }
            Role::Consumer => at.offset() / PAGE == layout::HEAD.offset() / PAGE,
        };
        assert!(allowed, "the {} stores at {:#x}", self.role, at.offset());
    }
}

impl<M: Memory> ReadMemory for Confined<M> {
    fn load(&self, at: Word, order: Ordering) -> u64 {
        self.memory.load(at, order)
    }

    fn read(&self, from: Word, into: &mut [u8]) {
        self.memory.read(from, into);
    }
}

impl<M: Memory> Memory for Confined<M> {
    fn store(&self, at: Word, value: u64, order: Ordering) {
        self.check(at);
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
        self.check(at);
        self.memory.compare_exchange(at, old, new, success, failure)
    }

    fn fetch_add(&self, at: Word, n: u64, order: Ordering) -> u64 {
        self.check(at);
        self.memory.fetch_add(at, n, order)
    }

    /// A write that starts in the records ends there: nothing stands behind them.
    fn write(&self, to: Word, bytes: &[u8]) {
        self.check(to);
        self.memory.write(to, bytes);
    }
}
