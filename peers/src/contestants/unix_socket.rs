//! A pair of Unix sockets, of the stream kind, for only these put several records into one call. The
//! send buffer is asked to be 1 MiB; the system may give less (`net.core.wmem_max`). In
//! polling round trips the reader polls (`O_NONBLOCK`); else it blocks, as the writer always does.

use std::path::Path;

use anyhow::Result;
use rustix::net::sockopt::set_socket_send_buffer_size;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

use super::stream::{Ends, Receiving, Sending};
use super::{About, Contestant, kernel};
use crate::channel::{End, Processes, ROOM, Size};
use crate::payload::Payload;
use crate::question::Kind;

pub(crate) fn contestant() -> Contestant {
    Contestant::between_processes::<UnixSocket>(About {
        name: "Unix socket",
        version: kernel(),
        link: "https://man7.org/linux/man-pages/man7/unix.7.html",
        usage: "a stream pair: `write`, `read`; batches by longer ones; polling, with `O_NONBLOCK`",
        kinds: &[
            Kind::RoundTrip,
            Kind::Asleep,
            Kind::Single,
            Kind::Drain,
            Kind::Batch,
        ],
    })
}

struct UnixSocket;

impl Processes for UnixSocket {
    type Channel<P: Payload> = Ends;
    type Sender<P: Payload> = Sending<P>;
    type Receiver<P: Payload> = Receiving<P>;

    fn create<P: Payload>(_: &Path, _: End, size: &Size) -> Result<(Ends, String)> {
        let (family, kind) = (AddressFamily::UNIX, SocketType::STREAM);
        let (sender, receiver) = socketpair(family, kind, SocketFlags::empty(), None)?;
        set_socket_send_buffer_size(&sender, ROOM)?;
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
