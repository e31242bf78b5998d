//! What only the consumer of many producers does: it goes past claims that hold no record, and
//! zeroes what it releases.

use core::sync::atomic::Ordering::{Relaxed, Release};
use core::sync::atomic::compiler_fence;

use crate::error::Corrupt;
use crate::layout;
use crate::memory::Memory;
use crate::ring::consumer::{Consumer, Found, MOST_PADDINGS, are_claimed, poll};
use crate::ring::recover::{self, Gap, Liveness};
use crate::ring::{Position, Protocol, RecordHeader};

impl<M: Memory, P: Protocol> Consumer<M, P> {
    /// As [`Consumer::peek`], behind a claim that was given up.
    #[cold]
    #[inline(never)]
    pub(in crate::ring) fn peek_behind(
        &mut self,
        size: usize,
    ) -> Result<Option<RecordHeader>, Corrupt> {
        let mut size = size;
        for _ in 0..MOST_PADDINGS {
            self.skip(size);
            match poll::<P>(&self.memory, &self.geometry, self.head) {
                Ok(Found::Record(header)) => return Ok(Some(header)),
                Ok(Found::Nothing) => return Ok(None),
                Ok(Found::Padding(next)) => size = next,
                Err(corrupt) => return Err(self.poison(corrupt)),
            }
        }
        Ok(None)
    }

    /// Goes past bytes that are not a record, and releases them unless records before are still to
    /// be.
    fn skip(&mut self, size: usize) {
        let release = self.released == self.head;
        self.go_to(self.head.plus(size), 0);
        if release {
            self.release();
        }
    }

    /// Finds out why there is no record, when there seems to be none: if it is because of what a dead
    /// producer has claimed, goes past that. For rings of many producers; in one of a single
    /// producer there is no such thing.
    ///
    /// # Errors
    /// [`Corrupt`], now or before.
    pub fn recover(&mut self, liveness: &mut impl Liveness) -> Result<Gap, Corrupt> {
        if let Some(corrupt) = self.corrupt {
            return Err(corrupt);
        }
        if !are_claimed::<P>() {
            return Ok(Gap::None);
        }
        match recover::find(&self.memory, &self.geometry, self.head, liveness) {
            Ok(Gap::Dead(repair)) => {
                self.counters.add_repair();
                self.skip(repair.size);
                self.show_counters();
                Ok(Gap::Dead(repair))
            }
            Ok(gap) => Ok(gap),
            Err(corrupt) => Err(self.poison(corrupt)),
        }
    }

    /// Goes on with a release that the consumer before may have died in (M6).
    pub(in crate::ring) fn finish_release(&mut self, tail: Position) -> Result<(), Corrupt> {
        let until = Position(self.memory.load(layout::RELEASE_TO, Relaxed));
        let claimed = tail.distance_from(self.head);
        let is_claimed = claimed < self.geometry.capacity() as u64;
        let is_within = until.distance_from(self.head) <= claimed;
        if !is_claimed || !is_within || !until.is_aligned(&self.geometry) {
            return Err(Corrupt::Cursor {
                cursor: "release_to",
                position: until.0,
                from: self.head.0,
                to: tail.0,
            });
        }
        self.head = until;
        self.shown = until;
        self.release();
        Ok(())
    }

    /// Zeroes every word where a header may stand in what is about to be released (M1).
    #[inline]
    pub(in crate::ring) fn clear(&self) {
        // M6: a successor finishes what is begun here. A kill must find this store done before the
        // first of the others; to the processor it is an interrupt, so only the compiler must be
        // told.
        self.memory.store(layout::RELEASE_TO, self.head.0, Relaxed);
        compiler_fence(Release);
        let (mut at, align) = (self.released, self.geometry.record_align());
        while at != self.head {
            self.memory.store(at.word(&self.geometry), 0, Relaxed);
            at = at.plus(align);
        }
    }
}
