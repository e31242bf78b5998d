//! Records in bulk: which are handed out, and when they are released.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};

use common::Name;
use mapring::spsc::{Consumer, Options, Producer};
use mapring::{Corrupt, TryRecvError};

const CAPACITY: u64 = 4096;
/// Eight of them fill the part of the ring after which a drain gives room back.
const PAYLOAD: [u8; 56] = [7; 56];

fn ends(name: &str) -> (Producer, Consumer) {
    let ring = Options::new().capacity(CAPACITY).create(name).unwrap();
    (ring.producer().unwrap(), ring.consumer().unwrap())
}

fn send(producer: &mut Producer, tags: std::ops::Range<u32>) {
    for tag in tags {
        producer.try_send(tag, &PAYLOAD).unwrap();
    }
}

fn tags(consumer: &mut Consumer, limit: usize) -> Result<Vec<u32>, TryRecvError> {
    let mut tags = Vec::new();
    let count = consumer.drain(limit, |record| tags.push(record.tag()))?;
    assert_eq!(count, tags.len());
    Ok(tags)
}

#[test]
fn a_limit_is_kept_and_none_takes_nothing() {
    let (mut producer, mut consumer) = ends(&Name::new("limit"));
    assert_eq!(tags(&mut consumer, 10), Err(TryRecvError::Empty));
    assert_eq!(tags(&mut consumer, 0), Ok(vec![]));
    send(&mut producer, 0..5);
    assert_eq!(tags(&mut consumer, 0), Ok(vec![]));
    assert_eq!(tags(&mut consumer, 3), Ok(vec![0, 1, 2]));
    assert_eq!(tags(&mut consumer, 3), Ok(vec![3, 4]));
    drop(producer);
    assert_eq!(tags(&mut consumer, 3), Err(TryRecvError::Disconnected));
}

#[test]
fn a_refused_record_is_still_there() {
    let (mut producer, mut consumer) = ends(&Name::new("refused"));
    send(&mut producer, 0..5);
    let refuse = |refused| move |record: mapring::spsc::Record<'_>| record.tag() != refused;
    assert_eq!(consumer.drain_while(10, refuse(3)), Ok(3));
    assert_eq!(consumer.drain_while(10, refuse(3)), Ok(0));
    assert_eq!(tags(&mut consumer, 10), Ok(vec![3, 4]));
    assert!(producer.is_empty().unwrap(), "not all of it was released");
}

#[test]
fn records_are_released_at_the_end_and_after_an_eighth_of_the_ring() {
    let name = Name::new("released");
    let (mut producer, mut consumer) = ends(&name);
    let observer = Options::new().open(&name).unwrap().observer().unwrap();
    send(&mut producer, 0..20);
    let mut heads = Vec::new();
    consumer
        .drain(20, |_| heads.push(observer.head() / 64))
        .unwrap();
    let expected = [[0; 8], [8; 8]].concat().into_iter().chain([16; 4]);
    assert!(heads.iter().copied().eq(expected), "{heads:?}");
    assert_eq!(observer.head(), 20 * 64);
}

#[test]
fn what_a_panic_leaves_comes_again() {
    let (mut producer, mut consumer) = ends(&Name::new("panic"));
    send(&mut producer, 0..12);
    let mut seen = Vec::new();
    let panic = catch_unwind(AssertUnwindSafe(|| {
        consumer.drain(12, |record| {
            seen.push(record.tag());
            assert_ne!(record.tag(), 10, "on purpose");
        })
    }));
    assert!(panic.is_err());
    assert!(seen.into_iter().eq(0..=10));
    // The first eight were released, for they were an eighth of the ring.
    assert_eq!(tags(&mut consumer, 12), Ok(vec![8, 9, 10, 11]));
}

#[test]
fn what_came_before_something_corrupt_is_handed_out_first() {
    let name = Name::new("before");
    let (mut producer, mut consumer) = ends(&name);
    send(&mut producer, 0..2);
    let file = std::fs::File::options()
        .write(true)
        .open(name.path())
        .unwrap();
    // The third header: a committed bit is missing.
    let offset = 4 * 4096 + 2 * 64;
    std::os::unix::fs::FileExt::write_all_at(&file, &1_u64.to_le_bytes(), offset).unwrap();
    assert_eq!(tags(&mut consumer, 10), Ok(vec![0, 1]));
    let expected = Corrupt::Header {
        position: 128,
        word: 1,
    };
    assert_eq!(
        tags(&mut consumer, 10),
        Err(TryRecvError::Corrupt(expected))
    );
    assert_eq!(
        tags(&mut consumer, 10),
        Err(TryRecvError::Corrupt(expected))
    );
}
