//! kanal: a bounded channel between threads. `send` and `recv` spin shortly and then sleep, in polling
//! round trips too, for those by `try_recv` take longer; the receiver can take all that is there by `drain_into`, which its documentation says to fall back
//! from to `recv` when there is nothing, "to avoid busy-wait".

use anyhow::Result;

use super::{About, Contestant};
use crate::channel::{Opened, Receiver, Sender, Size, Threads};
use crate::payload::Payload;
use crate::question::Kind;

pub(crate) fn contestant() -> Contestant {
    Contestant::between_threads::<Kanal>(About {
        name: "kanal",
        version: env!("LOCKED_kanal").to_owned(),
        link: "https://docs.rs/kanal",
        usage: "`bounded`, `send`, `recv`; in bulk `drain_into`",
        kinds: &[
            Kind::RoundTrip,
            Kind::Asleep,
            Kind::Single,
            Kind::Drain,
            Kind::ManyToOne,
        ],
    })
}

struct Kanal;

impl Threads for Kanal {
    type Sender<P: Payload> = ::kanal::Sender<P>;
    type Receiver<P: Payload> = Receiving<P>;

    fn open<P: Payload>(size: &Size) -> Result<Opened<Self::Sender<P>, Receiving<P>>> {
        let (sender, receiver) = ::kanal::bounded(size.slots);
        let payloads = Vec::with_capacity(size.slots);
        let receiving = Receiving { receiver, payloads };
        Ok((vec![sender; size.producers], receiving))
    }
}

impl<P: Payload> Sender<P> for ::kanal::Sender<P> {
    #[inline(always)]
    fn send(&mut self, payload: &P) -> Result<()> {
        Ok(::kanal::Sender::send(self, *payload)?)
    }
}

struct Receiving<P> {
    receiver: ::kanal::Receiver<P>,
    payloads: Vec<P>,
}

impl<P: Payload> Receiver<P> for Receiving<P> {
    #[inline(always)]
    fn receive(&mut self, mut see: impl FnMut(&[u8])) -> Result<()> {
        see(self.receiver.recv()?.bytes());
        Ok(())
    }

    #[inline(always)]
    fn receive_batch(&mut self, mut see: impl FnMut(&[u8])) -> Result<()> {
        self.payloads.clear();
        if self.receiver.drain_into(&mut self.payloads)? == 0 {
            return self.receive(see);
        }
        let payloads = self.payloads.iter();
        payloads.for_each(|payload| see(payload.bytes()));
        Ok(())
    }
}
