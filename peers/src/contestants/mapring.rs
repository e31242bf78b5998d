//! mapring itself, one producer: a ring with a name, between two processes. Single records by
//! `send` and `try_recv`, batches by `batch` and `drain`, each payload copied in and out, as the
//! safe interface does. Who sleeps does so at once (`LowCpu`). `trusting` vouches for its peers, so
//! that payloads are read where they are.

use std::path::Path;

use ::mapring::spsc::{Consumer, Options, Producer, Ring, TrustedConsumer};
use ::mapring::{TryRecvError, TrySendError, WaitStrategy};
use anyhow::Result;

use super::mapring_many::Many;
use super::{About, Contestant};
use crate::channel::{End, Processes, ROOM, Receiver, Sender, Size, Wait, text};
use crate::payload::{Payload, Payloads};
use crate::question::Kind;
use crate::wait::{PATIENCE, wait_for};

pub(crate) fn contestant() -> Contestant {
    Contestant::between_processes::<One>(About {
        name: "mapring",
        version: env!("LOCKED_mapring").to_owned(),
        link: "../README.md",
        usage: "`send`, `try_recv`, `batch`, `drain`; asleep, `recv` with `LowCpu`",
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

struct One;

impl Processes for One {
    type Channel<P: Payload> = Joined;
    type Sender<P: Payload> = Sending;
    type Receiver<P: Payload> = Receiving<P>;

    fn create<P: Payload>(path: &Path, _: End, size: &Size) -> Result<(Joined, String)> {
        let options = Options::new().capacity(ROOM as u64).prefault(true);
        let (ring, size) = (options.create_at(path)?, size.clone());
        Ok((Joined { ring, size }, text(path)?))
    }

    fn join<P: Payload>(ticket: &str, size: &Size) -> Result<Joined> {
        let ring = Options::new().prefault(true).open_at(ticket)?;
        let size = size.clone();
        Ok(Joined { ring, size })
    }

    fn sender<P: Payload>(Joined { ring, size }: Joined) -> Result<Sending> {
        let (producer, batch) = (ring.producer()?, size.batch);
        Ok(Sending { producer, batch })
    }

    fn receiver<P: Payload>(Joined { ring, size }: Joined) -> Result<Receiving<P>> {
        let mut consumer = ring.consumer()?;
        consumer.set_wait_strategy(WaitStrategy::LowCpu);
        Ok(Receiving {
            consumer,
            size,
            payload: P::zeroed(),
        })
    }
}

struct Joined {
    ring: Ring,
    size: Size,
}

struct Sending {
    producer: Producer,
    batch: usize,
}

impl<P: Payload> Sender<P> for Sending {
    #[inline(always)]
    fn send(&mut self, payload: &P) -> Result<()> {
        self.producer.send(0, payload.bytes(), PATIENCE)?;
        Ok(())
    }

    #[inline(always)]
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
    size: Size,
    payload: P,
}

impl<P: Payload> Receiver<P> for Receiving<P> {
    #[inline(always)]
    fn receive(&mut self, mut see: impl FnMut(&[u8])) -> Result<()> {
        let payload = &mut self.payload;
        let received = match self.size.wait {
            Wait::Asleep => self.consumer.recv(payload.bytes_mut(), PATIENCE)?,
            Wait::Busy | Wait::Freely => {
                wait_for(|| match self.consumer.try_recv(payload.bytes_mut()) {
                    Err(TryRecvError::Empty) => None,
                    result => Some(result),
                })??
            }
        };
        see(&payload.bytes()[..received.len]);
        Ok(())
    }

    #[inline(always)]
    fn receive_batch(&mut self, mut see: impl FnMut(&[u8])) -> Result<()> {
        wait_for(|| {
            let drained = self.consumer.drain(self.size.batch, |record| {
                // In here, where the compiler knows its length.
                let into = self.payload.bytes_mut();
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

struct Trusting;

impl Processes for Trusting {
    type Channel<P: Payload> = Joined;
    type Sender<P: Payload> = Sending;
    type Receiver<P: Payload> = TrustingReceiver;

    fn create<P: Payload>(path: &Path, end: End, size: &Size) -> Result<(Joined, String)> {
        One::create::<P>(path, end, size)
    }

    fn join<P: Payload>(ticket: &str, size: &Size) -> Result<Joined> {
        One::join::<P>(ticket, size)
    }

    fn sender<P: Payload>(joined: Joined) -> Result<Sending> {
        One::sender::<P>(joined)
    }

    fn receiver<P: Payload>(Joined { ring, size }: Joined) -> Result<TrustingReceiver> {
        // SAFETY: the only peer is another process of this program, which follows the protocol, as
        // it uses the library.
        let consumer = unsafe { ring.consumer()?.trust_peers() };
        let batch = size.batch;
        Ok(TrustingReceiver { consumer, batch })
    }
}

struct TrustingReceiver {
    consumer: TrustedConsumer,
    batch: usize,
}

impl TrustingReceiver {
    #[inline(always)]
    fn drain(&mut self, limit: usize, mut see: impl FnMut(&[u8])) -> Result<()> {
        wait_for(|| match self.consumer.drain(limit, |record| see(&record)) {
            Err(TryRecvError::Empty) => None,
            result => Some(result),
        })??;
        Ok(())
    }
}

impl<P: Payload> Receiver<P> for TrustingReceiver {
    #[inline(always)]
    fn receive(&mut self, see: impl FnMut(&[u8])) -> Result<()> {
        self.drain(1, see)
    }

    #[inline(always)]
    fn receive_batch(&mut self, see: impl FnMut(&[u8])) -> Result<()> {
        self.drain(self.batch, see)
    }
}
