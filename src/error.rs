//! What can go wrong: one small enum for each operation, with the evidence inside.

mod open;
mod transfer;

use std::fmt;

use thiserror::Error;

pub use open::{Distrust, LayoutError, OpenError};
pub use transfer::{AttachError, RecvError, SendError, TryRecvError, TrySendError};

/// A peer wrote something that no peer following the protocol can write.
///
/// It is terminal for the endpoint that saw it: every later call returns it
/// again and reads nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
// Results that hold one are copied in whole words then, see `docs/decisions.md`. The kinds of the
// errors around it are told by the same word.
#[repr(u32)]
pub enum Corrupt {
    /// A cursor where none can be.
    #[error("corrupt: {cursor} is at position {position}, but must lie in {from}..={to}")]
    Cursor {
        /// Which cursor.
        cursor: &'static str,
        /// What it says.
        position: u64,
        /// The first position it could have.
        from: u64,
        /// The last position it could have.
        to: u64,
    },
    /// A header that is neither zero nor that of a record.
    #[error("corrupt: the header at position {position} is {word:#018x}")]
    Header {
        /// Where it stands.
        position: u64,
        /// What it says.
        word: u64,
    },
    /// A header that tells of a longer payload than the region allows.
    #[error(
        "corrupt: the header at position {position} tells of {len} bytes, the limit is {limit}"
    )]
    Length {
        /// Where it stands.
        position: u64,
        /// What it says, in bytes.
        len: usize,
        /// The region's `max_payload`, in bytes.
        limit: usize,
    },
    /// Room that was claimed, but by nobody.
    #[error(
        "corrupt: the ring is claimed from position {position} to {tail}, but no producer's slot accounts for it"
    )]
    Unaccounted {
        /// Where it starts.
        position: u64,
        /// The shared tail.
        tail: u64,
    },
    /// A dead producer's claim whose size cannot be.
    #[error(
        "corrupt: the claim at position {position} says that it has {size} bytes, but at most {limit} are claimed there"
    )]
    Claim {
        /// Where it starts.
        position: u64,
        /// What its producer's slot says, in bytes.
        size: u64,
        /// The most that it can have, in bytes.
        limit: u64,
    },
    /// A participant's state that does not exist.
    #[error("corrupt: the {role}'s state is {state}")]
    State {
        /// Whose.
        role: Role,
        /// What it says.
        state: u64,
    },
}

/// A side of a ring that only one can hold at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// The one that sends.
    Producer,
    /// The one that receives.
    Consumer,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Producer => "producer",
            Self::Consumer => "consumer",
        })
    }
}
