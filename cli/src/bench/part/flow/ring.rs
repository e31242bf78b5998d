//! A flow through a ring.

use anyhow::Result;
use mapring::generic::{Consumer, Options, Producer, Protocol, Spsc};
use mapring::{SendError, TryRecvError, TrySendError};

use super::seen::Seen;
use super::{LAST, send_until_over, write_number};
use crate::bench::clock;
use crate::bench::part::payload::Payload;
use crate::bench::part::{Outcome, Play, Turn};
use crate::bench::watch::{SLICE, Watch};
use crate::spin::Spin;

/// Records that one call of `drain` may hand out.
const AT_ONCE: usize = 256;

/// Sends one record at a time, by `send`.
pub(super) struct Sender<K: Protocol, P> {
    producer: Producer<K>,
    number: u32,
    payload: P,
}

impl<K: Protocol, P: Payload> Sender<K, P> {
    pub(super) fn open(name: &str, number: u32, payload: P) -> Result<Self> {
        let ring = Options::<K>::new().prefault(true).open(name)?;
        Ok(Self {
            producer: ring.producer()?,
            number,
            payload,
        })
    }
}

/// Sends a record, waiting for room as a user's program would.
#[inline(always)]
fn send<K: Protocol>(
    producer: &mut Producer<K>,
    tag: u32,
    payload: &[u8],
    watch: &Watch,
) -> Result<()> {
    loop {
        match producer.send(tag, payload, SLICE) {
            Ok(_) => return Ok(()),
            Err(SendError::TimedOut) => watch.check()?,
            Err(error) => return Err(error.into()),
        }
    }
}

impl<K: Protocol, P: Payload> Play for Sender<K, P> {
    fn play(&mut self, turn: &Turn, watch: &Watch) -> Result<Outcome> {
        let (producer, tag, payload) = (&mut self.producer, self.number, &mut self.payload);
        let size = payload.as_ref().len();
        let outcome = send_until_over(turn, watch, size, |numbers| {
            for number in numbers {
                write_number(payload.as_mut(), number);
                send(producer, tag, payload.as_ref(), watch)?;
            }
            Ok(())
        })?;
        write_number(payload.as_mut(), LAST);
        send(producer, tag, payload.as_ref(), watch)?;
        Ok(outcome)
    }
}

/// Sends batches.
pub(super) struct BatchSender<P> {
    producer: Producer<Spsc>,
    /// Records of a batch, at most.
    batch: usize,
    payload: P,
}

impl<P: Payload> BatchSender<P> {
    pub(super) fn open(name: &str, batch: usize, payload: P) -> Result<Self> {
        let ring = Options::<Spsc>::new().prefault(true).open(name)?;
        Ok(Self {
            producer: ring.producer()?,
            batch,
            payload,
        })
    }
}

impl<P: Payload> Play for BatchSender<P> {
    fn play(&mut self, turn: &Turn, watch: &Watch) -> Result<Outcome> {
        let (producer, payload) = (&mut self.producer, &mut self.payload);
        let size = payload.as_ref().len();
        let outcome = send_until_over(turn, watch, size, |mut numbers| {
            let mut spin = Spin::default();
            while !numbers.is_empty() {
                let mut batch = producer.batch()?;
                while batch.len() < self.batch && !numbers.is_empty() {
                    write_number(payload.as_mut(), numbers.start);
                    match batch.push(0, payload.as_ref()) {
                        Ok(()) => numbers.start += 1,
                        Err(TrySendError::Full) => break,
                        Err(error) => return Err(error.into()),
                    }
                }
                let is_stuck = batch.is_empty();
                batch.publish();
                if is_stuck {
                    spin.pause(|| watch.check())?;
                }
            }
            Ok(())
        })?;
        write_number(payload.as_mut(), LAST);
        send(producer, 0, payload.as_ref(), watch)?;
        Ok(outcome)
    }
}

/// Receives by `drain`, and polls when there is nothing.
pub(super) struct Receiver<K: Protocol, P> {
    consumer: Consumer<K>,
    senders: u32,
    payload: P,
}

impl<K: Protocol, P: Payload> Receiver<K, P> {
    pub(super) fn open(name: &str, senders: u32, payload: P) -> Result<Self> {
        let ring = Options::<K>::new().prefault(true).open(name)?;
        Ok(Self {
            consumer: ring.consumer()?,
            senders,
            payload,
        })
    }
}

impl<K: Protocol, P: Payload> Play for Receiver<K, P> {
    fn play(&mut self, turn: &Turn, watch: &Watch) -> Result<Outcome> {
        let payload = &mut self.payload;
        let mut seen = Seen::new(self.senders);
        let mut spin = Spin::default();
        while !seen.is_over() {
            let drained = self.consumer.drain(AT_ONCE, |record| {
                record.copy_to(payload.as_mut());
                seen.see(record.tag(), payload.as_ref());
            });
            match drained {
                Ok(_) => spin = Spin::default(),
                Err(TryRecvError::Empty) => spin.pause(|| watch.check())?,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Outcome {
            count: seen.count()?,
            begin: turn.begin,
            end: clock::now(),
            times: None,
        })
    }
}
