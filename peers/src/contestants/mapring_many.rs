//! mapring with many producers, each in a process of its own: single records by `send`, and the
//! consumer takes what is there by `drain`. See `mapring`.

use std::path::Path;

use ::mapring::TryRecvError;
use ::mapring::mpsc::{Consumer, Options, Producer, Ring};
use anyhow::{Context, Result};

use crate::channel::{Processes, ROOM, Receiver, Sender, Size};
use crate::payload::Payload;
use crate::wait::{PATIENCE, wait_for};

pub(super) struct Many {
    ring: Ring,
    batch: usize,
}

impl Processes for Many {
    type Sender<P: Payload> = Sending;
    type Receiver<P: Payload> = Receiving<P>;

    fn create<P: Payload>(folder: &Path, name: &str, size: &Size) -> Result<(Self, String)> {
        let options = Options::new().capacity(ROOM as u64).record_align(64);
        let path = folder.join(name);
        let ticket = path.to_str().context("the path is no text")?.to_owned();
        let ring = options.prefault(true).create_at(path)?;
        let batch = size.batch;
        Ok((Self { ring, batch }, ticket))
    }

    fn join<P: Payload>(ticket: &str, size: &Size) -> Result<Self> {
        let ring = Options::new().prefault(true).open_at(ticket)?;
        let batch = size.batch;
        Ok(Self { ring, batch })
    }

    fn sender<P: Payload>(self) -> Result<Sending> {
        let producer = self.ring.producer()?;
        Ok(Sending { producer })
    }

    fn receiver<P: Payload>(self) -> Result<Receiving<P>> {
        Ok(Receiving {
            consumer: self.ring.consumer()?,
            batch: self.batch,
            payload: P::zeroed(),
        })
    }
}

pub(super) struct Sending {
    producer: Producer,
}

impl<P: Payload> Sender<P> for Sending {
    #[inline]
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
    #[inline]
    fn receive(&mut self, see: impl FnMut(&[u8])) -> Result<()> {
        self.receive_batch(see)
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
