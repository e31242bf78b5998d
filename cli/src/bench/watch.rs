//! Whether it makes sense to go on.

use std::cell::Cell;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use mapring_limits::TimedOut;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

use crate::interrupt::Interrupt;

/// No wait is longer without a look whether it makes sense to go on.
pub(crate) const SLICE: Duration = Duration::from_millis(100);
/// Between two looks at the other processes.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Looks at signals, and at the other processes, while something else is waited for.
#[derive(Clone, Debug)]
pub(crate) struct Watch {
    interrupt: Option<Interrupt>,
    /// What the other processes are called, and their numbers.
    others: Vec<(String, u32)>,
    last_look: Cell<Instant>,
}

impl Watch {
    /// Of the first process, over the signals that it gets.
    pub(crate) fn new(interrupt: Interrupt) -> Self {
        Self {
            interrupt: Some(interrupt),
            ..Self::of_nothing()
        }
    }

    /// Of a process that ends with the first one anyway.
    pub(crate) fn of_nothing() -> Self {
        Self {
            interrupt: None,
            others: Vec::new(),
            last_look: Cell::new(Instant::now()),
        }
    }

    /// Looks at this process, too, from now on.
    pub(crate) fn add(&mut self, name: &str, pid: u32) {
        self.others.push((name.to_owned(), pid));
    }

    /// Fails when a signal has come, or another process is gone.
    pub(crate) fn check(&self) -> Result<()> {
        self.check_interrupt()?;
        if self.last_look.get().elapsed() >= LOOK_EVERY {
            self.last_look.set(Instant::now());
            self.look()?;
        }
        Ok(())
    }

    fn check_interrupt(&self) -> Result<()> {
        match &self.interrupt {
            Some(interrupt) => Ok(interrupt.check()?),
            None => Ok(()),
        }
    }

    /// As [`Watch::check`], also if it has looked just before.
    pub(crate) fn look(&self) -> Result<()> {
        self.check_interrupt()?;
        // Not reaped: how it ended is for its owner to find.
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        for (name, pid) in &self.others {
            let ended = match Pid::from_raw(*pid as i32) {
                Some(pid) => waitid(WaitId::Pid(pid), options)?,
                None => None,
            };
            if ended.is_some() {
                bail!("{name}, process {pid}, has ended too early");
            }
        }
        Ok(())
    }
}

/// A wait for a limit, in slices.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slices {
    deadline: Instant,
}

impl Slices {
    /// Begins now.
    pub(crate) fn new() -> Self {
        Self {
            deadline: Instant::now() + SLICE,
        }
    }

    /// Does `wait`, which may be done again if it has timed out, as long as that makes sense.
    #[inline(always)]
    pub(crate) fn wait<T>(
        &mut self,
        watch: &Watch,
        mut wait: impl FnMut(Instant) -> Result<T, TimedOut>,
    ) -> Result<T> {
        loop {
            match wait(self.deadline) {
                Ok(done) => return Ok(done),
                Err(TimedOut) => self.go_on(watch)?,
            }
        }
    }

    #[cold]
    fn go_on(&mut self, watch: &Watch) -> Result<()> {
        watch.check()?;
        self.deadline = Instant::now() + SLICE;
        Ok(())
    }
}
