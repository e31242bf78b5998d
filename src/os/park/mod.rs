//! Ways to sleep until somebody else wakes.

#[cfg(feature = "event")]
mod event;
mod futex;

use std::io;
use std::time::Instant;

use crate::layout::{Wakeups, Word};

use super::mapped::Mapped;
use super::process::Process;

/// How the participants of a region sleep on a word of it. One who does not sleep so, for the
/// region has no wakeups, does not call this.
#[derive(Debug)]
pub(super) enum Parking {
    /// On the word itself.
    Futex,
    /// On an event of the thread library.
    #[cfg(feature = "event")]
    Event(event::Events),
}

impl Parking {
    /// What a region of this kind needs, made if it is new.
    ///
    /// # Errors
    /// When this build has no such wakeups, or the system refuses them.
    pub(super) fn new(
        wakeups: Wakeups,
        memory: &Mapped,
        process: Process,
        is_new: bool,
    ) -> io::Result<Self> {
        match wakeups {
            Wakeups::None | Wakeups::Futex => Ok(Self::Futex),
            #[cfg(feature = "event")]
            Wakeups::Event => event::Events::new(memory, process, is_new).map(Self::Event),
            #[cfg(not(feature = "event"))]
            Wakeups::Event => {
                let _ = (memory, process, is_new);
                let text = "this program was built without mapring's feature `event`";
                Err(io::Error::new(io::ErrorKind::Unsupported, text))
            }
        }
    }

    /// Sleeps while the word `at` is `expected`, until it is woken there, or until `until`. Returns
    /// whether the time is over.
    ///
    /// # Errors
    /// What the system says: above all that there is no memory any more, for somebody truncated the
    /// file.
    pub(super) fn sleep(
        &self,
        memory: &Mapped,
        at: Word,
        expected: u64,
        until: Instant,
    ) -> io::Result<bool> {
        match self {
            Self::Futex => futex::wait(memory.word(at), expected, until),
            #[cfg(feature = "event")]
            Self::Event(events) => Ok(events.sleep(at, expected, until)),
        }
    }

    /// Wakes everybody who sleeps at the word `at`, in any process.
    pub(super) fn wake(&self, memory: &Mapped, at: Word) {
        match self {
            Self::Futex => futex::wake(memory.word(at)),
            #[cfg(feature = "event")]
            Self::Event(events) => events.wake(at),
        }
    }
}
