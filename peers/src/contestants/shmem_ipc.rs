//! shmem-ipc: a ring in sealed memory, with an eventfd each way. Unless asleep, both sides poll by the
//! "low-level access" of `sender_mut` and `receiver_mut`, which signals nobody; asleep, by
//! `send_raw` and `block_until_readable`. Batches are written and read where they are. The file
//! descriptors are inherited.

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd};
use std::path::Path;

use ::shmem_ipc::sharedring;
use anyhow::{Context, Result, bail};
use rustix::io::{FdFlags, fcntl_setfd};

use super::stream::inherited;
use super::{About, Contestant};
use crate::channel::{End, Processes, Receiver, Sender, Size, Wait};
use crate::payload::{Payload, Payloads};
use crate::question::Kind;
use crate::wait::wait_for;

pub(crate) fn contestant() -> Contestant {
    Contestant::between_processes::<ShmemIpc>(About {
        name: "shmem-ipc",
        version: env!("LOCKED_shmem_ipc").to_owned(),
        link: "https://docs.rs/shmem-ipc",
        usage: "`send`, `recv` of its ring; asleep, `send_raw`, `block_until_readable`",
        kinds: &[
            Kind::RoundTrip,
            Kind::Asleep,
            Kind::Single,
            Kind::Drain,
            Kind::Batch,
        ],
    })
}

struct ShmemIpc;

enum Channel<P: Payload> {
    Sender(sharedring::Sender<P::Array>, Size),
    Receiver(sharedring::Receiver<P::Array>, Size),
    /// The memory, and what is written to when it was empty, and when it was full.
    Joined([File; 3], Size),
}

impl Processes for ShmemIpc {
    type Channel<P: Payload> = Channel<P>;
    type Sender<P: Payload> = Sending<P>;
    type Receiver<P: Payload> = Receiving<P>;

    fn create<P: Payload>(_: &Path, end: End, size: &Size) -> Result<(Channel<P>, String)> {
        if end == End::Sender {
            let sender = sharedring::Sender::new(size.slots)?;
            let files = [
                sender.memfd().as_file(),
                sender.empty_signal(),
                sender.full_signal(),
            ];
            let ticket = ticket(files)?;
            return Ok((Channel::Sender(sender, size.clone()), ticket));
        }
        let receiver = sharedring::Receiver::new(size.slots)?;
        let files = [
            receiver.memfd().as_file(),
            receiver.empty_signal(),
            receiver.full_signal(),
        ];
        let ticket = ticket(files)?;
        Ok((Channel::Receiver(receiver, size.clone()), ticket))
    }

    fn join<P: Payload>(ticket: &str, size: &Size) -> Result<Channel<P>> {
        let files = ticket
            .split(',')
            .map(|number| inherited(number).map(File::from));
        let files: Vec<_> = files.collect::<Result<_>>()?;
        let files = files.try_into().ok().context("no three numbers")?;
        Ok(Channel::Joined(files, size.clone()))
    }

    fn sender<P: Payload>(channel: Channel<P>) -> Result<Sending<P>> {
        let (sender, size) = match channel {
            Channel::Sender(sender, size) => (sender, size),
            Channel::Joined([memory, empty, full], size) => {
                let sender = sharedring::Sender::open(size.slots, memory, empty, full)?;
                (sender, size)
            }
            Channel::Receiver(..) => bail!("created for the other end"),
        };
        Ok(Sending { sender, size })
    }

    fn receiver<P: Payload>(channel: Channel<P>) -> Result<Receiving<P>> {
        let (receiver, size) = match channel {
            Channel::Receiver(receiver, size) => (receiver, size),
            Channel::Joined([memory, empty, full], size) => {
                let receiver = sharedring::Receiver::open(size.slots, memory, empty, full)?;
                (receiver, size)
            }
            Channel::Sender(..) => bail!("created for the other end"),
        };
        Ok(Receiving { receiver, size })
    }
}

/// Their numbers, now that they are inherited.
fn ticket(files: [&File; 3]) -> Result<String> {
    for file in files {
        fcntl_setfd(file.as_fd(), FdFlags::empty())?;
    }
    Ok(files.map(|file| file.as_raw_fd().to_string()).join(","))
}

struct Sending<P: Payload> {
    sender: sharedring::Sender<P::Array>,
    size: Size,
}

impl<P: Payload> Sending<P> {
    /// Writes some, as many as there are and there is room for, at one stretch.
    #[inline(always)]
    fn write(&mut self, mut fill: impl FnMut(*mut P::Array, usize) -> usize) -> Result<()> {
        wait_for(|| {
            let mut written = 0;
            let write = |to: *mut P::Array, room: usize| {
                written = fill(to, room);
                written
            };
            let status = match self.size.wait {
                Wait::Busy | Wait::Freely => self
                    .sender
                    .sender_mut()
                    .send(write)
                    .map_err(anyhow::Error::new),
                Wait::Asleep => self.sender.send_raw(write).map_err(anyhow::Error::new),
            };
            match status {
                Ok(_) => (written > 0).then_some(Ok(())),
                Err(error) => Some(Err(error)),
            }
        })?
    }
}

impl<P: Payload> Sender<P> for Sending<P> {
    #[inline(always)]
    fn send(&mut self, payload: &P) -> Result<()> {
        let payload: P::Array = bytemuck::cast(*payload);
        self.write(|to, _| {
            // SAFETY: the ring calls this with room for one payload at least, which the receiver
            // does not read before this returns.
            unsafe { to.write(payload) };
            1
        })
    }

    #[inline(always)]
    fn send_batch(&mut self, payloads: &mut Payloads<P>) -> Result<()> {
        let batch = self.size.batch;
        self.write(|to, room| {
            let mut count = 0;
            payloads.offer(room.min(batch), |payload| {
                let place = to.wrapping_add(count);
                count += 1;
                // SAFETY: there is room for `room` payloads from `to` on, and this is one of them;
                // the receiver does not read it before this returns.
                unsafe { place.write(bytemuck::cast(*payload)) };
                true
            })
        })
    }
}

struct Receiving<P: Payload> {
    receiver: sharedring::Receiver<P::Array>,
    size: Size,
}

impl<P: Payload> Receiving<P> {
    /// Reads so many at most, at one stretch.
    #[inline(always)]
    fn read(&mut self, most: usize, mut see: impl FnMut(&[u8])) -> Result<()> {
        if self.size.wait == Wait::Asleep {
            self.receiver.block_until_readable()?;
        }
        wait_for(|| {
            let mut count = 0;
            let read = |from: *const P::Array, ready: usize| {
                count = ready.min(most);
                for index in 0..count {
                    // SAFETY: `ready` payloads lie from `from` on, and this is one of them; the
                    // sender, which is this program too, does not write to it before this returns.
                    let payload = unsafe { &*from.wrapping_add(index) };
                    see(bytemuck::bytes_of(payload));
                }
                count
            };
            let status = match self.size.wait {
                Wait::Busy | Wait::Freely => self
                    .receiver
                    .receiver_mut()
                    .recv(read)
                    .map_err(anyhow::Error::new),
                Wait::Asleep => self.receiver.receive_raw(read).map_err(anyhow::Error::new),
            };
            match status {
                Ok(_) => (count > 0).then_some(Ok(())),
                Err(error) => Some(Err(error)),
            }
        })?
    }
}

impl<P: Payload> Receiver<P> for Receiving<P> {
    #[inline(always)]
    fn receive(&mut self, see: impl FnMut(&[u8])) -> Result<()> {
        self.read(1, see)
    }

    #[inline(always)]
    fn receive_batch(&mut self, see: impl FnMut(&[u8])) -> Result<()> {
        self.read(self.size.batch, see)
    }
}
