//! rtrb: a wait-free ring between two threads. It never waits itself, so both sides spin.
//! Batches are what the documentation of its module `chunks` shows: a chunk, or, with too few slots,
//! what is left of it, is filled from an iterator, and read as slices where it is.

use std::iter;

use ::rtrb::chunks::ChunkError::TooFewSlots;
use ::rtrb::{Consumer, Producer, RingBuffer};
use anyhow::Result;

use super::{About, Contestant};
use crate::channel::{Opened, Receiver, Sender, Size, Threads};
use crate::payload::{Payload, Payloads};
use crate::question::Kind;
use crate::wait::wait_for;

pub(crate) fn contestant() -> Contestant {
    Contestant::between_threads::<Rtrb>(About {
        name: "rtrb",
        version: env!("LOCKED_rtrb").to_owned(),
        link: "https://docs.rs/rtrb",
        usage: "`push`, `pop`; batches by `write_chunk_uninit`, `read_chunk`",
        kinds: &[Kind::RoundTrip, Kind::Single, Kind::Drain, Kind::Batch],
    })
}

struct Rtrb;

impl Threads for Rtrb {
    type Sender<P: Payload> = Sending<P>;
    type Receiver<P: Payload> = Receiving<P>;

    fn open<P: Payload>(size: &Size) -> Result<Opened<Sending<P>, Receiving<P>>> {
        let (producer, consumer) = RingBuffer::new(size.slots);
        let batch = size.batch;
        Ok((
            vec![Sending { producer, batch }],
            Receiving { consumer, batch },
        ))
    }
}

struct Sending<P> {
    producer: Producer<P>,
    batch: usize,
}

struct Receiving<P> {
    consumer: Consumer<P>,
    batch: usize,
}

impl<P: Payload> Sender<P> for Sending<P> {
    #[inline(always)]
    fn send(&mut self, payload: &P) -> Result<()> {
        wait_for(|| self.producer.push(*payload).ok())
    }

    #[inline(always)]
    fn send_batch(&mut self, payloads: &mut Payloads<P>) -> Result<()> {
        let count = self.batch.min(payloads.left());
        wait_for(|| {
            let chunk = match self.producer.write_chunk_uninit(count) {
                Ok(chunk) => chunk,
                Err(TooFewSlots(room)) => self.producer.write_chunk_uninit(room).ok()?,
            };
            let sent = chunk.fill_from_iter(iter::from_fn(|| payloads.next().copied()));
            (sent > 0).then_some(())
        })
    }
}

impl<P: Payload> Receiver<P> for Receiving<P> {
    #[inline(always)]
    fn receive(&mut self, mut see: impl FnMut(&[u8])) -> Result<()> {
        let payload = wait_for(|| self.consumer.pop().ok())?;
        see(payload.bytes());
        Ok(())
    }

    #[inline(always)]
    fn receive_batch(&mut self, mut see: impl FnMut(&[u8])) -> Result<()> {
        wait_for(|| {
            let chunk = match self.consumer.read_chunk(self.batch) {
                Ok(chunk) => chunk,
                Err(TooFewSlots(ready)) => self.consumer.read_chunk(ready).ok()?,
            };
            let ready = chunk.len();
            let (first, second) = chunk.as_slices();
            first
                .iter()
                .chain(second)
                .for_each(|payload| see(payload.bytes()));
            chunk.commit_all();
            (ready > 0).then_some(())
        })
    }
}
