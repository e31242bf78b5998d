//! The producer: claim by compare-and-swap on the shared tail, write, publish.

use core::sync::atomic::Ordering::{Relaxed, Release};
use core::sync::atomic::compiler_fence;

use crate::error::{Corrupt, TrySendError};
use crate::layout::{self, Geometry, HEADER_SIZE, Word};
use crate::memory::Memory;
use crate::ring::participant::Counters;
use crate::ring::protocol::{Extent, Produce};
use crate::ring::recover::{self, NO_POSITION};
use crate::ring::{Batch, Position, RecordHeader};

use super::room::Room;

/// How far past the tail cache lines are fetched for writing. Claiming waits until all stores
/// before are done, so the lines must be there by then. Measured in `docs/decisions.md`.
const PREFETCH_AHEAD: usize = 1024;
/// At most so much is fetched at once; of a longer record the processor sees by itself what it needs.
const PREFETCH_MOST: usize = 256;
/// A claim that others spoil so often in a row finds no room: a call's work is bounded.
const MOST_ATTEMPTS: u32 = 1 << 16;
/// Bytes of a cache line.
const LINE: usize = 64;
/// Shows its counters once in so many records.
const SHOW_EVERY: u64 = 256;

/// One of the sending sides of a ring.
#[derive(Debug)]
pub struct Producer<M> {
    memory: M,
    geometry: Geometry,
    /// Which slot is its own.
    index: usize,
    /// Its slot's words for a claim.
    own: ClaimWords,
    room: Room,
    /// The end of what it sent last.
    last: Position,
    /// What is set aside and neither published nor aborted; still there in a later call if the
    /// claim was leaked.
    open: Option<Extent>,
    counters: Counters,
    /// Records since the counters were last shown.
    unshown: u64,
}

/// Where a producer says what it claims.
#[derive(Clone, Copy, Debug)]
struct ClaimWords {
    size: Word,
    intent: Word,
    claimed: Word,
}

impl<M: Memory> Producer<M> {
    /// Takes slot `index` over. The caller holds that slot's lock. `None` while what its dead
    /// holder may have claimed is unresolved: only the consumer can say, with the slot as it is.
    ///
    /// # Errors
    /// [`Corrupt`] when the cursors cannot be.
    pub fn attach(memory: M, geometry: Geometry, index: usize) -> Result<Option<Self>, Corrupt> {
        let slot = geometry.producer_slot(index);
        let own = ClaimWords {
            size: slot.plus(layout::SLOT_CLAIM_SIZE),
            intent: slot.plus(layout::SLOT_INTENT),
            claimed: slot.plus(layout::SLOT_CLAIMED),
        };
        let mut room = Room::unknown(&memory, &geometry);
        let tail = room.look(&memory, &geometry)?;
        if !recover::is_resolved(&memory, &geometry, index, room.head(), tail) {
            return Ok(None);
        }
        let counters = Counters::load(&memory, slot);
        let producer = Self {
            memory,
            geometry,
            index,
            own,
            room,
            last: tail,
            open: None,
            counters,
            unshown: 0,
        };
        producer.clear_intent();
        Ok(Some(producer))
    }

    /// Starts a batch: records that become visible all at once, or not at all. Sets `room` bytes of
    /// the ring aside for it, rounded up to the record alignment: eight bytes and the payload for
    /// each record, rounded up. What it does not use is skipped by the consumer.
    ///
    /// # Errors
    /// As [`Produce::try_send`]; [`TrySendError::TooMuchRoom`] if the ring could never set so much
    /// aside.
    pub fn try_batch(&mut self, room: usize) -> Result<Batch<'_, Self>, TrySendError> {
        let extent = self.reserve_batch(room)?;
        Ok(self.batch_in(&extent))
    }

    /// Sets the room for a batch aside.
    ///
    /// # Errors
    /// As [`Producer::try_batch`].
    pub fn reserve_batch(&mut self, room: usize) -> Result<Extent, TrySendError> {
        let size = self.batch_size(room)?;
        let extent = self.claim(size)?;
        self.open = Some(extent);
        Ok(extent)
    }

    /// Bytes of the ring that are set aside for a batch that asks for `room`.
    ///
    /// # Errors
    /// [`TrySendError::TooMuchRoom`].
    pub fn batch_size(&self, room: usize) -> Result<usize, TrySendError> {
        let limit = self.geometry.largest_claim();
        if room > limit {
            return Err(TrySendError::TooMuchRoom { room, limit });
        }
        // One without room is claimed as well, so that all batches are alike.
        let room = room.max(HEADER_SIZE);
        Ok(room.next_multiple_of(self.geometry.record_align()))
    }

    /// A batch in the room that was set aside for it.
    pub(crate) fn batch_in(&mut self, extent: &Extent) -> Batch<'_, Self> {
        Batch::new(self, extent.start, extent.end)
    }

    /// Which slot is its own.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }

    pub(super) fn over<N>(&self, memory: N) -> Producer<N> {
        Producer {
            memory,
            geometry: self.geometry,
            index: self.index,
            own: self.own,
            room: self.room,
            last: self.last,
            open: self.open,
            counters: self.counters,
            unshown: self.unshown,
        }
    }

    /// Claims `size` bytes, which is a multiple of the record alignment and at most the largest
    /// claim.
    ///
    /// The three stores into its own slot are what recovery goes by (M3): a producer may be killed
    /// between any two of them.
    #[inline(always)]
    fn claim(&mut self, size: usize) -> Result<Extent, TrySendError> {
        if self.open.is_some() {
            self.abort_leaked();
        }
        self.memory.store(self.own.size, size as u64, Relaxed);
        let mut start = Position(self.memory.load(layout::TAIL, Relaxed));
        let mut attempts = 0;
        loop {
            if !self.room.has(start, size) || !start.is_aligned(&self.geometry) {
                start = self.make_room(size)?;
                self.count_attempt(&mut attempts)?;
                continue;
            }
            let end = start.plus(size);
            // P6: pairs with the Acquire load in `recover::intent`; carries the header of the
            // claim before, and the zero of an attempt given up.
            let intent = recover::to_word(start);
            self.memory.store(self.own.intent, intent, Release);
            // P5: pairs with the Acquire load of TAIL in `recover::find`; carries the intent.
            let swapped =
                self.memory
                    .compare_exchange(layout::TAIL, start.0, end.0, Release, Relaxed);
            match swapped {
                Ok(_) => {
                    self.memory.store(self.own.claimed, intent, Relaxed);
                    // A kill must find this mark before it finds a byte of the record. To the
                    // processor it is an interrupt; so only the compiler must be told.
                    compiler_fence(Release);
                    let extent = Extent::new(start, end, &self.geometry);
                    self.prefetch(extent.at, size);
                    return Ok(extent);
                }
                Err(now) => {
                    start = Position(now);
                    self.count_attempt(&mut attempts)?;
                }
            }
        }
    }

    /// Fetches as many bytes as are about to be written, so far ahead.
    #[inline(always)]
    fn prefetch(&self, at: Word, size: usize) {
        let mut ahead = PREFETCH_AHEAD;
        let end = PREFETCH_AHEAD + size.min(PREFETCH_MOST);
        while ahead < end {
            self.memory.prefetch_write(at, ahead);
            ahead += LINE;
        }
    }

    /// Returns TAIL, if `size` bytes fit behind it now.
    #[cold]
    #[inline(never)]
    fn make_room(&mut self, size: usize) -> Result<Position, TrySendError> {
        let error = match self.room.look(&self.memory, &self.geometry) {
            Ok(tail) if size as u64 <= self.room.free() => return Ok(tail),
            Ok(_) => {
                self.counters.add_stall();
                TrySendError::Full
            }
            Err(corrupt) => corrupt.into(),
        };
        // M4: a live intent means "in the middle of claiming".
        self.clear_intent();
        Err(error)
    }

    /// Counts an attempt to claim that others have spoiled: a peer that moves TAIL all the time
    /// must not hold the caller.
    #[inline]
    fn count_attempt(&mut self, attempts: &mut u32) -> Result<(), TrySendError> {
        *attempts += 1;
        if *attempts < MOST_ATTEMPTS {
            return Ok(());
        }
        self.counters.add_stall();
        self.clear_intent();
        Err(TrySendError::Full)
    }

    /// Says that it is not about to claim anything.
    fn clear_intent(&self) {
        // P6: pairs with the Acquire load in `recover::intent`; carries the header of the claim
        // before.
        self.memory.store(self.own.intent, NO_POSITION, Release);
    }

    /// Nobody can write any more to what was set aside in a claim that was leaked.
    #[cold]
    #[inline(never)]
    fn abort_leaked(&mut self) {
        if let Some(extent) = self.open {
            self.abort(&extent, extent.end);
        }
    }

    /// Publishes a header, after everything that it stands for.
    #[inline(always)]
    fn store_header(&mut self, at: Word, header: u64) {
        // P1: pairs with the Acquire load in `poll`, the consumer's.
        self.memory.store(at, header, Release);
        self.open = None;
    }
}

impl<M: Memory> Produce for Producer<M> {
    type Memory = M;

    #[inline(always)]
    fn try_send(&mut self, tag: u32, payload: &[u8]) -> Result<(), TrySendError> {
        let len = payload.len();
        let size = record_size(&self.geometry, len)?;
        let extent = self.claim(size)?;
        self.memory.write(extent.payload(), payload);
        self.publish(RecordHeader { tag, len }.to_word(), &extent, 1);
        Ok(())
    }

    #[inline(always)]
    fn reserve(&mut self, len: usize) -> Result<Extent, TrySendError> {
        let size = record_size(&self.geometry, len)?;
        let extent = self.claim(size)?;
        self.open = Some(extent);
        Ok(extent)
    }

    #[inline(always)]
    fn reserve_in_batch(
        &mut self,
        from: Position,
        limit: Position,
        len: usize,
    ) -> Result<Extent, TrySendError> {
        let size = record_size(&self.geometry, len)?;
        if size as u64 > limit.distance_from(from) {
            return Err(TrySendError::Full);
        }
        Ok(Extent::new(from, from.plus(size), &self.geometry))
    }

    #[inline(always)]
    fn publish(&mut self, header: u64, extent: &Extent, records: u64) {
        self.store_header(extent.at, header);
        self.last = extent.end;
        self.counters
            .add(records, extent.end.distance_from(extent.start));
        self.unshown += records;
        if self.unshown >= SHOW_EVERY {
            self.show_counters();
        }
    }

    #[inline]
    fn publish_batch(&mut self, header: u64, extent: &Extent, limit: Position, records: u64) {
        if records == 0 {
            return self.abort(extent, limit);
        }
        let rest = limit.distance_from(extent.end) as usize;
        if rest > 0 {
            // Published by the first record's header, like those between.
            self.memory
                .store(extent.next, RecordHeader::padding(rest), Relaxed);
        }
        self.publish(header, extent, records);
    }

    #[inline(always)]
    fn abort(&mut self, extent: &Extent, limit: Position) {
        let size = limit.distance_from(extent.start) as usize;
        self.store_header(extent.at, RecordHeader::padding(size));
    }

    fn leave(&mut self) -> bool {
        let was_leaked = self.open.is_some();
        self.abort_leaked();
        // So only the slots of the dead are ever unresolved (M5).
        self.clear_intent();
        self.show_counters();
        was_leaked
    }

    fn has_room(&mut self, bytes: usize) -> Result<bool, Corrupt> {
        if self.room.is_unchanged(&self.memory) && self.room.free() < bytes as u64 {
            return Ok(false);
        }
        Ok(self.free()? >= bytes)
    }

    fn head_wanted(&self, bytes: usize) -> Position {
        let missing = bytes - bytes.min(self.room.free() as usize);
        self.room.head().plus(missing)
    }

    fn free(&mut self) -> Result<usize, Corrupt> {
        self.room.look(&self.memory, &self.geometry)?;
        Ok(self.room.free() as usize)
    }

    fn is_released(&mut self, position: Position) -> Result<bool, Corrupt> {
        if !self.room.is_unchanged(&self.memory) {
            self.room.look(&self.memory, &self.geometry)?;
        }
        Ok(!position.is_after(self.room.head()))
    }

    #[inline]
    fn position(&self) -> Position {
        self.last
    }

    #[inline]
    fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    #[inline]
    fn memory(&self) -> &M {
        &self.memory
    }

    fn memory_mut(&mut self) -> &mut M {
        &mut self.memory
    }

    fn count_sleep(&mut self, is_late: bool) {
        self.counters.add_sleep(is_late);
        self.show_counters();
    }

    fn count_wait(&mut self) {
        self.counters.add_wait();
        self.show_counters();
    }

    #[cold]
    #[inline(never)]
    fn show_counters(&mut self) {
        self.unshown = 0;
        let slot = self.geometry.producer_slot(self.index);
        self.counters.store(&self.memory, slot);
    }

    #[cold]
    #[inline(never)]
    fn poison(&mut self, corrupt: Corrupt) -> Corrupt {
        self.room.poison(corrupt)
    }
}

/// Bytes that a record for `len` bytes takes.
#[inline(always)]
fn record_size(geometry: &Geometry, len: usize) -> Result<usize, TrySendError> {
    if len > geometry.max_payload() {
        return Err(TrySendError::TooLong {
            len,
            limit: geometry.max_payload(),
        });
    }
    Ok(geometry.record_size(len))
}
