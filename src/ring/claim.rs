//! A claim: room in the ring, written in place, then committed or dropped.

use core::mem;
use core::sync::atomic::Ordering::Relaxed;

use crate::layout::{WORD, Word};
use crate::memory::Memory;

use super::RecordHeader;
use super::protocol::{Extent, Produce};

/// What is aborted when it is dropped.
pub(crate) trait Abort {
    /// As dropping it, for who never does.
    fn abort(&mut self);
}

/// Room for one payload. Dropping it aborts: nothing was sent.
#[derive(Debug)]
#[must_use = "a claim that is dropped is aborted"]
pub struct Claim<'a, P: Produce> {
    producer: &'a mut P,
    extent: Extent,
    len: usize,
}

impl<'a, P: Produce> Claim<'a, P> {
    /// `extent` was reserved for a payload of `len` bytes.
    #[inline(always)]
    pub(crate) fn new(producer: &'a mut P, extent: Extent, len: usize) -> Self {
        Self {
            producer,
            extent,
            len,
        }
    }

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
        self.producer.memory()
    }

    pub(crate) fn memory_mut(&mut self) -> &mut P::Memory {
        self.producer.memory_mut()
    }

    /// Copies `bytes` into the payload, `offset` bytes from its start.
    ///
    /// # Panics
    /// When they do not fit.
    #[inline(always)]
    pub fn write(&mut self, offset: usize, bytes: &[u8]) {
        write_at(self.memory(), self.payload(), self.len, offset, bytes);
    }

    /// Publishes the record.
    #[inline(always)]
    pub fn commit(mut self, tag: u32) {
        self.publish(tag);
        // Published, so there is nothing to abort.
        mem::forget(self);
    }

    /// As [`Claim::commit`], for who never drops it.
    #[inline(always)]
    pub(crate) fn publish(&mut self, tag: u32) {
        let header = RecordHeader { tag, len: self.len };
        self.producer.publish_claim(header.to_word(), &self.extent);
    }
}

impl<P: Produce> Abort for Claim<'_, P> {
    #[inline(always)]
    fn abort(&mut self) {
        self.producer.abort(&self.extent, self.extent.end);
    }
}

impl<P: Produce> Drop for Claim<'_, P> {
    #[inline(always)]
    fn drop(&mut self) {
        self.abort();
    }
}

/// Copies `bytes` into a payload of `len` bytes at `payload`, `offset` bytes from its start.
/// The payload is the caller's own, so that words may be loaded, changed and stored.
///
/// # Panics
/// When they do not fit.
#[inline(always)]
pub fn write_at<M: Memory>(memory: &M, payload: Word, len: usize, offset: usize, bytes: &[u8]) {
    let fits = offset
        .checked_add(bytes.len())
        .is_some_and(|end| end <= len);
    assert!(
        fits,
        "{} bytes at offset {offset} of a claim of {len} bytes",
        bytes.len()
    );
    if bytes.is_empty() {
        return;
    }
    let in_word = offset % WORD;
    let (first, rest) = bytes.split_at(bytes.len().min((WORD - in_word) % WORD));
    if !first.is_empty() {
        merge(memory, payload.plus(offset - in_word), in_word, first);
    }
    // From here on at a word boundary; the last, partial word keeps what follows.
    let start = offset + first.len();
    let whole = rest.len() / WORD * WORD;
    let (words, last) = rest.split_at(whole);
    if !words.is_empty() {
        memory.write(payload.plus(start), words);
    }
    if !last.is_empty() {
        merge(memory, payload.plus(start + whole), 0, last);
    }
}

/// Replaces some bytes of one word, from `at` on.
fn merge<M: Memory>(memory: &M, word: Word, at: usize, bytes: &[u8]) {
    let mut value = memory.load(word, Relaxed).to_le_bytes();
    value[at..at + bytes.len()].copy_from_slice(bytes);
    memory.write(word, &value);
}
