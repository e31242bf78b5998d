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
/// A cursor is published once in so many bytes.
const PUBLISH: usize = 4096;

/// One side of the stream: a ring of slots of `N` bytes each.
#[derive(Debug)]
struct Slots<const N: usize> {
    shared: Shared,
    slots: u64,
    /// Payloads that went by this side, published or not.
    count: u64,
    /// Where this side is in the ring; below `slots`.
    index: u64,
    /// How far the other side was when last looked at.
    other: u64,
}

impl<const N: usize> Slots<N> {
    const PER_PUBLICATION: u64 = if N < PUBLISH { (PUBLISH / N) as u64 } else { 1 };

    fn new(file: &File) -> io::Result<Self> {
        // Each side may hold back less than one publication, so that a full ring always moves on.
        let smallest = DATA + 2 * N * Self::PER_PUBLICATION as usize;
        let shared = Shared::new(file, smallest)?;
        let slots = ((shared.len() - DATA) / N) as u64;
        Ok(Self {
            shared,
            slots,
            count: 0,
            index: 0,
            other: 0,
        })
    }

    /// The slot this side is at.
    #[inline]
    fn slot(&self) -> *mut [u8; N] {
        self.shared.at(DATA + self.index as usize * N, N).cast()
    }

    #[inline]
    fn advance(&mut self, own: usize) {
        self.count += 1;
        self.index += 1;
        if self.index == self.slots {
            self.index = 0;
        }
        if self.count.is_multiple_of(Self::PER_PUBLICATION) {
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
}

/// Sends payloads of `N` bytes as fast as plain copies into a shared ring go.
#[derive(Debug)]
pub struct StreamSender<const N: usize> {
    slots: Slots<N>,
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
        let slots = Slots::new(file)?;
        Ok(Self { slots })
    }

    /// Copies `payload` into the ring. It may be received later, see [`StreamSender::publish`].
    ///
    /// # Errors
    /// [`TimedOut`] when the ring stayed full.
    #[inline]
    pub fn send(&mut self, payload: &[u8; N], deadline: Instant) -> Result<(), TimedOut> {
        let slots = &mut self.slots;
        if slots.count - slots.other == slots.slots {
            // Enough is published for the receiver to make room, see `Slots::new`.
            slots.wait_while_at(slots.other, RECEIVED, deadline)?;
        }
        // SAFETY: the slot is in the mapping; it is the sender's, for the receiver has published,
        // with Release, that it is done with what was there; `payload` is memory of this process.
        unsafe { ptr::copy_nonoverlapping(payload, slots.slot(), 1) };
        slots.advance(SENT);
        Ok(())
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
    slots: Slots<N>,
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
        let slots = Slots::new(file)?;
        Ok(Self { slots })
    }

    /// Copies the next payload out of the ring.
    ///
    /// # Errors
    /// [`TimedOut`] when the ring stayed empty.
    #[inline]
    pub fn receive(&mut self, into: &mut [u8; N], deadline: Instant) -> Result<(), TimedOut> {
        let slots = &mut self.slots;
        if slots.count == slots.other {
            slots.wait_while_at(slots.count, SENT, deadline)?;
        }
        // SAFETY: the slot is in the mapping; the sender has published it, with Release, and does
        // not touch it before this receiver's cursor is past it; `into` is memory of this process.
        unsafe { ptr::copy_nonoverlapping(slots.slot().cast_const(), into, 1) };
        slots.advance(RECEIVED);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn payloads_arrive_in_order<const N: usize>(ring: usize) {
        let file = crate::shared_file(DATA + ring).unwrap();
        // SAFETY: there is one sender and one receiver over this file, each made once.
        let mut sender = unsafe { StreamSender::<N>::new(&file) }.unwrap();
        // SAFETY: as above.
        let mut receiver = unsafe { StreamReceiver::<N>::new(&file) }.unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        let count = (5 * ring / N + 3) as u64;
        let payload = |i: u64| [(i % 251) as u8; N];
        let sending = std::thread::spawn(move || {
            for i in 0..count {
                sender.send(&payload(i), deadline).unwrap();
            }
            sender.publish();
        });
        let mut into = [0; N];
        for i in 0..count {
            receiver.receive(&mut into, deadline).unwrap();
            assert_eq!(into, payload(i), "payload {i}");
        }
        sending.join().unwrap();
        let soon = Instant::now() + Duration::from_millis(1);
        assert_eq!(receiver.receive(&mut into, soon), Err(TimedOut));
    }

    #[test]
    fn short_payloads_arrive_in_order() {
        payloads_arrive_in_order::<8>(64 << 10);
    }

    #[test]
    fn odd_payloads_arrive_in_order() {
        payloads_arrive_in_order::<100>(8 << 10);
    }

    #[test]
    fn long_payloads_arrive_in_order() {
        payloads_arrive_in_order::<5000>(10_000);
    }

    #[test]
    fn nobody_receiving_is_timed_out() {
        let file = crate::shared_file(DATA + 8192).unwrap();
        // SAFETY: it is the only one over this file.
        let mut sender = unsafe { StreamSender::<4096>::new(&file) }.unwrap();
        let soon = Instant::now() + Duration::from_millis(1);
        assert_eq!(sender.send(&[0; 4096], soon), Ok(()));
        assert_eq!(sender.send(&[0; 4096], soon), Ok(()));
        assert_eq!(sender.send(&[0; 4096], soon), Err(TimedOut));
    }
}
