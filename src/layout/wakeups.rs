//! How participants of a region wait for each other: fixed when it is created.

use crate::error::LayoutError;

/// How a participant that sleeps is woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u64)]
pub enum Wakeups {
    /// Not at all: who waits looks again after a while, at most a millisecond.
    None = 0,
    /// By a futex of the kernel, in the region itself.
    Futex = 1,
    /// By an event of the system's thread library (`raw_sync`), where the program was built with the
    /// feature `event`. Slower than a futex by some threads, and only for peers that trust each
    /// other not to write over it: whoever opens such a region follows what stands in it. Who is
    /// killed while it holds the event makes every later wakeup of that region up to 25 ms late,
    /// and a sleeper whose region is truncated dies of it (`SIGBUS`).
    Event = 2,
}

impl Wakeups {
    /// As it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Futex => "futex",
            Self::Event => "event",
        }
    }
}

impl TryFrom<u64> for Wakeups {
    type Error = LayoutError;

    fn try_from(word: u64) -> Result<Self, LayoutError> {
        match word {
            0 => Ok(Self::None),
            1 => Ok(Self::Futex),
            2 => Ok(Self::Event),
            found => Err(LayoutError::Field {
                field: "wakeups",
                found,
            }),
        }
    }
}

/// How a participant that is about to sleep makes sure that it misses nothing, and who pays for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u64)]
pub enum Fences {
    /// Who publishes and who is about to sleep pay the same: a full fence.
    Symmetric = 0,
    /// Who is about to sleep pays all: it has the kernel interrupt the others
    /// (`membarrier`), who pay nothing.
    Membarrier = 1,
}

impl Fences {
    /// As it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Symmetric => "symmetric",
            Self::Membarrier => "membarrier",
        }
    }
}

impl TryFrom<u64> for Fences {
    type Error = LayoutError;

    fn try_from(word: u64) -> Result<Self, LayoutError> {
        match word {
            0 => Ok(Self::Symmetric),
            1 => Ok(Self::Membarrier),
            found => Err(LayoutError::Field {
                field: "fences",
                found,
            }),
        }
    }
}
