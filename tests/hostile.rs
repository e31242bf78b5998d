//! A peer that writes what it likes into the region, through the region's file, while
//! endpoints live: each impossible value is `Corrupt`, and nothing worse happens.
//! `hostile_slots.rs` goes on with the slots of the participants.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::fs::File;

use mapring::layout::{self, HEADER_SIZE, Word};
use mapring::ring::RecordHeader;
use mapring::spsc::Options;
use mapring::{AttachError, Corrupt, OpenError, SendError, TrySendError};

use common::DEADLINE;
use common::target::{
    CAPACITY, MAX_PAYLOAD, Target, assert_consumer_is_over, assert_producer_is_over,
};

#[test]
fn a_head_that_cannot_be_ends_the_producer() {
    // The producer has seen HEAD at 64, and has sent up to 160 since.
    let (seen, tail) = (64_u64, 160_u64);
    let impossible = [
        seen - 8,        // back
        0,               // back to the start
        tail + 8,        // ahead of everything sent
        tail + CAPACITY, // by a lap
        seen + 4,        // within, but where no record starts
        tail - 1,        // likewise
        seen.wrapping_sub(CAPACITY),
        u64::MAX,
        1 << 63,
    ];
    for head in impossible {
        let target = Target::new("head");
        let mut producer = target.ring.producer().unwrap();
        let mut consumer = target.ring.consumer().unwrap();
        for _ in 0..4 {
            producer.try_send(0, &[7; 8]).unwrap();
            consumer.try_recv(&mut [0; 8]).unwrap();
        }
        producer.free().unwrap();
        for _ in 0..6 {
            producer.try_send(0, &[7; 8]).unwrap();
        }
        assert_eq!(target.peek(layout::HEAD), seen);
        assert_eq!(producer.position(), tail);

        target.poke(layout::HEAD, head);
        let expected = Corrupt::Cursor {
            cursor: "HEAD",
            position: head,
            from: seen,
            to: tail,
        };
        assert_eq!(producer.free(), Err(TrySendError::Corrupt(expected)));
        assert_producer_is_over(&target, &mut producer, expected);
        // Also when the peer thinks better of it.
        target.poke(layout::HEAD, seen);
        assert_producer_is_over(&target, &mut producer, expected);
    }
}

#[test]
fn a_blocked_send_ends_when_head_becomes_impossible() {
    let target = Target::new("blocked");
    let mut producer = target.ring.producer().unwrap();
    while producer.try_send(0, &[7; 256]).is_ok() {}
    target.poke(layout::HEAD, 4);
    let sent = producer.send(0, &[7; 256], DEADLINE);
    let Err(SendError::Corrupt(corrupt)) = sent else {
        panic!("{sent:?}");
    };
    assert!(matches!(
        corrupt,
        Corrupt::Cursor {
            cursor: "HEAD",
            position: 4,
            ..
        }
    ));
    assert_producer_is_over(&target, &mut producer, corrupt);
}

#[test]
fn a_head_forged_within_the_range_costs_the_peer_its_own_records() {
    let target = Target::new("forged");
    let mut producer = target.ring.producer().unwrap();
    for tag in 0..1000 {
        producer.try_send(tag, &[7; 100]).unwrap();
        target.poke(layout::HEAD, producer.position());
    }
    assert_eq!(producer.is_empty(), Ok(true));
}

#[test]
fn a_header_that_cannot_be_ends_the_consumer() {
    let at = 48;
    let word = |len| RecordHeader { tag: 9, len }.to_word();
    let (committed, padding) = (1 << 63, 1 << 62);
    let header = |word| Corrupt::Header { position: at, word };
    let length = |len| Corrupt::Length {
        position: at,
        len,
        limit: MAX_PAYLOAD as usize,
    };
    let impossible = [
        (1, header(1)),
        (word(8) & !committed, header(word(8) & !committed)),
        (word(8) | padding, header(word(8) | padding)),
        (padding, header(padding)),
        (u64::MAX, header(u64::MAX)),
        (word(257), length(257)),
        (word(4096), length(4096)),
        (word((1 << 30) - 1), length((1 << 30) - 1)),
    ];
    for (word, expected) in impossible {
        let target = Target::new("header");
        let mut producer = target.ring.producer().unwrap();
        let mut consumer = target.ring.consumer().unwrap();
        for tag in 0..5 {
            producer.try_send(tag, &[7; 8]).unwrap();
        }
        target.poke(target.header_at(at), word);
        // What came before is handed out first.
        let mut tags = Vec::new();
        let drained = consumer.drain(9, |record| tags.push(record.tag()));
        assert_eq!((drained, tags.as_slice()), (Ok(3), &[0, 1, 2][..]));
        assert_consumer_is_over(&target, &mut consumer, expected);
        // Also when the peer thinks better of it.
        let good = RecordHeader { tag: 3, len: 8 }.to_word();
        target.poke(target.header_at(at), good);
        assert_consumer_is_over(&target, &mut consumer, expected);
    }
}

#[test]
fn an_empty_record_from_nowhere_is_a_record() {
    let target = Target::new("empty");
    let mut consumer = target.ring.consumer().unwrap();
    let header = RecordHeader { tag: 5, len: 0 }.to_word();
    target.poke(target.header_at(0), header);
    let received = consumer.try_recv(&mut [0; 0]).unwrap();
    assert_eq!((received.tag, received.len), (5, 0));
    assert_eq!(consumer.position(), HEADER_SIZE as u64);
}

#[test]
fn an_endless_chain_of_headers_ends() {
    let target = Target::new("chain");
    let header = RecordHeader { tag: 5, len: 0 }.to_word();
    for position in (0..CAPACITY).step_by(8) {
        target.poke(target.header_at(position), header);
    }
    // The walk to the tail would go round for ever.
    let error = target.ring.producer().unwrap_err();
    let cursor = matches!(
        error,
        AttachError::Corrupt(Corrupt::Cursor {
            cursor: "TAIL",
            from: 0,
            to: CAPACITY,
            ..
        })
    );
    assert!(cursor, "{error:?}");
    // A drain ends after a lap, or as soon as its limit is reached.
    let mut consumer = target.ring.consumer().unwrap();
    let a_lap = CAPACITY as usize / HEADER_SIZE;
    for (limit, expected) in [(10_000, a_lap), (7, 7), (10_000, a_lap)] {
        let mut count = 0;
        assert_eq!(consumer.drain(limit, |_| count += 1), Ok(expected));
        assert_eq!(count, expected);
    }
}

#[test]
fn cursors_that_cannot_be_are_found_when_a_role_is_taken() {
    let far = 1 << 40;
    // HEAD, TAIL, and whether producer and consumer find it.
    let rows = [
        (4, 4, true, true),
        (0, far, true, true),
        (far, 0, true, true),
        (8, 0, true, false), // a successor of the consumer may be ahead of a TAIL not yet stored
        (0, 4, true, false),
        (0, CAPACITY - 8, false, false), // full
        (0, CAPACITY, true, false),
        (0, CAPACITY + 8, true, true),
        (u64::MAX - 7, 0, false, false), // 2^64 is next to 0
    ];
    for (head, tail, by_producer, by_consumer) in rows {
        let target = Target::new("attach");
        target.poke(layout::HEAD, head);
        target.poke(layout::TAIL, tail);
        let results = [
            (target.ring.producer().map(drop), by_producer, "producer"),
            (target.ring.consumer().map(drop), by_consumer, "consumer"),
        ];
        for (result, found, who) in results {
            let corrupt = matches!(result, Err(AttachError::Corrupt(Corrupt::Cursor { .. })));
            assert_eq!(corrupt, found, "{who} of {head}..{tail}: {result:?}");
        }
        // A role that could not be taken is free.
        target.poke(layout::HEAD, 0);
        target.poke(layout::TAIL, 0);
        drop((
            target.ring.producer().unwrap(),
            target.ring.consumer().unwrap(),
        ));
    }
}

#[test]
fn a_shape_changed_after_attaching_is_ignored() {
    let target = Target::new("shape");
    let mut producer = target.ring.producer().unwrap();
    let mut consumer = target.ring.consumer().unwrap();
    for value in [0, 1, 8, CAPACITY * 2, u64::MAX] {
        for offset in (0..layout::PAGE).step_by(8) {
            target.poke(Word::at(offset), value);
        }
        for tag in 0..200 {
            let len = tag as usize * 31 % 257;
            producer.try_send(tag, &vec![tag as u8; len]).unwrap();
            let mut bytes = Vec::new();
            let received = consumer.try_recv(&mut bytes).unwrap();
            assert_eq!((received.tag, received.len), (tag, len));
            assert_eq!(bytes, vec![tag as u8; len]);
        }
        assert_eq!(producer.max_payload() as u64, MAX_PAYLOAD);
        // A new look at the same handle trusts its own copy, too.
        assert_eq!(target.ring.capacity() as u64, CAPACITY);
        assert_eq!(target.ring.observer().unwrap().capacity() as u64, CAPACITY);
    }
}

#[test]
fn opening_and_closing_the_file_elsewhere_in_the_process_keeps_the_locks() {
    let target = Target::new("locks");
    let path = target.ring.path().to_owned();
    let both = (
        target.ring.producer().unwrap(),
        target.ring.consumer().unwrap(),
    );
    for _ in 0..3 {
        drop(File::open(&path).unwrap());
        drop(File::options().write(true).open(&path).unwrap());
        drop(target.file.try_clone().unwrap());
        let options = Options::new();
        let name = path.file_name().unwrap().to_str().unwrap();
        let name = name.strip_prefix("mapring.").unwrap();
        let second = options.open(name).unwrap();
        let busy = |result| matches!(result, Err(AttachError::Busy { .. }));
        assert!(busy(second.producer().map(drop)));
        assert!(busy(second.consumer().map(drop)));
        drop(second);
        assert!(matches!(options.remove(name), Err(OpenError::InUse { .. })));
    }
    assert!(path.exists());
    drop(both);
}
