//! Other processes of this program, and a watch over those who sleep until one of them wakes them.

use std::env;
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// Between two looks whether the other process is still there.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Between two looks whether a process has ended that is about to.
const LOOK_FOR_THE_END_EVERY: Duration = Duration::from_millis(1);

/// A command that runs this very program.
pub(crate) fn this_program() -> Result<Command> {
    let program = env::current_exe().context("cannot find this program")?;
    Ok(Command::new(program))
}

/// Killed, if need be, and reaped when this process has no more use for it.
#[derive(Debug)]
pub(crate) struct OtherProcess(pub(crate) Child);

impl OtherProcess {
    /// Starts it.
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let child = command.spawn().context("cannot start another process")?;
        Ok(Self(child))
    }

    /// Its number.
    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Whether it has not ended yet.
    pub(crate) fn is_there(&mut self) -> bool {
        self.0.try_wait().is_ok_and(|status| status.is_none())
    }

    /// Waits until it has ended by itself, or fails after `patience`.
    pub(crate) fn wait_for_end(&mut self, patience: Duration) -> Result<ExitStatus> {
        let deadline = Instant::now() + patience;
        loop {
            match self.0.try_wait()? {
                Some(status) => return Ok(status),
                None if Instant::now() >= deadline => {
                    bail!("process {} does not end", self.pid());
                }
                None => thread::sleep(LOOK_FOR_THE_END_EVERY),
            }
        }
    }
}

impl Drop for OtherProcess {
    fn drop(&mut self) {
        // Both fail only when it has been reaped already, or cannot be helped.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Does `work`, in which this process sleeps until another one wakes it, and nothing else would. Does
/// `otherwise`, over and over, as long as it works and that other one is not there.
pub(crate) fn while_there<T>(
    mut is_there: impl FnMut() -> bool + Send,
    mut otherwise: impl FnMut() + Send,
    work: impl FnOnce() -> T,
) -> T {
    let (working, watched) = mpsc::channel::<()>();
    let watch = move || {
        while watched.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
            if !is_there() {
                otherwise();
            }
        }
    };
    thread::scope(|scope| {
        scope.spawn(watch);
        let done = work();
        drop(working);
        done
    })
}
