//! crossbeam-channel: a bounded channel between threads. `send` and `recv` spin for a while, then
//! yield, then sleep until they are woken, as its documentation says of blocking operations. In polling
//! round trips the receiver spins on `try_recv`. It has no batches.

use anyhow::Result;
use crossbeam_channel::{TryRecvError, bounded};

use super::{About, Contestant};
use crate::channel::{Opened, Receiver, Sender, Size, Threads, Wait};
use crate::payload::Payload;
use crate::question::Kind;
use crate::wait::wait_for;

pub(crate) fn contestant() -> Contestant {
    Contestant::between_threads::<Crossbeam>(About {
        name: "crossbeam-channel",
        version: env!("LOCKED_crossbeam_channel").to_owned(),
        link: "https://docs.rs/crossbeam-channel",
        usage: "`bounded`, `send`, `recv`; polling, `try_recv`",
        kinds: &[Kind::RoundTrip, Kind::Asleep, Kind::Single, Kind::ManyToOne],
    })
}

struct Crossbeam;

impl Threads for Crossbeam {
    type Sender<P: Payload> = crossbeam_channel::Sender<P>;
    type Receiver<P: Payload> = Receiving<P>;

    fn open<P: Payload>(size: &Size) -> Result<Opened<Self::Sender<P>, Receiving<P>>> {
        let (sender, receiver) = bounded(size.slots);
        let wait = size.wait;
        let receiving = Receiving { receiver, wait };
        Ok((vec![sender; size.producers], receiving))
    }
}

impl<P: Payload> Sender<P> for crossbeam_channel::Sender<P> {
    #[inline(always)]
    fn send(&mut self, payload: &P) -> Result<()> {
        Ok(crossbeam_channel::Sender::send(self, *payload)?)
    }
}

struct Receiving<P> {
    receiver: crossbeam_channel::Receiver<P>,
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
