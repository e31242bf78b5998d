//! What differs between the kinds of rings, for those who work with either.

use std::time::Duration;

use mapring::generic::{Consumer, Mpsc, Observer, Options, Producer, Protocol, Spsc};

use super::counts::{Outcome, looked, sent, tried_to_receive, tried_to_send};
use crate::common::gates::Kind as Counted;

/// Bytes of the rings of a storm.
pub(crate) const CAPACITY: u64 = 4096;

/// A kind of ring, as a storm knows it.
pub(crate) trait Kind: Counted {
    /// What its regions are made with.
    fn options() -> Options<Self>;

    /// Sends these payloads as a batch with room for them, which may be given up.
    fn batch(
        producer: &mut Producer<Self>,
        payloads: &[Vec<u8>],
        wait: Option<Duration>,
        publish: bool,
    ) -> Outcome;

    /// Looks at the producers, as a consumer.
    fn look_at_producers(consumer: &mut Consumer<Self>) -> Outcome;

    /// Looks at the producers, as an observer.
    fn observe_producers(observer: &Observer<Self>) -> Outcome;
}

fn options<P: Protocol>() -> Options<P> {
    Options::new().capacity(CAPACITY).max_payload(512)
}

impl Kind for Spsc {
    fn options() -> Options<Self> {
        options()
    }

    fn batch(
        producer: &mut Producer<Self>,
        payloads: &[Vec<u8>],
        _wait: Option<Duration>,
        publish: bool,
    ) -> Outcome {
        let mut batch = match producer.batch() {
            Ok(batch) => batch,
            Err(error) => return tried_to_send(Err::<(), _>(error)),
        };
        let mut outcome = Outcome::Done;
        for (tag, payload) in (0..).zip(payloads) {
            outcome = tried_to_send(batch.push(tag, payload));
            if !matches!(outcome, Outcome::Done) {
                break;
            }
        }
        if publish {
            batch.publish();
        }
        outcome
    }

    fn look_at_producers(consumer: &mut Consumer<Self>) -> Outcome {
        tried_to_receive(consumer.producer())
    }

    fn observe_producers(observer: &Observer<Self>) -> Outcome {
        let _ = observer.producer_counters();
        looked(observer.producer())
    }
}

impl Kind for Mpsc {
    fn options() -> Options<Self> {
        options().producers(4)
    }

    fn batch(
        producer: &mut Producer<Self>,
        payloads: &[Vec<u8>],
        wait: Option<Duration>,
        publish: bool,
    ) -> Outcome {
        let sizes = payloads
            .iter()
            .map(|payload| producer.record_size(payload.len()));
        let room = sizes.sum();
        let mut batch = match wait {
            None => match producer.try_batch(room) {
                Ok(batch) => batch,
                Err(error) => return tried_to_send(Err::<(), _>(error)),
            },
            Some(time) => match producer.batch(room, time) {
                Ok(batch) => batch,
                Err(error) => return sent(Err::<(), _>(error)),
            },
        };
        for (tag, payload) in (0..).zip(payloads) {
            // There is room, whatever stands in the region.
            batch.push(tag, payload).expect("room that was set aside");
        }
        if publish {
            batch.publish();
        }
        Outcome::Done
    }

    fn look_at_producers(consumer: &mut Consumer<Self>) -> Outcome {
        consumer.repairs().for_each(drop);
        tried_to_receive(consumer.producers())
    }

    fn observe_producers(observer: &Observer<Self>) -> Outcome {
        let _ = observer.stalled();
        looked(observer.producers())
    }
}
