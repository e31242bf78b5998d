//! What a claim and a batch say of themselves, what is written to them, and what becomes of them.

use std::sync::atomic::Ordering::Relaxed;

use mapring::TrySendError;
use mapring::layout::{Kind, TAIL};
use mapring::memory::ReadMemory;
use mapring::ring::{Position, Produce, Protocol, Record, mpsc, spsc};
use mapring_testing::Bytes;

use both_sides::ring;
use common::{STARTS, region, ring_of};

#[path = "common/both_sides.rs"]
mod both_sides;
mod common;

fn claims<C: Protocol>() {
    for start in STARTS {
        let mut ring = ring::<C>(ring_of(C::KIND, 1), start);
        let payload = ring.at(0).word(&ring.geometry).next();
        let mut claim = ring.producer.try_claim(13).expect("room");
        assert_eq!((claim.len(), claim.is_empty()), (13, false));
        assert_eq!(claim.payload(), payload);
        claim.write(0, &[1; 13]);
        claim.write(3, &[2; 7]);
        claim.write(12, &[5]);
        claim.write(13, &[]);
        claim.commit(9);
        let empty = ring.producer.try_claim(0).expect("room");
        assert_eq!((empty.len(), empty.is_empty()), (0, true));
        empty.commit(8);

        let header = ring.consumer.peek().expect("nothing wrong");
        let header = header.expect("a record");
        assert_eq!((header.tag, header.len), (9, 13));
        let expected = [1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 1, 1, 5];
        for len in [0, 1, 5, 8, 12, 13, 20] {
            let mut bytes = [0xee; 20];
            ring.consumer.read(&header, &mut bytes[..len]);
            let read = len.min(13);
            assert_eq!(bytes[..read], expected[..read]);
            assert!(bytes[read..].iter().all(|byte| *byte == 0xee));
        }
        let mut seen = Vec::new();
        let start = ring.at(0);
        ring.consumer
            .drain_while(2, 1, |record: Record<'_, Bytes>| {
                seen.push((record.header().tag, record.position(), record.payload()));
                assert_eq!(record.memory().len(), ring.memory.len());
                true
            });
        let second = start.plus(32);
        let word = second.word(&ring.geometry).next();
        assert_eq!(seen, [(9, start, payload), (8, second, word)]);
    }
}

#[test]
fn claims_of_one_producer_are_as_long_as_asked_for() {
    claims::<spsc::Spsc>();
}

#[test]
fn claims_of_many_producers_are_as_long_as_asked_for() {
    claims::<mpsc::Mpsc>();
}

#[test]
#[should_panic(expected = "2 bytes at offset 12 of a claim of 13 bytes")]
fn nobody_writes_behind_a_claim() {
    let mut ring = ring::<spsc::Spsc>(ring_of(Kind::Spsc, 1), 0);
    let mut claim = ring.producer.try_claim(13).expect("room");
    claim.write(12, &[0; 2]);
}

#[test]
fn a_batch_counts_its_records() {
    let mut ring = ring::<spsc::Spsc>(ring_of(Kind::Spsc, 1), 0);
    let mut batch = ring.producer.batch();
    assert_eq!((batch.len(), batch.is_empty()), (0, true));
    batch.push(1, &[1; 9]).expect("room");
    assert_eq!((batch.len(), batch.is_empty()), (1, false));
    let mut claim = batch.try_claim(5).expect("room");
    assert_eq!((claim.len(), claim.is_empty()), (5, false));
    assert_eq!(claim.payload(), Position(32).word(&ring.geometry).next());
    claim.write(0, &[4; 5]);
    assert_eq!(claim.memory().len(), ring.memory.len());
    claim.commit(2);
    let claim = batch.try_claim(0).expect("room");
    assert!(claim.is_empty());
    drop(claim);
    assert_eq!(batch.len(), 2);
    batch.publish();
    let mut payloads = Vec::new();
    let count = ring.consumer.drain_while(9, 1, |record| {
        payloads.push(vec![0; record.header().len]);
        record.read(payloads.last_mut().expect("just pushed"));
        true
    });
    assert_eq!(count, 2);
    assert_eq!(payloads, [vec![1; 9], vec![4; 5]]);
}

#[test]
fn a_batch_takes_what_it_asked_for_rounded_up() {
    let geometry = ring_of(Kind::Mpsc, 3);
    let memory = region(geometry, 0);
    let producer = mpsc::Producer::attach(memory.clone(), geometry, 2).expect("good cursors");
    let mut producer = producer.expect("a free slot");
    assert_eq!(producer.index(), 2);
    for (room, size) in [(0, 16), (1, 16), (16, 16), (17, 32), (239, 240), (240, 240)] {
        assert_eq!(producer.batch_size(room), Ok(size), "{room}");
    }
    for room in [241, 256, usize::MAX] {
        let refused = TrySendError::TooMuchRoom { room, limit: 240 };
        assert_eq!(producer.batch_size(room), Err(refused));
    }
    drop(producer.try_batch(33).expect("room"));
    assert_eq!(memory.load(TAIL, Relaxed), 48);
}

/// Leaked, a claim is given up by the next call, or when its producer leaves.
#[test]
fn a_leaked_claim_is_given_up() {
    let mut ring = ring::<mpsc::Mpsc>(ring_of(Kind::Mpsc, 1), 0);
    std::mem::forget(ring.producer.try_claim(8));
    assert_eq!(ring.consumer.peek(), Ok(None));
    ring.send(8);
    let record = ring.consumer.peek().expect("nothing wrong");
    assert!(record.is_some());
    std::mem::forget(ring.producer.try_claim(8));
    assert!(ring.producer.leave());
    assert!(!ring.producer.leave());
}
