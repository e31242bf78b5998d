//! Claims and batches that a process holds when it forks: the child drops its copies, and nothing
//! comes of that, for it nor for its parent.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use mapring::{TrySendError, Wakeups, spsc};

use common::{Child, Name, fork, role, say};

/// The code with which a forked child says that it came to its end.
const DONE: i32 = 42;

/// Role: forks with a claim in hand, and then with a batch, which the child drops.
#[test]
fn role_fork_with_claims() {
    let Some(arguments) = role() else { return };
    let ring = spsc::Options::new().open(&arguments[0]).unwrap();
    let mut producer = ring.producer().unwrap();
    let mut consumer = ring.consumer().unwrap();

    let mut claim = Some(producer.try_claim(5).unwrap());
    let status = fork(|| {
        drop(claim.take());
        DONE
    });
    assert_eq!(status.exit_status(), Some(DONE), "claim: {status:?}");
    let mut claim = claim.unwrap();
    claim.write(0, b"claim");
    claim.commit(1);

    let mut batch = producer.batch().unwrap();
    batch.push(2, b"batch").unwrap();
    let mut batch = Some(batch);
    let status = fork(|| {
        let mut own = batch.take().unwrap();
        assert_eq!(own.push(3, b""), Err(TrySendError::Forked));
        drop(own);
        DONE
    });
    assert_eq!(status.exit_status(), Some(DONE), "batch: {status:?}");
    batch.unwrap().publish();

    for (tag, expected) in [(1, b"claim"), (2, b"batch")] {
        let mut payload = [0; 5];
        assert_eq!(consumer.try_recv(&mut payload).unwrap().tag, tag);
        assert_eq!(&payload, expected);
    }
    say("done");
}

#[test]
fn a_forked_child_drops_its_parents_claims_and_nothing_happens() {
    for wakeups in [Wakeups::None, Wakeups::Futex] {
        let name = Name::new(&format!("forked-{wakeups:?}"));
        let _ring = spsc::Options::new().wakeups(wakeups).create(&name).unwrap();
        let child = Child::start("role_fork_with_claims", &[&name]);
        child.expect("done");
        child.finish();
    }
}
