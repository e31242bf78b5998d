//! Busy polling, with manners.

use std::hint;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Nothing in the demo may take longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// Looks so often before it yields: as the raw ping-pong does.
const SPINS: u32 = 1024;

/// Tries until there is something. The clock is read only after a long spin.
#[inline]
pub(crate) fn poll<T>(
    deadline: Instant,
    mut attempt: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    loop {
        for _ in 0..SPINS {
            if let Some(result) = attempt()? {
                return Ok(result);
            }
            hint::spin_loop();
        }
        if Instant::now() >= deadline {
            bail!("the other process did not answer in time");
        }
        thread::yield_now();
    }
}
