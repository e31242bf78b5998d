//! Claims and batches that a process holds when it forks: the child drops its copies, and nothing
//! comes of that, for it nor for its parent.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::fs;
use std::ops::Range;
use std::path::Path;
use std::ptr;
use std::slice;

use mapring::generic::{Batch, Mpsc, Options, Producer, Protocol, Ring, Spsc};
use mapring::{TrySendError, Wakeups};

use common::{Child, Name, fork, role, say};

/// The code with which a forked child says that it came to its end.
const DONE: i32 = 42;

/// A kind of ring.
trait Kind: Protocol {
    fn batch(producer: &mut Producer<Self>) -> Batch<'_, Self>;
}

impl Kind for Spsc {
    fn batch(producer: &mut Producer<Self>) -> Batch<'_, Self> {
        producer.batch().unwrap()
    }
}

impl Kind for Mpsc {
    fn batch(producer: &mut Producer<Self>) -> Batch<'_, Self> {
        producer.try_batch(64).unwrap()
    }
}

/// Where a process has a file mapped.
fn addresses_of(path: &Path) -> Range<usize> {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let line = maps
        .lines()
        .find(|line| line.ends_with(path.to_str().unwrap()));
    let (from, to) = line
        .unwrap()
        .split_once(' ')
        .unwrap()
        .0
        .split_once('-')
        .unwrap();
    let [from, to] = [from, to].map(|address| usize::from_str_radix(address, 16).unwrap());
    from..to
}

/// What a child finds where its parent has the region.
#[derive(Clone, Copy, Debug)]
enum There {
    Nothing,
    /// Memory of its own, as after any call that maps something.
    Zeros,
}

/// Forks a child that does this, and checks that it touches nothing `there`.
fn assert_touches_nothing(there: There, addresses: &Range<usize>, child: impl FnOnce()) {
    let len = addresses.len();
    let status = fork(|| {
        let start = ptr::without_provenance_mut(addresses.start);
        if let There::Zeros = there {
            let access = libc::PROT_READ | libc::PROT_WRITE;
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED_NOREPLACE;
            // SAFETY: a new mapping, where there is none.
            let mapped = unsafe { libc::mmap(start, len, access, flags, -1, 0) };
            assert_eq!(mapped, start, "{}", std::io::Error::last_os_error());
        }
        child();
        if let There::Zeros = there {
            // SAFETY: what was mapped above, and is not unmapped; only this thread is there.
            let bytes = unsafe { slice::from_raw_parts(start.cast::<u8>(), len) };
            assert!(bytes.iter().all(|byte| *byte == 0), "something was written");
        }
        DONE
    });
    assert_eq!(status.exit_status(), Some(DONE), "{there:?}: {status:?}");
}

fn fork_with_claims<P: Kind>(ring: &Ring<P>) {
    let addresses = addresses_of(ring.path());
    let mut producer = ring.producer().unwrap();
    let mut consumer = ring.consumer().unwrap();
    for there in [There::Nothing, There::Zeros] {
        let mut claim = Some(producer.try_claim(5).unwrap());
        assert_touches_nothing(there, &addresses, || drop(claim.take()));
        let mut claim = claim.unwrap();
        claim.write(0, b"claim");
        claim.commit(1);

        let mut batch = P::batch(&mut producer);
        batch.push(2, b"batch").unwrap();
        let mut batch = Some(batch);
        assert_touches_nothing(there, &addresses, || {
            let mut own = batch.take().unwrap();
            assert_eq!(own.push(3, b""), Err(TrySendError::Forked));
            assert_eq!(own.try_claim(1).map(drop), Err(TrySendError::Forked));
            drop(own);
        });
        batch.unwrap().publish();

        for (tag, expected) in [(1, b"claim"), (2, b"batch")] {
            let mut payload = [0; 5];
            assert_eq!(consumer.try_recv(&mut payload).unwrap().tag, tag);
            assert_eq!(&payload, expected);
        }
    }
}

/// Role: forks with a claim in hand, and then with a batch, which the child drops.
#[test]
fn role_fork_with_claims() {
    let Some(arguments) = role() else { return };
    match arguments[1].as_str() {
        "one" => fork_with_claims::<Spsc>(&Options::new().open(&arguments[0]).unwrap()),
        _ => fork_with_claims::<Mpsc>(&Options::new().open(&arguments[0]).unwrap()),
    }
    say("done");
}

fn run<P: Kind>(kind: &str) {
    for wakeups in [Wakeups::None, Wakeups::Futex] {
        let name = Name::new(&format!("forked-{kind}-{wakeups:?}"));
        let options = Options::<P>::new().capacity(64 << 10);
        let _ring = options.wakeups(wakeups).create(&name).unwrap();
        let child = Child::start("role_fork_with_claims", &[&name, kind]);
        child.expect("done");
        child.finish();
    }
}

#[test]
fn a_forked_child_drops_its_parents_claims_and_nothing_happens() {
    run::<Spsc>("one");
}

#[test]
fn a_forked_child_drops_its_parents_claims_among_many_and_nothing_happens() {
    run::<Mpsc>("many");
}
