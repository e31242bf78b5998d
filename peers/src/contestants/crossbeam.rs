//! crossbeam-channel: a bounded channel between threads. `send` and `recv` spin for a while, then
//! yield, then sleep until they are woken, as its documentation says of blocking operations; so they
//! answer both questions of round trips. It has no batches.

use anyhow::Result;
use crossbeam_channel::bounded;

use super::{About, Contestant};
use crate::channel::{Opened, Receiver, Sender, Size, Threads};
use crate::payload::Payload;
use crate::question::Kind;

pub(crate) fn contestant() -> Contestant {
    Contestant::between_threads::<Crossbeam>(About {
        name: "crossbeam-channel",
        version: env!("LOCKED_crossbeam_channel").to_owned(),
        link: "https://docs.rs/crossbeam-channel",
        usage: "`bounded`, `send`, `recv`, which spin before they sleep",
        kinds: &[Kind::RoundTrip, Kind::Asleep, Kind::Single, Kind::ManyToOne],
    })
}

struct Crossbeam;

impl Threads for Crossbeam {
    type Sender<P: Payload> = crossbeam_channel::Sender<P>;
    type Receiver<P: Payload> = crossbeam_channel::Receiver<P>;

    fn open<P: Payload>(size: &Size) -> Result<Opened<Self::Sender<P>, Self::Receiver<P>>> {
        let (sender, receiver) = bounded(size.slots);
        Ok((vec![sender; size.producers], receiver))
    }
}

impl<P: Payload> Sender<P> for crossbeam_channel::Sender<P> {
    #[inline]
    fn send(&mut self, payload: &P) -> Result<()> {
        Ok(crossbeam_channel::Sender::send(self, *payload)?)
    }
}

impl<P: Payload> Receiver<P> for crossbeam_channel::Receiver<P> {
    #[inline]
    fn receive(&mut self, mut see: impl FnMut(&[u8])) -> Result<()> {
        see(self.recv()?.bytes());
        Ok(())
    }
}
