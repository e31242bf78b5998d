//! What does the room of a ring cost, or give, from 64 KiB to 16 MiB?
//!
//! Two pinned threads: one sends one by one, the other drains. A small ring is full, or empty,
//! more often; a large one does not fit into the caches. Beside each capacity stands the raw
//! stream in the same room: plain copies, with a cursor published once per 4 KiB.
//!
//! Run: `cargo bench --bench capacities`
//!
//! Read: along the capacities of `raw stream` is what the caches do; `thrpt` of `mapring` by
//! that of `raw stream` of the same capacity is what the ring does.

// A bench that cannot go on may panic.
#![allow(clippy::unwrap_used)]

mod common;

use common::streams::{self, Stream};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

/// In KiB.
const CAPACITIES: [usize; 5] = [64, 256, 1 << 10, 4 << 10, 16 << 10];

fn capacities(criterion: &mut Criterion) {
    of_size::<64>(criterion);
    of_size::<1024>(criterion);
}

fn of_size<const N: usize>(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group(format!("capacities/{N} bytes"));
    for kibibytes in CAPACITIES {
        let capacity = kibibytes << 10;
        let id = |name| BenchmarkId::new(name, format!("{kibibytes} KiB"));
        streams::measure(&mut group, id("raw stream"), N, |records| {
            streams::raw_in::<N>(capacity, streams::INTERVAL, records)
        });
        let options = common::options().capacity(capacity as u64);
        let stream = Stream {
            options,
            ..Stream::default()
        };
        streams::measure(&mut group, id("mapring"), N, |records| {
            stream.run::<N>(records)
        });
    }
    group.finish();
}

criterion_group!(name = benches; config = common::criterion(); targets = capacities);
criterion_main!(benches);
