//! The receiving side.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::error::{RecvError, TryRecvError};
use crate::layout::{HEADER_SIZE, Kind};
use crate::memory::Memory;
use crate::os::mapped::{Mapped, TrustedMapped};
use crate::os::process::Process;
use crate::os::wait::{Deadline, Patience, Wait, WaitStrategy, hint_time};
use crate::peer::Attachment;
use crate::ring::gate::Gate;
use crate::ring::participant::Producers;
use crate::ring::{self as protocol, Protocol, RecordHeader, Repair};
use crate::wakeups::Waking;

use super::{Buffer, Received, Record};

/// A long batch gives room back before its end, each time this part of the ring has been read.
const RELEASE_SHARE: usize = 8;

/// So many calls that found nothing make one that looks whether a dead producer is in the way.
const LOOK_CLOSER_EVERY: u32 = 1024;

/// Receives records, in the order in which room was claimed for them. Dropping it leaves in good
/// order.
///
/// Who it is for: one thread at a time, in one process at a time. `try_recv` and `drain`
/// make no system call, but to wake a producer that sleeps (and with many producers, one call in
/// a thousand that find nothing), and
/// allocate nothing (but what a `Vec` needs to grow).
///
/// A call that has caught up with a stream (more than 64 records without a gap between them) keeps
/// off its producer's cache lines for a moment, some 1.3 microseconds at most, some 5 before a
/// `drain`: the two then move several times as much. Round trips, and bursts with gaps between them, are not
/// held up.
#[derive(Debug)]
pub struct Consumer<P: Protocol, M: Memory = Mapped> {
    pub(super) ring: protocol::Consumer<M, P>,
    pub(super) attachment: Arc<Attachment>,
    process: Process,
    pub(super) waking: Waking,
    pub(super) patience: Patience,
    pub(super) producers: Producers,
    /// The last slot whose holder was seen to be alive.
    pub(super) last_alive: usize,
    /// Calls that found nothing.
    empty_calls: u32,
    /// What was repaired and not asked for yet, the oldest first; see `repairs`.
    pub(super) repairs: VecDeque<Repair>,
}

impl<P: Protocol> Consumer<P, Mapped> {
    pub(super) fn new(attachment: Attachment, mut ring: protocol::Consumer<Mapped, P>) -> Self {
        ring.set_hint_time(hint_time().as_nanos() as u64);
        let region = attachment.region();
        Self {
            ring,
            process: region.process(),
            waking: Waking::new(region, Gate::Space),
            patience: Patience::new(WaitStrategy::default()),
            attachment: Arc::new(attachment),
            producers: Producers::default(),
            last_alive: 0,
            empty_calls: 0,
            repairs: VecDeque::new(),
        }
    }

    /// Lets records deref to `&[u8]`, so that payloads can be used where they are.
    ///
    /// # Safety
    /// As long as the consumer lives, every process that has the region mapped follows the
    /// protocol: it does not write bytes of records that were not released.
    ///
    /// ```
    /// # use mapring::spsc::Options;
    /// # let ring = Options::new().create(&format!("doc-trusting-{}", std::process::id()))?;
    /// # let mut producer = ring.producer()?;
    /// // SAFETY: the only peer is this very program.
    /// let mut consumer = unsafe { ring.consumer()?.trust_peers() };
    /// producer.try_send(0, b"abc")?;
    /// consumer.drain(1, |record| assert_eq!(&record[..], b"abc"))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub unsafe fn trust_peers(mut self) -> Consumer<P, TrustedMapped> {
        // SAFETY: the slices that `TrustedMapped` gives out are those of records not released, and
        // the caller vouches that no peer writes those.
        let memory = unsafe { self.ring.memory().clone().trust() };
        self.over(memory)
    }

    /// Lets it go on over another memory, which must be a view of this one: for tests of what happens
    /// between two accesses.
    #[cfg(feature = "internals")]
    #[must_use]
    pub fn with_memory<M: Memory>(mut self, wrap: impl FnOnce(Mapped) -> M) -> Consumer<P, M> {
        let memory = wrap(self.ring.memory().clone());
        self.over(memory)
    }

    fn over<M: Memory>(&mut self, memory: M) -> Consumer<P, M> {
        Consumer {
            ring: self.ring.over(memory),
            attachment: Arc::clone(&self.attachment),
            process: self.process,
            waking: self.waking,
            patience: self.patience,
            producers: self.producers,
            last_alive: self.last_alive,
            empty_calls: self.empty_calls,
            repairs: std::mem::take(&mut self.repairs),
        }
    }
}

impl<P: Protocol, M: Memory> Consumer<P, M> {
    /// Receives a record, if there is one now.
    ///
    /// Whether a producer *died* only the kernel can say, and this does not ask it (but with many
    /// producers, once in a thousand calls that find nothing): who polls for long asks now and
    /// then. It goes past 4096 claims that were given up at most; then it says `Empty`, and the
    /// next call goes on.
    ///
    /// # Errors
    /// [`TryRecvError`]; nothing was lost.
    #[inline(always)]
    pub fn try_recv<B: Buffer + ?Sized>(&mut self, into: &mut B) -> Result<Received, TryRecvError> {
        self.check_process()?;
        match self.ring.peek()? {
            Some(header) => self.take(header, into),
            None => Err(self.why_empty()),
        }
    }

    /// Takes the record that was just found.
    #[inline(always)]
    fn take<B: Buffer + ?Sized>(
        &mut self,
        header: RecordHeader,
        into: &mut B,
    ) -> Result<Received, TryRecvError> {
        let bytes = match into.room(header.len) {
            Ok(bytes) => bytes,
            Err(given) => {
                self.released();
                return Err(TryRecvError::TooSmall {
                    needed: header.len,
                    given,
                });
            }
        };
        self.ring.read(&header, bytes);
        self.ring.advance(&header);
        self.ring.release();
        self.released();
        Ok(Received {
            tag: header.tag,
            len: header.len,
        })
    }

    /// Receives a record, waiting for one until the deadline.
    ///
    /// # Errors
    /// [`RecvError`]; nothing was lost.
    #[inline(always)]
    pub fn recv<B: Buffer + ?Sized>(
        &mut self,
        into: &mut B,
        deadline: impl Into<Deadline>,
    ) -> Result<Received, RecvError> {
        match self.try_recv(into) {
            Ok(received) => return Ok(received),
            Err(TryRecvError::Empty) => {}
            Err(error) => return Err(error.without_empty()),
        }
        self.recv_later(into, deadline.into())
    }

    /// As [`Consumer::recv`], when there is nothing yet.
    #[inline(always)]
    fn recv_later<B: Buffer + ?Sized>(
        &mut self,
        into: &mut B,
        deadline: Deadline,
    ) -> Result<Received, RecvError> {
        // Who answers promptly is heard as soon as by one who polls: with no more than a look.
        let mut wait = Wait::until(deadline, &self.patience);
        while wait.pause_shortly() {
            if let Some(header) = self.ring.peek()? {
                return self.take(header, into).map_err(TryRecvError::without_empty);
            }
        }
        self.wait_on(wait)?;
        // There is a record, and nobody else to take it.
        self.try_recv(into).map_err(TryRecvError::without_empty)
    }

    /// Hands up to `limit` records that are there now to `each`, and then
    /// releases them. Returns how many there were, at least one (unless `limit` is none).
    ///
    /// Records are released together, after the last of them or after an eighth of the
    /// ring: if `each` panics, or this process is killed before, they come again.
    ///
    /// It ends after a lap of the ring at the latest, however large `limit` is.
    ///
    /// # Errors
    /// [`TryRecvError::Empty`], [`Disconnected`](TryRecvError::Disconnected),
    /// [`Corrupt`](TryRecvError::Corrupt) or [`Forked`](TryRecvError::Forked). What came
    /// before something corrupt is handed out first.
    #[inline]
    pub fn drain(
        &mut self,
        limit: usize,
        mut each: impl FnMut(Record<'_, M>),
    ) -> Result<usize, TryRecvError> {
        self.drain_while(limit, |record| {
            each(record);
            true
        })
    }

    /// As [`Consumer::drain`], but only as long as `each` returns true. The record for which it
    /// returned false is still there; with it alone, the result is `Ok(0)`.
    ///
    /// # Errors
    /// As [`Consumer::drain`].
    ///
    /// ```
    /// # use mapring::spsc::Options;
    /// # let ring = Options::new().create(&format!("doc-drain-{}", std::process::id()))?;
    /// # let (mut producer, mut consumer) = (ring.producer()?, ring.consumer()?);
    /// for payload in [b"one".as_slice(), b"two", b"three"] {
    ///     producer.try_send(0, payload)?;
    /// }
    /// let mut page = Vec::new();
    /// consumer.drain_while(10, |record| {
    ///     let fits = page.len() + record.len() <= 8;
    ///     if fits {
    ///         record.append_to(&mut page);
    ///     }
    ///     fits
    /// })?;
    /// assert_eq!(page, b"onetwo"); // "three" comes with the next page
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn drain_while(
        &mut self,
        limit: usize,
        mut each: impl FnMut(Record<'_, M>) -> bool,
    ) -> Result<usize, TryRecvError> {
        self.check_process()?;
        let release_every = self.capacity() / RELEASE_SHARE;
        let mut seen = false;
        let (waking, region) = (&mut self.waking, self.attachment.region());
        let count = self.ring.drain_with(
            limit,
            release_every,
            |record| {
                seen = true;
                each(Record::new(record))
            },
            |memory, head| waking.published(Gate::Space, memory, region, head),
        );
        if seen || limit == 0 {
            Ok(count)
        } else {
            Err(self.why_empty())
        }
    }

    /// How this consumer waits, from now on; [`WaitStrategy::Balanced`] before.
    pub fn set_wait_strategy(&mut self, strategy: WaitStrategy) {
        self.patience = Patience::new(strategy);
    }

    /// Bytes of records sent and not yet released by this consumer, as far as it can see.
    ///
    /// # Errors
    /// [`TryRecvError::Forked`].
    pub fn len(&self) -> Result<usize, TryRecvError> {
        self.check_process()?;
        Ok(self.ring.waiting())
    }

    /// Whether this consumer has released every record it can see.
    ///
    /// # Errors
    /// [`TryRecvError::Forked`].
    pub fn is_empty(&self) -> Result<bool, TryRecvError> {
        self.check_process()?;
        Ok(self.ring.waiting() == 0)
    }

    /// Bytes of the ring that are free for records, as far as this consumer can see.
    ///
    /// # Errors
    /// [`TryRecvError::Forked`].
    pub fn free(&self) -> Result<usize, TryRecvError> {
        Ok((self.capacity() - HEADER_SIZE).saturating_sub(self.len()?))
    }

    /// Bytes of the ring.
    #[inline]
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.ring.geometry().capacity()
    }

    /// Longest payload, in bytes.
    #[inline]
    #[must_use]
    pub fn max_payload(&self) -> usize {
        self.ring.geometry().max_payload()
    }

    /// Where the next record starts: bytes that went through the ring before it.
    #[inline]
    #[must_use]
    pub fn position(&self) -> u64 {
        self.ring.position().0
    }

    /// Why there was no record: there is none now, or there will be none any more.
    #[inline(always)]
    fn why_empty(&mut self) -> TryRecvError {
        self.ring.count_stall();
        self.empty_calls = self.empty_calls.wrapping_add(1);
        let look_closer =
            P::KIND == Kind::Mpsc && self.empty_calls.is_multiple_of(LOOK_CLOSER_EVERY);
        if look_closer && let Err(corrupt) = self.look_closer() {
            return corrupt.into();
        }
        if P::KIND == Kind::Mpsc {
            // What was skipped on the way here may be the room that somebody sleeps for.
            self.released();
        }
        match self.have_left() {
            Ok(false) if self.ring.corrupt().is_none() => TryRecvError::Empty,
            _ => self.why_ended(),
        }
    }

    /// Wakes producers that sleep until what was released is free.
    #[inline(always)]
    pub(super) fn released(&mut self) {
        if self.waking.must_wake(Gate::Space, self.ring.memory()) {
            self.wake_producers();
        }
    }

    #[cold]
    #[inline(never)]
    fn wake_producers(&mut self) {
        let (region, head) = (self.attachment.region(), self.ring.position());
        self.waking.wake(Gate::Space, region, head);
    }

    /// As `why_empty`, when it is not just empty.
    #[cold]
    #[inline(never)]
    fn why_ended(&mut self) -> TryRecvError {
        // What they sent before they left is visible now; what ended this consumer is seen again.
        match self.ring.is_drained() {
            Ok(true) => TryRecvError::Disconnected,
            Ok(false) => TryRecvError::Empty,
            Err(corrupt) => corrupt.into(),
        }
    }

    #[inline(always)]
    pub(super) fn check_process(&self) -> Result<(), TryRecvError> {
        if self.process.is_current() {
            Ok(())
        } else if self.attachment.region().process().is_current() {
            Err(TryRecvError::RegionLost)
        } else {
            Err(TryRecvError::Forked)
        }
    }

    /// Touches the region no more.
    #[cold]
    pub(super) fn lose(&mut self) -> RecvError {
        self.process.forget();
        RecvError::RegionLost
    }
}

impl<P: Protocol, M: Memory> Drop for Consumer<P, M> {
    fn drop(&mut self) {
        if self.process.is_current() && !self.attachment.region().is_lost() {
            self.ring.show_counters();
        }
    }
}
