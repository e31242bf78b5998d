//! How many records, and bytes, go one way in a second, by the length of their payload?
//!
//! Two pinned threads, a ring of 1 MiB: one sends one by one, the other drains. Beside each
//! length stands the raw stream: plain copies into a ring of the same room, with a cursor published
//! once per 4 KiB.
//!
//! Run: `cargo bench --bench record_sizes`
//!
//! Read: `thrpt` of `mapring` by that of `raw stream` of the same length is the share of what the
//! machine allows. The two are measured one after the other; `side_by_side` lets them take turns.

// A bench that cannot go on may panic.
#![allow(clippy::unwrap_used)]

mod common;

use common::streams::{self, Stream};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

fn record_sizes(criterion: &mut Criterion) {
    of_size::<8>(criterion);
    of_size::<64>(criterion);
    of_size::<256>(criterion);
    of_size::<{ 1 << 10 }>(criterion);
    of_size::<{ 4 << 10 }>(criterion);
    of_size::<{ 16 << 10 }>(criterion);
    of_size::<{ 64 << 10 }>(criterion);
}

fn of_size<const N: usize>(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("record_sizes");
    let id = |name| BenchmarkId::new(name, format!("{N} bytes"));
    streams::measure(&mut group, id("raw stream"), N, streams::raw::<N>);
    let stream = Stream::default();
    streams::measure(&mut group, id("mapring"), N, |records| {
        stream.run::<N>(records)
    });
    group.finish();
}

criterion_group!(name = benches; config = common::criterion(); targets = record_sizes);
criterion_main!(benches);
