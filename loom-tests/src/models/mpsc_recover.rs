//! A producer stops for ever, and the consumer goes by what the kernel says of it.
//!
//! A producer that stops makes so many stores and no more. If it has died, the kernel then frees its
//! lock, which shows all that it has done to whoever takes the lock. If it is alive, which may be for
//! ever, its lock stays held.
//!
//! For each place at most two preemptions; three where one sleeps, and one in `dies_in_a_batch` and
//! `dies_giving_up`: 47 thousand executions, 25 s.

use loom::thread;
use mapring::ring::{Gap, Position, Repair};

use crate::model::{claim_and_drop, payload, receive, send};
use crate::shared::{DyingProducer, Step, pid_of, rest, step};
use crate::{Model, Setup, SharedRing};

/// The models of this file.
pub const ALL: &[Model] = &[
    NOBODY_STOPS,
    DIES_SENDING,
    DIES_IN_A_BATCH,
    DIES_GIVING_UP,
    SLEEPS_SENDING,
    SLEEPS_IN_A_BATCH,
    SLOT_TAKEN_AGAIN,
];

/// Two producers send while the consumer looks for gaps: it finds none, or one of somebody who is
/// alive; and it never says that the ring is corrupt, however old what it sees is.
pub const NOBODY_STOPS: Model = Model {
    name: "mpsc_recover::nobody_stops",
    preemptions: Some(2),
    deaths: 1,
    body: nobody_stops,
};

fn nobody_stops(setup: &Setup) {
    let ring = setup.shared_ring(64, 0, 0, 2);
    let mut consumer = ring.consumer();
    let senders = [0, 1].map(|index| {
        let mut producer = ring.producer(index);
        thread::spawn(move || {
            for tag in 1..=2 - index as u32 {
                send(&mut producer, tag, 0);
            }
        })
    });
    let locks = ring.locks.clone();
    let looks = thread::spawn(move || {
        // Without a peek before, a recovery finds headers that it was not called for.
        for _ in 0..2 {
            let found = consumer.recover(&mut locks.ask());
            assert!(
                matches!(found, Ok(Gap::None | Gap::Alive { .. })),
                "{found:?}"
            );
        }
        consumer
    });
    for sender in senders {
        sender.join().expect("a producer");
    }
    let mut consumer = looks.join().expect("the consumer");
    let (steps, end) = rest(&mut consumer, &ring.locks);
    assert_eq!((steps.len(), end), (3, Step::Nothing));
}

/// A producer dies at each of its stores in sending a record.
pub const DIES_SENDING: Model = Model {
    name: "mpsc_recover::dies_sending",
    preemptions: Some(2),
    deaths: 9,
    body: dies_sending,
};

fn dies_sending(setup: &Setup) {
    one_dies(setup, |producer| send(producer, 1, 16));
}

/// A producer dies at each of its stores in publishing a batch, whose claim is longer than its records.
pub const DIES_IN_A_BATCH: Model = Model {
    name: "mpsc_recover::dies_in_a_batch",
    preemptions: Some(1),
    deaths: 11,
    body: dies_in_a_batch,
};

fn dies_in_a_batch(setup: &Setup) {
    one_dies(setup, send_batch);
}

/// A producer dies at each of its stores in a claim that it means to give up.
pub const DIES_GIVING_UP: Model = Model {
    name: "mpsc_recover::dies_giving_up",
    preemptions: Some(1),
    deaths: 9,
    body: dies_giving_up,
};

fn dies_giving_up(setup: &Setup) {
    one_dies(setup, |producer| claim_and_drop(producer, 16));
}

/// Publishes a batch of two records in a claim of 24 bytes.
fn send_batch(producer: &mut DyingProducer) {
    let mut batch = producer.try_batch(24).expect("room");
    batch.push(1, &payload(1, 0)).expect("room");
    batch.push(1, &payload(1, 0)).expect("room");
    batch.publish();
}

/// Where the rings of these models start: a claim of 24 bytes there, or eight bytes later, ends
/// where the ring does or runs into the overrun area.
const START: u64 = 40;
/// Bytes that the producer that stops claims.
const CLAIM: usize = 24;

/// A producer dies in `life`, in which it claims 24 bytes for records with the tag 1. Another
/// sends a record, which comes whatever the first has left. So do records that are sent later,
/// over the same bytes.
fn one_dies(setup: &Setup, life: fn(&mut DyingProducer)) {
    let ring = setup.shared_ring(64, 16, START, 2);
    let mut consumer = ring.consumer();
    let (first, mut second) = (ring.producer(0), ring.producer(1));
    let (stores, lives) = (setup.dies_after(), setup.lives());
    let dies = thread::spawn({
        let ring = ring.clone();
        move || ring.live_and_end(&first, stores, life).is_some()
    });
    let other = thread::spawn(move || {
        send(&mut second, 2, 0);
        second
    });
    let mut steps = Vec::new();
    loop {
        match step(&mut consumer, &ring.locks) {
            Step::Nothing | Step::Alive(_) => thread::yield_now(),
            Step::Record(header) if header.tag == 2 => break,
            other => steps.push(other),
        }
    }
    let lived = dies.join().expect("the one that dies");
    assert!(lived || !lives, "`deaths` must count its stores");
    let (more, end) = rest(&mut consumer, &ring.locks);
    steps.extend(more);
    assert_eq!((end, consumer.position()), (Step::Nothing, ring.tail()));
    check_one_claim(&ring, &steps, lived);

    // The second lap, over what the first has left.
    let mut second = other.join().expect("the other");
    for tag in 3..=5 {
        send(&mut second, tag, 16);
        receive(&mut consumer, tag, 16);
    }
    assert_eq!(rest(&mut consumer, &ring.locks), (vec![], Step::Nothing));
}

/// What came of the claim of 24 bytes in slot 0: its records, or a repair, or nothing at all (it was given up, or never made).
fn check_one_claim(ring: &SharedRing, steps: &[Step], lived: bool) {
    let claimed = ring.tail().distance_from(Position(START)) as usize - 8;
    match steps {
        [] => assert!(claimed == 0 || claimed == CLAIM, "{claimed} bytes"),
        [Step::Repair(repair)] => {
            assert!(!lived, "a repair of what was published");
            let position = repair.position;
            assert!(position == START || position == START + 8, "{repair:?}");
            let (pid, size) = (pid_of(0), CLAIM);
            let expected = Repair {
                index: 0,
                pid,
                position,
                size,
            };
            assert_eq!((*repair, claimed), (expected, CLAIM));
        }
        records => {
            let is_record = |step: &Step| matches!(step, Step::Record(header) if header.tag == 1);
            assert!(records.iter().all(is_record), "{records:?}");
            let sizes = records.iter().map(|step| match step {
                Step::Record(header) => ring.geometry.record_size(header.len),
                _ => 0,
            });
            let sizes: Vec<_> = sizes.collect();
            // The rest of a batch's claim is padding.
            assert!(sizes == [CLAIM] || sizes == [8, 8], "{records:?}");
            assert_eq!(claimed, CLAIM);
        }
    }
}

/// A producer falls asleep for ever at each of its stores in sending a record.
pub const SLEEPS_SENDING: Model = Model {
    name: "mpsc_recover::sleeps_sending",
    preemptions: Some(3),
    deaths: 9,
    body: sleeps_sending,
};

fn sleeps_sending(setup: &Setup) {
    one_sleeps(setup, |producer| send(producer, 1, 16));
}

/// A producer falls asleep for ever at each of its stores in publishing a batch.
pub const SLEEPS_IN_A_BATCH: Model = Model {
    name: "mpsc_recover::sleeps_in_a_batch",
    preemptions: Some(3),
    deaths: 11,
    body: sleeps_in_a_batch,
};

fn sleeps_in_a_batch(setup: &Setup) {
    one_sleeps(setup, send_batch);
}

/// A producer stops in `life` and stays alive. Its claim is never skipped; what was sent before it
/// comes, and where the consumer cannot go on, it knows whom it waits for.
fn one_sleeps(setup: &Setup, life: fn(&mut DyingProducer)) {
    let ring = setup.shared_ring(64, 16, START, 2);
    let mut consumer = ring.consumer();
    let (first, mut second) = (ring.producer(0), ring.producer(1));
    let stores = setup.dies_after();
    let sleeps = thread::spawn({
        let ring = ring.clone();
        move || ring.live(&first, stores, life).is_some()
    });
    let other = thread::spawn(move || send(&mut second, 2, 0));
    thread::yield_now();
    let mut steps = vec![step(&mut consumer, &ring.locks)];
    let finished = sleeps.join().expect("the one that sleeps");
    other.join().expect("the other");
    assert!(
        finished || !setup.lives(),
        "`deaths` must count the sleeper's stores"
    );
    let (more, end) = rest(&mut consumer, &ring.locks);
    steps.extend(more);
    let is_repair = |step: &Step| matches!(step, Step::Repair(_));
    assert!(!steps.iter().any(is_repair), "{steps:?}");

    let has = |tag| {
        let is_it = |step: &Step| matches!(step, Step::Record(header) if header.tag == tag);
        steps.iter().any(is_it)
    };
    if consumer.position() == ring.tail() {
        assert_eq!(end, Step::Nothing);
        assert!(has(2) && (has(1) || !finished), "{steps:?}");
    } else {
        assert_eq!(end, Step::Alive(0), "whom the consumer waits for");
        assert!(!finished && !has(1), "{steps:?}");
        // The other's record is before the gap, or behind it.
        let gap = ring.tail().distance_from(consumer.position()) as usize;
        assert_eq!(gap, if has(2) { CLAIM } else { CLAIM + 8 });
    }
}

/// A producer dies at each of its stores, and another wants its slot at once. It gets it when
/// nothing needs the slot any more, and not before: what the dead one claimed is repaired.
pub const SLOT_TAKEN_AGAIN: Model = Model {
    name: "mpsc_recover::slot_taken_again",
    preemptions: Some(2),
    deaths: 8,
    body: slot_taken_again,
};

fn slot_taken_again(setup: &Setup) {
    let ring = setup.shared_ring(64, 16, START, 1);
    let mut consumer = ring.consumer();
    let first = ring.producer(0);
    let stores = setup.dies_after();
    let dies = thread::spawn({
        let ring = ring.clone();
        move || ring.live_and_end(&first, stores, |producer| send(producer, 1, 16))
    });
    let newcomer = thread::spawn({
        let ring = ring.clone();
        move || {
            for _ in 0..2 {
                if ring.locks.try_take(0) {
                    if let Some(mut producer) = ring.try_producer(0) {
                        send(&mut producer, 2, 0);
                        return true;
                    }
                    ring.locks.free(0);
                }
                thread::yield_now();
            }
            false
        }
    });
    let mut steps = vec![];
    for _ in 0..2 {
        thread::yield_now();
        steps.push(step(&mut consumer, &ring.locks));
    }
    let lived = dies.join().expect("the one that dies").is_some();
    assert_eq!(lived, setup.lives(), "`deaths` must count its stores");
    let has_sent = newcomer.join().expect("the newcomer");
    let (more, end) = rest(&mut consumer, &ring.locks);
    steps.extend(more);
    assert_eq!((end, consumer.position()), (Step::Nothing, ring.tail()));
    if !has_sent {
        // By now all is resolved.
        assert!(ring.locks.try_take(0));
        send(&mut ring.producer(0), 2, 0);
        steps.push(step(&mut consumer, &ring.locks));
    }
    steps.retain(|step| !matches!(step, Step::Nothing | Step::Alive(_)));
    let last = steps.pop();
    assert!(
        matches!(last, Some(Step::Record(header)) if header.tag == 2),
        "{last:?}"
    );
    check_one_claim(&ring, &steps, lived);
}
