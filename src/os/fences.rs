//! Fences between those who publish and those who are about to sleep.

use std::io;
use std::sync::OnceLock;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{compiler_fence, fence};

/// From `linux/membarrier.h`: all running threads of processes that have registered make a full
/// fence.
const GLOBAL_EXPEDITED: libc::c_int = 1 << 1;
/// This process takes part.
const REGISTER_GLOBAL_EXPEDITED: libc::c_int = 1 << 2;

/// Lets the threads of this process be interrupted by those that are about to sleep.
///
/// # Errors
/// When the kernel has no such call, or refuses it.
pub(crate) fn register() -> io::Result<()> {
    static REGISTERED: OnceLock<()> = OnceLock::new();
    if REGISTERED.get().is_none() {
        membarrier(REGISTER_GLOBAL_EXPEDITED)?;
        REGISTERED.get_or_init(|| ());
    }
    Ok(())
}

/// A full fence of this thread alone. It takes much longer than a call, and those who need none
/// come by the place of the call.
#[cold]
#[inline(never)]
pub(super) fn full() {
    fence(SeqCst);
}

/// Nothing but what the compiler must not do: the other side fences for both.
#[inline(always)]
pub(super) fn compiler_only() {
    compiler_fence(SeqCst);
}

/// A full fence of this thread, and of each running thread of the processes that have registered.
pub(super) fn everywhere() {
    fence(SeqCst);
    // Registering has worked; should this be refused now, a sleeper finds what it missed when it
    // looks again.
    let _ = membarrier(GLOBAL_EXPEDITED);
}

fn membarrier(command: libc::c_int) -> io::Result<()> {
    // SAFETY: the call takes three integers and touches no memory of this process.
    let result = unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
