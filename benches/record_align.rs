//! What does it give, and cost, that every record starts on a cache line, or on two?
//!
//! Payloads of 40 bytes: records of 48 bytes aligned to 8, some of which lie across two
//! lines; of 64 and 128 bytes aligned to that. Three kinds of work: round trips of one record that
//! both sides poll for; a stream of one producer; a stream of two producers, which share lines
//! unless records keep them apart.
//!
//! Run: `cargo bench --bench record_align`
//!
//! Read: compare alignments within one kind of work. 8 is the default with one producer, 64
//! with many.

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
        let id = BenchmarkId::new("stream of one producer", align);
        streams::measure(&mut group, id, N, |records| stream.run::<N>(records));
    }
    group.finish();
}

fn two_producers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("record_align");
    for align in ALIGNMENTS {
        let stream = Many {
            options: common::options().record_align(align),
            ..Many::new(2)
        };
        let id = BenchmarkId::new("stream of two producers", align);
        streams::measure(&mut group, id, N, |records| stream.run::<N>(records));
    }
    group.finish();
}

criterion_group!(
    name = benches;
    config = common::criterion();
    targets = round_trip, stream, two_producers
);
criterion_main!(benches);
