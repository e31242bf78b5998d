//! The kernel's part: who holds which producer slot, and so who has died.

use std::sync::{Arc, Mutex};

use mapring::ring::Liveness;

use super::baton::{Baton, lock};

/// Which producer slots are locked; death frees a lock like leaving does.
#[derive(Clone, Debug)]
pub(super) struct Locks {
    held: Arc<Mutex<Vec<bool>>>,
}

impl Locks {
    pub(super) fn new(slots: usize) -> Self {
        Self {
            held: Arc::new(Mutex::new(vec![false; slots])),
        }
    }

    /// Takes the lock of a slot; `None` when somebody has it.
    pub(super) fn take(&self, index: usize) -> Option<Held> {
        let mut held = lock(&self.held);
        if held[index] {
            return None;
        }
        held[index] = true;
        Some(Held {
            locks: self.clone(),
            index,
        })
    }
}

/// The lock of a slot, until it is dropped: also by a participant that is killed.
#[derive(Debug)]
pub(super) struct Held {
    locks: Locks,
    index: usize,
}

impl Drop for Held {
    fn drop(&mut self) {
        lock(&self.locks.held)[self.index] = false;
    }
}

/// A consumer's question who has died. It keeps the dead ones' locks until it is dropped.
#[derive(Debug)]
pub(super) struct Kernel<'a> {
    locks: &'a Locks,
    baton: &'a Baton,
    taken: Vec<Held>,
    refused: Vec<usize>,
}

impl<'a> Kernel<'a> {
    pub(super) fn new(locks: &'a Locks, baton: &'a Baton) -> Self {
        Self {
            locks,
            baton,
            taken: Vec::new(),
            refused: Vec::new(),
        }
    }

    /// Whether it was asked about this slot when somebody held it.
    pub(super) fn has_refused(&self, index: usize) -> bool {
        self.refused.contains(&index)
    }
}

impl Liveness for Kernel<'_> {
    fn take(&mut self, index: usize) -> bool {
        // Time passes before each of these calls too.
        self.baton.step();
        match self.locks.take(index) {
            Some(held) => {
                self.taken.push(held);
                true
            }
            None => {
                self.refused.push(index);
                false
            }
        }
    }
}
