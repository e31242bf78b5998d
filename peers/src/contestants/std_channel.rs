//! The standard library's `sync_channel`: a bounded channel from many threads to one. `send` and
//! `recv` spin shortly and then sleep. It has no batches.

use std::sync::mpsc;

use anyhow::Result;

use super::{About, Contestant};
use crate::channel::{Opened, Receiver, Sender, Size, Threads};
use crate::payload::Payload;
use crate::question::Kind;

pub(crate) fn contestant() -> Contestant {
    Contestant::between_threads::<SyncChannel>(About {
        name: "std sync_channel",
        version: env!("RUSTC_VERSION").to_owned(),
        link: "https://doc.rust-lang.org/std/sync/mpsc/",
        usage: "`sync_channel`, `send`, `recv`",
        kinds: &[Kind::RoundTrip, Kind::Asleep, Kind::Single, Kind::ManyToOne],
    })
}

struct SyncChannel;

impl Threads for SyncChannel {
    type Sender<P: Payload> = mpsc::SyncSender<P>;
    type Receiver<P: Payload> = mpsc::Receiver<P>;

    fn open<P: Payload>(size: &Size) -> Result<Opened<Self::Sender<P>, Self::Receiver<P>>> {
        let (sender, receiver) = mpsc::sync_channel(size.slots);
        Ok((vec![sender; size.producers], receiver))
    }
}

impl<P: Payload> Sender<P> for mpsc::SyncSender<P> {
    #[inline]
    fn send(&mut self, payload: &P) -> Result<()> {
        Ok(mpsc::SyncSender::send(self, *payload)?)
    }
}

impl<P: Payload> Receiver<P> for mpsc::Receiver<P> {
    #[inline]
    fn receive(&mut self, mut see: impl FnMut(&[u8])) -> Result<()> {
        see(self.recv()?.bytes());
        Ok(())
    }
}
