//! Busy polling, with manners; and a watch over those who sleep.

use std::hint;
use std::io::{self, Write};
use std::process;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use mapring::spsc::{Consumer, Producer};
use mapring::{TryRecvError, TrySendError};

use super::message::ECHO;

/// Nothing in the demo may take longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// Looks so often before it yields: as the raw ping-pong does.
const SPINS: u32 = 1024;

/// Between two looks whether the other process is still there.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A wait of the one who polls. The clock is read only after a long spin.
pub(crate) struct Spin {
    deadline: Instant,
    pauses: u32,
}

impl Spin {
    /// A wait that has not begun.
    #[inline]
    pub(crate) fn until(deadline: Instant) -> Self {
        Self {
            deadline,
            pauses: 0,
        }
    }

    /// Lets a moment pass.
    #[inline]
    pub(crate) fn pause(&mut self) -> Result<()> {
        self.pauses += 1;
        if self.pauses < SPINS {
            hint::spin_loop();
            return Ok(());
        }
        self.pauses = 0;
        self.give_way()
    }

    #[cold]
    fn give_way(&self) -> Result<()> {
        if Instant::now() >= self.deadline {
            bail!("the other process did not answer in time");
        }
        thread::yield_now();
        Ok(())
    }
}

/// Sends a record, polling for room.
#[inline]
pub(crate) fn send(
    producer: &mut Producer,
    tag: u32,
    payload: &[u8; ECHO],
    deadline: Instant,
) -> Result<()> {
    let mut spin = Spin::until(deadline);
    loop {
        match producer.try_send(tag, payload) {
            Ok(_) => return Ok(()),
            Err(TrySendError::Full) => spin.pause()?,
            Err(error) => return Err(error.into()),
        }
    }
}

/// Receives a record, polling for it.
#[inline]
pub(crate) fn receive(
    consumer: &mut Consumer,
    payload: &mut [u8; ECHO],
    deadline: Instant,
) -> Result<()> {
    let mut spin = Spin::until(deadline);
    loop {
        match consumer.try_recv(payload) {
            Ok(_) => return Ok(()),
            Err(TryRecvError::Empty) => spin.pause()?,
            Err(error) => return Err(error.into()),
        }
    }
}

/// Does `work`, in which this process sleeps until the other one wakes it, and nothing else would.
/// Ends this process when the other one is not there any more, or takes too long.
pub(crate) fn while_there<T>(
    mut is_there: impl FnMut() -> bool + Send,
    work: impl FnOnce() -> T,
) -> T {
    let (working, watched) = mpsc::channel::<()>();
    let deadline = Instant::now() + PATIENCE;
    let watch = move || {
        while watched.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
            if !is_there() || Instant::now() >= deadline {
                // The terminal may be gone, which is no reason to panic.
                let _ = writeln!(io::stderr(), "mapring: the other process did not answer");
                process::exit(1);
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
