//! Records of several producers: P1, and the order of claims.
//!
//! At most three preemptions, two in `two_each` and `end_of_positions`: 25 thousand executions, 7 s.

use loom::thread;
use mapring::ring::Produce;
use mapring::ring::mpsc::{Consumer, Producer};

use crate::model::{assert_empty, claim_and_drop, payload, receive, send, take, wait_for_record};
use crate::shared::receive_from_both;
use crate::{Model, ModelMemory, Setup};

/// The models of this file.
pub const ALL: &[Model] = &[
    ONE_EACH,
    TWO_EACH,
    CLAIM_DROPPED,
    CLAIM_LEAKED,
    BATCH,
    BATCH_DROPPED,
    END_OF_POSITIONS,
];

/// The records of producer `n` have tags from `n * TAGS + 1` on.
const TAGS: u32 = 10;

/// Two producers send a record each.
pub const ONE_EACH: Model = Model {
    name: "mpsc_transfer::one_each",
    preemptions: Some(3),
    deaths: 1,
    body: one_each,
};

fn one_each(setup: &Setup) {
    two_send(setup, 0, 1);
}

/// Two producers send two records each: each one's come in its order.
pub const TWO_EACH: Model = Model {
    name: "mpsc_transfer::two_each",
    preemptions: Some(2),
    deaths: 1,
    body: two_each,
};

fn two_each(setup: &Setup) {
    two_send(setup, 0, 2);
}

/// Positions go on from 2^64 to 0, where a slot's word must not say "nothing".
pub const END_OF_POSITIONS: Model = Model {
    name: "mpsc_transfer::end_of_positions",
    preemptions: Some(2),
    deaths: 1,
    body: end_of_positions,
};

fn end_of_positions(setup: &Setup) {
    two_send(setup, 0_u64.wrapping_sub(16), 1);
}

/// Two producers send `each` records of eight bytes.
fn two_send(setup: &Setup, start: u64, each: u32) {
    let ring = setup.shared_ring(64, 8, start, 2);
    let mut consumer = ring.consumer();
    let senders = [0, 1].map(|n| {
        let mut producer = ring.producer(n as usize);
        thread::spawn(move || {
            for i in 1..=each {
                send(&mut producer, n * TAGS + i, 8);
            }
        })
    });
    let mut next = [1, 1];
    for _ in 0..2 * each {
        let header = wait_for_record(&mut consumer);
        let (sender, i) = (header.tag / TAGS, header.tag % TAGS);
        assert_eq!(i, next[sender as usize], "the order of producer {sender}");
        next[sender as usize] += 1;
        take(&mut consumer, &header);
        consumer.release();
    }
    assert_empty(&mut consumer);
    for sender in senders {
        sender.join().expect("a producer");
    }
}

/// A claim is written and dropped, between records of its own producer and another.
pub const CLAIM_DROPPED: Model = Model {
    name: "mpsc_transfer::claim_dropped",
    preemptions: Some(3),
    deaths: 1,
    body: claim_dropped,
};

fn claim_dropped(setup: &Setup) {
    given_up(setup, |producer| claim_and_drop(producer, 16));
}

/// A claim is written and leaked: its producer's next call gives it up.
pub const CLAIM_LEAKED: Model = Model {
    name: "mpsc_transfer::claim_leaked",
    preemptions: Some(3),
    deaths: 1,
    body: claim_leaked,
};

fn claim_leaked(setup: &Setup) {
    given_up(setup, |producer| {
        let mut claim = producer.try_claim(16).expect("room");
        claim.write(0, &payload(9, 16));
        std::mem::forget(claim);
    });
}

/// A batch is dropped with two records in it, the second with its header stored already.
pub const BATCH_DROPPED: Model = Model {
    name: "mpsc_transfer::batch_dropped",
    preemptions: Some(3),
    deaths: 1,
    body: batch_dropped,
};

fn batch_dropped(setup: &Setup) {
    given_up(setup, |producer| {
        let mut batch = producer.try_batch(24).expect("room");
        for tag in [8, 9] {
            batch
                .push(tag, &payload(tag, if tag == 8 { 8 } else { 0 }))
                .expect("room");
        }
    });
}

/// One producer gives 24 bytes up and sends a record; so does another. It is the records that come.
fn given_up(setup: &Setup, give_up: fn(&mut Producer<ModelMemory>)) {
    let ring = setup.shared_ring(64, 16, 0, 2);
    let mut consumer = ring.consumer();
    let (mut first, mut second) = (ring.producer(0), ring.producer(1));
    let senders = [
        thread::spawn(move || {
            give_up(&mut first);
            send(&mut first, 1, 0);
        }),
        thread::spawn(move || send(&mut second, 2, 0)),
    ];
    receive_from_both(&mut consumer, senders);
}

/// A batch comes as a whole, whatever another producer sends meanwhile. Its claim is longer than
/// its records.
pub const BATCH: Model = Model {
    name: "mpsc_transfer::batch",
    preemptions: Some(3),
    deaths: 1,
    body: batch,
};

fn batch(setup: &Setup) {
    let ring = setup.shared_ring(64, 8, 40, 2);
    let mut consumer = ring.consumer();
    let (mut first, mut second) = (ring.producer(0), ring.producer(1));
    let senders = [
        thread::spawn(move || {
            let mut batch = first.try_batch(40).expect("room");
            batch.push(1, &payload(1, 8)).expect("room");
            let mut claim = batch.try_claim(8).expect("room");
            claim.write(0, &payload(2, 8));
            claim.commit(2);
            batch.publish();
        }),
        thread::spawn(move || send(&mut second, 3, 8)),
    ];
    let header = wait_for_record(&mut consumer);
    if header.tag == 3 {
        receive(&mut consumer, 3, 8);
        wait_for_record(&mut consumer);
        receive_batch(&mut consumer);
    } else {
        receive_batch(&mut consumer);
        receive(&mut consumer, 3, 8);
    }
    assert_empty(&mut consumer);
    for sender in senders {
        sender.join().expect("a producer");
    }
}

/// The first record of the batch is there; then so is the second.
fn receive_batch(consumer: &mut Consumer<ModelMemory>) {
    for tag in [1, 2] {
        let header = consumer.peek().expect("a ring that is not corrupt");
        let header = header.expect("a batch is there as a whole");
        assert_eq!(header.tag, tag);
        take(consumer, &header);
    }
    consumer.release();
}
