//! A named region: created, opened, counted and deleted.
//!
//! The kernel counts the users: each handle holds a read lock on one byte of the
//! region's file, the *use lock*, which goes with the process, however it ends. A role is a
//! write lock on another byte. Nothing in the region itself says who is alive.
//!
//! # Why no region vanishes, and none is left behind
//!
//! - **R1** A file gets its name when it is whole and its creator's use lock is held. So a
//!   name stands for a whole region, and for one without users only after they have gone.
//! - **R2** Whoever takes a name away holds the *write* lock on the use byte, and has then seen
//!   that the name is still that of this very file. So a region with users keeps its name, and
//!   a name is never taken from another file.
//! - **R3** An opener is a user once it holds the use lock and has *then* seen that the name is
//!   still that of its file. By R2 the name stays from there on.
//! - **R4** An opener that gets the write lock finds a region without users: left over from a
//!   crash. It deletes it, or resumes it, before anybody else can become a user.
//! - **R5** A closer drops its read lock, then tries the write lock, and deletes if it gets
//!   it. It is refused by a user, who will close in turn, or by one that holds the write lock:
//!   who deletes by R4 or R5, or else has opened the file before it got its name, as what a kill may
//!   have left (R6), and deletes it under whichever name it has now. So the last of them deletes.
//!   One exception: who finds a named region at a path, and nobody uses it, holds the write lock
//!   while it refuses it. A closer that meets this one leaves what a kill would (R6).
//! - **R6** A kill between any two steps frees the locks and leaves a whole region without users,
//!   or none: the next opener does R4. Where a file needs a name before it is whole, it is one that
//!   no region has, and whoever makes the next one deletes it, or who opens it takes that name away:
//!   `temporary` says how.

mod file;
mod header_page;
mod name;
mod open;
mod place;
mod temporary;
mod temporary_name;
mod usage;

use std::io;
use std::iter;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use crate::layout::{Kind, Seat, Wakeups, Word};
use crate::ring::attach::{self, Identity};

use super::lock::{self, Lock};
use super::mapped::{Mapped, MappedReadOnly};
use super::park::Parking;
use super::process::Process;

pub(crate) use open::{Opening, open, remove};
pub(crate) use place::Place;
use usage::Use;

/// How a handle came by its region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// This handle created it.
    Created,
    /// It was in use already.
    Opened,
    /// Nobody was using it: what a file-backed or persistent region held is still there.
    Resumed,
}

/// What a region should be like; `None` where the opener takes what there is.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Bytes of the ring.
    pub(crate) capacity: Option<u64>,
    /// Longest payload, in bytes.
    pub(crate) max_payload: Option<u64>,
    /// Every record starts at a multiple of this many bytes.
    pub(crate) record_align: Option<u64>,
    /// Which protocol; that of a region that is found must be the same.
    pub(crate) kind: Kind,
    /// How many producers can be attached at once.
    pub(crate) producers: Option<u64>,
    /// Permission bits of the file.
    pub(crate) mode: u32,
    /// Whether it outlives its last user; a file that the user named always does.
    pub(crate) persistent: Option<bool>,
    /// How participants are woken.
    pub(crate) wakeups: Option<Wakeups>,
    /// Whether all pages are mapped at once.
    pub(crate) prefault: bool,
    /// Whether to ask for huge pages.
    pub(crate) huge_pages: bool,
    /// Where the cursors of a new ring start.
    pub(crate) start: u64,
}

/// An open region. When the last one of all processes is dropped, the region is deleted.
#[derive(Debug)]
pub(crate) struct Region {
    usage: Use,
    identity: Identity,
    origin: Origin,
    memory: Mapped,
    parking: Parking,
    /// Locks of one description do not exclude each other, so the roles that handles of this
    /// region hold are noted here: that of the consumer, then those of the producers.
    held: Box<[AtomicBool]>,
    /// Somebody has truncated the file.
    lost: AtomicBool,
}

/// Nobody of this process holds any of these seats.
fn nothing_held(seats: usize) -> Box<[AtomicBool]> {
    iter::repeat_with(|| AtomicBool::new(false))
        .take(seats)
        .collect()
}

impl Region {
    /// What it says of itself.
    #[must_use]
    pub(crate) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// How this handle came by it.
    #[must_use]
    pub(crate) fn origin(&self) -> Origin {
        self.origin
    }

    /// Its file.
    #[must_use]
    pub(crate) fn path(&self) -> &Path {
        self.usage.place().path()
    }

    /// Its memory.
    #[must_use]
    pub(crate) fn memory(&self) -> &Mapped {
        &self.memory
    }

    /// Sleeps while the word `at` is `expected`, until it is woken there, or until `until`. Returns
    /// whether the time is over.
    ///
    /// # Errors
    /// What the system says: above all that there is no memory any more, for somebody truncated the
    /// file.
    pub(crate) fn sleep(&self, at: Word, expected: u64, until: Instant) -> io::Result<bool> {
        self.parking.sleep(&self.memory, at, expected, until)
    }

    /// Wakes everybody who sleeps at the word `at`, in any process.
    pub(crate) fn wake(&self, at: Word) {
        self.parking.wake(&self.memory, at);
    }

    /// Whether its file is still as long as it was. Who makes it shorter takes memory away from
    /// everybody who has it mapped. If it is not, the memory must not be touched any more.
    #[must_use]
    pub(crate) fn is_whole(&self) -> bool {
        let size = self.identity.geometry.total_size() as u64;
        // When the system cannot say, it is.
        let stat = rustix::fs::fstat(self.usage.file());
        let is_long = !stat.is_ok_and(|stat| (stat.st_size as u64) < size);
        // It may have been made longer again: then it is all zeros.
        let is_whole = is_long && attach::generation(&self.memory) == self.identity.generation;
        if !is_whole {
            self.lost.store(true, Relaxed);
        }
        is_whole
    }

    /// Whether it is known that the region's memory is gone.
    #[must_use]
    pub(crate) fn is_lost(&self) -> bool {
        self.lost.load(Relaxed)
    }

    /// The process that opened it.
    #[must_use]
    pub(crate) fn process(&self) -> Process {
        self.usage.process()
    }

    /// Maps it once more, for looking only.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn map_read_only(&self) -> io::Result<MappedReadOnly> {
        let size = self.identity.geometry.total_size();
        MappedReadOnly::new(&self.usage.file(), size, self.process())
    }

    /// Takes a seat, or returns `None` when somebody has it.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn take_seat(self: &Arc<Self>, seat: Seat) -> io::Result<Option<HeldSeat>> {
        if self.held(seat).swap(true, Relaxed) {
            return Ok(None);
        }
        match lock::try_set(self.usage.file(), seat.lock(), Lock::Write) {
            Ok(true) => Ok(Some(HeldSeat {
                region: Arc::clone(self),
                seat,
            })),
            Ok(false) => {
                self.held(seat).store(false, Relaxed);
                Ok(None)
            }
            Err(error) => {
                self.held(seat).store(false, Relaxed);
                Err(error)
            }
        }
    }

    /// Whether anybody holds a seat. Only a free lock means that its last holder is gone.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn is_held(&self, seat: Seat) -> io::Result<bool> {
        if self.held(seat).load(Relaxed) {
            return Ok(true);
        }
        lock::is_held_by_other(self.usage.file(), seat.lock())
    }

    fn held(&self, seat: Seat) -> &AtomicBool {
        &self.held[seat.number()]
    }
}

/// A seat that is held until this is dropped, or until the process ends.
#[derive(Debug)]
pub(crate) struct HeldSeat {
    region: Arc<Region>,
    seat: Seat,
}

impl HeldSeat {
    /// Which one.
    #[must_use]
    pub(crate) fn seat(&self) -> Seat {
        self.seat
    }

    /// The region.
    #[must_use]
    pub(crate) fn region(&self) -> &Arc<Region> {
        &self.region
    }
}

impl Drop for HeldSeat {
    fn drop(&mut self) {
        if self.region.process().is_current() {
            // Unlocking one's own lock fails only for a bad descriptor; then the lock is gone too.
            let _ = lock::try_set(self.region.usage.file(), self.seat.lock(), Lock::None);
            self.region.held(self.seat).store(false, Relaxed);
        }
    }
}
