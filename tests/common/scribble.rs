//! The words of the gates, in the hands of a hostile peer.

#![allow(
    clippy::disallowed_types,
    reason = "a hostile peer does not go through `memory::Memory`"
)]

use std::fs::File;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::thread;

use mapring::layout::{
    DATA_ANSWERED, DATA_PARKED, SPACE_ANSWERED, SPACE_PARKED, SPACE_WANTED, Word,
};
use memmap2::MmapRaw;
use rustix::thread::futex::{self, Flags};

/// What a hostile peer may write.
pub(crate) const WORDS: [Word; 5] = [
    DATA_PARKED,
    DATA_ANSWERED,
    SPACE_PARKED,
    SPACE_ANSWERED,
    SPACE_WANTED,
];

/// What it has mapped: a region's file.
pub(crate) struct Mapping(MmapRaw);

impl Mapping {
    pub(crate) fn of(file: &File) -> Self {
        Self(MmapRaw::map_raw(file).expect("a mapping"))
    }

    fn word(&self, word: Word) -> &AtomicU64 {
        assert!(WORDS.contains(&word));
        let address = self.0.as_mut_ptr().wrapping_add(word.offset());
        // SAFETY: the words of the gates lie within the first three pages, which every region has,
        // aligned; the mapping lives as long as `self`, and all access is atomic.
        unsafe { AtomicU64::from_ptr(address.cast()) }
    }

    /// Overwrites one of [`WORDS`].
    pub(crate) fn store(&self, word: Word, value: u64) {
        self.word(word).store(value, Ordering::Relaxed);
    }

    /// Wakes everybody who sleeps at one of [`WORDS`].
    pub(crate) fn wake(&self, word: Word) {
        let address = self.word(word).as_ptr().cast::<u32>();
        // SAFETY: the low half of a word that lives as long as `self`; only the kernel uses it.
        let half = unsafe { AtomicU32::from_ptr(address) };
        futex::wake(half, Flags::empty(), i32::MAX as u32).expect("a wake");
    }

    /// Overwrites all of them, one behind the other, while somebody does `work`.
    pub(crate) fn scribble<T>(
        &self,
        mut value: impl FnMut() -> u64 + Send,
        work: impl FnOnce() -> T,
    ) -> T {
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    for word in WORDS {
                        self.store(word, value());
                    }
                    // The machine may have fewer cores than a test has threads.
                    thread::yield_now();
                }
            });
            // Also when the work fails, so that the scope can end.
            let _over = SetWhenDropped(&is_over);
            work()
        })
    }
}

/// Sets a flag when it is dropped.
struct SetWhenDropped<'a>(&'a AtomicBool);

impl Drop for SetWhenDropped<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
