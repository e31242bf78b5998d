//! What does it cost to look for a record, when there is none and when there is one?
//!
//! One thread has both ends: it fills half a ring of 32 KiB, untimed, and takes all of it, timed.
//! So no cache line goes from one core to another, or to the second-level cache, and nobody is
//! woken: what is left is the work of the consumer. Payloads have lengths that the compiler does
//! not know, and are copied out.
//!
//! Run: `cargo bench --bench poll`
//!
//! Read: `time` is that of one call on an empty ring, or of one record. `drain, one` calls `drain`
//! for each record, `drain, all` once for half a ring. `spsc` is a ring of one producer, `mpsc`
//! one of many; with many, one in a thousand calls that find nothing asks the kernel who is alive,
//! and the mean has its share of that. So has each record of a look at the clock, some 30
//! nanoseconds: two for each record of 1 KiB, of which half a ring has 15.

// A bench that cannot go on may panic.
#![allow(clippy::unwrap_used)]

mod common;

use std::hint::black_box;

use common::one_thread::{ends, half, in_parts, options};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, criterion_group, criterion_main};
use mapring::TryRecvError;
use mapring::generic::{Consumer, Mpsc, Protocol, Spsc};

fn poll(criterion: &mut Criterion) {
    empty::<Spsc>(criterion, "spsc");
    empty::<Mpsc>(criterion, "mpsc");
    for len in [8, 64, 1024] {
        records::<Spsc>(criterion, "spsc", len);
        records::<Mpsc>(criterion, "mpsc", len);
    }
}

fn empty<P: Protocol>(criterion: &mut Criterion, kind: &str) {
    // The producer stays, for without it the ring would have ended.
    let (_producer, mut consumer) = ends::<P>(&options());
    let mut payload = [0; 64];
    let mut group = criterion.benchmark_group(format!("poll/{kind}/empty"));
    group.bench_function("try_recv", |bencher| {
        bencher.iter(|| match consumer.try_recv(&mut payload[..]) {
            Err(TryRecvError::Empty) => {}
            other => panic!("not empty: {other:?}"),
        });
    });
    group.bench_function("drain", |bencher| {
        bencher.iter(|| match consumer.drain(1, |_| ()) {
            Err(TryRecvError::Empty) => {}
            other => panic!("not empty: {other:?}"),
        });
    });
    group.finish();
}

fn records<P: Protocol>(criterion: &mut Criterion, kind: &str, len: usize) {
    let mut group = criterion.benchmark_group(format!("poll/{kind}/{len} bytes"));
    measure::<P>(&mut group, "try_recv", len, |consumer, payload, records| {
        for _ in 0..records {
            consumer.try_recv(payload).unwrap();
            black_box(&payload);
        }
    });
    measure::<P>(
        &mut group,
        "drain, one",
        len,
        |consumer, payload, records| {
            for _ in 0..records {
                drain(consumer, payload, 1);
            }
        },
    );
    measure::<P>(
        &mut group,
        "drain, all",
        len,
        |consumer, payload, records| {
            drain(consumer, payload, records);
        },
    );
    group.finish();
}

/// Takes so many records by one call.
#[inline]
fn drain<P: Protocol>(consumer: &mut Consumer<P>, payload: &mut [u8], records: u64) {
    let drained = consumer.drain(records as usize, |record| {
        record.copy_to(payload);
        black_box(&payload);
    });
    assert_eq!(drained, Ok(records as usize));
}

/// Measures how `take` takes so many records of `len` bytes.
fn measure<P: Protocol>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    len: usize,
    take: impl Fn(&mut Consumer<P>, &mut [u8], u64),
) {
    let (mut producer, mut consumer) = ends::<P>(&options());
    let part = half(&producer, len);
    let payload = vec![7; len];
    let mut received = vec![0; len];
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|iterations| {
            in_parts(
                iterations,
                part,
                |records| {
                    for _ in 0..records {
                        producer.try_send(0, &payload).unwrap();
                    }
                },
                |records| take(&mut consumer, &mut received, records),
            )
        });
    });
}

criterion_group!(name = benches; config = common::criterion(); targets = poll);
criterion_main!(benches);
