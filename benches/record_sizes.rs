//! How many records, and bytes, go one way in a second, by the length of their payload?
//!
//! Two pinned threads, a ring of 1 MiB: one sends one by one, the other drains. Beside each
//! length stands the raw stream: plain copies into a ring of the same room, with a cursor that is
//! published once in 1, 4 or 16 KiB, or after each payload if these are longer.
//!
//! Run: `cargo bench --bench record_sizes`
//!
//! Read: `thrpt` of `mapring` by the best of the raw streams of the same length is the share of
//! what the machine allows. They are measured one after the other; `side_by_side` lets `mapring`
//! and the raw stream of 4 KiB take turns.

// A bench that cannot go on may panic.
#![allow(clippy::unwrap_used)]

mod common;

use common::ROOM;
use common::streams::{self, Stream};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

/// Of the cursor of the raw stream, in KiB.
const INTERVALS: [usize; 3] = [1, 4, 16];

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
    let id = |name: &str| BenchmarkId::new(name, format!("{N} bytes"));
    for kibibytes in INTERVALS {
        let interval = kibibytes << 10;
        // Those that are not longer than a payload are alike.
        if interval <= N && kibibytes != INTERVALS[0] {
            continue;
        }
        let id = id(&format!("raw stream, {kibibytes} KiB"));
        streams::measure(&mut group, id, N, |records| {
            streams::raw_in::<N>(ROOM, interval, records)
        });
    }
    let stream = Stream::default();
    streams::measure(&mut group, id("mapring"), N, |records| {
        stream.run::<N>(records)
    });
    group.finish();
}

criterion_group!(name = benches; config = common::criterion(); targets = record_sizes);
criterion_main!(benches);
