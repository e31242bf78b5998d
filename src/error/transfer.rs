//! What can go wrong once a region is open.

use std::io;

use thiserror::Error;

use super::{Corrupt, Role};

/// Why a role could not be taken.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AttachError {
    /// Somebody has it.
    #[error("the {role} of this ring is held already, by process {pid}")]
    Busy {
        /// The role.
        role: Role,
        /// Its holder, as it sees itself. One that has only just taken it may not have
        /// written that down: then it is 0, or that of the holder before.
        pid: u32,
    },
    /// Every producer slot of this ring is held, or still stands for what its dead holder had
    /// claimed and the consumer has not come by yet.
    #[error("all {limit} producer slots of this ring are taken")]
    TooManyProducers {
        /// How many there are, chosen when the region was created.
        limit: usize,
    },
    /// The region's cursors or headers cannot be.
    #[error(transparent)]
    Corrupt(#[from] Corrupt),
    /// The region's file was made shorter: there is no ring any more.
    #[error("somebody truncated the region's file")]
    RegionLost,
    /// The handle was made by the parent of this process.
    #[error("this handle belongs to the process that forked this one")]
    Forked,
    /// The system refused a step.
    #[error("cannot {action}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

/// Why a record, or the room for one, was not taken at once. Nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TrySendError {
    /// There is no room now; or, in a ring of many producers, others have spoiled 65,536 attempts of
    /// this call to claim some: they were faster each time, or one of them is hostile.
    #[error("the ring is full")]
    Full,
    /// There will never be room.
    #[error("the payload has {len} bytes, the limit of this ring is {limit}")]
    TooLong {
        /// Its length, in bytes.
        len: usize,
        /// The ring's `max_payload`, in bytes.
        limit: usize,
    },
    /// A batch can never have so much room.
    #[error("a batch of {room} bytes was asked for, the limit of this ring is {limit}")]
    TooMuchRoom {
        /// What was asked for, in bytes of the ring.
        room: usize,
        /// The most that can be claimed at once, in bytes of the ring.
        limit: usize,
    },
    /// The consumer wrote what it cannot have written.
    #[error(transparent)]
    Corrupt(#[from] Corrupt),
    /// The region's file was made shorter: there is no ring any more.
    #[error("somebody truncated the region's file")]
    RegionLost,
    /// The handle was made by the parent of this process.
    #[error("this handle belongs to the process that forked this one")]
    Forked,
}

/// Why a blocking call of a producer ended without success.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SendError {
    /// The deadline passed.
    #[error("the ring stayed full until the deadline")]
    TimedOut,
    /// There will never be room.
    #[error("the payload has {len} bytes, the limit of this ring is {limit}")]
    TooLong {
        /// Its length, in bytes.
        len: usize,
        /// The ring's `max_payload`, in bytes.
        limit: usize,
    },
    /// A batch can never have so much room.
    #[error("a batch of {room} bytes was asked for, the limit of this ring is {limit}")]
    TooMuchRoom {
        /// What was asked for, in bytes of the ring.
        room: usize,
        /// The most that can be claimed at once, in bytes of the ring.
        limit: usize,
    },
    /// The consumer left, and only a successor of it could make progress.
    #[error("the consumer has left")]
    Disconnected,
    /// The consumer died, and only a successor of it could make progress.
    #[error("the consumer, process {pid}, has died")]
    PeerDied {
        /// The process, as it saw itself.
        pid: u32,
    },
    /// The consumer wrote what it cannot have written.
    #[error(transparent)]
    Corrupt(#[from] Corrupt),
    /// The region's file was made shorter: there is no ring any more.
    #[error("somebody truncated the region's file")]
    RegionLost,
    /// The handle was made by the parent of this process.
    #[error("this handle belongs to the process that forked this one")]
    Forked,
}

/// Why no record was received at once. Nothing was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TryRecvError {
    /// There is no record now.
    #[error("the ring is empty")]
    Empty,
    /// The next record does not fit into the slice; it is still there.
    #[error("the next record has {needed} bytes, the slice {given}")]
    TooSmall {
        /// The record's length, in bytes.
        needed: usize,
        /// The slice's length, in bytes.
        given: usize,
    },
    /// The producer left in good order, and everything it sent was received.
    #[error("the producer has left and everything was received")]
    Disconnected,
    /// The producer wrote what it cannot have written.
    #[error(transparent)]
    Corrupt(#[from] Corrupt),
    /// The region's file was made shorter: there is no ring any more.
    #[error("somebody truncated the region's file")]
    RegionLost,
    /// The handle was made by the parent of this process.
    #[error("this handle belongs to the process that forked this one")]
    Forked,
}

/// Why a blocking call of a consumer ended without a record. Nothing was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RecvError {
    /// The deadline passed.
    #[error("the ring stayed empty until the deadline")]
    TimedOut,
    /// The next record does not fit into the slice; it is still there.
    #[error("the next record has {needed} bytes, the slice {given}")]
    TooSmall {
        /// The record's length, in bytes.
        needed: usize,
        /// The slice's length, in bytes.
        given: usize,
    },
    /// The producer left in good order, and everything it sent was received.
    #[error("the producer has left and everything was received")]
    Disconnected,
    /// The producer died; everything it committed was received.
    #[error("the producer, process {pid}, has died")]
    PeerDied {
        /// The process, as it saw itself.
        pid: u32,
    },
    /// The producer wrote what it cannot have written.
    #[error(transparent)]
    Corrupt(#[from] Corrupt),
    /// The region's file was made shorter: there is no ring any more.
    #[error("somebody truncated the region's file")]
    RegionLost,
    /// The handle was made by the parent of this process.
    #[error("this handle belongs to the process that forked this one")]
    Forked,
}

impl TrySendError {
    /// As the error of a blocking call whose last attempt came when there was room.
    pub(crate) fn without_full(self) -> SendError {
        match self {
            Self::Full => SendError::TimedOut,
            Self::TooMuchRoom { room, limit } => SendError::TooMuchRoom { room, limit },
            Self::TooLong { len, limit } => SendError::TooLong { len, limit },
            Self::Corrupt(corrupt) => SendError::Corrupt(corrupt),
            Self::RegionLost => SendError::RegionLost,
            Self::Forked => SendError::Forked,
        }
    }
}

impl TryRecvError {
    /// As the error of a blocking call whose last attempt came when there was a record.
    pub(crate) fn without_empty(self) -> RecvError {
        match self {
            // Nobody else receives, so a record that was there still is.
            Self::Empty => RecvError::TimedOut,
            Self::TooSmall { needed, given } => RecvError::TooSmall { needed, given },
            Self::Disconnected => RecvError::Disconnected,
            Self::Corrupt(corrupt) => RecvError::Corrupt(corrupt),
            Self::RegionLost => RecvError::RegionLost,
            Self::Forked => RecvError::Forked,
        }
    }
}
