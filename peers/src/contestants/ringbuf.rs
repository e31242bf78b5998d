//! ringbuf: a ring between two threads. It never waits itself, so both sides spin. To avoid
//! synchronizations "you may use methods that operate many items at once", says its README, and
//! "use `pop_slice` to batch removals": so batches go by `push_iter` and `pop_slice`.

use std::iter;

use ::ringbuf::traits::{Consumer, Producer, Split};
use ::ringbuf::{HeapCons, HeapProd, HeapRb};
use anyhow::Result;

use super::{About, Contestant};
use crate::channel::{Opened, Receiver, Sender, Size, Threads};
use crate::payload::{Payload, Payloads};
use crate::question::Kind;
use crate::wait::wait_for;

pub(crate) fn contestant() -> Contestant {
    Contestant::between_threads::<Ringbuf>(About {
        name: "ringbuf",
        version: env!("LOCKED_ringbuf").to_owned(),
        link: "https://docs.rs/ringbuf",
        usage: "`try_push`, `try_pop`; batches by `push_iter`, `pop_slice`",
        kinds: &[Kind::RoundTrip, Kind::Single, Kind::Drain, Kind::Batch],
    })
}

struct Ringbuf;

impl Threads for Ringbuf {
    type Sender<P: Payload> = Sending<P>;
    type Receiver<P: Payload> = Receiving<P>;

    fn open<P: Payload>(size: &Size) -> Result<Opened<Sending<P>, Receiving<P>>> {
        let (producer, consumer) = HeapRb::new(size.slots).split();
        let batch = size.batch;
        let payloads = vec![P::zeroed(); batch];
        let sending = Sending { producer, batch };
        Ok((vec![sending], Receiving { consumer, payloads }))
    }
}

struct Sending<P> {
    producer: HeapProd<P>,
    batch: usize,
}

struct Receiving<P> {
    consumer: HeapCons<P>,
    payloads: Vec<P>,
}

impl<P: Payload> Sender<P> for Sending<P> {
    #[inline(always)]
    fn send(&mut self, payload: &P) -> Result<()> {
        wait_for(|| self.producer.try_push(*payload).ok())
    }

    #[inline(always)]
    fn send_batch(&mut self, payloads: &mut Payloads<P>) -> Result<()> {
        wait_for(|| {
            let next = iter::from_fn(|| payloads.next().copied());
            (self.producer.push_iter(next.take(self.batch)) > 0).then_some(())
        })
    }
}

impl<P: Payload> Receiver<P> for Receiving<P> {
    #[inline(always)]
    fn receive(&mut self, mut see: impl FnMut(&[u8])) -> Result<()> {
        let payload = wait_for(|| self.consumer.try_pop())?;
        see(payload.bytes());
        Ok(())
    }

    #[inline(always)]
    fn receive_batch(&mut self, mut see: impl FnMut(&[u8])) -> Result<()> {
        let count = wait_for(|| {
            let count = self.consumer.pop_slice(&mut self.payloads);
            (count > 0).then_some(count)
        })?;
        let payloads = &self.payloads[..count];
        payloads.iter().for_each(|payload| see(payload.bytes()));
        Ok(())
    }
}
