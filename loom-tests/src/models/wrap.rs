//! The ring is used again: P2, the overrun area (I5), and stale words that must not
//! be taken for headers (I2, I3).
//!
//! `second_lap` and `drained` have at most three preemptions, the others have no bound: 39 thousand
//! executions, 8 s.

use loom::thread;

use crate::model::{assert_empty, payload, receive, send, take, wait_for_record};
use crate::{Model, Setup};

/// The models of this file.
pub const ALL: &[Model] = &[
    SECOND_LAP,
    OVERRUN_TWICE,
    LATE_RELEASE,
    DRAINED,
    END_OF_POSITIONS,
];

/// More records than fit: the producer waits, and overwrites only what was released.
pub const SECOND_LAP: Model = Model {
    name: "wrap::second_lap",
    preemptions: Some(3),
    deaths: 1,
    body: second_lap,
};

fn second_lap(setup: &Setup) {
    let ring = setup.ring(64, 16, 0);
    let mut consumer = ring.consumer();
    let producer = thread::spawn(move || {
        let mut producer = ring.producer();
        for tag in 1..=5 {
            send(&mut producer, tag, 16);
        }
    });
    for tag in 1..=5 {
        receive(&mut consumer, tag, 16);
    }
    assert_empty(&mut consumer);
    producer.join().expect("the producer");
}

/// Two records, one after the other, run on into the overrun area.
pub const OVERRUN_TWICE: Model = Model {
    name: "wrap::overrun_twice",
    preemptions: None,
    deaths: 1,
    body: overrun_twice,
};

fn overrun_twice(setup: &Setup) {
    // Records of 56 bytes, from 48 to 104 and from 104 to 160: the ring ends at 64 and 128.
    let ring = setup.ring(64, 48, 48);
    let mut consumer = ring.consumer();
    let producer = thread::spawn(move || {
        let mut producer = ring.producer();
        send(&mut producer, 1, 48);
        send(&mut producer, 2, 48);
    });
    receive(&mut consumer, 1, 48);
    receive(&mut consumer, 2, 48);
    assert_empty(&mut consumer);
    producer.join().expect("the producer");
}

/// A consumer that releases two records at once has read both.
pub const LATE_RELEASE: Model = Model {
    name: "wrap::late_release",
    preemptions: None,
    deaths: 1,
    body: late_release,
};

fn late_release(setup: &Setup) {
    let ring = setup.ring(64, 16, 0);
    let mut consumer = ring.consumer();
    let producer = thread::spawn(move || {
        let mut producer = ring.producer();
        for tag in 1..=4 {
            send(&mut producer, tag, 16);
        }
    });
    for _ in 0..2 {
        for _ in 0..2 {
            let header = wait_for_record(&mut consumer);
            take(&mut consumer, &header);
        }
        consumer.release();
    }
    assert_empty(&mut consumer);
    producer.join().expect("the producer");
}

/// A consumer that takes what is there, and releases at the end and in between, has read it all.
pub const DRAINED: Model = Model {
    name: "wrap::drained",
    preemptions: Some(3),
    deaths: 1,
    body: drained,
};

fn drained(setup: &Setup) {
    const RECORDS: u32 = 4;
    let ring = setup.ring(64, 16, 0);
    let mut consumer = ring.consumer();
    let producer = thread::spawn(move || {
        let mut producer = ring.producer();
        for tag in 1..=RECORDS {
            send(&mut producer, tag, 8);
        }
    });
    let mut received = 0;
    while received < RECORDS {
        // Two records are enough for a release in between.
        let count = consumer.drain_while(3, 32, |record| {
            received += 1;
            let header = record.header();
            assert_eq!(header.tag, received);
            let mut found = vec![0; header.len];
            record.read(&mut found);
            assert_eq!(found, payload(received, 8));
            true
        });
        if count == 0 {
            thread::yield_now();
        }
    }
    assert_empty(&mut consumer);
    producer.join().expect("the producer");
}

/// Positions go on from 2^64 to 0.
pub const END_OF_POSITIONS: Model = Model {
    name: "wrap::end_of_positions",
    preemptions: None,
    deaths: 1,
    body: end_of_positions,
};

fn end_of_positions(setup: &Setup) {
    let ring = setup.ring(64, 16, 0_u64.wrapping_sub(40));
    let mut consumer = ring.consumer();
    let producer = thread::spawn(move || {
        let mut producer = ring.producer();
        for tag in 1..=3 {
            send(&mut producer, tag, 16);
        }
    });
    for tag in 1..=3 {
        receive(&mut consumer, tag, 16);
    }
    assert_empty(&mut consumer);
    producer.join().expect("the producer");
}
