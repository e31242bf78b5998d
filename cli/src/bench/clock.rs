//! The clock that all processes of this machine have in common.

use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds since some moment, the same for all processes.
#[inline]
pub(crate) fn now() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    // Neither is negative, and the sum lasts for centuries.
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
