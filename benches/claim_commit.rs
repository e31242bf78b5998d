//! What does it cost to put a record into the ring: by a claim, written in place and committed,
//! or by a send of a copy?
//!
//! One thread has both ends: it fills half a ring of 32 KiB, timed, and empties it, untimed. So no
//! cache line goes from one core to another, or to the second-level cache, and nobody is woken:
//! what is left is the work of the producer. Payloads have lengths that the compiler does not know.
//!
//! Run: `cargo bench --bench claim_commit`
//!
//! Read: `time` is that of one record. `claim, commit` writes no payload: what `claim, write,
//! commit` takes longer is the copy. `claim, abort` is a claim that is dropped. `spsc` is a ring
//! of one producer, `mpsc` one of many with one of them attached. Each half has its share of a look
//! at the clock, some 30 nanoseconds: two for each record of 1 KiB, of which half a ring has 15.

// A bench that cannot go on may panic.
#![allow(clippy::unwrap_used)]

mod common;

use std::hint::black_box;

use common::one_thread::{empty, ends, half, in_parts, options};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, criterion_group, criterion_main};
use mapring::generic::{Mpsc, Producer, Protocol, Spsc};

fn claim_commit(criterion: &mut Criterion) {
    for len in [8, 64, 1024] {
        of_kind::<Spsc>(criterion, "spsc", len);
        of_kind::<Mpsc>(criterion, "mpsc", len);
    }
}

fn of_kind<P: Protocol>(criterion: &mut Criterion, kind: &str, len: usize) {
    let mut group = criterion.benchmark_group(format!("claim_commit/{kind}/{len} bytes"));
    measure::<P>(&mut group, "claim, commit", len, |producer, payload| {
        producer.try_claim(payload.len()).unwrap().commit(0);
    });
    measure::<P>(&mut group, "claim, abort", len, |producer, payload| {
        drop(producer.try_claim(payload.len()).unwrap());
    });
    measure::<P>(
        &mut group,
        "claim, write, commit",
        len,
        |producer, payload| {
            let mut claim = producer.try_claim(payload.len()).unwrap();
            claim.write(0, payload);
            claim.commit(0);
        },
    );
    measure::<P>(&mut group, "try_send", len, |producer, payload| {
        producer.try_send(0, payload).unwrap();
    });
    group.finish();
}

/// Measures what `put` does with a payload of `len` bytes.
fn measure<P: Protocol>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    len: usize,
    put: impl Fn(&mut Producer<P>, &[u8]),
) {
    let (mut producer, mut consumer) = ends::<P>(&options());
    let part = half(&producer, len);
    let payload = vec![7; len];
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|iterations| {
            in_parts(
                iterations,
                part,
                |_| empty(&mut consumer),
                |records| (0..records).for_each(|_| put(&mut producer, black_box(&payload))),
            )
        });
    });
}

criterion_group!(name = benches; config = common::criterion(); targets = claim_commit);
criterion_main!(benches);
