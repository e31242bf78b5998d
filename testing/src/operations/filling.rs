//! Fills claims and batches, and keeps account of what must be in them.

use mapring::TrySendError;
use mapring::layout::Geometry;
use mapring::ring::{Batch, Produce};

use crate::oracle::{Oracle, Record, payload};

use super::{End, Message, Part};

/// A batch, and what must be in it.
pub(super) struct Filling<'a, 'p, P: Produce> {
    oracle: &'a Oracle,
    pub(super) batch: Batch<'p, P>,
    /// What was added.
    pub(super) records: Vec<Record>,
    /// Bytes that they take.
    pending: usize,
    /// What was not, and why.
    pub(super) refusals: Vec<TrySendError>,
}

impl<'a, 'p, P: Produce> Filling<'a, 'p, P> {
    pub(super) fn new(batch: Batch<'p, P>, oracle: &'a Oracle) -> Self {
        Self {
            oracle,
            batch,
            records: Vec::new(),
            pending: 0,
            refusals: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, part: &Part, geometry: &Geometry) {
        let (Part::Push(message) | Part::Claim { message, .. }) = part;
        let record = record(message, geometry);
        let len = record.payload.len();
        let expected = self.oracle.room_for(len, self.pending);
        let found = match part {
            Part::Push(_) => self.batch.push(record.tag, &record.payload).map(|()| true),
            Part::Claim { end, .. } => self.batch.try_claim(len).map(|mut claim| {
                assert_eq!(claim.len(), len);
                write_in_pieces(&record.payload, |offset, bytes| claim.write(offset, bytes));
                match end {
                    End::Commit => claim.commit(record.tag),
                    End::Abort => drop(claim),
                    End::Forget => leak(claim),
                }
                *end == End::Commit
            }),
        };
        assert_eq!(found.map(|_| ()), expected, "part of {len} bytes");
        match found {
            Ok(true) => {
                self.pending += self.oracle.size(len);
                self.records.push(record);
            }
            Ok(false) => {}
            Err(error) => self.refusals.push(error),
        }
    }
}

/// Writes `bytes` from the back in pieces of 1 to 11 bytes, so at every offset within a word.
pub(crate) fn write_in_pieces(bytes: &[u8], mut write: impl FnMut(usize, &[u8])) {
    let mut end = bytes.len();
    for size in (1..=11).cycle() {
        let start = end.saturating_sub(size);
        write(start, &bytes[start..end]);
        if start == 0 {
            break;
        }
        end = start;
    }
}

/// The record that `message` stands for in a ring of this shape.
pub(super) fn record(message: &Message, geometry: &Geometry) -> Record {
    let len = usize::from(message.len) % (geometry.max_payload() + 2);
    Record {
        tag: message.tag,
        payload: payload(len, message.seed),
    }
}

/// Leaks a claim or a batch, whether or not it has a destructor to be cheated of.
pub(crate) fn leak<T>(value: T) {
    std::mem::forget(value);
}
