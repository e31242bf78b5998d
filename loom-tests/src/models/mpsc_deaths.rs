//! Several die: producers at the same place, and the consumer in a release or a repair.
//!
//! Locks are as in `mpsc_recover`; that of the consumer's role is the joining of its thread.
//!
//! For each place at most two preemptions; three in `two_die`, one in `consumer_dies_repairing`: 75
//! thousand executions, 25 s.

use loom::thread;
use mapring::ring::mpsc::Consumer;

use crate::model::{attached, receive, send, take, wait_for_record};
use crate::shared::{Step, rest, step};
use crate::{Model, Setup, SharedRing, until_death};

/// The models of this file.
pub const ALL: &[Model] = &[
    TWO_DIE,
    TWO_DIE_BESIDE_A_THIRD,
    CONSUMER_DIES_RELEASING,
    CONSUMER_DIES_REPAIRING,
];

/// Stores of a producer up to where its last store could be the header of a record with one
/// word of payload; there may be one more, if its first exchange fails.
const PLACES: usize = 7;

/// Two producers die, each at each of its stores, in claims of different sizes.
pub const TWO_DIE: Model = Model {
    name: "mpsc_deaths::two_die",
    preemptions: Some(3),
    deaths: PLACES * PLACES,
    body: two_die,
};

fn two_die(setup: &Setup) {
    let ring = setup.shared_ring(64, 16, 40, 2);
    let mut consumer = ring.consumer();
    let places = [setup.dies_after() / PLACES, setup.dies_after() % PLACES];
    let dying = [0, 1].map(|index| die(&ring, index, places[index]));
    thread::yield_now();
    let mut steps = vec![step(&mut consumer, &ring.locks)];
    for dying in dying {
        dying.join().expect("one that dies");
    }
    let (more, end) = rest(&mut consumer, &ring.locks);
    steps.extend(more);
    assert_eq!((end, consumer.position()), (Step::Nothing, ring.tail()));
    check(&ring, &steps);
}

/// Bytes of payload that the producer in slot `index` sends.
fn len(index: usize) -> usize {
    8 * index
}

/// Lives until it has made so many stores in sending the record `index`.
fn die(ring: &SharedRing, index: usize, stores: usize) -> thread::JoinHandle<Option<()>> {
    let producer = ring.producer(index);
    let ring = ring.clone();
    thread::spawn(move || {
        ring.live_and_end(&producer, stores, |producer| {
            send(producer, index as u32, len(index));
        })
    })
}

/// Each slot's record came, or its claim was repaired, or nothing at all; once, and as it was.
fn check(ring: &SharedRing, steps: &[Step]) {
    let mut seen = Vec::new();
    for step in steps {
        match step {
            Step::Record(header) => {
                assert_eq!(header.len, len(header.tag as usize));
                seen.push(header.tag as usize);
            }
            Step::Repair(repair) => {
                assert_eq!(repair.size, ring.geometry.record_size(len(repair.index)));
                seen.push(repair.index);
            }
            Step::Nothing | Step::Alive(_) => {}
        }
    }
    let all = seen.len();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), all, "{steps:?}");
}

/// Two producers die around their exchanges, where none has written a byte. A third sends a
/// record, which comes; it, or TAIL, shows how long the others' claims are.
pub const TWO_DIE_BESIDE_A_THIRD: Model = Model {
    name: "mpsc_deaths::two_die_beside_a_third",
    preemptions: Some(2),
    deaths: NEAR_EXCHANGE * NEAR_EXCHANGE,
    body: two_die_beside_a_third,
};

/// From having stored the size to having marked the claim, with a failed exchange on the way.
const NEAR_EXCHANGE: usize = 4;

fn two_die_beside_a_third(setup: &Setup) {
    let ring = setup.shared_ring(64, 16, 40, 3);
    let mut consumer = ring.consumer();
    let places = [
        1 + setup.dies_after() / NEAR_EXCHANGE,
        1 + setup.dies_after() % NEAR_EXCHANGE,
    ];
    let dying = [0, 1].map(|index| die(&ring, index, places[index]));
    let mut third = ring.producer(2);
    let third = thread::spawn(move || send(&mut third, 2, len(2)));
    for dying in dying {
        dying.join().expect("one that dies");
    }
    // So early that the third may still be at work.
    let mut steps = vec![step(&mut consumer, &ring.locks)];
    third.join().expect("the third");
    let (more, end) = rest(&mut consumer, &ring.locks);
    steps.extend(more);
    assert_eq!((end, consumer.position()), (Step::Nothing, ring.tail()));
    check(&ring, &steps);
    let is_third = |step: &Step| matches!(step, Step::Record(header) if header.tag == 2);
    assert!(steps.iter().any(is_third), "{steps:?}");
}

/// A consumer dies at each of its stores in a release. Its successor goes on: with what was about to
/// be released if it was not yet said so, else with what comes behind it.
pub const CONSUMER_DIES_RELEASING: Model = Model {
    name: "mpsc_deaths::consumer_dies_releasing",
    preemptions: Some(2),
    // It says up to where; zeroes six words; HEAD.
    deaths: 9,
    body: consumer_dies_releasing,
};

fn consumer_dies_releasing(setup: &Setup) {
    let ring = setup.shared_ring(64, 16, 24, 2);
    for tag in 0..2 {
        send(&mut ring.producer(tag as usize), tag, 16);
    }
    let mut sender = ring.producer(1);
    let sender = thread::spawn(move || {
        for tag in 2..=3 {
            send(&mut sender, tag, 16);
        }
    });
    let (dying, geometry) = (setup.dying_in(&ring), ring.geometry);
    let predecessor = thread::spawn(move || {
        let life = until_death(|| {
            let mut consumer = attached(Consumer::attach(dying, geometry));
            for _ in 0..2 {
                let header = wait_for_record(&mut consumer);
                take(&mut consumer, &header);
            }
            consumer.release();
        });
        life.is_some()
    });
    let lived = predecessor.join().expect("the predecessor");
    assert_eq!(lived, setup.lives(), "`deaths` must count its stores");
    let mut consumer = ring.consumer();
    let first = if setup.dies_after() == 0 { 0 } else { 2 };
    for tag in first..=3 {
        receive_or_wait(&mut consumer, &ring, tag);
    }
    sender.join().expect("the producer");
    assert_eq!(rest(&mut consumer, &ring.locks), (vec![], Step::Nothing));
}

/// Receives the record `tag`, with a look for gaps whenever there is none.
fn receive_or_wait(consumer: &mut Consumer<crate::ModelMemory>, ring: &SharedRing, tag: u32) {
    loop {
        match step(consumer, &ring.locks) {
            Step::Nothing | Step::Alive(_) => thread::yield_now(),
            Step::Record(header) if header.tag == tag => return,
            other => panic!("{other:?} instead of the record {tag}"),
        }
    }
}

/// A consumer dies at each of its stores in a repair. Its successor finds the same gap, or goes on
/// behind it.
pub const CONSUMER_DIES_REPAIRING: Model = Model {
    name: "mpsc_deaths::consumer_dies_repairing",
    preemptions: Some(1),
    // It says up to where; zeroes three words; HEAD; its counters.
    deaths: 13,
    body: consumer_dies_repairing,
};

fn consumer_dies_repairing(setup: &Setup) {
    let ring = setup.shared_ring(32, 16, 24, 2);
    let first = ring.producer(0);
    // It dies in its payload, which looks like headers.
    let died = ring.live_and_end(&first, 5, |producer| send(producer, 0, 16));
    assert_eq!(died, None);
    // Full, until that is repaired.
    let mut sender = ring.producer(1);
    let sender = thread::spawn(move || {
        send(&mut sender, 1, 0);
        send(&mut sender, 2, 0);
    });
    let (dying, geometry) = (setup.dying_in(&ring), ring.geometry);
    let predecessor = thread::spawn({
        let locks = ring.locks.clone();
        move || {
            let life = until_death(|| {
                let mut consumer = attached(Consumer::attach(dying, geometry));
                step(&mut consumer, &locks)
            });
            if let Some(step) = life {
                assert!(matches!(step, Step::Repair(_)), "{step:?}");
            }
            life.is_some()
        }
    });
    let lived = predecessor.join().expect("the predecessor");
    assert_eq!(lived, setup.lives(), "`deaths` must count its stores");
    let mut consumer = ring.consumer();
    if setup.dies_after() == 0 {
        let step = step(&mut consumer, &ring.locks);
        assert!(
            matches!(step, Step::Repair(repair) if repair.size == 24),
            "{step:?}"
        );
    }
    for tag in 1..=2 {
        receive_or_wait(&mut consumer, &ring, tag);
    }
    sender.join().expect("the producer");
    // The words that the dead one wrote were zeroed.
    let mut producer = ring.producer(1);
    for tag in 3..=5 {
        send(&mut producer, tag, 0);
        receive(&mut consumer, tag, 0);
    }
    assert_eq!(rest(&mut consumer, &ring.locks), (vec![], Step::Nothing));
}
