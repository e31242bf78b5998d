//! The header word of a record: loaded once, parsed, then used.

use crate::error::Corrupt;
use crate::layout::{Geometry, HEADER_SIZE, Word};
use crate::memory::ReadMemory;
use crate::ring::Position;

const COMMITTED: u64 = 1 << 63;
const PADDING: u64 = 1 << 62;
const LENGTH_SHIFT: u32 = 32;
const LENGTH_MASK: u64 = (1 << 30) - 1;

/// What a header says, after every check: its record lies within the region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordHeader {
    /// What the producer says the bytes are.
    pub tag: u32,
    /// Bytes of payload, at most `max_payload`.
    pub len: usize,
}

impl RecordHeader {
    /// The word that publishes a record of this tag and length.
    #[inline]
    #[must_use]
    pub fn to_word(self) -> u64 {
        COMMITTED | ((self.len as u64 & LENGTH_MASK) << LENGTH_SHIFT) | u64::from(self.tag)
    }

    /// The word that publishes `size` bytes of nothing, a multiple of the record alignment.
    #[inline]
    pub(super) fn padding(size: usize) -> u64 {
        let len = size - HEADER_SIZE;
        debug_assert!(
            len as u64 <= LENGTH_MASK,
            "a claim that no header can stand for"
        );
        RecordHeader { tag: 0, len }.to_word() | PADDING
    }

    /// Reads a header word that is not zero.
    ///
    /// # Errors
    /// A word that no producer of this ring can have stored:
    /// [`Corrupt::Header`] where the committed bit is missing or the padding bit
    /// set (it would make a reader skip records), [`Corrupt::Length`] where
    /// the payload is longer than the region allows (it would make a reader leave the region).
    #[inline]
    pub fn parse(word: u64, at: Position, geometry: &Geometry) -> Result<Self, Corrupt> {
        if word & (COMMITTED | PADDING) != COMMITTED {
            return Err(Corrupt::Header {
                position: at.0,
                word,
            });
        }
        let len = ((word >> LENGTH_SHIFT) & LENGTH_MASK) as usize;
        if len > geometry.max_payload() {
            return Err(Corrupt::Length {
                position: at.0,
                len,
                limit: geometry.max_payload(),
            });
        }
        Ok(Self {
            tag: word as u32,
            len,
        })
    }
}

/// Whether a header word stands for bytes that were claimed and given up, if for anything.
#[inline(always)]
pub(super) fn is_padding(word: u64) -> bool {
    word & PADDING != 0
}

/// Reads a header word that [`is_padding`]. Returns how many bytes of the ring it stands for.
///
/// # Errors
/// [`Corrupt::Header`] for a word that no producer can have stored, [`Corrupt::Length`] where
/// it stands for more than can be claimed, or for a part of what can.
pub(super) fn parse_padding(
    word: u64,
    at: Position,
    geometry: &Geometry,
) -> Result<usize, Corrupt> {
    if word & (COMMITTED | PADDING) != COMMITTED | PADDING || word as u32 != 0 {
        return Err(Corrupt::Header {
            position: at.0,
            word,
        });
    }
    let len = ((word >> LENGTH_SHIFT) & LENGTH_MASK) as usize;
    let size = HEADER_SIZE + len;
    if size > geometry.largest_claim() || size != geometry.record_size(len) {
        return Err(Corrupt::Length {
            position: at.0,
            len,
            limit: geometry.largest_claim() - HEADER_SIZE,
        });
    }
    Ok(size)
}

/// A record that its consumer looks at, and that is not released meanwhile.
#[derive(Debug)]
pub struct Record<'a, M> {
    memory: &'a M,
    position: Position,
    payload: Word,
    header: RecordHeader,
}

impl<'a, M: ReadMemory> Record<'a, M> {
    /// `header` is the parsed header at `position`.
    #[inline]
    pub(super) fn new(
        memory: &'a M,
        geometry: &Geometry,
        position: Position,
        header: RecordHeader,
    ) -> Self {
        Self {
            memory,
            position,
            payload: position.word(geometry).next(),
            header,
        }
    }

    /// What its header says.
    #[inline]
    #[must_use]
    pub fn header(&self) -> RecordHeader {
        self.header
    }

    /// Where it starts.
    #[inline]
    #[must_use]
    pub fn position(&self) -> Position {
        self.position
    }

    /// Where its payload stands.
    #[inline]
    #[must_use]
    pub fn payload(&self) -> Word {
        self.payload
    }

    /// The memory that the ring lives in.
    #[inline]
    #[must_use]
    pub fn memory(&self) -> &'a M {
        self.memory
    }

    /// Copies the first bytes of the payload: as many as `into` has room for, all of it at most.
    #[inline(always)]
    pub fn read(&self, into: &mut [u8]) {
        // The length of `into` is often known at compile time: then so is that of the copy.
        if into.len() == self.header.len {
            self.memory.read(self.payload, into);
        } else {
            let len = self.header.len.min(into.len());
            self.memory.read(self.payload, &mut into[..len]);
        }
    }
}
