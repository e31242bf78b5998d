//! How long does a record take there and back, when both sides poll? Against the bare
//! transfer of two cache lines, which nothing can beat.

// A bench that cannot go on may panic.
#![allow(clippy::unwrap_used)]

mod common;

use common::round_trips;
use criterion::{Criterion, SamplingMode, criterion_group, criterion_main};

/// So many in one measurement that starting threads does not count.
const ROUNDS: u64 = 10_000;

fn round_trip(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("round trip");
    group.sampling_mode(SamplingMode::Flat).sample_size(20);
    for (name, run) in round_trips::contestants() {
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|iterations| run(iterations * ROUNDS) / ROUNDS as u32);
        });
    }
    group.finish();
}

criterion_group!(benches, round_trip);
criterion_main!(benches);
