//! The bridge to queues of C and C++, which are in `peers/bridge`: an end is a table of functions, so
//! that each call costs one more jump than it does in their own language. Payloads are copied in and
//! out, as by these libraries' own calls.

use std::ffi::c_void;
use std::marker::PhantomData;
use std::mem::MaybeUninit;

use anyhow::{Context, Result, bail, ensure};

use crate::channel::{Opened, Receiver, Sender, Size, Threads, Wait};
use crate::payload::{Payload, Payloads};
use crate::wait::wait_for;

/// An end of a queue, as `bridge/queue.hpp` has it.
#[derive(Debug)]
#[repr(C)]
pub(super) struct End {
    own: *mut c_void,
    transfer: unsafe extern "C" fn(*mut c_void, *mut c_void, usize) -> usize,
    wait_one: Option<unsafe extern "C" fn(*mut c_void, *mut c_void) -> bool>,
    close: unsafe extern "C" fn(*mut c_void),
}

// SAFETY: an end is used by one thread at a time, and does not care by which: it holds a share of its
// queue, which is made for threads, and what belongs to the end alone.
unsafe impl Send for End {}

impl Drop for End {
    fn drop(&mut self) {
        // SAFETY: it was opened with this function to close it, and is not used any more.
        unsafe { (self.close)(self.own) };
    }
}

/// Opens a queue of payloads of so many bytes, with a receiver that is to sleep, or not; fills in so
/// many senders, and the receiver. False if it cannot, and then nothing is filled in.
pub(super) type Open = unsafe extern "C" fn(usize, bool, usize, *mut End, *mut End) -> bool;

/// A library behind the bridge.
pub(super) trait Library {
    /// Opens a queue of it.
    const OPEN: Open;
}

/// A library as a channel between threads.
pub(super) struct Bridge<L>(PhantomData<L>);

impl<L: Library> Threads for Bridge<L> {
    type Sender<P: Payload> = Sending<P>;
    type Receiver<P: Payload> = Receiving<P>;

    fn open<P: Payload>(size: &Size) -> Result<Opened<Sending<P>, Receiving<P>>> {
        let mut senders = Vec::<End>::with_capacity(size.producers);
        let mut receiver = MaybeUninit::uninit();
        let (count, asleep) = (size.producers, size.wait == Wait::Asleep);
        let places = senders.as_mut_ptr();
        // SAFETY: there is room for `count` senders and for the receiver.
        let opened = unsafe { (L::OPEN)(P::BYTES, asleep, count, places, receiver.as_mut_ptr()) };
        ensure!(opened, "cannot open a queue");
        // SAFETY: so many were filled in, as it is open.
        unsafe { senders.set_len(count) };
        // SAFETY: it was filled in, as the queue is open.
        let receiver = unsafe { receiver.assume_init() };
        let senders = senders.into_iter().map(|end| Sending::new(end, size));
        Ok((senders.collect(), Receiving::new(receiver, size)))
    }
}

/// To send by.
pub(super) struct Sending<P> {
    end: End,
    batch: Vec<P>,
}

impl<P: Payload> Sending<P> {
    /// The end must be one to send payloads of this kind by.
    pub(super) fn new(end: End, size: &Size) -> Self {
        let batch = Vec::with_capacity(size.batch);
        Self { end, batch }
    }

    /// Sends all of them, in as many steps as it takes.
    #[inline(always)]
    fn send_all(end: &mut End, mut payloads: &[P]) -> Result<()> {
        while !payloads.is_empty() {
            let sent = wait_for(|| {
                let from = payloads.as_ptr().cast_mut().cast();
                // SAFETY: it is an end to send by, which reads that many payloads from there; this
                // thread has it.
                let sent = unsafe { (end.transfer)(end.own, from, payloads.len()) };
                (sent > 0).then_some(sent)
            })?;
            payloads = payloads
                .get(sent..)
                .context("it sent more than there was")?;
        }
        Ok(())
    }
}

impl<P: Payload> Sender<P> for Sending<P> {
    #[inline(always)]
    fn send(&mut self, payload: &P) -> Result<()> {
        Self::send_all(&mut self.end, std::slice::from_ref(payload))
    }

    #[inline(always)]
    fn send_batch(&mut self, payloads: &mut Payloads<P>) -> Result<()> {
        self.batch.clear();
        payloads.offer(self.batch.capacity(), |payload| {
            self.batch.push(*payload);
            true
        });
        Self::send_all(&mut self.end, &self.batch)
    }
}

/// To receive by.
pub(super) struct Receiving<P> {
    end: End,
    wait: Wait,
    payloads: Vec<P>,
}

impl<P: Payload> Receiving<P> {
    /// The end must be one to receive payloads of this kind by.
    pub(super) fn new(end: End, size: &Size) -> Self {
        Self {
            end,
            wait: size.wait,
            payloads: vec![P::zeroed(); size.batch],
        }
    }

    /// Receives some, so many at most.
    #[inline(always)]
    fn receive_some(&mut self, most: usize, mut see: impl FnMut(&[u8])) -> Result<()> {
        let end = &mut self.end;
        let payloads = self.payloads.get_mut(..most).context("more than a batch")?;
        let count = wait_for(|| {
            let to = payloads.as_mut_ptr().cast();
            // SAFETY: it is an end to receive by, which writes that many payloads there at most; this
            // thread has it, and payloads may have any bytes.
            let count = unsafe { (end.transfer)(end.own, to, most) };
            (count > 0).then_some(count)
        })?;
        let received = payloads
            .get(..count)
            .context("it received more than a batch")?;
        received.iter().for_each(|payload| see(payload.bytes()));
        Ok(())
    }
}

impl<P: Payload> Receiver<P> for Receiving<P> {
    #[inline(always)]
    fn receive(&mut self, mut see: impl FnMut(&[u8])) -> Result<()> {
        let wait_one = match (self.wait, self.end.wait_one) {
            (Wait::Asleep | Wait::Freely, Some(wait_one)) => wait_one,
            (Wait::Busy | Wait::Freely, _) => return self.receive_some(1, see),
            (Wait::Asleep, None) => bail!("it cannot sleep"),
        };
        let payload = self.payloads.first_mut().context("batches of none")?;
        // SAFETY: it is an end to receive by, which writes one payload there; this thread has it.
        let received = unsafe { wait_one(self.end.own, (&raw mut *payload).cast()) };
        ensure!(received, "it received nothing");
        see(payload.bytes());
        Ok(())
    }

    #[inline(always)]
    fn receive_batch(&mut self, see: impl FnMut(&[u8])) -> Result<()> {
        self.receive_some(self.payloads.len(), see)
    }
}
