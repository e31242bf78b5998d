//! The use count of a region, which the kernel keeps: a read lock for each user.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::layout;
use crate::os::lock::{self, Lock};
use crate::os::process::Process;

use super::name;
use super::place::Place;

/// One use of a region: a read lock on the use byte. Dropping the last one deletes the
/// region, unless it is persistent.
#[derive(Debug)]
pub(super) struct Use {
    file: OwnedFd,
    place: Place,
    persistent: bool,
    process: Process,
}

impl Use {
    /// The caller has put a read lock on the use byte of `file`.
    pub(super) fn new(file: OwnedFd, place: Place, persistent: bool, process: Process) -> Self {
        Self {
            file,
            place,
            persistent,
            process,
        }
    }

    pub(super) fn file(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    pub(super) fn process(&self) -> Process {
        self.process
    }

    /// Drops the read lock before it tries the write lock: of several that close at once, each
    /// having dropped its own, the last to try cannot be refused but by one that will delete,
    /// or that uses the region from then on.
    fn give_up(&self) -> io::Result<()> {
        // Also where closing would do: a forked child may have the description open still.
        lock::try_set(self.file(), layout::USE_LOCK, Lock::None)?;
        if !self.persistent && lock::try_set(self.file(), layout::USE_LOCK, Lock::Write)? {
            name::take_from(self.place.path(), self.file())?;
        }
        Ok(())
    }
}

impl Drop for Use {
    fn drop(&mut self) {
        // A forked child shares the parent's description: unlocking would unlock the parent.
        if self.process.is_current() {
            // What goes wrong here leaves a file that the next opener replaces, or resumes.
            let _ = self.give_up();
        }
    }
}
