//! Boost's `interprocess::message_queue`: a queue in shared memory, under a mutex of its own. The sender
//! polls (`try_send`), and in polling round trips the receiver does (`try_receive`); else it waits in
//! `receive`, which moves more in streams. See `bridge/boost_mq.cpp`.

use std::ffi::{CString, c_char};
use std::mem::MaybeUninit;
use std::path::Path;

use anyhow::{Result, ensure};

use super::bridge::{self, Receiving, Sending};
use super::{About, Contestant, name};
use crate::channel::{End, Processes, Size};
use crate::payload::Payload;
use crate::question::Kind;

unsafe extern "C" {
    fn boost_mq_open(
        name: *const c_char,
        slots: usize,
        bytes: usize,
        sends: bool,
        end: *mut bridge::End,
    ) -> bool;
}

pub(crate) fn contestant() -> Contestant {
    Contestant::between_processes::<BoostMq>(About {
        name: "boost message_queue",
        version: env!("DEBIAN_libboost_dev").to_owned(),
        link: "https://www.boost.org/doc/libs/release/doc/html/interprocess.html",
        usage: "`try_send`, `receive`; polling, `try_receive`; over the bridge to C++",
        kinds: &[Kind::RoundTrip, Kind::Asleep, Kind::Single, Kind::ManyToOne],
    })
}

struct BoostMq;

/// Whoever creates the queue does so by the end that it takes.
enum Queue {
    Created(bridge::End, Size),
    Named(CString, Size),
}

impl Queue {
    /// An end to send by, or to receive by.
    fn take<P: Payload>(self, sends: bool) -> Result<(bridge::End, Size)> {
        match self {
            Self::Created(end, size) => Ok((end, size)),
            Self::Named(name, size) => Ok((open::<P>(&name, 0, sends)?, size)),
        }
    }
}

/// Creates a queue for so many payloads, or, for none, opens one.
fn open<P: Payload>(name: &CString, slots: usize, sends: bool) -> Result<bridge::End> {
    let mut end = MaybeUninit::uninit();
    let place = end.as_mut_ptr();
    // SAFETY: the name ends with a zero, and there is room for an end.
    let opened = unsafe { boost_mq_open(name.as_ptr(), slots, P::BYTES, sends, place) };
    ensure!(opened, "cannot open {name:?}");
    // SAFETY: it was filled in, as the queue is open.
    Ok(unsafe { end.assume_init() })
}

impl Processes for BoostMq {
    type Channel<P: Payload> = Queue;
    type Sender<P: Payload> = Sending<P>;
    type Receiver<P: Payload> = Receiving<P>;

    fn create<P: Payload>(path: &Path, end: End, size: &Size) -> Result<(Queue, String)> {
        let ticket = name(path)?;
        let name = CString::new(ticket.as_str())?;
        let end = open::<P>(&name, size.slots, end == End::Sender)?;
        Ok((Queue::Created(end, size.clone()), ticket))
    }

    fn join<P: Payload>(ticket: &str, size: &Size) -> Result<Queue> {
        Ok(Queue::Named(CString::new(ticket)?, size.clone()))
    }

    fn sender<P: Payload>(queue: Queue) -> Result<Sending<P>> {
        let (end, size) = queue.take::<P>(true)?;
        Ok(Sending::new(end, &size))
    }

    fn receiver<P: Payload>(queue: Queue) -> Result<Receiving<P>> {
        let (end, size) = queue.take::<P>(false)?;
        Ok(Receiving::new(end, &size))
    }
}
