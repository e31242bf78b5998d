//! Memory whose user is killed.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::Ordering;

use mapring::layout::{Fences, WORD, Word};
use mapring::memory::{Memory, ReadMemory};

/// Memory that lets its user change so many words and unwinds it at the next change,
/// out of the closure given to [`until_death`].
///
/// To everybody else that is a kill at this point: nothing of what the user would
/// have done next is done, nor what is done when its claims and batches are dropped.
#[derive(Debug)]
pub struct Dying<M> {
    memory: M,
    /// `None` once it is dead.
    stores_left: Cell<Option<usize>>,
}

/// What the user is unwound with.
struct Death;

/// Runs `life`. Returns `None` if it was ended by a [`Dying`] memory.
pub fn until_death<R>(life: impl FnOnce() -> R) -> Option<R> {
    match catch_unwind(AssertUnwindSafe(life)) {
        Ok(result) => Some(result),
        Err(cause) if cause.is::<Death>() => None,
        Err(cause) => resume_unwind(cause),
    }
}

impl<M> Dying<M> {
    /// `memory`, for a user that lives for `stores` more stores.
    #[must_use]
    pub fn after(stores: usize, memory: M) -> Self {
        Self {
            memory,
            stores_left: Cell::new(Some(stores)),
        }
    }

    /// Whether the user lives to make one more store. It is unwound once; what is dropped on
    /// that way changes nothing.
    fn lives(&self) -> bool {
        match self.stores_left.get() {
            None => false,
            Some(0) => {
                self.stores_left.set(None);
                // Not `panic!`: a death is no error, and prints nothing.
                resume_unwind(Box::new(Death))
            }
            Some(_) => true,
        }
    }

    fn count_store(&self) {
        self.stores_left
            .update(|left| left.map(|stores| stores - 1));
    }
}

impl<M: ReadMemory> ReadMemory for Dying<M> {
    #[track_caller]
    fn load(&self, at: Word, order: Ordering) -> u64 {
        self.memory.load(at, order)
    }

    fn read(&self, from: Word, into: &mut [u8]) {
        self.memory.read(from, into);
    }
}

impl<M: Memory> Memory for Dying<M> {
    #[track_caller]
    fn store(&self, at: Word, value: u64, order: Ordering) {
        if self.lives() {
            self.count_store();
            self.memory.store(at, value, order);
        }
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
        if !self.lives() {
            return Err(!old);
        }
        let found = self.memory.compare_exchange(at, old, new, success, failure);
        if found.is_ok() {
            self.count_store();
        }
        found
    }

    #[track_caller]
    fn fetch_add(&self, at: Word, n: u64, order: Ordering) -> u64 {
        if !self.lives() {
            return 0;
        }
        self.count_store();
        self.memory.fetch_add(at, n, order)
    }

    #[track_caller]
    fn light_fence(&self, fences: Fences) {
        self.memory.light_fence(fences);
    }

    #[track_caller]
    fn heavy_fence(&self, fences: Fences) {
        self.memory.heavy_fence(fences);
    }

    /// Word by word: a copy may be cut short by a kill.
    fn write(&self, to: Word, bytes: &[u8]) {
        for (i, word) in bytes.chunks(WORD).enumerate() {
            if self.lives() {
                self.count_store();
                self.memory.write(to.plus(i * WORD), word);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering::Relaxed;

    use super::*;
    use mapring_testing::Bytes;

    #[test]
    fn a_user_dies_before_the_store_that_is_one_too_many() {
        let memory = Bytes::zeroed(4 * WORD);
        let life = until_death(|| {
            let dying = Dying::after(2, memory.clone());
            dying.store(Word::at(0), 1, Relaxed);
            dying.write(Word::at(WORD), &[2; 2 * WORD]);
        });
        assert_eq!(life, None);
        assert_eq!(memory.snapshot(), [1, 0x0202_0202_0202_0202, 0, 0]);
    }

    #[test]
    fn an_exchange_that_is_made_is_a_store_and_one_that_fails_is_none() {
        let memory = Bytes::zeroed(WORD);
        let life = until_death(|| {
            let dying = Dying::after(1, memory.clone());
            let exchange = |old| dying.compare_exchange(Word::at(0), old, 2, Relaxed, Relaxed);
            assert_eq!(exchange(1), Err(0));
            assert_eq!(exchange(0), Ok(0));
            let _ = exchange(2);
        });
        assert_eq!(life, None);
        assert_eq!(memory.snapshot(), [2]);
    }

    #[test]
    fn an_addition_is_a_store() {
        let memory = Bytes::zeroed(WORD);
        let life = until_death(|| {
            let dying = Dying::after(1, memory.clone());
            assert_eq!(dying.fetch_add(Word::at(0), 3, Relaxed), 0);
            dying.fetch_add(Word::at(0), 3, Relaxed);
        });
        assert_eq!(life, None);
        assert_eq!(memory.snapshot(), [3]);
    }

    #[test]
    fn what_is_done_after_a_death_changes_nothing() {
        let memory = Bytes::zeroed(WORD);
        let dying = Dying::after(0, memory.clone());
        let death = until_death(|| dying.store(Word::at(0), 1, Relaxed));
        assert_eq!(death, None);
        dying.store(Word::at(0), 1, Relaxed);
        dying.fetch_add(Word::at(0), 1, Relaxed);
        let exchanged = dying.compare_exchange(Word::at(0), 0, 1, Relaxed, Relaxed);
        assert!(exchanged.is_err());
        assert_eq!(memory.snapshot(), [0]);
    }

    #[test]
    fn a_user_that_stores_less_lives() {
        let memory = Bytes::zeroed(WORD);
        let life = until_death(|| Dying::after(1, memory.clone()).store(Word::at(0), 1, Relaxed));
        assert_eq!(life, Some(()));
    }

    #[test]
    #[should_panic(expected = "not a death")]
    fn another_panic_goes_on() {
        until_death(|| panic!("not a death"));
    }
}
