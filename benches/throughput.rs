//! How many records, and bytes, a second go one way? Single sends, against the raw
//! stream, `rtrb` and `crossbeam-channel`, which move values between threads only.
//!
//! Deeply flawed, like all benchmarks: two threads on two cores that do nothing else, and
//! each contestant measured minutes after the other. `side_by_side` interleaves them.

// A bench that cannot go on may panic.
#![allow(clippy::unwrap_used)]

mod common;

use criterion::{
    BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main,
};

fn throughput(criterion: &mut Criterion) {
    of_size::<8>(criterion);
    of_size::<64>(criterion);
    of_size::<256>(criterion);
    of_size::<1024>(criterion);
    of_size::<16384>(criterion);
}

fn of_size<const N: usize>(criterion: &mut Criterion) {
    // Enough for a measurement to last milliseconds, so that starting threads does not count.
    let records = (16 << 20) / N.max(64) as u64;
    let mut group = criterion.benchmark_group(format!("throughput/{N} bytes"));
    group.sampling_mode(SamplingMode::Flat).sample_size(10);
    group.throughput(Throughput::ElementsAndBytes {
        elements: records,
        bytes: records * N as u64,
    });
    for (name, stream) in common::streams::<N>() {
        group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
            bencher.iter_custom(|iterations| stream(iterations * records));
        });
    }
    group.finish();
}

criterion_group!(benches, throughput);
criterion_main!(benches);
