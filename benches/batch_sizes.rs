//! What do batches give: many records sent at once, and many received at once?
//!
//! Two pinned threads, a ring of 1 MiB. *Sent at once*: so many records for each `batch`, which
//! is sent as it is when the ring has no room for the next; the other side drains up to 256.
//! *Received at once*: so many records for each call of `drain`, which gives their room back
//! together; the other side sends one by one. *Sent singly* is one by one, and up to 256 for each
//! `drain`.
//!
//! Run: `cargo bench --bench batch_sizes`
//!
//! Read: `thrpt` by that of `sent singly` of the same payload. Larger batches are worth it as long
//! as it grows.

// A bench that cannot go on may panic.
#![allow(clippy::unwrap_used)]

mod common;

use common::streams::{self, Stream};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

fn batch_sizes(criterion: &mut Criterion) {
    of_size::<8>(criterion);
    of_size::<64>(criterion);
}

fn of_size<const N: usize>(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group(format!("batch_sizes/{N} bytes"));
    let mut measure = |id, stream: Stream| {
        streams::measure(&mut group, id, N, |records| stream.run::<N>(records));
    };
    measure(
        BenchmarkId::from_parameter("sent singly"),
        Stream::default(),
    );
    for batch in [1, 4, 16, 64, 256] {
        let stream = Stream {
            batch,
            ..Stream::default()
        };
        measure(BenchmarkId::new("sent at once", batch), stream);
    }
    for at_once in [1, 4, 16, 64] {
        let stream = Stream {
            at_once,
            ..Stream::default()
        };
        measure(BenchmarkId::new("received at once", at_once), stream);
    }
    group.finish();
}

criterion_group!(name = benches; config = common::criterion(); targets = batch_sizes);
criterion_main!(benches);
