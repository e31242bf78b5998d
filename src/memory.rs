//! Floor 1: what the protocol may ask of the memory that a ring lives in.
//!
//! The protocol never touches memory itself. The same functions therefore run
//! over mapped pages, over loom's atomics and over plain bytes under a fuzzer.
//! An implementation never *chooses* an ordering: it carries out the one asked for.

use core::fmt::Debug;
use core::sync::atomic::Ordering;

use crate::layout::{Fences, Word};

/// Memory that can be looked at.
pub trait ReadMemory {
    /// Loads the word `at`, atomically, with `order`.
    ///
    /// # Panics
    /// When `at` is out of range: the protocol has a bug, for it checks what peers wrote.
    fn load(&self, at: Word, order: Ordering) -> u64;

    /// Copies bytes from the word `from` on. Whole words are read, so the range
    /// rounded up to a multiple of eight must be in range. A peer that writes
    /// there at the same time makes the bytes arbitrary, nothing worse.
    ///
    /// # Panics
    /// When the range is out of range: the protocol has a bug.
    fn read(&self, from: Word, into: &mut [u8]);
}

/// Memory that can be changed as well.
pub trait Memory: ReadMemory + Debug {
    /// Stores `value` into the word `at`, atomically, with `order`.
    ///
    /// # Panics
    /// When `at` is out of range: the protocol has a bug.
    fn store(&self, at: Word, value: u64, order: Ordering);

    /// Replaces the word `at` by `new` if it is `old`, in one step: with `success` if so, else
    /// the word found is loaded with `failure`. Returns the word found, `Ok` if it was replaced.
    ///
    /// # Errors
    /// The word found, when it is not `old`.
    ///
    /// # Panics
    /// When `at` is out of range: the protocol has a bug.
    fn compare_exchange(
        &self,
        at: Word,
        old: u64,
        new: u64,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u64, u64>;

    /// Adds `n` to the word `at`, wrapping around, in one step with `order`. Returns the word before.
    ///
    /// # Panics
    /// When `at` is out of range: the protocol has a bug.
    fn fetch_add(&self, at: Word, n: u64, order: Ordering) -> u64;

    /// The frequent side of a pair of fences: between a store before it and a load behind it.
    ///
    /// One of the two threads that fence so sees what the other stored, if one of the fences is
    /// this and the other a [`Memory::heavy_fence`] of the same kind; not, if both are this.
    fn light_fence(&self, fences: Fences);

    /// The rare side of a pair of fences. May take microseconds.
    fn heavy_fence(&self, fences: Fences);

    /// Copies `bytes` to the word `to` and on. Whole words are written: the rest
    /// of the last one becomes zero.
    ///
    /// # Panics
    /// When the range, rounded up to a multiple of eight, is out of range: the protocol has a bug.
    fn write(&self, to: Word, bytes: &[u8]);

    /// Says that the cache line `ahead` bytes past the word `at` will soon be written, if there is
    /// one. Only a hint.
    #[inline]
    fn prefetch_write(&self, _at: Word, _ahead: usize) {}

    /// Says that the cache line `ahead` bytes past the word `at` will soon be read, if there is
    /// one. Only a hint.
    #[inline]
    fn prefetch_read(&self, _at: Word, _ahead: usize) {}
}
