//! mapring itself, one producer: a ring with a name, between two processes. Single records by
//! `try_send` and `try_recv`, batches by `batch` and `drain`, each payload copied in and out, as the
//! safe interface does. Who sleeps does so at once (`LowCpu`). `trusting` vouches for its peers, so
//! that payloads are read where they are.

use std::path::Path;

use ::mapring::spsc::{Consumer, Options, Producer, Ring, TrustedConsumer};
use ::mapring::{TryRecvError, TrySendError, WaitStrategy};
use anyhow::{Context, Result};

use super::mapring_many::Many;
use super::{About, Contestant};
use crate::channel::{Processes, ROOM, Receiver, Sender, Size, Wait};
use crate::payload::{Payload, Payloads};
use crate::question::Kind;
use crate::wait::{PATIENCE, wait_for};

pub(crate) fn contestant() -> Contestant {
    Contestant::between_processes::<One>(About {
        name: "mapring",
        version: env!("LOCKED_mapring").to_owned(),
        link: "../README.md",
        usage: "`try_send`, `try_recv`, `batch`, `drain`; asleep, `recv` with `LowCpu`",
        kinds: &[
            Kind::RoundTrip,
            Kind::Asleep,
            Kind::Single,
            Kind::Drain,
            Kind::Batch,
            Kind::ManyToOne,
        ],
    })
    .many_between_processes::<Many>()
}

pub(crate) fn trusting() -> Contestant {
    Contestant::between_processes::<Trusting>(About {
        name: "mapring, trusting",
        version: env!("LOCKED_mapring").to_owned(),
        link: "../README.md",
        usage: "as mapring, but `drain` after `trust_peers`: payloads are read where they are",
        kinds: &[Kind::RoundTrip, Kind::Single, Kind::Drain, Kind::Batch],
    })
}

/// Creates or opens the ring; the ticket is the path of its region.
fn create(folder: &Path, name: &str) -> Result<(Ring, String)> {
    let options = Options::new().capacity(ROOM as u64).prefault(true);
    let path = folder.join(name);
    let ticket = path.to_str().context("the path is no text")?.to_owned();
    Ok((options.create_at(path)?, ticket))
}

fn open(ticket: &str) -> Result<Ring> {
    Ok(Options::new().prefault(true).open_at(ticket)?)
}

struct One {
    ring: Ring,
    size: Size,
}

impl Processes for One {
    type Sender<P: Payload> = Sending;
    type Receiver<P: Payload> = Receiving<P>;

    fn create<P: Payload>(folder: &Path, name: &str, size: &Size) -> Result<(Self, String)> {
        let (ring, ticket) = create(folder, name)?;
        let size = size.clone();
        Ok((Self { ring, size }, ticket))
    }

    fn join<P: Payload>(ticket: &str, size: &Size) -> Result<Self> {
        let (ring, size) = (open(ticket)?, size.clone());
        Ok(Self { ring, size })
    }

    fn sender<P: Payload>(self) -> Result<Sending> {
        Ok(Sending {
            producer: self.ring.producer()?,
            batch: self.size.batch,
        })
    }

    fn receiver<P: Payload>(self) -> Result<Receiving<P>> {
        let mut consumer = self.ring.consumer()?;
        consumer.set_wait_strategy(WaitStrategy::LowCpu);
        Ok(Receiving {
            consumer,
            wait: self.size.wait,
            batch: self.size.batch,
            payload: P::zeroed(),
        })
    }
}

struct Sending {
    producer: Producer,
    batch: usize,
}

impl<P: Payload> Sender<P> for Sending {
    #[inline]
    fn send(&mut self, payload: &P) -> Result<()> {
        self.producer.send(0, payload.bytes(), PATIENCE)?;
        Ok(())
    }

    #[inline]
    fn send_batch(&mut self, payloads: &mut Payloads<P>) -> Result<()> {
        wait_for(|| {
            let mut batch = match self.producer.batch() {
                Ok(batch) => batch,
                Err(error) => return Some(Err(error)),
            };
            let mut refusal = None;
            let taken = payloads.offer(self.batch, |payload| {
                let pushed = batch.push(0, payload.bytes());
                refusal = pushed.err();
                refusal.is_none()
            });
            batch.publish();
            match refusal {
                None | Some(TrySendError::Full) => (taken > 0).then_some(Ok(())),
                Some(error) => Some(Err(error)),
            }
        })??;
        Ok(())
    }
}

struct Receiving<P> {
    consumer: Consumer,
    wait: Wait,
    batch: usize,
    payload: P,
}

impl<P: Payload> Receiver<P> for Receiving<P> {
    #[inline]
    fn receive(&mut self, mut see: impl FnMut(&[u8])) -> Result<()> {
        let into = self.payload.bytes_mut();
        let received = match self.wait {
            Wait::Asleep => self.consumer.recv(into, PATIENCE)?,
            Wait::Busy => wait_for(|| match self.consumer.try_recv(into) {
                Err(TryRecvError::Empty) => None,
                result => Some(result),
            })??,
        };
        see(&into[..received.len]);
        Ok(())
    }

    #[inline]
    fn receive_batch(&mut self, mut see: impl FnMut(&[u8])) -> Result<()> {
        let into = self.payload.bytes_mut();
        wait_for(|| {
            let drained = self.consumer.drain(self.batch, |record| {
                let length = record.copy_to(into);
                see(&into[..length]);
            });
            match drained {
                Err(TryRecvError::Empty) => None,
                result => Some(result),
            }
        })??;
        Ok(())
    }
}

struct Trusting(One);

impl Processes for Trusting {
    type Sender<P: Payload> = Sending;
    type Receiver<P: Payload> = TrustingReceiver;

    fn create<P: Payload>(folder: &Path, name: &str, size: &Size) -> Result<(Self, String)> {
        let (one, ticket) = One::create::<P>(folder, name, size)?;
        Ok((Self(one), ticket))
    }

    fn join<P: Payload>(ticket: &str, size: &Size) -> Result<Self> {
        One::join::<P>(ticket, size).map(Self)
    }

    fn sender<P: Payload>(self) -> Result<Sending> {
        self.0.sender::<P>()
    }

    fn receiver<P: Payload>(self) -> Result<TrustingReceiver> {
        // SAFETY: the only peer is another process of this program, which follows the protocol, as
        // it uses the library.
        let consumer = unsafe { self.0.ring.consumer()?.trust_peers() };
        let batch = self.0.size.batch;
        Ok(TrustingReceiver { consumer, batch })
    }
}

struct TrustingReceiver {
    consumer: TrustedConsumer,
    batch: usize,
}

impl TrustingReceiver {
    #[inline]
    fn drain(&mut self, limit: usize, mut see: impl FnMut(&[u8])) -> Result<()> {
        wait_for(|| match self.consumer.drain(limit, |record| see(&record)) {
            Err(TryRecvError::Empty) => None,
            result => Some(result),
        })??;
        Ok(())
    }
}

impl<P: Payload> Receiver<P> for TrustingReceiver {
    #[inline]
    fn receive(&mut self, see: impl FnMut(&[u8])) -> Result<()> {
        self.drain(1, see)
    }

    #[inline]
    fn receive_batch(&mut self, see: impl FnMut(&[u8])) -> Result<()> {
        self.drain(self.batch, see)
    }
}
