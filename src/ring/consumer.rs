//! The consumer: peek, read, advance, release.

use core::marker::PhantomData;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use crate::error::Corrupt;
use crate::layout::{self, Geometry, Kind};
use crate::memory::Memory;

use super::pace::Pace;
use super::participant::Counters;
use super::record::{is_padding, parse_padding};
use super::{Position, Protocol, Record, RecordHeader};

/// Shows its counters once in so many bytes of the ring.
const SHOW_EVERY: u64 = 64 << 10;
/// Bytes of a cache line.
const LINE: usize = 64;
/// How many claims that were given up one look goes past: a call's work is bounded.
pub(super) const MOST_PADDINGS: usize = 4096;

/// The receiving side of a ring.
#[derive(Debug)]
pub struct Consumer<M, P> {
    pub(super) memory: M,
    pub(super) geometry: Geometry,
    /// Where the next record starts; at or ahead of HEAD.
    pub(super) head: Position,
    /// The HEAD that the producer can see.
    pub(super) released: Position,
    /// Set once, for ever.
    pub(super) corrupt: Option<Corrupt>,
    pace: Pace,
    /// Its `bytes` are those up to `shown`.
    pub(super) counters: Counters,
    /// Where the head was when the counters were last shown.
    pub(super) shown: Position,
    protocol: PhantomData<P>,
}

/// What stands at a position.
pub(super) enum Found {
    Nothing,
    Record(RecordHeader),
    /// A claim of so many bytes that was given up.
    Padding(usize),
}

impl<M: Memory, P: Protocol> Consumer<M, P> {
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
        let mut consumer = Self {
            memory,
            geometry,
            head,
            released: head,
            corrupt: None,
            pace: Pace::new(counters.records, head.0),
            counters,
            shown: head,
            protocol: PhantomData,
        };
        if are_claimed::<P>() {
            consumer.finish_release(tail)?;
        }
        Ok(consumer)
    }

    /// How many nanoseconds a `spin_loop` hint takes on this machine, or less; 40 before. With such
    /// hints it keeps off the lines of a producer that sends a stream, when it has caught up with
    /// it: [`Consumer::drain_while`] before its next look for some 5 us at most,
    /// [`Consumer::peek`] behind a look that found nothing for some 1.3 us.
    pub fn set_hint_time(&mut self, nanoseconds: u64) {
        self.pace.set_hint_time(nanoseconds);
    }

    /// Looks whether there is a record, without taking it. Goes past claims that were given up, but
    /// not past more than 4096: then it finds nothing, and [`Consumer::position`] has changed.
    ///
    /// # Errors
    /// [`Corrupt`], now or before.
    #[inline(always)]
    pub fn peek(&mut self) -> Result<Option<RecordHeader>, Corrupt> {
        if let Some(corrupt) = self.corrupt {
            return Err(corrupt);
        }
        match poll::<P>(&self.memory, &self.geometry, self.head) {
            Ok(Found::Record(header)) => Ok(Some(header)),
            Ok(Found::Nothing) => {
                let has_waited = self
                    .pace
                    .keep_off_singly(self.counters.records, self.head.0);
                // A record that lies on two lines then arrives in the time of one. Of a stream these
                // lines are the producer's, which is left alone.
                if has_waited {
                    self.judge_wait();
                } else {
                    let header = self.head.word(&self.geometry);
                    self.memory.prefetch_read(header, LINE);
                }
                Ok(None)
            }
            Ok(Found::Padding(size)) => self.peek_behind(size),
            Err(corrupt) => Err(self.poison(corrupt)),
        }
    }

    /// Whether everything that was sent has been gone past, and everything that was claimed. For
    /// who knows that nobody sends any more.
    ///
    /// # Errors
    /// [`Corrupt`], now or before.
    pub fn is_drained(&mut self) -> Result<bool, Corrupt> {
        let nothing = self.peek()?.is_none();
        // Behind that there may be more: claims that were given up, or whose producer has died.
        let claimed = || Position(self.memory.load(layout::TAIL, Relaxed)) != self.head;
        Ok(nothing && !(are_claimed::<P>() && claimed()))
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
    /// It ends after a lap, too, and behind 4096 claims that were given up: a peer that fills the
    /// ring with headers must not hold it for ever. When `each` panics, what was not released
    /// before is still there.
    #[inline]
    pub fn drain_while(
        &mut self,
        limit: usize,
        release_every: usize,
        each: impl FnMut(Record<'_, M>) -> bool,
    ) -> usize {
        self.drain_with(limit, release_every, each, |_, _| ())
    }

    /// As [`Consumer::drain_while`], and tells `released` each time how far it has released.
    #[inline]
    pub fn drain_with(
        &mut self,
        limit: usize,
        release_every: usize,
        mut each: impl FnMut(Record<'_, M>) -> bool,
        mut released: impl FnMut(&M, Position),
    ) -> usize {
        if self.corrupt.is_some() {
            return 0;
        }
        if self.pace.keep_off() {
            self.judge_wait();
        }
        // Copies, so that they can stay in registers whatever `each` does.
        let geometry = self.geometry;
        let mut head = self.head;
        let lap = head.plus(geometry.capacity());
        // What is looked at behind each record is one place: where the next release is due, or the
        // lap ends.
        let mut stop_at = nearer(self.released.plus(release_every), lap);
        let (mut count, mut counted, mut skipped) = (0, 0, 0);
        let mut caught_up = false;
        let mut usual_size = 0;
        while count < limit {
            let size = match poll::<P>(&self.memory, &geometry, head) {
                Ok(Found::Record(header)) => {
                    if !each(Record::new(&self.memory, &geometry, head, header)) {
                        break;
                    }
                    // Where the next header stands depends on this one, so that a chain of loads
                    // would run through the batch. A guess that the next record is as long as the
                    // last breaks it: the processor goes ahead with the guess, and loads several
                    // lines at a time.
                    let size = geometry.record_size(header.len);
                    usual_size = if size == usual_size {
                        usual_size
                    } else {
                        another_size(size)
                    };
                    count += 1;
                    usual_size
                }
                Ok(Found::Padding(_)) if skipped == MOST_PADDINGS => break,
                Ok(Found::Padding(size)) => {
                    skipped += 1;
                    size
                }
                Ok(Found::Nothing) => {
                    caught_up = true;
                    break;
                }
                Err(corrupt) => {
                    self.poison(corrupt);
                    break;
                }
            };
            head = head.plus(size);
            if !stop_at.is_after(head) {
                self.go_to(head, count - counted);
                self.release();
                released(&self.memory, head);
                counted = count;
                stop_at = nearer(head.plus(release_every), lap);
                if !lap.is_after(head) {
                    break;
                }
            }
        }
        self.go_to(head, count - counted);
        self.release();
        released(&self.memory, head);
        self.pace
            .learn(caught_up, self.counters.records, self.head.0);
        count
    }

    /// Behind a wait that keeps off a producer: TAIL says whether it was too long. A wrong TAIL makes
    /// the next ones shorter, or longer, and nothing else.
    #[cold]
    #[inline(never)]
    fn judge_wait(&mut self) {
        let waiting = self.waiting();
        self.pace.judge_wait(waiting, self.geometry.capacity());
    }

    /// Gives everything gone past back to the producer.
    #[inline(always)]
    pub fn release(&mut self) {
        if self.released != self.head {
            if are_claimed::<P>() {
                self.clear();
            }
            self.released = self.head;
            // P2: pairs with the Acquire loads in `spsc::Producer::refresh_head` and `attach`, and in
            // `mpsc::Room::look`.
            self.memory.store(layout::HEAD, self.head.0, Release);
        }
    }

    /// Goes past `records` records, up to `head`, and shows the counters once in a while.
    #[inline(always)]
    pub(super) fn go_to(&mut self, head: Position, records: usize) {
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
    pub(crate) fn over<N>(&self, memory: N) -> Consumer<N, P> {
        Consumer {
            memory,
            geometry: self.geometry,
            head: self.head,
            released: self.released,
            corrupt: self.corrupt,
            pace: self.pace,
            counters: self.counters,
            shown: self.shown,
            protocol: PhantomData,
        }
    }

    /// Counts a call that found the ring empty.
    #[inline(always)]
    pub fn count_stall(&mut self) {
        self.counters.add_stall();
    }

    /// Counts a sleep, and whether only the clock has ended it though there was a record.
    pub fn count_sleep(&mut self, is_late: bool) {
        self.counters.add_sleep(is_late);
        self.show_counters();
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
pub(super) fn poll<P: Protocol>(
    memory: &impl Memory,
    geometry: &Geometry,
    head: Position,
) -> Result<Found, Corrupt> {
    // P1: pairs with the Release stores in `spsc::Producer::publish` and in
    // `mpsc::Producer::store_header`.
    match memory.load(head.word(geometry), Acquire) {
        0 => Ok(Found::Nothing),
        word if are_claimed::<P>() && is_padding(word) => {
            parse_padding(word, head, geometry).map(Found::Padding)
        }
        word => RecordHeader::parse(word, head, geometry).map(Found::Record),
    }
}

/// Whether producers claim room before they write, so that it must be zero before.
#[inline(always)]
pub(super) fn are_claimed<P: Protocol>() -> bool {
    matches!(P::KIND, Kind::Mpsc)
}

/// That of two positions which comes first.
fn nearer(one: Position, other: Position) -> Position {
    if one.is_after(other) { other } else { one }
}

/// Just `size`; but the compiler must not see that, or it would take away the branch that asks.
#[cold]
#[inline(never)]
fn another_size(size: usize) -> usize {
    core::hint::black_box(size)
}
