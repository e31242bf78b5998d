//! A batch: several records, published by one header.

use core::mem;
use core::sync::atomic::Ordering::Relaxed;

use crate::error::TrySendError;
use crate::layout::Word;
use crate::memory::Memory;

use super::claim::{Abort, write_at};
use super::protocol::{Extent, Produce};
use super::{Position, RecordHeader};

/// Records that become visible all at once. Dropping it aborts all of them.
#[derive(Debug)]
#[must_use = "a batch that is dropped is aborted"]
pub struct Batch<'a, P: Produce> {
    producer: &'a mut P,
    /// The header of the first record, which publishes everything (I7); 0 before there is one.
    first: u64,
    /// Where its records go; the next one starts at its end.
    extent: Extent,
    /// Where they must end, if that was fixed before.
    limit: Position,
    records: u64,
}

impl<'a, P: Produce> Batch<'a, P> {
    /// A batch that starts at `start`, and that the producer knows to go up to `limit` at most.
    #[inline]
    pub(super) fn new(producer: &'a mut P, start: Position, limit: Position) -> Self {
        let extent = Extent::new(start, start, producer.geometry());
        Self {
            producer,
            first: 0,
            extent,
            limit,
            records: 0,
        }
    }

    /// How many records it holds.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.records as usize
    }

    /// Whether it holds no record.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// Adds a record.
    ///
    /// # Errors
    /// As [`Produce::try_send`]; the batch is as before and can still be published.
    #[inline(always)]
    pub fn push(&mut self, tag: u32, payload: &[u8]) -> Result<(), TrySendError> {
        let extent = self.reserve(payload.len())?;
        self.producer.memory().write(extent.payload(), payload);
        self.add(
            RecordHeader {
                tag,
                len: payload.len(),
            },
            &extent,
        );
        Ok(())
    }

    /// Sets aside room for a payload of `len` bytes, to be written in place.
    ///
    /// # Errors
    /// As [`Batch::push`].
    #[inline]
    pub fn try_claim(&mut self, len: usize) -> Result<BatchClaim<'_, 'a, P>, TrySendError> {
        let extent = self.reserve(len)?;
        Ok(BatchClaim {
            batch: self,
            extent,
            len,
        })
    }

    /// Publishes all of it. An empty batch changes nothing.
    #[inline]
    pub fn publish(mut self) {
        self.publish_all();
        // Published, so there is nothing to abort.
        mem::forget(self);
    }

    /// As [`Batch::publish`], for who never drops it.
    #[inline]
    pub(crate) fn publish_all(&mut self) {
        self.producer
            .publish_batch(self.first, &self.extent, self.limit, self.records);
    }

    #[inline(always)]
    fn reserve(&mut self, len: usize) -> Result<Extent, TrySendError> {
        self.producer
            .reserve_in_batch(self.extent.end, self.limit, len)
    }

    /// Stores the header of a record that went to `extent`; that of the first is kept back.
    #[inline(always)]
    fn add(&mut self, header: RecordHeader, extent: &Extent) {
        if self.records == 0 {
            self.first = header.to_word();
        } else {
            // Published by the first record's header.
            self.producer
                .memory()
                .store(extent.at, header.to_word(), Relaxed);
        }
        self.extent.next = extent.next;
        self.extent.end = extent.end;
        self.records += 1;
    }
}

impl<P: Produce> Abort for Batch<'_, P> {
    #[inline]
    fn abort(&mut self) {
        self.producer.abort(&self.extent, self.limit);
    }
}

impl<P: Produce> Drop for Batch<'_, P> {
    #[inline]
    fn drop(&mut self) {
        self.abort();
    }
}

/// Room for one payload of a batch. Dropping it gives the room back to the batch.
#[derive(Debug)]
#[must_use = "a claim that is dropped is aborted"]
pub struct BatchClaim<'b, 'a, P: Produce> {
    batch: &'b mut Batch<'a, P>,
    extent: Extent,
    len: usize,
}

impl<P: Produce> BatchClaim<'_, '_, P> {
    /// Bytes of payload.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the payload has no bytes.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Where the payload stands.
    #[inline]
    #[must_use]
    pub fn payload(&self) -> Word {
        self.extent.payload()
    }

    /// The memory that the ring lives in.
    #[inline]
    #[must_use]
    pub fn memory(&self) -> &P::Memory {
        self.batch.producer.memory()
    }

    pub(crate) fn memory_mut(&mut self) -> &mut P::Memory {
        self.batch.producer.memory_mut()
    }

    /// Copies `bytes` into the payload, `offset` bytes from its start.
    ///
    /// # Panics
    /// When they do not fit.
    #[inline]
    pub fn write(&mut self, offset: usize, bytes: &[u8]) {
        write_at(self.memory(), self.payload(), self.len, offset, bytes);
    }

    /// Adds the record to the batch.
    #[inline]
    pub fn commit(self, tag: u32) {
        self.batch
            .add(RecordHeader { tag, len: self.len }, &self.extent);
    }
}
