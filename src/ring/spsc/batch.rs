//! A batch: several records, published by one header.

use core::sync::atomic::Ordering::Relaxed;

use crate::error::TrySendError;
use crate::layout::Word;
use crate::memory::Memory;
use crate::ring::RecordHeader;

use super::producer::Extent;
use super::{Producer, write_at};

/// Records that become visible all at once. Dropping it aborts all of them.
#[derive(Debug)]
#[must_use = "a batch that is dropped is aborted"]
pub struct Batch<'a, M: Memory> {
    producer: &'a mut Producer<M>,
    /// The header of the first record, which publishes everything (I7); 0 before there is one.
    first: u64,
    /// Where its records go; the next one starts at its end.
    extent: Extent,
    records: u64,
}

impl<'a, M: Memory> Batch<'a, M> {
    /// The caller has cut the zero window (I3).
    #[inline]
    pub(super) fn new(producer: &'a mut Producer<M>) -> Self {
        let end = producer.position();
        let at = end.word(producer.geometry());
        let extent = Extent { at, next: at, end };
        Self {
            producer,
            first: 0,
            extent,
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
    /// As [`Producer::try_send`]; the batch is as before and can still be published.
    #[inline]
    pub fn push(&mut self, tag: u32, payload: &[u8]) -> Result<(), TrySendError> {
        let extent = self.producer.make_room(self.extent.end, payload.len())?;
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
    pub fn try_claim(&mut self, len: usize) -> Result<BatchClaim<'_, 'a, M>, TrySendError> {
        let extent = self.producer.make_room(self.extent.end, len)?;
        Ok(BatchClaim {
            batch: self,
            extent,
            len,
        })
    }

    /// Publishes all of it. An empty batch changes nothing.
    #[inline]
    pub fn publish(self) {
        let Self {
            producer,
            first,
            extent,
            records,
        } = self;
        if records > 0 {
            producer.publish(first, &extent, records);
        }
    }

    /// Stores the header of a record that went to `extent`; that of the first is kept back.
    #[inline]
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

/// Room for one payload of a batch. Dropping it gives the room back to the batch.
#[derive(Debug)]
#[must_use = "a claim that is dropped is aborted"]
pub struct BatchClaim<'b, 'a, M: Memory> {
    batch: &'b mut Batch<'a, M>,
    extent: Extent,
    len: usize,
}

impl<M: Memory> BatchClaim<'_, '_, M> {
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
    pub fn memory(&self) -> &M {
        self.batch.producer.memory()
    }

    pub(crate) fn memory_mut(&mut self) -> &mut M {
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
