//! Streams of payloads of one length, from one thread to another.

use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, SamplingMode, Throughput};
use mapring::generic::{Consumer, Options, Producer, Protocol, Spsc};
use mapring::{TryRecvError, TrySendError, WaitStrategy};
use mapring_limits::{StreamReceiver, StreamSender};

use super::{Check, PATIENCE, ROOM, Spin, fill, options, race, rings};

/// Bytes that one measurement moves: some ten milliseconds, and some laps of the largest ring.
const BYTES: u64 = 64 << 20;
/// Records that one call of `drain` may hand out.
pub(crate) const AT_ONCE: usize = 256;
/// The cursor of a raw stream is published once in so many bytes, unless its bench says otherwise.
pub(crate) const INTERVAL: usize = 4 << 10;

/// Records of one measurement.
pub(crate) fn records(len: usize) -> u64 {
    BYTES / len.max(64) as u64
}

/// Lets criterion measure a stream of payloads of `len` bytes, of which an iteration has
/// [`records`].
pub(crate) fn measure(
    group: &mut BenchmarkGroup<'_, WallTime>,
    id: BenchmarkId,
    len: usize,
    stream: impl Fn(u64) -> Duration,
) {
    let elements = records(len);
    let bytes = elements * len as u64;
    group.sampling_mode(SamplingMode::Flat);
    group.throughput(Throughput::ElementsAndBytes { elements, bytes });
    group.bench_function(id, |bencher| {
        bencher.iter_custom(|iterations| stream(iterations * elements));
    });
}

/// How a stream goes through a ring.
pub(crate) struct Stream {
    pub(crate) options: Options<Spsc>,
    /// Records of a batch, or none: then they are sent one by one.
    pub(crate) batch: usize,
    /// Records that one call of `drain` may hand out.
    pub(crate) at_once: usize,
    /// How the producer waits for room, unless it sends batches.
    pub(crate) strategy: WaitStrategy,
}

impl Default for Stream {
    fn default() -> Self {
        Self {
            options: options(),
            batch: 0,
            at_once: AT_ONCE,
            strategy: WaitStrategy::default(),
        }
    }
}

impl Stream {
    /// Moves so many payloads of `N` bytes.
    pub(crate) fn run<const N: usize>(&self, records: u64) -> Duration {
        let (here, there) = rings("stream", &self.options);
        // Taken before the start, so that neither finds that the other has left.
        let (mut producer, consumer) = (here.producer().unwrap(), there.consumer().unwrap());
        producer.set_wait_strategy(self.strategy);
        let receive = || {
            let (check, last) = receive::<_, N>(consumer, self.at_once, records, Spin::default());
            check.finish(records, &last);
        };
        if self.batch == 0 {
            race(|| send::<_, N>(producer, records), receive)
        } else {
            race(|| send_batches::<N>(producer, self.batch, records), receive)
        }
    }
}

/// Sends so many, one by one.
pub(crate) fn send<P: Protocol, const N: usize>(mut producer: Producer<P>, records: u64) {
    let mut payload = [0; N];
    for i in 0..records {
        fill(&mut payload, i);
        producer.send(0, &payload, PATIENCE).unwrap();
    }
}

/// Where a batch finds no room for its next record, it is sent as it is.
fn send_batches<const N: usize>(mut producer: Producer<Spsc>, size: usize, records: u64) {
    let mut payload = [0; N];
    let mut spin = Spin::default();
    let mut i = 0;
    while i < records {
        let first = i;
        let mut batch = producer.batch().unwrap();
        while i < records && batch.len() < size {
            fill(&mut payload, i);
            match batch.push(0, &payload) {
                Ok(()) => i += 1,
                Err(TrySendError::Full) => break,
                Err(error) => panic!("{error}"),
            }
        }
        batch.publish();
        if i == first {
            spin.pause();
        } else {
            spin.go_on();
        }
    }
}

/// Drains so many, at most `at_once` by one call. Returns what it has seen, and the last one.
pub(crate) fn receive<P: Protocol, const N: usize>(
    mut consumer: Consumer<P>,
    at_once: usize,
    records: u64,
    mut spin: Spin,
) -> (Check, [u8; N]) {
    let mut check = Check::default();
    let mut payload = [0; N];
    while check.records() < records {
        let drained = consumer.drain(at_once, |record| {
            record.copy_to(&mut payload);
            check.see(&payload);
        });
        match drained {
            Ok(_) => spin.go_on(),
            Err(TryRecvError::Empty) => spin.pause(),
            Err(error) => panic!("{error}"),
        }
    }
    (check, payload)
}

/// The raw stream in the usual room.
pub(crate) fn raw<const N: usize>(records: u64) -> Duration {
    raw_in::<N>(ROOM, INTERVAL, records)
}

/// The raw stream: plain copies into a ring of `room` bytes, and a cursor that is published once in
/// `interval` bytes, or after each payload if these are longer.
pub(crate) fn raw_in<const N: usize>(room: usize, interval: usize, records: u64) -> Duration {
    let file = mapring_limits::shared_file(4096 + room).unwrap();
    // SAFETY: there is one sender and one receiver over this file, each made once.
    let mut sender = unsafe { StreamSender::<N>::with_interval(&file, interval) }.unwrap();
    // SAFETY: as above.
    let mut receiver = unsafe { StreamReceiver::<N>::with_interval(&file, interval) }.unwrap();
    let deadline = Instant::now() + PATIENCE;
    let send = move || {
        let mut payload = [0; N];
        for i in 0..records {
            fill(&mut payload, i);
            sender.send(&payload, deadline).unwrap();
        }
        sender.publish();
    };
    let receive = move || {
        let mut check = Check::default();
        let mut payload = [0; N];
        for _ in 0..records {
            receiver.receive(&mut payload, deadline).unwrap();
            check.see(&payload);
        }
        check.finish(records, &payload);
    };
    race(send, receive)
}
