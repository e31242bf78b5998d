//! Every claim there was, in the order of the claims, and what stands in it.

use mapring::layout::HEADER_SIZE;
use mapring::ring::RecordHeader;

use crate::oracle::Record;

/// The bit of a header that says that it stands for nothing.
const PADDING: u64 = 1 << 62;

/// Bytes of the ring that were claimed at once.
#[derive(Debug)]
pub(super) struct Claim {
    /// Where it starts, in bytes from where the ring started.
    pub(super) start: u64,
    pub(super) size: u64,
    /// The number of the producer.
    pub(super) owner: usize,
    /// What is to be published; nothing, if it is to be given up.
    pub(super) records: Vec<Record>,
    pub(super) stage: Stage,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// No header stands at its start.
    Claimed,
    /// It was published; for each record whether a consumer has received it.
    Published(Vec<bool>),
    /// A consumer has said that its producer died, and has gone past it.
    Repaired,
}

impl Claim {
    /// A header is stored at its start.
    pub(super) fn publish(&mut self, header: u64) {
        assert_eq!(self.stage, Stage::Claimed, "published twice");
        let expected = match self.records.first() {
            Some(record) => RecordHeader {
                tag: record.tag,
                len: record.payload.len(),
            }
            .to_word(),
            None => {
                let len = self.size as usize - HEADER_SIZE;
                RecordHeader { tag: 0, len }.to_word() | PADDING
            }
        };
        assert_eq!(header, expected, "the header at {}", self.start);
        self.stage = Stage::Published(vec![false; self.records.len()]);
    }
}

/// What a consumer finds from one place on.
#[derive(Clone, Copy, Debug)]
pub(super) enum Span {
    Record {
        claim: usize,
        /// Which record of the claim.
        index: usize,
        end: u64,
    },
    /// A claim that was given up, or the part of a batch that was not used.
    Padding { end: u64 },
    /// A claim without a header.
    Open { claim: usize, end: u64 },
}

impl Span {
    pub(super) fn end(self) -> u64 {
        match self {
            Self::Record { end, .. } | Self::Padding { end } | Self::Open { end, .. } => end,
        }
    }
}

#[derive(Debug)]
pub(super) struct Claims {
    record_align: usize,
    claims: Vec<Claim>,
}

impl Claims {
    pub(super) fn new(record_align: usize) -> Self {
        Self {
            record_align,
            claims: Vec::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.claims.len()
    }

    /// Where the next one starts.
    pub(super) fn end(&self) -> u64 {
        let last = self.claims.last();
        last.map_or(0, |claim| claim.start + claim.size)
    }

    pub(super) fn push(&mut self, claim: Claim) {
        self.claims.push(claim);
    }

    pub(super) fn get_mut(&mut self, number: usize) -> &mut Claim {
        &mut self.claims[number]
    }

    /// The number of the claim that starts at `offset` and has no header, if there is one.
    pub(super) fn open_at(&self, offset: u64) -> Option<usize> {
        let found = self
            .claims
            .binary_search_by_key(&offset, |claim| claim.start);
        let number = found.ok()?;
        (self.claims[number].stage == Stage::Claimed).then_some(number)
    }

    /// What starts at `offset`, which is before the end.
    ///
    /// # Panics
    /// When nothing starts there.
    pub(super) fn span(&self, offset: u64) -> Span {
        let after = self.claims.partition_point(|claim| claim.start <= offset);
        let number = after.checked_sub(1).expect("a claim before the first");
        let claim = &self.claims[number];
        let end = claim.start + claim.size;
        assert!(offset < end, "nothing is claimed at {offset}");
        if !matches!(claim.stage, Stage::Published(_)) {
            assert_eq!(offset, claim.start, "in the middle of a claim");
            return Span::Open { claim: number, end };
        }
        let mut start = claim.start;
        for (index, record) in claim.records.iter().enumerate() {
            let size = self.record_size(record.payload.len());
            if start == offset {
                return Span::Record {
                    claim: number,
                    index,
                    end: start + size,
                };
            }
            start += size;
        }
        assert_eq!(offset, start, "in the middle of a record");
        Span::Padding { end }
    }

    /// A consumer has received record `index` of a claim.
    pub(super) fn receive(&mut self, number: usize, index: usize, tag: u32, payload: &[u8]) {
        let claim = &mut self.claims[number];
        let record = &claim.records[index];
        assert_eq!(tag, record.tag, "another record was sent there");
        assert!(payload == record.payload, "the payload of {tag} differs");
        if let Stage::Published(received) = &mut claim.stage {
            received[index] = true;
        }
    }

    /// Every record that was published was received; no claim is without an end.
    pub(super) fn check_nothing_is_lost(&self) {
        for claim in &self.claims {
            if let Stage::Published(received) = &claim.stage {
                let all = received.iter().all(|it| *it);
                assert!(all, "not all was received: {claim:?}");
            }
        }
    }

    /// Bytes that a record takes.
    pub(super) fn record_size(&self, len: usize) -> u64 {
        (HEADER_SIZE + len).next_multiple_of(self.record_align) as u64
    }
}
