//! A region that a hostile peer writes to through its file, and what must come of it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs::{self, File};
use std::os::unix::fs::FileExt;

use mapring::layout::{Geometry, Kind, Word};
use mapring::ring::Position;
use mapring::spsc::{Consumer, Options, Producer, Ring};
use mapring::{Corrupt, RecvError, SendError, TryRecvError, TrySendError};

use super::{DEADLINE, Name};

pub(crate) const CAPACITY: u64 = 4096;
pub(crate) const MAX_PAYLOAD: u64 = 256;

/// A ring, and its file in the hands of a hostile peer.
pub(crate) struct Target {
    pub(crate) ring: Ring,
    pub(crate) file: File,
    // Last, so that the region is closed before what is left of it is deleted.
    _name: Name,
}

impl Target {
    pub(crate) fn new(test: &str) -> Self {
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

    pub(crate) fn poke(&self, word: Word, value: u64) {
        let bytes = value.to_le_bytes();
        self.file
            .write_all_at(&bytes, word.offset() as u64)
            .unwrap();
    }

    pub(crate) fn peek(&self, word: Word) -> u64 {
        let mut bytes = [0; 8];
        self.file
            .read_exact_at(&mut bytes, word.offset() as u64)
            .unwrap();
        u64::from_le_bytes(bytes)
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        fs::read(self.ring.path()).unwrap()
    }

    pub(crate) fn header_at(&self, position: u64) -> Word {
        Position(position).word(&geometry())
    }
}

pub(crate) fn geometry() -> Geometry {
    Geometry::new(Kind::Spsc, CAPACITY, MAX_PAYLOAD, 8, 1).unwrap()
}

/// Checks that every call of the producer fails with this, now and for ever, and writes nothing.
#[track_caller]
pub(crate) fn assert_producer_is_over(target: &Target, producer: &mut Producer, expected: Corrupt) {
    let before = target.bytes();
    for _ in 0..2 {
        let corrupt = Err(TrySendError::Corrupt(expected));
        assert_eq!(producer.try_send(1, b"payload").map(drop), corrupt);
        let claimed = producer.try_claim(7).map(drop);
        assert_eq!(claimed, Err(TrySendError::Corrupt(expected)));
        let mut batch = producer.batch().unwrap();
        assert_eq!(batch.push(1, b"payload"), corrupt);
        drop(batch);
        assert_eq!(producer.free(), Err(TrySendError::Corrupt(expected)));
        let sent = producer.send(1, b"payload", DEADLINE).map(drop);
        assert_eq!(sent, Err(SendError::Corrupt(expected)));
        let claimed = producer.claim(7, DEADLINE).map(drop);
        assert_eq!(claimed, Err(SendError::Corrupt(expected)));
        let flushed = producer.flush(DEADLINE);
        assert_eq!(flushed, Err(SendError::Corrupt(expected)));
    }
    assert!(target.bytes() == before, "a corrupt producer wrote");
}

/// Checks that every call of the consumer fails with this, now and for ever, and writes nothing.
#[track_caller]
pub(crate) fn assert_consumer_is_over(target: &Target, consumer: &mut Consumer, expected: Corrupt) {
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
