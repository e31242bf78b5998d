//! Where claims and records of many producers can lie: at the ends of the ring and of what a
//! position can count, in the overrun area, in the last free bytes; alive, given up, leaked and
//! dead.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::mem;
use std::thread;
use std::time::Duration;

use mapring::generic::Stalled;
use mapring::mpsc::{Consumer, Options, Producer};
use mapring::{Peer, RecvError, SendError, TryRecvError, TrySendError};

use common::claimant::{self, Claimant, assert_free_part_is_zero, dead_claim, look_alikes};
use common::{DEADLINE, Name, role};

const CAPACITY: usize = 4096;
/// Long enough to look a few times; no result depends on how long it really is.
const A_WHILE: Duration = Duration::from_millis(50);

/// A small ring, whose payloads can be as long as it allows.
fn options(align: u64) -> Options {
    let options = Options::new().capacity(CAPACITY as u64).record_align(align);
    let largest = (CAPACITY as u64 - 8) / align * align - 8;
    options.max_payload(largest).producers(4)
}

/// Role: see [`claimant::play`].
#[test]
fn role_claim() {
    let Some(arguments) = role() else { return };
    claimant::play(&arguments);
}

fn pattern(len: usize, seed: usize) -> Vec<u8> {
    (0..len).map(|i| ((i + seed) % 251) as u8 + 1).collect()
}

#[track_caller]
fn assert_received(consumer: &mut Consumer, tag: u32, payload: &[u8]) {
    let mut bytes = Vec::new();
    let received = consumer.recv(&mut bytes, DEADLINE).unwrap();
    assert_eq!(received.tag, tag);
    assert!(bytes == payload, "record {tag} is not whole");
}

/// Moves an empty ring on, by claims that are given up, to where `index` bytes are before the next
/// record.
fn move_to(producer: &mut Producer, consumer: &mut Consumer, index: usize) {
    let mut distance = index.wrapping_sub(consumer.position() as usize) % CAPACITY;
    while distance > 0 {
        let size = distance.min(CAPACITY / 2);
        let mut claim = producer.try_claim(size - 8).unwrap();
        claim.write(0, &look_alikes(size - 8));
        drop(claim);
        let nothing = consumer.try_recv(&mut Vec::new());
        assert_eq!(nothing, Err(TryRecvError::Empty));
        distance -= size;
    }
    assert!(consumer.is_empty().unwrap());
}

#[test]
fn records_of_every_size_run_into_the_overrun_area() {
    for align in [8, 64, 128] {
        let name = Name::new(&format!("overrun-{align}"));
        let ring = options(align).create(&name).unwrap();
        let mut producers = [ring.producer().unwrap(), ring.producer().unwrap()];
        let mut consumer = ring.consumer().unwrap();
        for len in 0..=ring.max_payload() {
            let [one, other] = &mut producers;
            // The last place of the ring at which a header can stand.
            move_to(one, &mut consumer, CAPACITY - align as usize);
            let start = consumer.position();
            let payload = pattern(len, len);
            one.try_send(len as u32, &payload).unwrap();
            // If there is room for more, it goes where this one would end had it wrapped.
            let size = one.record_size(len);
            let more = CAPACITY - 8 - size >= one.record_size(24);
            let sent = other.try_send(1, &look_alikes(24));
            assert_eq!(sent.is_ok(), more, "behind {len} bytes");
            assert_received(&mut consumer, len as u32, &payload);
            let position = consumer.position();
            assert_eq!(position, start + size as u64);
            if more {
                assert_received(&mut consumer, 1, &look_alikes(24));
            }
        }
        assert_free_part_is_zero(&ring);
    }
}

#[test]
fn batches_run_into_the_overrun_area() {
    let name = Name::new("overrun-batch");
    let ring = options(8).create(&name).unwrap();
    let (mut producer, mut other) = (ring.producer().unwrap(), ring.producer().unwrap());
    let mut consumer = ring.consumer().unwrap();
    // Records of 24, 48 and 120 bytes, of which each in turn lies across the end, and unused room
    // behind.
    let lens = [16, 40, 112];
    for index in (CAPACITY - 240..CAPACITY).step_by(8) {
        move_to(&mut other, &mut consumer, index);
        let mut batch = producer.try_batch(24 + 48 + 120 + 32).unwrap();
        for (tag, len) in (0_u32..).zip(lens) {
            batch.push(tag, &look_alikes(len)).unwrap();
        }
        other.try_send(3, b"behind").unwrap();
        let nothing = consumer.try_recv(&mut Vec::new());
        assert_eq!(nothing, Err(TryRecvError::Empty), "a part of a batch");
        batch.publish();
        for (tag, len) in (0_u32..).zip(lens) {
            assert_received(&mut consumer, tag, &look_alikes(len));
        }
        assert_received(&mut consumer, 3, b"behind");
        assert_free_part_is_zero(&ring);
    }
}

#[test]
fn payloads_that_look_like_headers_are_never_records() {
    // Of every length in turn, so that each word of the ring is at some time a header, and at another
    // a word of a payload that was received, given up, leaked or left by a dead producer.
    let name = Name::new("look-alikes");
    let ring = options(8).create(&name).unwrap();
    let (mut producer, mut other) = (ring.producer().unwrap(), ring.producer().unwrap());
    let mut consumer = ring.consumer().unwrap();
    for round in 0..3000 {
        let len = round * 13 % 700;
        let payload = look_alikes(len);
        let mut claim = producer.try_claim(len).unwrap();
        claim.write(0, &payload);
        match round % 3 {
            0 => drop(claim),
            1 => claim.commit(1),
            _ => mem::forget(claim),
        }
        if round % 100 == 0 {
            dead_claim(&name, len);
        }
        other.try_send(2, &payload).unwrap();
        if round % 3 == 1 {
            assert_received(&mut consumer, 1, &payload);
        }
        if round % 3 == 2 {
            // It is in the way until its producer's next call.
            let nothing = consumer.try_recv(&mut Vec::new());
            assert_eq!(nothing, Err(TryRecvError::Empty));
            producer.try_send(3, b"next").unwrap();
        }
        assert_received(&mut consumer, 2, &payload);
        if round % 3 == 2 {
            assert_received(&mut consumer, 3, b"next");
        }
        let nothing = consumer.try_recv(&mut Vec::new());
        assert_eq!(nothing, Err(TryRecvError::Empty));
    }
    assert_eq!(consumer.repairs().count(), 30);
    assert_free_part_is_zero(&ring);
}

#[test]
fn positions_near_the_ends_of_what_words_can_count() {
    let laps = 2 * CAPACITY as u64;
    for end in [1 << 32, 1 << 63, 0_u64] {
        let name = Name::new(&format!("positions-{end}"));
        let start = end.wrapping_sub(laps);
        let ring = options(64).start(start).create(&name).unwrap();
        let mut producers = [ring.producer().unwrap(), ring.producer().unwrap()];
        let mut consumer = ring.consumer().unwrap();
        let mut repaired = Vec::new();
        // A lap or more behind the end. Claims of dead producers start and end at it, and lie
        // across it.
        for tag in 0_u32.. {
            let tail = ring.observer().unwrap().tail();
            let passed = tail.wrapping_sub(start);
            if passed > 2 * laps {
                break;
            }
            if passed.abs_diff(laps) <= 256 {
                let pid = dead_claim(&name, 100);
                repaired.push((pid, tail, 128));
            }
            let len = tag as usize * 29 % 100;
            let payload = pattern(len, tag as usize);
            producers[tag as usize % 2].try_send(tag, &payload).unwrap();
            assert_received(&mut consumer, tag, &payload);
        }
        let found: Vec<_> = consumer
            .repairs()
            .map(|r| (r.pid, r.position, r.size))
            .collect();
        assert!(repaired.len() >= 2 && found == repaired, "{found:?}");
        assert_free_part_is_zero(&ring);
    }
}

#[test]
fn dead_claims_that_start_at_the_end_of_what_words_can_count() {
    // One that starts at position 0, where a slot could be taken for one without an intent, and the
    // last before it.
    for start in [0_u64, 0_u64.wrapping_sub(8), 1 << 32, (1 << 63) - 8] {
        let name = Name::new(&format!("claims-at-{start}"));
        let ring = options(8).producers(2).start(start).create(&name).unwrap();
        let mut consumer = ring.consumer().unwrap();
        let mut other = ring.producer().unwrap();
        let pid = dead_claim(&name, 100);
        other.try_send(1, b"behind").unwrap();
        // Nobody takes the slot of one whose claim is unresolved.
        assert!(ring.producer().is_err());
        assert_received(&mut consumer, 1, b"behind");
        let repairs = consumer.repairs();
        let found: Vec<_> = repairs.map(|r| (r.pid, r.position, r.size)).collect();
        assert_eq!(found, [(pid, start, 112)]);
        assert!(ring.producer().is_ok());
    }
}

#[test]
fn a_full_ring_with_a_dead_claim_does_not_stay_full() {
    for align in [8, 64] {
        // A small claim in front of a ring filled up by others, and one of all there is.
        for len in [100, options_largest(align)] {
            let name = Name::new(&format!("full-{align}-{len}"));
            let ring = options(align).create(&name).unwrap();
            let mut consumer = ring.consumer().unwrap();
            let mut other = ring.producer().unwrap();
            let pid = dead_claim(&name, len);
            let mut sent = 0;
            while other.try_send(sent, &look_alikes(8)).is_ok() {
                sent += 1;
            }
            let left = CAPACITY - 8 - other.len().unwrap();
            assert!(left < (align as usize).max(16), "{left} bytes are left");
            let waited = other.send(sent, b"last", A_WHILE);
            assert_eq!(waited, Err(SendError::TimedOut));
            thread::scope(|scope| {
                let sender = scope.spawn(|| other.send(sent, b"last", DEADLINE));
                for tag in 0..sent {
                    assert_received(&mut consumer, tag, &look_alikes(8));
                }
                assert_received(&mut consumer, sent, b"last");
                assert_eq!(sender.join().unwrap().map(drop), Ok(()));
            });
            assert_eq!(consumer.repairs().map(|r| r.pid).collect::<Vec<_>>(), [pid]);
            assert_free_part_is_zero(&ring);
        }
    }
}

/// The longest payload of a ring of [`options`].
fn options_largest(align: u64) -> usize {
    (CAPACITY - 8) / align as usize * align as usize - 8
}

#[test]
fn a_record_fits_exactly_into_what_is_free() {
    let name = Name::new("last-bytes");
    let ring = options(8).create(&name).unwrap();
    let mut consumer = ring.consumer().unwrap();
    let mut producer = ring.producer().unwrap();
    for left in (8..200).step_by(8) {
        // All but the eight bytes that are never used, and those that are left.
        let filler = CAPACITY - 8 - left - 8;
        producer.try_send(1, &look_alikes(filler)).unwrap();
        assert_eq!(producer.free(), Ok(left));
        let payload = look_alikes(left - 8);
        let too_long = look_alikes(left - 7);
        assert_eq!(producer.try_send(2, &too_long), Err(TrySendError::Full));
        producer.try_send(2, &payload).unwrap();
        assert_eq!(producer.try_send(3, b""), Err(TrySendError::Full));
        assert_received(&mut consumer, 1, &look_alikes(filler));
        assert_received(&mut consumer, 2, &payload);
    }
    assert_free_part_is_zero(&ring);
}

#[test]
fn a_leaked_claim_is_named_until_its_producer_aborts_it() {
    let name = Name::new("leaked");
    let ring = options(64).create(&name).unwrap();
    let mut consumer = ring.consumer().unwrap();
    let mut producer = ring.producer().unwrap();
    let mut other = ring.producer().unwrap();
    let observer = ring.observer().unwrap();
    let pid = std::process::id();
    assert_eq!(observer.stalled(), None);
    // Each of the calls that ask for room, and leaving.
    for next in 0..4_u32 {
        let position = observer.tail();
        mem::forget(producer.try_claim(100).unwrap());
        other.try_send(next, b"behind").unwrap();
        let received = consumer.recv(&mut Vec::new(), A_WHILE);
        assert_eq!(received, Err(RecvError::TimedOut));
        let size = 128;
        let stalled = Stalled {
            pid,
            position,
            size,
        };
        assert_eq!(observer.stalled(), Some(stalled));
        match next {
            0 => drop(producer.try_send(10, b"next").unwrap()),
            1 => producer.try_claim(4).unwrap().commit(10),
            2 => producer.try_batch(64).unwrap().publish(),
            _ => {
                drop(producer);
                producer = ring.producer().unwrap();
            }
        }
        assert_received(&mut consumer, next, b"behind");
        if next < 2 {
            consumer.recv(&mut Vec::new(), DEADLINE).unwrap();
        }
        assert_eq!(observer.stalled(), None);
    }
    // A batch is leaked in the same way.
    let mut batch = producer.try_batch(640).unwrap();
    batch.push(1, b"never").unwrap();
    mem::forget(batch);
    assert_eq!(observer.stalled().unwrap().size, 640);
    drop((producer, other));
    let end = consumer.recv(&mut Vec::new(), DEADLINE);
    assert_eq!(end, Err(RecvError::Disconnected));
    assert_eq!(consumer.repairs().count(), 0);
    assert_free_part_is_zero(&ring);
}

#[test]
fn a_batch_for_which_there_is_never_room_is_too_long() {
    let name = Name::new("batch-room");
    let ring = options(64).create(&name).unwrap();
    let mut producer = ring.producer().unwrap();
    let limit = CAPACITY - 64;
    for len in [limit + 1, CAPACITY, usize::MAX] {
        let batch = producer.try_batch(len).map(drop);
        assert_eq!(batch, Err(TrySendError::TooMuchRoom { room: len, limit }));
        let batch = producer.batch(len, DEADLINE).map(drop);
        assert_eq!(batch, Err(SendError::TooMuchRoom { room: len, limit }));
    }
    // Of the room that there is, no record takes more than was set aside.
    let mut batch = producer.try_batch(130).unwrap();
    batch.push(1, &[7; 100]).unwrap();
    assert_eq!(batch.push(2, &[7; 57]), Err(TrySendError::Full));
    batch.push(3, &[7; 56]).unwrap();
    assert_eq!(batch.push(4, b""), Err(TrySendError::Full));
    batch.publish();
    let mut consumer = ring.consumer().unwrap();
    assert_received(&mut consumer, 1, &[7; 100]);
    assert_received(&mut consumer, 3, &[7; 56]);
    // All of the ring, at once.
    producer.try_batch(limit).unwrap().publish();
    let batch = producer.try_batch(1).map(drop);
    assert_eq!(batch, Err(TrySendError::Full));
    let batch = producer.batch(1, A_WHILE).map(drop);
    assert_eq!(batch, Err(SendError::TimedOut));
}

#[test]
fn an_observer_sees_each_producer_and_what_was_skipped() {
    let name = Name::new("observed");
    let ring = options(64).create(&name).unwrap();
    let observer = ring.observer().unwrap();
    let mut consumer = ring.consumer().unwrap();
    let pid = std::process::id();
    let mut own = ring.producer().unwrap();
    drop(ring.producer().unwrap());
    let mut other = Claimant::start(&name, 10, 1);
    other.commit();
    for tag in 0..5 {
        own.try_send(tag, b"counted").unwrap();
    }
    assert_eq!(observer.len(), 6 * 64);
    let other_pid = other.pid();
    let peers = || -> Vec<Peer> {
        let producers = observer.producers().unwrap();
        producers.into_iter().map(|(peer, _)| peer).collect()
    };
    // The slot of one who has left is taken by the next.
    let attached = |pid| Peer::Attached { pid };
    let expected = [
        attached(pid),
        attached(other_pid),
        Peer::Absent,
        Peer::Absent,
    ];
    assert_eq!(peers(), expected);
    other.die();
    assert_eq!(peers()[1], Peer::Died { pid: other_pid });
    assert_eq!(observer.consumer(), Ok(attached(pid)));

    dead_claim(&name, 100);
    dead_claim(&name, 200);
    own.try_send(5, b"counted").unwrap();
    drop(own);
    for _ in 0..7 {
        consumer.recv(&mut Vec::new(), DEADLINE).unwrap();
    }
    drop(consumer);
    let (peer, counters) = observer.producers().unwrap()[0];
    assert_eq!(peer, Peer::Left);
    assert_eq!((counters.records, counters.bytes), (6, 6 * 64));
    let counters = observer.consumer_counters();
    assert_eq!((counters.records, counters.repairs), (7, 2));
    assert_eq!(counters.bytes, 7 * 64 + 128 + 256);
}
