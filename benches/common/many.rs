//! Streams of payloads from many threads to one.

use std::time::Duration;

use mapring::mpsc::{Options, Producer};

use super::streams::{AT_ONCE, receive, send};
use super::{PATIENCE, Spin, fill, name, options, race_many};

/// With more threads than cores, whoever is waited for must soon get its turn.
pub(crate) const YIELD_AFTER: u32 = 256;

/// How a stream of many producers goes through a ring.
pub(crate) struct Many {
    pub(crate) options: Options,
    pub(crate) producers: usize,
    /// Records of a batch, or none: then they are sent one by one.
    pub(crate) batch: usize,
}

impl Many {
    pub(crate) fn new(producers: usize) -> Self {
        Self {
            options: options(),
            producers,
            batch: 0,
        }
    }

    /// Moves so many payloads of `N` bytes.
    pub(crate) fn run<const N: usize>(&self, records: u64) -> Duration {
        let ring = self.options.create(&name("many")).unwrap();
        let consumer = ring.consumer().unwrap();
        let send_all = (0..self.producers)
            .map(|number| {
                let producer = ring.producer().unwrap();
                let records = share(records, number, self.producers);
                move || match self.batch {
                    0 => send::<_, N>(producer, records),
                    size => send_batches::<N>(producer, size as u64, records),
                }
            })
            .collect();
        race_many(send_all, || {
            receive::<_, N>(
                consumer,
                AT_ONCE,
                records,
                Spin::yielding_after(YIELD_AFTER),
            );
        })
    }
}

/// How many of the records this producer sends.
pub(crate) fn share(records: u64, producer: usize, producers: usize) -> u64 {
    let rest = records % producers as u64;
    records / producers as u64 + u64::from((producer as u64) < rest)
}

fn send_batches<const N: usize>(mut producer: Producer, size: u64, records: u64) {
    let mut payload = [0; N];
    for first in (0..records).step_by(size as usize) {
        let behind = records.min(first + size);
        let room = producer.record_size(N) * (behind - first) as usize;
        let mut batch = producer.batch(room, PATIENCE).unwrap();
        for i in first..behind {
            fill(&mut payload, i);
            batch.push(0, &payload).unwrap();
        }
        batch.publish();
    }
}
