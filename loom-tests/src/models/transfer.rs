//! A record travels: P1, and the zero header behind it (I2).
//!
//! No bound on preemptions: 174 executions, 0.1 s.

use loom::thread;

use crate::model::{assert_empty, receive, send};
use crate::{Model, Setup};

/// The models of this file.
pub const ALL: &[Model] = &[ONE_RECORD, PARTIAL_WORDS, THREE_RECORDS];

/// A payload is there when its header is.
pub const ONE_RECORD: Model = Model {
    name: "transfer::one_record",
    preemptions: None,
    deaths: 1,
    body: one_record,
};

fn one_record(setup: &Setup) {
    let ring = setup.ring(64, 16, 0);
    let mut consumer = ring.consumer();
    let producer = thread::spawn(move || send(&mut ring.producer(), 1, 16));
    receive(&mut consumer, 1, 16);
    assert_empty(&mut consumer);
    producer.join().expect("the producer");
}

/// Payloads of no byte, and of less than a word, arrive with their length.
pub const PARTIAL_WORDS: Model = Model {
    name: "transfer::partial_words",
    preemptions: None,
    deaths: 1,
    body: partial_words,
};

fn partial_words(setup: &Setup) {
    let ring = setup.ring(64, 16, 0);
    let mut consumer = ring.consumer();
    let producer = thread::spawn(move || {
        let mut producer = ring.producer();
        send(&mut producer, 1, 0);
        send(&mut producer, 2, 11);
    });
    receive(&mut consumer, 1, 0);
    receive(&mut consumer, 2, 11);
    assert_empty(&mut consumer);
    producer.join().expect("the producer");
}

/// Records that fit the ring without waiting arrive in order.
pub const THREE_RECORDS: Model = Model {
    name: "transfer::three_records",
    preemptions: None,
    deaths: 1,
    body: three_records,
};

fn three_records(setup: &Setup) {
    let ring = setup.ring(64, 16, 0);
    let mut consumer = ring.consumer();
    let producer = thread::spawn(move || {
        let mut producer = ring.producer();
        for tag in 1..=3 {
            send(&mut producer, tag, 8);
        }
    });
    for tag in 1..=3 {
        receive(&mut consumer, tag, 8);
    }
    assert_empty(&mut consumer);
    producer.join().expect("the producer");
}
