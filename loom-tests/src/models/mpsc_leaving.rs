//! Producers come and go: P3 and P7.
//!
//! At most two preemptions: 5 thousand executions, 2 s.

use loom::thread;
use mapring::ring::participant::{self, Producers};

use crate::model::{send, take};
use crate::shared::pid_of;
use crate::{Model, Setup};

/// The models of this file.
pub const ALL: &[Model] = &[LAST_ONE_LEAVES, SEEN_AGAIN];

/// Whoever sees that all producers have left sees all that they sent: one more look is enough.
pub const LAST_ONE_LEAVES: Model = Model {
    name: "mpsc_leaving::last_one_leaves",
    preemptions: Some(2),
    deaths: 1,
    body: last_one_leaves,
};

fn last_one_leaves(setup: &Setup) {
    let ring = setup.shared_ring(64, 0, 0, 2);
    let mut consumer = ring.consumer();
    let senders = [0, 1].map(|index| {
        let ring = ring.clone();
        let slot = ring.geometry.producer_slot(index);
        let mut producer = ring.producer(index);
        participant::attach(&ring.memory, slot, pid_of(index));
        thread::spawn(move || {
            send(&mut producer, 1, 0);
            participant::detach(&ring.memory, slot);
        })
    });
    let mut producers = Producers::default();
    let mut have_left = || producers.have_left(&ring.memory, &ring.geometry);
    // Not until they have: an ordering that is weakened must end in what it does, not in a loop.
    for _ in 0..2 {
        if have_left() == Ok(true) {
            for _ in 0..2 {
                let header = consumer.peek().expect("a ring that is not corrupt");
                take(
                    &mut consumer,
                    &header.expect("what was sent before leaving"),
                );
            }
            break;
        }
        thread::yield_now();
    }
    for sender in senders {
        sender.join().expect("a producer");
    }
}

/// Whoever sees the count of comings and goings sees the states that it counts: else it would keep what
/// was so before, for the count does not change again.
pub const SEEN_AGAIN: Model = Model {
    name: "mpsc_leaving::seen_again",
    preemptions: Some(2),
    deaths: 1,
    body: seen_again,
};

fn seen_again(setup: &Setup) {
    let ring = setup.shared_ring(32, 0, 0, 2);
    let leavers = [0, 1].map(|index| {
        let ring = ring.clone();
        let slot = ring.geometry.producer_slot(index);
        participant::attach(&ring.memory, slot, pid_of(index));
        thread::spawn(move || participant::detach(&ring.memory, slot))
    });
    let consumer = thread::spawn(move || {
        let mut producers = Producers::default();
        let seen = producers.have_left(&ring.memory, &ring.geometry);
        (ring, producers, seen)
    });
    for leaver in leavers {
        leaver.join().expect("a producer");
    }
    let (ring, mut producers, before) = consumer.join().expect("the consumer");
    let seen = producers.have_left(&ring.memory, &ring.geometry);
    assert_eq!(seen, Ok(true), "{before:?} before");
}
