//! A peer that writes what it likes into the region, through the region's file, while
//! endpoints live: each impossible value is `Corrupt`, and nothing worse happens.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::fs::{self, File};
use std::os::unix::fs::FileExt;

use mapring::layout::{self, Geometry, HEADER_SIZE, Kind, Word};
use mapring::ring::{Position, RecordHeader};
use mapring::spsc::{Consumer, Options, Producer, Ring};
use mapring::{
    AttachError, Corrupt, OpenError, Peer, RecvError, Role, SendError, TryRecvError, TrySendError,
};

use common::{DEADLINE, Name};

const CAPACITY: u64 = 4096;
const MAX_PAYLOAD: u64 = 256;

/// A ring, and its file in the hands of a hostile peer.
struct Target {
    ring: Ring,
    file: File,
    // Last, so that the region is closed before what is left of it is deleted.
    _name: Name,
}

impl Target {
    fn new(test: &str) -> Self {
        let name = Name::new(&format!("hostile-{test}"));
        let options = Options::new().capacity(CAPACITY).max_payload(MAX_PAYLOAD);
        let ring = options.create(&name).unwrap();
        let file = File::options().read(true).write(true).open(ring.path());
        Self {
            ring,
            file: file.unwrap(),
            _name: name,
        }
    }

    fn poke(&self, word: Word, value: u64) {
        let bytes = value.to_le_bytes();
        self.file
            .write_all_at(&bytes, word.offset() as u64)
            .unwrap();
    }

    fn peek(&self, word: Word) -> u64 {
        let mut bytes = [0; 8];
        self.file
            .read_exact_at(&mut bytes, word.offset() as u64)
            .unwrap();
        u64::from_le_bytes(bytes)
    }

    fn bytes(&self) -> Vec<u8> {
        fs::read(self.ring.path()).unwrap()
    }

    fn header_at(&self, position: u64) -> Word {
        Position(position).word(&geometry())
    }
}

fn geometry() -> Geometry {
    Geometry::new(Kind::Spsc, CAPACITY, MAX_PAYLOAD, 8, 1).unwrap()
}

/// Checks that every call of the producer fails with this, now and for ever, and writes nothing.
#[track_caller]
fn assert_producer_is_over(target: &Target, producer: &mut Producer, expected: Corrupt) {
    let before = target.bytes();
    for _ in 0..2 {
        let corrupt = Err(TrySendError::Corrupt(expected));
        assert_eq!(producer.try_send(1, b"payload"), corrupt);
        let claimed = producer.try_claim(7).map(drop);
        assert_eq!(claimed, Err(TrySendError::Corrupt(expected)));
        let mut batch = producer.batch().unwrap();
        assert_eq!(batch.push(1, b"payload"), corrupt);
        drop(batch);
        assert_eq!(producer.free(), Err(TrySendError::Corrupt(expected)));
        let sent = producer.send(1, b"payload", DEADLINE);
        assert_eq!(sent, Err(SendError::Corrupt(expected)));
        let claimed = producer.claim(7, DEADLINE).map(drop);
        assert_eq!(claimed, Err(SendError::Corrupt(expected)));
        let flushed = producer.flush(DEADLINE);
        assert_eq!(flushed, Err(SendError::Corrupt(expected)));
    }
    assert!(target.bytes() == before, "a corrupt producer wrote");
}

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

/// Checks that every call of the consumer fails with this, now and for ever, and writes nothing.
#[track_caller]
fn assert_consumer_is_over(target: &Target, consumer: &mut Consumer, expected: Corrupt) {
    let before = target.bytes();
    let mut bytes = [0; MAX_PAYLOAD as usize];
    for _ in 0..2 {
        let corrupt = TryRecvError::Corrupt(expected);
        assert_eq!(consumer.try_recv(&mut bytes), Err(corrupt));
        let drained = consumer.drain(5, |_| panic!("a record"));
        assert_eq!(drained, Err(corrupt));
        let received = consumer.recv(&mut bytes, DEADLINE);
        assert_eq!(received, Err(RecvError::Corrupt(expected)));
        let waited = consumer.wait(DEADLINE);
        assert_eq!(waited, Err(RecvError::Corrupt(expected)));
    }
    assert!(target.bytes() == before, "a corrupt consumer wrote");
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
    // One drain returns as soon as its limit is reached.
    let mut consumer = target.ring.consumer().unwrap();
    let mut count = 0;
    assert_eq!(consumer.drain(10_000, |_| count += 1), Ok(10_000));
    assert_eq!(count, 10_000);
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
fn a_state_that_does_not_exist_is_corrupt() {
    let target = Target::new("state");
    let mut producer = target.ring.producer().unwrap();
    let mut consumer = target.ring.consumer().unwrap();
    let producer_state = geometry().producer_slot(0).plus(layout::SLOT_STATE);
    let consumer_state = layout::CONSUMER_SLOT.plus(layout::SLOT_STATE);
    for state in [3, 77, u64::MAX] {
        target.poke(producer_state, state);
        target.poke(consumer_state, state);
        let of = |role| Corrupt::State { role, state };

        let expected = of(Role::Producer);
        let received = consumer.try_recv(&mut [0; 8]);
        assert_eq!(received, Err(TryRecvError::Corrupt(expected)));
        let received = consumer.recv(&mut [0; 8], DEADLINE);
        assert_eq!(received, Err(RecvError::Corrupt(expected)));
        let asked = consumer.producer();
        assert_eq!(asked, Err(TryRecvError::Corrupt(expected)));
        assert_eq!(target.ring.observer().unwrap().producer(), Err(expected));

        let expected = of(Role::Consumer);
        let asked = producer.consumer();
        assert_eq!(asked, Err(TrySendError::Corrupt(expected)));
        while producer.try_send(0, &[7; 200]).is_ok() {}
        let sent = producer.send(0, &[7; 200], DEADLINE);
        assert_eq!(sent, Err(SendError::Corrupt(expected)));
        assert_eq!(target.ring.observer().unwrap().consumer(), Err(expected));
        // The role is held; its slot does not say by whom.
        let taken = target.ring.producer().map(drop);
        let corrupt =
            matches!(taken, Err(AttachError::Corrupt(found)) if found == of(Role::Producer));
        assert!(corrupt, "{taken:?}");
        consumer.drain(100, |_| {}).unwrap();
    }
}

#[test]
fn a_corrupt_state_is_terminal() {
    let target = Target::new("state-terminal");
    let _producer = target.ring.producer().unwrap();
    let mut consumer = target.ring.consumer().unwrap();
    let state = geometry().producer_slot(0).plus(layout::SLOT_STATE);
    target.poke(state, 77);
    let expected = Corrupt::State {
        role: Role::Producer,
        state: 77,
    };
    let received = consumer.try_recv(&mut [0; 8]);
    assert_eq!(received, Err(TryRecvError::Corrupt(expected)));
    // Also when the peer thinks better of it, as `Corrupt` promises.
    target.poke(state, 1);
    assert_consumer_is_over(&target, &mut consumer, expected);
}

#[test]
fn forged_slots_and_tails_mislead_nobody_but_observers() {
    let target = Target::new("slots");
    let mut producer = target.ring.producer().unwrap();
    let mut consumer = target.ring.consumer().unwrap();
    for (tag, tail) in [0, 4, 1 << 50, u64::MAX].into_iter().enumerate() {
        producer.try_send(tag as u32, &[7; 8]).unwrap();
        target.poke(layout::TAIL, tail);
        let capacity = CAPACITY as usize;
        assert!(consumer.len().unwrap() <= capacity);
        assert!(target.ring.observer().unwrap().len() <= capacity);
        let received = consumer.try_recv(&mut [0; 8]).unwrap();
        assert_eq!(received.tag, tag as u32);
    }
    // A pid is a number to show; whether there is somebody is the kernel's to say.
    let slot = geometry().producer_slot(0);
    target.poke(slot.plus(layout::SLOT_PID), 1);
    assert_eq!(consumer.producer(), Ok(Peer::Attached { pid: 1 }));
    // "Left" while it is there: its consumer is told so, and no more.
    target.poke(slot.plus(layout::SLOT_STATE), 2);
    let received = consumer.try_recv(&mut [0; 8]);
    assert_eq!(received, Err(TryRecvError::Disconnected));
    producer.try_send(1, &[7; 8]).unwrap();
    assert_eq!(consumer.try_recv(&mut [0; 8]).unwrap().tag, 1);
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
