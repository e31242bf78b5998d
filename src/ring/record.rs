//! The header word of a record: loaded once, parsed, then used.

use crate::error::Corrupt;
use crate::layout::Geometry;
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
