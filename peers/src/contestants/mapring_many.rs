//! mapring with many producers, each in a process of its own: single records by `send`, and the
//! consumer takes what is there by `drain`. See `mapring`.

use std::path::Path;

use ::mapring::TryRecvError;
use ::mapring::mpsc::{Consumer, Options, Producer, Ring};
use anyhow::Result;

use crate::channel::{End, Processes, ROOM, Receiver, Sender, Size, text};
use crate::payload::Payload;
use crate::wait::{PATIENCE, wait_for};

pub(super) struct Many;

impl Processes for Many {
    type Channel<P: Payload> = Joined;
    type Sender<P: Payload> = Sending;
    type Receiver<P: Payload> = Receiving<P>;

    fn create<P: Payload>(path: &Path, _: End, size: &Size) -> Result<(Joined, String)> {
        let options = Options::new().capacity(ROOM as u64).record_align(64);
        let ring = options.prefault(true).create_at(path)?;
        let batch = size.batch;
        Ok((Joined { ring, batch }, text(path)?))
    }

    fn join<P: Payload>(ticket: &str, size: &Size) -> Result<Joined> {
        let ring = Options::new().prefault(true).open_at(ticket)?;
        let batch = size.batch;
        Ok(Joined { ring, batch })
    }

    fn sender<P: Payload>(joined: Joined) -> Result<Sending> {
        let producer = joined.ring.producer()?;
        Ok(Sending { producer })
    }

    fn receiver<P: Payload>(Joined { ring, batch }: Joined) -> Result<Receiving<P>> {
        Ok(Receiving {
            consumer: ring.consumer()?,
            batch,
            payload: P::zeroed(),
        })
    }
}

pub(super) struct Joined {
    ring: Ring,
    batch: usize,
}

pub(super) struct Sending {
    producer: Producer,
}

impl<P: Payload> Sender<P> for Sending {
    #[inline(always)]
    fn send(&mut self, payload: &P) -> Result<()> {
        self.producer.send(0, payload.bytes(), PATIENCE)?;
        Ok(())
    }
}

pub(super) struct Receiving<P> {
    consumer: Consumer,
    batch: usize,
    payload: P,
}

impl<P: Payload> Receiver<P> for Receiving<P> {
    #[inline(always)]
    fn receive(&mut self, see: impl FnMut(&[u8])) -> Result<()> {
        self.receive_batch(see)
    }

    #[inline(always)]
    fn receive_batch(&mut self, mut see: impl FnMut(&[u8])) -> Result<()> {
        wait_for(|| {
            let drained = self.consumer.drain(self.batch, |record| {
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
