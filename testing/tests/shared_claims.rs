//! The words that claims and batches of many producers leave behind: one header publishes all of
//! it, and what was asked for and not used is one record of padding.

use std::sync::atomic::Ordering::Relaxed;

use mapring::TrySendError;
use mapring::layout::{Geometry, Kind};
use mapring::memory::ReadMemory;
use mapring::ring::mpsc::Producer;
use mapring::ring::{Position, Produce, RecordHeader};
use mapring_testing::Bytes;

use common::{STARTS, region, ring_of};

mod common;

/// A ring, its only producer, and the headers at some distances from where it starts.
fn with_ring(check: impl Fn(Producer<Bytes>, &dyn Fn(usize) -> u64)) {
    let geometry: Geometry = ring_of(Kind::Mpsc, 1);
    for start in STARTS {
        let memory = region(geometry, start);
        let producer = Producer::attach(memory.clone(), geometry, 0).expect("good cursors");
        let header = |distance| {
            let at = Position(start).plus(distance).word(&geometry);
            memory.load(at, Relaxed)
        };
        check(producer.expect("a free slot"), &header);
    }
}

fn record(tag: u32, len: usize) -> u64 {
    RecordHeader { tag, len }.to_word()
}

/// A committed header of padding that takes `size` bytes, its own among them.
fn padding(size: u64) -> u64 {
    0b11 << 62 | (size - 8) << 32
}

#[test]
fn a_claim_that_is_dropped_is_padding() {
    with_ring(|mut producer, header| {
        drop(producer.try_claim(9).expect("room"));
        assert_eq!(header(0), padding(32));
        producer.try_claim(9).expect("room").commit(5);
        assert_eq!(header(32), record(5, 9));
        assert_eq!(header(64), 0, "that belongs to the next claim");
    });
}

#[test]
fn what_a_batch_does_not_use_is_padding() {
    with_ring(|mut producer, header| {
        let mut batch = producer.try_batch(112).expect("room");
        batch.push(1, &[1; 8]).expect("room");
        batch.push(2, &[2; 24]).expect("room");
        assert_eq!(header(0), 0, "nothing is published yet");
        batch.publish();
        assert_eq!(header(0), record(1, 8));
        assert_eq!(header(16), record(2, 24));
        assert_eq!(header(48), padding(64));
        assert_eq!(header(112), 0, "that belongs to the next claim");
    });
}

#[test]
fn a_batch_that_uses_all_it_has_leaves_no_padding() {
    with_ring(|mut producer, header| {
        let mut batch = producer.try_batch(48).expect("room");
        batch.push(1, &[1; 8]).expect("room");
        assert_eq!(batch.push(2, &[2; 25]), Err(TrySendError::Full));
        batch.push(3, &[3; 24]).expect("exactly the rest");
        assert_eq!(batch.push(4, &[]), Err(TrySendError::Full));
        batch.publish();
        assert_eq!(header(0), record(1, 8));
        assert_eq!(header(16), record(3, 24));
        assert_eq!(header(48), 0, "that belongs to the next claim");
    });
}

#[test]
fn a_batch_of_nothing_is_padding() {
    with_ring(|mut producer, header| {
        producer.try_batch(48).expect("room").publish();
        assert_eq!(header(0), padding(48));
        let mut batch = producer.try_batch(32).expect("room");
        batch.push(1, &[1; 8]).expect("room");
        drop(batch);
        assert_eq!(header(48), padding(32));
        assert_eq!(header(80), 0, "that belongs to the next claim");
    });
}
