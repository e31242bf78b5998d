//! What byte streams of the kernel have in common: a file descriptor at each end, inherited by the
//! other process. Single records go by one `write` and one `read` each, batches by longer ones.

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use anyhow::{Context, Result, ensure};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::{Errno, read, write};

use crate::channel::{Receiver, Sender, Size, Wait};
use crate::payload::{Payload, Payloads};
use crate::wait::wait_for;

/// The two ends of a byte stream.
pub(super) struct Ends {
    sender: OwnedFd,
    receiver: OwnedFd,
    size: Size,
}

impl Ends {
    /// These; the ticket is their numbers, for they are inherited.
    pub(super) fn new(sender: OwnedFd, receiver: OwnedFd, size: &Size) -> (Self, String) {
        let ticket = format!("{},{}", sender.as_raw_fd(), receiver.as_raw_fd());
        let size = size.clone();
        let ends = Self {
            sender,
            receiver,
            size,
        };
        (ends, ticket)
    }

    /// Those that this process has inherited.
    pub(super) fn inherited(ticket: &str, size: &Size) -> Result<Self> {
        let (sender, receiver) = ticket.split_once(',').context("no two numbers")?;
        Ok(Self {
            sender: inherited(sender)?,
            receiver: inherited(receiver)?,
            size: size.clone(),
        })
    }

    pub(super) fn sender<P: Payload>(self) -> Sending<P> {
        let batch = Vec::with_capacity(self.size.batch);
        let end = self.sender;
        Sending { end, batch }
    }

    pub(super) fn receiver<P: Payload>(self) -> Result<Receiving<P>> {
        let end = self.receiver;
        if self.size.wait == Wait::Busy {
            fcntl_setfl(&end, fcntl_getfl(&end)? | OFlags::NONBLOCK)?;
        }
        let buffer = vec![P::zeroed(); self.size.batch];
        Ok(Receiving {
            end,
            buffer,
            filled: 0,
        })
    }
}

/// A descriptor that this process was started with, by its number.
pub(super) fn inherited(number: &str) -> Result<OwnedFd> {
    let number: i32 = number.parse().context("no file descriptor")?;
    ensure!(number > 2, "{number} is no file descriptor to inherit");
    // SAFETY: the process that started this one has made it and passes each on once; nothing else
    // in this process knows of it.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

pub(super) struct Sending<P> {
    end: OwnedFd,
    batch: Vec<P>,
}

impl<P: Payload> Sending<P> {
    /// Writes blocks while there is no room.
    #[inline(always)]
    fn write_all(end: &OwnedFd, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            match write(end, bytes) {
                Ok(written) => bytes = &bytes[written..],
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

impl<P: Payload> Sender<P> for Sending<P> {
    #[inline(always)]
    fn send(&mut self, payload: &P) -> Result<()> {
        Self::write_all(&self.end, payload.bytes())
    }

    #[inline(always)]
    fn send_batch(&mut self, payloads: &mut Payloads<P>) -> Result<()> {
        self.batch.clear();
        payloads.offer(self.batch.capacity(), |payload| {
            self.batch.push(*payload);
            true
        });
        Self::write_all(&self.end, bytemuck::cast_slice(&self.batch))
    }
}

pub(super) struct Receiving<P> {
    end: OwnedFd,
    buffer: Vec<P>,
    /// Bytes of the buffer that have arrived.
    filled: usize,
}

impl<P: Payload> Receiving<P> {
    /// Waits for some bytes, so many at most in the buffer.
    #[inline(always)]
    fn read_some(&mut self, most: usize) -> Result<()> {
        let buffer: &mut [u8] = bytemuck::cast_slice_mut(&mut self.buffer);
        let count = wait_for(|| match read(&self.end, &mut buffer[self.filled..most]) {
            Err(Errno::AGAIN | Errno::INTR) => None,
            result => Some(result),
        })??;
        ensure!(count > 0, "the other side has closed its end");
        self.filled += count;
        Ok(())
    }
}

impl<P: Payload> Receiver<P> for Receiving<P> {
    #[inline(always)]
    fn receive(&mut self, mut see: impl FnMut(&[u8])) -> Result<()> {
        while self.filled < P::BYTES {
            self.read_some(P::BYTES)?;
        }
        see(self.buffer[0].bytes());
        self.filled = 0;
        Ok(())
    }

    #[inline(always)]
    fn receive_batch(&mut self, mut see: impl FnMut(&[u8])) -> Result<()> {
        while self.filled < P::BYTES {
            self.read_some(self.buffer.len() * P::BYTES)?;
        }
        let whole = self.filled / P::BYTES;
        let payloads = self.buffer[..whole].iter();
        payloads.for_each(|payload| see(payload.bytes()));
        // The start of the next one, if there is some of it.
        let buffer: &mut [u8] = bytemuck::cast_slice_mut(&mut self.buffer);
        buffer.copy_within(whole * P::BYTES..self.filled, 0);
        self.filled -= whole * P::BYTES;
        Ok(())
    }
}
