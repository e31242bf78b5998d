//! disruptor: a ring of events between threads, which are written and read where they are. "Batch
//! publication should be used whenever possible", says its README; single events go by `publish`. The
//! consumer polls (`EventPoller`), which it says performs like a managed thread. Here the `try_`
//! variants are used, and the harness spins, as `BusySpin` would, but yields now and then to
//! producers on the same core.

use ::disruptor::{
    BusySpin, EventPoller, MultiProducer, MultiProducerBarrier, Producer, SingleConsumerBarrier,
    SingleProducer, SingleProducerBarrier, build_multi_producer, build_single_producer,
};
use anyhow::Result;

use super::{About, Contestant};
use crate::channel::{Opened, Receiver, Sender, Size, Threads};
use crate::payload::{Payload, Payloads};
use crate::question::Kind;
use crate::wait::wait_for;

pub(crate) fn contestant() -> Contestant {
    Contestant::between_threads::<One>(About {
        name: "disruptor",
        version: env!("LOCKED_disruptor").to_owned(),
        link: "https://docs.rs/disruptor",
        usage: "`try_publish`, `take(1)`; batches by `try_batch_publish`, `poll`",
        kinds: &[
            Kind::RoundTrip,
            Kind::Single,
            Kind::Drain,
            Kind::Batch,
            Kind::ManyToOne,
        ],
    })
    .many_between_threads::<Many>()
}

struct One;

impl Threads for One {
    type Sender<P: Payload> = Sending<SingleProducer<P, SingleConsumerBarrier>>;
    type Receiver<P: Payload> = EventPoller<P, SingleProducerBarrier>;

    fn open<P: Payload>(size: &Size) -> Result<Opened<Self::Sender<P>, Self::Receiver<P>>> {
        let builder = build_single_producer(size.slots, P::zeroed, BusySpin);
        let (poller, builder) = builder.new_event_poller();
        let (producer, batch) = (builder.build(), size.batch);
        Ok((vec![Sending { producer, batch }], poller))
    }
}

struct Many;

impl Threads for Many {
    type Sender<P: Payload> = Sending<MultiProducer<P, SingleConsumerBarrier>>;
    type Receiver<P: Payload> = EventPoller<P, MultiProducerBarrier>;

    fn open<P: Payload>(size: &Size) -> Result<Opened<Self::Sender<P>, Self::Receiver<P>>> {
        let builder = build_multi_producer(size.slots, P::zeroed, BusySpin);
        let (poller, builder) = builder.new_event_poller();
        let (producer, batch) = (builder.build(), size.batch);
        let senders = vec![Sending { producer, batch }; size.producers];
        Ok((senders, poller))
    }
}

#[derive(Clone)]
struct Sending<T> {
    producer: T,
    batch: usize,
}

impl<P: Payload, T: Producer<P>> Sender<P> for Sending<T> {
    #[inline(always)]
    fn send(&mut self, payload: &P) -> Result<()> {
        wait_for(|| self.producer.try_publish(|event| *event = *payload).ok())?;
        Ok(())
    }

    #[inline(always)]
    fn send_batch(&mut self, payloads: &mut Payloads<P>) -> Result<()> {
        let count = self.batch.min(payloads.left());
        wait_for(|| {
            let published = self.producer.try_batch_publish(count, |events| {
                for event in events {
                    if let Some(payload) = payloads.next() {
                        *event = *payload;
                    }
                }
            });
            published.ok()
        })?;
        Ok(())
    }
}

// For each of the two barriers, for the trait that they have in common is not public.
macro_rules! receiver {
    ($barrier:ty) => {
        impl<P: Payload> Receiver<P> for EventPoller<P, $barrier> {
            #[inline(always)]
            fn receive(&mut self, mut see: impl FnMut(&[u8])) -> Result<()> {
                wait_for(|| {
                    let mut events = self.take(1).ok()?;
                    (&mut events).for_each(|event| see(event.bytes()));
                    Some(())
                })
            }

            #[inline(always)]
            fn receive_batch(&mut self, mut see: impl FnMut(&[u8])) -> Result<()> {
                wait_for(|| {
                    let mut events = self.poll().ok()?;
                    (&mut events).for_each(|event| see(event.bytes()));
                    Some(())
                })
            }
        }
    };
}

receiver!(SingleProducerBarrier);
receiver!(MultiProducerBarrier);
