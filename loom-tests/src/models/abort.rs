//! Claims and batches that come to nothing leave no trace (I2, I3).
//!
//! Their payloads are words that would pass for headers, so a consumer that takes
//! a word of theirs for one is found out.
//!
//! No bound on preemptions: 174 executions, 0.1 s.

use loom::thread;

use crate::model::{assert_empty, claim_and_drop, payload, receive, send};
use crate::{Model, Setup};

/// The models of this file.
pub const ALL: &[Model] = &[CLAIM_DROPPED, CLAIM_OVER_THE_END, BATCH_DROPPED];

/// A claim is written and dropped; shorter records follow. To forget the claim would be the same,
/// for dropping one does nothing.
pub const CLAIM_DROPPED: Model = Model {
    name: "abort::claim_dropped",
    preemptions: None,
    deaths: 1,
    body: claim_dropped,
};

fn claim_dropped(setup: &Setup) {
    let ring = setup.ring(64, 40, 0);
    let mut consumer = ring.consumer();
    let producer = thread::spawn(move || {
        let mut producer = ring.producer();
        // The window is open when this one is claimed.
        send(&mut producer, 1, 0);
        claim_and_drop(&mut producer, 40);
        send(&mut producer, 2, 0);
        send(&mut producer, 3, 8);
    });
    receive(&mut consumer, 1, 0);
    receive(&mut consumer, 2, 0);
    receive(&mut consumer, 3, 8);
    assert_empty(&mut consumer);
    producer.join().expect("the producer");
}

/// A claim that runs into the overrun area is written and dropped.
pub const CLAIM_OVER_THE_END: Model = Model {
    name: "abort::claim_over_the_end",
    preemptions: None,
    deaths: 1,
    body: claim_over_the_end,
};

fn claim_over_the_end(setup: &Setup) {
    let ring = setup.ring(64, 40, 40);
    let mut consumer = ring.consumer();
    let producer = thread::spawn(move || {
        let mut producer = ring.producer();
        claim_and_drop(&mut producer, 40);
        send(&mut producer, 1, 8);
        send(&mut producer, 2, 0);
    });
    receive(&mut consumer, 1, 8);
    receive(&mut consumer, 2, 0);
    assert_empty(&mut consumer);
    producer.join().expect("the producer");
}

/// A batch is dropped with two records in it, the second with its header stored already.
pub const BATCH_DROPPED: Model = Model {
    name: "abort::batch_dropped",
    preemptions: None,
    deaths: 1,
    body: batch_dropped,
};

fn batch_dropped(setup: &Setup) {
    let ring = setup.ring(64, 16, 0);
    let mut consumer = ring.consumer();
    let producer = thread::spawn(move || {
        let mut producer = ring.producer();
        let mut batch = producer.batch();
        for tag in [8, 9] {
            batch.push(tag, &payload(tag, 8)).expect("room");
        }
        drop(batch);
        // Ends where the dropped batch's second record began.
        send(&mut producer, 1, 8);
    });
    receive(&mut consumer, 1, 8);
    assert_empty(&mut consumer);
    producer.join().expect("the producer");
}
