//! How long the demo waits, and what it does when that is over.

use std::io::{self, Write};
use std::process;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::other_process::while_there;

/// Nothing in the demo may take longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks whether the other process is still there.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Fails when it is too late.
pub(crate) fn in_time(deadline: Instant) -> Result<()> {
    if Instant::now() >= deadline {
        bail!("the other process did not answer in time");
    }
    Ok(())
}

/// Does `work`, in which this process sleeps until the other one wakes it, and nothing else would.
/// Ends this process when the other one is not there any more, or takes too long.
pub(crate) fn asleep<T>(mut is_there: impl FnMut() -> bool + Send, work: impl FnOnce() -> T) -> T {
    let deadline = Instant::now() + PATIENCE;
    let is_there = move || Instant::now() < deadline && is_there();
    while_there(is_there, end_this_process, work)
}

fn end_this_process() {
    // The terminal may be gone, which is no reason to panic.
    let _ = writeln!(io::stderr(), "mapring: the other process did not answer");
    process::exit(1);
}
