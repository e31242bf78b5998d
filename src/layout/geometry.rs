//! The shape of a region, checked.

use crate::error::LayoutError;

use super::{
    HEADER_SIZE, MAX_CAPACITY, MAX_PAYLOAD, MAX_PRODUCERS, MAX_RECORD_ALIGN, MIN_CAPACITY, PAGE,
    PRODUCER_SLOTS, SLOT_SIZE, WORD, Word,
};

/// Which protocol a region's producers follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u64)]
pub enum Kind {
    /// One producer, one consumer.
    Spsc = 1,
    /// Many producers, one consumer.
    Mpsc = 2,
}

impl Kind {
    /// What it is called.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Spsc => "SPSC",
            Self::Mpsc => "MPSC",
        }
    }
}

impl TryFrom<u64> for Kind {
    type Error = LayoutError;

    fn try_from(word: u64) -> Result<Self, LayoutError> {
        match word {
            1 => Ok(Self::Spsc),
            2 => Ok(Self::Mpsc),
            found => Err(LayoutError::Field {
                field: "kind",
                found,
            }),
        }
    }
}

/// The shape of a region: checked once, then trusted, because it is a private copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Geometry {
    kind: Kind,
    capacity: usize,
    max_payload: usize,
    /// `record_align - 1`.
    align_mask: usize,
    producers: usize,
    data: Word,
}

impl Geometry {
    /// A shape within the limits that hold for regions in use.
    ///
    /// # Errors
    /// [`LayoutError::Capacity`], [`LayoutError::MaxPayload`], [`LayoutError::RecordAlign`] or
    /// [`LayoutError::Field`], each with the value and what it should have been.
    pub fn new(
        kind: Kind,
        capacity: u64,
        max_payload: u64,
        record_align: u64,
        producers: u64,
    ) -> Result<Self, LayoutError> {
        if !(MIN_CAPACITY..=MAX_CAPACITY).contains(&capacity) {
            return Err(LayoutError::Capacity { capacity });
        }
        Self::of_any_capacity(kind, capacity, max_payload, record_align, producers)
    }

    /// As [`Geometry::new`], also for a ring smaller than [`MIN_CAPACITY`]
    /// (but of 32 bytes at least): models need few states.
    ///
    /// # Errors
    /// As [`Geometry::new`].
    pub fn of_any_capacity(
        kind: Kind,
        capacity: u64,
        max_payload: u64,
        record_align: u64,
        producers: u64,
    ) -> Result<Self, LayoutError> {
        if !capacity.is_power_of_two() || !(32..=MAX_CAPACITY).contains(&capacity) {
            return Err(LayoutError::Capacity { capacity });
        }
        if !record_align.is_power_of_two()
            || !(WORD as u64..=MAX_RECORD_ALIGN).contains(&record_align)
        {
            return Err(LayoutError::RecordAlign { record_align });
        }
        if !(1..=MAX_PRODUCERS).contains(&producers) || (kind == Kind::Spsc && producers != 1) {
            return Err(LayoutError::Field {
                field: "producer slots",
                found: producers,
            });
        }
        let limit = Self::largest_payload(kind, capacity, record_align);
        if max_payload > limit {
            return Err(LayoutError::MaxPayload {
                max_payload,
                capacity,
                limit,
            });
        }
        let slots = (producers as usize * SLOT_SIZE).next_multiple_of(PAGE);
        Ok(Self {
            kind,
            // No number is cut off: each is at most `MAX_CAPACITY`, which fits into an address.
            capacity: capacity as usize,
            max_payload: max_payload as usize,
            align_mask: record_align as usize - 1,
            producers: producers as usize,
            data: PRODUCER_SLOTS.plus(slots),
        })
    }

    /// The longest payload that a ring of `capacity` bytes can carry, in bytes: the record and
    /// the header behind it must fit into an empty ring. Where records are claimed, the
    /// record must be one that a header of padding can stand for.
    #[must_use]
    pub fn largest_payload(kind: Kind, capacity: u64, record_align: u64) -> u64 {
        let largest_record = match kind {
            Kind::Spsc => (capacity - HEADER_SIZE as u64) / record_align * record_align,
            Kind::Mpsc => largest_claim(capacity, record_align),
        };
        let payload = largest_record.saturating_sub(HEADER_SIZE as u64);
        payload.min(MAX_PAYLOAD)
    }

    /// The most bytes of the ring that can be claimed at once: one record, or a batch of them.
    #[must_use]
    pub fn largest_claim(&self) -> usize {
        largest_claim(self.capacity as u64, self.record_align() as u64) as usize
    }

    /// Which protocol.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Bytes of the ring, a power of two.
    #[inline]
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Longest payload, in bytes.
    #[inline]
    #[must_use]
    pub fn max_payload(&self) -> usize {
        self.max_payload
    }

    /// Every record starts at a multiple of this many bytes, a power of two.
    #[inline]
    #[must_use]
    pub fn record_align(&self) -> usize {
        self.align_mask + 1
    }

    /// How many producers can be attached at once.
    #[must_use]
    pub fn producers(&self) -> usize {
        self.producers
    }

    /// How many participants there can be at once.
    #[must_use]
    pub fn seats(&self) -> usize {
        1 + self.producers
    }

    /// Where the ring starts.
    #[inline]
    #[must_use]
    pub fn data(&self) -> Word {
        self.data
    }

    /// The word of the ring at a free-running `position`: where its header
    /// stands, if a record starts there. Always within the ring.
    #[inline]
    #[must_use]
    pub fn word_at(&self, position: u64) -> Word {
        // `capacity - WORD` masks to an index that is a multiple of eight, and `data` is a word.
        Word(self.data.0 + (position as usize & (self.capacity - WORD)))
    }

    /// Bytes that a record with a payload of `len` bytes takes in the ring.
    /// `len` must not be above [`MAX_PAYLOAD`], so that nothing overflows.
    #[inline]
    #[must_use]
    pub fn record_size(&self, len: usize) -> usize {
        (HEADER_SIZE + len + self.align_mask) & !self.align_mask
    }

    /// Bytes behind the ring into which the last record before its end may run on.
    #[must_use]
    pub fn overrun_size(&self) -> usize {
        self.record_size(self.max_payload).next_multiple_of(PAGE)
    }

    /// Bytes of the whole region.
    #[must_use]
    pub fn total_size(&self) -> usize {
        self.data.0 + self.capacity + self.overrun_size()
    }

    /// The slot of producer `index`.
    ///
    /// # Panics
    /// When there is no such slot.
    #[must_use]
    pub fn producer_slot(&self, index: usize) -> Word {
        assert!(
            index < self.producers,
            "producer slot {index} of {}",
            self.producers
        );
        PRODUCER_SLOTS.plus(index * SLOT_SIZE)
    }
}

/// See [`Geometry::largest_claim`].
fn largest_claim(capacity: u64, record_align: u64) -> u64 {
    let fits = capacity - HEADER_SIZE as u64;
    // One header must be able to say how long it is, if it is given up.
    fits.min(MAX_PAYLOAD) / record_align * record_align
}
