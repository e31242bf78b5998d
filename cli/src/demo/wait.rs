//! Busy polling, with manners.

use std::hint;
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
            Ok(()) => return Ok(()),
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
