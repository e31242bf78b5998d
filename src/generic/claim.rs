//! Payloads written in place, and batches.

use std::fmt;
use std::io;
use std::mem::{self, ManuallyDrop};
use std::ops::{Deref, DerefMut};

use crate::error::TrySendError;
use crate::memory::Memory;
use crate::os::mapped::{Mapped, TrustedMapped};
use crate::os::process::Process;
use crate::ring::{self as protocol, Abort, Protocol};
use crate::wakeups::Signal;

/// Room in the ring for one payload, to be written in place.
///
/// [`Claim::commit`] sends it. Dropping it aborts: nothing was sent, and the room is free again
/// (where there are many producers, once the consumer has come by). A claim that is leaked
/// (`mem::forget`) is aborted when its producer sends or claims next, or leaves. What is not
/// written before the commit is whatever stood there.
///
/// It is also an [`io::Write`] that fills the payload from its start. A claim
/// of a producer that [trusts its peers](super::Producer::trust_peers) derefs to its payload.
///
/// ```
/// # use mapring::spsc::Options;
/// # let ring = Options::new().create(&format!("doc-claim-{}", std::process::id()))?;
/// # let (mut producer, mut consumer) = (ring.producer()?, ring.consumer()?);
/// let mut claim = producer.try_claim(6)?;
/// claim.write(0, b"abc");
/// claim.write(3, b"def");
/// claim.commit(1);
///
/// producer.try_claim(100)?; // dropped: as if it had not been
///
/// let mut payload = [0; 6];
/// consumer.try_recv(&mut payload)?;
/// assert_eq!(&payload, b"abcdef");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a claim that is dropped is aborted"]
pub struct Claim<'a, P: Protocol, M: Memory = Mapped> {
    claim: Own<'a, protocol::Claim<'a, P::Producer<M>>>,
    /// Bytes that came through `io::Write`.
    written: usize,
    // Behind the claim, so that it is dropped after it.
    signal: Signal<'a>,
}

impl<'a, P: Protocol, M: Memory> Claim<'a, P, M> {
    #[inline(always)]
    pub(super) fn new(
        claim: protocol::Claim<'a, P::Producer<M>>,
        process: &'a Process,
        signal: Signal<'a>,
    ) -> Self {
        Self {
            claim: Own::new(claim, process),
            written: 0,
            signal,
        }
    }

    /// Bytes of payload.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.claim.len()
    }

    /// Whether the payload has no bytes.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.claim.is_empty()
    }

    /// Copies `bytes` into the payload, `offset` bytes from its start.
    ///
    /// # Panics
    /// When they do not fit.
    #[inline(always)]
    pub fn write(&mut self, offset: usize, bytes: &[u8]) {
        self.claim.write(offset, bytes);
    }

    /// Sends the record.
    #[inline(always)]
    pub fn commit(self, tag: u32) {
        let Self { claim, signal, .. } = self;
        claim.end_by(|claim| claim.publish(tag));
        drop(signal);
    }
}

impl<P: Protocol, M: Memory> fmt::Debug for Claim<'_, P, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claim")
            .field("len", &self.len())
            .field("written", &self.written)
            .finish()
    }
}

impl<P: Protocol, M: Memory> io::Write for Claim<'_, P, M> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let fits = bytes.len().min(self.len() - self.written);
        self.claim.write(self.written, &bytes[..fits]);
        self.written += fits;
        Ok(fits)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<P: Protocol> Deref for Claim<'_, P, TrustedMapped> {
    type Target = [u8];

    #[inline(always)]
    fn deref(&self) -> &[u8] {
        self.claim
            .memory()
            .slice(self.claim.payload(), self.claim.len())
    }
}

impl<P: Protocol> DerefMut for Claim<'_, P, TrustedMapped> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [u8] {
        let (payload, len) = (self.claim.payload(), self.claim.len());
        self.claim.memory_mut().slice_mut(payload, len)
    }
}

/// Records that are sent all at once, or not at all.
///
/// [`Batch::publish`] sends them. Dropping it, or dying before, sends none.
///
/// ```
/// # use mapring::spsc::Options;
/// # let ring = Options::new().create(&format!("doc-batch-{}", std::process::id()))?;
/// # let (mut producer, mut consumer) = (ring.producer()?, ring.consumer()?);
/// let mut batch = producer.batch()?;
/// batch.push(1, b"debit")?;
/// batch.push(2, b"credit")?;
/// batch.publish();
///
/// let mut tags = Vec::new();
/// consumer.drain(10, |record| tags.push(record.tag()))?;
/// assert_eq!(tags, [1, 2]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "a batch that is dropped is aborted"]
pub struct Batch<'a, P: Protocol, M: Memory = Mapped> {
    batch: Own<'a, protocol::Batch<'a, P::Producer<M>>>,
    // Behind the batch, so that it is dropped after it.
    signal: Signal<'a>,
}

impl<'a, P: Protocol, M: Memory> Batch<'a, P, M> {
    #[inline(always)]
    pub(super) fn new(
        batch: protocol::Batch<'a, P::Producer<M>>,
        process: &'a Process,
        signal: Signal<'a>,
    ) -> Self {
        Self {
            batch: Own::new(batch, process),
            signal,
        }
    }

    /// How many records it holds.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.batch.len()
    }

    /// Whether it holds no record.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.batch.is_empty()
    }

    /// Adds a record.
    ///
    /// # Errors
    /// As [`Producer::try_send`](super::Producer::try_send); what the batch held it still holds. In
    /// a ring of many producers, [`Full`](TrySendError::Full) means that the room that the batch
    /// asked for is used up.
    #[inline(always)]
    pub fn push(&mut self, tag: u32, payload: &[u8]) -> Result<(), TrySendError> {
        self.check_process()?;
        self.batch.push(tag, payload)
    }

    /// Sets aside room for a payload of `len` bytes, to be written in place.
    ///
    /// # Errors
    /// As [`Batch::push`].
    #[inline(always)]
    pub fn try_claim(&mut self, len: usize) -> Result<BatchClaim<'_, 'a, P, M>, TrySendError> {
        self.check_process()?;
        Ok(BatchClaim {
            claim: self.batch.try_claim(len)?,
        })
    }

    /// Sends all of it. An empty batch sends nothing.
    #[inline(always)]
    pub fn publish(self) {
        let Self { batch, signal, .. } = self;
        batch.end_by(protocol::Batch::publish_all);
        drop(signal);
    }

    #[inline(always)]
    fn check_process(&self) -> Result<(), TrySendError> {
        if self.batch.process.is_current() {
            Ok(())
        } else {
            // One that waits, and so finds a region lost, has no batch.
            Err(TrySendError::Forked)
        }
    }
}

/// Room for one payload of a [`Batch`]. Dropping it gives the room back to the batch.
#[derive(Debug)]
#[must_use = "a claim that is dropped is aborted"]
pub struct BatchClaim<'b, 'a, P: Protocol, M: Memory = Mapped> {
    claim: protocol::BatchClaim<'b, 'a, P::Producer<M>>,
}

impl<P: Protocol, M: Memory> BatchClaim<'_, '_, P, M> {
    /// Bytes of payload.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.claim.len()
    }

    /// Whether the payload has no bytes.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.claim.is_empty()
    }

    /// Copies `bytes` into the payload, `offset` bytes from its start.
    ///
    /// # Panics
    /// When they do not fit.
    #[inline(always)]
    pub fn write(&mut self, offset: usize, bytes: &[u8]) {
        self.claim.write(offset, bytes);
    }

    /// Adds the record to the batch.
    #[inline(always)]
    pub fn commit(self, tag: u32) {
        self.claim.commit(tag);
    }
}

impl<P: Protocol> Deref for BatchClaim<'_, '_, P, TrustedMapped> {
    type Target = [u8];

    #[inline(always)]
    fn deref(&self) -> &[u8] {
        self.claim
            .memory()
            .slice(self.claim.payload(), self.claim.len())
    }
}

impl<P: Protocol> DerefMut for BatchClaim<'_, '_, P, TrustedMapped> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [u8] {
        let (payload, len) = (self.claim.payload(), self.claim.len());
        self.claim.memory_mut().slice_mut(payload, len)
    }
}

/// What is aborted when it is dropped, but only by the process that made it: a forked child does not
/// have the memory that this changes, and may have something else in its place.
#[derive(Debug)]
struct Own<'a, T: Abort> {
    inner: ManuallyDrop<T>,
    process: &'a Process,
}

impl<'a, T: Abort> Own<'a, T> {
    #[inline(always)]
    fn new(inner: T, process: &'a Process) -> Self {
        Self {
            inner: ManuallyDrop::new(inner),
            process,
        }
    }

    /// Does this instead of aborting it.
    #[inline(always)]
    fn end_by(mut self, end: impl FnOnce(&mut T)) {
        end(&mut self.inner);
        mem::forget(self);
    }
}

impl<T: Abort> Deref for Own<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        &self.inner
    }
}

impl<T: Abort> DerefMut for Own<'_, T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.inner
    }
}

impl<T: Abort> Drop for Own<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        if self.process.is_current() {
            self.inner.abort();
        }
    }
}
