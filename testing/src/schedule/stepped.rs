//! Memory whose user stops before every access, and is watched.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use mapring::layout::{Fences, WORD, Word};
use mapring::memory::{Memory, ReadMemory};

use crate::Bytes;

use super::baton::{Baton, lock};
use super::ledger::{Ledger, Who};

/// The ring's memory, as one participant sees it. Each access waits for the participant's turn;
/// what it changes, and what it
/// sees of others' intents, goes into the ledger. A participant that was killed changes nothing more.
#[derive(Clone, Debug)]
pub(super) struct Stepped {
    memory: Bytes,
    who: Who,
    baton: Arc<Baton>,
    ledger: Arc<Mutex<Ledger>>,
}

impl Stepped {
    pub(super) fn new(
        memory: Bytes,
        who: Who,
        baton: &Arc<Baton>,
        ledger: &Arc<Mutex<Ledger>>,
    ) -> Self {
        Self {
            memory,
            who,
            baton: Arc::clone(baton),
            ledger: Arc::clone(ledger),
        }
    }
}

impl ReadMemory for Stepped {
    fn load(&self, at: Word, order: Ordering) -> u64 {
        self.baton.step();
        let value = self.memory.load(at, order);
        lock(&self.ledger).loaded(self.who, at, value);
        value
    }

    fn read(&self, from: Word, into: &mut [u8]) {
        self.baton.step();
        self.memory.read(from, into);
    }
}

impl Memory for Stepped {
    fn store(&self, at: Word, value: u64, order: Ordering) {
        if self.baton.step() {
            self.memory.store(at, value, order);
            lock(&self.ledger).stored(self.who, at, value);
        }
    }

    fn compare_exchange(
        &self,
        at: Word,
        old: u64,
        new: u64,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u64, u64> {
        if !self.baton.step() {
            return Ok(old);
        }
        let found = self.memory.compare_exchange(at, old, new, success, failure);
        if found.is_ok() {
            lock(&self.ledger).exchanged(self.who, at, old, new);
        }
        found
    }

    fn fetch_add(&self, at: Word, n: u64, order: Ordering) -> u64 {
        if !self.baton.step() {
            return 0;
        }
        lock(&self.ledger).added(self.who, at);
        self.memory.fetch_add(at, n, order)
    }

    fn light_fence(&self, fences: Fences) {
        self.memory.light_fence(fences);
    }

    fn heavy_fence(&self, fences: Fences) {
        self.memory.heavy_fence(fences);
    }

    /// Word by word: a death can come between two, or somebody else's turn.
    fn write(&self, to: Word, bytes: &[u8]) {
        for (i, chunk) in bytes.chunks(WORD).enumerate() {
            let mut word = [0; WORD];
            word[..chunk.len()].copy_from_slice(chunk);
            let word = u64::from_le_bytes(word);
            self.store(to.plus(i * WORD), word, Ordering::Relaxed);
        }
    }
}
