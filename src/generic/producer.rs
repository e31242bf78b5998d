//! The sending side.

use std::sync::Arc;

use crate::error::{Corrupt, SendError, TrySendError};
use crate::layout::{HEADER_SIZE, Seat};
use crate::memory::Memory;
use crate::os::mapped::{Mapped, TrustedMapped};
use crate::os::process::Process;
use crate::os::wait::{Deadline, Pause, Wait};
use crate::peer::{Attachment, Peer};
use crate::ring::{self as protocol, Produce, Protocol};

use super::Claim;

/// A blocked send waits for this part of the ring to be free, not just for its own
/// record: or it would take the consumer's cache line away for each record.
const WORTHWHILE_SHARE: usize = 8;

/// Sends records. Dropping it leaves in good order.
///
/// Who it is for: one thread at a time, in one process at a time. `try_send`, `try_claim`
/// and batches make no system call and allocate nothing.
#[derive(Debug)]
pub struct Producer<P: Protocol, M: Memory = Mapped> {
    pub(super) ring: P::Producer<M>,
    attachment: Arc<Attachment>,
    pub(super) process: Process,
}

impl<P: Protocol> Producer<P, Mapped> {
    pub(super) fn new(attachment: Attachment, ring: P::Producer<Mapped>) -> Self {
        let process = attachment.region().process();
        Self {
            ring,
            attachment: Arc::new(attachment),
            process,
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
        }
    }
}

impl<P: Protocol, M: Memory> Producer<P, M> {
    /// Sends a copy of `payload`, if there is room now.
    ///
    /// # Errors
    /// [`TrySendError`]; nothing was sent.
    #[inline(always)]
    pub fn try_send(&mut self, tag: u32, payload: &[u8]) -> Result<(), TrySendError> {
        self.check_process()?;
        self.ring.try_send(tag, payload)
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
    ) -> Result<(), SendError> {
        match self.try_send(tag, payload) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full) => self.send_later(tag, payload, deadline.into()),
            Err(error) => Err(without_full(error)),
        }
    }

    #[cold]
    #[inline(never)]
    fn send_later(
        &mut self,
        tag: u32,
        payload: &[u8],
        deadline: Deadline,
    ) -> Result<(), SendError> {
        let size = self.ring.geometry().record_size(payload.len());
        self.repeat(size, deadline, |ring| ring.try_send(tag, payload))
    }

    /// Sets aside room for a payload of `len` bytes, to be written in place.
    ///
    /// # Errors
    /// [`TrySendError`].
    #[inline]
    pub fn try_claim(&mut self, len: usize) -> Result<Claim<'_, P, M>, TrySendError> {
        self.check_process()?;
        Ok(Claim::new(self.ring.try_claim(len)?))
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
        self.check_process().map_err(without_full)?;
        let size = self.record_size(len);
        let extent = self.repeat(size, deadline.into(), |ring| ring.reserve(len))?;
        Ok(Claim::new(protocol::Claim::new(
            &mut self.ring,
            extent,
            len,
        )))
    }

    /// Waits until the consumer has released everything sent so far.
    ///
    /// # Errors
    /// [`SendError::TimedOut`], or that the consumer left or died before; [`SendError::Corrupt`],
    /// [`SendError::Forked`].
    pub fn flush(&mut self, deadline: impl Into<Deadline>) -> Result<(), SendError> {
        let end = self.ring.position();
        self.wait(deadline.into(), |ring, _| ring.is_released(end))
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

    fn look_at_consumer(&mut self) -> Result<Peer, Corrupt> {
        self.attachment
            .peer(Seat::Consumer)
            .map_err(|corrupt| self.ring.poison(corrupt))
    }

    /// Repeats an attempt that needs `size` bytes of the ring until there is room for it.
    ///
    /// Where there are many producers, others may take the room in between, and
    /// whoever needs much may be the last to get it.
    pub(super) fn repeat<T>(
        &mut self,
        size: usize,
        deadline: Deadline,
        mut attempt: impl FnMut(&mut P::Producer<M>) -> Result<T, TrySendError>,
    ) -> Result<T, SendError> {
        let worthwhile = size.max(self.capacity() / WORTHWHILE_SHARE);
        let mut wait = Wait::until(deadline);
        let mut has_waited = false;
        loop {
            match attempt(&mut self.ring) {
                Err(TrySendError::Full) => {}
                done => return done.map_err(without_full),
            }
            // There was room, but not for long enough.
            if has_waited && wait.pause() == Pause::TimedOut {
                return Err(SendError::TimedOut);
            }
            has_waited = true;
            self.wait_on(&mut wait, |ring, waited_long| {
                // A consumer that reads slowly gets its next record as soon as that fits.
                ring.has_room(if waited_long { size } else { worthwhile })
            })?;
        }
    }

    fn wait(
        &mut self,
        deadline: Deadline,
        is_done: impl FnMut(&mut P::Producer<M>, bool) -> Result<bool, Corrupt>,
    ) -> Result<(), SendError> {
        self.wait_on(&mut Wait::until(deadline), is_done)
    }

    /// Waits until `is_done`, which is told whether it has been called for long.
    fn wait_on(
        &mut self,
        wait: &mut Wait,
        mut is_done: impl FnMut(&mut P::Producer<M>, bool) -> Result<bool, Corrupt>,
    ) -> Result<(), SendError> {
        self.check_process().map_err(without_full)?;
        loop {
            if is_done(&mut self.ring, wait.is_long())? {
                return Ok(());
            }
            let pause = wait.pause();
            if wait.has_just_become_long() {
                self.ring.count_wait();
            }
            let over = match pause {
                Pause::Look => continue,
                Pause::LookAndCheckPeer | Pause::TimedOut => match self.look_at_consumer()? {
                    Peer::Left => SendError::Disconnected,
                    Peer::Died { pid } => SendError::PeerDied { pid },
                    Peer::Absent | Peer::Attached { .. } if pause == Pause::TimedOut => {
                        SendError::TimedOut
                    }
                    Peer::Absent | Peer::Attached { .. } => continue,
                },
            };
            // It may have made room before it went.
            return if is_done(&mut self.ring, true)? {
                Ok(())
            } else {
                Err(over)
            };
        }
    }

    #[inline(always)]
    pub(super) fn check_process(&self) -> Result<(), TrySendError> {
        if self.process.is_current() {
            Ok(())
        } else {
            Err(TrySendError::Forked)
        }
    }

    /// Aborts a claim that was leaked, and shows the counters.
    fn leave(&mut self) {
        if self.process.is_current() {
            self.ring.leave();
        }
    }
}

impl<P: Protocol, M: Memory> Drop for Producer<P, M> {
    fn drop(&mut self) {
        self.leave();
    }
}

/// The error of an attempt that came after there was room.
pub(super) fn without_full(error: TrySendError) -> SendError {
    match error {
        TrySendError::Full => SendError::TimedOut,
        TrySendError::TooMuchRoom { room, limit } => SendError::TooMuchRoom { room, limit },
        TrySendError::TooLong { len, limit } => SendError::TooLong { len, limit },
        TrySendError::Corrupt(corrupt) => SendError::Corrupt(corrupt),
        TrySendError::Forked => SendError::Forked,
    }
}
