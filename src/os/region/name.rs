//! The name of an open file, which may be that of another by now.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use rustix::io::Errno;

/// Whether the file still has its name, and the name still is that of this file.
pub(super) fn is_of(path: &Path, file: BorrowedFd<'_>) -> io::Result<bool> {
    let own = rustix::fs::fstat(file.as_fd())?;
    match rustix::fs::lstat(path) {
        Ok(there) => Ok((own.st_dev, own.st_ino) == (there.st_dev, there.st_ino)),
        Err(Errno::NOENT) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Takes the name of `file` away, if it still has it. Nobody puts another file in this one's place
/// meanwhile: the caller holds the write lock on the use byte, without which nobody does that, or it
/// is a temporary name, which no other file ever has.
pub(super) fn take_from(path: &Path, file: BorrowedFd<'_>) -> io::Result<bool> {
    if !is_of(path, file)? {
        return Ok(false);
    }
    match rustix::fs::unlink(path) {
        // Somebody who knows nothing of locks was faster: `rm`, say.
        Err(Errno::NOENT) => Ok(false),
        unlinked => Ok(unlinked.map(|()| true)?),
    }
}
