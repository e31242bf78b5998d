//! Locks on single bytes of a file that belong to an open file description
//! (`fcntl(2)`, "Open file description locks"). The kernel frees them when the
//! last descriptor of it closes, on any death; they know nothing of pids.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::ptr;

/// What to do with a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lock {
    /// Share it.
    Read,
    /// Own it.
    Write,
    /// Give it back.
    None,
}

/// Tries to change this description's lock on `byte` to `lock`; an upgrade or
/// downgrade is one step. Returns whether it was granted.
///
/// # Errors
/// What the system says, other than that somebody has a lock in the way.
pub(super) fn try_set(file: BorrowedFd<'_>, byte: u64, lock: Lock) -> io::Result<bool> {
    match fcntl(file.as_raw_fd(), libc::F_OFD_SETLK, &mut flock(byte, lock)) {
        Ok(()) => Ok(true),
        Err(error) if matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::EACCES)) => {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// Whether another description has a lock on `byte` that is in the way of a write lock.
///
/// # Errors
/// What the system says.
pub(super) fn is_held_by_other(file: BorrowedFd<'_>, byte: u64) -> io::Result<bool> {
    let mut lock = flock(byte, Lock::Write);
    fcntl(file.as_raw_fd(), libc::F_OFD_GETLK, &mut lock)?;
    Ok(lock.l_type != libc::F_UNLCK as libc::c_short)
}

fn flock(byte: u64, lock: Lock) -> libc::flock {
    let kind = match lock {
        Lock::Read => libc::F_RDLCK,
        Lock::Write => libc::F_WRLCK,
        Lock::None => libc::F_UNLCK,
    };
    libc::flock {
        l_type: kind as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: byte as libc::off_t,
        l_len: 1,
        l_pid: 0,
    }
}

fn fcntl(file: RawFd, command: libc::c_int, lock: &mut libc::flock) -> io::Result<()> {
    // SAFETY: both commands take a pointer to a `flock`, which `lock` is for the whole call;
    // a descriptor that is not open gives an error.
    let result = unsafe { libc::fcntl(file, command, ptr::from_mut(lock)) };
    if result == -1 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}
