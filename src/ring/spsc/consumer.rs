//! The consumer: peek, read, advance, release.

use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use crate::error::Corrupt;
use crate::layout::{self, Geometry};
use crate::memory::Memory;
use crate::ring::participant::Counters;
use crate::ring::{Position, Record, RecordHeader};

/// Shows its counters once in so many bytes of the ring.
const SHOW_EVERY: u64 = 16 << 10;
/// So many records found in one batch make one pause before the next.
const RECORDS_PER_PAUSE: usize = 1;
/// Longest wait before a batch, in `spin_loop` hints: some 40 ns each on a recent x86.
const MAX_PAUSES: usize = 128;

/// The receiving side of a ring.
#[derive(Debug)]
pub struct Consumer<M> {
    memory: M,
    geometry: Geometry,
    /// Where the next record starts; at or ahead of HEAD.
    head: Position,
    /// The HEAD that the producer can see.
    released: Position,
    /// Set once, for ever.
    corrupt: Option<Corrupt>,
    /// How often to pause before looking for the next batch; at most `MAX_PAUSES`.
    pauses: usize,
    /// Records found since it last caught up.
    found: usize,
    /// Its `bytes` are those up to `shown`.
    counters: Counters,
    /// Where the head was when the counters were last shown.
    shown: Position,
}

impl<M: Memory> Consumer<M> {
    /// Takes over at HEAD: what the consumer before did not release comes again.
    /// The caller holds the role.
    ///
    /// # Errors
    /// [`Corrupt::Cursor`] when HEAD cannot be.
    pub fn attach(memory: M, geometry: Geometry) -> Result<Self, Corrupt> {
        let head = Position(memory.load(layout::HEAD, Relaxed));
        let tail = Position(memory.load(layout::TAIL, Relaxed));
        // TAIL may be one publication behind, so HEAD may be ahead of it; but by no more than a ring.
        let lap = geometry.capacity() as u64;
        let near = tail.distance_from(head) <= lap || head.distance_from(tail) <= lap;
        if !near || !head.is_aligned(&geometry) {
            return Err(Corrupt::Cursor {
                cursor: "HEAD",
                position: head.0,
                from: tail.0.wrapping_sub(lap),
                to: tail.0.wrapping_add(lap),
            });
        }
        let counters = Counters::load(&memory, layout::CONSUMER_SLOT);
        Ok(Self {
            memory,
            geometry,
            head,
            released: head,
            corrupt: None,
            pauses: 0,
            found: 0,
            counters,
            shown: head,
        })
    }

    /// Looks whether there is a record, without taking it.
    ///
    /// # Errors
    /// [`Corrupt`], now or before.
    #[inline(always)]
    pub fn peek(&mut self) -> Result<Option<RecordHeader>, Corrupt> {
        if let Some(corrupt) = self.corrupt {
            return Err(corrupt);
        }
        let found = poll(&self.memory, &self.geometry, self.head);
        if let Err(corrupt) = found {
            self.poison(corrupt);
        }
        found
    }

    /// Copies the first bytes of the payload of the record that [`Consumer::peek`]
    /// returned: as many as `into` has room for, all of it at most.
    #[inline(always)]
    pub fn read(&self, header: &RecordHeader, into: &mut [u8]) {
        Record::new(&self.memory, &self.geometry, self.head, *header).read(into);
    }

    /// Goes past the record that [`Consumer::peek`] returned, whose header this
    /// is. Its bytes stay until [`Consumer::release`].
    #[inline(always)]
    pub fn advance(&mut self, header: &RecordHeader) {
        self.go_to(self.head.plus(self.geometry.record_size(header.len)), 1);
    }

    /// Hands records that are there now to `each`: up to `limit`, or until it returns false, and
    /// then that record is still there. Releases them at the end, and each time `release_every`
    /// bytes have been gone past. Returns how many there were.
    ///
    /// It ends after a lap, too: a peer that fills the ring with headers must not hold it for
    /// ever. When `each` panics, what was not released before is still there.
    #[inline]
    pub fn drain_while(
        &mut self,
        limit: usize,
        release_every: usize,
        mut each: impl FnMut(Record<'_, M>) -> bool,
    ) -> usize {
        if self.corrupt.is_some() {
            return 0;
        }
        self.keep_off();
        // Copies, so that they can stay in registers whatever `each` does.
        let geometry = self.geometry;
        let mut head = self.head;
        let lap = head.plus(geometry.capacity());
        let mut release_at = self.released.plus(release_every);
        let (mut count, mut counted) = (0, 0);
        let mut caught_up = false;
        let mut usual_size = 0;
        while count < limit && lap.is_after(head) {
            let header = match poll(&self.memory, &geometry, head) {
                Ok(Some(header)) => header,
                Ok(None) => {
                    caught_up = true;
                    break;
                }
                Err(corrupt) => {
                    self.poison(corrupt);
                    break;
                }
            };
            if !each(Record::new(&self.memory, &geometry, head, header)) {
                break;
            }
            // Where the next header stands depends on this one, so that a chain of loads would
            // run through the batch. A guess that the next record is as long as the last breaks it:
            // the processor goes ahead with the guess, and loads several lines at a time.
            let size = geometry.record_size(header.len);
            usual_size = if size == usual_size {
                usual_size
            } else {
                another_size(size)
            };
            head = head.plus(usual_size);
            count += 1;
            if !release_at.is_after(head) {
                self.go_to(head, count - counted);
                self.release();
                counted = count;
                release_at = head.plus(release_every);
            }
        }
        self.go_to(head, count - counted);
        self.release();
        self.learn(count, caught_up);
        count
    }

    /// Gives everything gone past back to the producer.
    #[inline(always)]
    pub fn release(&mut self) {
        if self.released != self.head {
            self.released = self.head;
            // P2: pairs with the Acquire loads in `Producer::refresh_head` and `Producer::attach`.
            self.memory.store(layout::HEAD, self.head.0, Release);
        }
    }

    /// Leaves the producer's line alone for a moment, if the last batch says that this pays.
    #[inline]
    fn keep_off(&self) {
        for _ in 0..self.pauses {
            core::hint::spin_loop();
        }
    }

    /// Decides how long to keep off before the next batch.
    ///
    /// A consumer that is faster than its producer reads each line while that is being
    /// written, and slows both down to one transfer of a line for each record. So one that
    /// has caught up with a busy producer waits a little, in proportion to what it has just
    /// found, and finds more the next time; one that finds records singly does not wait.
    #[inline]
    fn learn(&mut self, count: usize, caught_up: bool) {
        self.pauses = 0;
        self.found = self.found.saturating_add(count);
        if caught_up {
            self.pauses = (self.found / RECORDS_PER_PAUSE).min(MAX_PAUSES);
            self.found = 0;
        }
    }

    /// Goes past `records` records, up to `head`, and shows the counters once in a while.
    #[inline(always)]
    fn go_to(&mut self, head: Position, records: usize) {
        self.head = head;
        self.counters.add(records as u64, 0);
        if head.distance_from(self.shown) >= SHOW_EVERY {
            self.show_counters();
        }
    }

    /// Bytes gone past, but not released yet.
    #[inline]
    #[must_use]
    pub fn unreleased(&self) -> usize {
        self.head.distance_from(self.released) as usize
    }

    /// Where the next record starts.
    #[inline]
    #[must_use]
    pub fn position(&self) -> Position {
        self.head
    }

    /// The shape of the ring.
    #[inline]
    #[must_use]
    pub fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// The memory that the ring lives in.
    #[inline]
    #[must_use]
    pub fn memory(&self) -> &M {
        &self.memory
    }

    /// Bytes of records that were sent and that this consumer has not released, at most the capacity.
    #[must_use]
    pub fn waiting(&self) -> usize {
        let tail = Position(self.memory.load(layout::TAIL, Relaxed));
        let waiting = tail.distance_from(self.released);
        // TAIL may be one publication behind, or a peer's nonsense.
        if waiting <= self.geometry.capacity() as u64 {
            waiting as usize
        } else {
            self.unreleased()
        }
    }

    /// The same consumer over another view of the same memory. Only one of the two may go on.
    pub(crate) fn with_memory<N>(&self, memory: N) -> Consumer<N> {
        Consumer {
            memory,
            geometry: self.geometry,
            head: self.head,
            released: self.released,
            corrupt: self.corrupt,
            pauses: self.pauses,
            found: self.found,
            counters: self.counters,
            shown: self.shown,
        }
    }

    /// Counts a call that found the ring empty.
    #[inline(always)]
    pub fn count_stall(&mut self) {
        self.counters.add_stall();
    }

    /// Counts a blocking call that has to wait.
    pub fn count_wait(&mut self) {
        self.counters.add_wait();
        self.show_counters();
    }

    /// Shows the counters to observers.
    #[cold]
    #[inline(never)]
    pub fn show_counters(&mut self) {
        self.counters.add(0, self.head.distance_from(self.shown));
        self.shown = self.head;
        self.counters.store(&self.memory, layout::CONSUMER_SLOT);
    }

    /// What ended this consumer, if anything did.
    #[inline]
    #[must_use]
    pub fn corrupt(&self) -> Option<Corrupt> {
        self.corrupt
    }

    /// Remembers what was seen: nothing more is read.
    #[cold]
    #[inline(never)]
    pub fn poison(&mut self, corrupt: Corrupt) -> Corrupt {
        self.corrupt = Some(corrupt);
        corrupt
    }
}

/// Loads and checks the header at `head`.
#[inline(always)]
fn poll<M: Memory>(
    memory: &M,
    geometry: &Geometry,
    head: Position,
) -> Result<Option<RecordHeader>, Corrupt> {
    // P1: pairs with the Release store in `Producer::publish`.
    match memory.load(head.word(geometry), Acquire) {
        0 => Ok(None),
        word => RecordHeader::parse(word, head, geometry).map(Some),
    }
}

/// Just `size`; but the compiler must not see that, or it would take away the branch that asks.
#[cold]
#[inline(never)]
fn another_size(size: usize) -> usize {
    core::hint::black_box(size)
}
