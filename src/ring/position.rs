//! Free-running positions, and the words of the ring that they name.

use crate::layout::{Geometry, Word};

/// How many bytes went through a ring before this point. It wraps around at
/// 2^64, which every capacity divides, so that the index stays right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Position(pub u64);

impl Position {
    /// The position `bytes` later.
    #[inline]
    #[must_use]
    pub fn plus(self, bytes: usize) -> Self {
        Self(self.0.wrapping_add(bytes as u64))
    }

    /// How many bytes this position lies behind `earlier`. A position that is
    /// in fact before `earlier` shows as a huge number, which every check refuses.
    #[inline]
    #[must_use]
    pub fn distance_from(self, earlier: Self) -> u64 {
        self.0.wrapping_sub(earlier.0)
    }

    /// Whether this position lies behind `other`. Only for positions less than 2^63 apart.
    #[inline]
    #[must_use]
    pub fn is_after(self, other: Self) -> bool {
        (self.distance_from(other) as i64) > 0
    }

    /// The word of the ring at this position: where its header stands, if a record starts here.
    #[inline]
    #[must_use]
    pub fn word(self, geometry: &Geometry) -> Word {
        geometry.word_at(self.0)
    }

    /// Whether a record may start here.
    #[inline]
    #[must_use]
    pub fn is_aligned(self, geometry: &Geometry) -> bool {
        self.0 & (geometry.record_align() as u64 - 1) == 0
    }
}
