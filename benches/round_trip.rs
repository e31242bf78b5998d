//! How long does a record take there and back, when both sides poll?
//!
//! Two pinned threads, two rings. Beside it stands the bare transfer of one cache line there and
//! of another one back, which nothing can beat. A record of 56 bytes lies on one line, one
//! of 64 on two.
//!
//! Run: `cargo bench --bench round_trip`
//!
//! Read: `time` is that of one round trip; by that of `raw cache lines` it is what the ring adds.

// A bench that cannot go on may panic.
#![allow(clippy::unwrap_used)]

mod common;

use common::round_trips;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

fn round_trip(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("round_trip");
    for (name, run) in round_trips::contestants() {
        round_trips::measure(&mut group, BenchmarkId::from_parameter(name), run);
    }
    group.finish();
}

criterion_group!(name = benches; config = common::criterion(); targets = round_trip);
criterion_main!(benches);
