//! The sending side.

use std::sync::Arc;

use crate::error::{Corrupt, SendError, TrySendError};
use crate::layout::{HEADER_SIZE, Seat};
use crate::memory::Memory;
use crate::os::mapped::{Mapped, TrustedMapped};
use crate::os::process::Process;
use crate::os::wait::{Deadline, Patience, WaitStrategy};
use crate::peer::{Attachment, Peer};
use crate::ring::gate::Gate;
use crate::ring::{self as protocol, Position, Produce, Protocol};
use crate::wakeups::{Signal, Waking};

use super::Claim;
use super::waiting::Goal;

/// What says which record was sent: with it, its sender can wait until that was consumed. It
/// means nothing in another ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Receipt {
    /// Where the record ends.
    end: u64,
}

/// Sends records. Dropping it leaves in good order.
///
/// Who it is for: one thread at a time, in one process at a time. `try_send`, `try_claim`
/// and batches make no system call, but to wake a consumer that
/// sleeps, and allocate nothing (with [events](crate::Wakeups::Event) they may start a thread).
#[derive(Debug)]
pub struct Producer<P: Protocol, M: Memory = Mapped> {
    pub(super) ring: P::Producer<M>,
    pub(super) attachment: Arc<Attachment>,
    pub(super) process: Process,
    pub(super) waking: Waking,
    pub(super) patience: Patience,
}

impl<P: Protocol> Producer<P, Mapped> {
    pub(super) fn new(attachment: Attachment, ring: P::Producer<Mapped>) -> Self {
        let region = attachment.region();
        Self {
            ring,
            process: region.process(),
            waking: Waking::new(region, Gate::Data),
            patience: Patience::new(WaitStrategy::default()),
            attachment: Arc::new(attachment),
        }
    }

    /// Lets claims deref to `&mut [u8]`, so that payloads can be built in the ring itself.
    ///
    /// # Safety
    /// As long as the producer lives, every process that has the region mapped follows the
    /// protocol: it neither reads nor writes bytes that a claim of this producer covers.
    ///
    /// ```
    /// # use mapring::spsc::Options;
    /// # let ring = Options::new().create(&format!("doc-trust-{}", std::process::id()))?;
    /// # let mut consumer = ring.consumer()?;
    /// // SAFETY: the only peer is this very program.
    /// let mut producer = unsafe { ring.producer()?.trust_peers() };
    /// let mut claim = producer.try_claim(3)?;
    /// claim.copy_from_slice(b"abc");
    /// claim.commit(0);
    /// # let mut payload = Vec::new();
    /// # consumer.try_recv(&mut payload)?;
    /// # assert_eq!(payload, b"abc");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub unsafe fn trust_peers(mut self) -> Producer<P, TrustedMapped> {
        // SAFETY: the slices that `TrustedMapped` gives out are those of claims, and the caller
        // vouches that no peer touches the bytes of a claim.
        let memory = unsafe { self.ring.memory().clone().trust() };
        self.over(memory)
    }

    /// Lets it go on over another memory, which must be a view of this one: for tests of what happens
    /// between two accesses.
    #[cfg(feature = "internals")]
    #[must_use]
    pub fn with_memory<M: Memory>(mut self, wrap: impl FnOnce(Mapped) -> M) -> Producer<P, M> {
        let memory = wrap(self.ring.memory().clone());
        self.over(memory)
    }

    fn over<M: Memory>(&mut self, memory: M) -> Producer<P, M> {
        // The other one must not find a claim that was leaked before.
        self.leave();
        Producer {
            ring: P::over(&self.ring, memory),
            attachment: Arc::clone(&self.attachment),
            process: self.process,
            waking: self.waking,
            patience: self.patience,
        }
    }
}

impl<P: Protocol, M: Memory> Producer<P, M> {
    /// Sends a copy of `payload`, if there is room now.
    ///
    /// # Errors
    /// [`TrySendError`]; nothing was sent.
    #[inline(always)]
    pub fn try_send(&mut self, tag: u32, payload: &[u8]) -> Result<Receipt, TrySendError> {
        self.check_process()?;
        match self.ring.try_send(tag, payload) {
            Ok(()) => Ok(self.sent()),
            Err(error) => Err(self.refused(error)),
        }
    }

    /// Wakes the consumer behind an attempt that failed: it has aborted a claim that was leaked, if
    /// there was one, and so what is behind that can be received.
    #[cold]
    #[inline(never)]
    pub(super) fn refused(&mut self, error: TrySendError) -> TrySendError {
        self.sent();
        error
    }

    /// Sends a copy of `payload`, waiting for room until the deadline.
    ///
    /// # Errors
    /// [`SendError`]; nothing was sent. That the consumer left or died is an error only
    /// when the ring is full; before, a successor may receive what is sent.
    #[inline(always)]
    pub fn send(
        &mut self,
        tag: u32,
        payload: &[u8],
        deadline: impl Into<Deadline>,
    ) -> Result<Receipt, SendError> {
        match self.try_send(tag, payload) {
            Ok(receipt) => Ok(receipt),
            Err(TrySendError::Full) => self.send_later(tag, payload, deadline.into()),
            Err(error) => Err(error.without_full()),
        }
    }

    #[cold]
    #[inline(never)]
    fn send_later(
        &mut self,
        tag: u32,
        payload: &[u8],
        deadline: Deadline,
    ) -> Result<Receipt, SendError> {
        let size = self.ring.geometry().record_size(payload.len());
        self.repeat(size, deadline, |ring| ring.try_send(tag, payload))?;
        Ok(self.sent())
    }

    /// Wakes the consumer if it sleeps; to be called after something was sent.
    #[inline(always)]
    fn sent(&mut self) -> Receipt {
        if self.waking.must_wake(Gate::Data, self.ring.memory()) {
            self.wake_consumer();
        }
        Receipt {
            end: self.ring.position().0,
        }
    }

    #[cold]
    #[inline(never)]
    fn wake_consumer(&mut self) {
        // Records wait for nothing but their header.
        let region = self.attachment.region();
        self.waking.wake(Gate::Data, region, Position(0));
    }

    /// Sends a copy of `payload`, and waits until the consumer has released it.
    ///
    /// # Errors
    /// [`SendError`]. [`TimedOut`](SendError::TimedOut) also when the record was sent, but not
    /// released until the deadline; [`Disconnected`](SendError::Disconnected) and
    /// [`PeerDied`](SendError::PeerDied) also when the consumer went before it released it: then a
    /// successor receives it. Who must know which it was calls [`Producer::send`], and then
    /// [`Producer::wait_consumed`].
    ///
    /// ```
    /// # use mapring::spsc::Options;
    /// # use std::time::Duration;
    /// # let ring = Options::new().create(&format!("doc-sync-{}", std::process::id()))?;
    /// # let (mut producer, mut consumer) = (ring.producer()?, ring.consumer()?);
    /// let wait = Duration::from_secs(10);
    /// std::thread::scope(|scope| {
    ///     scope.spawn(move || consumer.recv(&mut Vec::new(), wait)); // usually another process
    ///     producer.send_sync(1, b"do this", wait) // returns when it was received
    /// })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn send_sync(
        &mut self,
        tag: u32,
        payload: &[u8],
        deadline: impl Into<Deadline>,
    ) -> Result<(), SendError> {
        let deadline = deadline.into();
        let receipt = self.send(tag, payload, deadline)?;
        self.wait_consumed(receipt, deadline)
    }

    /// Waits until the consumer has released the record that the receipt is for.
    ///
    /// # Errors
    /// As [`Producer::flush`].
    pub fn wait_consumed(
        &mut self,
        receipt: Receipt,
        deadline: impl Into<Deadline>,
    ) -> Result<(), SendError> {
        let end = Position(receipt.end);
        self.wait(deadline.into(), Goal::Released(end))
    }

    /// Whether the consumer has released the record that the receipt is for. No system call.
    ///
    /// # Errors
    /// [`TrySendError::Corrupt`], [`TrySendError::Forked`].
    pub fn is_consumed(&mut self, receipt: Receipt) -> Result<bool, TrySendError> {
        self.check_process()?;
        Ok(self.ring.is_released(Position(receipt.end))?)
    }

    /// How this producer waits, from now on; [`WaitStrategy::Balanced`] before.
    pub fn set_wait_strategy(&mut self, strategy: WaitStrategy) {
        self.patience = Patience::new(strategy);
    }

    /// Sets aside room for a payload of `len` bytes, to be written in place.
    ///
    /// # Errors
    /// [`TrySendError`].
    #[inline(always)]
    pub fn try_claim(&mut self, len: usize) -> Result<Claim<'_, P, M>, TrySendError> {
        self.check_process()?;
        // Before: a claim that fails may have aborted one that was leaked.
        let signal = Signal::new(&mut self.waking, self.attachment.region());
        let claim = self.ring.try_claim(len)?;
        Ok(Claim::new(claim, &self.process, signal))
    }

    /// Sets aside room for a payload of `len` bytes, waiting for it until the deadline.
    ///
    /// # Errors
    /// As [`Producer::send`].
    pub fn claim(
        &mut self,
        len: usize,
        deadline: impl Into<Deadline>,
    ) -> Result<Claim<'_, P, M>, SendError> {
        self.check_process().map_err(TrySendError::without_full)?;
        let size = self.record_size(len);
        let extent = self.repeat(size, deadline.into(), |ring| ring.reserve(len))?;
        let claim = protocol::Claim::new(&mut self.ring, extent, len);
        let signal = Signal::new(&mut self.waking, self.attachment.region());
        Ok(Claim::new(claim, &self.process, signal))
    }

    /// Waits until the consumer has released everything sent so far.
    ///
    /// # Errors
    /// [`SendError::TimedOut`], or that the consumer left or died before; [`SendError::Corrupt`],
    /// [`SendError::Forked`].
    pub fn flush(&mut self, deadline: impl Into<Deadline>) -> Result<(), SendError> {
        let end = self.ring.position();
        self.wait(deadline.into(), Goal::Released(end))
    }

    /// Gives the role up as if this process had died, for one who cannot finish: the consumer
    /// receives what was sent, and then (where no other producer is alive)
    /// [`PeerDied`](crate::RecvError::PeerDied) instead of
    /// [`Disconnected`](crate::RecvError::Disconnected).
    ///
    /// ```
    /// # use mapring::spsc::Options;
    /// use mapring::{Deadline, RecvError};
    /// # let ring = Options::new().create(&format!("doc-abandon-{}", std::process::id()))?;
    /// # let (mut producer, mut consumer) = (ring.producer()?, ring.consumer()?);
    /// producer.try_send(0, b"half of the story")?;
    /// producer.abandon();
    ///
    /// let mut payload = Vec::new();
    /// consumer.recv(&mut payload, Deadline::NEVER)?;
    /// let pid = std::process::id();
    /// assert_eq!(consumer.recv(&mut payload, Deadline::NEVER), Err(RecvError::PeerDied { pid }));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn abandon(mut self) {
        // Nobody else has it: a producer that came to trust its peers has taken it over.
        if let Some(attachment) = Arc::get_mut(&mut self.attachment) {
            attachment.abandon();
        }
    }

    /// Bytes of the ring that records wait in, or are being read from.
    ///
    /// # Errors
    /// [`TrySendError::Corrupt`], [`TrySendError::Forked`].
    pub fn len(&mut self) -> Result<usize, TrySendError> {
        Ok(self.capacity() - HEADER_SIZE - self.free()?)
    }

    /// Whether the consumer has released everything.
    ///
    /// # Errors
    /// [`TrySendError::Corrupt`], [`TrySendError::Forked`].
    pub fn is_empty(&mut self) -> Result<bool, TrySendError> {
        Ok(self.len()? == 0)
    }

    /// Bytes of the ring that are free for records: what one takes,
    /// [`record_size`](Producer::record_size) says. Eight bytes of the ring are never used.
    ///
    /// # Errors
    /// [`TrySendError::Corrupt`], [`TrySendError::Forked`].
    pub fn free(&mut self) -> Result<usize, TrySendError> {
        self.check_process()?;
        Ok(self.ring.free()?)
    }

    /// Bytes of the ring that a record with a payload of `len` bytes takes, which is at most the
    /// longest: its header and the payload, rounded up to the record alignment.
    #[inline]
    #[must_use]
    pub fn record_size(&self, len: usize) -> usize {
        self.ring
            .geometry()
            .record_size(len.min(self.max_payload()))
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

    /// Where the last record that this producer has sent ends, or what was sent before it
    /// came: so many bytes went through the ring up to there. Where there is one producer, the
    /// next record starts there.
    #[inline]
    #[must_use]
    pub fn position(&self) -> u64 {
        self.ring.position().0
    }

    /// Who receives. One system call at most.
    ///
    /// # Errors
    /// [`TrySendError::Corrupt`], [`TrySendError::Forked`].
    pub fn consumer(&mut self) -> Result<Peer, TrySendError> {
        self.check_process()?;
        Ok(self.look_at_consumer()?)
    }

    pub(super) fn look_at_consumer(&mut self) -> Result<Peer, Corrupt> {
        self.attachment
            .peer(Seat::Consumer)
            .map_err(|corrupt| self.ring.poison(corrupt))
    }

    #[inline(always)]
    pub(super) fn check_process(&self) -> Result<(), TrySendError> {
        if self.process.is_current() {
            Ok(())
        } else if self.attachment.region().process().is_current() {
            Err(TrySendError::RegionLost)
        } else {
            Err(TrySendError::Forked)
        }
    }

    /// Touches the region no more.
    #[cold]
    pub(super) fn lose(&mut self) -> SendError {
        self.process.forget();
        SendError::RegionLost
    }

    /// Aborts a claim that was leaked, and shows the counters.
    fn leave(&mut self) {
        if self.process.is_current() && !self.attachment.region().is_lost() {
            let was_leaked = self.ring.leave();
            if was_leaked {
                self.sent();
            }
        }
    }
}

impl<P: Protocol, M: Memory> Drop for Producer<P, M> {
    fn drop(&mut self) {
        self.leave();
    }
}
