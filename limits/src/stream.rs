//! A one-way stream of payloads, with nothing but a cursor.

use std::fs::File;
use std::io;
use std::ptr;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::time::Instant;

use crate::shared::{APART, DATA, Shared};
use crate::wait::{TimedOut, wait_until};

/// How many payloads were sent; written by the sender.
const SENT: usize = 0;
/// How many payloads were received; written by the receiver.
const RECEIVED: usize = APART;
/// A cursor is published once in so many bytes, unless the caller says otherwise.
const INTERVAL: usize = 4096;

/// One side of the stream: a ring of slots of one size.
#[derive(Debug)]
struct Slots {
    shared: Shared,
    /// Bytes of a slot.
    size: usize,
    slots: u64,
    /// Payloads between two publications.
    every: u64,
    /// Payloads that went by this side, published or not.
    count: u64,
    /// The count to be published next.
    next: u64,
    /// Where this side is in the ring, in bytes; below `slots * size`.
    offset: usize,
    /// How far the other side was when last looked at.
    other: u64,
}

impl Slots {
    fn new(file: &File, size: usize, interval: usize) -> io::Result<Self> {
        if size == 0 {
            let error = "payloads of a stream have a byte at least";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, error));
        }
        let every = (interval / size).max(1);
        // Each side may hold back less than one publication, so that a full ring always moves on.
        let smallest = size
            .checked_mul(2 * every)
            .and_then(|bytes| bytes.checked_add(DATA))
            .ok_or(io::ErrorKind::InvalidInput)?;
        let shared = Shared::new(file, smallest)?;
        let slots = ((shared.len() - DATA) / size) as u64;
        Ok(Self {
            shared,
            size,
            slots,
            every: every as u64,
            count: 0,
            next: every as u64,
            offset: 0,
            other: 0,
        })
    }

    /// The first byte of the slot this side is at, which has `len` bytes.
    #[inline(always)]
    fn slot(&self, len: usize) -> *mut u8 {
        self.shared.at(DATA + self.offset, len)
    }

    /// Goes on to the next slot; `len` is the size of all of them.
    #[inline(always)]
    fn advance(&mut self, len: usize, own: usize) {
        self.count += 1;
        self.offset += len;
        if self.offset == self.slots as usize * len {
            self.offset = 0;
        }
        if self.count == self.next {
            self.next += self.every;
            self.publish(own);
        }
    }

    #[inline]
    fn publish(&self, own: usize) {
        self.shared.word(own).store(self.count, Release);
    }

    /// Waits until the other side's cursor is not `here` any more.
    #[cold]
    fn wait_while_at(
        &mut self,
        here: u64,
        other: usize,
        deadline: Instant,
    ) -> Result<(), TimedOut> {
        let word = self.shared.word(other);
        let mut seen = here;
        let moved = wait_until(deadline, || {
            seen = word.load(Acquire);
            seen != here
        });
        self.other = seen;
        moved
    }

    /// Copies `payload`, of the size of a slot, into the next one.
    #[inline(always)]
    fn send(&mut self, payload: &[u8], deadline: Instant) -> Result<(), TimedOut> {
        if self.count - self.other == self.slots {
            // Enough is published for the receiver to make room, see `Slots::new`.
            self.wait_while_at(self.other, RECEIVED, deadline)?;
        }
        let slot = self.slot(payload.len());
        // SAFETY: the slot is in the mapping; it is the sender's, for the receiver has published,
        // with Release, that it is done with what was there; `payload` is memory of this process.
        unsafe { ptr::copy_nonoverlapping(payload.as_ptr(), slot, payload.len()) };
        self.advance(payload.len(), SENT);
        Ok(())
    }

    /// Copies the next slot out, `into` what has its size.
    #[inline(always)]
    fn receive(&mut self, into: &mut [u8], deadline: Instant) -> Result<(), TimedOut> {
        if self.count == self.other {
            self.wait_while_at(self.count, SENT, deadline)?;
        }
        let slot = self.slot(into.len()).cast_const();
        // SAFETY: the slot is in the mapping; the sender has published it, with Release, and does
        // not touch it before this receiver's cursor is past it; `into` is memory of this process.
        unsafe { ptr::copy_nonoverlapping(slot, into.as_mut_ptr(), into.len()) };
        self.advance(into.len(), RECEIVED);
        Ok(())
    }
}

/// Sends payloads of `N` bytes as fast as plain copies into a shared ring go.
#[derive(Debug)]
pub struct StreamSender<const N: usize> {
    slots: Slots,
}

impl<const N: usize> StreamSender<N> {
    /// Over a [`shared_file`](crate::shared_file), of zeros at first; all of it but
    /// 4 KiB becomes the ring.
    ///
    /// # Errors
    /// When the file is too short or cannot be mapped.
    ///
    /// # Safety
    /// As long as this lives, the file is used by this sender and one [`StreamReceiver`]
    /// of the same `N` only, both new, and is not shortened.
    pub unsafe fn new(file: &File) -> io::Result<Self> {
        // SAFETY: the caller vouches for it.
        unsafe { Self::with_interval(file, INTERVAL) }
    }

    /// As [`StreamSender::new`], with a cursor that is published once in `interval` bytes, or after
    /// each payload if these are longer.
    ///
    /// # Errors
    /// When the file is shorter than 4 KiB and two intervals, or cannot be mapped.
    ///
    /// # Safety
    /// As [`StreamSender::new`].
    pub unsafe fn with_interval(file: &File, interval: usize) -> io::Result<Self> {
        let slots = Slots::new(file, N, interval)?;
        Ok(Self { slots })
    }

    /// Copies `payload` into the ring. It may be received later, see [`StreamSender::publish`].
    ///
    /// # Errors
    /// [`TimedOut`] when the ring stayed full.
    #[inline]
    pub fn send(&mut self, payload: &[u8; N], deadline: Instant) -> Result<(), TimedOut> {
        self.slots.send(payload, deadline)
    }

    /// Lets everything sent so far be received.
    #[inline]
    pub fn publish(&mut self) {
        self.slots.publish(SENT);
    }
}

/// Receives what a [`StreamSender`] sends.
#[derive(Debug)]
pub struct StreamReceiver<const N: usize> {
    slots: Slots,
}

impl<const N: usize> StreamReceiver<N> {
    /// Over the file of the sender.
    ///
    /// # Errors
    /// When the file is too short or cannot be mapped.
    ///
    /// # Safety
    /// As long as this lives, the file is used by this receiver and one [`StreamSender`]
    /// of the same `N` only, both new, and is not shortened.
    pub unsafe fn new(file: &File) -> io::Result<Self> {
        // SAFETY: the caller vouches for it.
        unsafe { Self::with_interval(file, INTERVAL) }
    }

    /// As [`StreamReceiver::new`], with a cursor that is published once in `interval` bytes, or
    /// after each payload if these are longer.
    ///
    /// # Errors
    /// When the file is shorter than 4 KiB and two intervals, or cannot be mapped.
    ///
    /// # Safety
    /// As [`StreamReceiver::new`].
    pub unsafe fn with_interval(file: &File, interval: usize) -> io::Result<Self> {
        let slots = Slots::new(file, N, interval)?;
        Ok(Self { slots })
    }

    /// Copies the next payload out of the ring.
    ///
    /// # Errors
    /// [`TimedOut`] when the ring stayed empty.
    #[inline]
    pub fn receive(&mut self, into: &mut [u8; N], deadline: Instant) -> Result<(), TimedOut> {
        self.slots.receive(into, deadline)
    }
}

/// As [`StreamSender`], for payloads of a size that is chosen at run time.
#[derive(Debug)]
pub struct PayloadSender {
    slots: Slots,
}

impl PayloadSender {
    /// Over a [`shared_file`](crate::shared_file), of zeros at first; all of it but
    /// 4 KiB becomes the ring. Payloads have `size` bytes; the cursor is published once in
    /// `interval` bytes, or after each payload if these are longer.
    ///
    /// # Errors
    /// When `size` is 0, the file is shorter than 4 KiB and two intervals, or cannot be mapped.
    ///
    /// # Safety
    /// As long as this lives, the file is used by this sender and one [`PayloadReceiver`]
    /// of the same size only, both new, and is not shortened.
    pub unsafe fn new(file: &File, size: usize, interval: usize) -> io::Result<Self> {
        let slots = Slots::new(file, size, interval)?;
        Ok(Self { slots })
    }

    /// Copies `payload` into the ring. It may be received later, see [`PayloadSender::publish`].
    ///
    /// # Errors
    /// [`TimedOut`] when the ring stayed full; nothing was sent.
    ///
    /// # Panics
    /// When `payload` has another size.
    #[inline(always)]
    pub fn send(&mut self, payload: &[u8], deadline: Instant) -> Result<(), TimedOut> {
        assert_eq!(payload.len(), self.slots.size, "one size for all payloads");
        self.slots.send(payload, deadline)
    }

    /// Lets everything sent so far be received.
    #[inline]
    pub fn publish(&mut self) {
        self.slots.publish(SENT);
    }
}

/// Receives what a [`PayloadSender`] sends.
#[derive(Debug)]
pub struct PayloadReceiver {
    slots: Slots,
}

impl PayloadReceiver {
    /// Over the file of the sender.
    ///
    /// # Errors
    /// As [`PayloadSender::new`].
    ///
    /// # Safety
    /// As long as this lives, the file is used by this receiver and one [`PayloadSender`]
    /// of the same size only, both new, and is not shortened.
    pub unsafe fn new(file: &File, size: usize, interval: usize) -> io::Result<Self> {
        let slots = Slots::new(file, size, interval)?;
        Ok(Self { slots })
    }

    /// Copies the next payload out of the ring.
    ///
    /// # Errors
    /// [`TimedOut`] when the ring stayed empty.
    ///
    /// # Panics
    /// When `into` has another size than payloads.
    #[inline(always)]
    pub fn receive(&mut self, into: &mut [u8], deadline: Instant) -> Result<(), TimedOut> {
        assert_eq!(into.len(), self.slots.size, "one size for all payloads");
        self.slots.receive(into, deadline)
    }
}

#[cfg(test)]
mod tests;
