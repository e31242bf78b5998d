//! What does it give to trust the peers, and so to write and read payloads where they are?
//!
//! Two pinned threads, a ring of 1 MiB. The producer makes every byte of a payload, the consumer
//! adds all of them up. *Copying*: made in a buffer and sent, copied out by `drain` and added up
//! there. *Trusting consumer*: added up in the ring. *Trusting both*: made in the ring, too, by a
//! claim.
//!
//! Run: `cargo bench --bench trusted`
//!
//! Read: compare the three for one length. Lengths are not known to the compiler.

// A bench that cannot go on may panic.
#![allow(clippy::unwrap_used)]

mod common;

use std::hint::black_box;
use std::time::Duration;

use common::streams::{self, AT_ONCE};
use common::{PATIENCE, Spin};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use mapring::TryRecvError;
use mapring::spsc::{Consumer, Producer, TrustedConsumer, TrustedProducer};

/// Moves so many records of a length, which comes first.
type Way = fn(usize, u64) -> Duration;

fn trusted(criterion: &mut Criterion) {
    let ways: [(&str, Way); 3] = [
        ("copying", |len, records| {
            between(
                |producer| send_copies(producer, len, records),
                |consumer| receive_copies(consumer, len, records),
            )
        }),
        ("trusting consumer", |len, records| {
            between(
                |producer| send_copies(producer, len, records),
                |consumer| receive_in_place(trusting_consumer(consumer), records),
            )
        }),
        ("trusting both", |len, records| {
            between(
                |producer| send_in_place(trusting_producer(producer), len, records),
                |consumer| receive_in_place(trusting_consumer(consumer), records),
            )
        }),
    ];
    for len in [64, 1 << 10, 16 << 10] {
        let mut group = criterion.benchmark_group("trusted");
        for (name, run) in ways {
            let id = BenchmarkId::new(name, format!("{len} bytes"));
            streams::measure(&mut group, id, len, |records| run(black_box(len), records));
        }
        group.finish();
    }
}

fn between(send: impl FnOnce(Producer) + Send, receive: impl FnOnce(Consumer) + Send) -> Duration {
    let (here, there) = common::rings("trusted", &common::options());
    let (producer, consumer) = (here.producer().unwrap(), there.consumer().unwrap());
    common::race(|| send(producer), || receive(consumer))
}

fn trusting_producer(producer: Producer) -> TrustedProducer {
    // SAFETY: only this process knows the name of the ring, and it has no other producer.
    unsafe { producer.trust_peers() }
}

fn trusting_consumer(consumer: Consumer) -> TrustedConsumer {
    // SAFETY: only this process knows the name of the ring, and its producer follows the protocol.
    unsafe { consumer.trust_peers() }
}

fn send_copies(mut producer: Producer, len: usize, records: u64) {
    let mut payload = vec![0; len];
    for i in 0..records {
        payload.fill(i as u8);
        producer.send(0, &payload, PATIENCE).unwrap();
    }
}

fn send_in_place(mut producer: TrustedProducer, len: usize, records: u64) {
    for i in 0..records {
        let mut claim = producer.claim(len, PATIENCE).unwrap();
        claim.fill(i as u8);
        claim.commit(0);
    }
}

fn receive_copies(mut consumer: Consumer, len: usize, records: u64) {
    let mut payload = vec![0; len];
    receive(records, || {
        consumer.drain(AT_ONCE, |record| {
            record.copy_to(&mut payload);
            black_box(sum(&payload));
        })
    });
}

fn receive_in_place(mut consumer: TrustedConsumer, records: u64) {
    receive(records, || {
        consumer.drain(AT_ONCE, |record| {
            black_box(sum(&record));
        })
    });
}

/// Drains until so many records have come.
fn receive(records: u64, mut drain: impl FnMut() -> Result<usize, TryRecvError>) {
    let mut spin = Spin::default();
    let mut received = 0;
    while received < records {
        match drain() {
            Ok(drained) => {
                received += drained as u64;
                spin.go_on();
            }
            Err(TryRecvError::Empty) => spin.pause(),
            Err(error) => panic!("{error}"),
        }
    }
}

/// Of words, for adding bytes would take longer than all else.
fn sum(payload: &[u8]) -> u64 {
    let (words, _) = payload.as_chunks();
    let words = words.iter().copied().map(u64::from_ne_bytes);
    words.fold(0, u64::wrapping_add)
}

criterion_group!(name = benches; config = common::criterion(); targets = trusted);
criterion_main!(benches);
