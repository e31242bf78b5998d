//! Which process a handle belongs to, known without a system call.

use std::io;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use rustix::mm::{Advice, MapFlags, ProtFlags};

/// The process in which a handle was made.
///
/// Its mark stands in a page that the kernel wipes in a forked child
/// (`MADV_WIPEONFORK`, Linux 4.14), so that a child finds another mark there
/// than the handles it inherited carry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Process {
    mark: u64,
    current: &'static AtomicU64,
}

impl Process {
    /// The process that calls.
    ///
    /// # Errors
    /// When the kernel has no page to give, or no `MADV_WIPEONFORK`.
    pub(crate) fn current() -> io::Result<Self> {
        static CURRENT: OnceLock<&'static AtomicU64> = OnceLock::new();
        let current = match CURRENT.get() {
            Some(current) => *current,
            None => {
                let page = page_wiped_on_fork()?;
                *CURRENT.get_or_init(|| page)
            }
        };
        // Zero: the first handle of this process. Losing the race is fine, the winner's mark serves.
        let mark = match current.compare_exchange(0, new_mark(), Relaxed, Relaxed) {
            Ok(_) => current.load(Relaxed),
            Err(mark) => mark,
        };
        Ok(Self { mark, current })
    }

    /// Makes it that of no process, so that what it is asked for is refused from now on.
    pub(crate) fn forget(&mut self) {
        self.mark = NOBODY;
    }

    /// Whether the caller runs in that process, and not in a forked child of it.
    #[inline]
    #[must_use]
    pub(crate) fn is_current(&self) -> bool {
        self.current.load(Relaxed) == self.mark
    }
}

/// No process has this mark: its upper half is a pid.
const NOBODY: u64 = u64::MAX;

/// The pid of the calling process, as it sees itself.
#[must_use]
pub(crate) fn pid() -> u32 {
    rustix::process::getpid().as_raw_pid() as u32
}

/// Never zero, and not that of a parent: the pid, and the time for one that comes round again.
fn new_mark() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    (u64::from(pid()) << 32) | (now.tv_nsec as u64 ^ now.tv_sec as u64) & 0xffff_ffff
}

fn page_wiped_on_fork() -> io::Result<&'static AtomicU64> {
    let size = rustix::param::page_size();
    let access = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: a new anonymous mapping at an address of the kernel's choice aliases nothing.
    let page =
        unsafe { rustix::mm::mmap_anonymous(ptr::null_mut(), size, access, MapFlags::PRIVATE) }?;
    // SAFETY: `page` is the mapping made above, `size` bytes long, and holds nothing yet that a
    // fork could wipe.
    unsafe { rustix::mm::madvise(page, size, Advice::LinuxWipeOnFork) }?;
    // SAFETY: the mapping is page-aligned, zeroed, at least eight bytes long, and is never
    // unmapped, so it is valid for `'static`; all access to it is through this atomic.
    Ok(unsafe { AtomicU64::from_ptr(page.cast()) })
}
