//! A participant is killed at each of its stores, and another takes its role over.
//!
//! The kernel lets the successor have the role's lock after the predecessor's end, which
//! orders all that the predecessor did before all that the successor does. Here that
//! is the joining of the predecessor's thread.
//!
//! At most two preemptions for each place of death, three in `takes_space_over`: 82 thousand
//! executions, 30 s, nearly all of it for `consumer_dies`.

use loom::thread;
use mapring::ring::Produce;
use mapring::ring::spsc::{Consumer, Producer};

use crate::model::{assert_empty, attached, payload, receive, send, take, wait_for_record};
use crate::{Dying, LoomMemory, Model, Setup, Weakened, until_death};

/// The models of this file.
pub const ALL: &[Model] = &[
    TAKES_SPACE_OVER,
    PRODUCER_DIES_SENDING,
    PRODUCER_DIES_IN_A_BATCH,
    CONSUMER_DIES,
];

/// A producer that is killed in this execution.
type DyingProducer = Producer<Dying<Weakened<LoomMemory>>>;

/// What a successor sends, to be told from what its predecessor did.
const SUCCESSORS: u32 = 100;

/// A successor writes at once where the consumer has released, trusting the HEAD
/// that it read when it attached.
pub const TAKES_SPACE_OVER: Model = Model {
    name: "successor::takes_space_over",
    preemptions: Some(3),
    deaths: 1,
    body: takes_space_over,
};

fn takes_space_over(setup: &Setup) {
    let ring = setup.ring(64, 16, 0);
    // The predecessor has come and gone; it left the ring full.
    let mut predecessor = ring.producer();
    send(&mut predecessor, 1, 16);
    send(&mut predecessor, 2, 16);
    drop(predecessor);
    let mut consumer = ring.consumer();
    let successor = thread::spawn(move || send(&mut ring.producer(), 3, 16));
    for tag in 1..=3 {
        receive(&mut consumer, tag, 16);
    }
    assert_empty(&mut consumer);
    successor.join().expect("the successor");
}

/// A producer dies somewhere between attaching and having sent two records.
pub const PRODUCER_DIES_SENDING: Model = Model {
    name: "successor::producer_dies_sending",
    preemptions: Some(2),
    deaths: 14,
    body: producer_dies_sending,
};

fn producer_dies_sending(setup: &Setup) {
    producer_dies(setup, 1, |producer, sent| {
        for tag in 1..=2 {
            send(producer, tag, 8);
            *sent = tag;
        }
    });
}

/// A producer dies somewhere between attaching and having sent a batch of two.
pub const PRODUCER_DIES_IN_A_BATCH: Model = Model {
    name: "successor::producer_dies_in_a_batch",
    preemptions: Some(2),
    deaths: 11,
    body: producer_dies_in_a_batch,
};

fn producer_dies_in_a_batch(setup: &Setup) {
    producer_dies(setup, 2, |producer, sent| {
        let mut batch = producer.batch();
        for tag in 1..=2 {
            batch.push(tag, &payload(tag, 8)).expect("room");
        }
        batch.publish();
        *sent = 2;
    });
}

/// A predecessor lives until its death and a successor sends one more record. The
/// consumer, all the while, must see what was published, once, in order, and nothing else.
/// `life` sends records of eight bytes, `unit` of them at a time, and says how many it has sent.
fn producer_dies(setup: &Setup, unit: u32, life: fn(&mut DyingProducer, &mut u32)) {
    const START: u64 = 40;
    let ring = setup.ring(64, 16, START);
    let mut consumer = ring.consumer();

    let (dying, geometry) = (setup.dying(&ring), ring.geometry);
    let predecessor = thread::spawn(move || {
        let mut sent = 0;
        let lived = until_death(|| {
            let mut producer = attached(Producer::attach(dying, geometry));
            life(&mut producer, &mut sent);
        });
        (lived.is_some(), sent)
    });
    let lives = setup.lives();
    let successor = thread::spawn(move || {
        let (lived, sent) = predecessor.join().expect("the predecessor");
        assert_eq!(lived, lives, "`deaths` must count the predecessor's stores");
        let mut producer = ring.producer();
        let found = producer.position().0 - START;
        send(&mut producer, SUCCESSORS, 8);
        let published = (found / geometry.record_size(8) as u64) as u32;
        assert!(published >= sent, "{published} found of {sent} sent");
        assert!(published.is_multiple_of(unit), "a part of a batch");
        published
    });

    let mut received = Vec::new();
    loop {
        let header = wait_for_record(&mut consumer);
        take(&mut consumer, &header);
        consumer.release();
        if header.tag == SUCCESSORS {
            break;
        }
        received.push(header.tag);
    }
    assert_empty(&mut consumer);
    let published = successor.join().expect("the successor");
    assert_eq!(received, Vec::from_iter(1..=published));
}

/// A consumer dies before its first release, which would be of one record, before its
/// second, which would be of two, or not at all. Its successor is sent what was not released
/// once more, and the producer, which needs that room, has not overwritten it.
pub const CONSUMER_DIES: Model = Model {
    name: "successor::consumer_dies",
    preemptions: Some(2),
    deaths: 3,
    body: consumer_dies,
};

fn consumer_dies(setup: &Setup) {
    const RECORDS: u32 = 4;
    let ring = setup.ring(64, 16, 0);
    let sender = ring.clone();
    let producer = thread::spawn(move || {
        let mut producer = sender.producer();
        for tag in 1..=RECORDS {
            send(&mut producer, tag, 16);
        }
    });
    let (dying, geometry) = (setup.dying(&ring), ring.geometry);
    let predecessor = thread::spawn(move || {
        let life = until_death(|| {
            let mut consumer = attached(Consumer::attach(dying, geometry));
            for together in [1, 2] {
                for _ in 0..together {
                    let header = wait_for_record(&mut consumer);
                    take(&mut consumer, &header);
                }
                consumer.release();
            }
        });
        life.is_some()
    });
    let lived = predecessor.join().expect("the predecessor");
    assert_eq!(lived, setup.lives(), "`deaths` must count the releases");
    let mut consumer = ring.consumer();
    let first_unreleased = [1, 2, 4][setup.dies_after()];
    for tag in first_unreleased..=RECORDS {
        receive(&mut consumer, tag, 16);
    }
    assert_empty(&mut consumer);
    producer.join().expect("the producer");
}
