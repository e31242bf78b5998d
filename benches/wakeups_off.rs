//! What do wakeups cost when nobody is asleep?
//!
//! *On*: behind each record, whoever sent or received it looks whether the other side sleeps;
//! nobody ever does. *Off*: a ring with `Wakeups::None`, where nobody looks. *Stream*: two pinned
//! threads, one sends one by one and spins while there is no room, the other polls by `drain`.
//! *One thread*: the same thread sends and receives, and one of the two is timed; the ring stays in
//! the first-level cache.
//!
//! Run: `cargo bench --bench wakeups_off`
//!
//! Read: compare `on` with `off`. What a wakeup takes when somebody sleeps is asked by `wakeups`.

// A bench that cannot go on may panic.
#![allow(clippy::unwrap_used)]

mod common;

use std::hint::black_box;

use common::one_thread::{self, empty, ends, half, in_parts};
use common::streams::{self, Stream};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use mapring::generic::Spsc;
use mapring::{WaitStrategy, Wakeups};

const KINDS: [(&str, Wakeups); 2] = [("off", Wakeups::None), ("on", Wakeups::Futex)];

fn stream<const N: usize>(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("wakeups_off");
    for (kind, wakeups) in KINDS {
        let stream = Stream {
            options: common::options().wakeups(wakeups),
            strategy: WaitStrategy::BusySpin,
            ..Stream::default()
        };
        let id = BenchmarkId::new(format!("stream of {N} bytes"), kind);
        streams::measure(&mut group, id, N, |records| stream.run::<N>(records));
    }
    group.finish();
}

fn one_thread(criterion: &mut Criterion) {
    let payload = [7; 8];
    let mut received = [0; 8];
    let mut group = criterion.benchmark_group("wakeups_off/one thread");
    for (kind, wakeups) in KINDS {
        let (mut producer, mut consumer) = ends(&one_thread::options::<Spsc>().wakeups(wakeups));
        let part = half(&producer, payload.len());
        let mut send = |records| {
            for _ in 0..records {
                producer.try_send(0, black_box(&payload)).unwrap();
            }
        };
        group.bench_function(BenchmarkId::new("try_send", kind), |bencher| {
            bencher.iter_custom(|iterations| {
                in_parts(iterations, part, |_| empty(&mut consumer), &mut send)
            });
        });
        empty(&mut consumer);
        group.bench_function(BenchmarkId::new("try_recv", kind), |bencher| {
            bencher.iter_custom(|iterations| {
                in_parts(iterations, part, &mut send, |records| {
                    for _ in 0..records {
                        consumer.try_recv(&mut received).unwrap();
                        black_box(&received);
                    }
                })
            });
        });
    }
    group.finish();
}

criterion_group!(
    name = benches;
    config = common::criterion();
    targets = stream::<8>, stream::<64>, one_thread
);
criterion_main!(benches);
