//! A ring so simple that it is right: a queue of records, and sums of their sizes.

use std::collections::VecDeque;

use mapring::TrySendError;
use mapring::layout::{Geometry, HEADER_SIZE};
use mapring::ring::{Position, RecordHeader};

/// A record as somebody sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// What its sender says the bytes are.
    pub tag: u32,
    /// Its bytes.
    pub payload: Vec<u8>,
}

/// What a ring of one producer and one consumer holds. Places are counted in
/// bytes from the start, in numbers too large to wrap around.
#[derive(Debug)]
pub struct Oracle {
    geometry: Geometry,
    start: Position,
    /// Everything the consumer has not released, the oldest first.
    records: VecDeque<Record>,
    /// Bytes that all of them take.
    waiting: usize,
    /// How many of them the consumer has gone past.
    passed: usize,
    /// Bytes that those take.
    unreleased: usize,
    /// Bytes of records that were released.
    released: u128,
}

impl Oracle {
    /// An empty ring whose cursors stand at `start`.
    #[must_use]
    pub fn new(geometry: Geometry, start: Position) -> Self {
        Self {
            geometry,
            start,
            records: VecDeque::new(),
            waiting: 0,
            passed: 0,
            unreleased: 0,
            released: 0,
        }
    }

    /// Bytes that a payload of `len` bytes takes in the ring: a header before it,
    /// and a multiple of the alignment in all.
    #[must_use]
    pub fn size(&self, len: usize) -> usize {
        (HEADER_SIZE + len).next_multiple_of(self.geometry.record_align())
    }

    /// Whether a payload of `len` bytes can be sent when `pending` bytes of
    /// records are about to be sent before it.
    ///
    /// # Errors
    /// The one that the producer must return.
    pub fn room_for(&self, len: usize, pending: usize) -> Result<(), TrySendError> {
        let limit = self.geometry.max_payload();
        if len > limit {
            return Err(TrySendError::TooLong { len, limit });
        }
        if pending + self.size(len) > self.free() {
            return Err(TrySendError::Full);
        }
        Ok(())
    }

    /// Bytes that records can take: all but those that hold some, and the header behind the last.
    #[must_use]
    pub fn free(&self) -> usize {
        self.geometry.capacity() - HEADER_SIZE - self.waiting
    }

    /// The records are published.
    pub fn send(&mut self, records: impl IntoIterator<Item = Record>) {
        for record in records {
            self.waiting += self.size(record.payload.len());
            self.records.push_back(record);
        }
    }

    /// The record that the consumer must see next.
    #[must_use]
    pub fn next(&self) -> Option<&Record> {
        self.records.get(self.passed)
    }

    /// The consumer goes past a record.
    ///
    /// # Panics
    /// When there is none.
    pub fn advance(&mut self) {
        let record = &self.records[self.passed];
        self.unreleased += self.size(record.payload.len());
        self.passed += 1;
    }

    /// The consumer gives back what it has gone past.
    pub fn release(&mut self) {
        self.released += self.unreleased as u128;
        self.waiting -= self.unreleased;
        self.records.drain(..self.passed);
        self.replace_consumer();
    }

    /// Another consumer takes over: what was not released comes again.
    pub fn replace_consumer(&mut self) {
        self.passed = 0;
        self.unreleased = 0;
    }

    /// Bytes of records that were sent and not released.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// Bytes of records gone past and not released.
    #[must_use]
    pub fn unreleased(&self) -> usize {
        self.unreleased
    }

    /// How many records the consumer has not gone past.
    #[must_use]
    pub fn unread(&self) -> usize {
        self.records.len() - self.passed
    }

    /// Where the next record will start.
    #[must_use]
    pub fn tail(&self) -> Position {
        self.position(self.waiting)
    }

    /// Where the consumer reads next.
    #[must_use]
    pub fn head(&self) -> Position {
        self.position(self.unreleased)
    }

    /// Where what was not released starts.
    #[must_use]
    pub fn released(&self) -> Position {
        self.position(0)
    }

    /// The position `bytes` behind the last one released.
    fn position(&self, bytes: usize) -> Position {
        let since_start = self.released + bytes as u128;
        Position((u128::from(self.start.0) + since_start) as u64)
    }
}

/// Contents of `len` bytes that differ from seed to seed. Most kinds do harm
/// where they are taken for something else: as headers, for instance.
#[must_use]
pub fn payload(len: usize, seed: u8) -> Vec<u8> {
    let word = |i: usize| match seed % 4 {
        // Committed headers of short records, at every place where a header may stand later.
        0 => RecordHeader {
            tag: u32::from(seed),
            len: i % 24,
        }
        .to_word(),
        // A header that no producer writes.
        1 => u64::MAX,
        // "Nothing here yet".
        2 => 0,
        _ => (i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15 ^ u64::from(seed)),
    };
    (0..len.div_ceil(8))
        .flat_map(|i| word(i).to_le_bytes())
        .take(len)
        .collect()
}
