//! Memory that carries out one chosen access more weakly than it was asked to.

use std::collections::BTreeSet;
use std::fmt;
use std::panic::Location;
use std::sync::atomic::Ordering::{self, Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use mapring::layout::{Fences, Word};
use mapring::memory::{Memory, ReadMemory};

/// What an access does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// It loads a word.
    Load,
    /// It stores a word.
    Store,
    /// It replaces a word, or fails to: the ordering is that of success, failure is Relaxed.
    Exchange,
    /// It adds to a word.
    Add,
    /// It is the light one of a pair of fences.
    LightFence,
    /// It is the heavy one of a pair of fences.
    HeavyFence,
}

/// A place in the protocol's sources that asks for an ordering stronger than Relaxed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Site {
    /// The source file, as the compiler names it.
    pub file: &'static str,
    /// Its line.
    pub line: u32,
    /// Its column.
    pub column: u32,
    /// What is done there. With Acquire if it is a load, with Release if it changes a word:
    /// the protocol asks for no other.
    pub operation: Operation,
}

impl Site {
    /// The site's file within the protocol, such as `src/ring/attach.rs`.
    #[must_use]
    pub fn short_file(&self) -> &'static str {
        let start = self.file.find("src/ring/").unwrap_or(0);
        &self.file[start..]
    }

    /// The ordering that the site asks for.
    #[must_use]
    pub fn ordering(&self) -> Ordering {
        match self.operation {
            Operation::Load => Ordering::Acquire,
            Operation::Store | Operation::Exchange | Operation::Add => Ordering::Release,
            Operation::LightFence | Operation::HeavyFence => Ordering::SeqCst,
        }
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (operation, ordering) = (self.operation, self.ordering());
        write!(
            f,
            "{}:{} {operation:?} {ordering:?}",
            self.short_file(),
            self.line
        )
    }
}

/// Which site is weakened, if one is, and which sites were seen. A clone shares what was seen.
#[derive(Clone, Debug, Default)]
pub struct Weakening {
    chosen: Option<Site>,
    seen: Arc<Mutex<BTreeSet<Site>>>,
}

impl Weakening {
    /// Weakens nothing.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Weakens `site` to Relaxed.
    #[must_use]
    pub fn of(site: Site) -> Self {
        Self {
            chosen: Some(site),
            seen: Arc::default(),
        }
    }

    /// The sites at which memory was accessed so far.
    #[must_use]
    pub fn seen(&self) -> BTreeSet<Site> {
        // A model that panicked cannot leave the set half changed.
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.clone()
    }

    /// Whether the fence at `caller` is to be made: the weakened one is left out.
    fn keeps_fence(&self, operation: Operation, caller: &'static Location<'static>) -> bool {
        self.apply(operation, Ordering::SeqCst, caller) != Relaxed
    }

    /// The ordering to carry out for an access at `caller` that asks for `order`.
    fn apply(
        &self,
        operation: Operation,
        order: Ordering,
        caller: &'static Location<'static>,
    ) -> Ordering {
        if order == Relaxed {
            return Relaxed;
        }
        let site = Site {
            file: caller.file(),
            line: caller.line(),
            column: caller.column(),
            operation,
        };
        assert_eq!(order, site.ordering(), "an unforeseen ordering at {site}");
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.insert(site);
        if self.chosen == Some(site) {
            Relaxed
        } else {
            order
        }
    }
}

/// Memory that records the sites of ordered accesses, and weakens those of one of them.
#[derive(Clone, Debug)]
pub struct Weakened<M> {
    memory: M,
    weakening: Weakening,
}

impl<M> Weakened<M> {
    /// `memory`, with accesses weakened as `weakening` says.
    #[must_use]
    pub fn new(memory: M, weakening: Weakening) -> Self {
        Self { memory, weakening }
    }
}

// The site is that of the protocol's call: `track_caller` hands it through.
impl<M: ReadMemory> ReadMemory for Weakened<M> {
    #[track_caller]
    fn load(&self, at: Word, order: Ordering) -> u64 {
        let order = self
            .weakening
            .apply(Operation::Load, order, Location::caller());
        self.memory.load(at, order)
    }

    fn read(&self, from: Word, into: &mut [u8]) {
        self.memory.read(from, into);
    }
}

impl<M: Memory> Memory for Weakened<M> {
    #[track_caller]
    fn store(&self, at: Word, value: u64, order: Ordering) {
        let order = self
            .weakening
            .apply(Operation::Store, order, Location::caller());
        self.memory.store(at, value, order);
    }

    #[track_caller]
    fn compare_exchange(
        &self,
        at: Word,
        old: u64,
        new: u64,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u64, u64> {
        assert_eq!(failure, Relaxed, "an unforeseen ordering of a failure");
        let order = self
            .weakening
            .apply(Operation::Exchange, success, Location::caller());
        self.memory.compare_exchange(at, old, new, order, failure)
    }

    #[track_caller]
    fn fetch_add(&self, at: Word, n: u64, order: Ordering) -> u64 {
        let order = self
            .weakening
            .apply(Operation::Add, order, Location::caller());
        self.memory.fetch_add(at, n, order)
    }

    #[track_caller]
    fn light_fence(&self, fences: Fences) {
        if self
            .weakening
            .keeps_fence(Operation::LightFence, Location::caller())
        {
            self.memory.light_fence(fences);
        }
    }

    #[track_caller]
    fn heavy_fence(&self, fences: Fences) {
        if self
            .weakening
            .keeps_fence(Operation::HeavyFence, Location::caller())
        {
            self.memory.heavy_fence(fences);
        }
    }

    fn write(&self, to: Word, bytes: &[u8]) {
        self.memory.write(to, bytes);
    }
}
