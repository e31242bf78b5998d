//! A pipe: of 1 MiB, the most that `pipe(7)` lets everybody have. Writes of 4,096 bytes and less are
//! atomic, so that many producers can share it. In polling round trips the reader polls
//! (`O_NONBLOCK`); else it blocks, which moves more in streams. The writer always blocks.

use std::path::Path;

use anyhow::Result;
use rustix::pipe::{PipeFlags, fcntl_setpipe_size, pipe_with};

use super::stream::{Ends, Receiving, Sending};
use super::{About, Contestant, kernel};
use crate::channel::{End, Processes, ROOM, Size};
use crate::payload::Payload;
use crate::question::Kind;

pub(crate) fn contestant() -> Contestant {
    Contestant::between_processes::<Pipe>(About {
        name: "pipe",
        version: kernel(),
        link: "https://man7.org/linux/man-pages/man7/pipe.7.html",
        usage: "`write`, `read`; batches by longer ones; polling, with `O_NONBLOCK`",
        kinds: &[
            Kind::RoundTrip,
            Kind::Asleep,
            Kind::Single,
            Kind::Drain,
            Kind::Batch,
            Kind::ManyToOne,
        ],
    })
}

struct Pipe;

impl Processes for Pipe {
    type Channel<P: Payload> = Ends;
    type Sender<P: Payload> = Sending<P>;
    type Receiver<P: Payload> = Receiving<P>;

    fn create<P: Payload>(_: &Path, _: End, size: &Size) -> Result<(Ends, String)> {
        let (receiver, sender) = pipe_with(PipeFlags::empty())?;
        fcntl_setpipe_size(&sender, ROOM)?;
        Ok(Ends::new(sender, receiver, size))
    }

    fn join<P: Payload>(ticket: &str, size: &Size) -> Result<Ends> {
        Ends::inherited(ticket, size)
    }

    fn sender<P: Payload>(ends: Ends) -> Result<Sending<P>> {
        Ok(ends.sender())
    }

    fn receiver<P: Payload>(ends: Ends) -> Result<Receiving<P>> {
        ends.receiver()
    }
}
