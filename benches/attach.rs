//! How long does it take to create a region, to open one, to take a role, and to give all of
//! that back?
//!
//! One process, regions in memory, by name; pages are not mapped beforehand. *Create, delete*: the
//! only user creates a region and closes it, by which it is deleted. *Open, close*: a second handle
//! to a region that is in use. *Producer* and *consumer*: the role is taken and given back. Beside
//! the first two stand the bare system calls that no region can do without, for a file of the same
//! size.
//!
//! Run: `cargo bench --bench attach`
//!
//! Read: `mapring` by `bare` is what the checks, the identity and the count of users add. What is
//! alone is to be compared with opening.

// A bench that cannot go on may panic.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::PathBuf;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use mapring::generic::{Mpsc, Options, Protocol, Spsc};
use mapring::spsc::Ring;
use mapring_limits::BareRegion;

/// Capacities, in KiB.
const CAPACITIES: [u64; 3] = [64, 1 << 10, 16 << 10];

fn create(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("attach/create, delete");
    let name = common::name("attach");
    for kibibytes in CAPACITIES {
        let id = format!("{kibibytes} KiB");
        let options = Options::<Spsc>::new().capacity(kibibytes << 10);
        let ring = options.create(&name).unwrap();
        let (path, size) = bare(&ring);
        drop(ring);
        group.bench_function(BenchmarkId::new("bare", &id), |bencher| {
            bencher.iter(|| BareRegion::create(&path, size).unwrap().remove().unwrap());
        });
        group.bench_function(BenchmarkId::new("mapring", &id), |bencher| {
            bencher.iter(|| drop(options.create(&name).unwrap()));
        });
    }
    group.finish();
}

fn open(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("attach/open, close");
    let name = common::name("attach");
    let options = Options::<Spsc>::new();
    let ring = options.create(&name).unwrap();
    let (path, size) = bare(&ring);
    let bare = BareRegion::create(&path, size).unwrap();
    group.bench_function("bare", |bencher| {
        bencher.iter(|| drop(BareRegion::open(&path).unwrap()));
    });
    bare.remove().unwrap();
    group.bench_function("mapring", |bencher| {
        bencher.iter(|| drop(options.open(&name).unwrap()));
    });
    group.finish();
}

/// Where a file is to be that is like that of this ring, and its size.
fn bare(ring: &Ring) -> (PathBuf, u64) {
    let path = ring.path();
    let size = path.metadata().unwrap().len();
    (path.with_file_name(common::name("attach-bare")), size)
}

fn roles<P: Protocol>(criterion: &mut Criterion, kind: &str) {
    let mut group = criterion.benchmark_group(format!("attach/{kind}"));
    let ring = Options::<P>::new().create(&common::name("attach")).unwrap();
    group.bench_function("producer", |bencher| {
        bencher.iter(|| drop(ring.producer().unwrap()));
    });
    group.bench_function("consumer", |bencher| {
        bencher.iter(|| drop(ring.consumer().unwrap()));
    });
    group.finish();
}

fn all_roles(criterion: &mut Criterion) {
    roles::<Spsc>(criterion, "spsc");
    roles::<Mpsc>(criterion, "mpsc");
}

criterion_group!(
    name = benches;
    config = common::criterion();
    targets = create, open, all_roles
);
criterion_main!(benches);
