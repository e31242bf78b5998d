//! Sleeping on a word that several processes have mapped (`futex(2)`).
//!
//! The kernel compares 32 bits: the low half of the word, which comes first in memory. The word
//! counts up, so that it is the same again only after 2^32 sleeps, of which each waits for the one
//! before.

use std::io;
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::time::Instant;

use rustix::io::Errno;
use rustix::thread::futex::{self, Flags};
use rustix::time::{ClockId, Timespec, clock_gettime};

/// The kernel finds all who wait, whatever they wait for.
const ANY: std::num::NonZeroU32 = std::num::NonZeroU32::MAX;

/// Sleeps while the low half of `word` is that of `expected`, until it is woken, or until
/// `until`, by the monotonic clock. Returns whether the time is over. Signals do not end it.
pub(in crate::os) fn wait(word: &AtomicU64, expected: u64, until: Instant) -> io::Result<bool> {
    let end = absolute(until);
    loop {
        let waited = futex::wait_bitset(
            low_half(word),
            Flags::empty(),
            expected as u32,
            Some(&end),
            ANY,
        );
        return match waited {
            // Woken, or it had changed before.
            Ok(()) | Err(Errno::AGAIN) => Ok(false),
            Err(Errno::TIMEDOUT) => Ok(true),
            Err(Errno::INTR) => continue,
            Err(error) => Err(error.into()),
        };
    }
}

/// Wakes everybody who sleeps on `word`. It fails only where there is no memory any more, and
/// then nobody sleeps there.
pub(in crate::os) fn wake(word: &AtomicU64) {
    let _ = futex::wake(low_half(word), Flags::empty(), i32::MAX as u32);
}

fn low_half(word: &AtomicU64) -> &AtomicU32 {
    let address = word.as_ptr().cast::<u32>();
    // SAFETY: the low half of a word stands first on a little-endian machine, aligned as well; it
    // lives as long, and only the kernel accesses it by this reference.
    unsafe { AtomicU32::from_ptr(address) }
}

/// The same moment, as the kernel counts.
fn absolute(until: Instant) -> Timespec {
    let now = clock_gettime(ClockId::Monotonic);
    let left = until.saturating_duration_since(Instant::now());
    let nanoseconds = now.tv_nsec as i64 + i64::from(left.subsec_nanos());
    Timespec {
        tv_sec: now.tv_sec + left.as_secs() as i64 + nanoseconds / 1_000_000_000,
        tv_nsec: nanoseconds % 1_000_000_000,
    }
}
