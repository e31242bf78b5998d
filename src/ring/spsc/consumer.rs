//! The consumer: peek, read, advance, release.

use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use crate::error::Corrupt;
use crate::layout::{self, Geometry, Word};
use crate::memory::Memory;
use crate::ring::participant::Counters;
use crate::ring::{Position, RecordHeader};

/// Shows its counters once in so many records.
const SHOW_EVERY: u64 = 256;

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
    counters: Counters,
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
            counters,
        })
    }

    /// Looks whether there is a record, without taking it.
    ///
    /// # Errors
    /// [`Corrupt`], now or before.
    #[inline]
    pub fn peek(&mut self) -> Result<Option<RecordHeader>, Corrupt> {
        if let Some(corrupt) = self.corrupt {
            return Err(corrupt);
        }
        // P1: pairs with the Release store in `Producer::publish`.
        let word = self.memory.load(self.head.word(&self.geometry), Acquire);
        if word == 0 {
            return Ok(None);
        }
        match RecordHeader::parse(word, self.head, &self.geometry) {
            Ok(header) => Ok(Some(header)),
            Err(corrupt) => Err(self.poison(corrupt)),
        }
    }

    /// Copies the first bytes of the payload of the record that [`Consumer::peek`]
    /// returned: as many as `into` has room for, all of it at most.
    #[inline]
    pub fn read(&self, header: &RecordHeader, into: &mut [u8]) {
        let len = header.len.min(into.len());
        self.memory.read(self.payload(), &mut into[..len]);
    }

    /// Where the payload of the record that [`Consumer::peek`] returned stands.
    #[inline]
    #[must_use]
    pub fn payload(&self) -> Word {
        self.head.word(&self.geometry).next()
    }

    /// Goes past the record that [`Consumer::peek`] returned. Its bytes stay until [`Consumer::release`].
    #[inline]
    pub fn advance(&mut self, header: &RecordHeader) {
        self.head = self.head.plus(self.geometry.record_size(header.len));
        self.counters.records += 1;
        self.counters.bytes += header.len as u64;
        if self.counters.records.is_multiple_of(SHOW_EVERY) {
            self.show_counters();
        }
    }

    /// Gives everything gone past back to the producer.
    #[inline]
    pub fn release(&mut self) {
        if self.released != self.head {
            self.released = self.head;
            // P2: pairs with the Acquire loads in `Producer::refresh_head` and `Producer::attach`.
            self.memory.store(layout::HEAD, self.head.0, Release);
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
            counters: self.counters,
        }
    }

    /// Counts a blocking call that has to wait.
    pub fn count_wait(&mut self) {
        self.counters.waits += 1;
        self.counters.stalls += 1;
        self.show_counters();
    }

    /// Shows the counters to observers.
    #[cold]
    #[inline(never)]
    pub fn show_counters(&self) {
        self.counters.store(&self.memory, layout::CONSUMER_SLOT);
    }

    /// Remembers what was seen: nothing more is read.
    #[cold]
    #[inline(never)]
    fn poison(&mut self, corrupt: Corrupt) -> Corrupt {
        self.corrupt = Some(corrupt);
        corrupt
    }
}
