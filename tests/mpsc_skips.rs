//! What a consumer goes past: claims that were given up, and claims of the dead, many in a row.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::time::Duration;

use mapring::layout::{self, Geometry, Kind};
use mapring::mpsc::{Options, Ring};
use mapring::{LayoutError, OpenError, RecvError, TryRecvError};
use mapring_testing::Mortal;

use common::{DEADLINE, Name};

/// Words that a producer stores before the first of its record: size, intent, TAIL and mark.
const STORES_OF_A_CLAIM: usize = 4;

/// Claims room for `len` bytes and dies, as far as anybody else can see.
fn die_in_a_claim(ring: &Ring, len: usize) {
    let mut memory = None;
    let mut producer = ring.producer().unwrap().with_memory(|mapped| {
        let mortal = Mortal::new(mapped);
        memory = Some(mortal.clone());
        mortal
    });
    memory.unwrap().die_after(STORES_OF_A_CLAIM);
    drop(producer.try_claim(len).unwrap());
    producer.abandon();
}

#[test]
fn any_number_of_claims_given_up_hold_nobody_up() {
    const CLAIMS: usize = 20_000;
    let name = Name::new("many-given-up");
    let ring = Options::new().capacity(4 << 20).create(&name).unwrap();
    let (mut producer, mut consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let mut bytes = Vec::new();
    let give_up_and_send = |producer: &mut mapring::mpsc::Producer| {
        for _ in 0..CLAIMS {
            drop(producer.claim(0, DEADLINE).unwrap());
        }
        producer.try_send(7, b"behind").unwrap();
    };
    give_up_and_send(&mut producer);
    assert_eq!(consumer.recv(&mut bytes, Duration::ZERO).unwrap().tag, 7);
    // A call that only polls goes past some thousand.
    give_up_and_send(&mut producer);
    let calls = (1..).find(|_| consumer.try_recv(&mut bytes).is_ok());
    assert!(calls <= Some(1 + CLAIMS / 4096), "{calls:?} calls");
    give_up_and_send(&mut producer);
    drop(producer);
    let mut drained = 0;
    let end = loop {
        match consumer.drain(9, |_| drained += 1) {
            Ok(_) | Err(TryRecvError::Empty) => {}
            Err(error) => break error,
        }
    };
    assert_eq!((end, drained), (TryRecvError::Disconnected, 1));
}

#[test]
fn any_number_of_dead_claims_are_skipped_in_one_wait() {
    const DEAD: usize = 50;
    let name = Name::new("many-dead");
    let ring = Options::new()
        .producers(DEAD as u64 + 1)
        .create(&name)
        .unwrap();
    let (mut producer, mut consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let mut bytes = Vec::new();
    for _ in 0..2 {
        for len in 0..DEAD {
            die_in_a_claim(&ring, len);
        }
        producer.try_send(7, b"behind").unwrap();
        assert_eq!(consumer.recv(&mut bytes, Duration::ZERO).unwrap().tag, 7);
        // What is not asked for now can be asked for later.
        let first = consumer.repairs().next().unwrap();
        let rest: Vec<_> = consumer.repairs().collect();
        assert_eq!(rest.len(), DEAD - 1);
        assert!(rest.iter().all(|each| each.position > first.position));
        assert_eq!(consumer.repairs().count(), 0);
    }
    assert_eq!(
        ring.observer().unwrap().consumer_counters().repairs,
        2 * DEAD as u64
    );
    // A wait for nothing ends in time, also behind a claim that is skipped.
    die_in_a_claim(&ring, 9);
    let end = consumer.recv(&mut bytes, Duration::ZERO);
    assert_eq!(end, Err(RecvError::TimedOut));
    assert_eq!(consumer.repairs().count(), 1);
}

/// In a release, the header at HEAD is zero although nobody is about to write there.
#[test]
fn a_consumer_that_dies_in_a_release_leaves_the_slots_of_the_living_free() {
    let name = Name::new("died-releasing");
    let ring = Options::new().producers(1).create(&name).unwrap();
    let mut producer = ring.producer().unwrap();
    producer.try_send(1, b"received, not released").unwrap();
    let mut memory = None;
    let mut consumer = ring.consumer().unwrap().with_memory(|mapped| {
        let mortal = Mortal::new(mapped);
        memory = Some(mortal.clone());
        mortal
    });
    // It stores `release_to`, and zero into the header.
    memory.unwrap().die_after(2);
    consumer.recv(&mut Vec::new(), DEADLINE).unwrap();
    drop(consumer);
    let observer = ring.observer().unwrap();
    assert_eq!((observer.head(), observer.tail()), (0, 64));
    assert_eq!(observer.stalled(), None, "nobody has a claim there");
    drop(producer);
    let mut producer = ring.producer().unwrap();
    producer.try_send(2, b"next").unwrap();
    let mut consumer = ring.consumer().unwrap();
    let received = consumer.recv(&mut Vec::new(), DEADLINE).unwrap();
    assert_eq!(received.tag, 2);
}

/// A claim can be given up, and then one header must be able to say how long it was.
#[test]
fn no_payload_is_longer_than_a_claim_that_can_be_given_up() {
    let capacity = layout::MAX_CAPACITY;
    // Where an address has 32 bits, the largest ring has less than a header can say.
    let most = layout::MAX_PAYLOAD.min(capacity - 8);
    for align in [8, 64, 128] {
        let limit = most / align * align - 8;
        let ring = |max_payload| Geometry::new(Kind::Mpsc, capacity, max_payload, align, 1);
        let refused = LayoutError::MaxPayload {
            max_payload: limit + 1,
            capacity,
            limit,
        };
        assert_eq!(ring(limit + 1), Err(refused));
        let geometry = ring(limit).unwrap();
        assert_eq!(
            geometry.record_size(limit as usize),
            geometry.largest_claim()
        );
        assert!(geometry.largest_claim() as u64 <= layout::MAX_PAYLOAD);
    }
    // By default it is within that, however large the ring: there is nothing wrong with these
    // options, only no region of that name.
    let name = Name::new("too-large");
    let opened = Options::new().capacity(capacity).open(&name).map(drop);
    assert!(matches!(opened, Err(OpenError::NotFound { .. })));
}
