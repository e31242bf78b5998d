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

/// Waits until `look` finds something. It is called in one place, so that it can be inlined there.
///
/// # Errors
/// When it has found nothing for [`PATIENCE`].
#[inline(always)]
pub(crate) fn wait_for<T>(mut look: impl FnMut() -> Option<T>) -> Result<T> {
    let mut wait = Wait::default();
    loop {
        if let Some(found) = look() {
            return Ok(found);
        }
        wait.pause()?;
    }
}

/// One that has begun.
#[derive(Default)]
struct Wait {
    looks: u32,
    /// Its first yield.
    since: Option<Instant>,
}

impl Wait {
    /// For a moment.
    #[inline(always)]
    fn pause(&mut self) -> Result<()> {
        hint::spin_loop();
        self.looks += 1;
        if self.looks.is_multiple_of(LOOKS) {
            self.give_way()?;
        }
        Ok(())
    }

    #[cold]
    #[inline(never)]
    fn give_way(&mut self) -> Result<()> {
        let now = Instant::now();
        if now.duration_since(*self.since.get_or_insert(now)) > PATIENCE {
            bail!(
                "the other side did nothing for {} seconds",
                PATIENCE.as_secs()
            );
        }
        thread::yield_now();
        Ok(())
    }
}
