//! Waiting for the other side by looking, over and over.

use std::hint;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Looks so often before it yields: where producers share a core, whoever is waited for must soon
/// get its turn.
const LOOKS: u32 = 256;

/// Nothing takes so long but a failure of the other side.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until `look` finds something.
///
/// # Errors
/// When it has found nothing for [`PATIENCE`].
#[inline]
pub(crate) fn wait_for<T>(mut look: impl FnMut() -> Option<T>) -> Result<T> {
    if let Some(found) = look() {
        return Ok(found);
    }
    let mut since = None;
    loop {
        for _ in 0..LOOKS {
            hint::spin_loop();
            if let Some(found) = look() {
                return Ok(found);
            }
        }
        let now = Instant::now();
        if now.duration_since(*since.get_or_insert(now)) > PATIENCE {
            bail!(
                "the other side did nothing for {} seconds",
                PATIENCE.as_secs()
            );
        }
        thread::yield_now();
    }
}
