//! A batch becomes visible all at once (I7).
//!
//! No bound on preemptions: 264 executions, 0.1 s.

use loom::thread;
use mapring::TrySendError;
use mapring::memory::Memory;
use mapring::ring::spsc::{Consumer, Producer};

use crate::model::{assert_empty, payload, send, take, wait_for_record};
use crate::{Model, Setup};

/// The models of this file.
pub const ALL: &[Model] = &[ALL_OR_NOTHING, BEHIND_ANOTHER_RECORD, OVER_THE_END];

/// Whoever sees the first record of a batch sees the others.
pub const ALL_OR_NOTHING: Model = Model {
    name: "batch::all_or_nothing",
    preemptions: None,
    deaths: 1,
    body: all_or_nothing,
};

fn all_or_nothing(setup: &Setup) {
    let ring = setup.ring(64, 16, 0);
    let mut consumer = ring.consumer();
    let producer = thread::spawn(move || {
        let mut producer = ring.producer();
        let mut batch = producer.batch();
        batch.push(1, &payload(1, 8)).expect("room");
        let mut claim = batch.try_claim(16).expect("room");
        claim.write(0, &payload(2, 16));
        claim.commit(2);
        batch.publish();
    });
    receive_together(&mut consumer, &[1, 2]);
    assert_empty(&mut consumer);
    producer.join().expect("the producer");
}

/// A batch behind a record that was sent before, where words are already zero.
pub const BEHIND_ANOTHER_RECORD: Model = Model {
    name: "batch::behind_another_record",
    preemptions: None,
    deaths: 1,
    body: behind_another_record,
};

fn behind_another_record(setup: &Setup) {
    let ring = setup.ring(64, 16, 0);
    let mut consumer = ring.consumer();
    let producer = thread::spawn(move || {
        let mut producer = ring.producer();
        send(&mut producer, 1, 8);
        publish_when_there_is_room(&mut producer, &[2, 3]);
    });
    receive_together(&mut consumer, &[1]);
    receive_together(&mut consumer, &[2, 3]);
    assert_empty(&mut consumer);
    producer.join().expect("the producer");
}

/// Batches in which a record runs into the overrun area, and that must wait for room.
pub const OVER_THE_END: Model = Model {
    name: "batch::over_the_end",
    preemptions: None,
    deaths: 1,
    body: over_the_end,
};

fn over_the_end(setup: &Setup) {
    let ring = setup.ring(64, 16, 40);
    let mut consumer = ring.consumer();
    let producer = thread::spawn(move || {
        let mut producer = ring.producer();
        publish_when_there_is_room(&mut producer, &[1, 2, 3]);
        publish_when_there_is_room(&mut producer, &[4, 5]);
    });
    receive_together(&mut consumer, &[1, 2, 3]);
    receive_together(&mut consumer, &[4, 5]);
    assert_empty(&mut consumer);
    producer.join().expect("the producer");
}

/// Publishes records of eight bytes as one batch. One that does not fit is dropped and tried again.
fn publish_when_there_is_room<M: Memory>(producer: &mut Producer<M>, tags: &[u32]) {
    loop {
        let mut batch = producer.batch();
        let pushed = tags
            .iter()
            .try_for_each(|&tag| batch.push(tag, &payload(tag, 8)));
        match pushed {
            Ok(()) => return batch.publish(),
            Err(TrySendError::Full) => thread::yield_now(),
            Err(error) => panic!("{error}"),
        }
    }
}

/// Waits for the first of some records; the others must then be there.
fn receive_together<M: Memory>(consumer: &mut Consumer<M>, tags: &[u32]) {
    let mut header = wait_for_record(consumer);
    for (i, &tag) in tags.iter().enumerate() {
        if i > 0 {
            let next = consumer.peek().expect("a ring that is not corrupt");
            header = next.expect("a batch is there as a whole");
        }
        assert_eq!(header.tag, tag);
        take(consumer, &header);
    }
    consumer.release();
}
