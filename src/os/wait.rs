//! Waiting, until something has changed or a deadline has passed.

use std::hint;
use std::thread;
use std::time::{Duration, Instant};

/// When a blocking call gives up.
///
/// ```
/// use std::time::{Duration, Instant};
/// use mapring::Deadline;
///
/// let in_a_second = Deadline::from(Duration::from_secs(1));
/// let then = Deadline::from(Instant::now() + Duration::from_secs(1));
/// assert!(!in_a_second.has_passed() && !then.has_passed() && !Deadline::NEVER.has_passed());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline(Option<Instant>);

impl Deadline {
    /// Never gives up.
    pub const NEVER: Self = Self(None);

    /// Whether it is over.
    #[must_use]
    pub fn has_passed(self) -> bool {
        self.0.is_some_and(|end| Instant::now() >= end)
    }
}

/// So long from now; a time too far away to be expressed is never.
impl From<Duration> for Deadline {
    fn from(from_now: Duration) -> Self {
        Self(Instant::now().checked_add(from_now))
    }
}

impl From<Instant> for Deadline {
    fn from(end: Instant) -> Self {
        Self(Some(end))
    }
}

/// Spins this often before it yields: a peer on another core answers within that.
const SPINS: u32 = 256;
/// Yields this often before it sleeps: a peer on the same core gets its turn.
const YIELDS: u32 = 64;
/// The first sleep; each is twice as long as the one before, up to [`LONGEST_SLEEP`].
const FIRST_SLEEP: Duration = Duration::from_micros(20);
/// The longest sleep between two looks at the ring and at the peer's life.
const LONGEST_SLEEP: Duration = Duration::from_millis(1);

/// What a wait that has come to its end, or not, asks of the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pause {
    /// Look at the ring again.
    Look,
    /// Look at the ring again, and whether the peer is alive.
    LookAndCheckPeer,
    /// The deadline has passed.
    TimedOut,
}

/// One wait: it spins, then yields, then sleeps.
#[derive(Debug)]
pub(crate) struct Wait {
    deadline: Deadline,
    pauses: u32,
    sleep: Duration,
}

impl Wait {
    /// A wait that has not begun.
    #[must_use]
    pub(crate) fn until(deadline: Deadline) -> Self {
        Self {
            deadline,
            pauses: 0,
            sleep: FIRST_SLEEP,
        }
    }

    /// Lets a moment pass.
    pub(crate) fn pause(&mut self) -> Pause {
        self.pauses = self.pauses.saturating_add(1);
        if self.pauses <= SPINS {
            hint::spin_loop();
            return Pause::Look;
        }
        if self.deadline.has_passed() {
            return Pause::TimedOut;
        }
        if self.pauses <= SPINS + YIELDS {
            thread::yield_now();
            return Pause::Look;
        }
        thread::sleep(match self.deadline.0 {
            Some(end) => self
                .sleep
                .min(end.saturating_duration_since(Instant::now())),
            None => self.sleep,
        });
        self.sleep = (self.sleep * 2).min(LONGEST_SLEEP);
        Pause::LookAndCheckPeer
    }

    /// Whether the last pause was the first one after spinning.
    #[must_use]
    pub(crate) fn has_just_become_long(&self) -> bool {
        self.pauses == SPINS + 1
    }

    /// Whether it has waited longer than spinning takes.
    #[must_use]
    pub(crate) fn is_long(&self) -> bool {
        self.pauses > SPINS
    }
}
