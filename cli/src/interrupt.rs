//! Signals that ask for an end: Ctrl-C, a plain `kill`, a closed terminal.

// All that a signal handler can do is set a flag; this one has nothing to do with the ring.
#![allow(clippy::disallowed_types)]

use std::fmt;
use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Result;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

/// The longest wait between two looks at the flag.
const SLICE: Duration = Duration::from_millis(100);
/// The same, for the system.
const SLICE_TIMESPEC: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: SLICE.as_nanos() as _,
};

/// A signal asked this process to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Interrupted;

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("interrupted")
    }
}

impl std::error::Error for Interrupted {}

/// Whether a signal has asked for an end. Waits end within a tenth of a second then.
#[derive(Clone, Debug)]
pub(crate) struct Interrupt {
    has_come: Arc<AtomicBool>,
}

impl Interrupt {
    /// Catches the signals from now on, but only the first of them: the next one ends the
    /// process at once, should it be stuck.
    pub(crate) fn catch() -> io::Result<Self> {
        let has_come = Arc::new(AtomicBool::new(false));
        let ignored = ignored_signals();
        for signal in [SIGHUP, SIGINT, SIGTERM] {
            // Whoever started this process under `nohup`, say, wants it to go on.
            if ignored & (1 << (signal - 1)) != 0 {
                continue;
            }
            // In this order: the first signal must find the flag not yet set.
            flag::register_conditional_default(signal, Arc::clone(&has_come))?;
            flag::register(signal, Arc::clone(&has_come))?;
        }
        Ok(Self { has_come })
    }

    #[inline]
    pub(crate) fn check(&self) -> Result<(), Interrupted> {
        // Relaxed: the flag says nothing about other memory.
        if self.has_come.load(Ordering::Relaxed) {
            Err(Interrupted)
        } else {
            Ok(())
        }
    }

    /// Calls `wait`, which returns `timed_out` after the time it is given, until it ends in
    /// another way, or has been called for the whole of `timeout`.
    #[inline]
    pub(crate) fn wait<T, E>(
        &self,
        timeout: Option<Duration>,
        timed_out: &E,
        mut wait: impl FnMut(Duration) -> Result<T, E>,
    ) -> Result<T>
    where
        E: std::error::Error + PartialEq + Send + Sync + 'static,
    {
        let mut left = timeout;
        loop {
            let slice = left.map_or(SLICE, |left| left.min(SLICE));
            match wait(slice) {
                Ok(result) => return Ok(result),
                Err(error) if error != *timed_out => return Err(error.into()),
                Err(error) => {
                    self.check()?;
                    left = left.map(|left| left - slice);
                    if left == Some(Duration::ZERO) {
                        return Err(error.into());
                    }
                }
            }
        }
    }

    /// Waits until a read from `file` would not wait. A read itself could not be ended: the
    /// system restarts it after a signal.
    pub(crate) fn wait_until_readable(&self, file: impl AsFd) -> io::Result<()> {
        let mut files = [PollFd::new(&file, PollFlags::IN)];
        loop {
            self.check().map_err(io::Error::other)?;
            match poll(&mut files, Some(&SLICE_TIMESPEC)) {
                Ok(0) | Err(Errno::INTR) => {}
                Ok(_) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// The signals this process was started to ignore: signal `n` is bit `n - 1`. None, if the
/// system does not say.
fn ignored_signals() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interrupt(has_come: bool) -> Interrupt {
        Interrupt {
            has_come: Arc::new(AtomicBool::new(has_come)),
        }
    }

    /// Waits that always time out, as `fmt::Error` and at once; what they were given in all.
    fn waited(interrupt: &Interrupt, timeout: Duration) -> (Duration, anyhow::Error) {
        let mut total = Duration::ZERO;
        let result: Result<()> = interrupt.wait(Some(timeout), &fmt::Error, |slice| {
            assert!(slice <= SLICE);
            total += slice;
            Err(fmt::Error)
        });
        (total, result.expect_err("it never succeeds"))
    }

    #[test]
    fn a_wait_in_slices_is_as_long_as_asked_for() {
        for milliseconds in [0, 1, 100, 101, 1234] {
            let timeout = Duration::from_millis(milliseconds);
            let (total, error) = waited(&interrupt(false), timeout);
            assert_eq!(total, timeout);
            assert!(error.is::<fmt::Error>());
        }
    }

    #[test]
    fn a_signal_ends_a_wait_after_a_slice() {
        let (total, error) = waited(&interrupt(true), Duration::from_secs(3600));
        assert_eq!(total, SLICE);
        assert!(error.is::<Interrupted>());
    }

    #[test]
    fn a_signal_ends_a_wait_for_input() {
        let (silent, _writer) = io::pipe().unwrap();
        let ended = interrupt(true).wait_until_readable(&silent);
        assert!(ended.is_err());
    }
}
