//! The producer: make room, write, publish.

use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::compiler_fence;

use crate::error::{Corrupt, TrySendError};
use crate::layout::{self, Geometry, HEADER_SIZE, WORD};
use crate::memory::Memory;
use crate::ring::participant::Counters;
use crate::ring::protocol::{Extent, Produce};
use crate::ring::{Batch, Position, RecordHeader};

/// How far past the tail words are kept zero at least while the consumer keeps up: two
/// cache lines and the header behind them. Measured in `docs/decisions.md`.
const ZERO_WINDOW: usize = 136;
/// How many bytes more become zero when there are fewer, so that small records need not each extend the
/// window: those of a cache line.
const LINE: usize = 64;
/// The window is on while at most this many bytes wait to be read.
const KEEPS_UP: u64 = 1024;
/// How many bytes of the ring are sent between two looks at how the consumer does.
const SAMPLE_EVERY: usize = 64 << 10;
/// How far past the tail cache lines are fetched for writing.
const PREFETCH_AHEAD: usize = 1024;

/// The sending side of a ring.
#[derive(Debug)]
pub struct Producer<M> {
    memory: M,
    geometry: Geometry,
    /// Where the next record starts; at or ahead of TAIL, which only shows it.
    tail: Position,
    /// The last HEAD seen, checked; the real one may have moved on, up to `tail`.
    head: Position,
    /// A record that ends here at most needs no look at anything else: the nearer one of `sample_at`
    /// and of where a record may end (I1).
    limit: Position,
    /// Where the next look at how the consumer does is due.
    sample_at: Position,
    /// Words from `tail` up to here are zero (I3); at or behind `tail` while there is no window.
    zeroed_until: Position,
    /// `zeroed_until` before room was last set aside: if that becomes a record, the words from its
    /// end up to here are still zero.
    zeroed_before: Position,
    /// Whether the zero window is kept up.
    window: bool,
    /// Set once, for ever; `limit` then lies before `tail`, so that every call comes by here.
    corrupt: Option<Corrupt>,
    /// As they were last shown.
    counters: Counters,
    /// Records since then.
    records: u64,
    /// Where the tail was when the counters were last shown.
    shown: Position,
}

impl<M: Memory> Producer<M> {
    /// Takes over where the producer before left off, or starts. The caller holds the role.
    ///
    /// # Errors
    /// [`Corrupt`] when the cursors, or the headers behind TAIL, cannot be.
    pub fn attach(memory: M, geometry: Geometry) -> Result<Self, Corrupt> {
        // P2: pairs with the Release store in `Consumer::release`. Before the walk, for
        // the consumer may be reading on meanwhile.
        let head = Position(memory.load(layout::HEAD, Acquire));
        let tail = find_tail(&memory, &geometry)?;
        let farthest = geometry.capacity() - HEADER_SIZE;
        if !head.is_aligned(&geometry) || tail.distance_from(head) > farthest as u64 {
            return Err(Corrupt::Cursor {
                cursor: "HEAD",
                position: head.0,
                from: tail.0.wrapping_sub(farthest as u64),
                to: tail.0,
            });
        }
        memory.store(layout::TAIL, tail.0, Relaxed);
        let counters = Counters::load(&memory, geometry.producer_slot(0));
        let mut producer = Self {
            memory,
            geometry,
            tail,
            head,
            limit: tail,
            sample_at: tail.plus(SAMPLE_EVERY),
            zeroed_until: tail,
            zeroed_before: tail,
            window: true,
            corrupt: None,
            counters,
            records: 0,
            shown: tail,
        };
        producer.set_limit();
        Ok(producer)
    }

    /// Starts a batch: records that become visible all at once, or not at all.
    #[inline]
    pub fn batch(&mut self) -> Batch<'_, Self> {
        self.forget_window();
        let tail = self.tail;
        Batch::new(self, tail, tail)
    }

    /// The same producer over another view of the same memory. Only one of the two may go on.
    pub(super) fn over<N>(&self, memory: N) -> Producer<N> {
        Producer {
            memory,
            geometry: self.geometry,
            tail: self.tail,
            head: self.head,
            limit: self.limit,
            sample_at: self.sample_at,
            zeroed_until: self.zeroed_until,
            zeroed_before: self.zeroed_before,
            window: self.window,
            corrupt: self.corrupt,
            counters: self.counters,
            records: self.records,
            shown: self.shown,
        }
    }

    /// Checks that a record for `len` bytes fits behind `from`, fetches lines
    /// ahead, and returns where the record goes.
    #[inline(always)]
    fn make_room(&mut self, from: Position, len: usize) -> Result<Extent, TrySendError> {
        if len > self.geometry.max_payload() {
            return Err(TrySendError::TooLong {
                len,
                limit: self.geometry.max_payload(),
            });
        }
        let end = from.plus(self.geometry.record_size(len));
        if end.is_after(self.limit) {
            self.make_room_slowly(end)?;
        }
        let at = from.word(&self.geometry);
        // In a round trip it would only be in the way; there the window has the next lines.
        if !self.window {
            self.memory.prefetch_write(at, PREFETCH_AHEAD);
        }
        Ok(Extent {
            start: from,
            at,
            next: end.word(&self.geometry),
            end,
        })
    }

    #[cold]
    #[inline(never)]
    fn make_room_slowly(&mut self, end: Position) -> Result<(), TrySendError> {
        self.refresh_head()?;
        if end.is_after(self.farthest()) {
            self.counters.add_stall();
            self.window = false;
            return Err(TrySendError::Full);
        }
        if end.is_after(self.sample_at) {
            self.sample(end);
        }
        Ok(())
    }

    /// A record may end here at most (I1).
    fn farthest(&self) -> Position {
        self.head.plus(self.geometry.capacity() - HEADER_SIZE)
    }

    fn set_limit(&mut self) {
        let farthest = self.farthest();
        let is_near = self.sample_at.is_after(farthest);
        self.limit = if is_near { farthest } else { self.sample_at };
    }

    /// Looks at HEAD. It lets the producer overwrite what was released, so it
    /// must lie between the last one seen and `tail`: else the producer would
    /// overwrite unread records, or run ahead of the consumer by more than a lap.
    fn refresh_head(&mut self) -> Result<(), Corrupt> {
        if let Some(corrupt) = self.corrupt {
            return Err(corrupt);
        }
        // P2: pairs with the Release store in `Consumer::release`.
        let head = Position(self.memory.load(layout::HEAD, Acquire));
        let unread_before = self.tail.distance_from(self.head);
        if head.distance_from(self.head) > unread_before || !head.is_aligned(&self.geometry) {
            let corrupt = Corrupt::Cursor {
                cursor: "HEAD",
                position: head.0,
                from: self.head.0,
                to: self.tail.0,
            };
            return Err(self.poison(corrupt));
        }
        self.head = head;
        self.set_limit();
        Ok(())
    }

    /// Keeps the window only for a consumer that keeps up: it takes the next lines
    /// out of the way of a round trip, but in a stream it costs more than it saves. HEAD was just
    /// looked at, and a record, or a batch, is about to end at `end`.
    fn sample(&mut self, end: Position) {
        self.show_counters();
        // Also keeps it less than 2^63 behind.
        self.forget_window();
        self.window = self.tail.distance_from(self.head) <= KEEPS_UP;
        self.sample_at = end.plus(SAMPLE_EVERY);
        self.set_limit();
    }

    /// Zeroes the words that the tail's advance has brought into the window (I3).
    #[inline(never)]
    fn extend_window(&mut self) {
        // The word at `tail` is zero already (I2).
        let mut at = self.tail.plus(WORD);
        if self.zeroed_until.is_after(at) {
            at = self.zeroed_until;
        }
        let end = self.head.plus(self.geometry.capacity());
        let mut until = self.tail.plus(ZERO_WINDOW + LINE);
        if until.is_after(end) {
            until = end;
        } else if until.is_after(at) {
            // So many bytes at a time as there are in a line; less than that waits for the next time.
            let lines = until.distance_from(at) as usize / LINE;
            until = at.plus(lines * LINE);
        }
        while until.is_after(at) {
            let word = at.word(&self.geometry);
            let before_end =
                self.geometry.data().offset() + self.geometry.capacity() - word.offset();
            if until.distance_from(at) >= LINE as u64 && before_end >= LINE {
                self.memory.write(word, &[0; LINE]);
                at = at.plus(LINE);
            } else {
                self.memory.store(word, 0, Relaxed);
                at = at.plus(WORD);
            }
        }
        self.zeroed_until = at;
    }

    /// Gives the window up: the bytes behind `tail` are about to be handed out (I3).
    #[inline]
    fn forget_window(&mut self) {
        self.zeroed_until = self.tail;
    }
}

impl<M: Memory> Produce for Producer<M> {
    type Memory = M;

    #[inline(always)]
    fn try_send(&mut self, tag: u32, payload: &[u8]) -> Result<(), TrySendError> {
        let extent = self.make_room(self.tail, payload.len())?;
        self.memory.write(extent.payload(), payload);
        let header = RecordHeader {
            tag,
            len: payload.len(),
        };
        self.publish(header.to_word(), &extent, 1);
        Ok(())
    }

    #[inline(always)]
    fn reserve(&mut self, len: usize) -> Result<Extent, TrySendError> {
        let extent = self.make_room(self.tail, len)?;
        self.zeroed_before = self.zeroed_until;
        self.forget_window();
        Ok(extent)
    }

    /// Nobody else sends, so a batch needs no limit.
    #[inline(always)]
    fn reserve_in_batch(
        &mut self,
        from: Position,
        _limit: Position,
        len: usize,
    ) -> Result<Extent, TrySendError> {
        self.make_room(from, len)
    }

    #[inline(always)]
    fn publish(&mut self, header: u64, extent: &Extent, records: u64) {
        let Extent { at, next, end, .. } = *extent;
        let window = self.window;
        // I2: the next header is zero before this one can be seen.
        if end.plus(WORD).is_after(self.zeroed_until) {
            self.memory.store(next, 0, Relaxed);
        }
        // P1: pairs with the Acquire load in `poll`, the consumer's.
        self.memory.store(at, header, Release);
        self.tail = end;
        // I6 needs these two stores in program order: a producer that is killed between them must
        // leave TAIL behind, not ahead. To the processor a kill is an interrupt, which sees all
        // stores before it and none after it, so only the compiler must be told.
        compiler_fence(Release);
        self.memory.store(layout::TAIL, end.0, Relaxed);
        if window && end.plus(ZERO_WINDOW).is_after(self.zeroed_until) {
            self.extend_window();
        }
        self.records = self.records.wrapping_add(records);
    }

    #[inline(always)]
    fn publish_claim(&mut self, header: u64, extent: &Extent) {
        // Nothing behind the extent was handed out (I3).
        self.zeroed_until = self.zeroed_before;
        self.publish(header, extent, 1);
    }

    #[inline]
    fn publish_batch(&mut self, header: u64, extent: &Extent, _limit: Position, records: u64) {
        if records > 0 {
            self.publish(header, extent, records);
        }
    }

    /// What was not published was not sent, and the header at the tail is still zero.
    #[inline(always)]
    fn abort(&mut self, _extent: &Extent, _limit: Position) {}

    fn leave(&mut self) -> bool {
        self.show_counters();
        false
    }

    fn has_room(&mut self, bytes: usize) -> Result<bool, Corrupt> {
        Ok(self.free()? >= bytes)
    }

    fn head_wanted(&self, bytes: usize) -> Position {
        let farthest = self.geometry.capacity() - HEADER_SIZE;
        Position(self.tail.plus(bytes).0.wrapping_sub(farthest as u64))
    }

    fn free(&mut self) -> Result<usize, Corrupt> {
        self.refresh_head()?;
        Ok(self.farthest().distance_from(self.tail) as usize)
    }

    fn is_released(&mut self, position: Position) -> Result<bool, Corrupt> {
        self.refresh_head()?;
        Ok(!position.is_after(self.head))
    }

    #[inline]
    fn position(&self) -> Position {
        self.tail
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

    fn show_counters(&mut self) {
        let bytes = self.tail.distance_from(self.shown);
        self.counters.add(self.records, bytes);
        self.records = 0;
        self.shown = self.tail;
        self.counters
            .store(&self.memory, self.geometry.producer_slot(0));
    }

    #[cold]
    #[inline(never)]
    fn poison(&mut self, corrupt: Corrupt) -> Corrupt {
        self.corrupt = Some(corrupt);
        self.limit = Position(self.tail.0.wrapping_sub(self.geometry.capacity() as u64));
        self.window = false;
        corrupt
    }
}

/// Walks from TAIL over published records to the first zero header (I6).
fn find_tail<M: Memory>(memory: &M, geometry: &Geometry) -> Result<Position, Corrupt> {
    let shown = Position(memory.load(layout::TAIL, Relaxed));
    let corrupt = |position: Position| Corrupt::Cursor {
        cursor: "TAIL",
        position: position.0,
        from: shown.0,
        to: shown.0.wrapping_add(geometry.capacity() as u64),
    };
    if !shown.is_aligned(geometry) {
        return Err(corrupt(shown));
    }
    let mut tail = shown;
    loop {
        let word = memory.load(tail.word(geometry), Relaxed);
        if word == 0 {
            return Ok(tail);
        }
        let header = RecordHeader::parse(word, tail, geometry)?;
        tail = tail.plus(geometry.record_size(header.len));
        // A lap without a zero header: no producer leaves that, and the walk must end.
        if tail.distance_from(shown) > geometry.capacity() as u64 {
            return Err(corrupt(tail));
        }
    }
}
