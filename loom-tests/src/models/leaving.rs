//! A participant comes and goes: P3.
//!
//! No bound on preemptions: 800 executions, 0.2 s.

use loom::thread;
use mapring::Role;
use mapring::layout;
use mapring::ring::Produce;
use mapring::ring::participant::{self, State};

use crate::model::{assert_empty, receive, send, take};
use crate::{Model, Setup};

/// The models of this file.
pub const ALL: &[Model] = &[PID, PRODUCER_LEAVES, CONSUMER_LEAVES];

/// Whoever sees a participant attached sees its process too.
pub const PID: Model = Model {
    name: "leaving::pid",
    preemptions: None,
    deaths: 1,
    body: pid,
};

fn pid(setup: &Setup) {
    let ring = setup.ring(64, 16, 0);
    let slot = layout::CONSUMER_SLOT;
    let memory = ring.memory.clone();
    let participant = thread::spawn(move || participant::attach(&memory, slot, 42));
    match participant::look(&ring.memory, slot, Role::Consumer) {
        Ok(
            State::Absent
            | State::Attached {
                pid: 42,
                attachment: 1,
            },
        ) => {}
        other => panic!("{other:?}"),
    }
    participant.join().expect("the participant");
    let state = participant::look(&ring.memory, slot, Role::Consumer);
    assert_eq!(
        state,
        Ok(State::Attached {
            pid: 42,
            attachment: 1
        })
    );
}

/// Whoever sees that the producer left sees all it sent: one more look is enough.
pub const PRODUCER_LEAVES: Model = Model {
    name: "leaving::producer_leaves",
    preemptions: None,
    deaths: 1,
    body: producer_leaves,
};

fn producer_leaves(setup: &Setup) {
    let ring = setup.ring(64, 16, 0);
    let slot = ring.geometry.producer_slot(0);
    let mut consumer = ring.consumer();
    let memory = ring.memory.clone();
    let producer = thread::spawn(move || {
        let mut producer = ring.producer();
        participant::attach(&ring.memory, slot, 42);
        send(&mut producer, 1, 8);
        send(&mut producer, 2, 8);
        participant::detach(&ring.memory, slot);
    });
    let mut received = 0;
    let mut has_left = false;
    loop {
        if let Some(header) = consumer.peek().expect("a ring that is not corrupt") {
            received += 1;
            assert_eq!(header.tag, received);
            take(&mut consumer, &header);
            continue;
        }
        if has_left {
            break;
        }
        let state = participant::look(&memory, slot, Role::Producer);
        has_left = state.expect("a state that exists") == State::Left;
        if !has_left {
            thread::yield_now();
        }
    }
    assert_eq!(received, 2, "records that were sent before leaving");
    producer.join().expect("the producer");
}

/// Whoever sees that the consumer left sees all it released.
pub const CONSUMER_LEAVES: Model = Model {
    name: "leaving::consumer_leaves",
    preemptions: None,
    deaths: 1,
    body: consumer_leaves,
};

fn consumer_leaves(setup: &Setup) {
    let ring = setup.ring(64, 16, 0);
    let slot = layout::CONSUMER_SLOT;
    let mut producer = ring.producer();
    send(&mut producer, 1, 8);
    let memory = ring.memory.clone();
    let consumer = thread::spawn(move || {
        let mut consumer = ring.consumer();
        receive(&mut consumer, 1, 8);
        assert_empty(&mut consumer);
        participant::detach(&ring.memory, slot);
    });
    let state = participant::look(&memory, slot, Role::Consumer);
    if state.expect("a state that exists") == State::Left {
        let released = producer.is_released(producer.position());
        assert_eq!(released, Ok(true), "what was released before leaving");
    }
    consumer.join().expect("the consumer");
}
