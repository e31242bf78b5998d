//! The roles of a region, one for each participant that there can be at a time.

use crate::error::Role;

use super::{CONSUMER_LOCK, CONSUMER_SLOT, FIRST_PRODUCER_LOCK, PRODUCER_SLOTS, SLOT_SIZE, Word};

/// A role that one participant can hold: it has a slot, and a byte to lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Seat {
    /// The consumer's.
    Consumer,
    /// That of the producer of this number.
    Producer(usize),
}

impl Seat {
    /// What its holder does.
    #[must_use]
    pub fn role(self) -> Role {
        match self {
            Self::Consumer => Role::Consumer,
            Self::Producer(_) => Role::Producer,
        }
    }

    /// Its number among all seats, from 0.
    #[must_use]
    pub fn number(self) -> usize {
        match self {
            Self::Consumer => 0,
            Self::Producer(index) => 1 + index,
        }
    }

    /// The byte whose write lock it is.
    #[must_use]
    pub fn lock(self) -> u64 {
        match self {
            Self::Consumer => CONSUMER_LOCK,
            Self::Producer(index) => FIRST_PRODUCER_LOCK + index as u64,
        }
    }

    /// The slot in which its holder says who it is. A region may have fewer.
    #[must_use]
    pub fn slot(self) -> Word {
        match self {
            Self::Consumer => CONSUMER_SLOT,
            Self::Producer(index) => PRODUCER_SLOTS.plus(index * SLOT_SIZE),
        }
    }
}
