//! Busy polling, with manners.

use std::hint;
use std::thread;

use anyhow::Result;
use mapring::generic::{Buffer, Consumer, Producer, Protocol};
use mapring::{TryRecvError, TrySendError};

/// Looks so often before it yields: as the limits do.
const SPINS: u32 = 1024;

/// A wait of the one who polls.
#[derive(Debug, Default)]
pub(crate) struct Spin {
    pauses: u32,
}

impl Spin {
    /// Lets a moment pass; once in a while asks whether it `may_go_on`, and yields.
    #[inline]
    pub(crate) fn pause(&mut self, may_go_on: impl FnOnce() -> Result<()>) -> Result<()> {
        self.pauses += 1;
        if self.pauses < SPINS {
            hint::spin_loop();
            return Ok(());
        }
        self.pauses = 0;
        give_way(may_go_on)
    }
}

#[cold]
fn give_way(may_go_on: impl FnOnce() -> Result<()>) -> Result<()> {
    may_go_on()?;
    thread::yield_now();
    Ok(())
}

/// Sends a record, polling for room as long as it `may_go_on`.
#[inline]
pub(crate) fn send<P: Protocol>(
    producer: &mut Producer<P>,
    tag: u32,
    payload: &[u8],
    mut may_go_on: impl FnMut() -> Result<()>,
) -> Result<()> {
    let mut spin = Spin::default();
    loop {
        match producer.try_send(tag, payload) {
            Ok(_) => return Ok(()),
            Err(TrySendError::Full) => spin.pause(&mut may_go_on)?,
            Err(error) => return Err(error.into()),
        }
    }
}

/// Receives a record, polling for it as long as it `may_go_on`.
#[inline]
pub(crate) fn receive<P: Protocol, B: Buffer + ?Sized>(
    consumer: &mut Consumer<P>,
    into: &mut B,
    mut may_go_on: impl FnMut() -> Result<()>,
) -> Result<()> {
    let mut spin = Spin::default();
    loop {
        match consumer.try_recv(into) {
            Ok(_) => return Ok(()),
            Err(TryRecvError::Empty) => spin.pause(&mut may_go_on)?,
            Err(error) => return Err(error.into()),
        }
    }
}
