//! The standard library's `sync_channel`: a bounded channel from many threads to one. `send` and
//! `recv` spin shortly and then sleep; in polling round trips the receiver spins on `try_recv`. It has
//! no batches.

use std::sync::mpsc::{self, TryRecvError};

use anyhow::Result;

use super::{About, Contestant};
use crate::channel::{Opened, Receiver, Sender, Size, Threads, Wait};
use crate::payload::Payload;
use crate::question::Kind;
use crate::wait::wait_for;

pub(crate) fn contestant() -> Contestant {
    Contestant::between_threads::<SyncChannel>(About {
        name: "std sync_channel",
        version: env!("RUSTC_VERSION").to_owned(),
        link: "https://doc.rust-lang.org/std/sync/mpsc/",
        usage: "`sync_channel`, `send`, `recv`; polling, `try_recv`",
        kinds: &[Kind::RoundTrip, Kind::Asleep, Kind::Single, Kind::ManyToOne],
    })
}

struct SyncChannel;

impl Threads for SyncChannel {
    type Sender<P: Payload> = mpsc::SyncSender<P>;
    type Receiver<P: Payload> = Receiving<P>;

    fn open<P: Payload>(size: &Size) -> Result<Opened<Self::Sender<P>, Receiving<P>>> {
        let (sender, receiver) = mpsc::sync_channel(size.slots);
        let wait = size.wait;
        let receiving = Receiving { receiver, wait };
        Ok((vec![sender; size.producers], receiving))
    }
}

impl<P: Payload> Sender<P> for mpsc::SyncSender<P> {
    #[inline(always)]
    fn send(&mut self, payload: &P) -> Result<()> {
        Ok(mpsc::SyncSender::send(self, *payload)?)
    }
}

struct Receiving<P> {
    receiver: mpsc::Receiver<P>,
    wait: Wait,
}

impl<P: Payload> Receiver<P> for Receiving<P> {
    #[inline(always)]
    fn receive(&mut self, mut see: impl FnMut(&[u8])) -> Result<()> {
        let payload = match self.wait {
            Wait::Asleep | Wait::Freely => self.receiver.recv()?,
            Wait::Busy => wait_for(|| match self.receiver.try_recv() {
                Err(TryRecvError::Empty) => None,
                result => Some(result),
            })??,
        };
        see(payload.bytes());
        Ok(())
    }
}
