//! Waiting for the other side.

use std::error::Error;
use std::fmt;
use std::hint;
use std::thread;
use std::time::Instant;

/// Looks so often before it yields: the other side, on another core, answers within that.
const SPINS: u32 = 1024;

/// The other side did not answer before the deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimedOut;

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the other side did not answer before the deadline")
    }
}

impl Error for TimedOut {}

/// Polls until `is_done`. The clock is read only after a long spin.
#[inline]
pub(crate) fn wait_until(
    deadline: Instant,
    mut is_done: impl FnMut() -> bool,
) -> Result<(), TimedOut> {
    loop {
        for _ in 0..SPINS {
            if is_done() {
                return Ok(());
            }
            hint::spin_loop();
        }
        if Instant::now() >= deadline {
            return Err(TimedOut);
        }
        thread::yield_now();
    }
}
