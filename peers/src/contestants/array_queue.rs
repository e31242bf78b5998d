//! crossbeam's `ArrayQueue`: a bounded queue between any number of threads. It never waits itself, so
//! all sides spin. It has no batches.

use std::sync::Arc;

use anyhow::Result;
use crossbeam_queue::ArrayQueue;

use super::{About, Contestant};
use crate::channel::{Opened, Receiver, Sender, Size, Threads};
use crate::payload::Payload;
use crate::question::Kind;
use crate::wait::wait_for;

pub(crate) fn contestant() -> Contestant {
    Contestant::between_threads::<Queue>(About {
        name: "crossbeam ArrayQueue",
        version: env!("LOCKED_crossbeam_queue").to_owned(),
        link: "https://docs.rs/crossbeam-queue",
        usage: "`push`, `pop`",
        kinds: &[Kind::RoundTrip, Kind::Single, Kind::ManyToOne],
    })
}

struct Queue;

impl Threads for Queue {
    type Sender<P: Payload> = Arc<ArrayQueue<P>>;
    type Receiver<P: Payload> = Arc<ArrayQueue<P>>;

    fn open<P: Payload>(size: &Size) -> Result<Opened<Self::Sender<P>, Self::Receiver<P>>> {
        let queue = Arc::new(ArrayQueue::new(size.slots));
        Ok((vec![Arc::clone(&queue); size.producers], queue))
    }
}

impl<P: Payload> Sender<P> for Arc<ArrayQueue<P>> {
    #[inline(always)]
    fn send(&mut self, payload: &P) -> Result<()> {
        wait_for(|| self.push(*payload).ok())
    }
}

impl<P: Payload> Receiver<P> for Arc<ArrayQueue<P>> {
    #[inline(always)]
    fn receive(&mut self, mut see: impl FnMut(&[u8])) -> Result<()> {
        let payload = wait_for(|| self.pop())?;
        see(payload.bytes());
        Ok(())
    }
}
