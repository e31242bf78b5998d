//! What does it give, and cost, that every record starts on a cache line, or on two?
//!
//! Payloads of 40 bytes: records of 48 bytes aligned to 8, some of which lie across two
//! lines; of 64 and 128 bytes aligned to that. Round trips of one record that both sides poll for;
//! a stream through a ring of one producer (`spsc`); streams through a ring of many (`mpsc`), with
//! one of them there and with two, which share lines unless records keep them apart. All threads
//! are pinned but those of two producers: these are three with the consumer, perhaps on two cores,
//! and the scheduler, which puts them where it likes, has its part in what comes of it.
//!
//! Run: `cargo bench --bench record_align`
//!
//! Read: compare alignments within one kind of work. 8 is the default with `spsc`, 64 with `mpsc`.

// A bench that cannot go on may panic.
#![allow(clippy::unwrap_used)]

mod common;

use common::many::Many;
use common::round_trips;
use common::streams::{self, Stream};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

/// Bytes of payload.
const N: usize = 40;
const ALIGNMENTS: [u64; 3] = [8, 64, 128];

fn round_trip(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("record_align");
    for align in ALIGNMENTS {
        let options = common::options().record_align(align);
        let id = BenchmarkId::new("round trip", align);
        round_trips::measure(&mut group, id, |rounds| {
            round_trips::mapring::<N>(&options, rounds)
        });
    }
    group.finish();
}

fn stream(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("record_align");
    for align in ALIGNMENTS {
        let stream = Stream {
            options: common::options().record_align(align),
            ..Stream::default()
        };
        let id = BenchmarkId::new("stream, spsc", align);
        streams::measure(&mut group, id, N, |records| stream.run::<N>(records));
    }
    group.finish();
}

fn stream_of_many(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("record_align");
    for (there, producers) in [("one producer", 1), ("two producers", 2)] {
        for align in ALIGNMENTS {
            let stream = Many {
                options: common::options().record_align(align),
                ..Many::new(producers)
            };
            let id = BenchmarkId::new(format!("stream, mpsc, {there}"), align);
            streams::measure(&mut group, id, N, |records| stream.run::<N>(records));
        }
    }
    group.finish();
}

criterion_group!(
    name = benches;
    config = common::criterion();
    targets = round_trip, stream, stream_of_many
);
criterion_main!(benches);
